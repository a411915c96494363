// What does a commit cost beside writing the same bytes to a plain file? Live: single-row frames of
// 1 + 100 channels as plain objects, each its own commit. Bulk: frames of 1,000 rows of 1 + 10 channels.
// Durability 'batched' (handed to the operating system, synced once a second), interleaved in one run;
// ratios first.
//
//   npx tsx bench/write.ts

import { openSync, writeSync, closeSync } from 'node:fs'
import { join } from 'node:path'
import { Bench } from 'tinybench'
import { benchStore, medianMs } from './store.ts'

const LIVE = 100
const BULK = 10
const ROWS = 1000
/** Frames in one measurement: one is shorter than the timer is good for. */
const FRAMES = 200

const live = await benchStore(LIVE)
const bulk = await benchStore(BULK)
const liveWriter = await live.db.openWriter(live.names)
const bulkWriter = await bulk.db.openWriter(bulk.names)
const plain = openSync(join(live.directory, 'plain'), 'w')

let liveRow = 0
let bulkRow = 0
let plainSize = 0
const values = Array.from({ length: BULK }, (_, k) => Float64Array.from({ length: ROWS }, (_, i) => i + k))
const liveBytes = new Uint8Array((LIVE + 1) * 8)
const bulkBytes = new Uint8Array(ROWS * (BULK + 1) * 8)

// Made beforehand, as literals would be (objects filled by assignment in a loop turn into dictionaries, and cost
// twice the commit); only the time changes.
const rows = Array.from({ length: FRAMES }, (_, row) =>
  Object.fromEntries<number | bigint>(live.names.map((name, i) => [name, i === 0 ? 0n : row + i])),
)
const makeRow = (row: number): Record<string, number | bigint> => {
  const frame = rows[row % FRAMES]!
  frame['time'] = BigInt(row)
  return frame
}

const bench = new Bench({ time: 2000, warmupTime: 1000 })
bench
  .add('live: plain file', () => {
    for (let i = 0; i < FRAMES; i++) {
      makeRow(i)
      plainSize += writeSync(plain, liveBytes, 0, liveBytes.length, plainSize)
    }
  })
  .add('live: Rubidium', async () => {
    for (let i = 0; i < FRAMES; i++) await liveWriter.write(makeRow(liveRow++))
  })
  .add('bulk: plain file', () => {
    for (let i = 0; i < FRAMES / 10; i++)
      plainSize += writeSync(plain, bulkBytes, 0, bulkBytes.length, plainSize)
  })
  .add('bulk: Rubidium', async () => {
    for (let i = 0; i < FRAMES / 10; i++) {
      const from = bulkRow
      bulkRow += ROWS
      const frame: Record<string, Float64Array | BigInt64Array> = {
        time: BigInt64Array.from({ length: ROWS }, (_, row) => BigInt(from + row)),
      }
      for (let k = 0; k < BULK; k++) frame[`c${k}`] = values[k]!
      await bulkWriter.write(frame)
    }
  })
await bench.run()

const written = [await live.db.count(['c0']), await bulk.db.count(['c0'])]
if (written[0]!['c0'] !== liveRow || written[1]!['c0'] !== bulkRow) throw new Error('not everything is there')
const [livePlain, liveOurs, bulkPlain, bulkOurs] = bench.tasks.map(medianMs)
const report = (name: string, ours: number, theirs: number, frames: number, rows: number): void => {
  const perSecond = (frames * rows * 1000) / ours
  process.stdout.write(
    `${name}: ${(ours / theirs).toFixed(2)} times the plain file (${((ours * 1000) / frames).toFixed(2)} us a frame, ` +
      `${Math.round(perSecond).toLocaleString('en')} rows/s)\n`,
  )
}
report('live, 1 + 100 channels, a row a commit', liveOurs!, livePlain!, FRAMES, 1)
report('bulk, 1 + 10 channels, 1,000 rows a commit', bulkOurs!, bulkPlain!, FRAMES / 10, ROWS)
closeSync(plain)
await liveWriter.close()
await bulkWriter.close()
await live.remove()
await bulk.remove()

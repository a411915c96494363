// What does a window cost beside bare positional reads of the same bytes? 1,000 rows of 3 float64 channels
// at random places of 2 million rows, written in frames of 1,000 rows (8 KB extents), then after a
// collection that merged them (1 MB extents). From the page cache, nothing synced; ratios first.
//
//   npx tsx bench/read.ts

import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Bench } from 'tinybench'
import { benchStore, medianMs } from './store.ts'

const ROWS = 2_000_000
const FRAME = 1000
const WINDOW = 1000
const DATA = 10

const store = await benchStore(DATA)
const { db, names } = store
const writer = await db.openWriter(names)
for (let from = 0; from < ROWS; from += FRAME) {
  const values = Float64Array.from({ length: FRAME }, (_, i) => from + i)
  const frame: Record<string, Float64Array | BigInt64Array> = {
    time: BigInt64Array.from({ length: FRAME }, (_, i) => BigInt(from + i)),
  }
  for (const name of names.slice(1)) frame[name] = values
  await writer.write(frame)
}
await writer.close()

const path = join(store.directory, 'plain')
const plain = openSync(path, 'w+')
for (let i = 0; i < 3; i++) {
  for (let from = 0; from < ROWS; from += 100_000) {
    const values = Float64Array.from({ length: 100_000 }, (_, row) => from + row)
    writeSync(plain, values, 0, values.byteLength, (i * ROWS + from) * 8)
  }
}

let checked = 0
const window = (): number => Math.floor(Math.random() * (ROWS - WINDOW))

async function measure(what: string): Promise<void> {
  const bench = new Bench({ time: 2000, warmupTime: 500 })
  bench
    .add('bare reads', () => {
      const from = window()
      for (let i = 0; i < 3; i++) {
        const values = new Float64Array(WINDOW)
        readSync(plain, values, 0, values.byteLength, (i * ROWS + from) * 8)
        if (values[0] !== from) throw new Error('wrong data')
      }
    })
    .add('Rubidium', async () => {
      const from = window()
      const frame = await db.read(['c1', 'c4', 'c7'], { start: BigInt(from), end: BigInt(from + WINDOW) })
      const values = frame.column('c4')
      if (values.length !== WINDOW || values[0] !== from || values[WINDOW - 1] !== from + WINDOW - 1)
        throw new Error('wrong data')
      checked++
    })
  await bench.run()
  const [bare, ours] = bench.tasks.map(medianMs)
  process.stdout.write(
    `${what}: ${(bare! / ours!).toFixed(2)} of the speed of bare reads (${(ours! * 1000).toFixed(0)} us a window, ${Math.round(1000 / ours!).toLocaleString('en')}/s)\n`,
  )
}

await measure('8 KB extents')
await db.delete(names, { end: 1n })
const report = await db.gc({ threshold: 0 })
await measure(`merged (${report.extentsMerged} extents fewer)`)
if (checked === 0) throw new Error('nothing was read')
closeSync(plain)
await store.remove()

// Where does a frame belong: inline in the journal, and to a segment later by a flush, or straight to a
// segment? Both ways are run to the end (written, closed, so flushed) for frames of 16 to 1,024 rows of
// 1 + 10 channels, in turn, in the same process; the ratio says how much longer inline takes. The
// limit of production (Tuning.inlineLimit, bytes in the widest channel) lies where it passes 1.
//
//   npx tsx bench/inline.ts         nothing is synced but by the interval and the close

import { benchStore } from './store.ts'

const REPEATS = 5
const ROWS = 200_000
const DATA = 10

/** Milliseconds to write and close, everything flushed; checks that all of it is there. */
async function run(rowsAFrame: number, inlineLimit: number): Promise<number> {
  const { db, names, remove } = await benchStore(DATA, { inlineLimit })
  const startedMs = performance.now()
  const writer = await db.openWriter(names)
  const values = Float64Array.from({ length: rowsAFrame }, (_, i) => i)
  for (let row = 0; row < ROWS; row += rowsAFrame) {
    const frame: Record<string, Float64Array | BigInt64Array> = {
      time: BigInt64Array.from({ length: rowsAFrame }, (_, i) => BigInt(row + i)),
    }
    for (const name of names.slice(1)) frame[name] = values
    await writer.write(frame)
  }
  await writer.close()
  const count = (await db.count('c3'))['c3']!
  await db.close()
  const tookMs = performance.now() - startedMs
  if (count < ROWS) throw new Error(`${count} samples where ${ROWS} were written`)
  await remove()
  return tookMs
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}

for (const rows of [16, 64, 128, 256, 512, 1024]) {
  const inline: number[] = []
  const straight: number[] = []
  for (let i = 0; i <= REPEATS; i++) {
    const [a, b] = [await run(rows, Number.MAX_SAFE_INTEGER), await run(rows, 1)]
    // The first pair warms up.
    if (i > 0) {
      inline.push(a)
      straight.push(b)
    }
  }
  const ratio = median(inline) / median(straight)
  process.stdout.write(
    `${String(rows).padStart(5)} rows (${rows * 8} B a channel): inline / straight = ${ratio.toFixed(2)}` +
      ` (${median(inline).toFixed(0)} / ${median(straight).toFixed(0)} ms for ${ROWS} rows)\n`,
  )
}

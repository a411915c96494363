// What does a read-only process pay to move forward over one commit, where much of the log is not flushed? A refresh
// reads on; an opening, which reads all of it, is what it would pay otherwise. Frames of 1 + 10 channels, one row or a
// hundred in a commit ('batched'), in turn, in one run; medians, ratios first. What is read back is checked.
//
//   npx tsx bench/refresh.ts [bytes that are not flushed]

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from '../src/index.ts'

const UNFLUSHED = Number(process.argv[2] ?? 1_000_000)
const REPEATS = 30
const ROW_SIZE = 88

const data = Array.from({ length: 10 }, (_, i) => `c${i}`)
const names = ['time', ...data]

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}

async function measure(rows: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'rubidium-bench-'))
  const directory = join(folder, 'db')
  await using db = await open(directory, { gc: false })
  await db.channels.create([
    { name: 'time', kind: 'index' },
    ...data.map((name) => ({ name, kind: 'data', type: 'float64', index: 'time' }) as const),
  ])
  await using writer = await db.openWriter(names)
  let row = 0
  const commit = async (count: number): Promise<void> => {
    const times = BigInt64Array.from({ length: count }, (_, i) => BigInt(row + i))
    const values = Float64Array.from(times, Number)
    await writer.write(Object.fromEntries(names.map((name) => [name, name === 'time' ? times : values])))
    row += count
  }
  while (row * ROW_SIZE < UNFLUSHED) await commit(rows)
  await using reader = await open(directory, { readOnly: true })
  const ms: Record<'refresh' | 'opening', number[]> = { refresh: [], opening: [] }
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    await commit(1)
    const startMs = performance.now()
    await reader.refresh()
    const betweenMs = performance.now()
    await using opened = await open(directory, { readOnly: true })
    const endMs = performance.now()
    ms.refresh.push(betweenMs - startMs)
    ms.opening.push(endMs - betweenMs)
    for (const each of [reader, opened]) {
      const { c0 } = await each.count('c0')
      if (c0 !== row) throw new Error(`${c0} of ${row} rows are there`)
    }
  }
  const [refresh, opening] = [median(ms.refresh), median(ms.opening)]
  console.log(
    `${(refresh / opening).toFixed(3)}  ${rows} rows a commit: refresh ${refresh.toFixed(2)} ms, opening ${opening.toFixed(2)} ms`,
  )
  await db.close({ force: true })
  rmSync(folder, { recursive: true })
}

for (const rows of [1, 100]) await measure(rows)

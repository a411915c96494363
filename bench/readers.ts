// What do 100 registered read-only processes cost the one that writes? Single-row frames of 1 + 10 channels, each its own
// commit ('batched'), and now and then a delete and a collection, which is what looks at registrations: alone, beside
// 4 processes with 25 read-only opens each that rest, beside the same that each move forward once a second, and beside
// the same that only use up time, which says how much of it is the machine's: cores share caches, and more. In turn, in
// one run; medians, ratios first. The readers give way to the writer where they want the same core (nice). What is read
// back is checked. No sync is waited for.
//
//   npx tsx bench/readers.ts [seconds of one measurement] [opens in each of the 4 processes]

import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { setPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { open } from '../src/index.ts'

const PROCESSES = 4
const OPENS = Number(process.argv[3] ?? 25)
const REPEATS = 3
const SECONDS = Number(process.argv[2] ?? 3)
/** Frames between two deletes, each followed by a collection; so many are kept. */
const KEPT = 20_000

const folder = mkdtempSync(join(tmpdir(), 'rubidium-bench-'))
const directory = join(folder, 'db')
const data = Array.from({ length: 10 }, (_, i) => `c${i}`)
const names = ['time', ...data]
// A small budget keeps the journal short: each read-only open reads it whole and holds what is not flushed.
const db = await open(directory, { memoryBudget: 1 << 20, gc: false })
await db.channels.create([
  { name: 'time', kind: 'index' },
  ...data.map((name) => ({ name, kind: 'data', type: 'float64', index: 'time' }) as const),
])
const writer = await db.openWriter(names)
let row = 0

class ReaderProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #lines: AsyncIterator<string>

  constructor() {
    const script = fileURLToPath(new URL('readers-child.ts', import.meta.url))
    const args = ['--import', 'tsx', script, directory, String(OPENS)]
    this.#child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  /** Resolves when all is open. */
  async opened(): Promise<void> {
    await this.answer()
    setPriority(this.#child.pid!, 19)
  }

  async answer(): Promise<string> {
    return String((await this.#lines.next()).value)
  }

  /** Returns the refreshes made until then, and the ms of processor time. */
  async tell(line: string): Promise<readonly [number, number]> {
    this.#child.stdin.write(`${line}\n`)
    const [refreshes, ms] = (await this.answer()).split(' ')
    return [Number(refreshes), Number(ms)]
  }

  async close(): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.stdin.write('close\n')
    await exited
  }
}

/** Frames a second. */
async function measure(): Promise<number> {
  const first = row
  const startMs = performance.now()
  const endMs = startMs + SECONDS * 1000
  while (performance.now() < endMs) {
    for (let i = 0; i < 100; i++) {
      const frame = Object.fromEntries(names.map((name, k) => [name, k === 0 ? BigInt(row) : row + k]))
      await writer.write(frame)
      row++
    }
    if (row % KEPT !== 0) continue
    await db.delete(names, { end: BigInt(row - KEPT) })
    await db.gc()
  }
  return ((row - first) * 1000) / (performance.now() - startMs)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}

await measure()
const rates: Record<
  'alone' | 'beside readers at rest' | 'beside readers that refresh' | 'beside processes that only compute',
  number[]
> = {
  alone: [],
  'beside readers at rest': [],
  'beside readers that refresh': [],
  'beside processes that only compute': [],
}
let refreshes = 0
let refreshMs = 0
for (let repeat = 0; repeat < REPEATS; repeat++) {
  rates.alone.push(await measure())
  const readers = Array.from({ length: PROCESSES }, () => new ReaderProcess())
  for (const reader of readers) await reader.opened()
  const registered = (await db.stats()).readers.length
  if (registered !== PROCESSES * OPENS) throw new Error(`${registered} readers are registered`)
  rates['beside readers at rest'].push(await measure())
  await Promise.all(readers.map((reader) => reader.tell('refresh')))
  // The first time each reads what was written while it rested.
  await measure()
  rates['beside readers that refresh'].push(await measure())
  for (const [count, ms] of await Promise.all(readers.map((reader) => reader.tell('idle')))) {
    refreshes += count
    refreshMs += ms
  }
  await Promise.all(readers.map((reader) => reader.tell('compute')))
  rates['beside processes that only compute'].push(await measure())
  for (const reader of readers) await reader.close()
}
const { c0 } = await db.count('c0', { start: BigInt(row - 1000) })
if (c0 !== 1000) throw new Error(`${c0} of the last 1000 rows are there`)

const alone = median(rates.alone)
for (const [name, each] of Object.entries(rates)) {
  const rate = median(each)
  console.log(
    `${(rate / alone).toFixed(2)}  ${name}: ${Math.round(rate)} frames/s (${each.map(Math.round).join(', ')})`,
  )
}
console.log(
  `${Math.round(refreshes / REPEATS / SECONDS)} refreshes a second, ${(refreshMs / refreshes).toFixed(1)} ms of a core each`,
)
await db.close({ force: true })
rmSync(folder, { recursive: true })

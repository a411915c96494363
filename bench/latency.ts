// Does anybody wait? Commits of 1 and of 1,000 rows x 10 channels (batched and relaxed) and reads of 1,000 rows x 3
// channels are due one after another at fixed instants, beside a database of 1 GiB: alone, then during flushes,
// deletes of half its channels, a collection that rewrites what is left, and checkpoints. A latency counts
// from the instant at which the call was due, so that whatever holds the event loop shows in it. Beside it how late
// the loop is, and how long the engine keeps it in processor time (loop-watch.ts); the same of an idle loop, and of a
// bare one that writes, reads and syncs as much with no engine. No commit waits for a sync.
//
//   npx tsx bench/latency.ts [--gib 1] [--repeats 3]

import { closeSync, fdatasync, mkdtempSync, openSync, readSync, rmSync, write, writeSync } from 'node:fs'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs, promisify } from 'node:util'
import type { Engine } from '../src/database/engine.ts'
import { systemEnvironment } from '../src/database/environment.ts'
import { openEngine } from '../src/database/opening/open.ts'
import { resolveOptions } from '../src/database/options.ts'
import { checkpointNow } from '../src/database/retire.ts'
import { Database } from '../src/index.ts'
import type { Writer } from '../src/index.ts'
import { watchLoop } from './loop-watch.ts'

const { values: given } = parseArgs({
  options: { gib: { type: 'string', default: '1' }, repeats: { type: 'string', default: '3' } },
})
const repeats = Number(given.repeats)

const MIB = 2 ** 20
const DATA = 10
const FRAME = 1000
const WINDOW = 1000
const ROWS = Math.ceil((Number(given.gib) * 2 ** 30) / (8 * (DATA + 1)) / FRAME) * FRAME
/** One call is due every so many milliseconds, each kind in its turn. */
const EVERY_MS = 2
/** A phase whose work is over sooner goes on for so long, or does it again. */
const LEAST_MS = 1500

const group = (name: string): string[] => [name, ...Array.from({ length: DATA }, (_, i) => `${name}.c${i}`)]
const HISTORY = group('history')

interface Store {
  readonly db: Database
  readonly engine: Engine
  /** Kinds of calls, which a phase makes in turn. */
  readonly calls: readonly Call[]
  readonly close: () => Promise<void>
}

interface Call {
  readonly name: string
  readonly make: () => Promise<unknown>
}

/** Latencies in milliseconds by kind of call, and by how much the loop was late. */
type Measured = Map<string, number[]>

function frameOf(
  names: readonly string[],
  first: number,
  rows: number,
): Record<string, BigInt64Array | Float64Array> {
  const times = BigInt64Array.from({ length: rows }, (_, i) => BigInt(first + i))
  const values = Float64Array.from({ length: rows }, (_, i) => first + i)
  return Object.fromEntries(names.map((name, i) => [name, i === 0 ? times : values]))
}

/** A writer that is handed the next rows with every call. */
function committing(name: string, writer: Writer, names: readonly string[], rows: number): Call {
  let next = 0
  const frames = frameOf(names, 0, rows)
  const times = frames[names[0]!] as BigInt64Array
  return {
    name,
    make: () => {
      for (let i = 0; i < rows; i++) times[i] = BigInt(next + i)
      next += rows
      return writer.write(frames)
    },
  }
}

async function build(directory: string): Promise<Store> {
  const { engine, flusher } = await openEngine(await systemEnvironment(), directory, resolveOptions({}))
  const db = new Database(engine, flusher)
  const groups = ['history', 'flushed', 'one.batched', 'one.relaxed', 'many.batched', 'many.relaxed'].map(
    group,
  )
  await db.channels.create(
    groups.flatMap(([index, ...data]) => [
      { name: index!, kind: 'index' } as const,
      ...data.map((name) => ({ name, kind: 'data', type: 'float64', index: index! }) as const),
    ]),
  )
  const writer = await db.openWriter({ channels: HISTORY, durability: 'relaxed' })
  for (let row = 0; row < ROWS; row += FRAME) await writer.write(frameOf(HISTORY, row, FRAME))
  await writer.close()
  await engine.flushTails()
  await db.sync()
  const calls: Call[] = []
  for (const [rows, label] of [
    [1, 'one'],
    [FRAME, 'many'],
  ] as const) {
    for (const durability of ['batched', 'relaxed'] as const) {
      const names = group(`${label}.${durability}`)
      const own = await db.openWriter({ channels: names, durability })
      calls.push(committing(`commit ${rows} ${durability}`, own, names, rows))
    }
  }
  let seed = 1
  calls.push({
    name: `read ${WINDOW}`,
    make: async () => {
      seed = (seed * 48_271) % 0x7fffffff
      const from = seed % (ROWS - WINDOW)
      const names = ['history.c0', 'history.c2', 'history.c4']
      const frame = await db.read(names, { start: BigInt(from), end: BigInt(from + WINDOW) })
      const values = frame.column('history.c4') as Float64Array
      if (values.length !== WINDOW || values[0] !== from || values[WINDOW - 1] !== from + WINDOW - 1)
        throw new Error(`a read from ${from} on is wrong`)
    },
  })
  return { db, engine, calls, close: () => db.close({ force: true }) }
}

/** Makes calls at their instants until `work` is over and `LEAST_MS` have passed; `again`: work that is short is repeated. */
async function measure(
  calls: readonly Call[],
  work: () => Promise<unknown>,
  again: boolean,
): Promise<Measured> {
  const measured: Measured = new Map(calls.map(({ name }) => [name, []]))
  const { loop } = await watchLoop(() => callMeanwhile(calls, measured, work, again))
  measured.set('loop kept, at most', [loop.busyMs])
  measured.set('loop late, p99', [loop.late99Ms])
  measured.set('loop late, at most', [loop.lateMs])
  measured.set('garbage, at most', [loop.garbageMs])
  measured.set('took', [loop.tookMs])
  return measured
}

async function callMeanwhile(
  calls: readonly Call[],
  measured: Measured,
  work: () => Promise<unknown>,
  again: boolean,
): Promise<void> {
  const beganMs = performance.now()
  let isDone = false
  const working = (async () => {
    do await work()
    while (again && performance.now() - beganMs < LEAST_MS)
  })().finally(() => {
    isDone = true
  })
  const waiting = new Set<Promise<void>>()
  let made = 0
  while (!isDone || performance.now() - beganMs < LEAST_MS) {
    const dueMs = beganMs + made * EVERY_MS
    const earlyMs = dueMs - performance.now()
    if (earlyMs > 0) {
      await sleep(earlyMs)
      continue
    }
    const call = calls[made++ % calls.length]
    if (call === undefined) continue
    const took = measured.get(call.name)!
    const ending = call.make().then(() => {
      took.push(performance.now() - dueMs)
      waiting.delete(ending)
    })
    waiting.add(ending)
  }
  await Promise.all([working, ...waiting])
}

/** What the engine is compared with: as many writes, reads and syncs, by nobody else. */
async function bare(folder: string): Promise<Measured> {
  const path = join(folder, 'bare')
  const file = openSync(path, 'w+')
  const slice = new Uint8Array(MIB).fill(7)
  const small = new Uint8Array(8 * (DATA + 1))
  const large = new Uint8Array(8 * (DATA + 1) * FRAME)
  const window = new Uint8Array(8 * WINDOW)
  let end = 0
  const append = (bytes: Uint8Array): void => {
    writeSync(file, bytes, 0, bytes.length, end)
    end += bytes.length
  }
  const nothing = Promise.resolve()
  const call = (name: string, make: () => void): Call => ({
    name,
    make: () => {
      make()
      return nothing
    },
  })
  const calls = [
    call('commit 1 batched', () => append(small)),
    call('commit 1 relaxed', () => append(small)),
    call(`commit ${FRAME} batched`, () => append(large)),
    call(`commit ${FRAME} relaxed`, () => append(large)),
    call(`read ${WINDOW}`, () => {
      for (let i = 0; i < 3; i++) readSync(file, window, 0, window.length, i * MIB)
    }),
  ]
  const measured = await measure(
    calls,
    async () => {
      for (let i = 0; i < 32; i++) {
        await promisify(write)(file, slice, 0, MIB, end)
        end += MIB
      }
      await promisify(fdatasync)(file)
    },
    true,
  )
  closeSync(file)
  rmSync(path)
  return measured
}

/** Fills the tails with 24 MiB, less than a flush of its own begins at. */
async function fillTails(db: Database, state: { row: number }): Promise<void> {
  const names = group('flushed')
  const writer = await db.openWriter({ channels: names, durability: 'relaxed' })
  const rows = Math.floor((24 * MIB) / (8 * (DATA + 1)))
  for (let done = 0; done < rows; done += 100, state.row += 100)
    await writer.write(frameOf(names, state.row, 100))
  await writer.close()
}

async function repeat(): Promise<Map<string, Measured>> {
  const folder = mkdtempSync(join(tmpdir(), 'rubidium-latency-'))
  const phases = new Map<string, Measured>()
  try {
    const idle = (): Promise<unknown> => sleep(LEAST_MS)
    phases.set('idle loop', await measure([], idle, false))
    phases.set('bare I/O', await bare(folder))
    const { db, engine, calls, close } = await build(join(folder, 'db'))
    phases.set('alone', await measure(calls, idle, false))
    const state = { row: 0 }
    await fillTails(db, state)
    phases.set('flush', await measure(calls, () => engine.flushTails(), false))
    let edits = 0
    const checkpoint = async (): Promise<void> => {
      // A version of its own, or there is nothing to write.
      await db.channels.update('history', { metadata: { edits: edits++ } })
      await checkpointNow(engine)
    }
    phases.set('checkpoint', await measure(calls, checkpoint, true))
    const half = HISTORY.slice(1 + DATA / 2)
    // Read are the others: the first five of its channels.
    phases.set('delete', await measure(calls, () => db.delete(half, {}), false))
    const { canPunch } = engine
    engine.canPunch = false
    phases.set('collection by rewriting', await measure(calls, () => db.gc({ threshold: 0 }), false))
    engine.canPunch = canPunch
    await db.delete(['history.c1', 'history.c3'], {})
    phases.set('collection by holes', await measure(calls, () => db.gc({ threshold: 0 }), false))
    await close()
  } finally {
    rmSync(folder, { recursive: true })
  }
  return phases
}

const figure = (ms: number): string => (ms < 10 ? ms.toFixed(2) : ms.toFixed(1))
const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN

function quantile(latencies: readonly number[], share: number): number {
  const sorted = latencies.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}

const runs: Map<string, Measured>[] = []
for (let i = 0; i < repeats; i++) runs.push(await repeat())
const load = loadavg()[0]!.toFixed(1)
process.stdout.write(
  `${(ROWS * (DATA + 1) * 8) / MIB} MiB in frames of ${FRAME} rows; p50 / p99 / max in ms from the instant due, medians of ` +
    `${repeats} runs; load ${load} on ${availableParallelism()} cores\n`,
)
for (const phase of runs[0]!.keys()) {
  process.stdout.write(`\n${phase}\n`)
  for (const kind of runs[0]!.get(phase)!.keys()) {
    const all = runs.map((run) => run.get(phase)!.get(kind)!)
    if (all[0]!.length === 1) {
      process.stdout.write(`  ${kind.padEnd(22)} ${figure(median(all.map(([one]) => one!)))}\n`)
      continue
    }
    const text = [0.5, 0.99, 1].map((share) => figure(median(all.map((each) => quantile(each, share)))))
    process.stdout.write(`  ${kind.padEnd(22)} ${text.join(' / ')}  (${all[0]!.length})\n`)
  }
}

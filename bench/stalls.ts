// What keeps the event loop, and how long, where the database is as awkward as it gets: 1,000,000 pointers, in few long
// channels or in many short ones; 10,000 channels of one group, or of 5,000, and 50,000 of one; tails that no flush has come to yet, of 30,000
// large frames of 3 channels, or of 6 of 10,000, before all else and in an opening after a crash; one huge frame; 200,000 dead
// extents between live ones, or holes. Each operation is made once a run; told are how long it took and the longest that it kept
// the loop, by the clock and in processor time (what the machine's other work has no part in). The aim is 16 ms (0003, Slices).
//
//   npx tsx bench/stalls.ts [--repeats 3] [--shape long|short|wide|wider|groups|tail|rows|huge|dead|holes]

import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { tryHold } from '../src/database/collection/collect-run.ts'
import { findDead } from '../src/database/collection/find-dead.ts'
import { punchSegment } from '../src/database/collection/punch.ts'
import type { Engine } from '../src/database/engine.ts'
import type { Tuning } from '../src/database/environment.ts'
import { systemEnvironment } from '../src/database/environment.ts'
import { openEngine } from '../src/database/opening/open.ts'
import { resolveOptions } from '../src/database/options.ts'
import { checkpointNow } from '../src/database/retire.ts'
import { Database } from '../src/index.ts'
import type { OpenOptions } from '../src/index.ts'
import { watchLoop } from './loop-watch.ts'
import type { LoopReport } from './loop-watch.ts'

interface Shape {
  readonly name: string
  readonly groups: number
  readonly data: number
  readonly rows: number
  /** Frames of this many rows. */
  readonly frame: number
  /** Every frame goes straight to a segment: as many pointers. */
  readonly isDirect: boolean
  /** No flush comes before it is asked for. */
  readonly isTail?: boolean
}

const SHAPES: readonly Shape[] = [
  { name: 'long', groups: 1, data: 3, rows: 250_000, frame: 1, isDirect: true },
  { name: 'short', groups: 1, data: 99, rows: 10_000, frame: 1, isDirect: true },
  { name: 'wide', groups: 1, data: 9999, rows: 40, frame: 1, isDirect: false },
  { name: 'wider', groups: 1, data: 49_999, rows: 20, frame: 1, isDirect: false },
  { name: 'groups', groups: 5000, data: 1, rows: 40, frame: 1, isDirect: false },
  { name: 'tail', groups: 1, data: 2, rows: 30_000, frame: 1, isDirect: true, isTail: true },
  { name: 'rows', groups: 1, data: 9999, rows: 6, frame: 1, isDirect: true, isTail: true },
]

/** Nothing is flushed by itself. */
const HELD_OFF = { tailExtents: 1_000_000, journalLimit: 2 ** 30 }

const { values: given } = parseArgs({
  options: { repeats: { type: 'string', default: '3' }, shape: { type: 'string' } },
})
const repeats = Number(given.repeats)

type Steps = Map<string, LoopReport>

/** A database in a folder of its own, and the steps that it is watched in. */
interface Watched {
  readonly steps: Steps
  /** That was opened last. */
  engine: Engine
  /** @param name of the database, where there are several */
  readonly open: (name?: string, options?: OpenOptions) => Promise<Database>
  /** Makes another one of the files as they are: what a killed process leaves. */
  readonly copy: (name: string) => void
  readonly step: (name: string, work: () => Promise<unknown>) => Promise<void>
}

async function watched(tuning: Partial<Tuning>, run: (watched: Watched) => Promise<void>): Promise<Steps> {
  const folder = mkdtempSync(join(tmpdir(), 'rubidium-stalls-'))
  const environment = { ...(await systemEnvironment()), tuning }
  const steps: Steps = new Map()
  const open = async (name = 'db', options: OpenOptions = {}): Promise<Database> => {
    const opened = await openEngine(environment, join(folder, name), resolveOptions(options))
    made.engine = opened.engine
    return new Database(opened.engine, opened.flusher)
  }
  const step = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    steps.set(name, (await watchLoop(work)).loop)
  }
  const copy = (name: string): void => cpSync(join(folder, 'db'), join(folder, name), { recursive: true })
  const made: Watched = { steps, engine: undefined!, open, copy, step }
  try {
    await run(made)
  } finally {
    rmSync(folder, { recursive: true })
  }
  return steps
}

async function run(
  { groups, data, rows, frame, isDirect, isTail = false }: Shape,
  made: Watched,
): Promise<void> {
  const { step, open } = made
  const names = Array.from({ length: groups }, (_, g) => [
    `t${g}`,
    ...Array.from({ length: data }, (_, i) => `g${g}.c${i}`),
  ])
  const all = names.flat()
  const few = names[0]!.slice(0, 3)
  let db = await open()
  await db.channels.create(
    names.flatMap(([index, ...others]) => [
      { name: index!, kind: 'index' } as const,
      ...others.map((name) => ({ name, kind: 'data', type: 'float64', index: index! }) as const),
    ]),
  )
  await step('idle', () => sleep(300))
  await step('write', async () => {
    const writers = []
    for (const channels of names) writers.push(await db.openWriter({ channels, durability: 'relaxed' }))
    for (let row = 0; row < rows; row += frame) {
      for (const [g, writer] of writers.entries())
        await writer.write(
          Object.fromEntries(names[g]!.map((name, i) => [name, i === 0 ? BigInt(row) : row])),
        )
    }
    for (const writer of writers) await writer.close()
  })
  if (isTail) await tails(made, db, rows, all, few)
  await step('flush', () => made.engine.flushTails())
  await step('stats', () => db.stats())
  await step('count of all', () => db.count(all))
  await step('hasData of all', () => db.hasData(all, { start: -10n, end: 0n }))
  await step('read of 3 channels', () => db.read(few))
  await step('read of all', async () => (isDirect ? undefined : await db.read(all)))
  await step('frames', async () => {
    for await (const each of db.frames(few)) if (each.isEmpty) throw new Error('an empty frame')
  })
  await step('frame of all', async () => {
    for await (const each of db.frames(all, {}, { samples: 10 })) if (!each.isEmpty) break
  })
  await step('latest of all', () => db.latest(all))
  await step('delete of one row', () => db.delete(all, { start: 5n, end: 6n }))
  await step('delete of half', () =>
    db.delete(
      all.filter((_, i) => i % (data + 1) > data / 2),
      { start: 8n },
    ),
  )
  await step('checkpoint', () => checkpointNow(made.engine))
  await step('verify', async () => {
    if (!(await db.verify()).ok) throw new Error('not sound')
  })
  await step('close', () => db.close())
  await step('open', async () => {
    db = await open()
  })
  await step('collection', () => db.gc({ threshold: 0 }))
  await step('delete of all', () => db.delete(all, {}))
  await step('collection of all', () => db.gc({ threshold: 0 }))
  await db.close()
}

/** What is asked of tails before a flush comes. */
async function tails(
  made: Watched,
  db: Database,
  rows: number,
  all: readonly string[],
  few: readonly string[],
): Promise<void> {
  const { step, open, copy } = made
  const short = { start: BigInt(rows >> 1), end: BigInt((rows >> 1) + 5) }
  await step('tail: count', () => db.count(few))
  await step('tail: latest', () => db.latest(few))
  await step('tail: hasData', () => db.hasData(few, short))
  await step('tail: short read', () => db.read(few, short))
  await step('tail: frames', async () => {
    let left = 10
    for await (const each of db.frames(few, {}, { samples: 100 })) if (each.isEmpty || --left === 0) break
  })
  await step('tail: snapshot', () => db.snapshot().close())
  await step('tail: stats', () => db.stats())
  await step('tail: read of 3', () => db.read(few))
  await step('tail: count of all', () => db.count(all))
  await step('tail: latest of all', () => db.latest(all))
  await step('tail: delete of one row', () => db.delete(all, { start: 1n, end: 2n }))
  await step('tail: delete of half', () => db.delete(all, { start: BigInt(rows >> 1) }))
  await step('tail: read behind it', () => db.read(few, { start: 2n, end: 9n }))
  await db.sync()
  copy('killed')
  const { engine } = made
  await step('tail: open to read', async () => (await open('db', { readOnly: true })).close())
  // The copied lease is of this very process.
  await step('tail: open, killed', async () => (await open('killed', { takeover: true })).close())
  made.engine = engine
}

/** One frame of 256 MiB a channel: block tables of 3.5 and 2 MiB. Read by a process that has just opened it. */
async function huge({ step, open }: Watched): Promise<void> {
  const rows = 2 ** 25
  const channels = ['t', 'c']
  let db = await open()
  await db.channels.create([
    { name: 't', kind: 'index' },
    { name: 'c', kind: 'data', type: 'float64', index: 't' },
  ])
  await step('idle', () => sleep(300))
  const frame = { t: new BigInt64Array(rows), c: new Float64Array(rows) }
  for (let i = 0; i < rows; i++) frame.t[i] = BigInt(10 * i)
  const writer = await db.openWriter(channels)
  await writer.write(frame)
  await writer.close()
  await step('close', () => db.close())
  await step('open', async () => {
    db = await open()
  })
  const [start, middle, behind] = [10n, 5n, 6n].map((part) => BigInt(rows) * part + 7n)
  const window = { start: middle!, end: middle! + 10_000n }
  await step('read of 1,000 rows', async () => {
    if ((await db.read(channels, window)).count('c') !== 1000) throw new Error('another window')
  })
  await step('count', () => db.count(channels, { end: middle! }))
  await step('latest', () => db.latest('c', 100, { at: middle!, timestamps: true }))
  await step('delete of the middle', () => db.delete(channels, { start: middle!, end: behind! }))
  await step('collection', () => db.gc({ threshold: 0 }))
  await step('read of the end', () => db.read(channels, { start: start! - 20_000n }))
  await step('verify', async () => {
    if (!(await db.verify()).ok) throw new Error('not sound')
  })
  await db.close()
}

/** A segment of which every second extent is dead: 200,000, none of which is a block, and then as many holes. */
async function dead(made: Watched): Promise<void> {
  const { step, open } = made
  const rows = 200_000
  let db = await open()
  await db.channels.create([
    { name: 't', kind: 'index' },
    { name: 'c', kind: 'data', type: 'float64', index: 't' },
  ])
  await step('idle', () => sleep(300))
  const writer = await db.openWriter({ channels: ['t', 'c'], durability: 'relaxed' })
  await step('write', async () => {
    for (let i = 0; i < rows; i++) await writer.write({ t: BigInt(i), c: i })
  })
  await writer.close()
  await step('flush', () => made.engine.flushTails())
  await step('delete of a channel', () => db.delete('c', {}))
  await step('search and holes', () => punchAll(made.engine))
  await step('close', () => db.close())
  await step('open', async () => {
    db = await open()
  })
  await step('search and holes, again', () => punchAll(made.engine))
  await step('checkpoint', () => checkpointNow(made.engine))
  await step('collection', () => db.gc({ threshold: 0 }))
  await db.close()
}

/** What a collection does of holes, without its merges and rewrites. */
async function punchAll(engine: Engine): Promise<void> {
  using _known = engine.deadSpace.use()
  await findDead(engine)
  for (const segment of engine.segments.all()) {
    using _held = tryHold(engine, [segment])
    await punchSegment(engine, segment, undefined)
  }
}

const median = (numbers: readonly number[]): string =>
  numbers
    .toSorted((a, b) => a - b)
    [Math.floor(numbers.length / 2)]!.toFixed(1)
    .padStart(9)

/** Shapes with what is said of them. */
const ALL: readonly { readonly name: string; readonly said: string; readonly steps: () => Promise<Steps> }[] =
  [
    ...SHAPES.map((shape) => ({
      name: shape.name,
      said:
        `${shape.groups} x ${shape.data + 1} channels, ${shape.rows} rows` +
        (shape.isDirect ? ', a pointer each' : ''),
      steps: () =>
        watched(
          { ...(shape.isDirect ? { inlineLimit: 1 } : {}), ...(shape.isTail === true ? HELD_OFF : {}) },
          (made) => run(shape, made),
        ),
    })),
    { name: 'huge', said: '2 channels, one frame of 256 MiB each', steps: () => watched({}, huge) },
    {
      name: 'dead',
      said: '200,000 dead extents between live ones',
      steps: () => watched({ inlineLimit: 1 }, dead),
    },
    {
      name: 'holes',
      said: 'as dead, each of them a hole',
      steps: () => watched({ inlineLimit: 1, holeSize: 8 }, dead),
    },
  ]

for (const { name: shape, said, steps } of ALL) {
  if (given.shape !== undefined && given.shape !== shape) continue
  const runs: Steps[] = []
  for (let i = 0; i < repeats; i++) runs.push(await steps())
  process.stdout.write(
    `\n${shape}: ${said}; ms, medians of ${repeats} runs, load ${loadavg()[0]!.toFixed(1)} on ` +
      `${availableParallelism()} cores\n${''.padEnd(24)}     took   kept it      late   garbage\n`,
  )
  for (const name of runs[0]!.keys()) {
    const of = (key: keyof LoopReport): string => median(runs.map((each) => each.get(name)![key]))
    process.stdout.write(
      `${name.padEnd(24)}${of('tookMs')} ${of('busyMs')} ${of('lateMs')} ${of('garbageMs')}\n`,
    )
  }
}

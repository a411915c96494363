// What keeps the event loop, and how long, where the database is as awkward as it gets: 1,000,000 pointers, in few long
// channels or in many short ones, or 10,000 channels of one group, or of 5,000. Each operation is made once a
// run; told are how long it took and the longest that it kept the loop, by the clock and in processor time (what the
// machine's other work has no part in). The aim is 16 ms (0003, Slices).
//
//   npx tsx bench/stalls.ts [--repeats 3] [--shape long|short|wide|groups]

import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Engine } from '../src/database/engine.ts'
import { systemEnvironment } from '../src/database/environment.ts'
import { openEngine } from '../src/database/opening/open.ts'
import { resolveOptions } from '../src/database/options.ts'
import { checkpointNow } from '../src/database/retire.ts'
import { Database } from '../src/index.ts'
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
}

const SHAPES: readonly Shape[] = [
  { name: 'long', groups: 1, data: 3, rows: 250_000, frame: 1, isDirect: true },
  { name: 'short', groups: 1, data: 99, rows: 10_000, frame: 1, isDirect: true },
  { name: 'wide', groups: 1, data: 9999, rows: 40, frame: 1, isDirect: false },
  { name: 'groups', groups: 5000, data: 1, rows: 40, frame: 1, isDirect: false },
]

const { values: given } = parseArgs({
  options: { repeats: { type: 'string', default: '3' }, shape: { type: 'string' } },
})
const repeats = Number(given.repeats)

type Steps = Map<string, LoopReport>

async function run({ groups, data, rows, frame, isDirect }: Shape): Promise<Steps> {
  const folder = mkdtempSync(join(tmpdir(), 'rubidium-stalls-'))
  const environment = { ...(await systemEnvironment()), tuning: isDirect ? { inlineLimit: 1 } : {} }
  let engine!: Engine
  const open = async (): Promise<Database> => {
    const opened = await openEngine(environment, join(folder, 'db'), resolveOptions({}))
    engine = opened.engine
    return new Database(opened.engine, opened.flusher)
  }
  const steps: Steps = new Map()
  const step = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    steps.set(name, (await watchLoop(work)).loop)
  }
  const names = Array.from({ length: groups }, (_, g) => [
    `t${g}`,
    ...Array.from({ length: data }, (_, i) => `g${g}.c${i}`),
  ])
  const all = names.flat()
  const few = names[0]!.slice(0, 3)
  try {
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
    await step('flush', () => engine.flushTails())
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
    await step('checkpoint', () => checkpointNow(engine))
    await step('close', () => db.close())
    await step('open', async () => {
      db = await open()
    })
    await step('collection', () => db.gc({ threshold: 0 }))
    await step('delete of all', () => db.delete(all, {}))
    await step('collection of all', () => db.gc({ threshold: 0 }))
    await db.close()
  } finally {
    rmSync(folder, { recursive: true })
  }
  return steps
}

const median = (numbers: readonly number[]): string =>
  numbers
    .toSorted((a, b) => a - b)
    [Math.floor(numbers.length / 2)]!.toFixed(1)
    .padStart(9)

for (const shape of SHAPES) {
  if (given.shape !== undefined && given.shape !== shape.name) continue
  const runs: Steps[] = []
  for (let i = 0; i < repeats; i++) runs.push(await run(shape))
  process.stdout.write(
    `\n${shape.name}: ${shape.groups} x ${shape.data + 1} channels, ${shape.rows} rows` +
      `${shape.isDirect ? ', a pointer each' : ''}; ms, medians of ${repeats} runs, load ${loadavg()[0]!.toFixed(1)} on ` +
      `${availableParallelism()} cores\n${''.padEnd(22)}     took   kept it      late   garbage\n`,
  )
  for (const name of runs[0]!.keys()) {
    const of = (key: keyof LoopReport): string => median(runs.map((steps) => steps.get(name)![key]))
    process.stdout.write(
      `${name.padEnd(22)}${of('tookMs')} ${of('busyMs')} ${of('lateMs')} ${of('garbageMs')}\n`,
    )
  }
}

// What does a collection cost with ten times as much live data around the same dead extents? Databases of 1 and of
// 10 GiB (sparse files: only the places are real), extents of 64 KiB, 2 channels; in each round 800 extents of the
// oldest GiB are deleted and given back as holes. Medians of rounds; includes the syncs. Also the first
// collection after an opening, which looks at every pointer once, and one that finds nothing.
//
//   npx tsx bench/collect-large.ts [--gib N] [--rounds N]

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemEnvironment } from '../src/database/environment.ts'
import { openEngine } from '../src/database/opening/open.ts'
import { resolveOptions } from '../src/database/options.ts'
import type { Engine } from '../src/database/engine.ts'
import { Database } from '../src/index.ts'
import { extentSize } from '../src/segment/extent-writer.ts'
import type { DataType } from '../src/telem/data-type.ts'
import type { Pointer } from '../src/version/pointer.ts'

const { values } = parseArgs({
  options: { gib: { type: 'string', default: '10' }, rounds: { type: 'string', default: '5' } },
})
const GIB = Number(values.gib)
const ROUNDS = Number(values.rounds)
const SAMPLES = 8100
const SEGMENT = 2 ** 28
const DEAD = 400
/** What is left at the ends of holes stays below it. */
const THRESHOLD = 0.05
const TYPES: readonly DataType[] = ['timestamp', 'float64']

/** Extents that were never written, one of each channel after the other, and pointers to all of each. */
async function fill(engine: Engine, bytes: number): Promise<number> {
  const sizes = TYPES.map((type, i) => extentSize(type, SAMPLES, i === 0))
  const pairs = Math.floor(bytes / (sizes[0]! + sizes[1]!))
  let segment = engine.segments.create()
  const comes: Pointer[][] = [[], []]
  const publish = (): void => {
    engine.publishEdit({
      kind: 'flush',
      groups: [],
      changes: comes.map((list, i) => ({ key: i + 1, comes: list })),
    })
    for (const list of comes) list.length = 0
  }
  for (let n = 0; n < pairs; n++) {
    if (segment.size + sizes[0]! + sizes[1]! > SEGMENT) {
      segment.writer!.truncateNow(segment.size)
      engine.segments.seal(segment)
      segment = engine.segments.create()
    }
    for (const [i, length] of sizes.entries()) {
      const place = engine.segments.reserveIn(segment, length)
      engine.segments.settle(place)
      const start = BigInt(n * SAMPLES)
      const end = start + BigInt(SAMPLES)
      comes[i]!.push({ start, end, joined: n > 0, ...place, skip: 0, count: SAMPLES, live: length })
    }
    if (comes[0]!.length === 4096) publish()
  }
  publish()
  segment.writer!.truncateNow(segment.size)
  engine.segments.seal(segment)
  await engine.syncer.reach(engine.lastLsn)
  return pairs
}

interface Figures {
  readonly pointers: number
  readonly firstMs: number
  readonly idleMs: number
  readonly deadMs: number
}

async function timed<T>(step: () => Promise<T>): Promise<[number, T]> {
  const begun = performance.now()
  const result = await step()
  return [performance.now() - begun, result]
}

const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1]!

async function measure(gib: number): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'rubidium-bench-'))
  const environment = await systemEnvironment()
  const open = async (): Promise<[Engine, Database]> => {
    const { engine, flusher } = await openEngine(environment, join(folder, 'db'), resolveOptions({}))
    return [engine, new Database(engine, flusher)]
  }
  let [engine, db] = await open()
  await db.channels.create([
    { name: 'time', kind: 'index' },
    { name: 'value', kind: 'data', type: 'float64', index: 'time' },
  ])
  const pairs = await fill(engine, gib * 2 ** 30)
  await db.close()
  ;[engine, db] = await open()
  const [firstMs] = await timed(() => db.gc({ threshold: THRESHOLD }))
  const idle: number[] = []
  const dead: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < DEAD; i++) {
      const start = BigInt((2 * i * ROUNDS + 2 * round + 1) * SAMPLES)
      await db.delete(['time', 'value'], { start, end: start + BigInt(SAMPLES) })
    }
    await db.sync()
    const [took, report] = await timed(() => db.gc({ threshold: THRESHOLD }))
    if (report.bytesPunched < DEAD * 2 * 50_000 || report.skipped.length > 0)
      throw new Error(`no holes, or not all: ${JSON.stringify(report)}`)
    dead.push(took)
    idle.push((await timed(() => db.gc({ threshold: THRESHOLD })))[0])
  }
  await db.close()
  rmSync(folder, { recursive: true })
  return { pointers: 2 * pairs, firstMs, idleMs: median(idle), deadMs: median(dead) }
}

// The first is for the compiler.
await measure(GIB / 10)
const [small, large] = [await measure(GIB / 10), await measure(GIB)]
const print = (what: string, of: (figures: Figures) => number): void => {
  const [a, b] = [of(small), of(large)]
  process.stdout.write(`${what}: ${(b / a).toFixed(2)} times (${a.toFixed(1)} ms, ${b.toFixed(1)} ms)\n`)
}
process.stdout.write(
  `${GIB} GiB beside ${GIB / 10} GiB: ${large.pointers.toLocaleString('en')} pointers beside ${small.pointers.toLocaleString('en')}\n`,
)
print(`${2 * DEAD} dead extents given back`, ({ deadMs }) => deadMs)
print('nothing to do', ({ idleMs }) => idleMs)
print('the first collection after an opening', ({ firstMs }) => firstMs)

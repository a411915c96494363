// One round of a take-over on a simulated disk: a holder does its work and is stopped in front of one of its
// file operations, another takes the lease over by force, the holder goes on, a third opens. Says what is
// wrong with what each of them found (0001-I8, 0005-I6). Called by takeover.test.ts and takeover-soak.ts.

import { Database } from '../../src/database/database.ts'
import { openEngine } from '../../src/database/opening/open.ts'
import { resolveOptions } from '../../src/database/options.ts'
import { checkpointNow } from '../../src/database/retire.ts'
import type { File, FileSystem, OpenMode } from '../../src/fs/file-system.ts'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { GatedFileSystem } from '../support/gated-file-system.ts'
import type { FrozenProcess } from './frozen-process.ts'
import { durableCount, stateAfter, TUNING } from './frozen-protocol.ts'
import type { Effect, Job, JobReport } from './frozen-protocol.ts'

/** What a holder may be stopped in (child-frozen.ts). */
export const WORKS: readonly string[] = [
  'commits',
  'flush',
  'retire',
  'checkpoint',
  'delete',
  'drop',
  'rewrite',
  'holes',
  'channels',
  'close',
]

/** When the old holder goes on: once the taker has closed, while it has the database open, or at its nth operation. */
export type Wakes = 'closed' | 'open' | number

export interface Round {
  /** Where the holder was stopped; undefined: it had no such operation, and nobody took over. */
  readonly stoppedAt: string | undefined
  /** What is wrong; empty where nothing is. */
  readonly problems: string[]
}

const TAKERS: readonly Effect[] = [
  { kind: 'write', first: 50_000, count: 5, durable: true },
  { kind: 'write', first: 50_005, count: 300, durable: true },
]

/** How the calls of a holder that was told go: reads of what is gone say so, everything that changes is refused. */
const LOST: Readonly<Record<string, readonly string[]>> = {
  count: ['ok', 'LEASE_LOST'],
  read: ['ok', 'LEASE_LOST'],
  close: ['ok', 'LEASE_LOST'],
}

/** @param stopAt number of the operation, from 1 */
export async function round(holder: FrozenProcess, job: Job, stopAt: number, wakes: Wakes): Promise<Round> {
  const disk = new MemoryFileSystem({ holes: job.work === 'holes' })
  const problems: string[] = []
  holder.clock[0] = 1000
  Atomics.store(holder.lock, 0, 0)
  const old = holder.start(disk, job, stopAt)
  const stoppedAt = await old.stopped
  if (stoppedAt === undefined) {
    await old.report
    return { stoppedAt, problems }
  }
  let report: JobReport | undefined
  const goOn = async (): Promise<void> => {
    if (report !== undefined) return
    old.goOn()
    report = await old.report
  }
  let operations = 0
  const files = new SteppedFileSystem(disk, () =>
    typeof wakes === 'number' && ++operations === wakes ? goOn() : undefined,
  )
  const taker = await openAs(holder, files, job.withLock, 2)
  const found = await stateOf(taker.db)
  if (wakes !== 'closed') await goOn()
  await takersWork(taker)
  const expected = await stateOf(taker.db)
  problems.push(...(await problemsOf(taker.db, 'taker')))
  await taker.db.close({ force: true })
  const wanted = stateAfter([...effectsOf(found), ...TAKERS])
  const reopen = async (who: string): Promise<void> => {
    const { db } = await openAs(holder, disk, job.withLock, 3, false)
    const last = await stateOf(db)
    if (!isSame(last, wanted)) problems.push(`${who} reads ${show(last)}, not ${show(wanted)}`)
    problems.push(...(await problemsOf(db, who)))
    await db.close()
  }
  const wasAsleep = report === undefined
  // What the sleeper has of the operating system's lock is in nobody's way.
  if (wasAsleep) await reopen('the one who opens beside the sleeper')
  await goOn()
  problems.push(...checkReport(report!, stoppedAt, wasAsleep))
  if (!isHistory(found, report!)) {
    problems.push(`the taker found ${show(found)} after ${JSON.stringify(report)}`)
  }
  if (!isSame(expected, wanted)) problems.push(`the taker's own history reads ${show(expected)}`)
  await reopen('the third')
  return { stoppedAt, problems }
}

/** As its base, and waits in front of the reads of whole files, too. */
class SteppedFileSystem extends GatedFileSystem {
  readonly #step: () => Promise<void> | void

  constructor(disk: FileSystem, step: () => Promise<void> | void) {
    super(disk, step)
    this.#step = step
  }

  override openNow(path: string, mode: OpenMode): File {
    const file = super.openNow(path, mode)
    const read = file.read.bind(file)
    return Object.assign(file, {
      read: async (target: Uint8Array, offset: number) => {
        await this.#step()
        return read(target, offset)
      },
    })
  }
}

interface Actor {
  readonly db: Database
  readonly engine: Awaited<ReturnType<typeof openEngine>>['engine']
  readonly flusher: Awaited<ReturnType<typeof openEngine>>['flusher']
}

async function openAs(
  process: FrozenProcess,
  files: FileSystem,
  withLock: boolean,
  pid: number,
  takeover = true,
): Promise<Actor> {
  const { clock, lock } = process
  const environment = {
    files,
    clock: { now: (): bigint => BigInt(Math.round(clock[0]! * 1e6)), monotonicMs: (): number => clock[0]! },
    identity: { host: 'h', bootId: 'b', pidNamespace: 'n', pid, startTime: '1' },
    isAlive: (): 'alive' => 'alive',
    newId: (): Uint8Array => new Uint8Array(16).fill(8),
    tuning: TUNING,
    wait: async (ms: number): Promise<void> => {
      clock[0]! += ms
      process.isOvertaken = true
      await Promise.resolve()
    },
    lock: withLock ? { tryLock: () => tryLock(lock, pid) } : undefined,
  }
  const opened = await openEngine(environment, '/data', resolveOptions({ takeover, syncInterval: '1h' }))
  return { ...opened, db: new Database(opened.engine, opened.flusher) }
}

function tryLock(
  lock: Int32Array,
  pid: number,
): { outcome: 'busy'; note: string } | { outcome: 'held'; lock: { writeNote(): void; release(): void } } {
  if (Atomics.compareExchange(lock, 0, 0, pid) !== 0) return { outcome: 'busy', note: '' }
  const release = (): void => void Atomics.compareExchange(lock, 0, pid, 0)
  return { outcome: 'held', lock: { writeNote: () => {}, release } }
}

/** Whatever could meet the traces of the old holder: writes, a flush, a checkpoint, a collection of all there is. */
async function takersWork({ db, engine, flusher }: Actor): Promise<void> {
  const writer = await db.openWriter(['time', 'a'])
  for (const effect of TAKERS) {
    if (effect.kind !== 'write') continue
    const time = BigInt64Array.from({ length: effect.count }, (_, i) => BigInt(effect.first + i))
    await writer.write({ time, a: Float64Array.from(time, (each) => Number(each) * 0.5) })
  }
  await flusher.flushAll()
  await checkpointNow(engine)
  await db.gc({ threshold: 0 })
}

async function problemsOf(db: Database, who: string): Promise<string[]> {
  return (await db.verify()).problems.map(({ what, file }) => `${who}: ${what} ${file ?? ''}`)
}

type State = ReturnType<typeof stateAfter>

async function stateOf(db: Database): Promise<State> {
  const names = db.channels
    .list()
    .map(({ name }) => name)
    .sort()
  const found = await db.read('a')
  const times = [...(await db.read('time')).column('time')].map(Number)
  const values = found.column('a') as Float64Array
  if (values.length !== times.length || times.some((time, i) => values[i] !== time * 0.5)) {
    return { names, times: [-1] }
  }
  return { names, times }
}

/** Effects that lead to a state. */
function effectsOf({ names, times }: State): Effect[] {
  return [
    ...names.map((name) => ({ kind: 'create', name }) as const),
    ...times.map((first) => ({ kind: 'write', first, count: 1, durable: true }) as const),
  ]
}

/** Whether a state is a prefix of what was done and tried, with all of it that was acknowledged to last. */
function isHistory(state: State, report: JobReport): boolean {
  const { done, tried } = report
  const all = tried === undefined ? done : [...done, tried]
  for (let count = durableCount(report); count <= all.length; count++)
    if (isSame(state, stateAfter(all.slice(0, count)))) return true
  return false
}

function isSame(a: State, b: State): boolean {
  return show(a) === show(b)
}

/** Who was overtaken is told at its next call, and goes on being told. */
function checkReport(report: JobReport, stoppedAt: string, isGone: boolean): string[] {
  const problems: string[] = []
  const { code, after } = report
  if (code !== undefined && code !== 'LEASE_LOST') problems.push(`the old holder was refused with ${code}`)
  for (const [call, outcome] of Object.entries(after)) {
    if (!(LOST[call] ?? ['LEASE_LOST']).includes(outcome))
      problems.push(`stopped at ${stoppedAt}, ${call} of the old holder: ${outcome}`)
  }
  // What was stopped at the very end had been acknowledged before; then its close tells it, if nothing else.
  if (
    code === undefined &&
    isGone &&
    after['close'] === 'ok' &&
    !/^(write|sync|close|syncDirectory)/.test(stoppedAt)
  )
    problems.push(`stopped at ${stoppedAt}, the old holder was never told`)
  return problems
}

function show({ names, times }: State): string {
  const runs: string[] = []
  for (let from = 0; from < times.length;) {
    let to = from
    while (to + 1 < times.length && times[to + 1] === times[to]! + 1) to++
    runs.push(`${times[from]}-${times[to]}`)
    from = to + 1
  }
  return `${names.join(' ')}: ${runs.join(' ')}`
}

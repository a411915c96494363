// Runs a workload again and again, each time with something else going wrong: power lost or the process
// killed at its nth change of the disk, or that change failing; and checks what is left. What must hold
// then is in `checkAfter`. Returns counts and what failed, with all that is needed to run it again.

import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { SeededRandom } from '../../src/fs/seeded-random.ts'
import type { Fault, FaultRule } from '../../src/fs/faulty-file-system.ts'
import type { OperationKind } from '../../src/fs/operation-kind.ts'
import { Machine, rest } from './machine.ts'
import { History, textOf } from './model.ts'
import type { CrashKind, ModelState } from './model.ts'
import { Broken, describe, Died, Session } from './session.ts'
import type { SessionOptions } from './session.ts'
import type { Workload } from './workloads.ts'

export interface Tally {
  /** What was left by a crash or a failure, and checked. */
  states: number
  readonly failures: string[]
}

export function newTally(): Tally {
  return { states: 0, failures: [] }
}

/** Which of the many runs are made. */
export interface Sampling {
  /** Every `stride`th operation, beginning with one that `seed` decides. */
  readonly stride: number
  readonly seed: number
}

export const EVERYTHING: Sampling = { stride: 1, seed: 0 }

function* operations(count: number, { stride, seed }: Sampling, salt: number): Generator<number> {
  const first = stride === 1 ? 1 : 1 + new SeededRandom(seed * 31 + salt).below(stride)
  for (let n = first; n <= count; n += stride) yield n
}

/** Changes that the workload makes to the disk while things may go wrong; or such operations, failed ones included. */
export async function countMutations(
  workload: Workload,
  of?: Pick<FaultKind, 'kinds' | 'path'>,
): Promise<number> {
  const session = Session.on(new Machine(new MemoryFileSystem({ trace: true })), workload.options)
  try {
    await workload.prepare(session)
    const { disk } = session.machine
    const before = { mutations: disk.mutations, operations: disk.operations }
    await workload.run(session)
    await rest()
    const done = disk.trace!.slice(before.operations)
    const met = done.filter(
      ({ kind, path }) => of?.kinds.includes(kind) === true && (of.path === undefined || of.path.test(path)),
    )
    const count = of === undefined ? disk.mutations - before.mutations : met.length
    const text = await session.text()
    if (text !== session.history.text)
      throw new Broken(`without any fault:\n--- found\n${text}\n--- expected\n${session.history.text}`)
    return count
  } finally {
    await session.abandon()
  }
}

/** What a death left behind: the machine that died, and what its caller knew. */
interface Wreck {
  readonly machine: Machine
  readonly history: History
  readonly options: SessionOptions
  readonly died: boolean
}

async function runUntilDeath(workload: Workload, kind: CrashKind, n: number, seed: number): Promise<Wreck> {
  const session = Session.on(new Machine(), workload.options)
  try {
    await workload.prepare(session)
    arm(session.machine, kind, n, seed)
    await workload.run(session)
    await rest()
  } catch (error) {
    if (!(error instanceof Died)) throw error
  } finally {
    await session.abandon()
  }
  const { machine, history, options } = session
  return { machine, history, options, died: machine.disk.isDead }
}

function arm(machine: Machine, kind: CrashKind, n: number, seed: number): void {
  if (kind === 'kill') machine.disk.killAt(n, seed)
  else machine.disk.cutPowerAt(n, seed)
}

/** Crashes at every operation (or some): for each seed one run. */
export async function crashEverywhere(
  workload: Workload,
  kind: CrashKind,
  seeds: readonly number[],
  sampling: Sampling,
  tally: Tally,
): Promise<void> {
  const count = await countMutations(workload)
  for (const n of operations(count, sampling, workload.name.length)) {
    for (const seed of seeds) {
      await noting(tally, `${workload.name}: ${kind} at ${n} of ${count}, seed ${seed}`, async () => {
        const wreck = await runUntilDeath(workload, kind, n, seed)
        if (!wreck.died) throw new Broken('the operation was never reached: the run is not the same twice')
        await checkAfter(wreck.machine.after(kind, seed), wreck.history, kind, wreck.options)
      })
    }
  }
  await noting(tally, `${workload.name}: ${kind} at its end`, async () => {
    const wreck = await runUntilDeath(workload, kind, count + 1000, 0)
    await checkAfter(wreck.machine.after(kind, 0), wreck.history, kind, wreck.options)
  })
}

/**
 * Crashes at operation `n` (beyond the last: at the end), and again at every operation (or some) of the
 * opening that follows.
 */
export async function crashTwice(
  workload: Workload,
  crash: { readonly kind: CrashKind; readonly n: number; readonly seed: number },
  second: CrashKind,
  seeds: readonly number[],
  sampling: Sampling,
  tally: Tally,
): Promise<void> {
  const wreck = await runUntilDeath(workload, crash.kind, crash.n, crash.seed)
  wreck.history.crashed(crash.kind)
  const worst: CrashKind = crash.kind === 'power' || second === 'power' ? 'power' : 'kill'
  const name = `${workload.name}: ${crash.kind} at ${crash.n}, seed ${crash.seed}, then ${second} at`
  for (let m = 1 + new SeededRandom(sampling.seed + crash.n).below(sampling.stride); ; m += sampling.stride) {
    let died = false
    for (const seed of seeds) {
      await noting(tally, `${name} ${m} of the recovery, seed ${seed}`, async () => {
        const machine = wreck.machine.after(crash.kind, crash.seed)
        const session = Session.on(machine, wreck.options, wreck.history)
        arm(machine, second, m, seed)
        try {
          await session.open()
        } catch (error) {
          if (!(error instanceof Died)) throw error
        } finally {
          await session.abandon()
          died = machine.disk.isDead
        }
        // Once it was opened, what it found has been made its own: that is checked after single crashes.
        if (machine.disk.isDead)
          await checkAfter(machine.after(second, seed), wreck.history, worst, wreck.options)
      })
    }
    if (!died) return
  }
}

/** How one operation fails. */
export interface FaultKind {
  readonly name: string
  /** The operations that can fail so ... */
  readonly kinds: readonly OperationKind[]
  /** ... on these paths ... */
  readonly path?: RegExp
  /** ... and the rules that make the nth of them fail. */
  readonly rules: (of: Pick<FaultRule, 'kind' | 'path'>, n: number) => readonly FaultRule[]
}

const CHANGES: readonly OperationKind[] = [
  'create',
  'write',
  'truncate',
  'link',
  'remove',
  'makeDirectory',
  'removeDirectory',
]
const NEEDS_ROOM: readonly OperationKind[] = ['create', 'write', 'link', 'makeDirectory']
const SYNCS: readonly OperationKind[] = ['sync', 'syncDirectory']

function fault(name: string, kinds: readonly OperationKind[], how: Fault, times = 1): FaultKind {
  return { name, kinds, rules: (of, nth) => [{ ...of, nth, times, fault: how }] }
}

export const FAULTS: readonly FaultKind[] = [
  fault('EIO', CHANGES, { code: 'EIO' }),
  fault('ENOSPC', NEEDS_ROOM, { code: 'ENOSPC' }),
  fault('a short write', ['write'], { short: 7 }),
  {
    name: 'a short write, then ENOSPC',
    kinds: ['write'],
    rules: (of, nth) => [
      { ...of, nth, fault: { short: 7 } },
      { ...of, nth: nth + 1, fault: { code: 'ENOSPC' } },
    ],
  },
  fault('two EIO in a row', CHANGES, { code: 'EIO' }, 2),
  fault('three EIO in a row', CHANGES, { code: 'EIO' }, 3),
  fault('a failed sync', SYNCS, { failSync: true, cleanPages: false }),
  // Not of the folder above: names that can never be made durable are beyond repair.
  {
    ...fault('a failed sync that leaves clean pages', SYNCS, { failSync: true, cleanPages: true }),
    path: /data\//,
  },
]

/** Lets every operation (or some) fail, one a run, and checks what goes on and what is left. */
export async function failEverywhere(
  workload: Workload,
  kind: FaultKind,
  sampling: Sampling,
  tally: Tally,
): Promise<void> {
  const count = await countMutations(workload, kind)
  for (const n of operations(count, sampling, workload.name.length)) {
    await noting(tally, `${workload.name}: ${kind.name} at ${n} of ${count}`, async () => {
      await runWithFault(workload, kind, n)
      tally.states += 2
    })
  }
}

async function runWithFault(workload: Workload, kind: FaultKind, n: number): Promise<void> {
  const session = Session.on(Machine.faulty(), workload.options)
  try {
    await workload.prepare(session)
    const faults = session.machine.faults!
    const of = { kind: kind.kinds, ...(kind.path === undefined ? {} : { path: kind.path }) }
    const rules = kind.rules(of, n).map((rule) => faults.addRule(rule))
    const struck = (): number => rules.reduce((sum, rule) => sum + faults.struck(rule), 0)
    const all = rules.reduce((sum, rule) => sum + (rule.times ?? 1), 0)
    session.hasBegun = () => struck() > 0
    session.isOver = () => struck() >= all || faults.rules.length === 0
    // Several failures in a row may strike both an open and the release of its lease.
    session.mayBeLocked = (refusal) => struck() > 1 || describe(refusal).includes('could not be given back')
    await workload.run(session)
    await rest()
    // Other turns of the background than when they were counted: there were fewer.
    if (struck() === 0) return
    faults.clearRules()
    await checkFailed(session, n)
  } finally {
    await session.abandon()
  }
}

/** A failure is over: reads go on, writes do unless a sync failed, crashes and closes leave what was promised. */
async function checkFailed(session: Session, seed: number): Promise<void> {
  const { machine, history, options } = session
  for (const kind of ['kill', 'power'] as const) {
    await labelled(`after it, ${kind}`, () =>
      checkAfter(machine.after(kind, seed % 3 === 0 ? seed : 0), history, kind, options),
    )
  }
  if (session.isOpen) {
    const text = await session.text()
    if (text !== history.text)
      throw new Broken(
        `reads show something else than was acknowledged:\n--- found\n${text}\n--- expected\n${history.text}`,
      )
    const { failed } = await session.db.stats()
    if ((failed === undefined) !== (session.engine.failure === undefined))
      throw new Broken('stats() does not say that writes are refused')
    if (session.engine.failure === undefined)
      await labelled('going on after it', () => probe(session, 'after'))
    const refused = session.engine.failure
    if (!(await session.close()) && refused === undefined)
      throw new Broken('close was refused after the fault was over')
  }
  session.machine.nextProcess()
  const next = Session.on(machine, options, history)
  try {
    await labelled('opened again after it', async () => {
      await next.open()
      await compare(next, history, 'kill')
      next.assertNothingLeftOver()
      await next.assertSound()
      await next.close()
    })
  } finally {
    await next.abandon()
  }
}

/**
 * What must hold of what a crash left: it opens; it shows a prefix of the history with everything that was
 * promised; nothing is left over; it verifies; what opening found survives any further crash, and so does
 * what is acknowledged then; a collection, a close and another opening change nothing.
 */
export async function checkAfter(
  machine: Machine,
  history: History,
  kind: CrashKind,
  options: SessionOptions,
): Promise<void> {
  const session = Session.on(machine, options, history)
  try {
    await labelled('open', () => session.open())
    const found = await compare(session, history, kind)
    session.assertNothingLeftOver()
    await labelled('verify', () => session.assertSound())
    const own = Session.on(machine, options, new History(found))
    take(own, session)
    await labelled('write', () => probe(own, 'probe'))
    await labelled('another crash', () => reopened(machine.after('power', 0), own))
    await labelled('collect', () => own.gc(0))
    if ((await own.text()) !== own.history.text) throw new Broken('a collection changed what is there')
    await labelled('close', () => own.close())
    session.isOpen = false
    machine.nextProcess()
    await labelled('after a clean close', () => reopened(machine, own))
  } finally {
    await session.abandon()
  }
}

/** `own` goes on with what `from` has opened. */
function take(own: Session, from: Session): void {
  own.engine = from.engine
  own.flusher = from.flusher
  own.db = from.db
  own.isOpen = true
}

/** Opens, compares with all that was acknowledged, verifies, closes. */
async function reopened(machine: Machine, before: Session): Promise<void> {
  const session = Session.on(machine, before.options, before.history)
  try {
    await session.open()
    const text = await session.text()
    if (text !== before.history.text)
      throw new Broken(`it is not the same:\n--- found\n${text}\n--- expected\n${before.history.text}`)
    session.assertNothingLeftOver()
    await session.assertSound()
    await session.close()
  } finally {
    await session.abandon()
  }
}

/** Commits that must survive anything from now on: next to what is there, and to new channels. */
async function probe(session: Session, name: string): Promise<void> {
  await session.create([
    { name, kind: 'index' },
    { name: `${name} data`, kind: 'data', type: 'int64', index: name },
  ])
  const writer = await session.openWriter([name, `${name} data`], { durability: 'strict' })
  await session.write(writer, session.rows(writer, 2))
  await session.write(writer, session.rows(writer, 30))
  await session.closeWriter(writer)
}

async function compare(session: Session, history: History, kind: CrashKind): Promise<ModelState> {
  const found = await session.read()
  const text = textOf(found)
  const state = history.find(text, kind)
  if (typeof state === 'string') throw new Broken(state)
  return state
}

async function labelled<T>(what: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (error) {
    if (error instanceof Died) throw error
    throw new Broken(`${what}: ${describe(error)}`, {
      cause: error instanceof Error ? error.cause : undefined,
    })
  }
}

async function noting(tally: Tally, name: string, step: () => Promise<void>): Promise<void> {
  tally.states++
  try {
    await step()
  } catch (error) {
    tally.failures.push(`${name}: ${describe(error)}`)
  }
}

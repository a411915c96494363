// What must hold of what a crash or a failure has left (0005): it opens and shows a prefix of the history with
// everything that was promised; nothing is left over; it verifies; what opening found survives any further
// crash, and so does what is acknowledged then; a collection, a close and another opening change nothing.
// Called by attack.ts with each state.

import {
  assertSame,
  readAfterKill,
  readByEngine,
  readBySecondReader,
  simulatedFiles,
} from '../format/agreement.ts'
import { verifyIn } from '../../src/database/verify/directory.ts'
import { NotADatabaseError } from '../../src/errors.ts'
import type { FaultKind } from './fault-kinds.ts'
import { DIRECTORY, Machine, rest } from './machine.ts'
import { History, textOf } from './model.ts'
import type { CrashKind, ModelState } from './model.ts'
import { Broken, describe, Died, Session } from './session.ts'
import type { SessionOptions } from './session.ts'
import type { Workload } from './workloads.ts'

/**
 * How much is checked: what opening finds; that it has been made the opener's own, and survives another crash; what
 * goes on then, too, which takes three times as long.
 */
export type Depth = 'found' | 'kept' | 'whole'

/** Checks what a crash left. */
export async function checkAfter(
  machine: Machine,
  history: History,
  kind: CrashKind,
  options: SessionOptions,
  depth: Depth,
): Promise<void> {
  const session = Session.on(machine, options, history)
  try {
    const before = kind === 'kill' ? readKilled(machine) : () => undefined
    if (depth !== 'found') await labelled('verify before it is opened', () => verifyFound(machine))
    await labelled('open', () => session.open())
    const found = await compare(session, history, kind)
    // Slow: of power losses, which it cannot judge beforehand, only where more is checked than what was found.
    if (kind === 'kill' || depth !== 'found') await labelled('a second reader', () => agree(session, before))
    session.assertNothingLeftOver()
    await labelled('verify', () => session.assertSound())
    if (depth === 'found') return
    const own = Session.on(machine, options, new History(found))
    take(own, session)
    if (depth === 'whole') await labelled('write', () => probe(own, 'probe'))
    await labelled('another crash', () => reopened(machine.after('power', 0), own))
    if (depth === 'kept') return
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

/** Runs the workload while the nth operation that can fail so does. Returns how many states were checked. */
export async function runWithFault(workload: Workload, kind: FaultKind, n: number): Promise<number> {
  const session = Session.on(Machine.faulty(workload.options), workload.options)
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
    if (struck() === 0) return 0
    faults.clearRules()
    return await checkFailed(session, kind, n)
  } finally {
    await session.abandon()
  }
}

/** A failure is over: reads go on, writes do unless a sync failed, crashes and closes leave what was promised. */
async function checkFailed(session: Session, kind: FaultKind, seed: number): Promise<number> {
  const { machine, history, options } = session
  let states = 1
  for (const crash of ['kill', 'power'] as const) {
    await labelled(`after it, ${crash}`, () =>
      checkAfter(
        machine.after(crash, seed % 3 === 0 ? seed : 0),
        history.clone(),
        crash,
        options,
        seed % 4 === 0 ? 'whole' : 'found',
      ),
    )
    states++
  }
  if (kind.leavesClean === true) {
    // What the disk does not have may show only once the system has let go of its pages.
    for (const eviction of [seed, seed + 1, seed + 2]) {
      await labelled(`after it, with pages gone (${eviction})`, () =>
        checkAfter(machine.afterEviction(eviction), history.clone(), 'power', options, 'kept'),
      )
      states++
    }
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
  return states
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

/** What the second reader finds before anybody opens it, told later: what the engine makes of it is asked first. */
function readKilled(machine: Machine): () => string | undefined {
  const { bootId } = machine.environment({}).identity
  try {
    const text = readAfterKill(simulatedFiles(machine.disk, DIRECTORY), bootId)
    return () => text
  } catch (error) {
    return () => {
      throw error
    }
  }
}

/** The second reader saw, and sees in what the opening has made of it, what the engine shows. */
async function agree({ db, machine }: Session, readBefore: () => string | undefined): Promise<void> {
  const text = await readByEngine(db)
  const before = readBefore()
  if (before !== undefined) assertSame(text, before)
  assertSame(text, readBySecondReader(simulatedFiles(machine.disk, DIRECTORY)))
}

/** What a crash leaves is no damage: at most leftovers, which `verify` notes. */
async function verifyFound(machine: Machine): Promise<void> {
  const copy = machine.withDisk(machine.disk.clone())
  try {
    const { problems } = await verifyIn(copy.environment({}), DIRECTORY)
    if (problems.length > 0)
      throw new Broken(problems.map(({ what, file }) => `${what} (${file ?? ''})`).join('; '))
  } catch (error) {
    // Not even its first file is there yet.
    if (!(error instanceof NotADatabaseError)) throw error
  }
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

// Runs a workload of the crash tests on a disk that has just so much room left, and checks what must hold
// on a full disk (0006): what is refused says that the disk is full and how much was wanted, and is not
// there; what was acknowledged is; deletes, removals and collections are never refused; it can always be
// read; and with room again everything goes on. Called by the sampled test and by the soak.

import { openEngine } from '../../src/database/opening/open.ts'
import type { Opened } from '../../src/database/opening/open.ts'
import { resolveOptions } from '../../src/database/options.ts'
import { NotADatabaseError, StorageError } from '../../src/errors.ts'
import { isDiskFull } from '../../src/fs/storage-error.ts'
import { Database } from '../../src/index.ts'
import { checkAfter } from '../crash/judge.ts'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { DIRECTORY, Machine, rest } from '../crash/machine.ts'
import { textOf } from '../crash/model.ts'
import type { CrashKind } from '../crash/model.ts'
import { Broken, describe, Session, SMALL } from '../crash/session.ts'
import type { SessionOptions } from '../crash/session.ts'
import type { Workload } from '../crash/workloads.ts'

/** Room on the simulated disk is given out in blocks of so many bytes. */
export const BLOCK = 512

/** Enough for everything that a step of these workloads writes at once, small enough to be used up. */
const RESERVE_SIZE = 16 * BLOCK

/** Calls that need no room that the reserve has not. */
const NEVER_REFUSED: readonly string[] = ['delete', 'remove', 'gc', 'read', 'open read-only', 'open a writer']

export interface Outcome {
  /** Calls that the full disk refused. */
  readonly refusals: number
  /** What was left and checked. */
  readonly states: number
}

/**
 * @param room bytes that are free when the workload begins
 * @throws Broken
 */
export async function runOnFullDisk(workload: Workload, room: number): Promise<Outcome> {
  const options: SessionOptions = {
    ...workload.options,
    tuning: { ...workload.options?.tuning, reserveSize: RESERVE_SIZE },
  }
  const disk = new MemoryFileSystem({ holes: options.holes === true })
  const session = Session.on(new Machine(disk), options)
  try {
    await workload.prepare(session)
    const { disk } = session.machine
    disk.capacity = disk.used + room
    session.hasBegun = () => true
    session.onRefusal = checkRefusal
    await workload.run(session)
    await rest()
    return { refusals: session.refusals, states: await checkLeft(session, room) }
  } finally {
    await session.abandon()
  }
}

function checkRefusal(label: string, error: unknown): void {
  if (!isDiskFull(error)) throw new Broken(`${label}: no full disk: ${describe(error)}`)
  if (NEVER_REFUSED.includes(label)) throw new Broken(`${label} was refused: ${describe(error)}`)
  const { needed, message } = error as StorageError
  if (!(error instanceof StorageError) || !message.includes('the disk is full'))
    throw new Broken(`${label} does not say that the disk is full: ${describe(error)}`)
  if (needed === undefined || needed <= 0)
    throw new Broken(`${label} does not say how much was needed: ${describe(error)}`)
}

/** As it is, killed, without power, with room again, closed and opened. Returns how many states that were. */
async function checkLeft(session: Session, room: number): Promise<number> {
  const { machine, history, options } = session
  if (session.isOpen) await labelled('reads', () => compareReads(session))
  for (const kind of ['kill', 'power'] as const) {
    const seed = room / BLOCK
    await labelled(`${kind}, still full`, async () => {
      const left = machine.after(kind, seed)
      await compareReadOnly(left, session, kind)
      const again = Session.on(left, options, history.clone())
      again.hasBegun = () => true
      again.onRefusal = checkRefusal
      try {
        await again.open()
        if (again.isOpen) await compareAfter(again, session, kind)
      } finally {
        await again.abandon()
      }
      await compareReadOnly(left, session, kind)
      left.disk.capacity = Infinity
      await checkAfter(
        left.after('kill', 0),
        history.clone(),
        kind,
        options,
        (room / BLOCK) % 3 === 0 ? 'whole' : 'kept',
      )
    })
  }
  machine.disk.capacity = Infinity
  session.onRefusal = (label, error) => {
    throw new Broken(`${label} was refused with room again: ${describe(error)}`)
  }
  await labelled('with room again', async () => {
    if (!session.isOpen) {
      machine.nextProcess()
      await session.open()
    }
    await session.create([
      { name: 'with room', kind: 'index' },
      { name: 'again', kind: 'data', type: 'int64', index: 'with room' },
    ])
    const writer = await session.openWriter(['with room', 'again'], { durability: 'strict' })
    await session.write(writer, session.rows(writer, 2))
    await session.write(writer, session.rows(writer, 30))
    await session.closeWriter(writer)
    await session.gc(0)
    await compareReads(session)
    await session.assertSound()
    await session.close()
    machine.nextProcess()
    await session.open()
    await compareReads(session)
    session.assertNothingLeftOver()
    await session.assertSound()
    await session.close()
  })
  return 4
}

/** A full disk keeps nobody from reading, whatever a crash has left. */
async function compareReadOnly(
  machine: Machine,
  { options, history }: Session,
  kind: CrashKind,
): Promise<void> {
  const environment = machine.environment({ ...SMALL, ...options.tuning })
  const resolved = resolveOptions({ readOnly: true })
  let opened: Opened
  try {
    opened = await openEngine(environment, DIRECTORY, { ...resolved, memoryBudget: 256 * 1024 })
  } catch (error) {
    // The crash came before there was a database.
    if (error instanceof NotADatabaseError && history.length === 1) return
    throw error
  }
  const reader = Session.on(machine, options, history)
  Object.assign(reader, opened, { db: new Database(opened.engine, opened.flusher), isOpen: true })
  try {
    await compareAfter(reader, reader, kind)
  } finally {
    await reader.db.close()
  }
}

/** What is read is a prefix of the history, with everything that was promised. */
async function compareAfter(found: Session, { history }: Session, kind: CrashKind): Promise<void> {
  const state = history.find(textOf(await found.read()), kind)
  if (typeof state === 'string') throw new Broken(state)
}

async function compareReads(session: Session): Promise<void> {
  const text = textOf(await session.read())
  const expected = session.history.text
  if (text !== expected) throw new Broken(`reads show\n${text}\n--- expected\n${expected}`)
}

async function labelled(what: string, step: () => Promise<void>): Promise<void> {
  try {
    await step()
  } catch (error) {
    throw new Broken(`${what}: ${describe(error)}`, { cause: error })
  }
}

// What crashes alone do not show, because it needs two things at once: a snapshot that is read while what it sees is
// deleted and collected, a retirement while a checkpoint is written, two openers. Each scene ends well, or throws what
// is wrong. Called by attacks.ts.

import { openEngine } from '../../src/database/opening/open.ts'
import { resolveOptions } from '../../src/database/options.ts'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { checkAfter } from '../crash/judge.ts'
import { DIRECTORY, Machine } from '../crash/machine.ts'
import { at, Broken, describe, Session, SMALL } from '../crash/session.ts'
import type { Scene } from './mutations.ts'

const NAMES = ['t', 'a']

/** A database with `count` rows, flushed. */
async function openWithRows(session: Session, count: number): Promise<void> {
  await session.open()
  await session.create([
    { name: 't', kind: 'index' },
    { name: 'a', kind: 'data', type: 'float64', index: 't' },
  ])
  const writer = await session.openWriter(NAMES)
  for (let left = count; left > 0; left -= 64)
    await session.write(writer, session.rows(writer, Math.min(64, left)))
  await session.closeWriter(writer)
  await session.flush()
}

/** Whatever a snapshot pins stays (0006), with and without holes. */
async function snapshotThroughCollection(holes: boolean): Promise<void> {
  const session = Session.on(Machine.faulty({ holes }))
  try {
    await openWithRows(session, 400)
    const snapshot = session.db.snapshot()
    const before = JSON.stringify(await snapshot.read(NAMES))
    await session.delete(NAMES, at(0), at(holes ? 256 : 1000))
    await session.gc(holes ? 0.3 : 0)
    const after = JSON.stringify(await snapshot.read(NAMES))
    if (after !== before) throw new Broken(`a snapshot shows\n${after}\n--- and before\n${before}`)
    await snapshot.close()
  } finally {
    await session.abandon()
  }
}

/**
 * Edits that come while a checkpoint of an older version is written are not archived into the manifest that it
 * replaces: the process that was killed after both finds everything.
 */
async function retirementDuringCheckpoint(): Promise<void> {
  let isHeld = false
  let come = (): void => {}
  let open = (): void => {}
  const reached = new Promise<void>((resolve) => (come = resolve))
  const opened = new Promise<void>((resolve) => (open = resolve))
  const disk = new MemoryFileSystem({
    scheduler: async (label) => {
      if (!isHeld || !/^write .*\/manifest\//.test(label)) return
      isHeld = false
      come()
      await opened
    },
  })
  const machine = new Machine(disk)
  const session = Session.on(machine, { tuning: { manifestSlack: 1 << 20 } })
  try {
    await openWithRows(session, 9)
    await session.retire()
    await session.delete(NAMES, at(1), at(2))
    isHeld = true
    const checkpoint = session.checkpoint()
    await reached
    await session.delete(NAMES, at(3), at(4))
    const retirement = session.retire()
    // As far as it gets: it waits for the checkpoint, or it is over.
    await session.settle()
    open()
    await Promise.all([checkpoint, retirement])
    await checkAfter(machine.after('kill', 0), session.history, 'kill', session.options, 'kept')
  } finally {
    await session.abandon()
  }
}

/** One of two processes that open at once has it open, the other is told who has (S6). */
async function openersAtOnce(): Promise<void> {
  // Both come to the link before either goes on.
  let come = 0
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  const scheduler = (label: string): Promise<void> | undefined => {
    if (!/^link .*LEASE/.test(label)) return undefined
    if (++come === 2) open()
    return opened
  }
  const machine = new Machine(new MemoryFileSystem({ scheduler: async (label) => scheduler(label) }))
  const first = machine.environment(SMALL)
  machine.leaveStanding()
  const second = machine.environment(SMALL)
  machine.leaveStanding()
  const outcomes = await Promise.allSettled(
    [first, second].map((environment) => openEngine(environment, DIRECTORY, resolveOptions({}))),
  )
  const holders = outcomes.filter((outcome) => outcome.status === 'fulfilled')
  for (const { value } of holders) value.engine.stopTimers()
  if (holders.length !== 1) throw new Broken(`${holders.length} processes have it open`)
  const refused = outcomes.find((outcome) => outcome.status === 'rejected')
  if (!describe(refused?.reason).includes('DatabaseLockedError'))
    throw new Broken(`the other was told: ${describe(refused?.reason)}`)
}

export const SCENES: Readonly<Record<Scene, () => Promise<void>>> = {
  'a snapshot is read through a collection': () => snapshotThroughCollection(false),
  'a snapshot is read through a collection by holes': () => snapshotThroughCollection(true),
  'files retire while a checkpoint is written': retirementDuringCheckpoint,
  'two processes open at once': openersAtOnce,
}

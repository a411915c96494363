// What crashes alone do not show, because it needs two things at once: a snapshot that is read while what it sees is
// deleted and collected, and a retirement while a checkpoint is written. Each scene ends well, or throws what
// is wrong. Called by attacks.ts.

import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { checkAfter } from '../crash/judge.ts'
import { Machine } from '../crash/machine.ts'
import { at, Broken, Session } from '../crash/session.ts'
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
  await session.write(writer, session.rows(writer, count))
  await session.closeWriter(writer)
  await session.flush()
}

/** Whatever a snapshot pins stays (0006). */
async function snapshotThroughCollection(): Promise<void> {
  const session = Session.on(new Machine())
  try {
    await openWithRows(session, 60)
    const snapshot = session.db.snapshot()
    const before = JSON.stringify(await snapshot.read(NAMES))
    await session.delete(NAMES, at(0), at(100))
    await session.gc(0)
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

export const SCENES: Readonly<Record<Scene, () => Promise<void>>> = {
  'a snapshot is read through a collection': snapshotThroughCollection,
  'files retire while a checkpoint is written': retirementDuringCheckpoint,
}

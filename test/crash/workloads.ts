// What the crash tests do to a database before, and while, things go wrong. Each workload prepares a
// state in peace and then does the one thing it is named for, often between things of other kinds, so
// that what follows a half-done step is met too. `fault` runs go on after a refused call.

import { at, Died } from './session.ts'
import type { ModelWriter, Session, SessionOptions } from './session.ts'

export interface Workload {
  readonly name: string
  readonly options?: SessionOptions
  /** In peace. Opens the database, unless opening is what the workload is about. */
  readonly prepare: (session: Session) => Promise<void>
  /** While things go wrong. */
  readonly run: (session: Session) => Promise<void>
  /** The workload lets operations fail itself: no others are made to. */
  readonly isFaulty?: boolean
}

const FIRST = ['t', 'a', 'b']
const SECOND = ['u', 'c']

async function openWithChannels(session: Session): Promise<void> {
  await session.open()
  await session.create([
    { name: 't', kind: 'index' },
    { name: 'a', kind: 'data', type: 'float64', index: 't', unit: 'bar' },
    { name: 'b', kind: 'data', type: 'int16', index: 't' },
    { name: 'u', kind: 'index', metadata: { site: 'north' } },
    { name: 'c', kind: 'data', type: 'uint8', index: 'u' },
  ])
}

/** Rows 0-9 flushed, 10-14 in the tail; of the second group 0-4 flushed. */
export async function openWithSamples(session: Session): Promise<void> {
  await openWithChannels(session)
  const writer = await session.openWriter([...FIRST, ...SECOND])
  await session.write(writer, session.rows(writer, 5))
  await session.write(writer, session.rows(writer, 5, ['t']))
  await session.flush()
  await session.write(writer, session.rows(writer, 5, ['t']))
  await session.closeWriter(writer)
  await session.sync()
}

/** Writes `count` frames of `rows` rows. */
async function writeMany(
  session: Session,
  writer: ModelWriter | undefined,
  count: number,
  rows = 2,
): Promise<void> {
  for (let i = 0; i < count; i++) await session.write(writer, session.rows(writer, rows))
}

const commits = (['relaxed', 'batched', 'strict'] as const).map((durability): Workload => ({
  name: `commit, ${durability}`,
  prepare: openWithSamples,
  run: async (session) => {
    const writer = await session.openWriter(FIRST, { durability })
    await writeMany(session, writer, 6)
    await session.settle()
    await writeMany(session, writer, 3)
  },
}))

const mixed: Workload = {
  name: 'commit, mixed durabilities',
  prepare: openWithSamples,
  run: async (session) => {
    const relaxed = await session.openWriter(FIRST, { durability: 'relaxed' })
    const strict = await session.openWriter(SECOND, { durability: 'strict' })
    await writeMany(session, relaxed, 3)
    await writeMany(session, strict, 1)
    await writeMany(session, relaxed, 2)
    await session.closeWriter(strict)
    const batched = await session.openWriter(SECOND, { durability: 'batched' })
    await writeMany(session, batched, 2)
    await writeMany(session, relaxed, 2)
    await session.sync()
    await writeMany(session, relaxed, 2)
    await session.closeWriter(batched)
    const last = await session.openWriter(SECOND, { durability: 'strict' })
    await writeMany(session, last, 2)
  },
}

const large: Workload = {
  name: 'large frames between small ones',
  prepare: openWithSamples,
  run: async (session) => {
    const writer = await session.openWriter(FIRST)
    await session.write(writer, session.rows(writer, 2))
    await session.write(writer, session.rows(writer, 40))
    await session.write(writer, session.rows(writer, 2))
    await session.closeWriter(writer)
    const strict = await session.openWriter(FIRST, { durability: 'strict' })
    await session.write(strict, session.rows(strict, 60))
    await session.write(strict, session.rows(strict, 3))
    await session.flush()
    await session.write(strict, session.rows(strict, 30))
  },
}

const groups: Workload = {
  name: 'several groups in one commit',
  prepare: openWithSamples,
  run: async (session) => {
    const writer = await session.openWriter([...FIRST, ...SECOND], { autoCommit: false })
    for (let round = 0; round < 3; round++) {
      await session.write(writer, session.rows(writer, 3))
      await session.write(writer, session.rows(writer, 30, ['u']))
      await session.write(writer, session.rows(writer, 2, ['t']))
      await session.commit(writer)
    }
    await session.write(writer, session.rows(writer, 2))
    await session.closeWriter(writer)
  },
}

const spill: Workload = {
  name: 'spill, and the commit after it',
  prepare: openWithSamples,
  run: async (session) => {
    const writer = await session.openWriter([...FIRST, ...SECOND], {
      autoCommit: false,
      durability: 'strict',
    })
    await session.write(writer, session.rows(writer, 4))
    await session.spill()
    await session.write(writer, session.rows(writer, 2))
    await session.commit(writer)
    await session.write(writer, session.rows(writer, 3))
    await session.flush()
    await session.spill()
    await session.commit(writer)
    await session.write(writer, session.rows(writer, 3))
    await session.spill()
    await session.closeWriter(writer)
    await session.gc()
  },
}

const flush: Workload = {
  name: 'flush',
  prepare: openWithSamples,
  run: async (session) => {
    const writer = await session.openWriter([...FIRST, ...SECOND])
    await writeMany(session, writer, 3)
    await session.flush()
    await writeMany(session, writer, 2)
    await session.write(writer, session.rows(writer, 30))
    await session.flush()
    await session.flush()
  },
}

const flushWhileWriting: Workload = {
  name: 'commits while a flush goes on',
  prepare: openWithSamples,
  run: async (session) => {
    const writer = await session.openWriter(FIRST)
    const strict = await session.openWriter(SECOND, { durability: 'strict' })
    await writeMany(session, writer, 3)
    const flushing = session.flush()
    await Promise.all([flushing, writeMany(session, writer, 3).then(() => writeMany(session, strict, 2))])
    const again = session.flush()
    await Promise.all([again, session.write(writer, session.rows(writer, 30))])
  },
}

const syncWhileWriting: Workload = {
  name: 'large frames while a sync goes on',
  prepare: openWithSamples,
  run: async (session) => {
    const writer = await session.openWriter(FIRST)
    for (let round = 0; round < 4; round++) {
      await session.write(writer, session.rows(writer, 1))
      // What is named by records that come while the segments are synced already is not proven by it.
      await Promise.all([session.sync(), session.write(writer, session.rows(writer, 30))])
      await session.write(writer, session.rows(writer, 1))
    }
  },
}

const roll: Workload = {
  name: 'journal roll',
  options: { tuning: { journalFileSize: 400 } },
  prepare: openWithSamples,
  run: async (session) => {
    const writer = await session.openWriter(FIRST)
    await writeMany(session, writer, 8)
    await session.closeWriter(writer)
    const relaxed = await session.openWriter(FIRST, { durability: 'relaxed' })
    await writeMany(session, relaxed, 8)
    const strict = await session.openWriter(SECOND, { durability: 'strict' })
    await writeMany(session, strict, 1)
    await writeMany(session, relaxed, 8)
    await session.settle()
    await writeMany(session, relaxed, 1)
  },
}

const retire: Workload = {
  name: 'retire',
  options: { tuning: { journalFileSize: 400, manifestSlack: 1 << 20 } },
  prepare: openWithSamples,
  run: async (session) => {
    const writer = await session.openWriter(FIRST)
    for (let round = 0; round < 3; round++) {
      await writeMany(session, writer, 5)
      await session.delete(['a'], at(2 * round), at(2 * round + 1))
      await session.flush()
      await session.retire()
    }
    await writeMany(session, writer, 2)
  },
}

const retireByItself: Workload = {
  name: 'retirement in the background',
  options: { tuning: { journalFileSize: 300, journalLimit: 700, manifestSlack: 100 } },
  prepare: openWithSamples,
  run: async (session) => {
    const writer = await session.openWriter(FIRST)
    for (let round = 0; round < 3; round++) {
      await writeMany(session, writer, 6)
      await session.settle()
      await session.settle()
    }
  },
}

const checkpoint: Workload = {
  name: 'checkpoint',
  options: { tuning: { journalFileSize: 400, manifestSlack: 0 } },
  prepare: openWithSamples,
  run: async (session) => {
    const writer = await session.openWriter(FIRST)
    await session.checkpoint()
    await writeMany(session, writer, 2)
    await session.delete(['t', 'a', 'b'], at(3), at(6))
    await session.flush()
    await session.checkpoint()
    await session.retire()
    await writeMany(session, writer, 2)
    await session.flush()
    await session.retire()
    // Below the checkpoint, a delete has cut a tail that is still in the journal.
    await writeMany(session, writer, 2)
    await session.delete(FIRST, at(24), at(26))
    await session.checkpoint()
    await writeMany(session, writer, 1)
  },
}

const deletes = (['batched', 'strict'] as const).map((durability): Workload => ({
  name: `delete in pointers, in tails and in both, ${durability}`,
  options: { durability },
  prepare: openWithSamples,
  run: async (session) => {
    const writer = await session.openWriter(FIRST)
    await session.delete(['a'], at(1), at(3))
    await session.delete(['b'], at(11), at(13))
    await session.delete(FIRST, at(8), at(12))
    await session.write(writer, session.rows(writer, 30))
    await session.delete(['a', 'b'], at(20), at(25))
    await session.write(writer, session.rows(writer, 2))
    await session.delete(FIRST, at(43), at(46))
    await session.delete([...FIRST, ...SECOND], at(0), at(4))
    await session.write(writer, session.rows(writer, 2))
    await session.delete(['a'], at(48), at(49))
    await session.write(writer, session.rows(writer, 2))
    await session.flush()
    await session.delete(FIRST, at(30), at(100))
  },
}))

const refill: Workload = {
  name: 'refill of a hole',
  prepare: openWithSamples,
  run: async (session) => {
    await session.delete(FIRST, at(4), at(9))
    // Refused, there is no hole.
    if (session.isTaken('t', at(5))) return
    session.cursors.set('t', at(5))
    const writer = await session.openWriter(FIRST)
    await writeMany(session, writer, 1)
    await session.closeWriter(writer)
    await session.flush()
    await session.delete(FIRST, at(6), at(11))
    if (session.isTaken('t', at(8))) return
    session.cursors.set('t', at(8))
    const second = await session.openWriter(FIRST)
    await writeMany(session, second, 1, 1)
  },
}

/** Several segments, all of the first dead, some of the others. */
export async function openWithTombstones(session: Session): Promise<void> {
  await openWithChannels(session)
  const writer = await session.openWriter([...FIRST, ...SECOND])
  for (let round = 0; round < 4; round++) {
    await session.write(writer, session.rows(writer, 70))
    await session.flush()
  }
  await session.closeWriter(writer)
  await session.sync()
}

const drop: Workload = {
  name: 'collect by dropping',
  prepare: openWithTombstones,
  run: async (session) => {
    await session.delete([...FIRST, ...SECOND], at(0), at(200))
    await session.gc(1)
    const writer = await session.openWriter(FIRST)
    await writeMany(session, writer, 1)
    await session.remove(SECOND)
    await session.gc(1)
    await writeMany(session, writer, 1)
  },
}

const rewrite: Workload = {
  name: 'collect by rewriting',
  prepare: openWithTombstones,
  run: async (session) => {
    await session.delete(['a'], at(10), at(60))
    await session.delete(FIRST, at(90), at(95))
    await session.gc(0)
    const writer = await session.openWriter(FIRST, { durability: 'strict' })
    await writeMany(session, writer, 1)
    await session.flush()
    await session.delete(SECOND, at(3), at(150))
    await Promise.all([session.gc(0), writeMany(session, writer, 3)])
    await session.gc(0)
  },
}

/** The last extents are long enough to have whole dead blocks beside live ones. */
const holes: Workload = {
  name: 'collect by holes',
  options: { holes: true, tuning: { extentLimit: 1 << 20 } },
  prepare: async (session) => {
    await openWithTombstones(session)
    const writer = await session.openWriter(SECOND)
    await session.write(writer, session.rows(writer, 2600))
    await session.closeWriter(writer)
    await session.sync()
  },
  run: async (session) => {
    await session.delete(FIRST, at(10), at(190))
    await session.gc(0.1)
    const writer = await session.openWriter(FIRST, { durability: 'strict' })
    await writeMany(session, writer, 1)
    await session.delete(SECOND, at(200), at(1700))
    await Promise.all([session.gc(0.1), writeMany(session, writer, 3)])
    await session.delete(SECOND, at(0), at(2500))
    await session.gc(0.1)
    await session.retire()
    await session.remove(SECOND)
    await session.gc(0.1)
    await session.write(writer, session.rows(writer, 30))
  },
}

const channels = (['batched', 'strict'] as const).map((durability): Workload => ({
  name: `create, rename, update and remove channels, ${durability}`,
  options: { durability },
  prepare: openWithSamples,
  run: async (session) => {
    await session.create([
      { name: 'v', kind: 'index' },
      { name: 'd', kind: 'data', type: 'boolean', index: 'v' },
    ])
    const writer = await session.openWriter(['v', 'd'])
    await writeMany(session, writer, 2)
    await session.closeWriter(writer)
    await session.rename('t', 'time')
    await session.update('a', { unit: 'Pa', metadata: { sensor: 'x' } })
    await session.remove(['b'])
    await session.remove(['v', 'd'])
    await session.create([
      { name: 'v', kind: 'index' },
      { name: 'b', kind: 'data', type: 'float64', index: 'v' },
    ])
    await session.remove(['time', 'a'])
    const again = await session.openWriter(['v', 'b'])
    await writeMany(session, again, 2)
  },
}))

const close: Workload = {
  name: 'close, and open again',
  prepare: openWithSamples,
  run: async (session) => {
    const writer = await session.openWriter(FIRST)
    await writeMany(session, writer, 3)
    await session.delete(['a'], at(11), at(12))
    await session.write(writer, session.rows(writer, 30))
    await reopen(session)
    const after = await session.openWriter(FIRST)
    await writeMany(session, after, 2)
    await reopen(session)
    await reopen(session)
  },
}

/** Closes and opens again; what is refused once is tried again. */
export async function reopen(session: Session): Promise<void> {
  await session.close()
  for (let tries = 0; tries < 4 && !session.isOpen; tries++) await session.open()
}

const create: Workload = {
  name: 'open of a new database',
  prepare: async () => {},
  run: async (session) => {
    for (let tries = 0; tries < 4 && !session.isOpen; tries++) await session.open()
    await session.create([
      { name: 't', kind: 'index' },
      { name: 'a', kind: 'data', type: 'float64', index: 't' },
    ])
    const writer = await session.openWriter(['t', 'a'])
    await writeMany(session, writer, 2)
    await session.write(writer, session.rows(writer, 30))
  },
}

const onLoop: Workload = {
  name: 'commit, strict, synced on the loop',
  options: { tuning: { loopSyncMs: 1e9 } },
  prepare: openWithSamples,
  run: async (session) => {
    const writer = await session.openWriter(FIRST, { durability: 'strict' })
    await writeMany(session, writer, 4)
    await session.write(writer, session.rows(writer, 30))
    await writeMany(session, writer, 3)
  },
}

const reads: Workload = {
  name: 'reads, beside in a read-only process too',
  prepare: openWithSamples,
  run: async (session) => {
    await session.look()
    await session.lookReadOnly()
    const writer = await session.openWriter(FIRST)
    await writeMany(session, writer, 2)
    await session.flush()
    await session.look()
    await session.lookReadOnly()
    await session.delete(['a'], at(3), at(9))
    await session.look()
  },
}

const takeOver: Workload = {
  name: 'take-over',
  prepare: openInDisorder,
  run: async (session) => {
    await session.takeOver()
    await session.lookReadOnly()
    const writer = await session.openWriter(FIRST)
    await writeMany(session, writer, 2)
    await session.delete(['a'], at(12), at(16))
    await session.takeOver()
    const again = await session.openWriter([...FIRST, ...SECOND], { durability: 'strict' })
    await writeMany(session, again, 1)
  },
}

const slowly: Workload = {
  name: 'calls with long pauses, and a file for each record',
  options: {
    durability: 'strict',
    tuning: { journalFileSize: 1, manifestSlack: 0, unprovenLimit: 1 << 30 },
    segmentSize: 1024,
  },
  prepare: async (session) => {
    await openWithSamples(session)
    // Every call looks at the fence anew.
    session.pauseMs = 100
  },
  run: async (session) => {
    const writer = await session.openWriter([...FIRST, ...SECOND], {
      autoCommit: false,
      durability: 'relaxed',
    })
    for (let round = 0; round < 5; round++) {
      await session.write(writer, session.rows(writer, 12))
      await session.spill()
    }
    await session.commit(writer)
    // Each of these is the first to prove that a segment is full.
    const proofs = [
      () => session.sync(),
      () => session.delete(['b'], at(1), at(2)),
      () => session.update('c', { unit: 's' }),
    ]
    for (const prove of proofs) {
      await session.write(writer, session.rows(writer, 60))
      await session.commit(writer)
      await session.write(writer, session.rows(writer, 60))
      await session.commit(writer)
      await prove()
    }
    for (let round = 0; round < 1; round++) {
      await session.write(writer, session.rows(writer, 3))
      await session.commit(writer)
      await session.update('a', { unit: `u${round}` })
      await session.write(writer, session.rows(writer, 12))
      await session.commit(writer)
      await session.sync()
      await session.delete(['a'], at(3 * round), at(3 * round + 2))
      await session.create([{ name: `x${round}`, kind: 'index' }])
      await session.rename(`x${round}`, `y${round}`)
      await session.write(writer, session.rows(writer, 40, ['u']))
      await session.spill()
      await session.commit(writer)
      await session.flush()
    }
    await session.checkpoint()
    await session.retire()
    await session.gc(0)
  },
}

/** The next write to such a path is cut short, and what would complete it finds no room. */
function failNextWrite(session: Session, path: RegExp): void {
  const { faults } = session.machine
  faults?.clearRules()
  faults?.addRule({ kind: 'write', path, fault: { short: 7 } })
  faults?.addRule({ kind: 'write', path, nth: 2, fault: { code: 'ENOSPC' } })
}

const cutOff: Workload = {
  name: 'failed appends that are cut off',
  isFaulty: true,
  prepare: openWithSamples,
  run: async (session) => {
    session.hasBegun = () => true
    const writer = await session.openWriter(FIRST)
    const fail = async (call: () => Promise<unknown>, path = /journal/): Promise<void> => {
      failNextWrite(session, path)
      await call()
      session.machine.faults?.clearRules()
      await session.write(writer, session.rows(writer, 2))
    }
    await fail(() => writeMany(session, writer, 1))
    await fail(() => session.delete(['a'], at(1), at(3)))
    await fail(() => session.update('a', { unit: 'Pa' }))
    await fail(() => session.flush())
    await session.delete(FIRST, at(2), at(6))
    await session.flush()
    await fail(() => session.gc(0))
    const relaxed = await session.openWriter(SECOND, { durability: 'relaxed' })
    await session.write(relaxed, session.rows(relaxed, 2))
    await fail(() => session.sync())
    await session.flush()
    await fail(() => session.retire(), /manifest/)
    await session.checkpoint()
    await fail(() => session.retire(), /manifest/)
    await session.write(writer, session.rows(writer, 2))
    for (const path of [/journal/, /manifest/]) {
      failNextWrite(session, path)
      await session.close()
      session.machine.faults?.clearRules()
      failNextWrite(session, path)
      await session.open()
      session.machine.faults?.clearRules()
      for (let tries = 0; tries < 4 && !session.isOpen; tries++) await session.open()
      const again = await session.openWriter(FIRST)
      await session.write(again, session.rows(again, 2))
    }
  },
}

/** A bit of everything that recovery has to make its own. */
async function openInDisorder(session: Session): Promise<void> {
  await openWithSamples(session)
  const writer = await session.openWriter([...FIRST, ...SECOND])
  await writeMany(session, writer, 2)
  await session.write(writer, session.rows(writer, 30, ['t']))
  await session.flush()
  await session.write(writer, session.rows(writer, 30, ['t']))
  await session.retire()
  await writeMany(session, writer, 2)
  await session.delete(['a'], at(12), at(16))
  await session.delete(FIRST, at(60), at(65))
  await session.closeWriter(writer)
  await session.gc(0)
  const last = await session.openWriter([...FIRST, ...SECOND], { autoCommit: false })
  await session.write(last, session.rows(last, 2))
  await session.commit(last)
  await session.write(last, session.rows(last, 2))
}

/** The fixed set. */
export const WORKLOADS: readonly Workload[] = [
  ...commits,
  mixed,
  large,
  groups,
  spill,
  flush,
  flushWhileWriting,
  syncWhileWriting,
  roll,
  retire,
  retireByItself,
  checkpoint,
  ...deletes,
  refill,
  drop,
  rewrite,
  holes,
  ...channels,
  close,
  create,
  onLoop,
  slowly,
  cutOff,
  reads,
  takeOver,
]

const DISORDERS: readonly (Pick<Workload, 'name'> & { readonly options?: SessionOptions })[] = [
  { name: 'a bit of everything' },
  { name: 'a journal of many files', options: { tuning: { journalFileSize: 300 } } },
  {
    name: 'strict commits',
    options: { durability: 'strict', tuning: { journalFileSize: 600, manifestSlack: 0 } },
  },
  { name: 'relaxed commits', options: { durability: 'relaxed' } },
]

/** Taking over where a first opening stands still at its nth change. */
const unfinishedTakeOver = [8, 12].map((n): Workload => ({
  name: `take-over of a new database that is opened up to change ${n}`,
  prepare: async (session) => {
    const { machine } = session
    let changes = 0
    let disk = machine.disk
    machine.disk.observeMutations((pending) => {
      if (++changes === n) disk = pending.before()
    })
    await session.open()
    await session.close()
    session.machine = machine.withDisk(disk, machine.faults !== undefined)
  },
  run: async (session) => {
    await session.takeOver()
    await session.create([{ name: 't', kind: 'index' }])
  },
}))

/** An opening whose first record fails and is cut off. */
const cutBegin = (['recovery', 'take-over'] as const).map((how): Workload => ({
  name: `a first record that fails, ${how}`,
  isFaulty: true,
  prepare: async (session) => {
    await openInDisorder(session)
    if (how === 'recovery') await session.crash('kill', 1)
  },
  run: async (session) => {
    session.hasBegun = () => true
    failNextWrite(session, /journal/)
    if (how === 'take-over') await session.takeOver()
    else await session.recover('kill')
    session.machine.faults?.clearRules()
  },
}))

/** Opening where a first opening got no further than its nth change. */
const unfinished = [2, 4, 9].map((n): Workload => ({
  name: `open of a new database after a power loss at change ${n}`,
  prepare: async (session) => {
    session.machine.disk.cutPowerAt(n, n)
    await session.open().catch((error: unknown) => {
      if (!(error instanceof Died)) throw error
    })
    await session.crash('power', n)
  },
  run: async (session) => {
    await session.recover('power')
    await session.create([
      { name: 't', kind: 'index' },
      { name: 'a', kind: 'data', type: 'float64', index: 't' },
    ])
    const writer = await session.openWriter(['t', 'a'])
    await writeMany(session, writer, 1)
  },
}))

const recoveries = DISORDERS.flatMap(({ name, options = {} }) =>
  (['kill', 'power'] as const).map((kind): Workload => ({
    name: `open after a ${kind === 'kill' ? 'kill' : 'power loss'}: ${name}`,
    options,
    prepare: async (session) => {
      await openInDisorder(session)
      await session.crash(kind, name.length)
    },
    run: async (session) => {
      await session.recover(kind)
      if (!session.isOpen) return
      const names = session.history.state.map((channel) => channel.name)
      await session.delete(names, at(40), at(45))
      await session.flush()
      await session.retire()
    },
  })),
)

/** Opening after a crash, and what comes next. */
export const RECOVERY: readonly Workload[] = [
  ...recoveries,
  ...unfinished,
  ...unfinishedTakeOver,
  ...cutBegin,
]

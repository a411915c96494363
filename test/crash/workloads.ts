// What the crash tests do to a database before, and while, things go wrong. Each workload prepares a
// state in peace and then does the one thing it is named for, often between things of other kinds, so
// that what follows a half-done step is met too. `fault` runs go on after a refused call.

import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { at } from './session.ts'
import type { ModelWriter, Session, SessionOptions } from './session.ts'

export interface Workload {
  readonly name: string
  readonly options?: SessionOptions
  /** In peace. Opens the database, unless opening is what the workload is about. */
  readonly prepare: (session: Session) => Promise<void>
  /** While things go wrong. */
  readonly run: (session: Session) => Promise<void>
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
async function openWithSamples(session: Session): Promise<void> {
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
    await session.delete(FIRST, at(18), at(20))
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
async function openWithTombstones(session: Session): Promise<void> {
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
async function reopen(session: Session): Promise<void> {
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

/** Anything, in an order that `seed` decides. Long soaks find with it what nobody thought of. */
export function anything(seed: number, steps = 14): Workload {
  const random = new SeededRandom(seed)
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)]!
  const durability = pick(['batched', 'strict', 'relaxed'] as const)
  const options: SessionOptions = {
    durability,
    tuning: {
      journalFileSize: pick([300, 600, 1 << 20]),
      journalLimit: pick([700, 1 << 30, 1 << 30]),
      manifestSlack: pick([0, 200, 1 << 20]),
      extentLimit: pick([64, 512, 1 << 20]),
    },
    segmentSize: pick([1024, 4096, 1 << 20]),
  }
  const script = Array.from({ length: steps }, () => random.below(1 << 30))
  return {
    name: `anything, seed ${seed}`,
    options,
    prepare: random.chance(0.3) ? openWithTombstones : openWithSamples,
    run: (session) => runScript(session, script),
  }
}

async function runScript(session: Session, script: readonly number[]): Promise<void> {
  let writer: ModelWriter | undefined
  let renamed = 0
  for (const number of script) {
    const random = new SeededRandom(number)
    if (!session.isOpen) await session.open()
    if (!session.isOpen) return
    const names = session.history.state.map(({ name }) => name)
    const groupsNow = session.history.state.filter(({ kind }) => kind === 'index').map(({ name }) => name)
    const channelsOf = (index: string): string[] =>
      session.history.state
        .filter((channel) => channel.name === index || channel.index === index)
        .map(({ name }) => name)
    const someGroup = (): string[] => channelsOf(groupsNow[random.below(groupsNow.length)] ?? '')
    const step = random.below(20)
    if (step < 7) {
      if (writer === undefined || random.chance(0.3)) {
        if (writer !== undefined) await session.closeWriter(writer)
        const chosen = random.chance(0.5) ? someGroup() : groupsNow.flatMap(channelsOf)
        if (chosen.length === 0) continue
        const durability = (['relaxed', 'batched', 'strict'] as const)[random.below(3)]!
        writer = await session.openWriter(chosen, { durability, autoCommit: random.chance(0.6) })
      }
      const rows = [1, 2, 5, 30][random.below(4)]!
      for (let i = random.below(4); i >= 0; i--) await session.write(writer, session.rows(writer, rows))
      if (writer !== undefined && !writer.autoCommit) {
        if (random.chance(0.3)) await session.spill()
        if (random.chance(0.7)) await session.commit(writer)
      }
    } else if (step < 10) {
      const from = random.below(300)
      const range = [at(from), at(from + 1 + random.below(random.chance(0.5) ? 10 : 300))] as const
      const group = someGroup()
      const data = group.slice(1)
      if (random.chance(0.5) && data.length > 0)
        await session.delete([data[random.below(data.length)]!], ...range)
      else if (group.length > 0) await session.delete(random.chance(0.7) ? group : names, ...range)
    } else if (step < 12) await session.flush()
    else if (step === 12) await session.retire()
    else if (step === 13) await session.checkpoint()
    else if (step < 16) {
      if (random.chance(0.5) && writer !== undefined) {
        await Promise.all([session.gc(random.below(2) / 2), session.write(writer, session.rows(writer, 2))])
      } else await session.gc(random.below(2) / 2)
    } else if (step === 16) await session.sync()
    else if (step === 17) {
      if (writer !== undefined) await session.closeWriter(writer)
      writer = undefined
      if (random.chance(0.3)) await session.settle()
      if (random.chance(0.5)) await reopen(session)
      else if (names.length > 0) await session.rename(names[random.below(names.length)]!, `n${++renamed}`)
    } else if (step === 18) {
      if (writer !== undefined) await session.closeWriter(writer)
      writer = undefined
      const group = someGroup()
      const data = group.slice(1)
      if (random.chance(0.5) && data.length > 0) await session.remove([data[0]!])
      else if (groupsNow.length > 1) await session.remove(group)
      else if (data.length > 0) await session.update(data[0]!, { unit: `u${number}` })
    } else {
      const index = `i${session.history.length}`
      if (!names.includes(index)) {
        await session.create([
          { name: index, kind: 'index' },
          { name: `${index}d`, kind: 'data', type: 'int64', index },
        ])
      }
    }
  }
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
  ...channels,
  close,
  create,
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

/** Opening after a crash, and what comes next. */
export const RECOVERY: readonly Workload[] = DISORDERS.flatMap(({ name, options = {} }) =>
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

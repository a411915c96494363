// The operations of the race matrix, each on a store that is prepared for all of them (prepare): there are samples in
// pointers and in tails, a segment that is wholly dead and some that are partly so, samples that are written and not
// committed, a hole that a writer fills, a channel that nobody uses, a journal of several files, a read-only process.
// Called by matrix.ts.

import type { Database } from '../../src/index.ts'
import { checkpointNow, retireOldest } from '../../src/database/retire.ts'
import { spillPending } from '../../src/database/spill.ts'
import { deleteOnce, endure, removeOnce } from './clients.ts'
import { EVERYTHING, readOnce, walkOnce } from './reading.ts'
import { timeOf } from './world.ts'
import type { World } from './world.ts'
import { openSession } from './writer-client.ts'
import type { Session } from './writer-client.ts'

/** The store that the operations race on. */
export interface Prepared {
  readonly world: World
  /** Writes small frames behind everything, commits each. */
  readonly live: Session
  /** Fills a hole with large frames, commits each. */
  readonly filling: Session
  /** Has written to another hole, and not committed. */
  readonly pending: Session
  /** A read-only process. */
  readonly reader: Database
}

/** One operation; resolves when it has ended, whether done or refused. */
export type RaceOperation = (prepared: Prepared) => Promise<unknown>

/** The group's stretches, in slots. */
const FLUSHED = { start: 0, end: 60 }
const LIVE = 1000

/** A channel that no writer has open. */
const SPARE = 'c0'

const GROUPS: readonly (readonly string[])[] = [
  ['t0', 'a0', 'b0'],
  ['t1', 'a1'],
]

export async function prepare(world: World): Promise<Prepared> {
  await world.open()
  await world.createGroup(0, ['a', 'b', 'c'])
  await world.createGroup(1, ['a'])
  const open = async (number: number, slot: number, row: number, autoCommit: boolean): Promise<Session> => {
    const channels = GROUPS
    const session = await openSession(world, {
      number,
      channels,
      autoCommit,
      durability: 'batched',
      slot,
      row,
      hasStart: true,
    })
    if (session === undefined) throw new Error('the store cannot be prepared')
    return session
  }
  const all = (): boolean => true
  const { db, flusher } = world
  // A segment that is partly dead: of 40 rows 10 are left at each end, and others beside them.
  const old = await open(1, 0, 0, true)
  await old.write(40, 1, all)
  await old.write(6, 1, all)
  await old.write(6, 1, all)
  await flusher.flushAll()
  await deleteOnce(world, world.channels(), { start: timeOf(0, 12), end: timeOf(0, 22) })
  // What lies at 200 is wholly dead, in segments of its own.
  old.skipTo(200)
  for (let i = 0; i < 4; i++) await old.write(40, 1, all)
  await flusher.flushAll()
  await deleteOnce(world, world.channels(), { start: timeOf(0, 190), end: timeOf(0, 400) })
  await old.close()
  const live = await open(2, LIVE, 0, true)
  await live.write(3, 1, all)
  await live.write(2, 1, all)
  const filling = await open(3, 400, 0, true)
  await filling.write(2, 1, all)
  const pending = await open(4, 100, 0, false)
  await pending.write(4, 1, all)
  await pending.write(2, 1, all)
  await db.channels.rename('b0', 'b0')
  const reader = await world.openReader()
  return { world, live, filling, pending, reader }
}

const everywhere = (): boolean => true

/** In the order of the table. */
export type OperationName =
  | 'commit, small'
  | 'commit, large'
  | 'spill'
  | 'flush'
  | 'retire'
  | 'checkpoint'
  | 'read'
  | 'frames'
  | 'snapshot'
  | 'delete, pointers'
  | 'delete, tails'
  | 'delete, groups'
  | 'collect, drop'
  | 'collect, rewrite'
  | 'collect, holes'
  | 'create'
  | 'rename'
  | 'update'
  | 'remove'
  | 'refresh'
  | 'close'

/** By name, in the order of the table. */
export const OPERATIONS: Readonly<Record<OperationName, RaceOperation>> = {
  'commit, small': ({ live }) => live.write(3, 1, everywhere),
  'commit, large': ({ filling }) => filling.write(40, 1, everywhere),
  spill: ({ world }) => endure(world, 'spill', spillPending(world.engine)),
  flush: ({ world }) => endure(world, 'flush', world.flusher.flushAll()),
  retire: ({ world }) => endure(world, 'retire', retireOldest(world.engine)),
  checkpoint: ({ world }) => endure(world, 'checkpoint', checkpointNow(world.engine)),
  read: ({ world }) => readOnce(world, world.db, 'read', world.channels(), EVERYTHING, undefined),
  frames: ({ world }) => walkOnce(world, world.db, 'frames', world.channels(), EVERYTHING, 5, undefined),
  snapshot: async ({ world }) => {
    const at = world.recorder.tick()
    const snapshot = world.db.snapshot()
    for (let times = 0; times < 3; times++) {
      await readOnce(world, snapshot, 'snapshot', world.channels(), EVERYTHING, at)
      await world.schedule.turn('snapshot read')
      if (world.isOver) return
    }
    await snapshot.close()
  },
  'delete, pointers': ({ world }) =>
    deleteOnce(world, ['t0', 'a0', 'b0', SPARE], { start: timeOf(0, 30), end: timeOf(0, 45) }),
  'delete, tails': ({ world }) =>
    deleteOnce(world, ['t0', 'a0', 'b0', SPARE], { start: timeOf(0, LIVE + 1), end: timeOf(0, LIVE + 7) }),
  'delete, groups': ({ world }) =>
    deleteOnce(world, world.channels(), { start: timeOf(0, FLUSHED.end / 2), end: timeOf(0, LIVE + 4) }),
  'collect, drop': ({ world }) => endure(world, 'gc', world.db.gc({ threshold: 1 })),
  'collect, rewrite': ({ world }) => endure(world, 'gc', world.db.gc({ threshold: 0 })),
  'collect, holes': ({ world }) => endure(world, 'gc', world.db.gc({ threshold: 0 })),
  create: async ({ world }) => {
    const { recorder, db } = world
    const definition = { name: 'new', kind: 'data' as const, type: 'float64' as const, index: 't0' }
    const work = db.channels.create(definition)
    const made = await recorder.attempt('create', work, ['CHANNEL_EXISTS'])
    if (made !== undefined) world.adopt('new', made.is.key, world.groups[0]!)
  },
  rename: async ({ world }) => {
    const work = world.db.channels.rename(SPARE, `${SPARE} renamed`)
    await world.recorder.attempt('rename', work, ['CHANNEL_NOT_FOUND'])
  },
  update: async ({ world }) => {
    const work = world.db.channels.update(SPARE, { unit: 'bar' })
    await world.recorder.attempt('update', work, ['CHANNEL_NOT_FOUND'])
  },
  remove: ({ world }) => removeOnce(world, [SPARE]),
  refresh: async ({ world, reader }) => {
    await world.recorder.attempt('refresh', reader.refresh(), [])
  },
  close: async ({ world }) => {
    await world.recorder.attempt('close', world.close({ force: true }), [])
  },
}

/** Three at once that two at a time would not show. */
export const TRIPLES: readonly (readonly OperationName[])[] = [
  ['flush', 'delete, tails', 'commit, small'],
  ['flush', 'delete, groups', 'snapshot'],
  ['flush', 'delete, groups', 'collect, rewrite'],
  ['spill', 'collect, rewrite', 'flush'],
  ['spill', 'collect, holes', 'delete, groups'],
  ['snapshot', 'delete, groups', 'collect, rewrite'],
  ['snapshot', 'delete, pointers', 'collect, holes'],
  ['frames', 'delete, groups', 'collect, drop'],
  ['commit, large', 'delete, groups', 'collect, rewrite'],
  ['commit, large', 'flush', 'collect, holes'],
  ['checkpoint', 'retire', 'delete, groups'],
  ['checkpoint', 'flush', 'create'],
  ['remove', 'flush', 'snapshot'],
  ['remove', 'collect, rewrite', 'flush'],
  ['rename', 'delete, groups', 'collect, rewrite'],
  ['refresh', 'delete, groups', 'collect, rewrite'],
  ['refresh', 'checkpoint', 'retire'],
  ['close', 'flush', 'remove'],
  ['close', 'collect, rewrite', 'delete, groups'],
  ['close', 'commit, large', 'frames'],
]

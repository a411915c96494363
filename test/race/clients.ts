// The other clients of a history: readers, walkers over frames, holders of snapshots, deleters, those who look after
// the database, and those who make, rename and remove channels. Each goes on until its steps are used up, and waits
// for its turn between them. Called by play.ts and closing.ts.

import { checkpointNow, retireOldest } from '../../src/database/retire.ts'
import type { SeededRandom } from '../../src/fs/seeded-random.ts'
import { EVERYTHING, readOnce, walkOnce } from './reading.ts'
import type { Stretch } from './reading.ts'
import { timeOf, typeOf } from './world.ts'
import type { World } from './world.ts'

/** A client's life. */
export type Client = (world: World, random: SeededRandom, steps: number) => Promise<void>

/** Reads of random channels and ranges, of everything now and then. */
export const reads: Client = async (world, random, steps) => {
  for (let step = 0; step < steps && !world.isOver; step++) {
    await world.schedule.turn('reader next')
    if (world.isOver) return
    const channels = chooseChannels(world, random)
    const stretch = chooseStretch(world, random)
    const abort = random.chance(0.1) ? abortSoon(world) : undefined
    await readOnce(world, world.db, 'read', channels, stretch, undefined, abort)
  }
}

/** Walks in frames of few samples. */
export const walks: Client = async (world, random, steps) => {
  for (let step = 0; step < steps && !world.isOver; step += 4) {
    await world.schedule.turn('walker next')
    if (world.isOver) return
    const samples = 3 + random.below(40)
    await walkOnce(
      world,
      world.db,
      'frames',
      chooseChannels(world, random),
      chooseStretch(world, random),
      samples,
      undefined,
    )
  }
}

/** Opens snapshots and reads them again and again. */
export const snapshots: Client = async (world, random, steps) => {
  for (let step = 0; step < steps && !world.isOver;) {
    await world.schedule.turn('snapshot open')
    if (world.isOver) return
    const at = world.recorder.tick()
    const snapshot = world.db.snapshot()
    for (let uses = 1 + random.below(6); uses > 0 && !world.isOver; uses--, step++) {
      await world.schedule.turn('snapshot read')
      // Closed by force meanwhile.
      if (world.isOver) return
      const [channels, stretch] = [chooseChannels(world, random), chooseStretch(world, random)]
      if (random.chance(0.8)) await readOnce(world, snapshot, 'snapshot', channels, stretch, at)
      else
        await walkOnce(world, snapshot, 'frames of a snapshot', channels, stretch, 3 + random.below(40), at)
    }
    await snapshot.close()
  }
}

/** Deletes in some channels of some groups. */
export const deletes: Client = async (world, random, steps) => {
  for (let step = 0; step < steps && !world.isOver; step++) {
    await world.schedule.turn('deleter next')
    if (world.isOver) return
    const kind = random.below(10)
    const channels = world.groups
      .filter(() => random.chance(0.6))
      .flatMap(({ index, data }) => {
        if (kind < 6) return [index, ...data]
        if (kind < 9) return data.filter(() => random.chance(0.5))
        return [index, ...data.filter(() => random.chance(0.5))]
      })
    const stretch = random.chance(0.2)
      ? { start: 0, end: timeOf(0, random.below(world.end + 1)) }
      : chooseStretch(world, random)
    await deleteOnce(world, channels, stretch, random.chance(0.1) ? abortSoon(world) : undefined)
  }
}

/** One delete, written down. */
export async function deleteOnce(
  world: World,
  channels: readonly string[],
  { start, end }: Stretch,
  signal?: AbortSignal,
): Promise<boolean> {
  const ids = channels.filter((each) => world.nameOf(each) !== undefined)
  if (ids.length === 0) return false
  const names = ids.map((each) => world.nameOf(each)!)
  const range = end === Infinity ? {} : { start: BigInt(start), end: BigInt(end) }
  const call = world.recorder.begin()
  const deleting = world.db.delete(names, range, signal === undefined ? {} : { signal })
  const codes = ['DEPENDENT_DATA', 'CHANNEL_NOT_FOUND', ...(signal === undefined ? [] : ['ABORTED'])]
  const result = await world.recorder.attempt('delete', deleting, codes)
  const removed =
    result === undefined
      ? undefined
      : Object.fromEntries(ids.map((id, i) => [id, result.is.samples[names[i]!] ?? Number.NaN]))
  // A close that overtakes one that waits for its durability says nothing about it.
  const outcome = result !== undefined ? 'done' : world.isClosing ? 'unknown' : 'refused'
  world.recorder.end(call, outcome, { kind: 'delete', channels: ids, start, end, removed })
  return result !== undefined
}

/** Flushes, collects, writes checkpoints, retires, syncs, verifies. */
export const maintains: Client = async (world, random, steps) => {
  for (let step = 0; step < steps && !world.isOver; step++) {
    await world.schedule.turn('maintainer next')
    if (world.isOver) return
    const dice = random.below(20)
    const { db, engine, flusher } = world
    if (dice < 7) await endure(world, 'flush', flusher.flushAll())
    else if (dice < 14) await endure(world, 'gc', db.gc({ threshold: random.chance(0.6) ? 0 : 0.3 }))
    else if (dice < 16) await endure(world, 'checkpoint', checkpointNow(engine))
    else if (dice < 17) await endure(world, 'retire', retireOldest(engine))
    else if (dice < 19) await endure(world, 'sync', db.sync())
    else {
      const report = await endure(world, 'verify', db.verify())
      if (report !== undefined && !report.ok)
        world.recorder.fault(`verify, with everything going on: ${JSON.stringify(report.problems)}`)
    }
  }
}

/** Work that changes nothing that anybody sees. */
export async function endure<T>(world: World, what: string, work: Promise<T>): Promise<T | undefined> {
  return (await world.recorder.attempt(what, work, []))?.is
}

/** Makes data channels, renames what there is, removes what it has made. */
export const catalogues: Client = async (world, random, steps) => {
  const own: string[] = []
  for (let step = 0; step < steps && !world.isOver; step++) {
    await world.schedule.turn('catalogue next')
    if (world.isOver) return
    const { recorder, db } = world
    const dice = random.below(10)
    if (dice < 4) {
      const group = world.groups[random.below(world.groups.length)]!
      const [name, index] = [`d${own.length + 1}of${step}`, world.nameOf(group.index)!]
      const definition = { name, kind: 'data' as const, type: typeOf(name), index }
      const made = await recorder.attempt('create', db.channels.create(definition), ['CHANNEL_NOT_FOUND'])
      if (made === undefined) continue
      world.adopt(name, made.is.key, group)
      own.push(name)
    } else if (dice < 7) {
      const all = world.channels()
      const channel = all[random.below(all.length)]!
      const name = world.nameOf(channel)
      // A name of its own each time, so that no name ever means two channels.
      if (name !== undefined)
        await recorder.attempt('rename', db.channels.rename(name, `${channel}at${recorder.tick()}`), [])
    } else await removeOnce(world, own.splice(0, 1))
  }
}

/** Removes channels, which some writer may have open. */
export async function removeOnce(world: World, channels: readonly string[]): Promise<boolean> {
  const names = channels.map((each) => world.nameOf(each)).filter((each) => each !== undefined)
  if (names.length === 0) return false
  const call = world.recorder.begin()
  const codes = ['RESOURCE_OPEN', 'DEPENDENT_CHANNEL', 'CHANNEL_NOT_FOUND']
  const result = await world.recorder.attempt('remove', world.db.channels.remove(names), codes)
  const outcome = result !== undefined ? 'done' : world.isClosing ? 'unknown' : 'refused'
  world.recorder.end(call, outcome, { kind: 'remove', channels })
  if (result !== undefined)
    for (const group of world.groups) group.data = group.data.filter((each) => !channels.includes(each))
  return result !== undefined
}

/** Everything, one group or some channels. */
function chooseChannels(world: World, random: SeededRandom): string[] {
  const all = world.channels()
  const chosen = random.chance(0.4) ? all : all.filter(() => random.chance(0.5))
  return chosen.length === 0 ? all : chosen
}

function chooseStretch(world: World, random: SeededRandom): Stretch {
  // Everything, often while that is little.
  if (random.chance(Math.min(0.35, 60 / (world.end + 1)))) return EVERYTHING
  const start = random.below(world.end + 2)
  return {
    start: timeOf(0, start),
    end: timeOf(random.below(100), start + random.below(random.chance(0.3) ? 400 : 30)),
  }
}

/** Aborts some steps from now. */
function abortSoon(world: World): AbortSignal {
  const controller = new AbortController()
  void world.schedule.turn('abort').then(() => {
    controller.abort(Object.assign(new Error('somebody does not want it any more'), { code: 'ABORTED' }))
  })
  return controller.signal
}

// Closes a database in the middle of everything, at an instant that the seed chooses, and looks whether it ends,
// whether it has kept what it accepted and refuses what comes later, and what it leaves open. Called by closing.test.ts
// and the soak.

import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { check } from './checker.ts'
import { catalogues, deletes, maintains, reads, snapshots, walks } from './clients.ts'
import type { Client } from './clients.ts'
import { EVERYTHING, readOnce } from './reading.ts'
import { Schedule } from './schedule.ts'
import { smallSetting } from './settings.ts'
import { World } from './world.ts'
import { writeAlong } from './writer-client.ts'

/** How often clients are let go before the close, at most. */
const LATEST = 400

const SIZES = { most: 6, large: 60 }

/** Plays until a close, and once more after it. Returns what is wrong. */
export async function closeAmid(seed: number): Promise<string | undefined> {
  const random = new SeededRandom(seed)
  const schedule = new Schedule(random.below(2 ** 31))
  const world = new World(schedule, smallSetting(random))
  const before = listeners()
  try {
    const timers = await timersLeftBy(() => schedule.run(playUntilClosed(world, random)))
    if (timers > 0) return `${timers} timers are left`
    if (listeners() !== before) return `listeners before: ${before}; afterwards: ${listeners()}`
  } catch (error) {
    return String((error as Error).stack)
  }
  return check(world.recorder.history()).violation
}

async function playUntilClosed(world: World, random: SeededRandom): Promise<void> {
  await world.open()
  for (const number of [0, 1]) await world.createGroup(number, ['a', 'b'])
  const clients: Promise<void>[] = []
  const own = (): SeededRandom => new SeededRandom(random.below(2 ** 31))
  for (let number = 1; number <= 3; number++) clients.push(writeAlong(world, number, own(), 1000, SIZES))
  const others: readonly Client[] = [reads, walks, snapshots, deletes, maintains, maintains, catalogues]
  for (const client of others) if (random.chance(0.7)) clients.push(client(world, own(), 1000))
  const when = 1 + random.below(LATEST)
  while (world.schedule.steps < when) await world.schedule.turn('closer waits')
  await close(world, random)
  await Promise.all(clients)
  await refusesAll(world)
  if (world.disk.openFiles.length > 0) world.recorder.fault(`left open: ${world.disk.openFiles.join(', ')}`)
  await world.open()
  world.isOver = false
  await readOnce(world, world.db, 'after the close', world.channels(), EVERYTHING, undefined)
  const { problems } = await world.db.verify()
  if (problems.length > 0) world.recorder.fault(`not sound: ${JSON.stringify(problems)}`)
  if (world.engine.recovery?.crashed === true)
    world.recorder.fault('the close was none: there was something to recover')
  await world.db.close()
}

/** By force, or once nobody has anything open. A second call joins the first. */
async function close(world: World, random: SeededRandom): Promise<void> {
  const { recorder, db } = world
  if (random.chance(0.5)) {
    if (world.engine.resources.list().length === 0) {
      await recorder.attempt('close', world.close({ force: false }), [])
      return
    }
    const code = await db.close().then(
      () => 'nothing',
      (error: unknown) => (error as { code?: string }).code,
    )
    if (code !== 'RESOURCE_OPEN') recorder.fault(`a close with something open ends with ${code}`)
  }
  const closing = world.close({ force: true })
  if (random.chance(0.3)) void world.close({ force: true })
  await recorder.attempt('close', closing, [])
}

/** Every call is a ClosedError now, but another close. */
async function refusesAll({ db, recorder }: World): Promise<void> {
  const calls: Readonly<Record<string, () => Promise<unknown>>> = {
    read: () => db.read('t0'),
    openWriter: () => db.openWriter(['t0']),
    delete: () => db.delete('t0', {}),
    gc: () => db.gc(),
    sync: () => db.sync(),
    stats: () => db.stats(),
    verify: () => db.verify(),
    create: () => db.channels.create({ name: 'late', kind: 'index' }),
    snapshot: () => Promise.resolve().then(() => db.snapshot()),
  }
  for (const [name, call] of Object.entries(calls)) {
    const code = await call().then(
      () => 'nothing',
      (error: unknown) => (error as { code?: string }).code,
    )
    if (code !== 'CLOSED') recorder.fault(`after a close ${name} ends with ${code}`)
  }
  await recorder.attempt('another close', db.close(), [])
}

/** Who listens to signals and the like. */
function listeners(): string {
  return process
    .eventNames()
    .map((name) => `${String(name)} ${process.listenerCount(name)}`)
    .sort()
    .join(', ')
}

/** Runs `work` and returns how many timers that were set meanwhile are left: those that keep nothing alive included. */
async function timersLeftBy(work: () => Promise<void>): Promise<number> {
  const { setTimeout: set, clearTimeout: clear } = globalThis
  const left = new Set<unknown>()
  globalThis.setTimeout = ((body: (...given: unknown[]) => void, ms?: number, ...given: unknown[]) => {
    const timer = set(() => {
      left.delete(timer)
      body(...given)
    }, ms)
    left.add(timer)
    return timer
  }) as typeof set
  globalThis.clearTimeout = (timer) => {
    left.delete(timer)
    clear(timer)
  }
  try {
    await work()
  } finally {
    globalThis.setTimeout = set
    globalThis.clearTimeout = clear
  }
  return left.size
}

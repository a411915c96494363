// Plays one history: chooses by the seed how the database is opened and who its clients are, lets them race, then
// looks at everything once more, before and after a close and a new opening. What it returns the checker judges; the
// same seed plays the same history. Called by the tests and the soak.

import type { FaultRule } from '../../src/fs/faulty-file-system.ts'
import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { catalogues, deletes, maintains, reads, snapshots, walks } from './clients.ts'
import type { Client } from './clients.ts'
import type { History } from './history.ts'
import { EVERYTHING, readOnce } from './reading.ts'
import { Schedule } from './schedule.ts'
import { largeSetting, smallSetting } from './settings.ts'
import { World } from './world.ts'
import { writeAlong } from './writer-client.ts'
import type { FrameSizes } from './writer-client.ts'

/** What was played. */
export interface Played {
  readonly history: History
  /** File operations and client steps that the schedule has let go. */
  readonly steps: number
  /** The same for the same schedule. */
  readonly fingerprint: number
}

/** Plays a history of about so many operations. What fails, hangs or is not sound at the end is a fault of it. */
export async function play(seed: number, operations: number): Promise<Played> {
  const random = new SeededRandom(seed)
  const schedule = new Schedule(random.below(2 ** 31))
  const isLarge = random.chance(0.04)
  const world = new World(schedule, isLarge ? largeSetting(random) : smallSetting(random))
  const sizes: FrameSizes = isLarge ? { most: 300, large: 8000 } : { most: 6, large: 60 }
  const mayFail = random.chance(0.2)
  try {
    await schedule.run(race(world, random, operations, sizes, mayFail))
  } catch (error) {
    world.recorder.fault(String((error as Error).stack))
    world.isOver = true
  }
  const { steps, fingerprint } = schedule
  return { history: world.recorder.history(), steps, fingerprint }
}

async function race(
  world: World,
  random: SeededRandom,
  operations: number,
  sizes: FrameSizes,
  mayFail: boolean,
): Promise<void> {
  await world.open()
  const groups = 1 + random.below(3)
  for (let number = 0; number < groups; number++)
    await world.createGroup(number, ['a', 'b', 'c'].slice(0, 1 + random.below(3)))
  if (mayFail) world.failNowAndThen(journalFaults(random))
  const clients: Promise<void>[] = []
  const share = Math.max(4, Math.ceil(operations / 12))
  const writers = 1 + random.below(4)
  for (let number = 1; number <= writers; number++)
    clients.push(writeAlong(world, number, own(random), Math.ceil((share * 5) / writers), sizes))
  const others: [Client, number, number][] = [
    [reads, 2, 3],
    [walks, 1, 1],
    [snapshots, 2, 1],
    [deletes, 2, 1],
    [maintains, 2, 1],
    [catalogues, 1, 0.5],
  ]
  for (const [client, most, part] of others) {
    const count = random.below(most + 1)
    for (let i = 0; i < count; i++)
      clients.push(client(world, own(random), Math.ceil((share * part) / count)))
  }
  await Promise.all(clients)
  world.faults.clearRules()
  await finish(world)
}

/** Looks at everything, closes, opens, and looks again. */
export async function finish(world: World): Promise<void> {
  await readOnce(world, world.db, 'the end', world.channels(), EVERYTHING, undefined)
  await assertSound(world)
  await world.db.close()
  assertClosed(world)
  await world.open()
  await readOnce(world, world.db, 'after a reopening', world.channels(), EVERYTHING, undefined)
  await assertSound(world)
  await world.db.close()
  assertClosed(world)
}

async function assertSound({ db, recorder }: World): Promise<void> {
  const { problems } = await db.verify()
  if (problems.length > 0) recorder.fault(`not sound: ${JSON.stringify(problems)}`)
}

function assertClosed({ disk, recorder, engine }: World): void {
  if (disk.openFiles.length > 0) recorder.fault(`left open: ${disk.openFiles.join(', ')}`)
  const { held } = engine.pool
  if (held > 0) recorder.fault(`${held} bytes of samples are held for nobody`)
}

function own(random: SeededRandom): SeededRandom {
  return new SeededRandom(random.below(2 ** 31))
}

/** Appends to the journal fail, for nothing that lasts. */
function journalFaults(random: SeededRandom): FaultRule[] {
  return Array.from({ length: 2 + random.below(8) }, () => {
    const code = random.chance(0.5) ? 'EIO' : 'ENOSPC'
    const [nth, times] = [1 + random.below(60), 1 + random.below(3)]
    return { kind: 'write', path: /journal/, nth, times, fault: { code } }
  })
}

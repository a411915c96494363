// Races operations against one another on a prepared store, in an order that the seed chooses; what they saw and what
// is there afterwards, before and after a reopening, goes to the checker, which finds an order of theirs that
// explains it or none. Also measures which guards an operation takes. Called by matrix.test.ts and the soak.

import type { Database } from '../../src/index.ts'
import type { Held } from '../../src/guard/held.ts'
import { OrderCheck } from '../../src/guard/order-check.ts'
import { check } from './checker.ts'
import { REFUSALS } from './matrix-table.ts'
import { OPERATIONS, prepare } from './operations.ts'
import type { OperationName, Prepared } from './operations.ts'
import { EVERYTHING, readOnce } from './reading.ts'
import { Schedule } from './schedule.ts'
import type { Scheduling } from './schedule.ts'
import { World } from './world.ts'
import type { Setting } from './world.ts'

/** A guard that was taken. */
export interface Taken {
  readonly rank: string
  readonly isExclusive: boolean
  /** Empty for a guard of which there is one. */
  readonly keys: readonly (number | string)[]
}

class GuardLog extends OrderCheck {
  readonly taken: Taken[] = []

  override onAcquire(held: Held): void {
    super.onAcquire(held)
    const { rank, mode, keys } = held
    this.taken.push({ rank, isExclusive: mode === 'exclusive', keys: keys ?? [] })
  }
}

function settingFor(names: readonly OperationName[]): Setting {
  return {
    durability: 'batched',
    segmentSize: 3000,
    memoryBudget: 64 * 1024,
    tuning: {
      journalFileSize: 1200,
      inlineLimit: 200,
      extentLimit: 400,
      manifestSlack: 400,
      holeSize: 64,
      holesARecord: 2,
      unmarkedLimit: 1 << 20,
    },
    holes: names.includes('collect, holes'),
  }
}

/** Lets operations race. Returns what no order of theirs explains. */
export async function race(
  names: readonly OperationName[],
  schedule: Scheduling,
): Promise<string | undefined> {
  const world = new World(schedule, settingFor(names))
  try {
    await schedule.run(raceOn(world, names))
  } catch (error) {
    world.recorder.fault(String((error as Error).stack))
  }
  const wrong = world.recorder.refusals.find((code) => code !== 'CLOSED' && !mayBeRefused(names, code))
  return wrong === undefined ? check(world.recorder.history()).violation : `refused with ${wrong}`
}

/** Whether the table says that one of these can be refused beside another of them. */
function mayBeRefused(names: readonly OperationName[], code: string): boolean {
  return REFUSALS.some(
    ([who, beside, refusal]) =>
      refusal === code && names.some((a, i) => a === who && names.some((b, j) => i !== j && b === beside)),
  )
}

async function raceOn(world: World, names: readonly OperationName[]): Promise<void> {
  const prepared = await prepare(world)
  const { schedule } = world
  await Promise.all(
    names.map(async (name) => {
      await schedule.turn(`start ${name}`)
      // Whoever comes after a close is told so; what a snapshot or a name was wanted for cannot begin.
      if (!world.isOver) await OPERATIONS[name](prepared)
    }),
  )
  if (world.isClosing) {
    await world.open()
    if (world.engine.recovery?.crashed === true) world.recorder.fault('the close left something to recover')
  } else await closeAll(prepared)
  await look(world, prepared.reader, 'afterwards')
  await prepared.reader.close()
  await world.db.close()
  await world.open()
  await look(world, undefined, 'after a reopening')
  await world.db.close()
  if (world.disk.openFiles.length > 0) world.recorder.fault(`left open: ${world.disk.openFiles.join(', ')}`)
}

async function closeAll({ live, filling, pending }: Prepared): Promise<void> {
  await pending.commit()
  for (const session of [live, filling, pending]) await session.close()
}

/** Everything, as the database shows it, and a read-only process beside it; and whether it is sound. */
async function look(world: World, reader: Database | undefined, when: string): Promise<void> {
  const { recorder, db } = world
  await readOnce(world, db, when, world.channels(), EVERYTHING, undefined)
  if (reader !== undefined) {
    await reader.refresh()
    await readOnce(world, reader, `a read-only process ${when}`, world.channels(), EVERYTHING, undefined)
  }
  const { problems } = await db.verify()
  if (problems.length > 0) recorder.fault(`not sound ${when}: ${JSON.stringify(problems)}`)
}

/** The guards that an operation takes when it is alone. */
export async function guardsOf(name: OperationName): Promise<readonly Taken[]> {
  const log = new GuardLog()
  const schedule = new Schedule(1)
  const world = new World(schedule, settingFor([name]), log)
  let prepared: Prepared | undefined
  await schedule.run(
    (async () => {
      prepared = await prepare(world)
      log.taken.length = 0
      await OPERATIONS[name](prepared)
    })(),
  )
  const taken = [...log.taken]
  await schedule.run(
    (async () => {
      await world.db.close({ force: true })
      await prepared!.reader.close()
    })(),
  )
  return taken
}

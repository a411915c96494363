// Repair under bit rot (issue 5, point 3; 0009-I1, 0009-I2, 0009-I3): of every way in which a store's bytes can change, and of
// the files that can be gone, some; repair-soak.ts takes all. RUBIDIUM_RUNS is how many of each kind are tried
// on each store, RUBIDIUM_SEED which.

import { describe, expect, it } from 'vitest'
import { openIn } from '../../src/database/public.ts'
import { repairIn } from '../../src/database/repair/repair.ts'
import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { DIRECTORY } from '../crash/machine.ts'
import { at, Session, SMALL } from '../crash/session.ts'
import { propertyOptions } from '../support/seeds.ts'
import { damageOf, KINDS } from './damage.ts'
import type { Damage } from './damage.ts'
import { examineRepair, removals } from './repair-examine.ts'
import { damagedAtRandom, randomStore } from './repair-histories.ts'
import { RotMachine } from './machine.ts'
import { some, storeOf } from './sampling.ts'
import { OPTIONS, STORES } from './stores.ts'

const { numRuns, seed = 1 } = propertyOptions(1)

/** A new database with the group `t`, `a`, and a writer. */
async function begun(): Promise<{ session: Session; writer: Awaited<ReturnType<Session['openWriter']>> }> {
  const session = Session.on(new RotMachine(7), OPTIONS)
  await session.open()
  await session.create([
    { name: 't', kind: 'index' },
    { name: 'a', kind: 'data', type: 'float64', index: 't' },
  ])
  return { session, writer: await session.openWriter(['t', 'a']) }
}

describe('a flush beyond every mark, of which a power loss took the bytes', () => {
  it('costs nothing: the rows are still in the log, as an opening finds them', async () => {
    const { session, writer } = await begun()
    for (let i = 0; i < 4; i++) await session.write(writer, session.rows(writer, 3))
    await session.sync()
    await session.flush()
    await session.abandon()
    const { disk } = session.machine.after('power', 1)
    const segment = disk.files().find((path) => path.includes('/segments/'))!
    disk.corrupt(segment, 150, 1)
    const environment = RotMachine.opener(disk, false).environment({ ...SMALL, ...OPTIONS.tuning })
    const report = await repairIn(environment, DIRECTORY, '/srv/repaired')
    expect(report).toMatchObject({ source: 'opened', lost: [] })
    expect(report.channels.map(({ samples }) => samples)).toEqual([12, 12])
  })
})

describe('journal files that are gone, and with them what says where samples were moved to', () => {
  it('cost nothing where the samples say what they are', async () => {
    const { session, writer } = await begun()
    await session.write(writer, session.rows(writer, 100))
    await session.flush()
    await session.checkpoint()
    await session.delete(['t', 'a'], at(10), at(90))
    await session.gc()
    await session.abandon()
    const { disk } = session.machine.after('kill', 1)
    for (const path of disk.files()) if (path.includes('/journal/')) await disk.remove(path)
    const environment = RotMachine.opener(disk, true).environment({ ...SMALL, ...OPTIONS.tuning })
    const report = await repairIn(environment, DIRECTORY, '/srv/repaired')
    expect(report).toMatchObject({ mayHoldDeleted: true })
    const db = await openIn(environment, '/srv/repaired')
    expect(await db.count(['t', 'a'], { end: at(10) })).toEqual({ t: 10, a: 10 })
    expect(await db.count(['t', 'a'], { start: at(90) })).toEqual({ t: 10, a: 10 })
    await db.close({ force: true })
  })
})

describe('repair of a store with a random history', () => {
  // Counted among timestamps that were not written with them: of a relocation, of a range that was written anew.
  it.each([1230, 1310])(
    'puts no sample beside timestamps of others that are as many (%i)',
    async (history) => {
      const whole = await randomStore(history)
      for (let i = 0; i < 4; i++) {
        const { store, what } = await damagedAtRandom(whole, 4 * history + i)
        expect((await examineRepair(store, [])).failures, what).toEqual([])
      }
    },
  )

  it('takes the state in which fewer timestamps are lost', async () => {
    const whole = await randomStore(20824)
    for (let i = 0; i < 4; i++) {
      const { store, what } = await damagedAtRandom(whole, 4 * 20824 + i)
      expect((await examineRepair(store, [])).failures, what).toEqual([])
    }
  })

  it('invents nothing, and tells what is lost', async () => {
    const random = new SeededRandom(Math.abs(seed))
    const failures: string[] = []
    for (let i = 0; i < 4 * numRuns; i++) {
      const history = random.below(2 ** 30)
      const whole = await randomStore(history)
      const { store, what } = await damagedAtRandom(whole, history)
      failures.push(...(await examineRepair(store, [])).failures.map((failure) => `${what}: ${failure}`))
    }
    expect(failures).toEqual([])
  })
})

describe.each(STORES)('repair of a store ($name, $ending)', ({ name, ending }) => {
  it('invents nothing, loses nothing that is sound, and tells what is lost', async () => {
    const store = await storeOf(name, ending)
    const random = new SeededRandom(Math.abs(seed) + name.length)
    const tried: (Damage | readonly string[])[] = KINDS.flatMap((kind) =>
      some([...damageOf(store, kind)], numRuns, random),
    )
    tried.push(...some(removals(store), numRuns, random))
    const failures: string[] = []
    for (const damage of tried) failures.push(...(await examineRepair(store, damage)).failures)
    expect(failures.slice(0, 2), `${failures.length} of ${tried.length}`).toEqual([])
    expect(tried.length).toBeGreaterThan(KINDS.length)
  })

  it('of what is whole is a copy', async () => {
    const store = await storeOf(name, ending)
    const outcome = await examineRepair(store, [])
    expect(outcome).toMatchObject({ failures: [], outcome: 'opened', salvaged: outcome.samples })
  })
})

// Bit rot (issue 4, point 7): of every way in which a store's bytes can change, some; the soak script takes
// all. RUBIDIUM_RUNS is how many of each kind are tried on each store, RUBIDIUM_SEED which.

import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { DIRECTORY } from '../crash/machine.ts'
import { Session } from '../crash/session.ts'
import { readByEngine, readBySecondReader, simulatedFiles } from '../format/agreement.ts'
import { propertyOptions } from '../support/seeds.ts'
import { damageOf, KINDS } from './damage.ts'
import { examine } from './examine.ts'
import { RotMachine } from './machine.ts'
import { some, storeOf } from './sampling.ts'
import { OPTIONS, STORES } from './stores.ts'

const { numRuns, seed = 1 } = propertyOptions(8)

describe.each(STORES)('a store ($name, $ending)', ({ name, ending }) => {
  it.each(KINDS)('is read right or refused, whatever is changed: %s', async (kind) => {
    const store = await storeOf(name, ending)
    const random = new SeededRandom(Math.abs(seed) + name.length)
    const failures: string[] = []
    let count = 0
    for (const damage of some([...damageOf(store, kind)], numRuns, random)) {
      const outcome = await examine(store, damage, count++ % 4 === 0 ? 'deep' : 'both')
      failures.push(...outcome.failures)
    }
    expect(failures.slice(0, 2), `${failures.length} of ${count}`).toEqual([])
    expect(count).toBeGreaterThan(0)
  })

  it('is read by the second reader as the engine reads it', async () => {
    const { disk } = await storeOf(name, ending)
    const files = simulatedFiles(disk, DIRECTORY)
    const session = Session.on(RotMachine.opener(disk.clone(), ending !== 'restarted'), OPTIONS)
    await session.open()
    expect(readBySecondReader(files)).toBe(await readByEngine(session.db))
    await session.close()
  })

  it('is whole where nothing is changed', async () => {
    const store = await storeOf(name, ending)
    // Nobody reads what the lock says.
    const outcome = await examine(store, { kind: 'bit', path: 'LOCK', offset: 0, bit: 0 }, 'deep')
    expect(outcome).toEqual({ failures: [], outcomes: ['right', 'right'] })
  })
})

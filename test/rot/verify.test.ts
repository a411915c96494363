// 0010-I1 to 0010-I4. `verify` of a directory finds all damage that any call can meet, and nothing else: of every way in which a store's
// bytes can change, some (RUBIDIUM_RUNS, RUBIDIUM_SEED); `test/rot/verify-soak.ts` takes more.

import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { propertyOptions } from '../support/seeds.ts'
import { damageNamed, damageOf, filesOf, KINDS } from './damage.ts'
import { some, storeOf } from './sampling.ts'
import { STORES } from './stores.ts'
import { faultOf, faultOfRemoval, hiddenBy, verifyOf } from './verified.ts'

const { numRuns, seed = 1 } = propertyOptions(2)

describe.each(STORES)('verify of a store ($name, $ending)', ({ name, ending }) => {
  it('finds nothing wrong where nothing is', async () => {
    const store = await storeOf(name, ending)
    expect((await verifyOf(store, store.disk.clone())).problems).toEqual([])
  })

  const isRemoved = ['archived,closed', 'reopened,killed', 'recovered,restarted'].includes(
    `${name},${ending}`,
  )
  it.runIf(isRemoved)(
    'finds what opening and reading miss where a file is gone, or a folder of them',
    async () => {
      const store = await storeOf(name, ending)
      const files = filesOf(store.disk)
      const folders = [...new Set(files.map((path) => path.replace(/[^/]*$/, '')))]
      const gone = [
        ...files.map((path) => [path]),
        ...folders.map((folder) => files.filter((path) => path.startsWith(folder))),
        files.filter((path) => /^(journal|manifest)/.test(path)),
      ]
      const faults: (string | undefined)[] = []
      for (const paths of gone) faults.push(await faultOfRemoval(store, paths))
      expect(faults.filter((fault) => fault !== undefined)).toEqual([])
    },
  )

  it.each(KINDS)('finds what opening and reading meet, and no more: %s', async (kind) => {
    const store = await storeOf(name, ending)
    const random = new SeededRandom(Math.abs(seed) * 31 + name.length)
    const faults: (string | undefined)[] = []
    for (const damage of some([...damageOf(store, kind)], numRuns, random))
      faults.push(await faultOf(store, damage))
    expect(faults.filter((fault) => fault !== undefined)).toEqual([])
    expect(faults.length).toBeGreaterThan(0)
  })
})

// After a restart a damaged log may be an honest tear, and what lies behind it counts no more.
describe.each(STORES.filter(({ ending }) => ending !== 'restarted'))(
  'verify of a store ($name, $ending) with two faults',
  ({ name, ending }) => {
    it('finds both', async () => {
      const store = await storeOf(name, ending)
      const random = new SeededRandom(Math.abs(seed) * 7 + name.length)
      const bits = [...damageOf(store, 'bit')].filter((damage) => damage.kind === 'bit')
      const logs = bits.filter(({ path }) => /^(journal|manifest)/.test(path))
      const faults: (string | undefined)[] = []
      for (let run = 0; run < 4 * numRuns; run++) {
        const one = logs[random.below(logs.length)]!
        const others = bits.filter(
          ({ path }) => path !== one.path && (run % 2 === 1 || path.startsWith('segments')),
        )
        if (others.length > 0) faults.push(await hiddenBy(store, one, others[random.below(others.length)]!))
      }
      expect(faults.filter((fault) => fault !== undefined)).toEqual([])
    })
  },
)

// Found by verify-soak.ts: what a walk without the logs did not look at was hidden by any damage that refuses the opening.
it.each([
  ['a bit in the padding of an extent', 'retired', 'killed', 'segments/000001-000000000001:2389:7'],
  ['a bit in the mark of a clean close', 'archived', 'closed', 'CLEAN-000001:21:1'],
] as const)('%s is found beside a damaged manifest', async (_, name, ending, bit) => {
  const store = await storeOf(name, ending)
  const [one, other] = ['manifest/000001-000000000005:2490:6', bit].map((place) =>
    damageNamed(store, `bit:${place}`),
  )
  if (one?.kind !== 'bit' || other?.kind !== 'bit') throw new Error('a bit is a bit')
  expect(await faultOf(store, other)).toBeUndefined()
  expect(await hiddenBy(store, one, other)).toBeUndefined()
})

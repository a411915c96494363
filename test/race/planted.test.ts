// The checker is checked: with one of the known races planted (planted.ts) it finds a history that no order explains,
// and with the same seed none in the engine as it is. RUBIDIUM_RUNS: how many seeds are tried for each race.

import { describe, expect, it } from 'vitest'
import { useTestBuild } from '../proof/test-build.ts'
import { propertyOptions } from '../support/seeds.ts'
import { check } from './checker.ts'
import { PLANTED } from './planted.ts'

const OPERATIONS = 120

/** What is wrong with a history of the engine that is in use: what no order explains comes before what failed. */
async function violationOf(seed: number): Promise<string | undefined> {
  const { play } = await import('./play.ts')
  const { history } = await play(seed, OPERATIONS)
  return check({ ...history, faults: [] }).violation ?? check(history).violation
}

describe('with a race planted, the checker finds it:', () => {
  it.each(PLANTED.map((race) => [race.what, race] as const))(
    '%s',
    async (what, { from, shows, ...weakening }) => {
      const { numRuns } = propertyOptions(200)
      let found: string | undefined
      let seed = from - 1
      const endTestBuild = useTestBuild(weakening)
      try {
        while (!shows.test(found ?? '') && seed < from + numRuns - 1) found = await violationOf(++seed)
      } finally {
        endTestBuild()
      }
      expect(found ?? '', `"${what}" is found by none of ${numRuns} seeds`).toMatch(shows)
      expect(await violationOf(seed), 'the engine as it is fails, too').toBeUndefined()
    },
  )
})

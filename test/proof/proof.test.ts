// The proof is proved: in every test build in which one rule is switched off (mutations.ts), crashes, failures or
// rot find something wrong, and with the same steps nothing in the engine as it is. What nothing catches is a
// rule that no test holds.

import { describe, expect, it } from 'vitest'
import type { Finding } from './attacks.ts'
import { MUTATIONS } from './mutations.ts'
import type { Attack } from './mutations.ts'
import { useTestBuild } from './test-build.ts'

/** Goes through an attack until something is wrong, or `limit` steps were made. */
async function firstOf(on: Attack, limit: number): Promise<{ failure: Finding; steps: number }> {
  const { findings } = await import('./attacks.ts')
  let steps = 0
  try {
    for await (const failure of findings(on)) {
      steps++
      if (failure !== undefined || steps === limit) return { failure, steps }
    }
  } catch (error) {
    // Nothing could be attacked: it went wrong by itself.
    return { failure: String(error), steps }
  }
  return { failure: undefined, steps }
}

describe('with one rule switched off, a test fails:', () => {
  it.each(MUTATIONS.map((mutation) => [`${mutation.rule}, ${mutation.what}`, mutation] as const))(
    '%s',
    async (name, { caughtBy, shows, ...weakening }) => {
      const endTestBuild = useTestBuild(weakening)
      const caught = await firstOf(caughtBy, Infinity).finally(endTestBuild)
      expect(caught.failure ?? '', `no test holds this rule: "${name}" goes through`).toMatch(shows)
      const asItIs = await firstOf(caughtBy, Math.max(1, caught.steps))
      expect(asItIs.failure, 'the engine as it is fails, too').toBeUndefined()
    },
  )
})

describe('the table', () => {
  it('switches off each of the write-ahead rules at least once', () => {
    expect([...new Set(MUTATIONS.map(({ rule }) => rule))]).toEqual(
      expect.arrayContaining(['S1', 'S2', 'S3', 'S4', 'S5', 'S6']),
    )
  })
})

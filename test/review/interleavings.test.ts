// Random operations against one another; see interleaved.ts. RUBIDIUM_RUNS and RUBIDIUM_SEED as everywhere.

import { expect, it } from 'vitest'
import { propertyOptions } from '../support/seeds.ts'
import { playInterleaved } from './interleaved.ts'

it('whatever goes on at once, snapshots stay what they are, the database is sound, and a crash shows what was there', async () => {
  const { numRuns, seed = 1 } = propertyOptions(8)
  for (let run = 0; run < numRuns; run++) {
    try {
      await playInterleaved(seed + run, 200)
    } catch (cause) {
      throw new Error(`RUBIDIUM_SEED=${seed + run} RUBIDIUM_RUNS=1`, { cause })
    }
  }
  expect(numRuns).toBeGreaterThan(0)
})

// How much of the crash tests `npm test` runs: a few operations of each workload, which the seed moves
// on; the soak script runs all. RUBIDIUM_RUNS is how many operations of each workload are tried,
// RUBIDIUM_SEED which.

import { expect } from 'vitest'
import { propertyOptions } from '../support/seeds.ts'
import { countMutations } from './crashes.ts'
import type { Sampling, Tally } from './crashes.ts'
import type { Workload } from './workloads.ts'

/** About `defaultRuns` operations of the workload, evenly spread. */
export async function sampleOf(workload: Workload, defaultRuns: number): Promise<Sampling> {
  const { numRuns } = propertyOptions(defaultRuns)
  return { stride: Math.max(1, Math.floor((await countMutations(workload)) / numRuns)), seed: seedOf() }
}

/** The seed of this run; an integer >= 0. */
export function seedOf(): number {
  return Math.abs(propertyOptions(1).seed ?? 1)
}

/** Fails with the first few of what went wrong. */
export function expectSound(tally: Tally): void {
  expect(tally.failures.slice(0, 3), `${tally.failures.length} of ${tally.states} states are wrong`).toEqual(
    [],
  )
  expect(tally.states).toBeGreaterThan(0)
}

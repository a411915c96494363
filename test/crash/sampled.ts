// How much of the crash tests `npm test` runs: of each workload one operation of each kind in each life, and a few
// more, which the seed moves on; the soak script runs all. RUBIDIUM_RUNS is how many more of each workload
// are tried, RUBIDIUM_SEED which.

import { expect } from 'vitest'
import { propertyOptions } from '../support/seeds.ts'
import { attack, newTally, sampled } from './attack.ts'
import type { Plan, Tally } from './attack.ts'
import { courseOf } from './capture.ts'
import type { Workload } from './workloads.ts'

/** Time for the samples of one workload, in milliseconds: much more than they take on a machine with little else to do. */
export const PATIENCE_MS = 180_000

/** The sampled states of a workload. */
export async function samplesOf(workload: Workload): Promise<Plan> {
  const seed = seedOf()
  const { numRuns } = propertyOptions(1)
  return sampled(await courseOf(workload), numRuns, seed + workload.name.length)
}

/** Brings about a part of the sampled states, and fails with the first few that are wrong. */
export async function attackSamples(workload: Workload, part: (plan: Plan) => Partial<Plan>): Promise<void> {
  const tally = newTally()
  const plan = part(await samplesOf(workload))
  await attack(workload, await courseOf(workload), { crashes: [], twice: [], faults: [], ...plan }, tally)
  expectSound(tally)
}

/** The seed of this run; an integer >= 0. */
export function seedOf(): number {
  return Math.abs(propertyOptions(1).seed ?? 1)
}

/** Fails with the first few of what went wrong, and the commands that show it again. */
export function expectSound({ states, failures }: Tally): void {
  const shown = failures
    .slice(0, 3)
    .map(({ state, what }) => `${what}\nagain: npm run soak:crash -- --replay '${state}'`)
  expect(shown, `${failures.length} of ${states} states are wrong`).toEqual([])
  expect(states).toBeGreaterThan(0)
}

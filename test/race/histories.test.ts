// A few hundred short histories and a few long ones, each judged by the checker; more: soak.ts. A failing one is
// played again with its seed: RUBIDIUM_SEED=<seed> RUBIDIUM_RUNS=1.

import { expect, it } from 'vitest'
import { propertyOptions } from '../support/seeds.ts'
import { check } from './checker.ts'
import { play } from './play.ts'

/** @throws Error with what no order explains, and the seed */
async function assertExplained(seed: number, operations: number): Promise<number> {
  const { history, steps } = await play(seed, operations)
  const { violation } = check(history)
  if (violation === undefined) return steps
  throw new Error(`RUBIDIUM_SEED=${seed} RUBIDIUM_RUNS=1, ${operations} operations: ${violation}`)
}

it('whatever clients do at once, one order explains what they saw', async () => {
  const { numRuns, seed = 1 } = propertyOptions(200)
  let steps = 0
  for (let run = 0; run < numRuns; run++) steps += await assertExplained(seed + run, 60)
  expect(steps).toBeGreaterThan(numRuns)
}, 120_000)

it('so it does over thousands of operations', async () => {
  const { numRuns, seed = 1 } = propertyOptions(1)
  for (let run = 0; run < Math.min(numRuns, 20); run++)
    expect(await assertExplained(seed + run, 2000)).toBeGreaterThan(1000)
}, 120_000)

it('the same seed plays the same history', async () => {
  const [one, again] = [await play(42, 120), await play(42, 120)]
  expect(again.fingerprint).toBe(one.fingerprint)
  expect(JSON.stringify(again.history.operations)).toBe(JSON.stringify(one.history.operations))
})

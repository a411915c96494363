// A disk that is full at any point of any workload (0006-I6): what is refused says so and has not happened,
// what was acknowledged is there, deletes and collections go on, and so does everything with room again.
// RUBIDIUM_RUNS is how many sizes of the disk are tried for each workload, RUBIDIUM_SEED which.

import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { seedOf } from '../crash/sampled.ts'
import { RECOVERY, WORKLOADS } from '../crash/workloads.ts'
import { propertyOptions } from '../support/seeds.ts'
import { BLOCK, runOnFullDisk } from './sweep.ts'
import { FILLING } from './workloads.ts'

/** Blocks within which most of the crash tests' workloads are refused something. */
const FEW = 12

/** ... and those that fill the disk by themselves. */
const MANY = 60

describe('on a disk with few free blocks', () => {
  it.each([...WORKLOADS, ...RECOVERY])('$name', async (workload) => {
    const random = new SeededRandom(seedOf() + workload.name.length)
    const { numRuns } = propertyOptions(1)
    let states = 0
    for (let run = 0; run < numRuns; run++)
      states += (await runOnFullDisk(workload, random.below(FEW) * BLOCK)).states
    expect(states).toBeGreaterThanOrEqual(4 * numRuns)
  })

  it.each(FILLING)('$name', async (workload) => {
    const random = new SeededRandom(seedOf() + workload.name.length)
    const { numRuns } = propertyOptions(1)
    let refusals = 0
    for (let run = 0; run < numRuns; run++) {
      for (const most of [2, MANY])
        refusals += (await runOnFullDisk(workload, random.below(most) * BLOCK)).refusals
    }
    expect(refusals).toBeGreaterThan(0)
  })
})

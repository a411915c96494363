// Workloads that a seed makes up, of 3 to 30 calls, with everything that can go wrong at some of their operations.

import { describe, it } from 'vitest'
import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { propertyOptions } from '../support/seeds.ts'
import { anything } from './random-workload.ts'
import { attackSamples, PATIENCE_MS, seedOf } from './sampled.ts'

const random = new SeededRandom(seedOf())
const SEEDS = Array.from({ length: propertyOptions(3).numRuns }, () => random.below(2 ** 31))

describe('whatever is done, and whatever goes wrong meanwhile, leaves what was promised', () => {
  it.each(SEEDS)('anything, seed %i', (seed) => attackSamples(anything(seed), (plan) => plan), PATIENCE_MS)
})

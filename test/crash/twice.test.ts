// Crashes in the recovery after a crash: what opening has done by halves is done again by the next, and
// nothing that was promised depends on it (RFC 0005).

import { describe, it } from 'vitest'
import { countMutations, crashTwice, newTally } from './crashes.ts'
import type { CrashKind } from './model.ts'
import { expectSound, sampleOf, seedOf } from './sampled.ts'
import { RECOVERY, WORKLOADS } from './workloads.ts'

const PAIRS: readonly (readonly [CrashKind, CrashKind])[] = [
  ['kill', 'kill'],
  ['kill', 'power'],
  ['power', 'kill'],
  ['power', 'power'],
]

describe('a second crash at any operation of the recovery changes nothing of what was promised', () => {
  it.each([...WORKLOADS, ...RECOVERY])('after a crash in: $name', async (workload) => {
    const tally = newTally()
    const seed = seedOf()
    const { stride } = await sampleOf(workload, 2)
    const count = await countMutations(workload)
    const [first, second] = PAIRS[(seed + workload.name.length) % PAIRS.length]!
    for (let n = 1 + (seed % stride); n <= count; n += stride) {
      await crashTwice(
        workload,
        { kind: first, n, seed: seed + n },
        second,
        [seed + n],
        { stride: 11, seed: seed + n },
        tally,
      )
    }
    expectSound(tally)
  })
})

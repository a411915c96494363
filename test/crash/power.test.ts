// Power is lost at the nth change of the disk, whatever was not synced is kept, dropped or torn, and the
// machine starts again: a prefix of history with all that was promised, and nothing left over (RFC 0005).

import { describe, it } from 'vitest'
import { crashEverywhere, newTally } from './crashes.ts'
import { expectSound, sampleOf, seedOf } from './sampled.ts'
import { RECOVERY, WORKLOADS } from './workloads.ts'

describe('a power loss at any operation leaves a prefix of history with what was promised', () => {
  it.each([...WORKLOADS, ...RECOVERY])('$name', async (workload) => {
    const tally = newTally()
    const seed = seedOf()
    await crashEverywhere(workload, 'power', [0, 1, seed + 1], await sampleOf(workload, 5), tally)
    expectSound(tally)
  })
})

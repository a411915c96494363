// The nth change of the disk fails, or a sync does, and the process lives on: what was refused is not
// there, what was acknowledged is, and the database goes on, or refuses writes and says why (S4).

import { describe, it } from 'vitest'
import { failEverywhere, FAULTS, newTally } from './crashes.ts'
import { expectSound, sampleOf } from './sampled.ts'
import { RECOVERY, WORKLOADS } from './workloads.ts'

describe('a file operation that fails loses nothing that was acknowledged, and leaves nothing that was refused', () => {
  it.each([...WORKLOADS, ...RECOVERY])('$name', async (workload) => {
    const tally = newTally()
    const { stride, seed } = await sampleOf(workload, 3)
    for (const [i, fault] of FAULTS.entries())
      await failEverywhere(workload, fault, { stride, seed: seed + i }, tally)
    expectSound(tally)
  })
})

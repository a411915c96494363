// The process is killed at the nth change of the disk, a write perhaps half done, and another one opens
// the database on the same boot: everything that the operating system was handed is there (RFC 0005).

import { describe, it } from 'vitest'
import { crashEverywhere, newTally } from './crashes.ts'
import { expectSound, sampleOf, seedOf } from './sampled.ts'
import { RECOVERY, WORKLOADS } from './workloads.ts'

describe('a kill at any operation leaves everything that was acknowledged', () => {
  it.each([...WORKLOADS, ...RECOVERY])('$name', async (workload) => {
    const tally = newTally()
    await crashEverywhere(workload, 'kill', [seedOf()], await sampleOf(workload, 8), tally)
    expectSound(tally)
  })
})

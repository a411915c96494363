// An operation on the disk fails, or a sync does, and the process lives on: what was refused is not there, what
// was acknowledged is, and the database goes on, or refuses writes and says why (S4).

import { describe, it } from 'vitest'
import { attackSamples, PATIENCE_MS } from './sampled.ts'
import { RECOVERY, WORKLOADS } from './workloads.ts'

describe('a file operation that fails loses nothing that was acknowledged, and leaves nothing that was refused', () => {
  it.each([...WORKLOADS, ...RECOVERY].filter(({ isFaulty }) => isFaulty !== true))(
    '$name',
    (workload) => attackSamples(workload, ({ faults }) => ({ faults })),
    PATIENCE_MS,
  )
})

// Crashes in the recovery after a crash: what opening has done by halves is done again by the next, and
// nothing that was promised depends on it (RFC 0005).

import { describe, it } from 'vitest'
import { attackSamples, PATIENCE_MS } from './sampled.ts'
import { RECOVERY, WORKLOADS } from './workloads.ts'

describe('a second crash at any operation of the recovery changes nothing of what was promised', () => {
  it.each([...WORKLOADS, ...RECOVERY])(
    'after a crash in: $name',
    (workload) => attackSamples(workload, ({ twice }) => ({ twice })),
    PATIENCE_MS,
  )
})

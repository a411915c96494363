// The process is killed at a change of the disk, a write perhaps half done, and another one opens the database
// on the same boot: everything that the operating system was handed is there (RFC 0005).

import { describe, it } from 'vitest'
import { attackSamples, PATIENCE_MS } from './sampled.ts'
import { RECOVERY, WORKLOADS } from './workloads.ts'

describe('a kill at any operation leaves everything that was acknowledged', () => {
  it.each([...WORKLOADS, ...RECOVERY])(
    '$name',
    (workload) =>
      attackSamples(workload, ({ crashes }) => ({ crashes: crashes.filter(({ kind }) => kind === 'kill') })),
    PATIENCE_MS,
  )
})

// Power is lost at a change of the disk, whatever was not synced is kept, dropped or torn, and the machine starts
// again: a prefix of history with all that was promised, and nothing left over (RFC 0005).

import { describe, it } from 'vitest'
import { attackSamples, PATIENCE_MS } from './sampled.ts'
import { RECOVERY, WORKLOADS } from './workloads.ts'

describe('a power loss at any operation leaves a prefix of history with what was promised', () => {
  it.each([...WORKLOADS, ...RECOVERY])(
    '$name',
    (workload) =>
      attackSamples(workload, ({ crashes }) => ({ crashes: crashes.filter(({ kind }) => kind === 'power') })),
    PATIENCE_MS,
  )
})

// Coverage is shown, not hoped for: the states that the other tests of this folder sample strike every kind of
// operation in every life, as a crash point and by failing; what cannot occur is listed with its reason.

import { expect, it } from 'vitest'
import { thatCanFail } from './attack.ts'
import { courseOf } from './capture.ts'
import { cannotOccur, Coverage } from './coverage.ts'
import { PATIENCE_MS, samplesOf } from './sampled.ts'
import { RECOVERY, WORKLOADS } from './workloads.ts'

it(
  'every kind of operation in every life is a crash point and fails at least once',
  async () => {
    const coverage = new Coverage()
    for (const workload of [...WORKLOADS, ...RECOVERY]) {
      const course = await courseOf(workload)
      const { crashes, faults } = await samplesOf(workload)
      for (const { n } of crashes) {
        const point = course.mutations[n - 1]
        if (point !== undefined) coverage.add('crash', point)
      }
      for (const { kind, n } of faults) {
        const point = thatCanFail(course, kind)[n - 1]
        if (point !== undefined) coverage.add('failure', point)
      }
    }
    expect(coverage.gaps(cannotOccur), coverage.toString()).toEqual([])
  },
  PATIENCE_MS,
)

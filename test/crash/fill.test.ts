// Strict commits over fill that is small enough to be met at every turn: laid, overwritten, used up, cut off when
// an append fails. Whatever goes wrong then leaves what was promised (RFC 0005).

import { describe, expect, it } from 'vitest'
import { propertyOptions } from '../support/seeds.ts'
import { attack, newTally, thorough } from './attack.ts'
import { courseOf } from './capture.ts'
import { expectSound, PATIENCE_MS, seedOf } from './sampled.ts'
import { at } from './session.ts'
import type { ModelWriter, Session } from './session.ts'
import { openWithSamples } from './workloads.ts'
import type { Workload } from './workloads.ts'

const FIRST = ['t', 'a', 'b']
const SECOND = ['u', 'c']

async function write(session: Session, writer: ModelWriter | undefined, frames: number): Promise<void> {
  for (let i = 0; i < frames; i++) await session.write(writer, session.rows(writer, 1))
}

const overFill: Workload = {
  name: 'strict commits over fill, into a second file and a third',
  options: { tuning: { fillSize: 256, journalFileSize: 900 } },
  prepare: openWithSamples,
  run: async (session) => {
    const writer = await session.openWriter(FIRST, { durability: 'strict' })
    await write(session, writer, 9)
    await session.delete(['a'], at(3), at(5))
    await write(session, writer, 8)
  },
}

const besideOthers: Workload = {
  name: 'strict commits over fill, others beside',
  options: { tuning: { fillSize: 400, journalFileSize: 1200, loopSyncMs: 1e9 } },
  prepare: openWithSamples,
  run: async (session) => {
    const strict = await session.openWriter(FIRST, { durability: 'strict' })
    const relaxed = await session.openWriter(SECOND, { durability: 'relaxed' })
    for (let i = 0; i < 3; i++) {
      await write(session, strict, 2)
      await write(session, relaxed, 2)
    }
    await session.lookReadOnly()
    await session.flush()
    await session.retire()
    await write(session, strict, 3)
    await session.close()
  },
}

describe('whatever goes wrong while strict commits are written over fill leaves what was promised', () => {
  it.each([overFill, besideOthers])(
    '$name',
    async (workload) => {
      const course = await courseOf(workload)
      const { options } = workload
      const without = { ...workload, options: { ...options, tuning: { ...options?.tuning, fillSize: 0 } } }
      const fills = course.mutations.length - (await courseOf(without)).mutations.length
      expect(fills).toBeGreaterThan(2)
      const tally = newTally()
      const { numRuns } = propertyOptions(1)
      await attack(workload, course, thorough(course, Math.max(1, Math.ceil(8 / numRuns)), seedOf()), tally)
      expectSound(tally)
    },
    PATIENCE_MS,
  )

  it(
    'and where an append into fill fails, which cuts it off',
    async () => {
      const failing: Workload = {
        name: 'appends into fill that fail',
        options: { tuning: { fillSize: 256, journalFileSize: 900 } },
        isFaulty: true,
        prepare: openWithSamples,
        run: async (session) => {
          session.hasBegun = () => true
          const writer = await session.openWriter(FIRST, { durability: 'strict' })
          for (let i = 0; i < 4; i++) {
            await write(session, writer, 2)
            const { faults } = session.machine
            faults?.addRule({ kind: 'write', path: /journal/, fault: { short: 1 + 23 * i } })
            faults?.addRule({ kind: 'write', path: /journal/, nth: 2, fault: { code: 'EIO' } })
            if (i % 2 === 1) faults?.addRule({ kind: 'truncate', path: /journal/, fault: { code: 'EIO' } })
            await write(session, writer, 1)
            faults?.clearRules()
          }
          await write(session, writer, 2)
        },
      }
      const course = await courseOf(failing)
      const tally = newTally()
      await attack(failing, course, { ...thorough(course, 2, seedOf()), faults: [] }, tally)
      expectSound(tally)
    },
    PATIENCE_MS,
  )
})

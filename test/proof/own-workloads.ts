// Workloads and failures that only the proof needs: each is about one rule that the fixed set of the crash tests
// holds in passing or not at all. Used by attacks.ts.

import type { FaultKind } from '../crash/fault-kinds.ts'
import { at } from '../crash/session.ts'
import type { Session } from '../crash/session.ts'
import type { Workload } from '../crash/workloads.ts'

const NAMES = ['t', 'a']

async function openWithChannels(session: Session): Promise<void> {
  await session.open()
  await session.create([
    { name: 't', kind: 'index' },
    { name: 'a', kind: 'data', type: 'float64', index: 't' },
  ])
}

export const OWN_WORKLOADS: readonly Workload[] = [
  {
    name: 'a retirement before a flush',
    prepare: openWithChannels,
    run: async (session) => {
      const writer = await session.openWriter(NAMES)
      await session.write(writer, session.rows(writer, 5))
      await session.retire()
      await session.write(writer, session.rows(writer, 2))
    },
  },
  {
    name: 'a tail cut below a checkpoint',
    prepare: openWithChannels,
    run: async (session) => {
      const writer = await session.openWriter(NAMES)
      await session.write(writer, session.rows(writer, 9))
      await session.delete(NAMES, at(3), at(5))
      await session.checkpoint()
      await session.write(writer, session.rows(writer, 2))
    },
  },
  {
    // Nothing but the sync proves anything, and no record after it says so.
    name: 'a flush, a delete and a drop in one sync',
    options: { tuning: { unprovenLimit: 1 << 30, unmarkedLimit: 1 << 30 } },
    prepare: openWithChannels,
    run: async (session) => {
      const writer = await session.openWriter(NAMES)
      await session.write(writer, session.rows(writer, 9))
      await session.flush()
      await session.delete(NAMES, at(0), at(9))
      await session.gc(0)
      await session.sync()
    },
  },
  {
    name: 'a delete and a drop of what was proven',
    prepare: async (session) => {
      await openWithChannels(session)
      const writer = await session.openWriter(NAMES)
      await session.write(writer, session.rows(writer, 9))
      await session.flush()
      await session.sync()
      await session.update('a', { unit: 'bar' })
      await session.sync()
    },
    run: async (session) => {
      await session.delete(NAMES, at(0), at(9))
      await session.gc(0)
    },
  },
  {
    name: 'two syncs at once',
    prepare: openWithChannels,
    run: async (session) => {
      const writer = await session.openWriter(NAMES)
      await session.write(writer, session.rows(writer, 30))
      await Promise.all([session.sync(), session.sync()])
    },
  },
  {
    name: 'a long record between short ones',
    prepare: openWithChannels,
    run: async (session) => {
      const writer = await session.openWriter(NAMES)
      await session.write(writer, session.rows(writer, 1))
      await session.update('a', { metadata: { note: 'x'.repeat(1000) } })
      await session.write(writer, session.rows(writer, 1))
    },
  },
]

export const OWN_FAULTS: readonly FaultKind[] = [
  {
    name: 'half of a long write, then EIO',
    kinds: ['write'],
    path: /journal/,
    rules: (of, nth) => [
      { ...of, nth, fault: { short: 600 } },
      { ...of, nth: nth + 1, fault: { code: 'EIO' } },
    ],
  },
]

// Workloads and failures that only the proof needs: each is about one rule that the fixed set of the crash tests
// holds in passing or not at all. Used by attacks.ts.

import type { FaultKind } from '../crash/fault-kinds.ts'
import { at } from '../crash/session.ts'
import type { Session } from '../crash/session.ts'
import type { Workload } from '../crash/workloads.ts'

const NAMES = ['t', 'a']

/** The byte that fill is made of. */
const FILL = String(0xa5)

async function openWithChannels(session: Session, type: 'float64' | 'uint8' = 'float64'): Promise<void> {
  await session.open()
  await session.create([
    { name: 't', kind: 'index' },
    { name: 'a', kind: 'data', type, index: 't' },
  ])
}

export const OWN_WORKLOADS: readonly Workload[] = [
  {
    name: 'a retirement before a flush',
    prepare: (session) => openWithChannels(session),
    run: async (session) => {
      const writer = await session.openWriter(NAMES)
      await session.write(writer, session.rows(writer, 5))
      await session.retire()
      await session.write(writer, session.rows(writer, 2))
    },
  },
  {
    name: 'a tail cut below a checkpoint',
    prepare: (session) => openWithChannels(session),
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
    prepare: (session) => openWithChannels(session),
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
    name: 'a delete and holes in what was proven',
    options: { holes: true, segmentSize: 1 << 20 },
    prepare: async (session) => {
      await openWithChannels(session)
      const writer = await session.openWriter(NAMES)
      for (let i = 0; i < 6; i++) await session.write(writer, session.rows(writer, 64))
      await session.flush()
      await session.sync()
      await session.update('a', { unit: 'bar' })
      await session.sync()
    },
    run: async (session) => {
      await session.delete(NAMES, at(0), at(256))
      await session.gc(0.3)
      await session.sync()
    },
  },
  {
    name: 'two syncs at once',
    prepare: (session) => openWithChannels(session),
    run: async (session) => {
      const writer = await session.openWriter(NAMES)
      await session.write(writer, session.rows(writer, 30))
      await Promise.all([session.sync(), session.sync()])
    },
  },
  {
    // The files that it retires hold more than there is: the first begins a manifest, the last one another.
    name: 'a close that writes two checkpoints',
    options: { tuning: { journalFileSize: 3000, manifestSlack: 0 } },
    prepare: async (session) => {
      await openWithChannels(session)
      for (let i = 0; i < 10; i++) await session.update('a', { metadata: { note: 'x'.repeat(900 + i) } })
    },
    run: async (session) => {
      await session.close()
    },
  },
  {
    name: 'strict commits over fill',
    options: { tuning: { fillSize: 256 } },
    prepare: (session) => openWithChannels(session),
    run: async (session) => {
      const writer = await session.openWriter(NAMES, { durability: 'strict' })
      for (let i = 0; i < 4; i++) await session.write(writer, session.rows(writer, 1))
    },
  },
  {
    // Of all lengths, as far as they count: one of them fills its frame but for the zeroes behind it.
    name: 'records that end like fill',
    prepare: (session) => openWithChannels(session, 'uint8'),
    run: async (session) => {
      const writer = await session.openWriter(NAMES)
      for (let count = 1; count <= 8; count++) {
        const rows = session.rows(writer, count)
        const filled = [...rows].map(
          ([name, samples]) =>
            [name, name === 'a' ? samples.map(([time]) => [time, FILL] as const) : samples] as const,
        )
        await session.write(writer, new Map(filled))
      }
    },
  },
  {
    name: 'a long record between short ones',
    prepare: (session) => openWithChannels(session),
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

// Workloads whose point is that the disk fills up: they write until they are refused, delete, collect, and
// write on, round after round. Run on disks of every size by sweep.ts.

import { at } from '../crash/session.ts'
import type { ModelWriter, Session, SessionOptions } from '../crash/session.ts'
import { reopen } from '../crash/workloads.ts'
import type { Workload } from '../crash/workloads.ts'

const FIRST = ['t', 'a', 'b']
const SECOND = ['u', 'c']

/** Most frames until the disk is full: the sweep ends where so many find room. */
const MOST_FRAMES = 40

async function openWithChannels(session: Session): Promise<void> {
  await session.open()
  await session.create([
    { name: 't', kind: 'index' },
    { name: 'a', kind: 'data', type: 'float64', index: 't' },
    { name: 'b', kind: 'data', type: 'int16', index: 't' },
    { name: 'u', kind: 'index' },
    { name: 'c', kind: 'data', type: 'uint8', index: 'u' },
  ])
  await session.sync()
}

/** Writes frames until one is refused. */
async function fill(session: Session, writer: ModelWriter | undefined, rows: number): Promise<void> {
  const before = session.refusals
  for (let i = 0; i < MOST_FRAMES && session.refusals === before; i++) {
    await session.write(writer, session.rows(writer, rows))
    if (i % 8 === 7) await session.sync()
  }
}

function filling(name: string, rows: number, options: SessionOptions): Workload {
  return {
    name: `fill, delete, collect, write on: ${name}`,
    options,
    prepare: openWithChannels,
    run: async (session) => {
      for (let round = 0; round < 3; round++) {
        const writer = await session.openWriter(round % 2 === 0 ? FIRST : [...FIRST, ...SECOND])
        await fill(session, writer, rows)
        await fill(session, writer, 1)
        await session.closeWriter(writer)
        await session.look()
        // A part, so that segments are left that are partly dead, then all.
        await session.delete(['a'], at(0), at(rows * 3))
        await session.gc(0)
        await session.look()
        await session.delete([...FIRST, ...SECOND], at(0), at(1_000_000))
        await session.gc(0)
        if (round === 1) await reopen(session)
      }
      const writer = await session.openWriter(FIRST)
      await session.write(writer, session.rows(writer, 2))
    },
  }
}

const deletesOnly: Workload = {
  name: 'fill, then nothing but deletes',
  prepare: openWithChannels,
  run: async (session) => {
    const writer = await session.openWriter(FIRST)
    await fill(session, writer, 2)
    await session.closeWriter(writer)
    for (let i = 0; i < 60; i++) await session.delete(['a'], at(i), at(i + 1))
    await session.remove(['b'])
    await session.look()
  },
}

const pressed: Workload = {
  name: 'fill with more than memory holds',
  options: { memoryBudget: 8192, tuning: { journalFileSize: 2000, journalLimit: 6000 } },
  prepare: openWithChannels,
  run: async (session) => {
    const writer = await session.openWriter(FIRST)
    const spilling = await session.openWriter(SECOND, { autoCommit: false })
    await session.write(spilling, session.rows(spilling, 9))
    await fill(session, writer, 9)
    await session.write(spilling, session.rows(spilling, 9))
    await session.closeWriter(writer)
    await session.look()
    await session.delete(FIRST, at(0), at(100))
    await session.gc(0)
    await session.closeWriter(spilling)
    const again = await session.openWriter(FIRST)
    await fill(session, again, 9)
    await session.closeWriter(again)
    await session.delete([...FIRST, ...SECOND], at(0), at(1_000_000))
    await session.gc(0)
    await session.look()
  },
}

const crashing: Workload = {
  name: 'fill, killed, filled again',
  prepare: openWithChannels,
  run: async (session) => {
    for (const kind of ['kill', 'power', 'kill'] as const) {
      const writer = await session.openWriter(FIRST)
      await fill(session, writer, 5)
      await session.crash(kind, 3)
      await session.recover(kind)
      await session.delete(['a'], at(0), at(12))
      await session.gc(0)
    }
  },
}

/** All of them. */
export const FILLING: readonly Workload[] = [
  filling('small frames, batched', 2, {}),
  filling('small frames, strict', 2, { durability: 'strict' }),
  filling('small frames, relaxed', 2, { durability: 'relaxed' }),
  filling('large frames', 40, {}),
  filling('large frames, strict', 40, { durability: 'strict' }),
  filling('a journal of many files', 4, { tuning: { journalFileSize: 600, manifestSlack: 0 } }),
  deletesOnly,
  pressed,
  crashing,
]

// The channels that most contract tests use: two groups, several types, and rows to fill them with.

import { channel } from '../../src/telem/channel.ts'
import type { Database, Writer } from '../../src/index.ts'
import type { DataEntry, IndexEntry } from '../../src/telem/channel.ts'

/** Two groups: `time` with `pressure`, `count` and `valve`, and `slow` with `state`. */
export type Vitals = {
  readonly time: IndexEntry
  readonly pressure: DataEntry<'float64', 'time'>
  readonly count: DataEntry<'int32', 'time'>
  readonly valve: DataEntry<'boolean', 'time'>
  readonly slow: IndexEntry
  readonly state: DataEntry<'uint8', 'slow'>
}

export const VITALS: Vitals = {
  time: channel.index(),
  pressure: channel.float64({ index: 'time', unit: 'bar' }),
  count: channel.int32({ index: 'time' }),
  valve: channel.boolean({ index: 'time' }),
  slow: channel.index(),
  state: channel.uint8({ index: 'slow' }),
}

/** Writes samples at these times to `time` and `pressure` (the time as a number), and closes the writer. */
export async function writePressure(db: Database<Vitals>, ...times: number[]): Promise<void> {
  const writer = await db.openWriter(['time', 'pressure'])
  await writer.write({ time: times.map(BigInt), pressure: times })
  await writer.close()
}

/** Opens a writer of `time` and `pressure` with what it is written with: `write(1, 2, 3)`. */
export async function pressureWriter(
  db: Database<Vitals>,
  options: { readonly start?: bigint; readonly autoCommit?: boolean } = {},
): Promise<{
  writer: Writer<Vitals, 'time' | 'pressure'>
  readonly write: (...times: number[]) => Promise<boolean>
}> {
  const writer = await db.openWriter({ channels: ['time', 'pressure'], ...options })
  return { writer, write: (...times) => writer.write({ time: times.map(BigInt), pressure: times }) }
}

/** Times of all samples of a channel, as numbers. */
export async function timesOf(db: Database<Vitals>, name: keyof Vitals = 'time'): Promise<number[]> {
  const frame = await db.read(name, {}, { timestamps: true })
  return [...frame.timestamps(name)].map(Number)
}

// Long reads, in slices: many channels, many pointers, or many rows in memory. The instant is held as a
// snapshot holds it, so that the loop can turn while the read is planned: pointers do not change, and rows
// that a flush writes meanwhile are found in the pointers that replace them (0003-I5). Called by read.ts.

import { assert } from '../assert.ts'
import type { Frame } from '../telem/frame.ts'
import { byteWidth, createArray } from '../telem/data-type.ts'
import type { TimeRange } from '../telem/time-range.ts'
import { countIn, partsFrom } from '../unary/channel-view.ts'
import type { ChannelRef, ExtentPart, GroupView, Part } from '../unary/channel-view.ts'
import { CHECKED_ABOVE, copyRows, costOfExtent, fill } from '../unary/read-parts.ts'
import type { Filling } from '../unary/read-parts.ts'
import type { Engine } from './engine.ts'
import { framing, inSlices, timesWanted } from './framing.ts'
import type { Instant, ReadPlan } from './read.ts'
import { holdAgain, releaseSnapshot, takeSnapshot } from './snapshots.ts'

/** Reads of each channel what `rangeOf` says, which is asked once for each. To be called in the step of the instant. */
export async function readLong(
  engine: Engine,
  instant: Instant,
  plan: ReadPlan,
  rangeOf: (channel: ChannelRef, view: GroupView) => TimeRange,
): Promise<Frame> {
  const { channels, signal } = plan
  // Of its own, whoever else holds the instant: a snapshot may be closed before the read has ended.
  const keys = new Set(channels.map(({ index }) => index.key))
  const { held } = instant
  const state = held === undefined ? takeSnapshot(engine, keys) : holdAgain(engine, held, keys)
  const viewOf = (key: number): GroupView => state.viewOf(key)
  try {
    const lanes: Filling[] = []
    for (const channel of channels)
      lanes.push(
        await beginLong(engine, viewOf, channel, rangeOf(channel, viewOf(channel.index.key)), signal),
      )
    const times = new Map<number, Filling>()
    for (const { channel, range } of timesWanted(plan, lanes))
      times.set(channel.key, await beginLong(engine, viewOf, channel, range, signal))
    for (const filling of [...lanes, ...times.values()])
      await fill(filling, engine.segments, () => engine.turns.next(), signal)
    signal?.throwIfAborted()
    return await inSlices(engine.turns, framing(lanes, times))
  } finally {
    releaseSnapshot(engine, state)
  }
}

/** As `beginFilling`, in slices. @throws CorruptionError, StorageError, the signal's reason */
async function beginLong(
  engine: Engine,
  viewOf: (key: number) => GroupView,
  channel: ChannelRef,
  range: TimeRange,
  signal: AbortSignal | undefined,
): Promise<Filling> {
  const { segments } = engine
  const count = countIn(viewOf(channel.index.key), channel, range.start, range.end)
  const walk = (visit: (part: Part) => void): Promise<void> =>
    forEachPart(engine, viewOf, channel, range, signal, visit)
  if (count * byteWidth(channel.type) > CHECKED_ABOVE) {
    await walk((part) => {
      if (part.kind === 'extent')
        segments.reader(part.pointer.segment).checkRoom(part.pointer, channel.owner, part.count)
    })
  }
  const data = createArray(channel.type, count)
  const parts: Part[] = []
  const extents: { part: ExtentPart; at: number }[] = []
  let at = 0
  let size = 0
  await walk((part) => {
    assert(at + part.count <= count, 'the parts of a channel are as many samples as they were counted')
    if (part.kind === 'rows') copyRows(part, data, at)
    else {
      extents.push({ part, at })
      size += costOfExtent(part, data)
    }
    parts.push(part)
    at += part.count
  })
  assert(at === count, 'the parts of a channel are as many samples as they were counted')
  // Thousands may have nothing in the range.
  const turn = engine.turns.due()
  if (turn !== undefined) await turn
  signal?.throwIfAborted()
  return { channel, data, parts, extents, size }
}

/** Visits a channel's parts in order of time. After each turn they are looked up again from where it was. */
async function forEachPart(
  { turns }: Engine,
  viewOf: (key: number) => GroupView,
  channel: ChannelRef,
  range: TimeRange,
  signal: AbortSignal | undefined,
  visit: (part: Part) => void,
): Promise<void> {
  let cursor = range.start
  for (let isDone = false; !isDone;) {
    isDone = true
    if (cursor >= range.end) return
    for (const part of partsFrom(viewOf(channel.index.key), channel, cursor, range.end)) {
      visit(part)
      cursor = part.end
      const turn = turns.due()
      if (turn === undefined) continue
      await turn
      signal?.throwIfAborted()
      isDone = false
      break
    }
  }
}

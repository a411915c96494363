// Long reads and counts, in slices: many channels, many pointers, or many rows in memory. The instant is held
// as a snapshot holds it, so that the loop can turn while the read is planned: pointers do not change, and
// rows that a flush writes meanwhile are found in the pointers that replace them (0003-I5). Called by
// read.ts.

import { assert } from '../assert.ts'
import type { Frame } from '../telem/frame.ts'
import { byteWidth, createArray } from '../telem/data-type.ts'
import type { TimeRange } from '../telem/time-range.ts'
import { partsFrom, partsIn } from '../unary/channel-view.ts'
import type { ChannelRef, GroupView, Part } from '../unary/channel-view.ts'
import { PartColumns } from '../unary/laid-parts.ts'
import { beginFilling, CHECKED_ABOVE, checkRoom, costOf, fillInTurns, lay } from '../unary/read-parts.ts'
import type { Filling } from '../unary/read-parts.ts'
import { countIn } from '../unary/sample-count.ts'
import type { Engine } from './engine.ts'
import { framing, timesWanted } from './framing.ts'
import type { Instant, ReadPlan } from './read.ts'
import { holdInstant, releaseSnapshot } from './snapshots.ts'
import { inSlices, SLICE_MS } from './turns.ts'

/** A channel that costs no more is planned in one step: most of ten thousand do, and need no promise each. */
const CHANNEL_AT_ONCE = 1024

/** What is asked of a channel. */
type RangeOf = (channel: ChannelRef, view: GroupView) => TimeRange

/**
 * Reads of each channel what `rangeOf` says, which is asked once for each. To be called in the step of the
 * instant.
 */
export async function readLong(
  engine: Engine,
  instant: Instant,
  plan: ReadPlan,
  rangeOf: RangeOf,
): Promise<Frame> {
  const { channels, signal } = plan
  const state = holdInstant(engine, instant.held, channels)
  const viewOf = (key: number): GroupView => state.viewOf(key)
  try {
    const lanes = await beginAll(engine, viewOf, channels, rangeOf, signal)
    const wanted = await inSlices(engine.turns, timesWanted(plan, lanes), SLICE_MS)
    const ranges = new Map(wanted.map(({ channel, range }) => [channel.key, range]))
    const indexes = wanted.map(({ channel }) => channel)
    const times = await beginAll(engine, viewOf, indexes, ({ key }) => ranges.get(key)!, signal)
    await fillInTurns([...lanes, ...times], engine.segments, engine.turns, signal)
    signal?.throwIfAborted()
    const timesOf = new Map(times.map((filling) => [filling.channel.key, filling]))
    return await inSlices(engine.turns, framing(lanes, timesOf))
  } finally {
    releaseSnapshot(engine, state)
  }
}

/**
 * Begins with every channel; the loop turns in between.
 * @throws CorruptionError, StorageError, the signal's reason
 */
async function beginAll(
  engine: Engine,
  viewOf: (key: number) => GroupView,
  channels: readonly ChannelRef[],
  rangeOf: RangeOf,
  signal: AbortSignal | undefined,
): Promise<Filling[]> {
  const fillings: Filling[] = []
  for (const channel of channels) {
    const view = viewOf(channel.index.key)
    const range = rangeOf(channel, view)
    const isShort = costOf(view, channel, range) <= CHANNEL_AT_ONCE
    const filling = isShort
      ? beginFilling(channel, partsIn(view, channel, range.start, range.end), engine.segments)
      : await beginLong(engine, viewOf, channel, range, signal)
    fillings.push(filling)
    const turn = engine.turns.due(SLICE_MS)
    if (turn === undefined) continue
    await turn
    signal?.throwIfAborted()
  }
  return fillings
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
  const view = viewOf(channel.index.key)
  const expected = costOf(view, channel, range)
  const count = countIn(view, channel, range.start, range.end)
  const walk = (visit: (part: Part) => void): Promise<void> =>
    forEachPart(engine, viewOf, channel, range, signal, visit)
  if (count * byteWidth(channel.type) > CHECKED_ABOVE)
    await walk((part) => checkRoom(channel, part, segments))
  const data = createArray(channel.type, count)
  const parts = new PartColumns(expected)
  let at = 0
  let size = 0
  await walk((part) => {
    assert(at + part.count <= count, 'the parts of a channel are as many samples as they were counted')
    size += lay(part, data, at)
    parts.push(part)
    at += part.count
  })
  assert(at === count, 'the parts of a channel are as many samples as they were counted')
  return { channel, data, parts, size }
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
    const view = viewOf(channel.index.key)
    for (const part of partsFrom(view, channel, cursor, range.end)) {
      visit(part)
      cursor = part.end
      const turn = turns.due(SLICE_MS)
      if (turn === undefined) continue
      await turn
      signal?.throwIfAborted()
      // As long as no flush has replaced rows by pointers, what was looked up is what there is.
      if (viewOf(channel.index.key).tail === view.tail) continue
      isDone = false
      break
    }
  }
}

/**
 * Counts the samples of many channels in a range, and hands them to `visit` in their order until it says that
 * it has seen enough. To be called in the step of the instant.
 */
export async function countLong(
  engine: Engine,
  instant: Instant,
  channels: readonly ChannelRef[],
  { start, end }: TimeRange,
  visit: (count: number) => boolean,
): Promise<void> {
  const state = holdInstant(engine, instant.held, channels)
  try {
    for (const channel of channels) {
      if (visit(countIn(state.viewOf(channel.index.key), channel, start, end))) return
      const turn = engine.turns.due(SLICE_MS)
      if (turn !== undefined) await turn
    }
  } finally {
    releaseSnapshot(engine, state)
  }
}

// Counting the samples of one channel at one instant: by the sums that its lists of pointers keep, without
// making parts of the pointers that lie wholly inside. Called by reads of the newest, by `count`, and where
// frames are cut.

import { partitionPoint } from '../binary-search.ts'
import { END_OF_TIME } from '../telem/timestamp.ts'
import { listsOf, longestOf, partsFrom, rowsIn, timeInPart } from './channel-view.ts'
import type { ChannelRef, GroupView, Part, TimedList } from './channel-view.ts'
import { cutPointer } from './time-search.ts'

/** Sum of the parts' samples. */
export function countOf(parts: readonly Part[]): number {
  let count = 0
  for (const part of parts) count += part.count
  return count
}

/** Samples of a channel in [start, end). @throws CorruptionError, StorageError */
export function countIn(view: GroupView, channel: ChannelRef, start: bigint, end: bigint): number {
  if (start >= end) return 0
  let count = countOf(rowsIn(view, channel, start, end))
  for (const timed of listsOf(view, channel)) count += countInList(timed, start, end)
  return count
}

function countInList({ list, index }: TimedList, start: bigint, end: bigint): number {
  const first = list.lowerBound(start)
  if (first === list.length || list.startAt(first) >= end) return 0
  const after = Math.min(list.lowerBound(end), list.length - 1)
  const last = list.startAt(after) < end ? after : after - 1
  let count = list.samplesBefore(last + 1) - list.samplesBefore(first)
  for (const p of first === last ? [first] : [first, last]) {
    const pointer = list.get(p)
    const cut = cutPointer(index, pointer, start, end, true)
    count -= pointer.count - Math.max(0, cut.to - cut.from)
  }
  return count
}

/**
 * Timestamp of the sample number `count` (from 0) at or after `start`; undefined where there are fewer.
 * @throws CorruptionError, StorageError
 */
export function timeOfNth(
  view: GroupView,
  channel: ChannelRef,
  start: bigint,
  count: number,
): bigint | undefined {
  const { from, skipped } = count === 0 ? { from: start, skipped: 0 } : skipTo(view, channel, start, count)
  let left = count - skipped
  for (const part of partsFrom(view, channel, from)) {
    if (left < part.count) return timeInPart(part, left)
    left -= part.count
  }
  return undefined
}

/** Pointers fewer than this are looked at one by one. */
const FEW = 16

/** Where to begin with counting to `count` from `start` on: most is skipped by the sums that lists keep. */
function skipTo(
  view: GroupView,
  channel: ChannelRef,
  start: bigint,
  count: number,
): { readonly from: bigint; readonly skipped: number } {
  const { lists, others } = longestOf(view, channel, start, END_OF_TIME)
  const ladders = lists.flatMap(({ list, index }) => {
    const first = list.lowerBound(start)
    if (first === list.length) return []
    const cut = cutPointer(index, list.get(first), start, END_OF_TIME, true)
    return [{ list, first, base: list.samplesBefore(first + 1) - Math.max(0, cut.to - cut.from) }]
  })
  const none = { from: start, skipped: 0 }
  if (ladders.every(({ list, first }) => list.length - first < FEW)) return none
  const parts = [...rowsIn(view, channel, start, END_OF_TIME), ...others]
  /** Samples from `start` on before the time at which a pointer begins. */
  const before = (time: bigint): number => {
    let sum = 0
    for (const { list, base } of ladders) sum += Math.max(0, list.samplesBefore(list.startBound(time)) - base)
    for (const part of parts) if (part.start < time) sum += part.count
    return sum
  }
  let best = none
  for (const { list, first } of ladders) {
    const last = partitionPoint(first + 1, list.length, (p) => before(list.startAt(p)) <= count) - 1
    const from = list.startAt(last)
    if (last > first && from > best.from) best = { from, skipped: before(from) }
  }
  return best
}

// Turns times into sample positions, through the index channel's pointers and block tables: at most
// one unit of 128 timestamps is read for each time that falls inside an extent. Data channels are
// timed by counting: a data pointer lies inside one contiguous run of its index channel's pointers, and
// both agree on the number of samples between any two times inside it (0003-I4).

import type { PointerList } from '../domain/pointer-list.ts'
import type { ExtentOwner } from '../segment/extent-header.ts'
import type { SegmentReader } from '../segment/segment-reader.ts'
import type { Pointer, SegmentId } from '../version/pointer.ts'

/** Where segments are read. */
export interface SegmentSource {
  reader(id: SegmentId): SegmentReader
}

/** Where a time falls among all samples of a list of index pointers. */
export interface TimeRank {
  /** How many samples lie before the time. */
  readonly rank: number
  /** Timestamp of the first sample at or after the time; undefined where there is none. */
  readonly at: bigint | undefined
  /** Timestamp of the last sample before the time; undefined where there is none. */
  readonly before: bigint | undefined
}

/** The index channel's pointers beside those of the channel that is read, and how to read them. */
export interface IndexSource {
  readonly list: PointerList
  readonly owner: ExtentOwner
  readonly segments: SegmentSource
}

/**
 * Ranks `time` among the samples of an index channel's pointers.
 * @param needsBefore whether `before` is asked for: else it may be left out
 * @throws CorruptionError, StorageError
 */
export function rankOf(index: IndexSource, time: bigint, needsBefore = true): TimeRank {
  const { list } = index
  const position = list.lowerBound(time)
  const before = position > 0 ? list.endAt(position - 1) - 1n : undefined
  const rank = list.samplesBefore(position)
  if (position === list.length) return { rank, at: undefined, before }
  const start = list.startAt(position)
  if (time <= start) return { rank, at: start, before }
  const pointer = list.get(position)
  const reader = index.segments.reader(pointer.segment)
  const found = reader.lowerBoundNow(pointer, index.owner, time, needsBefore)
  return { rank: rank + found.position - pointer.skip, at: found.at, before: found.before }
}

/** Timestamp of the sample of this number among all samples of an index channel's pointers. */
export function timeOfRank(index: IndexSource, rank: number): bigint {
  const { position, within } = index.list.positionOfSample(rank)
  if (within === 0) return index.list.startAt(position)
  const pointer = index.list.get(position)
  if (within === pointer.count - 1) return pointer.end - 1n
  return index.segments.reader(pointer.segment).timeAtNow(pointer, index.owner, pointer.skip + within)
}

/** The samples of a pointer that lie in [start, end): positions within the pointer and their times. */
export interface Cut {
  readonly from: number
  readonly to: number
  /** First timestamp at or after `start`; the pointer's own start where `from` is 0. */
  readonly first: bigint
  /** End (last timestamp + 1) of what lies before `end`. */
  readonly last: bigint
  /** End of what lies before `from`; meaningful where `from` is above 0. */
  readonly endBefore: bigint
  /** Timestamp of the sample at `to`; meaningful where `to` is below the pointer's count. */
  readonly startAfter: bigint
}

/**
 * Finds which samples of `pointer` lie in [start, end).
 * @param forReading `endBefore` is not asked for: what lies before the range need not be readable
 * @throws CorruptionError, StorageError
 */
export function cutPointer(
  index: IndexSource,
  pointer: Pointer,
  start: bigint,
  end: bigint,
  forReading = false,
): Cut {
  let from = 0
  let to = pointer.count
  let first = pointer.start
  let last = pointer.end
  let endBefore = pointer.start
  let startAfter = pointer.end
  if (start <= pointer.start && end >= pointer.end) return { from, to, first, last, endBefore, startAfter }
  const base = rankOf(index, pointer.start, false).rank
  if (start > pointer.start) {
    const found = rankOf(index, start < pointer.end ? start : pointer.end, !forReading)
    from = Math.min(found.rank - base, pointer.count)
    first = found.at ?? pointer.end
    endBefore = (found.before ?? pointer.start) + 1n
  }
  if (end < pointer.end) {
    const found = rankOf(index, end > pointer.start ? end : pointer.start)
    to = Math.min(found.rank - base, pointer.count)
    last = (found.before ?? pointer.start) + 1n
    startAfter = found.at ?? pointer.end
  }
  return { from, to, first, last, endBefore, startAfter }
}

/** The part [from, to) of a pointer's samples as a pointer; bytes kept live in proportion (0006-I2). */
export function slicePointer(
  pointer: Pointer,
  from: number,
  to: number,
  start: bigint,
  end: bigint,
  joined: boolean,
): Pointer {
  const live = liveShare(pointer.live, pointer.count, from, to)
  return { ...pointer, start, end, joined, skip: pointer.skip + from, count: to - from, live }
}

/**
 * What samples [from, to) keep live of `live` bytes that `count` samples share. The shares of pieces that
 * lie side by side add up; never 0, since a segment that a pointer reaches must not look dead (0006-I2).
 */
export function liveShare(live: number, count: number, from: number, to: number): number {
  return Math.max(1, Math.floor((live * to) / count) - Math.floor((live * from) / count))
}

// Half-open stretches of time, `[start, end)`, and the questions that plans ask of them. Invariant:
// a `TimeRange` that `range` returned has int64 sides and start <= end. Pure values, never mutated.
// Called by every public call that takes a range, and by the plans of reads, deletes and control.

import { ValidationError } from '../errors.ts'
import { describeValue, isPlainObject, refuseUnknownKeys } from './input.ts'
import { END_OF_TIME, MIN_TIMESTAMP, timestamp, toISO, type TimeLike, type TimeStamp } from './timestamp.ts'

/** From `start`, inclusive, to `end`, exclusive, in nanoseconds; empty where they are equal. */
export interface TimeRange {
  /** Inclusive. */
  readonly start: TimeStamp
  /** Exclusive, never before `start`. */
  readonly end: TimeStamp
}

/** What public calls take for a range: a side that is left out is unbounded. */
export interface RangeLike {
  /** Inclusive. Default: the earliest time there is. */
  readonly start?: TimeLike | undefined
  /** Exclusive, not before `start`. Default: the latest time there is. */
  readonly end?: TimeLike | undefined
}

const KEYS = ['start', 'end'] as const

/**
 * The range that `input` names.
 * @throws ValidationError for `start > end`, a side that is no time, unknown keys, and whatever is no
 * plain object.
 */
export function range(input: RangeLike): TimeRange {
  const given: unknown = input
  if (!isPlainObject(given)) {
    throw new ValidationError(
      `${describeValue(given)} is no range: give { start, end }; a side may be left out`,
    )
  }
  refuseUnknownKeys(given, KEYS, 'A range')
  const from = given['start'] as TimeLike | undefined
  const to = given['end'] as TimeLike | undefined
  const start = from === undefined ? MIN_TIMESTAMP : timestamp(from)
  const end = to === undefined ? END_OF_TIME : timestamp(to)
  if (start > end) {
    throw new ValidationError(`A range ends before it starts: from ${toISO(start)} to ${toISO(end)}`)
  }
  return { start, end }
}

/** Whether `ts` lies in `[start, end)`. */
export function contains(range: TimeRange, ts: TimeStamp): boolean {
  return range.start <= ts && ts < range.end
}

/** Whether some instant lies in both; an empty range overlaps nothing. */
export function overlaps(a: TimeRange, b: TimeRange): boolean {
  return intersect(a, b) !== undefined
}

/** The instants that lie in both, `undefined` where there are none. */
export function intersect(a: TimeRange, b: TimeRange): TimeRange | undefined {
  const start = a.start > b.start ? a.start : b.start
  const end = a.end < b.end ? a.end : b.end
  return start < end ? { start, end } : undefined
}

/** Whether no instant lies in the range. */
export function isEmpty(range: TimeRange): boolean {
  return range.start >= range.end
}

/** The range as messages show it: ISO times, and `...` for a side that is missing or as far as time goes. */
export function describeRange(range: { readonly start?: TimeStamp; readonly end?: TimeStamp }): string {
  const { start = MIN_TIMESTAMP, end = END_OF_TIME } = range
  return `[${start === MIN_TIMESTAMP ? '...' : toISO(start)}, ${end === END_OF_TIME ? '...' : toISO(end)})`
}

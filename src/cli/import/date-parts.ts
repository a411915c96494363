// Times that are spread over columns, a number in each: year, month, day, hour and so on, in any order.
// Pure. Called by the choice of the time's columns, and through it for each row.

import { isTime, timeOfDate } from './calendar.ts'
import { nanosOfDecimal } from './decimal-span.ts'

/** A part of a date. */
export type DatePart =
  | 'year'
  | 'month'
  | 'day'
  | 'hour'
  | 'minute'
  | 'second'
  | 'millisecond'
  | 'microsecond'
  | 'nanosecond'

/** What each column is, in the order of the columns; `undefined` for one that is no part of a date. */
export type DateParts = readonly (DatePart | undefined)[]

const WORDS: Readonly<Record<string, DatePart>> = {
  ...{ year: 'year', years: 'year', yr: 'year', month: 'month', months: 'month', mon: 'month' },
  ...{ day: 'day', days: 'day', hour: 'hour', hours: 'hour', hr: 'hour' },
  ...{ minute: 'minute', minutes: 'minute', min: 'minute', second: 'second', seconds: 'second' },
  ...{ sec: 'second', millisecond: 'millisecond', milliseconds: 'millisecond', msec: 'millisecond' },
  ...{ microsecond: 'microsecond', microseconds: 'microsecond', usec: 'microsecond' },
  ...{ nanosecond: 'nanosecond', nanoseconds: 'nanosecond', nsec: 'nanosecond' },
}
/** Each is worthless without those before it; later ones may follow any. */
const NEEDED: readonly DatePart[] = ['year', 'month', 'day']
const WHOLE = /^\+?\d{1,9}$/

/**
 * The parts that columns of these names are, or `undefined` where they make no day: year, month and day
 * must be there, or year and month, or the year alone; none twice, and none that is no part.
 */
export function dateParts(
  names: readonly string[],
  { ignoreOthers = false }: { readonly ignoreOthers?: boolean } = {},
): DateParts | undefined {
  const found = new Set<DatePart>()
  const parts: (DatePart | undefined)[] = []
  for (const name of names) {
    const word = name.toLowerCase().trim()
    const part = Object.hasOwn(WORDS, word) ? WORDS[word] : undefined
    const isNew = part !== undefined && !found.has(part)
    if (!isNew && !ignoreOthers) return undefined
    if (isNew) found.add(part)
    parts.push(isNew ? part : undefined)
  }
  // Of a table with many columns only a whole date is taken for the time.
  const needed = ignoreOthers || found.has('day') || found.size > 2 ? NEEDED : NEEDED.slice(0, found.size)
  return needed.length > 0 && needed.every((part) => found.has(part)) ? parts : undefined
}

/** What reads the time of a row. @param offset of the clock, in seconds east of UTC */
export function readDateParts(
  positions: readonly number[],
  parts: DateParts,
  offset: number,
): (row: readonly string[]) => bigint | undefined {
  const at = (part: DatePart): number => positions[parts.indexOf(part)] ?? -1
  const columns = {
    year: at('year'),
    month: at('month'),
    day: at('day'),
    hour: at('hour'),
    minute: at('minute'),
    second: at('second'),
    millisecond: at('millisecond'),
    microsecond: at('microsecond'),
    nanosecond: at('nanosecond'),
  }
  return (row) => {
    const minute = timeOfDate(
      whole(row, columns.year, 1970),
      whole(row, columns.month, 1),
      whole(row, columns.day, 1),
      whole(row, columns.hour, 0),
      whole(row, columns.minute, 0),
      0,
      0,
      offset,
    )
    if (minute === undefined) return undefined
    const seconds = below(row, columns.second, 9, 60_000_000_000n)
    const millis = below(row, columns.millisecond, 6, 1_000_000_000n)
    const micros = below(row, columns.microsecond, 3, 1_000_000_000n)
    const nanos = below(row, columns.nanosecond, 0, 1_000_000_000n)
    if (seconds === undefined || millis === undefined || micros === undefined || nanos === undefined)
      return undefined
    const time = minute + seconds + millis + micros + nanos
    return isTime(time) ? time : undefined
  }
}

/** NaN, which no date has, where the cell is no whole number. */
function whole(row: readonly string[], position: number, other: number): number {
  if (position < 0) return other
  const cell = row[position]!
  return WHOLE.test(cell) ? Number(cell) : NaN
}

/** Nanoseconds, with a fraction or without: from 0 to what makes the next larger part. */
function below(row: readonly string[], position: number, power: number, end: bigint): bigint | undefined {
  if (position < 0) return 0n
  const nanos = nanosOfDecimal(row[position]!, power)
  return nanos !== undefined && nanos >= 0n && nanos < end ? nanos : undefined
}

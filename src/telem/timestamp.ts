// Times and spans: bigint nanoseconds inside, and what users may write for them outside. Pure: the
// clock is read in `clock.ts` alone. Everything that leaves this file fits an int64, so that no layer
// below checks again. Called wherever a public call takes a time or a span.

import { ValidationError } from '../errors.ts'
import { describeValue } from './input.ts'

/** Nanoseconds since 1970-01-01T00:00:00Z, an int64. */
export type TimeStamp = bigint

/**
 * What public calls take for a time: nanoseconds since the epoch, a `Date`, or an ISO 8601 string
 * `YYYY-MM-DDTHH:MM:SS[.f{1,9}](Z|+HH:MM|-HH:MM)`. A bare number is refused: its unit is ambiguous.
 */
export type TimeLike = TimeStamp | Date | string

/** Nanoseconds, an int64. */
export type TimeSpan = bigint

/** What public calls take for a span: nanoseconds, or a string such as `'250ms'`, `'1.5s'`, `'1d'`. */
export type SpanLike = TimeSpan | string

/** The earliest time that an int64 holds: 1677-09-21T00:12:43.145224192Z. */
export const MIN_TIMESTAMP: TimeStamp = -(2n ** 63n)

/** The largest time of a sample: 1 ns less than an int64 holds, so that its exclusive end exists. */
export const MAX_TIMESTAMP: TimeStamp = 2n ** 63n - 2n

/** The exclusive end of all time: every sample lies before it. */
export const END_OF_TIME: TimeStamp = 2n ** 63n - 1n

const NANOS_PER_MILLI = 1_000_000n
const NANOS_PER_SECOND = 1_000_000_000n
const NANOS_PER_MINUTE = 60n * NANOS_PER_SECOND

/** Nanoseconds per unit of a span string. */
const UNITS: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['ms', NANOS_PER_MILLI],
  ['s', NANOS_PER_SECOND],
  ['m', NANOS_PER_MINUTE],
  ['h', 60n * NANOS_PER_MINUTE],
  ['d', 24n * 60n * NANOS_PER_MINUTE],
])

const ISO =
  /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/
const SPAN = /^(\d+)(?:\.(\d+))?(ns|us|ms|s|m|h|d)$/
const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?(?:e-(\d+))?$/

// Taken once, and applied to the value: a subclass that overrides `getTime` never runs.
// oxlint-disable-next-line typescript/unbound-method
const getTime = Date.prototype.getTime

/**
 * The time that `time` names.
 * @throws ValidationError for a number, an invalid `Date`, a string of another form, a date that no
 * calendar has, and whatever lies outside of int64 nanoseconds (the years 1677 to 2262).
 */
export function timestamp(time: TimeLike): TimeStamp {
  const input: unknown = time
  if (typeof input === 'bigint') return int64(input, input)
  if (typeof input === 'string') return parseISO(input)
  if (typeof input === 'number') {
    throw new ValidationError(
      `The number ${describeValue(input)} is no time, its unit is ambiguous: ` +
        'give a bigint of nanoseconds (millis(n) makes one), a Date, or an ISO 8601 string',
    )
  }
  const ms = dateMillis(input)
  if (ms === undefined) {
    throw new ValidationError(
      `${describeValue(input)} is no time: give a bigint of nanoseconds, a Date, or an ISO 8601 string`,
    )
  }
  if (Number.isNaN(ms)) throw new ValidationError('An invalid Date is no time')
  return int64(BigInt(ms) * NANOS_PER_MILLI, ms)
}

/** Whether `value` is a `Date`, of this realm or another, valid or not; runs none of its methods. */
export function isDate(value: unknown): value is Date {
  return dateMillis(value) !== undefined
}

/**
 * The `Date` of the millisecond that `time` lies in: floors, before 1970 as well.
 * @throws ValidationError as `timestamp`.
 */
export function toDate(time: TimeLike): Date {
  return new Date(Number(floorDivide(timestamp(time), NANOS_PER_MILLI)))
}

/**
 * `time` as ISO 8601 in UTC with all nine fractional digits: `2024-05-01T12:00:00.000000001Z`.
 * `timestamp` reads it back to the same value. @throws ValidationError as `timestamp`.
 */
export function toISO(time: TimeLike): string {
  const ts = timestamp(time)
  const ms = floorDivide(ts, NANOS_PER_MILLI)
  const belowMilli = ts - ms * NANOS_PER_MILLI
  // An int64 of nanoseconds spans 1677 to 2262, so that the year always has four digits.
  const text = new Date(Number(ms)).toISOString()
  return `${text.slice(0, -1)}${belowMilli.toString().padStart(6, '0')}Z`
}

/**
 * The span that `span` names, in nanoseconds; a bigint may be negative, a string has no sign.
 * @throws ValidationError for a number, a string of another form or not of whole nanoseconds, and
 * whatever is no int64.
 */
export function span(span: SpanLike): TimeSpan {
  const input: unknown = span
  if (typeof input === 'bigint') return int64(input, input)
  if (typeof input !== 'string') {
    throw new ValidationError(
      `${describeValue(input)} is no span: give a bigint of nanoseconds or a string such as '1.5s'` +
        (typeof input === 'number' ? ' (the unit of a bare number is ambiguous)' : ''),
    )
  }
  const match = SPAN.exec(input)
  const unit = UNITS.get(match?.[3] ?? '')
  if (match === null || unit === undefined) {
    throw new ValidationError(
      `${describeValue(input)} is no span: write a number without sign or blanks and one of ` +
        `${[...UNITS.keys()].join(', ')}, such as '250ms' or '1.5s'`,
    )
  }
  return wholeNanos(input, match[1] ?? '', match[2] ?? '', 0, unit)
}

/**
 * A span that is to move or to repeat something: more than nothing.
 * @param what what the span is, for the message: "syncInterval".
 * @throws ValidationError as `span`, and for zero or less.
 */
export function positiveSpan(input: SpanLike, what: string): TimeSpan {
  const nanoseconds = span(input)
  if (nanoseconds <= 0n) {
    throw new ValidationError(`${what} is ${describeValue(input)}: it must be longer than nothing`)
  }
  return nanoseconds
}

/** `n` nanoseconds as a span. @throws ValidationError for fractions and beyond int64. */
export function nanos(n: number | bigint): TimeSpan {
  return spanOf(n, 'ns')
}

/** `n` microseconds as a span; a fraction must give whole nanoseconds. @throws ValidationError */
export function micros(n: number | bigint): TimeSpan {
  return spanOf(n, 'us')
}

/** `n` milliseconds as a span; a fraction must give whole nanoseconds. @throws ValidationError */
export function millis(n: number | bigint): TimeSpan {
  return spanOf(n, 'ms')
}

/** `n` seconds as a span; a fraction must give whole nanoseconds. @throws ValidationError */
export function seconds(n: number | bigint): TimeSpan {
  return spanOf(n, 's')
}

/** `n` minutes as a span; a fraction must give whole nanoseconds. @throws ValidationError */
export function minutes(n: number | bigint): TimeSpan {
  return spanOf(n, 'm')
}

/** `n` hours as a span; a fraction must give whole nanoseconds. @throws ValidationError */
export function hours(n: number | bigint): TimeSpan {
  return spanOf(n, 'h')
}

/** `n` days of 24 hours as a span; a fraction must give whole nanoseconds. @throws ValidationError */
export function days(n: number | bigint): TimeSpan {
  return spanOf(n, 'd')
}

function spanOf(n: number | bigint, unitName: string): TimeSpan {
  const input: unknown = n
  const unit = UNITS.get(unitName) ?? 1n
  if (typeof input === 'bigint') return int64(input * unit, input)
  if (Number.isInteger(input)) return int64(BigInt(input as number) * unit, input)
  // A fraction means the decimal that it prints as: 1.1 is 1.1, not the binary number just beside it.
  const match = typeof input === 'number' ? DECIMAL.exec(String(input)) : null
  if (match === null) {
    throw new ValidationError(
      `${describeValue(input)} is no number of ${unitName}: give a finite number or a bigint`,
    )
  }
  const magnitude = wholeNanos(input, match[2] ?? '', match[3] ?? '', Number(match[4] ?? 0), unit)
  return match[1] === '-' ? -magnitude : magnitude
}

/** `whole.fraction` times ten to the power of `-exponent`, of `unit` nanoseconds each. */
function wholeNanos(input: unknown, whole: string, fraction: string, exponent: number, unit: bigint): bigint {
  const scaled = BigInt(whole + fraction) * unit
  const divisor = 10n ** BigInt(fraction.length + exponent)
  if (scaled % divisor !== 0n) {
    throw new ValidationError(`${describeValue(input)} is no span of whole nanoseconds`)
  }
  return int64(scaled / divisor, input)
}

function parseISO(text: string): TimeStamp {
  const match = ISO.exec(text)
  if (match === null) {
    throw new ValidationError(
      `${describeValue(text)} is no time: write YYYY-MM-DDTHH:MM:SS, up to 9 fractional digits, and Z ` +
        "or an offset, such as '2024-05-01T12:00:00.5Z'",
    )
  }
  const field = (group: number): number => Number(match[group])
  const ms = Date.UTC(field(1), field(2) - 1, field(3), field(4), field(5), field(6))
  // Fields that no calendar or clock has roll over, and years below 100 move: neither comes back the same.
  if (new Date(ms).toISOString().slice(0, 19) !== text.slice(0, 19)) {
    throw new ValidationError(
      `${describeValue(text)} is no time: there is no such date or time of day from 1677 to 2262`,
    )
  }
  const local = BigInt(ms) * NANOS_PER_MILLI + BigInt((match[7] ?? '').padEnd(9, '0'))
  if (match[8] === undefined) return int64(local, text)
  const offset = BigInt(field(9) * 60 + field(10)) * NANOS_PER_MINUTE
  return int64(match[8] === '+' ? local - offset : local + offset, text)
}

function dateMillis(value: unknown): number | undefined {
  try {
    return getTime.call(value)
  } catch {
    return undefined
  }
}

function int64(nanoseconds: bigint, input: unknown): bigint {
  if (BigInt.asIntN(64, nanoseconds) === nanoseconds) return nanoseconds
  throw new ValidationError(
    `${describeValue(input)} lies outside of what 64-bit nanoseconds hold (about 292 years either way)`,
  )
}

function floorDivide(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor
  return dividend % divisor < 0n ? quotient - 1n : quotient
}

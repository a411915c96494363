// How one text becomes a time: ISO 8601 as files have it, numbers of seconds, ms, us or ns since 1970 or
// since an origin, or a pattern. A format is made once and called for each row. Pure. Called by the
// choice of the time's columns, and through it for each row.

import { CommandError } from '../command-error.ts'
import { time } from '../figures.ts'
import { isTime, timeOfDate } from './calendar.ts'
import { nanosOfDecimal } from './decimal-span.ts'
import { compilePattern } from './time-pattern.ts'
import { offsetOf } from './utc-offset.ts'

/** The unit of times that are numbers. */
export type TimeUnit = 's' | 'ms' | 'us' | 'ns'

/** Reads the texts of one form. */
export interface TimeFormat {
  /** For people: `ISO 8601, UTC where no offset is given`. */
  readonly label: string
  /** Whether the texts are numbers, which count from somewhere. */
  readonly isNumber: boolean
  /** Nanoseconds since 1970, or `undefined` where the text is of another form, or no calendar has it. */
  readonly read: (text: string) => bigint | undefined
}

/** The unit as a power of ten in nanoseconds. */
const POWERS: Readonly<Record<TimeUnit, number>> = { s: 9, ms: 6, us: 3, ns: 0 }
const NAMES: Readonly<Record<TimeUnit, string>> = {
  s: 'seconds',
  ms: 'milliseconds',
  us: 'microseconds',
  ns: 'nanoseconds',
}
const ISO =
  /^(\d{4})([-/])(\d{1,2})\2(\d{1,2})(?:(?:T|\s+)(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?\s*(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?)?$/i

/**
 * The format that `--time-format` names.
 * @throws CommandError where it names none, and where an origin was given for dates
 */
export function formatOf(word: string, offset: number, origin: bigint | undefined): TimeFormat {
  if (isUnit(word)) return numbers(word, origin)
  if (word !== 'iso' && !word.includes('%'))
    throw new CommandError(
      `"${word}" is no time format: write iso, s, ms, us, ns, or a pattern such as "%d.%m.%Y %H:%M:%S"`,
    )
  if (origin !== undefined) throw new CommandError('--origin is for times that are numbers, not for dates')
  return word === 'iso' ? iso(offset) : pattern(word, offset)
}

/** Whether the word is a unit of times. */
export function isUnit(word: string): word is TimeUnit {
  return Object.hasOwn(POWERS, word)
}

/** Numbers of a unit since 1970, or since an origin. */
export function numbers(unit: TimeUnit, origin: bigint | undefined): TimeFormat {
  const power = POWERS[unit]
  const zero = origin ?? 0n
  return {
    label: `${NAMES[unit]} since ${origin === undefined ? '1970' : time(origin)}`,
    isNumber: true,
    read: (text) => {
      const nanos = nanosOfDecimal(text, power)
      if (nanos === undefined) return undefined
      const at = zero + nanos
      return isTime(at) ? at : undefined
    },
  }
}

/** Dates of ISO 8601, with a blank in place of the `T` and slashes too. */
export function iso(offset: number): TimeFormat {
  return {
    label: `ISO 8601, ${zoneName(offset)} where no offset is given`,
    isNumber: false,
    read: (text) => quickly(text, offset) ?? thoroughly(text, offset),
  }
}

function pattern(word: string, offset: number): TimeFormat {
  const label = `"${word}"${word.includes('%z') || word.includes('%s') ? '' : `, ${zoneName(offset)}`}`
  return { label, isNumber: false, read: compilePattern(word, offset) }
}

/** `UTC`, `UTC+08:00`. */
export function zoneName(offset: number): string {
  if (offset === 0) return 'UTC'
  const minutes = Math.abs(offset) / 60
  const two = (value: number): string => String(value).padStart(2, '0')
  return `UTC${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

/**
 * The form that most files have, `2014-01-07 02:00:00` to the second: some ten times as fast as the
 * expression.
 */
function quickly(text: string, offset: number): bigint | undefined {
  if (text.length !== 19) return undefined
  const blank = text.charCodeAt(10)
  if (text.charCodeAt(4) !== 45 || text.charCodeAt(7) !== 45 || (blank !== 32 && blank !== 84))
    return undefined
  if (text.charCodeAt(13) !== 58 || text.charCodeAt(16) !== 58) return undefined
  const year = two(text, 0) * 100 + two(text, 2)
  return timeOfDate(year, two(text, 5), two(text, 8), two(text, 11), two(text, 14), two(text, 17), 0, offset)
}

/** The number that two digits make; NaN where one of them is none. */
function two(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 48
  const ones = text.charCodeAt(at + 1) - 48
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NaN
}

function thoroughly(text: string, offset: number): bigint | undefined {
  const match = ISO.exec(text)
  if (match === null) return undefined
  const [, year, , month, day, hour = 0, minute = 0, second = 0, fraction = '', zone] = match
  const shift = zone === undefined ? offset : offsetOf(zone)
  if (shift === undefined) return undefined
  // Rounded, it may be a whole second, which is no matter.
  const nanos = fraction === '' ? 0 : Number(nanosOfDecimal(`.${fraction}`, POWERS.s))
  return timeOfDate(
    Number(year),
    Number(month),
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
    nanos,
    shift,
  )
}

// Times as text, fast: a read prints one for each row. Exact: what is printed reads back to the same
// nanosecond. Pure. Called by `read`.

import { toISO } from '../index.ts'

/** How times are printed: ISO 8601 in UTC, or whole nanoseconds since 1970. */
export type TimeFormat = 'iso' | 'ns'

/** All values of `TimeFormat`. */
export const TIME_FORMATS: readonly TimeFormat[] = ['iso', 'ns']

const NANOS_PER_HOUR = 3_600_000_000_000
const NANOS_PER_MINUTE = 60_000_000_000
const NANOS_PER_SECOND = 1_000_000_000

const TWO_DIGITS: readonly string[] = Array.from({ length: 60 }, (_, i) => String(i).padStart(2, '0'))
const THREE_DIGITS: readonly string[] = Array.from({ length: 1000 }, (_, i) => String(i).padStart(3, '0'))
/** The same at the end of a fraction, where zeros say nothing. */
const LAST_DIGITS: readonly string[] = THREE_DIGITS.map((text) => text.replace(/0+$/, ''))

/**
 * A function that prints times. ISO times are as `figures.time` prints them, without zeros that end the
 * fraction. Rows come in order of time: it works a date out once an hour.
 */
export function timePrinter(format: TimeFormat): (time: bigint) => string {
  if (format === 'ns') return String
  let hour = 0n
  let prefix = '1970-01-01T00:'
  return (time) => {
    let offset = Number(time - hour)
    if (!(offset >= 0 && offset < NANOS_PER_HOUR)) {
      const text = toISO(time)
      prefix = text.slice(0, 14)
      offset =
        Number(text.slice(14, 16)) * NANOS_PER_MINUTE +
        Number(text.slice(17, 19)) * NANOS_PER_SECOND +
        Number(text.slice(20, 29))
      hour = time - BigInt(offset)
    }
    const minute = Math.floor(offset / NANOS_PER_MINUTE)
    const inMinute = offset - minute * NANOS_PER_MINUTE
    const second = Math.floor(inMinute / NANOS_PER_SECOND)
    const nanos = inMinute - second * NANOS_PER_SECOND
    return `${prefix}${TWO_DIGITS[minute]}:${TWO_DIGITS[second]}${fractionOf(nanos)}Z`
  }
}

function fractionOf(nanos: number): string {
  if (nanos === 0) return ''
  const millis = Math.floor(nanos / 1_000_000)
  const below = nanos - millis * 1_000_000
  if (below === 0) return `.${LAST_DIGITS[millis]}`
  const micros = Math.floor(below / 1000)
  const rest = below - micros * 1000
  if (rest === 0) return `.${THREE_DIGITS[millis]}${LAST_DIGITS[micros]}`
  return `.${THREE_DIGITS[millis]}${THREE_DIGITS[micros]}${LAST_DIGITS[rest]}`
}

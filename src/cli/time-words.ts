// Times and spans as people write them on a command line, where the library takes stricter forms: a time
// without an offset is UTC, a date alone is its midnight, whole numbers are nanoseconds since 1970. Pure.
// Called wherever an option takes a time or a span.

import { span, timestamp, ValidationError } from '../index.ts'
import { CommandError } from './command-error.ts'

const WHOLE = /^[+-]?\d+$/
const TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d(?:[.,]\d{1,9})?)?\s*(Z|[+-]\d\d:?\d\d)?)?$/i

/** What a time may look like, for messages and help. */
export const TIME_FORMS: string =
  'ISO 8601 such as 2025-01-01T12:00:00Z (UTC where no offset is given), a date, or whole nanoseconds since 1970'

/**
 * The time that a word names, in nanoseconds since 1970.
 * @throws CommandError for any other form, a date that no calendar has, and what 64 bits do not hold
 */
export function timeOf(word: string): bigint {
  const text = word.trim()
  try {
    if (WHOLE.test(text)) return timestamp(BigInt(text))
    const match = TIME.exec(text)
    if (match !== null) return timestamp(isoOf(match))
  } catch (error) {
    // One that looks like a time and is none: the library says why.
    if (error instanceof ValidationError) throw new CommandError(error.message)
    throw error
  }
  throw new CommandError(`"${word}" is no time: write ${TIME_FORMS}`)
}

/**
 * The span that a word names, in nanoseconds: more than nothing.
 * @throws CommandError for any other form, zero, and what 64 bits do not hold
 */
export function spanOf(word: string): bigint {
  let nanoseconds = 0n
  try {
    nanoseconds = span(word.trim())
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error
  }
  if (nanoseconds > 0n) return nanoseconds
  throw new CommandError(
    `"${word}" is no span: write a number and one of ns, us, ms, s, m, h, d, such as 10m or 1.5s`,
  )
}

/** The strict form that the library reads. */
function isoOf([, date, minutes = '00:00', seconds = ':00', offset = 'Z']: readonly string[]): string {
  const sign = offset.toUpperCase()
  const strict = sign === 'Z' || sign.includes(':') ? sign : `${sign.slice(0, 3)}:${sign.slice(3)}`
  return `${date}T${minutes}${seconds.replace(',', '.')}${strict}`
}

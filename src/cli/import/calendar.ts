// From the parts of a date to nanoseconds since 1970, by the Gregorian calendar, before it was in use too.
// Numbers, no `Date`: it takes the 31st of February for a day in March. Pure. Called by the time formats.

const NANOS_PER_SECOND = 1_000_000_000n
const SECONDS_PER_DAY = 86_400
/** Whole seconds that int64 nanoseconds hold whatever the fraction, either way. */
const SECONDS_LIMIT = 9_223_372_036
const EARLIEST = -(2n ** 63n)
/** A sample's exclusive end must exist, so its time is less than the largest int64. */
const LATEST = 2n ** 63n - 2n
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/**
 * The time of a date, or `undefined` where no calendar or clock shows it, or 64 bits do not hold it.
 * @param nanos of the second, 0 to 1,000,000,000
 * @param offset of the clock that showed it, in seconds east of UTC
 */
export function timeOfDate(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
  nanos: number,
  offset: number,
): bigint | undefined {
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month))) return undefined
  if (!(hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second < 60)) return undefined
  const seconds =
    daysSince1970(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second - offset
  return timeOfSeconds(seconds, nanos)
}

/** The time that lies whole seconds, and nanoseconds more, after 1970. */
export function timeOfSeconds(seconds: number, nanos: number): bigint | undefined {
  if (!(Math.abs(seconds) <= SECONDS_LIMIT + 1)) return undefined
  const time = BigInt(seconds) * NANOS_PER_SECOND + BigInt(nanos)
  return Math.abs(seconds) < SECONDS_LIMIT || isTime(time) ? time : undefined
}

/** Whether a sample can have this time. */
export function isTime(time: bigint): boolean {
  return time >= EARLIEST && time <= LATEST
}

/** Days of a month, 1 to 12, in a year. */
export function daysOf(year: number, month: number): number {
  return month === 2 && isLeap(year) ? 29 : MONTH_DAYS[month - 1]!
}

export function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
}

/**
 * Days from 1970-01-01, counted in eras of 400 years that begin in March, after Hinnant's `days_from_civil`.
 */
function daysSince1970(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year
  const era = Math.floor(marchYear / 400)
  const yearOfEra = marchYear - era * 400
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

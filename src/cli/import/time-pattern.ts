// Patterns of dates in the manner of `strptime`, such as `%d.%m.%Y %H:%M:%S`: compiled once to a list of
// steps, each of which reads a piece of the text. A numeric field takes as many digits as it may have, so
// `%Y%m%d` works. Pure. Called by the time formats.

import { CommandError } from '../command-error.ts'
import { daysOf, isLeap, timeOfDate, timeOfSeconds } from './calendar.ts'
import { offsetOf } from './utc-offset.ts'

/** What the fields of one text said; written anew for each. */
interface Fields {
  year: number
  month: number
  day: number
  dayOfYear: number
  hour: number
  hour12: number
  isAfternoon: boolean
  minute: number
  second: number
  nanos: number
  epoch: number
  offset: number
}

/** Reads a piece of the text at a position: the position behind it, or -1 where it is not there. */
type Step = (text: string, at: number, fields: Fields) => number

const MONTHS = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
]
/** What stands for several. */
const SHORT: Readonly<Record<string, string>> = { T: '%H:%M:%S', F: '%Y-%m-%d' }
/** Fields that are numbers: fewest and most digits. */
const NUMBERS: Readonly<Record<string, readonly [number, number, (fields: Fields, value: number) => void]>> =
  {
    Y: [4, 4, (fields, value) => (fields.year = value)],
    // As POSIX has it: 69 to 99 are of the twentieth century.
    y: [2, 2, (fields, value) => (fields.year = value < 69 ? 2000 + value : 1900 + value)],
    m: [1, 2, (fields, value) => (fields.month = value)],
    d: [1, 2, (fields, value) => (fields.day = value)],
    j: [1, 3, (fields, value) => (fields.dayOfYear = value)],
    H: [1, 2, (fields, value) => (fields.hour = value)],
    I: [1, 2, (fields, value) => (fields.hour12 = value)],
    M: [1, 2, (fields, value) => (fields.minute = value)],
    S: [1, 2, (fields, value) => (fields.second = value)],
  }

/**
 * What reads texts of this pattern: their time in nanoseconds since 1970, or `undefined` for another text.
 * @param offset of texts without `%z`, in seconds east of UTC
 * @throws CommandError for a directive that is not known, and for patterns that name no day
 */
export function compilePattern(pattern: string, offset: number): (text: string) => bigint | undefined {
  const directives: string[] = []
  const steps = stepsOf(pattern, directives)
  refuseNonsense(pattern, new Set(directives))
  const fields = {} as Fields
  return (text) => {
    Object.assign(fields, BLANK)
    fields.offset = offset
    let at = 0
    for (const step of steps) {
      at = step(text, at, fields)
      if (at < 0) return undefined
    }
    return at === text.length ? timeOfFields(fields) : undefined
  }
}

const BLANK: Fields = {
  year: NaN,
  month: 1,
  day: 1,
  dayOfYear: NaN,
  hour: 0,
  hour12: NaN,
  isAfternoon: false,
  minute: 0,
  second: 0,
  nanos: 0,
  epoch: NaN,
  offset: 0,
}

function stepsOf(pattern: string, directives: string[]): Step[] {
  const steps: Step[] = []
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at]!
    if (/\s/.test(character)) steps.push(blanks)
    else if (character !== '%') steps.push(literal(character))
    else {
      const directive = pattern[++at]
      const long = directive === undefined ? undefined : SHORT[directive]
      if (long !== undefined) steps.push(...stepsOf(long, directives))
      else if (directive === '%') steps.push(literal('%'))
      else {
        steps.push(stepOf(directive, pattern))
        directives.push(directive!)
      }
    }
  }
  return steps
}

function stepOf(directive: string | undefined, pattern: string): Step {
  const numeric = directive === undefined ? undefined : NUMBERS[directive]
  if (numeric !== undefined) {
    const [fewest, most, set] = numeric
    return (text, at, fields) => {
      const end = endOfDigits(text, at, most)
      if (end - at < fewest) return -1
      set(fields, Number(text.slice(at, end)))
      return end
    }
  }
  switch (directive) {
    case 'f':
      return fraction
    case 's':
      return epoch
    case 'b':
    case 'B':
      return monthName
    case 'p':
      return halfDay
    case 'z':
      return zone
    default:
      throw new CommandError(
        `"${pattern}" is no time format: %${directive ?? ''} is not known; there are ` +
          '%Y %y %m %b %B %d %j %H %I %p %M %S %f %z %s %F %T %%',
      )
  }
}

function refuseNonsense(pattern: string, directives: ReadonlySet<string>): void {
  const has = (...names: string[]): boolean => names.some((name) => directives.has(name))
  const what = !has('Y', 'y', 's')
    ? 'it names no year (%Y), so no day: join columns with --time DATE,TIME, or use --origin with numbers'
    : has('I') !== has('p')
      ? '%I and %p go together'
      : has('d') && !has('m', 'b', 'B')
        ? '%d needs a month (%m)'
        : undefined
  if (what !== undefined) throw new CommandError(`"${pattern}" is no time format: ${what}`)
}

function timeOfFields(fields: Fields): bigint | undefined {
  if (!Number.isNaN(fields.epoch)) return timeOfSeconds(fields.epoch, fields.nanos)
  let { month, day, hour } = fields
  if (!Number.isNaN(fields.dayOfYear)) {
    day = fields.dayOfYear
    if (day > (isLeap(fields.year) ? 366 : 365)) return undefined
    for (month = 1; month < 12 && day > daysOf(fields.year, month); month++) day -= daysOf(fields.year, month)
  }
  if (!Number.isNaN(fields.hour12)) {
    if (fields.hour12 < 1 || fields.hour12 > 12) return undefined
    hour = (fields.hour12 % 12) + (fields.isAfternoon ? 12 : 0)
  }
  const { year, minute, second, nanos, offset } = fields
  return timeOfDate(year, month, day, hour, minute, second, nanos, offset)
}

function literal(character: string): Step {
  return (text, at) => (text.startsWith(character, at) ? at + character.length : -1)
}

const blanks: Step = (text, at) => {
  let end = at
  while (end < text.length && /\s/.test(text[end]!)) end++
  return end > at ? end : -1
}

const fraction: Step = (text, at, fields) => {
  const end = endOfDigits(text, at, 9)
  if (end === at) return -1
  fields.nanos = Number(text.slice(at, end).padEnd(9, '0'))
  return end
}

const epoch: Step = (text, at, fields) => {
  const digits = text.startsWith('-', at) ? at + 1 : at
  const end = endOfDigits(text, digits, 11)
  if (end === digits) return -1
  fields.epoch = Number(text.slice(at, end))
  return end
}

const monthName: Step = (text, at, fields) => {
  const rest = text.slice(at, at + 9).toLowerCase()
  const month = MONTHS.findIndex((name) => rest.startsWith(name.slice(0, 3)))
  if (month < 0) return -1
  fields.month = month + 1
  const name = MONTHS[month]!
  return at + (rest.startsWith(name) ? name.length : 3)
}

const halfDay: Step = (text, at, fields) => {
  const match = /^([ap])\.?m\.?/i.exec(text.slice(at, at + 4))
  if (match === null) return -1
  fields.isAfternoon = match[1]!.toLowerCase() === 'p'
  return at + match[0].length
}

const zone: Step = (text, at, fields) => {
  const match = /^(?:Z|[+-]\d\d(?::?\d\d)?)/i.exec(text.slice(at, at + 6))
  const offset = match === null ? undefined : offsetOf(match[0])
  if (offset === undefined) return -1
  fields.offset = offset
  return at + match![0].length
}

function endOfDigits(text: string, at: number, most: number): number {
  let end = at
  while (end < text.length && end - at < most && isDigit(text.charCodeAt(end))) end++
  return end
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

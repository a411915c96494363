// Which columns hold the time, and how they are read: as the person says, or found out from the names and
// the first rows. What was found is shown, and where two readings are possible none is taken. Pure.
// Called once for a file; what it returns reads each row.

import { CommandError } from '../command-error.ts'
import type { DateParts } from './date-parts.ts'
import { dateParts, readDateParts } from './date-parts.ts'
import { formatOf, iso, isUnit, numbers, zoneName } from './time-format.ts'
import type { TimeFormat, TimeUnit } from './time-format.ts'
import { numericKind } from './cells.ts'
import { offsetOf } from './utc-offset.ts'

/** What the person said about the time. */
export interface TimeOptions {
  readonly time?: string | undefined
  readonly timeFormat?: string | undefined
  readonly origin?: bigint | undefined
  readonly utcOffset?: string | undefined
}

/** Columns of a file, and some of its first rows. */
export interface Sample {
  readonly names: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** Reads the time of a row. */
export interface TimeColumn {
  /** Positions of the columns, in the order in which they are read. */
  readonly positions: readonly number[]
  /** For people. */
  readonly label: string
  /** Whether the times are numbers, which count from somewhere. */
  readonly isNumber: boolean
  /** Nanoseconds since 1970, or `undefined` where the cells are no time. */
  readonly read: (row: readonly string[]) => bigint | undefined
}

/** Names of columns that hold a time, likeliest first. */
const NAMES = [
  ...['timestamp', 'time_stamp', 'datetime', 'date_time', 'time', 'utc', 'time_utc', 'utc_time'],
  ...['local_time', 'localtime', 'ts', 't', 'epoch', 'unixtime', 'unix_time', 'elapsed', 'date'],
]
const UNIT_SUFFIX =
  /^(.*?)[\s_.-]*[_\s([.-](ns|us|\u00b5s|\u03bcs|ms|s|secs?|seconds?|millis|micros|nanos)[)\]]?$/
const UNITS: Readonly<Record<string, TimeUnit>> = {
  ...{ ns: 'ns', nanos: 'ns', us: 'us', '\u00b5s': 'us', '\u03bcs': 'us', micros: 'us' },
  ...{ ms: 'ms', millis: 'ms', s: 's', sec: 's', secs: 's', second: 's', seconds: 's' },
}
/** Times since 1970 that are recordings: from 1973 to 2286, whatever the unit. Digits of the whole part. */
const EPOCH_DIGITS: readonly (readonly [number, number, TimeUnit])[] = [
  [9, 10, 's'],
  [12, 13, 'ms'],
  [15, 16, 'us'],
  [18, 19, 'ns'],
]

/**
 * What reads the time of a file's rows.
 * @throws CommandError where the columns or the format are not there, or cannot be told
 */
export function timeColumn(sample: Sample, options: TimeOptions): TimeColumn {
  const offset = options.utcOffset === undefined ? 0 : offsetOf(options.utcOffset)
  if (offset === undefined)
    throw new CommandError(`"${options.utcOffset}" is no offset from UTC: write one such as +08:00, or Z`)
  const positions =
    options.time === undefined
      ? guessPositions(sample, options)
      : columnsNamed(sample.names, options.time, '--time')
  const [first] = positions
  if (positions.length === 1 && first !== undefined) return single(sample, first, options, offset)
  const parts =
    options.timeFormat === undefined ? dateParts(positions.map((at) => sample.names[at]!)) : undefined
  return parts === undefined ? joined(positions, options, offset) : ofParts(positions, parts, options, offset)
}

/**
 * Positions of the columns that a word names: one by its whole name, or several with commas between.
 * @throws CommandError where one is not there
 */
export function columnsNamed(names: readonly string[], word: string, option: string): number[] {
  const whole = names.indexOf(word)
  if (whole >= 0) return [whole]
  return word.split(',').map((part) => {
    const name = part.trim()
    const position = names.indexOf(name)
    if (position >= 0) return position
    throw unknownColumn(names, name, option)
  })
}

/** That a column is not there, and which are. */
export function unknownColumn(names: readonly string[], name: string, option: string): CommandError {
  return new CommandError(`${option}: there is no column "${name}"; there are ${listOf(names)}`)
}

function listOf(names: readonly string[]): string {
  const shown = names.slice(0, 12).map((name) => `"${name}"`)
  return names.length > shown.length ? `${shown.join(', ')}, ...` : shown.join(', ')
}

function guessPositions({ names, rows }: Sample, options: TimeOptions): number[] {
  const words = names.map((name) => name.toLowerCase().trim())
  const bases = words.map((word) => UNIT_SUFFIX.exec(word)?.[1] ?? word)
  const date = words.indexOf('date')
  const clock = words.indexOf('time')
  if (date >= 0 && clock >= 0 && (firstCell(rows, clock) ?? '').includes(':')) {
    // A time of day alone is no time; together with the date it is.
    return iso(0).read(firstCell(rows, clock)!) === undefined ? [date, clock] : [clock]
  }
  const parts = dateParts(words, { ignoreOthers: true })
  const byParts = parts === undefined ? [] : parts.flatMap((part, at) => (part === undefined ? [] : [at]))
  for (const name of NAMES) {
    const position = bases.indexOf(name)
    if (position >= 0 && !byParts.includes(position)) return [position]
  }
  if (byParts.length > 0) return byParts
  const cells = rows.map((row) => row[0] ?? '')
  if (options.timeFormat !== undefined || isIncreasing(cells)) return [0]
  throw new CommandError(
    `no column looks like the time: name it with --time COLUMN, or several with commas between; ` +
      `there are ${listOf(names)}`,
  )
}

function isIncreasing(cells: readonly string[]): boolean {
  const format = numericKind(cells[0] ?? '') === undefined ? iso(0) : numbers('s', undefined)
  let before: bigint | undefined
  for (const cell of cells) {
    const time = format.read(cell)
    if (time === undefined || (before !== undefined && time < before)) return false
    before = time
  }
  return before !== undefined
}

function single(sample: Sample, position: number, options: TimeOptions, offset: number): TimeColumn {
  const { label, isNumber, read } = formatOfColumn(sample, position, options, offset)
  return { positions: [position], label, isNumber, read: (row) => read(row[position]!) }
}

function formatOfColumn(
  { names, rows }: Sample,
  position: number,
  options: TimeOptions,
  offset: number,
): TimeFormat {
  const { timeFormat, origin } = options
  if (timeFormat !== undefined) return formatOf(timeFormat, offset, origin)
  const name = names[position]!
  const cell = firstCell(rows, position) ?? ''
  if (numericKind(cell) === undefined) {
    if (iso(offset).read(cell) !== undefined) return formatOf('iso', offset, origin)
    throw new CommandError(
      `the time in column "${name}" is "${cell}", of which the form is not known: give it with ` +
        `--time-format, such as "%d.%m.%Y %H:%M:%S", or name another column with --time`,
    )
  }
  const suffix = UNITS[UNIT_SUFFIX.exec(name.toLowerCase().trim())?.[2] ?? '']
  if (suffix !== undefined || origin !== undefined) return numbers(suffix ?? 's', origin)
  const digits = /^[+]?(\d+)/.exec(cell)?.[1]?.replace(/^0+/, '').length ?? 0
  const epoch = EPOCH_DIGITS.find(([fewest, most]) => digits >= fewest && digits <= most)
  if (epoch !== undefined) return numbers(epoch[2], undefined)
  throw new CommandError(
    `the time in column "${name}" is ${cell}, which can mean anything: give --origin TIME if it counts ` +
      `from a start (in seconds, or in what --time-format s|ms|us|ns says), or --time-format alone if from 1970`,
  )
}

function ofParts(
  positions: readonly number[],
  parts: DateParts,
  options: TimeOptions,
  offset: number,
): TimeColumn {
  if (options.origin !== undefined)
    throw new CommandError('--origin is for times that are numbers, not for dates')
  return {
    positions,
    label: `parts of a date, ${zoneName(offset)}`,
    isNumber: false,
    read: readDateParts(positions, parts, offset),
  }
}

/** Texts that make a date together. */
function joined(positions: readonly number[], options: TimeOptions, offset: number): TimeColumn {
  const word = options.timeFormat ?? 'iso'
  if (isUnit(word)) throw new CommandError('--time names several columns, which are no number together')
  const { label, read } = formatOf(word, offset, options.origin)
  return { positions, label, isNumber: false, read: (row) => read(positions.map((at) => row[at]).join(' ')) }
}

function firstCell(rows: readonly (readonly string[])[], position: number): string | undefined {
  return rows.find((row) => (row[position] ?? '') !== '')?.[position]
}

// The recordings that are CSV files, and how the time of a row is told in each: for the import as its
// options, for the oracle as a function of its own. Called by the tests of the recordings.

import type { ImportOptions } from '../../src/cli/import/import-options.ts'
import { timestamp } from '../../src/index.ts'
import { nanosOfDate, nanosOfHour, nanosOfSeconds } from './oracle.ts'

/** How files of one kind are read. */
export interface Reading {
  /** Of a path below the folder of the recordings. */
  readonly matches: RegExp
  readonly hasHeader: boolean
  /** Positions of the columns that make the time, from 1 on. */
  readonly time: readonly number[]
  /** ns since 1970, or since the recording's own zero, of those cells. */
  readonly nanos: (...cells: string[]) => bigint
  /** What the import is told; `origin` is the recording's own zero. */
  readonly options: ImportOptions
}

/** The sets whose files are CSV. */
export const CSV_SETS: readonly string[] = ['beijing-air', 'mitdb-100', 'nab', 'rocket-flights']

/** The clocks of the rockets and of the test stand begin at zero: an instant of our choice. */
export const ORIGIN: bigint = timestamp('2025-06-24T15:17:16Z')

const READINGS: readonly Reading[] = [
  {
    matches: /^beijing-air\//,
    hasHeader: true,
    time: [2, 3, 4, 5],
    nanos: nanosOfHour,
    options: { time: 'year,month,day,hour' },
  },
  {
    matches: /^mitdb-100\//,
    hasHeader: true,
    time: [1],
    nanos: BigInt,
    options: { time: 't_ns', timeFormat: 'ns' },
  },
  { matches: /^nab\//, hasHeader: true, time: [1], nanos: nanosOfDate, options: {} },
  {
    matches: /^rocket-flights\/prometheus\//,
    hasHeader: true,
    time: [5],
    nanos: nanosOfSeconds,
    options: { time: 'time', timeFormat: 's', origin: ORIGIN },
  },
  {
    matches: /^rocket-flights\/hedy\//,
    hasHeader: true,
    time: [1],
    nanos: nanosOfSeconds,
    options: { time: 'ts', timeFormat: 's', origin: ORIGIN },
  },
  {
    matches: /_Thrust_Curve\.csv\.gz$/,
    hasHeader: false,
    time: [1],
    nanos: nanosOfSeconds,
    options: { header: false, columns: ['time', 'thrust'], time: 'time', timeFormat: 's', origin: ORIGIN },
  },
  {
    matches: /^rocket-flights\/berkeley\//,
    hasHeader: true,
    time: [1],
    nanos: nanosOfSeconds,
    options: { time: 'time', timeFormat: 's', origin: ORIGIN },
  },
]

/** How a file is read. @throws Error for one of no set */
export function readingOf(path: string): Reading {
  const reading = READINGS.find(({ matches }) => matches.test(path))
  if (reading === undefined) throw new Error(`No set has the file ${path}`)
  return reading
}

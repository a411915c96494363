// How rows of samples are written as text: CSV as RFC 4180 says (lines end with a line feed alone), or
// NDJSON. Values are exact: a number is the shortest decimal that reads back to the same float64, a whole
// number has all its digits. Pure. Called by `RowPrinter`.

import type { DataType, TypedArrayOf } from '../index.ts'
import type { TimeFormat } from './time-text.ts'
import { timePrinter } from './time-text.ts'

/** Formats that rows can have. */
export type RowFormat = 'csv' | 'ndjson'

/** All values of `RowFormat`. */
export const ROW_FORMATS: readonly RowFormat[] = ['csv', 'ndjson']

/** What writes rows of one shape. */
export interface RowWriter {
  /** The line before all rows; empty where the format has none. */
  readonly header: string
  /** The text of a sample: a function of its position in `data`. */
  cellOf(type: DataType, data: TypedArrayOf<DataType>): (position: number) => string
  /** A line with its end. `cells` has an entry for every column, `undefined` where there is no sample. */
  line(time: bigint, cells: readonly (string | undefined)[]): string
}

/**
 * @param timeName name of the first column
 * @param names names of the other columns, in order
 */
export function rowWriter(
  format: RowFormat,
  times: TimeFormat,
  timeName: string,
  names: readonly string[],
): RowWriter {
  return format === 'csv' ? csvWriter(times, timeName, names) : ndjsonWriter(times, timeName, names)
}

/** A name as a field of CSV: quoted where it would not be read back as it is. */
export function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function csvWriter(times: TimeFormat, timeName: string, names: readonly string[]): RowWriter {
  const printTime = timePrinter(times)
  return {
    header: `${[timeName, ...names].map(csvField).join(',')}\n`,
    cellOf: (type, data) => cellPrinter(type, data, timePrinter(times), numberText),
    line(time, cells) {
      let text = printTime(time)
      for (const cell of cells) text += cell === undefined ? ',' : `,${cell}`
      return `${text}\n`
    },
  }
}

function ndjsonWriter(times: TimeFormat, timeName: string, names: readonly string[]): RowWriter {
  const printTime = jsonTimePrinter(times)
  const start = `{${JSON.stringify(timeName)}:`
  const keys = names.map((name) => `,${JSON.stringify(name)}:`)
  return {
    header: '',
    cellOf: (type, data) => cellPrinter(type, data, jsonTimePrinter(times), jsonNumber),
    line(time, cells) {
      let text = start + printTime(time)
      for (let i = 0; i < cells.length; i++) if (cells[i] !== undefined) text += keys[i]! + cells[i]!
      return `${text}}\n`
    },
  }
}

function cellPrinter(
  type: DataType,
  data: TypedArrayOf<DataType>,
  printTime: (time: bigint) => string,
  printNumber: (value: number) => string,
): (position: number) => string {
  if (type === 'boolean') return (position) => (data[position] === 0 ? 'false' : 'true')
  if (type === 'timestamp') return (position) => printTime((data as BigInt64Array)[position]!)
  if (data instanceof Float64Array || data instanceof Float32Array)
    return (position) => printNumber(data[position]!)
  return (position) => String(data[position])
}

/** JavaScript prints -0 as 0, which reads back to another number. */
function numberText(value: number): string {
  return value === 0 && 1 / value < 0 ? '-0' : String(value)
}

/** JSON has neither NaN nor infinities. */
function jsonNumber(value: number): string {
  return Number.isFinite(value) ? numberText(value) : 'null'
}

function jsonTimePrinter(times: TimeFormat): (time: bigint) => string {
  const print = timePrinter(times)
  return times === 'ns' ? print : (time) => `"${print(time)}"`
}

// An independent reading of the recordings: unpacked, cut at line ends and commas, and nothing else. The
// files need no more (quotes stand around whole cells only, which is checked), and it shares no code with
// the import that it is compared with. Keeps a whole file in memory. Called by the tests of the recordings.

import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

/** One column of a CSV file. */
export interface CsvColumn {
  /** As in the header, without quotes and blanks around it; undefined where the file has no header. */
  readonly name: string | undefined
  /** One per row, without quotes and blanks around it; '' where there is no value. */
  readonly cells: readonly string[]
}

/** A CSV file, read whole. */
export interface Csv {
  readonly rows: number
  /** In the order of the file. */
  readonly columns: readonly CsvColumn[]
}

const MISSING: ReadonlySet<string> = new Set(['', 'NA', 'NaN', 'nan'])

/** Reads a file, gzipped if its name ends with `.gz`. @throws Error where a row has another number of cells than the first */
export function readCsv(path: string, hasHeader: boolean): Csv {
  const bytes = readFileSync(path)
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  const names = hasHeader ? lines.shift()!.split(',').map(bare) : undefined
  const columns = lines[0]!.split(',').map((_, i) => ({ name: names?.[i], cells: [] as string[] }))
  for (const [row, line] of lines.entries()) {
    const cells = line.split(',')
    const isWhole = cells.length === columns.length && cells.length === (names ?? cells).length
    if (!isWhole) throw new Error(`Row ${row} of ${path} has ${cells.length} cells`)
    for (let i = 0; i < cells.length; i++) {
      const cell = bare(cells[i]!)
      columns[i]!.cells.push(MISSING.has(cell) ? '' : cell)
    }
  }
  return { rows: lines.length, columns }
}

/** A cell as it is meant. @throws Error for a quote that does not stand around a whole cell */
function bare(cell: string): string {
  const text = cell.trim()
  const inner = text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text
  if (inner.includes('"')) throw new Error(`A quote within a cell: ${cell}`)
  return inner
}

/** ns of a number of seconds with any number of decimals, to the nearest; exactly, as decimals. */
export function nanosOfSeconds(text: string): bigint {
  const [, sign, whole, decimals = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? []
  if (whole === undefined) throw new Error(`"${text}" is no number of seconds`)
  const padded = decimals.padEnd(10, '0')
  const up = padded[9]! >= '5' ? 1n : 0n
  const nanos = BigInt(whole + padded.slice(0, 9)) + up
  return sign === '-' ? -nanos : nanos
}

/** ns since 1970 of `YYYY-MM-DD HH:MM:SS`, taken as UTC. */
export function nanosOfDate(text: string): bigint {
  const parts = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)$/.exec(text)
  if (parts === null) throw new Error(`"${text}" is no date and time`)
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number) as [number, ...number[]]
  return BigInt(Date.UTC(year, month! - 1, day, hour, minute, second)) * 1_000_000n
}

/** ns since 1970 of the cells year, month, day and hour, taken as UTC. */
export function nanosOfHour(year: string, month: string, day: string, hour: string): bigint {
  return BigInt(Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour))) * 1_000_000n
}

/** Sum, minimum and maximum of integers, exactly. */
export function integerFacts(values: Iterable<bigint>): { sum: bigint; min: bigint; max: bigint } {
  let [sum, min, max] = [0n, 2n ** 64n, -(2n ** 64n)]
  for (const value of values) {
    sum += value
    if (value < min) min = value
    if (value > max) max = value
  }
  return { sum, min, max }
}

/** Sum (compensated: right to the last digits), minimum and maximum of numbers; NaN does not count. */
export function floatFacts(values: Iterable<number>): {
  sum: number
  min: number
  max: number
  count: number
} {
  let [sum, lost, min, max, count] = [0, 0, Infinity, -Infinity, 0]
  for (const value of values) {
    if (Number.isNaN(value)) continue
    count++
    const next = sum + value
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum
    sum = next
    if (value < min) min = value
    if (value > max) max = value
  }
  return { sum: sum + lost, min, max, count }
}

// The first way through a file: every row is looked at and nothing is written. It finds out what the
// columns are made of, checks that the cells fit where the type is given, and finds the rows whose time is
// not after all times before. Bounded in memory, whatever the file. Called once for an import.

import { several, time as timeText } from '../figures.ts'
import { CommandError } from '../command-error.ts'
import type { CellWriter, MissingMarkers } from './cells.ts'
import { cellWriter } from './cells.ts'
import { ColumnFacts } from './column-facts.ts'
import type { CsvFile } from './csv-file.ts'
import type { OnConflict } from './import-options.ts'
import { LateRows } from './late-rows.ts'
import { arrayOf } from './sample-array.ts'
import type { Target } from './target.ts'
import type { TimeColumn } from './time-column.ts'

/** What is to be scanned, and how. */
export interface Layout {
  readonly file: CsvFile
  /** Names of all columns of the file. */
  readonly names: readonly string[]
  readonly hasHeader: boolean
  readonly time: TimeColumn
  readonly targets: readonly Target[]
  readonly markers: MissingMarkers
  readonly onConflict: OnConflict
}

/** What the file holds. */
export interface Scan {
  /** Rows of data. */
  readonly rows: number
  /** The earliest and the latest time; `undefined` where there are no rows. */
  readonly first: bigint | undefined
  readonly last: bigint | undefined
  /** Rows whose time is not after all before. */
  readonly conflicts: number
  /** Those rows, where they are to be sorted in; else empty. */
  readonly late: LateRows
  /** For each target what its column is made of. */
  readonly facts: readonly ColumnFacts[]
}

/**
 * Reads the whole file.
 * @param onBatch told of the rows up to now; may throw to end the scan
 * @throws CommandError naming the line for a row without a time, with more or fewer cells than there are
 * columns, with a cell that its type does not hold, or in conflict with rows before where that is refused
 */
export async function scan(layout: Layout, onBatch: (rows: number) => void): Promise<Scan> {
  const { file, names, time, targets, markers, onConflict } = layout
  const facts = targets.map(() => new ColumnFacts(markers))
  const checks = targets.map(({ type }) => (type === undefined ? undefined : check(type, markers)))
  const positions = targets.map(({ position }) => position)
  const late = new LateRows(targets.length + 1)
  let rows = 0
  let conflicts = 0
  let first: bigint | undefined
  let newest: bigint | undefined
  let newestLine = 0
  let isHeader = layout.hasHeader
  for await (const { rows: batch, lines } of file.batches()) {
    for (let i = 0; i < batch.length; i++) {
      if (isHeader) {
        isHeader = false
        continue
      }
      const row = batch[i]!
      const line = lines[i]!
      if (row.length !== names.length) refuseLength(layout, row, line)
      const at = time.read(row)
      if (at === undefined) refuseTime(layout, row, line)
      if (newest === undefined || at > newest) {
        newest = at
        newestLine = line
        first ??= at
      } else {
        if (onConflict === 'error') refuseConflict(at, line, newest, newestLine)
        conflicts++
        if (onConflict === 'last') {
          if (!late.add(at, rows)) refuseDisorder(late.count, line)
          if (at < first!) first = at
        }
      }
      rows++
      for (let k = 0; k < positions.length; k++) {
        const cell = row[positions[k]!]!
        const checked = checks[k]
        if (checked === undefined) facts[k]!.add(cell, line)
        else if (!checked(cell)) refuseCell(targets[k]!, cell, line)
        else if (markers.has(cell)) facts[k]!.missing++
      }
    }
    onBatch(rows)
  }
  return { rows, first, last: newest, conflicts, late, facts }
}

/** Whether cells fit a type. */
function check(type: NonNullable<Target['type']>, markers: MissingMarkers): (cell: string) => boolean {
  const write: CellWriter = cellWriter(type, markers, true)
  const place = arrayOf(type, 1)
  return (cell) => write(place, 0, cell)
}

function refuseLength({ names }: Layout, row: readonly string[], line: number): never {
  throw new CommandError(
    `line ${line} has ${several(row.length, 'cell')}, not ${names.length} as there are columns`,
  )
}

function refuseTime({ time, names }: Layout, row: readonly string[], line: number): never {
  const cells = time.positions.map((at) => `"${names[at]}" is ${row[at] === '' ? 'empty' : `"${row[at]}"`}`)
  throw new CommandError(`line ${line}: ${cells.join(', ')}: no time, read as ${time.label}`)
}

function refuseConflict(at: bigint, line: number, newest: bigint, newestLine: number): never {
  const what =
    at === newest
      ? `has the same time as line ${newestLine}, ${timeText(at)}`
      : `is at ${timeText(at)}, before line ${newestLine} at ${timeText(newest)}`
  throw new CommandError(
    `line ${line} ${what}: --on-conflict skip leaves such rows out, ` +
      '--on-conflict last sorts them in and keeps the last of equal times',
  )
}

function refuseDisorder(count: number, line: number): never {
  throw new CommandError(
    `line ${line}: ${several(count + 1, 'row')} out of order are more than memory is kept for: sort the file by time first`,
  )
}

/** Says that a cell does not fit its type. */
export function refuseCell(
  { column, type, exists, name }: Pick<Target, 'column' | 'type' | 'exists' | 'name'>,
  cell: string,
  line: number,
): never {
  const what = cell === '' ? 'an empty cell' : `"${cell}"`
  const why = exists ? `channel "${name}" exists with this type` : 'give another with --type'
  throw new CommandError(`line ${line}, column "${column}": ${what} is no ${type} (${why})`)
}

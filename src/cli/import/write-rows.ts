// The second way through a file: rows become frames, and each frame a commit, so that an import that is
// interrupted leaves a prefix of its rows and goes on behind it. Rows that were found to be late are merged
// in where they belong; the same file always gives the same frames of rows. Called once the channels are
// made.

import type { DataType, NumericArray, Writer } from '../../index.ts'
import { CommandError } from '../command-error.ts'
import type { CellWriter } from './cells.ts'
import { cellWriter } from './cells.ts'
import type { LateSamples } from './late-rows.ts'
import { arrayOf, widthOf } from './sample-array.ts'
import type { Layout, Scan } from './scan.ts'
import { refuseCell } from './scan.ts'

/** A column that is written, and what its samples are. */
export interface WrittenColumn {
  readonly column: string
  readonly position: number
  readonly name: string
  readonly type: DataType
  readonly exists: boolean
  /** Whether the type was not guessed from these cells. */
  readonly isGiven: boolean
}

/** What became of the rows. */
export interface Written {
  written: number
  skipped: number
  replaced: number
  present: number
  interrupted: boolean
}

/** Rows of a frame at most, and bytes: large enough for its costs to be small, and a moment to write. */
const FRAME_ROWS = 4096
const FRAME_BYTES = 1024 * 1024
const FEWEST_ROWS = 16

/** Reads the late rows' samples: a way through the file of its own, taken only where there are some. */
export async function gatherLate(
  layout: Layout,
  columns: readonly WrittenColumn[],
  { late }: Scan,
  onBatch: (rows: number) => void,
): Promise<LateSamples> {
  const arrays = columns.map(({ type }) => arrayOf(type, late.count))
  if (late.count > 0) {
    const writers = writersOf(layout, columns)
    let position = 0
    await eachRow(layout, onBatch, (row, line, number) => {
      if (number === late.rowAt(position)) putCells(columns, writers, arrays, position++, row, line)
      return undefined
    })
  }
  return { ...late.sorted(), columns: arrays }
}

/** Everything that the rows are written with. */
export interface Destination {
  readonly writer: Writer
  /** The name of the index channel. */
  readonly index: string
  readonly columns: readonly WrittenColumn[]
  /** Rows up to this time are there already. */
  readonly after: bigint | undefined
  /** For each column its sample at that time; empty where it has none. */
  readonly stored: readonly NumericArray[]
  readonly signal: AbortSignal | undefined
}

/**
 * Writes the rows in order of time.
 * @throws CommandError naming the line where the file is not as it was when it was scanned
 */
export async function writeRows(
  layout: Layout,
  scan: Scan,
  late: LateSamples,
  destination: Destination,
  onBatch: (rows: number) => void,
): Promise<Written> {
  const { columns, after, stored, signal } = destination
  const writers = writersOf(layout, columns)
  const scratch = columns.map(({ type }) => arrayOf(type, 1))
  const frame = new FrameBuffer(destination)
  const result: Written = { written: 0, skipped: 0, replaced: late.replaced, present: 0, interrupted: false }
  let newest: bigint | undefined
  let next = 0

  const putOneLate = (): void => {
    const at = late.times[next]!
    const position = late.positions[next++]!
    if (after !== undefined && at <= after) {
      result.present++
      if (at === after) refuseOther(columns, stored, late.columns, position)
    } else frame.copy(at, late.columns, position)
  }
  /** The late rows before a time; all that are left, where there is none. */
  const putLate = (before: bigint | undefined): Promise<void> | undefined => {
    while (next < late.count && (before === undefined || late.times[next]! < before)) {
      putOneLate()
      if (frame.isFull) return frame.write().then(() => putLate(before))
    }
    return undefined
  }
  const isOver = (): boolean => signal?.aborted === true

  const put = (at: bigint, row: readonly string[], line: number): Promise<void> | undefined => {
    if (late.times[next] === at) {
      result.replaced++
      putOneLate()
    } else if (after !== undefined && at <= after) {
      result.present++
      if (at === after) {
        putCells(columns, writers, scratch, 0, row, line)
        refuseOther(columns, stored, scratch, 0)
      }
    } else putCells(columns, writers, frame.arrays, frame.take(at), row, line)
    return frame.isFull ? frame.write() : undefined
  }
  const take = (row: readonly string[], line: number): Promise<void> | undefined => {
    const at = layout.time.read(row)
    if (at === undefined) refuseChange(line)
    if (newest !== undefined && at <= newest) {
      if (layout.onConflict === 'error') refuseChange(line)
      if (layout.onConflict === 'skip') result.skipped++
      return undefined
    }
    newest = at
    const waiting = putLate(at)
    return waiting === undefined ? put(at, row, line) : waiting.then(() => put(at, row, line))
  }

  const rows = await eachRow(layout, onBatch, take, isOver)
  result.interrupted = isOver()
  if (!result.interrupted) {
    if (rows !== scan.rows) refuseChange(undefined)
    await putLate(undefined)
    await frame.write()
  }
  result.written = frame.written
  return result
}

/** Calls `take` for each row, and waits where it has to; ends before the next row where `isOver`. */
async function eachRow(
  { file, hasHeader }: Layout,
  onBatch: (rows: number) => void,
  take: (row: readonly string[], line: number, number: number) => Promise<void> | undefined,
  isOver: () => boolean = () => false,
): Promise<number> {
  let number = hasHeader ? -1 : 0
  for await (const { rows, lines } of file.batches()) {
    for (let i = 0; i < rows.length; i++, number++) {
      if (number < 0) continue
      if (isOver()) return number
      const waiting = take(rows[i]!, lines[i]!, number)
      if (waiting !== undefined) await waiting
    }
    onBatch(number)
  }
  return number
}

function writersOf({ markers }: Layout, columns: readonly WrittenColumn[]): CellWriter[] {
  return columns.map(({ type, isGiven }) => cellWriter(type, markers, isGiven))
}

function putCells(
  columns: readonly WrittenColumn[],
  writers: readonly CellWriter[],
  arrays: readonly NumericArray[],
  place: number,
  row: readonly string[],
  line: number,
): void {
  for (let k = 0; k < columns.length; k++) {
    const column = columns[k]!
    const cell = row[column.position]
    if (cell === undefined) refuseChange(line)
    if (!writers[k]!(arrays[k]!, place, cell)) refuseCell(column, cell, line)
  }
}

function refuseChange(line: number | undefined): never {
  const where = line === undefined ? '' : ` (line ${line})`
  throw new CommandError(
    `the file was changed while it was imported${where}: import it again with --continue`,
  )
}

/**
 * Holds the row of the newest stored time against what is stored, before anything is written behind it.
 * @throws CommandError where it differs: then the rows that are there are not of this file
 */
function refuseOther(
  columns: readonly WrittenColumn[],
  stored: readonly NumericArray[],
  arrays: readonly NumericArray[],
  position: number,
): void {
  columns.forEach(({ column, name }, k) => {
    if (stored[k]!.length === 0 || Object.is(stored[k]![0], arrays[k]![position])) return
    throw new CommandError(
      `column "${column}" has ${arrays[k]![position]} at the newest time that is stored, and channel "${name}" has ` +
        `${stored[k]![0]}: what is there is not from this file; --prefix keeps the two apart`,
    )
  })
}

/** A frame that is filled row by row, written, and filled again. */
class FrameBuffer {
  readonly arrays: readonly NumericArray[]
  readonly #times: BigInt64Array
  readonly #names: readonly string[]
  readonly #writer: Writer
  readonly #whole: Record<string, NumericArray>
  #length = 0
  #written = 0

  constructor({ writer, index, columns }: Destination) {
    const bytes = columns.reduce((sum, { type }) => sum + widthOf(type), 8)
    const rows = Math.max(FEWEST_ROWS, Math.min(FRAME_ROWS, Math.floor(FRAME_BYTES / bytes)))
    this.#writer = writer
    this.#times = new BigInt64Array(rows)
    this.arrays = columns.map(({ type }) => arrayOf(type, rows))
    this.#names = [index, ...columns.map(({ name }) => name)]
    this.#whole = this.#frame([this.#times, ...this.arrays])
  }

  get isFull(): boolean {
    return this.#length === this.#times.length
  }

  /** Rows that were committed. */
  get written(): number {
    return this.#written
  }

  /** The place of a row of this time in the arrays; there must be one left. */
  take(at: bigint): number {
    this.#times[this.#length] = at
    return this.#length++
  }

  /** Takes over a row of other arrays. */
  copy(at: bigint, columns: readonly NumericArray[], position: number): void {
    const place = this.take(at)
    for (let k = 0; k < columns.length; k++) this.arrays[k]![place] = columns[k]![position]!
  }

  /** Commits what is there. */
  async write(): Promise<void> {
    const length = this.#length
    if (length === 0) return
    const frame = this.isFull
      ? this.#whole
      : this.#frame([this.#times, ...this.arrays].map((array) => array.subarray(0, length)))
    await this.#writer.write(frame)
    this.#written += length
    this.#length = 0
  }

  #frame(arrays: readonly NumericArray[]): Record<string, NumericArray> {
    return Object.fromEntries(this.#names.map((name, k) => [name, arrays[k]!]))
  }
}

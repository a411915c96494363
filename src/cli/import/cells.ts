// What one cell means: nothing, a whole number, a decimal, true or false, or text, and how it becomes a
// sample of a type. A cell that does not fit is never bent until it does. Pure; called for each cell of
// the file, so written without allocation.

import type { DataType, NumericArray } from '../../index.ts'
import { nanosOfDecimal } from './decimal-span.ts'
import { iso } from './time-format.ts'

/** What a cell is by its looks: a missing one is found first. */
export type CellKind = 'integer' | 'decimal' | 'boolean' | 'text'

/** Writes a cell into an array of its type; `false` where it does not fit and nothing was written. */
export type CellWriter = (array: NumericArray, position: number, cell: string) => boolean

/** What files write where there is no value, besides nothing. */
const USUAL_MARKERS = [
  ...['NA', 'na', 'N/A', 'n/a', '#N/A', 'NaN', 'nan', 'NAN', '-nan', '-NaN'],
  ...['null', 'Null', 'NULL', 'None', '-'],
]
/** Digits of which every number is exact in a double. */
const SAFE_DIGITS = 15
const WHOLE = /^([+-]?\d+)(?:\.0*)?$/
const INFINITE = /^([+-]?)inf(?:inity)?$/i

/** Cells that mean that there is no value. */
export class MissingMarkers {
  readonly #cells: ReadonlySet<string>
  /** Whether a number can be a marker: then numbers are looked up too. */
  readonly hasNumbers: boolean

  /** @param more besides the usual ones, as they stand in the file */
  constructor(more: readonly string[] = []) {
    this.#cells = new Set([...USUAL_MARKERS, ...more.map((marker) => marker.trim())])
    this.hasNumbers = more.some((marker) => numericKind(marker.trim()) !== undefined)
  }

  has(cell: string): boolean {
    return cell === '' || this.#cells.has(cell) || (isPadded(cell) && this.has(cell.trim()))
  }
}

/** What a cell is that is not missing. */
export function kindOf(cell: string): CellKind {
  const numeric = numericKind(cell)
  if (numeric !== undefined) return numeric
  if (isPadded(cell)) return kindOf(cell.trim())
  if (INFINITE.test(cell)) return 'decimal'
  return /^(?:true|false)$/i.test(cell) ? 'boolean' : 'text'
}

/** Whether a cell looks like a number. */
export function numericKind(cell: string): 'integer' | 'decimal' | undefined {
  const { length } = cell
  let at = 0
  let code = cell.charCodeAt(0)
  if (code === 45 || code === 43) code = cell.charCodeAt(++at)
  const first = at
  while (code >= 48 && code <= 57) code = cell.charCodeAt(++at)
  let digits = at - first
  if (at === length) return digits > 0 ? 'integer' : undefined
  if (code === 46) {
    const fraction = ++at
    code = cell.charCodeAt(at)
    while (code >= 48 && code <= 57) code = cell.charCodeAt(++at)
    digits += at - fraction
  }
  if (digits === 0) return undefined
  if (at === length) return 'decimal'
  if (code !== 69 && code !== 101) return undefined
  code = cell.charCodeAt(++at)
  if (code === 45 || code === 43) code = cell.charCodeAt(++at)
  const exponent = at
  while (code >= 48 && code <= 57) code = cell.charCodeAt(++at)
  return at === length && at > exponent ? 'decimal' : undefined
}

/**
 * What writes the cells of a column that was looked through before.
 * @param isChecked looks at each cell as if it never had been: for types that were not guessed from it
 */
export function cellWriter(type: DataType, markers: MissingMarkers, isChecked: boolean): CellWriter {
  switch (type) {
    case 'float64':
      return decimals(markers, isChecked, NaN)
    case 'float32':
      return decimals(markers, isChecked, 3.402_823_567_797_336_6e38)
    case 'int64':
      return bigIntegers(markers, -(2n ** 63n), 2n ** 63n - 1n)
    case 'uint64':
      return bigIntegers(markers, 0n, 2n ** 64n - 1n)
    case 'timestamp':
      return times
    case 'boolean':
      return (array, position, cell) => {
        const text = cell.trim().toLowerCase()
        const value = text === 'true' || text === '1' ? 1 : text === 'false' || text === '0' ? 0 : -1
        if (value < 0 || (markers.hasNumbers && markers.has(cell))) return false
        array[position] = value
        return true
      }
    case 'int32':
      return integers(markers, -(2 ** 31), 2 ** 31 - 1)
    case 'int16':
      return integers(markers, -(2 ** 15), 2 ** 15 - 1)
    case 'int8':
      return integers(markers, -(2 ** 7), 2 ** 7 - 1)
    case 'uint32':
      return integers(markers, 0, 2 ** 32 - 1)
    case 'uint16':
      return integers(markers, 0, 2 ** 16 - 1)
    case 'uint8':
      return integers(markers, 0, 2 ** 8 - 1)
  }
}

/** @param limit the size from which a number would be rounded to infinity, which is another number */
function decimals(markers: MissingMarkers, isChecked: boolean, limit: number): CellWriter {
  const { hasNumbers } = markers
  return (array, position, cell) => {
    let value = Number(cell)
    // Nothing is 0 to `Number`, and hexadecimal is no decimal text but a number to it.
    const isPlain = isChecked || value === 0 ? numericKind(cell) !== undefined : value === value
    if (hasNumbers || !isPlain) {
      const found = valueOf(cell, markers)
      if (found === undefined) return false
      value = found
    }
    if (Math.abs(value) >= limit && !INFINITE.test(cell.trim())) return false
    array[position] = value
    return true
  }
}

/** The number that a cell means: NaN for a missing one, `undefined` where it is text. */
function valueOf(cell: string, markers: MissingMarkers): number | undefined {
  if (markers.has(cell)) return NaN
  const text = cell.trim()
  if (numericKind(text) !== undefined) return Number(text)
  const infinite = INFINITE.exec(text)
  if (infinite !== null) return infinite[1] === '-' ? -Infinity : Infinity
  switch (text.toLowerCase()) {
    case 'true':
      return 1
    case 'false':
      return 0
    default:
      return undefined
  }
}

function integers(markers: MissingMarkers, smallest: number, largest: number): CellWriter {
  return (array, position, cell) => {
    const value = numericKind(cell) === 'integer' ? Number(cell) : wholeOf(cell, Number)
    if (value === undefined || !(value >= smallest && value <= largest)) return false
    if (markers.hasNumbers && markers.has(cell)) return false
    array[position] = value
    return true
  }
}

function bigIntegers(markers: MissingMarkers, smallest: bigint, largest: bigint): CellWriter {
  return (array, position, cell) => {
    let value: bigint | undefined
    if (numericKind(cell) === 'integer')
      value = cell.length <= SAFE_DIGITS ? BigInt(Number(cell)) : BigInt(cell)
    else value = wholeOf(cell, BigInt)
    if (value === undefined || value < smallest || value > largest) return false
    if (markers.hasNumbers && markers.has(cell)) return false
    array[position] = value
    return true
  }
}

/** A whole number that is written as a decimal, such as `3.0`: what tables have that once missed a cell. */
function wholeOf<T>(cell: string, make: (text: string) => T): T | undefined {
  const whole = WHOLE.exec(cell.trim())?.[1]
  return whole === undefined ? undefined : make(whole)
}

/** Times as data: nanoseconds since 1970, or ISO 8601, UTC where no offset is given. */
const times: CellWriter = (array, position, cell) => {
  const text = cell.trim()
  const value = numericKind(text) === 'integer' ? nanosOfDecimal(text, 0) : iso(0).read(text)
  if (value === undefined || BigInt.asIntN(64, value) !== value) return false
  array[position] = value
  return true
}

/** Whether blanks stand around it: those within quotes stay when the file is read. */
function isPadded(cell: string): boolean {
  const mayBe = cell.charCodeAt(0) <= 32 || cell.charCodeAt(cell.length - 1) <= 32
  return mayBe && cell.trim().length < cell.length
}

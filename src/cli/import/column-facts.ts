// What the whole of a column is made of, counted cell by cell, and the type that follows from it: a fact
// where a look at the first rows would be a guess. Called by the scan.

import type { DataType } from '../../index.ts'
import { several } from '../figures.ts'
import type { MissingMarkers } from './cells.ts'
import { kindOf } from './cells.ts'

/** What becomes of a column that nobody gave a type. */
export type Guess =
  | { readonly type: DataType; readonly note?: string }
  | { readonly type: undefined; readonly reason: string }

/** Digits of which every number is exact in a double. */
const SAFE_DIGITS = 15
const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n
const UINT64_MAX = 2n ** 64n - 1n
const EXACT_LIMIT = 2n ** 53n
const DECIMAL_COMMA = /^[+-]?\d*,\d+$/
/** Characters of an example that are shown. */
const EXAMPLE = 24

export class ColumnFacts {
  /** Cells without a value. */
  missing = 0
  readonly #markers: MissingMarkers
  #integers = 0
  #decimals = 0
  #booleans = 0
  #texts = 0
  #smallest = 0
  #largest = 0
  #bigSmallest = 0n
  #bigLargest = 0n
  #firstText: { readonly cell: string; readonly line: number } | undefined
  #firstBoolean = 0

  constructor(markers: MissingMarkers) {
    this.#markers = markers
  }

  add(cell: string, line: number): void {
    if (cell === '' || (this.#markers.hasNumbers && this.#markers.has(cell))) {
      this.missing++
      return
    }
    switch (kindOf(cell)) {
      case 'integer':
        this.#integers++
        this.#measure(cell)
        return
      case 'decimal':
        this.#decimals++
        return
      case 'boolean':
        if (this.#booleans++ === 0) this.#firstBoolean = line
        return
      case 'text':
        if (this.#markers.has(cell)) this.missing++
        else if (this.#texts++ === 0) this.#firstText = { cell, line }
    }
  }

  /** Whether no cell has a value. */
  get isEmpty(): boolean {
    return this.#integers + this.#decimals + this.#booleans + this.#texts === 0
  }

  /** The type that holds every cell, and what a person should know about it. */
  guess(): Guess {
    if (this.#firstText !== undefined) {
      const { cell, line } = this.#firstText
      const example = cell.length > EXAMPLE ? `${cell.slice(0, EXAMPLE)}...` : cell
      const what = DECIMAL_COMMA.test(cell) ? 'numbers with a decimal comma, which is not read' : 'text'
      return { type: undefined, reason: `${what}, such as "${example}" on line ${line}` }
    }
    const numbers = this.#integers + this.#decimals
    if (this.#booleans > 0) return this.#guessBoolean(numbers)
    if (this.isEmpty) return { type: 'float64', note: 'no cell has a value' }
    if (this.#decimals > 0) return { type: 'float64', ...this.#roundedNote() }
    const { smallest, largest } = this.#range()
    const type =
      smallest >= INT64_MIN && largest <= INT64_MAX
        ? 'int64'
        : smallest >= 0n && largest <= UINT64_MAX
          ? 'uint64'
          : undefined
    if (type === undefined) return { type: 'float64', note: 'integers beyond 64 bits, rounded to float64' }
    if (this.missing === 0) return { type }
    const rounded = this.#roundedNote().note
    return {
      type: 'float64',
      note: `${this.#missingCells()}: float64 instead of ${type}${rounded === undefined ? '' : `; ${rounded}`}`,
    }
  }

  #guessBoolean(numbers: number): Guess {
    const { smallest, largest } = this.#range()
    if (this.#decimals > 0 || smallest < 0n || largest > 1n) {
      const line = this.#firstBoolean
      return { type: undefined, reason: `numbers, and true or false on line ${line}` }
    }
    if (this.missing === 0) return { type: 'boolean', ...(numbers > 0 ? { note: '0 and 1 too' } : {}) }
    return { type: 'float64', note: `${this.#missingCells()}: float64 (0, 1, NaN) instead of boolean` }
  }

  #missingCells(): string {
    return several(this.missing, 'missing cell')
  }

  /** That digits are lost is nothing to keep quiet about. */
  #roundedNote(): { note?: string } {
    const { smallest, largest } = this.#range()
    return smallest < -EXACT_LIMIT || largest > EXACT_LIMIT
      ? { note: 'integers beyond 2^53 are rounded' }
      : {}
  }

  #measure(cell: string): void {
    if (cell.length <= SAFE_DIGITS) {
      const value = Number(cell)
      if (value < this.#smallest) this.#smallest = value
      else if (value > this.#largest) this.#largest = value
    } else {
      const value = BigInt(cell)
      if (value < this.#bigSmallest) this.#bigSmallest = value
      else if (value > this.#bigLargest) this.#bigLargest = value
    }
  }

  /** Around all integers, and 0. */
  #range(): { smallest: bigint; largest: bigint } {
    const smallest = BigInt(this.#smallest)
    const largest = BigInt(this.#largest)
    return {
      smallest: smallest < this.#bigSmallest ? smallest : this.#bigSmallest,
      largest: largest > this.#bigLargest ? largest : this.#bigLargest,
    }
  }
}

// Rows that come too late in the file to be written where they stand: kept in memory while it is read,
// sorted, and merged with the others. Of those with equal times the last of the file counts. Bounded, so
// that a file that has no order at all is refused. Called by the scan, which finds them, and by the writer.

import type { NumericArray } from '../../index.ts'

/** Most late rows, and most samples of them: some 64 MiB. */
const ROW_LIMIT = 1_000_000
const SAMPLE_LIMIT = 8_000_000

/** The times of late rows and where they stand; filled in the order of the file. */
export class LateRows {
  readonly #limit: number
  #times = new BigInt64Array(16)
  #rows = new Float64Array(16)
  #count = 0

  /** @param channels samples of a row, to know how many rows memory holds */
  constructor(channels: number) {
    this.#limit = Math.min(ROW_LIMIT, Math.floor(SAMPLE_LIMIT / Math.max(1, channels)))
  }

  get count(): number {
    return this.#count
  }

  /** Keeps a row; `false` where there are too many. @param row its number in the file, from 0 */
  add(time: bigint, row: number): boolean {
    if (this.#count === this.#limit) return false
    if (this.#count === this.#times.length) {
      const times = new BigInt64Array(2 * this.#count)
      times.set(this.#times)
      this.#times = times
      const rows = new Float64Array(2 * this.#count)
      rows.set(this.#rows)
      this.#rows = rows
    }
    this.#times[this.#count] = time
    this.#rows[this.#count++] = row
    return true
  }

  /** The number in the file of the late row that was added at this position; none has it behind the last. */
  rowAt(position: number): number {
    return position < this.#count ? this.#rows[position]! : Infinity
  }

  /** The late rows in order of time, without those that a later one of the same time replaces. */
  sorted(): SortedRows {
    const times = this.#times
    const order = Uint32Array.from({ length: this.#count }, (_, position) => position)
    // Positions are in the order of the file: among equals the last of it comes last.
    order.sort((a, b) => {
      const [first, second] = [times[a]!, times[b]!]
      return first < second ? -1 : first > second ? 1 : a - b
    })
    let count = 0
    for (let i = 0; i < order.length; i++) {
      const isReplaced = i + 1 < order.length && times[order[i]!] === times[order[i + 1]!]
      if (!isReplaced) order[count++] = order[i]!
    }
    const positions = order.subarray(0, count)
    return {
      count,
      replaced: order.length - count,
      positions,
      times: BigInt64Array.from(positions, (position) => times[position]!),
    }
  }
}

/** Late rows in order of time. */
export interface SortedRows {
  readonly count: number
  /** Late rows that another late row replaces. */
  readonly replaced: number
  /** The place of each among the late rows of the file. */
  readonly positions: Uint32Array
  /** The time of each, strictly increasing. */
  readonly times: BigInt64Array
}

/** Late rows with their samples, ready to be merged. */
export interface LateSamples extends SortedRows {
  /** For each channel the samples of all late rows, in the order of the file. */
  readonly columns: readonly NumericArray[]
}

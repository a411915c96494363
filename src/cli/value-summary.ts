// The values of a channel in a few figures, streamed: least, greatest, mean, with NaN counted apart. Exact
// for whole numbers; the sum of floats is compensated (Neumaier), so that the mean does not depend on how
// long a recording is. Pure. Called by `info`.

import type { DataType, TypedArrayOf } from '../index.ts'

/** What there is to say about the values of a channel. */
export interface ValueSummary {
  /** Left out where there is no value but NaN. */
  readonly min?: number | bigint
  readonly max?: number | bigint
  /** Of all that is not NaN. */
  readonly mean?: number
  /** How many values are NaN. */
  readonly nans: number
}

/** Looks at values in as many pieces as they come. */
export interface ValueWatch {
  add(values: TypedArrayOf<DataType>): void
  report(): ValueSummary
}

/** A watch for values of a type. */
export function valueWatch(type: DataType): ValueWatch {
  return type === 'int64' || type === 'uint64' || type === 'timestamp' ? new WholeWatch() : new NumberWatch()
}

class NumberWatch implements ValueWatch {
  #min = Number.POSITIVE_INFINITY
  #max = Number.NEGATIVE_INFINITY
  #sum = 0
  #compensation = 0
  #count = 0
  #nans = 0

  add(values: TypedArrayOf<DataType>): void {
    for (const value of values as Float64Array) {
      if (Number.isNaN(value)) {
        this.#nans++
        continue
      }
      this.#count++
      if (value < this.#min) this.#min = value
      if (value > this.#max) this.#max = value
      const sum = this.#sum + value
      this.#compensation +=
        Math.abs(this.#sum) >= Math.abs(value) ? this.#sum - sum + value : value - sum + this.#sum
      this.#sum = sum
    }
  }

  report(): ValueSummary {
    if (this.#count === 0) return { nans: this.#nans }
    // With an infinity among the values there is nothing left to compensate.
    const sum = Number.isFinite(this.#sum) ? this.#sum + this.#compensation : this.#sum
    return { min: this.#min, max: this.#max, mean: sum / this.#count, nans: this.#nans }
  }
}

class WholeWatch implements ValueWatch {
  #min: bigint | undefined
  #max: bigint | undefined
  #sum = 0n
  #count = 0

  add(values: TypedArrayOf<DataType>): void {
    for (const value of values as BigInt64Array) {
      if (this.#min === undefined || value < this.#min) this.#min = value
      if (this.#max === undefined || value > this.#max) this.#max = value
      this.#sum += value
    }
    this.#count += values.length
  }

  report(): ValueSummary {
    if (this.#min === undefined || this.#max === undefined) return { nans: 0 }
    const whole = this.#sum / BigInt(this.#count)
    const rest = Number(this.#sum - whole * BigInt(this.#count)) / this.#count
    return { min: this.#min, max: this.#max, mean: Number(whole) + rest, nans: 0 }
  }
}

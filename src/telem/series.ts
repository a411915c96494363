// One contiguous domain's samples of one channel, as a read returned them: a view on the frame's
// column, never a copy. Holds at least one sample. Made by `Frame`.

import { ValidationError } from '../errors.ts'
import type { DataType, SampleOf, TypedArrayOf } from './data-type.ts'
import type { TimeRange } from './time-range.ts'

/** Samples of one channel that follow each other without a gap. */
export class Series<T extends DataType = DataType> {
  /** Name of the channel. */
  readonly channel: string
  /** Type of the samples. */
  readonly type: T
  /** Tight around the samples: from the first one's time to the last one's + 1 ns. */
  readonly timeRange: TimeRange
  /** The samples, a view on the frame's column. */
  readonly data: TypedArrayOf<T>
  readonly #timestamps: BigInt64Array | undefined

  /**
   * Made by `Frame`.
   * @param timestamps sample for sample beside `data`; left out where times were not read.
   */
  constructor(
    channel: string,
    type: T,
    timeRange: TimeRange,
    data: TypedArrayOf<T>,
    timestamps: BigInt64Array | undefined,
  ) {
    this.channel = channel
    this.type = type
    this.timeRange = timeRange
    this.data = data
    this.#timestamps = timestamps
  }

  /** How many samples there are. */
  get length(): number {
    return this.data.length
  }

  /** The times, sample for sample beside `data`. @throws ValidationError where they were not read. */
  get timestamps(): BigInt64Array {
    return this.#timestamps ?? refuseTimes(this.channel)
  }

  /** The sample at `position`, counted from 0; `undefined` outside. */
  at(position: number): SampleOf<T> | undefined {
    return this.data[position]
  }
}

/** @throws ValidationError always: the times of `channel` are asked for and were not read. */
export function refuseTimes(channel: string): never {
  throw new ValidationError(
    `Times of channel "${channel}" were not read: read its index channel along, or pass { timestamps: true }`,
    { channel },
  )
}

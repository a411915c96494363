// The samples that every engine is given, and what must be read back: a function of row and channel, so
// that each result can be checked in full without being kept. Values have all their digits, since whole
// numbers would take less room in some stores. Made before the clock starts.

import type { Row } from './engine.ts'

/** Rows of a frame in bulk, and of a window. */
export const FRAME = 1000

/** Frames after which the values repeat. */
const PERIOD = 97

const ORIGIN = 1_735_689_600_000_000_000n
const STEP = 1_000_000n

/** Time of a row in nanoseconds; more than 2^53, so that it is exact only as an int64. */
export function timeOf(row: number): bigint {
  return ORIGIN + BigInt(row) * STEP
}

/** Names of `count` data channels. */
export function channelNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `c${i}`)
}

/** By channel: the values of a period, made when they are first asked for. */
const periods: Float64Array[] = []

/** The value of a channel (by ordinal) at a row. */
export function valueOf(row: number, channel: number): number {
  const period = (periods[channel] ??= Float64Array.from(
    { length: PERIOD * FRAME },
    (_, i) => 20 + 5 * Math.sin(i * 0.37 + channel),
  ))
  return period[row % (PERIOD * FRAME)]!
}

/** Frames of `FRAME` rows. */
export class Frames {
  readonly #times: BigInt64Array
  readonly #values: readonly (readonly Float64Array[])[]

  constructor(count: number, channels: number) {
    this.#times = BigInt64Array.from({ length: count * FRAME }, (_, row) => timeOf(row))
    this.#values = Array.from({ length: Math.min(PERIOD, count) }, (_, frame) =>
      Array.from({ length: channels }, (_, channel) =>
        Float64Array.from({ length: FRAME }, (_, row) => valueOf(frame * FRAME + row, channel)),
      ),
    )
  }

  times(frame: number): BigInt64Array {
    return this.#times.subarray(frame * FRAME, (frame + 1) * FRAME)
  }

  columns(frame: number): readonly Float64Array[] {
    return this.#values[frame % PERIOD]!
  }
}

/** Rows as objects, made beforehand with the shape that literals have; only the time of one changes. */
export class Rows {
  readonly #rows: readonly Row[]
  readonly #times: BigInt64Array

  constructor(count: number, channels: readonly string[]) {
    this.#times = BigInt64Array.from({ length: count }, (_, row) => timeOf(row))
    this.#rows = Array.from({ length: PERIOD }, (_, row) =>
      Object.fromEntries<number | bigint>([
        ['time', 0n],
        ...channels.map((name, i) => [name, valueOf(row, i)] as const),
      ]),
    )
  }

  /** The object is good until it is asked for `PERIOD` rows later. */
  at(row: number): Row {
    const object = this.#rows[row % PERIOD]!
    object['time'] = this.#times[row]!
    return object
  }

  /** The value that `at(row)` has in a channel (by ordinal). */
  static value(row: number, channel: number): number {
    return valueOf(row % PERIOD, channel)
  }
}

/** @throws Error unless `columns` are the values of these channels (by ordinal) in rows `from` to `to` - 1 */
export function check(
  columns: readonly ArrayLike<number>[],
  channels: readonly number[],
  from: number,
  to: number,
  value: (row: number, channel: number) => number,
): void {
  if (columns.length !== channels.length) throw new Error(`${columns.length} columns were read`)
  channels.forEach((channel, i) => {
    const column = columns[i]!
    if (column.length !== to - from) throw new Error(`${column.length} rows were read, not ${to - from}`)
    for (let row = from; row < to; row++) {
      if (column[row - from] !== value(row, channel))
        throw new Error(`Channel ${channel} is ${column[row - from]} at row ${row}: wrong data`)
    }
  })
}

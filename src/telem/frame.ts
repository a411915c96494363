// What a read returns: for each channel one typed array, cut into series where the domains end.
// Invariant: a column's series are in time order and add up to its array; where times were read, they
// lie sample for sample beside it. Channels may have samples at different times, so rows are merged by
// time, never by position. Made by every kind of read.

import { assert } from '../assert.ts'
import { ChannelNotFoundError } from '../errors.ts'
import type { DataType, NumericArray, SampleOf, TypedArrayOf } from './data-type.ts'
import { refuseTimes, Series } from './series.ts'
import type { TimeRange } from './time-range.ts'
import { toISO } from './timestamp.ts'

/** One channel of a frame to be. The frame takes the arrays over. */
export interface FrameColumn {
  readonly name: string
  readonly type: DataType
  /** All samples, in time order; the natural array of `type`. */
  readonly data: NumericArray
  /** The domains that they come from, in time order; the counts (at least 1 each) add up to `data.length`. */
  readonly series: readonly { readonly count: number; readonly timeRange: TimeRange }[]
  /** Beside `data`; an index channel's is `data` itself. Left out where times were not read. */
  readonly timestamps?: BigInt64Array | undefined
}

/** The columns of a frame to be, looked at one by one: of ten thousand it is a step each. */
export class FrameColumns {
  readonly byName: Map<string, FrameColumn> = new Map()

  static of(columns: readonly FrameColumn[]): FrameColumns {
    const added = new FrameColumns()
    for (const column of columns) added.add(column)
    return added
  }

  add(column: FrameColumn): void {
    const { name, data, series, timestamps } = column
    let count = 0
    for (const part of series) count += part.count
    assert(count === data.length, 'the series of a channel add up to its column')
    assert((timestamps ?? data).length === data.length, 'a channel has one time per sample')
    assert(!this.byName.has(name), 'each channel is in a frame once')
    this.byName.set(name, column)
  }
}

/** One instant of a frame: for each channel its sample then, `undefined` where it has none. */
export type FrameRow<C extends Record<string, DataType>> = { [N in keyof C]: SampleOf<C[N]> | undefined }

/** Columns that share one array of times, and how far they are merged. */
interface Lane {
  readonly timestamps: BigInt64Array
  readonly columns: readonly FrameColumn[]
  position: number
}

/**
 * Samples of several channels over one range of time, as a read returns them. The arrays are the caller's.
 * `C` is what type each channel has, by name.
 */
export class Frame<C extends Record<string, DataType> = Record<string, DataType>> {
  /** Names of the channels, in the order in which they were asked for. */
  readonly channels: string[]
  readonly #columns: ReadonlyMap<string, FrameColumn>

  /**
   * Made by reads.
   * @param columns names differ; see `FrameColumn` for who owns the arrays.
   */
  constructor(columns: readonly FrameColumn[] | FrameColumns) {
    const { byName } = columns instanceof FrameColumns ? columns : FrameColumns.of(columns)
    this.channels = [...byName.keys()]
    this.#columns = byName
  }

  /** Whether no channel has a sample. */
  get isEmpty(): boolean {
    for (const column of this.#columns.values()) if (column.data.length > 0) return false
    return true
  }

  /** The channel's samples, one `Series` per domain, in time order. @throws ChannelNotFoundError */
  series<N extends keyof C & string>(name: N): Series<C[N]>[] {
    const { type, data, series, timestamps } = this.#column(name)
    let from = 0
    return series.map(({ count, timeRange }) => {
      const to = from + count
      const view = data.subarray(from, to) as TypedArrayOf<C[N]>
      const one = new Series(name, type as C[N], timeRange, view, timestamps?.subarray(from, to))
      from = to
      return one
    })
  }

  /** The channel's samples, all series as one array. @throws ChannelNotFoundError */
  column<N extends keyof C & string>(name: N): TypedArrayOf<C[N]> {
    return this.#column(name).data as TypedArrayOf<C[N]>
  }

  /**
   * The times of the channel's samples, sample for sample beside `column(name)`.
   * @throws ChannelNotFoundError, or ValidationError where times were not read.
   */
  timestamps(name: keyof C & string): BigInt64Array {
    return this.#column(name).timestamps ?? refuseTimes(name)
  }

  /** How many samples the channel has. @throws ChannelNotFoundError */
  count(name: keyof C & string): number {
    return this.#column(name).data.length
  }

  /**
   * Plain objects with a key for every channel, one for each instant at which some channel has a
   * sample, in time order. Keys come in the order of `channels`, save that JavaScript puts names that
   * are whole numbers first.
   * @throws ValidationError at once, naming a channel whose times were not read.
   */
  rows(): IterableIterator<FrameRow<C>> {
    const lanes = new Map<BigInt64Array, FrameColumn[]>()
    for (const column of this.#columns.values()) {
      const timestamps = column.timestamps ?? refuseTimes(column.name)
      const sharing = lanes.get(timestamps)
      if (sharing === undefined) lanes.set(timestamps, [column])
      else sharing.push(column)
    }
    const merged = [...lanes].map(([timestamps, columns]) => ({ timestamps, columns, position: 0 }))
    return mergeRows([...this.#columns.keys()], merged) as IterableIterator<FrameRow<C>>
  }

  /**
   * Values by channel, fit for `JSON.stringify`: 64-bit integers are strings, times ISO strings; NaN and
   * the infinities stay numbers, which JSON writes as null. Series and times of other channels are not in it.
   */
  toJSON(): { [N in keyof C]: (number | string)[] } {
    const entries = [...this.#columns.values()].map(({ name, type, data }) => [name, plainValues(type, data)])
    return Object.fromEntries(entries) as { [N in keyof C]: (number | string)[] }
  }

  #column(name: string): FrameColumn {
    const column = this.#columns.get(name)
    if (column === undefined) throw new ChannelNotFoundError(String(name))
    return column
  }
}

function* mergeRows(
  names: readonly string[],
  lanes: readonly Lane[],
): Generator<Record<string, number | bigint | undefined>> {
  // Copied for each row: every key is the row's own from the start, `__proto__` too, and filling it in
  // neither runs a setter nor turns the object into a dictionary.
  const blank: Record<string, number | bigint | undefined> = Object.fromEntries(
    names.map((name) => [name, undefined]),
  )
  for (let next = earliest(lanes); next !== undefined; next = earliest(lanes)) {
    const time = next.timestamps[next.position]
    const row = { ...blank }
    for (const lane of lanes) {
      if (lane.timestamps[lane.position] !== time) continue
      for (const { name, data } of lane.columns) row[name] = data[lane.position]
      lane.position++
    }
    yield row
  }
}

/** The lane whose next sample comes first, `undefined` when all are through. */
function earliest(lanes: readonly Lane[]): Lane | undefined {
  let first: Lane | undefined
  for (const lane of lanes) {
    if (lane.position >= lane.timestamps.length) continue
    if (first === undefined || lane.timestamps[lane.position]! < first.timestamps[first.position]!)
      first = lane
  }
  return first
}

function plainValues(type: DataType, data: NumericArray): (number | string)[] {
  return Array.from(data as ArrayLike<number | bigint>, (value) => {
    if (typeof value === 'number') return value
    return type === 'timestamp' ? toISO(value) : value.toString()
  })
}

// The samples of one channel, reduced to columns of equal time while they stream past: however many there
// are, memory is that of the columns. Invariant: the lowest and the highest value of a column's samples are
// kept, so that no spike is lost. Column limits are found by bisection, so that no sample costs arithmetic
// on 64-bit times. Made by `readCurves` and the demo; read by `linesOf`.

import type { NumericArray } from '../../index.ts'

/** Neighbours that say, on each side of a gap, which interval is usual there. */
const NEIGHBOURS = 16
/** A stretch without samples is a gap when it is longer than this many usual intervals, */
const GAP_INTERVALS = 10
/** or than this many where one domain ends and another begins: the recorder said that it stopped, */
const GAP_INTERVALS_OF_DOMAINS = 2
/** and when it shows: narrower ones are bridged. In empty columns. */
const GAP_COLUMNS = 2

/** Equal stretches of the time of a plot. */
export class TimeGrid {
  /** Left edge, in nanoseconds since 1970. */
  readonly start: bigint
  /** Right edge; later than `start`. */
  readonly end: bigint
  /** Nanoseconds between the edges. */
  readonly span: number
  readonly columns: number
  /** First time of each column, and after them the end. */
  readonly #edges: BigInt64Array

  /** @param columns at least 1 */
  constructor(start: bigint, end: bigint, columns: number) {
    this.start = start
    this.end = end
    this.span = Number(end - start)
    this.columns = columns
    this.#edges = BigInt64Array.from(
      { length: columns + 1 },
      (_, i) => start + ((end - start) * BigInt(i)) / BigInt(columns),
    )
  }

  /** The column that a time lies in, none of them before `from`; it must lie between the edges. */
  columnOf(time: bigint, from: number): number {
    // The next column is the usual answer.
    if (from + 1 >= this.columns || time < this.#edges[from + 1]!) return from
    return from + afterPosition(this.#edges, time, from + 1, this.columns) - from - 1
  }

  /** The first time behind a column. */
  endOf(column: number): bigint {
    return this.#edges[column + 1]!
  }
}

/** Columns of one channel. Values by column; those of columns without a sample to draw mean nothing. */
export class Columns {
  readonly grid: TimeGrid
  /** Samples to draw. */
  readonly count: Float64Array
  readonly low: Float64Array
  readonly high: Float64Array
  readonly first: Float64Array
  readonly last: Float64Array
  /** When the first and the last sample to draw was taken, in nanoseconds after the start of the grid. */
  readonly firstAt: Float64Array
  readonly lastAt: Float64Array
  /** 1 where samples are there, and none to draw. */
  readonly isBlank: Uint8Array
  /** 1 where a gap in time lies before the column. */
  readonly isAfterGap: Uint8Array
  /** Lowest and highest finite value; `Infinity` and `-Infinity` where there is none. */
  lowest: number = Infinity
  highest: number = -Infinity
  /** Samples seen; of them those that are no number, infinite, or not positive where that cannot be drawn. */
  samples = 0
  blanks = 0
  infinite = 0
  notPositive = 0
  readonly #isLogarithmic: boolean
  #column = 0
  #seenColumn = -1
  #recent: BigInt64Array = new BigInt64Array(0)

  /** @param isLogarithmic leaves out what is not positive */
  constructor(grid: TimeGrid, isLogarithmic: boolean) {
    this.grid = grid
    this.#isLogarithmic = isLogarithmic
    this.count = new Float64Array(grid.columns)
    this.low = new Float64Array(grid.columns)
    this.high = new Float64Array(grid.columns)
    this.first = new Float64Array(grid.columns)
    this.last = new Float64Array(grid.columns)
    this.firstAt = new Float64Array(grid.columns)
    this.lastAt = new Float64Array(grid.columns)
    this.isBlank = new Uint8Array(grid.columns)
    this.isAfterGap = new Uint8Array(grid.columns)
  }

  /**
   * Takes the samples that follow those taken so far.
   * @param times in order, between the edges of the grid
   * @param values sample for sample beside `times`
   * @param starts positions at which a domain begins, other than the first
   */
  add(times: BigInt64Array, values: NumericArray, starts: readonly number[] = []): void {
    let from = 0
    while (from < times.length) {
      const column = this.grid.columnOf(times[from]!, this.#column)
      const to = endOfRun(times, this.grid.endOf(column), from)
      if (this.#seenColumn >= 0 && column - this.#seenColumn > GAP_COLUMNS) {
        if (this.#isGap(times, from, starts.includes(from))) this.isAfterGap[column] = 1
      }
      this.#addTo(column, times, values, from, to)
      this.#column = column
      this.#seenColumn = column
      from = to
    }
    this.samples += times.length
    this.#recent = this.#before(times, times.length)
  }

  #addTo(column: number, times: BigInt64Array, values: NumericArray, from: number, to: number): void {
    const least = this.#isLogarithmic ? Number.MIN_VALUE : -Infinity
    let [low, high, first, last, count] = [Infinity, -Infinity, -1, -1, 0]
    for (let i = from; i < to; i++) {
      const value = Number(values[i])
      // False for NaN too.
      if (!(value >= least)) continue
      if (value < low) low = value
      if (value > high) high = value
      if (first < 0) first = i
      last = i
      count++
    }
    if (count < to - from) this.#countOut(values, from, to)
    if (count === 0) {
      if (this.count[column] === 0) this.isBlank[column] = 1
      return
    }
    if (low === -Infinity || high === Infinity) this.#boundFinite(values, from, to)
    else this.#bound(low, high)
    const had = this.count[column]!
    if (had === 0) {
      this.isBlank[column] = 0
      this.first[column] = Number(values[first])
      this.firstAt[column] = this.#offset(times[first]!)
    }
    this.low[column] = had === 0 ? low : Math.min(this.low[column]!, low)
    this.high[column] = had === 0 ? high : Math.max(this.high[column]!, high)
    this.last[column] = Number(values[last])
    this.lastAt[column] = this.#offset(times[last]!)
    this.count[column] = had + count
  }

  #bound(low: number, high: number): void {
    if (low < this.lowest) this.lowest = low
    if (high > this.highest) this.highest = high
  }

  #boundFinite(values: NumericArray, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const value = Number(values[i])
      if (value === Infinity || value === -Infinity) this.infinite++
      else if (value > 0 || !this.#isLogarithmic) this.#bound(value, value)
    }
  }

  #countOut(values: NumericArray, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const value = Number(values[i])
      if (Number.isNaN(value)) this.blanks++
      else if (this.#isLogarithmic && value <= 0) this.notPositive++
    }
  }

  #offset(time: bigint): number {
    return Number(time - this.grid.start)
  }

  /** Whether too much time lies before the sample at `position`, by what is usual around it. */
  #isGap(times: BigInt64Array, position: number, isNewDomain: boolean): boolean {
    const before = this.#before(times, position)
    const after = times.subarray(position, position + NEIGHBOURS + 1)
    // Of two or three samples nobody can say what is usual.
    if (before.length + after.length < 5) return isNewDomain
    const usual = Math.max(medianInterval(before), medianInterval(after))
    const limit = isNewDomain ? GAP_INTERVALS_OF_DOMAINS : GAP_INTERVALS
    return Number(times[position]! - before.at(-1)!) > limit * usual
  }

  /** The times just before a position, those of earlier calls among them. */
  #before(times: BigInt64Array, position: number): BigInt64Array {
    const here = times.slice(Math.max(0, position - NEIGHBOURS - 1), position)
    if (here.length > NEIGHBOURS || this.#recent.length === 0) return here
    return BigInt64Array.from([...this.#recent, ...here].slice(-NEIGHBOURS - 1))
  }
}

/** 0 where there is no interval. */
function medianInterval(times: BigInt64Array): number {
  const intervals: number[] = []
  for (let i = 1; i < times.length; i++) intervals.push(Number(times[i]! - times[i - 1]!))
  return intervals.sort((a, b) => a - b)[intervals.length >> 1] ?? 0
}

/** The first position from `from` on whose time is not before `end`: steps that double, then bisection. */
function endOfRun(times: BigInt64Array, end: bigint, from: number): number {
  let step = 1
  while (from + step < times.length && times[from + step]! < end) step *= 2
  let [low, high] = [from + (step >> 1), Math.min(from + step, times.length)]
  while (low < high) {
    const middle = (low + high) >> 1
    if (times[middle]! < end) low = middle + 1
    else high = middle
  }
  return low
}

/** The first position in `[from, to)` whose time is after `time`, else `to`. */
function afterPosition(edges: BigInt64Array, time: bigint, from: number, to: number): number {
  let [low, high] = [from, to]
  while (low < high) {
    const middle = (low + high) >> 1
    if (edges[middle]! <= time) low = middle + 1
    else high = middle
  }
  return low
}

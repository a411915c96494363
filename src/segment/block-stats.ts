// Min, max and sum of a block, for fast aggregates: written with every extent of a data channel,
// checked again by `verify`. One loop over doubles serves all types (a loop that sees several kinds of
// typed array is several times slower); 64-bit integers count as the nearest double.

import type { DataType } from '../telem/data-type.ts'
import { viewArray } from '../telem/data-type.ts'
import { BLOCK_SAMPLES } from './extent-layout.ts'

const HIGH_WORD = 0x1_0000_0000

/** Holds a block of another type as doubles; filled and used within one synchronous call. */
const doubles = new Float64Array(BLOCK_SAMPLES)

/** Min, max and sum of one block; `holdsNaN` where values were left out. Reused by its owner. */
export interface BlockStats {
  /** Infinity where every value is NaN. */
  min: number
  /** -Infinity where every value is NaN. */
  max: number
  /** In order, in double precision; NaN where it has infinities of both signs. */
  sum: number
  holdsNaN: boolean
}

/**
 * Fills `stats` for a block of at most BLOCK_SAMPLES samples.
 * @param byteOffset of the first sample in `buffer`, a multiple of 8
 * @param count samples, at least 1
 */
export function blockStats(
  type: DataType,
  buffer: ArrayBufferLike,
  byteOffset: number,
  count: number,
  stats: BlockStats,
): void {
  if (type === 'float64') {
    fold(new Float64Array(buffer, byteOffset, count), count, stats)
    return
  }
  if (type === 'timestamp' || type === 'int64') {
    const low = new Uint32Array(buffer, byteOffset, 2 * count)
    const high = new Int32Array(buffer, byteOffset, 2 * count)
    for (let i = 0; i < count; i++) doubles[i] = high[2 * i + 1]! * HIGH_WORD + low[2 * i]!
  } else if (type === 'uint64') {
    const words = new Uint32Array(buffer, byteOffset, 2 * count)
    for (let i = 0; i < count; i++) doubles[i] = words[2 * i + 1]! * HIGH_WORD + words[2 * i]!
  } else {
    // These are exactly the types whose elements are numbers.
    doubles.set(viewArray(type, buffer, byteOffset, count))
  }
  fold(doubles, count, stats)
}

function fold(values: Float64Array, count: number, stats: BlockStats): void {
  let min = Infinity
  let max = -Infinity
  let sum = 0
  for (let i = 0; i < count; i++) {
    const value = values[i]!
    if (value < min) min = value
    if (value > max) max = value
    sum += value
  }
  stats.min = min
  stats.max = max
  stats.sum = sum
  stats.holdsNaN = false
  // Comparisons pass NaN by themselves; only the sum must be taken again, and only then.
  if (Number.isNaN(sum)) sumWithoutNaN(values, count, stats)
}

function sumWithoutNaN(values: Float64Array, count: number, stats: BlockStats): void {
  let sum = 0
  for (let i = 0; i < count; i++) {
    const value = values[i]!
    if (Number.isNaN(value)) stats.holdsNaN = true
    else sum += value
  }
  stats.sum = sum
}

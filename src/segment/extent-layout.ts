// Where everything lies inside an extent: arithmetic only, shared by what writes, reads and verifies.
// All offsets are relative to the extent; extents, tables and columns begin at multiples of 8, so that
// typed views can be laid over them. For the raw codec all of it follows from width, count and kind.
//
//   0              header (extent-header.ts)                                         64
//  64              samples, one contiguous run, little-endian                        count * width
//                  zeroes up to a multiple of 8
//  tableOffset     block table (0002)
//    +0            checksum: CRC-32 of the rest of the extent from +4 on,
//                  seeded with the file, begun for the table's offset                 4
//    +4            blocks                                                             4
//    +8            units                                                              4
//    +12           reserved, zero                                                     4
//    +16           per block: bytes u32, samples u16, codec u8, flags u8              8 * blocks
//    checksumsAt   per unit: CRC-32 of its samples, begun for its offset              4 * units
//                  zeroes up to a multiple of 8
//    columnsAt     index channels: per unit its first timestamp i64                   8 * units
//                                  per block its last timestamp i64                   8 * blocks
//                  data channels:  per block min f64, then per block max, then sum   24 * blocks
//
// A block is 1024 samples (at most 8 KiB, so its limit of 64 KiB never tells for fixed widths), the
// last one what is left; a unit, the least that is read and verified, is 128 samples, likewise.

import { assert } from '../assert.ts'

/** Samples of a block: the vector size of ALP and FastLanes. */
export const BLOCK_SAMPLES = 1024

/** Samples of a unit: what one checksum covers, so that a short read verifies little more than it needs. */
export const UNIT_SAMPLES = 128

export const EXTENT_HEADER_SIZE = 64
export const TABLE_HEADER_SIZE = 16
export const BLOCK_ENTRY_SIZE = 8

/** Samples as they are. Other codecs get numbers of their own. */
export const RAW_CODEC = 0

/** Flag of a block: it holds at least one NaN, which its min, max and sum leave out. */
export const HOLDS_NAN = 1

const MAX_LENGTH = 0xffff_ffff

/** Places and sizes in one extent, in bytes from its start. */
export interface ExtentLayout {
  readonly width: number
  readonly count: number
  readonly units: number
  readonly blocks: number
  readonly tableOffset: number
  readonly checksumsAt: number
  readonly columnsAt: number
  /** Of the whole extent; a multiple of 8, below 2^32. */
  readonly length: number
}

/**
 * The layout of `count` raw samples (at least 1) of `width` bytes, or undefined where an extent cannot
 * hold as many.
 */
export function extentLayout(width: number, count: number, isIndex: boolean): ExtentLayout | undefined {
  assert(count >= 1, 'an extent holds at least one sample')
  const units = Math.ceil(count / UNIT_SAMPLES)
  const blocks = Math.ceil(count / BLOCK_SAMPLES)
  const tableOffset = EXTENT_HEADER_SIZE + roundUp(count * width)
  const checksumsAt = tableOffset + TABLE_HEADER_SIZE + BLOCK_ENTRY_SIZE * blocks
  const columnsAt = checksumsAt + roundUp(4 * units)
  const length = columnsAt + (isIndex ? 8 * units + 8 * blocks : 24 * blocks)
  if (length > MAX_LENGTH) return undefined
  return { width, count, units, blocks, tableOffset, checksumsAt, columnsAt, length }
}

/** The next multiple of 8; not by bit operations, which end at 2^31. */
function roundUp(size: number): number {
  return Math.ceil(size / 8) * 8
}

// Builds an extent whole, in a scratch buffer, for the place in the segment file where it will be
// written: header, samples, block table, all checksums (invariant 4 begins here). Flushes, large
// frames, spills and collections encode with this. No allocation per sample; the cost is a copy, a
// CRC and, for data channels, one pass for min, max and sum (bench/extent.ts).

import { assert } from '../assert.ts'
import { checksum } from '../codec/checksum.ts'
import type { DataType } from '../telem/data-type.ts'
import { byteWidth, typeCode } from '../telem/data-type.ts'
import type { BlockStats } from './block-stats.ts'
import { blockStats } from './block-stats.ts'
import { encodeExtentHeader } from './extent-header.ts'
import type { ExtentOwner } from './extent-header.ts'
import type { ExtentLayout } from './extent-layout.ts'
import {
  BLOCK_ENTRY_SIZE,
  BLOCK_SAMPLES,
  EXTENT_HEADER_SIZE,
  extentLayout,
  HOLDS_NAN,
  RAW_CODEC,
  TABLE_HEADER_SIZE,
  UNIT_SAMPLES,
} from './extent-layout.ts'

/** An extent to be written. Times in nanoseconds since the epoch of Unix. */
export interface NewExtent extends ExtentOwner {
  /** Of the holder that writes it. */
  readonly epoch: number
  /** The newest LSN when it is written. */
  readonly lsn: number
  /** Timestamps of the first and the last sample. */
  readonly firstTime: bigint
  readonly lastTime: bigint
  /** The samples' bytes, little-endian, whole samples a piece: `count` times the width in all. */
  readonly sources: Uint8Array | readonly Uint8Array[]
  /** Samples, at least 1. */
  readonly count: number
}

const stats: BlockStats = { min: 0, max: 0, sum: 0, holdsNaN: false }

/**
 * Bytes of an extent of `count` samples (at least 1), a multiple of 8.
 * @throws AssertionError where it would pass 4 GiB
 */
export function extentSize(type: DataType, count: number, isIndex: boolean): number {
  return layoutOf(type, count, isIndex).length
}

/**
 * Writes a whole extent into `target` at `at`, its checksums those of `fileOffset` in the file of `seed`.
 * @param at a multiple of 8, as is the place of `target` in its buffer; `extentSize` bytes must follow it
 * @param seed of `segmentSeed`
 * @param fileOffset where the extent will begin in the segment file, a multiple of 8
 * @returns the bytes written: `extentSize`
 */
export function encodeExtent(
  target: Uint8Array,
  at: number,
  extent: NewExtent,
  seed: number,
  fileOffset: number,
): number {
  const layout = layoutOf(extent.type, extent.count, extent.isIndex)
  assert((target.byteOffset + at) % 8 === 0 && fileOffset % 8 === 0, 'extents are aligned to 8 bytes')
  assert(at + layout.length <= target.length, 'the extent fits into its buffer')
  assert(!extent.isIndex || extent.type === 'timestamp', 'an index channel holds timestamps')
  encodeExtentHeader(target, at, headerOf(extent, layout), seed, fileOffset)
  copySamples(target, at + EXTENT_HEADER_SIZE, extent.sources, layout)
  target.fill(0, at + EXTENT_HEADER_SIZE + layout.count * layout.width, at + layout.tableOffset)
  encodeTable(target, at, extent, layout, seed, fileOffset)
  return layout.length
}

function layoutOf(type: DataType, count: number, isIndex: boolean): ExtentLayout {
  const layout = extentLayout(byteWidth(type), count, isIndex)
  assert(layout !== undefined, 'an extent is smaller than 4 GiB')
  return layout
}

function headerOf(extent: NewExtent, layout: ExtentLayout): Parameters<typeof encodeExtentHeader>[2] {
  return {
    length: layout.length,
    tableOffset: layout.tableOffset,
    channel: extent.channel,
    typeCode: typeCode(extent.type),
    codec: RAW_CODEC,
    isIndex: extent.isIndex,
    count: extent.count,
    epoch: extent.epoch,
    lsn: extent.lsn,
    firstTime: extent.firstTime,
    lastTime: extent.lastTime,
  }
}

function copySamples(
  target: Uint8Array,
  at: number,
  sources: Uint8Array | readonly Uint8Array[],
  layout: ExtentLayout,
): void {
  let copied = 0
  for (const source of sources instanceof Uint8Array ? [sources] : sources) {
    assert(source.length % layout.width === 0, 'a piece holds whole samples')
    target.set(source, at + copied)
    copied += source.length
  }
  assert(copied === layout.count * layout.width, 'the pieces hold as many samples as were announced')
}

function encodeTable(
  target: Uint8Array,
  at: number,
  extent: NewExtent,
  layout: ExtentLayout,
  seed: number,
  fileOffset: number,
): void {
  const { width, count, units, blocks } = layout
  const start = target.byteOffset + at
  const table = new DataView(target.buffer, start + layout.tableOffset, layout.length - layout.tableOffset)
  table.setUint32(4, blocks, true)
  table.setUint32(8, units, true)
  table.setUint32(12, 0, true)

  for (let block = 0; block < blocks; block++) {
    const samples = Math.min(BLOCK_SAMPLES, count - block * BLOCK_SAMPLES)
    const entry = TABLE_HEADER_SIZE + BLOCK_ENTRY_SIZE * block
    table.setUint32(entry, samples * width, true)
    table.setUint16(entry + 4, samples, true)
    table.setUint8(entry + 6, RAW_CODEC)
    table.setUint8(entry + 7, 0)
  }

  const checksums = new Uint32Array(target.buffer, start + layout.checksumsAt, units)
  const unitSize = UNIT_SAMPLES * width
  const dataEnd = EXTENT_HEADER_SIZE + count * width
  for (let unit = 0; unit < units; unit++) {
    const from = EXTENT_HEADER_SIZE + unit * unitSize
    const bytes = target.subarray(at + from, at + Math.min(from + unitSize, dataEnd))
    checksums[unit] = checksum(bytes, seed, fileOffset + from)
  }
  target.fill(0, at + layout.checksumsAt + 4 * units, at + layout.columnsAt)

  if (extent.isIndex) encodeTimes(target.buffer, start, layout)
  else encodeStats(target.buffer, start, extent.type, layout, table)

  const checked = target.subarray(at + layout.tableOffset + 4, at + layout.length)
  table.setUint32(0, checksum(checked, seed, fileOffset + layout.tableOffset), true)
}

/** First timestamps per unit, last ones per block. */
function encodeTimes(buffer: ArrayBufferLike, start: number, layout: ExtentLayout): void {
  const { count, units, blocks } = layout
  const times = new BigInt64Array(buffer, start + EXTENT_HEADER_SIZE, count)
  const column = new BigInt64Array(buffer, start + layout.columnsAt, units + blocks)
  for (let unit = 0; unit < units; unit++) column[unit] = times[unit * UNIT_SAMPLES]!
  for (let block = 0; block < blocks; block++) {
    column[units + block] = times[Math.min((block + 1) * BLOCK_SAMPLES, count) - 1]!
  }
}

/** Min, max and sum per block. */
function encodeStats(
  buffer: ArrayBufferLike,
  start: number,
  type: DataType,
  layout: ExtentLayout,
  table: DataView,
): void {
  const { width, count, blocks } = layout
  const columns = new Float64Array(buffer, start + layout.columnsAt, 3 * blocks)
  for (let block = 0; block < blocks; block++) {
    const first = block * BLOCK_SAMPLES
    blockStats(
      type,
      buffer,
      start + EXTENT_HEADER_SIZE + first * width,
      Math.min(BLOCK_SAMPLES, count - first),
      stats,
    )
    columns[block] = stats.min
    columns[blocks + block] = stats.max
    columns[2 * blocks + block] = stats.sum
    if (stats.holdsNaN) table.setUint8(TABLE_HEADER_SIZE + BLOCK_ENTRY_SIZE * block + 7, HOLDS_NAN)
  }
}

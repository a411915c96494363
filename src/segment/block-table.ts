// The block table of one extent in memory: what a partial read, a check, a look-up of a time and an
// aggregate need to know of its blocks without reading them. Loaded by the reader (through the cache)
// and by `verify`. Everything on disk is compared with the layout that the pointer's length allows
// before it is allocated or believed.

import { checksum, continueChecksum, startValue } from '../codec/checksum.ts'
import { CorruptionError } from '../errors.ts'
import type { File } from '../fs/file-system.ts'
import type { ExtentHeader, ExtentOwner, ExtentRef } from './extent-header.ts'
import { checkExtentHeader, decodeExtentHeader } from './extent-header.ts'
import type { ExtentLayout } from './extent-layout.ts'
import {
  BLOCK_ENTRY_SIZE,
  BLOCK_SAMPLES,
  EXTENT_HEADER_SIZE,
  HOLDS_NAN,
  RAW_CODEC,
  TABLE_HEADER_SIZE,
} from './extent-layout.ts'
import { readFully, readFullyNow } from './read-fully.ts'

/** An extent up to this size is read whole for its table: one call instead of two. */
const SMALL_EXTENT = 4096

/** Bytes of a long table that are read, and checked, between two turns of the loop. */
const PIECE = 1024 * 1024

/** What the checksum of a table covers begins behind it. */
const CHECKED_FROM = 4

/** What a table costs in memory beside its columns: the objects, roughly. */
const OVERHEAD = 1024

/** A block table. Arrays are shared with the cache: read them, never write. */
export interface BlockTable {
  readonly kind: 'table'
  readonly header: ExtentHeader
  /** Samples of the extent. */
  readonly count: number
  /** Bytes of a sample. */
  readonly width: number
  /** Where the samples begin, in bytes from the start of the extent. */
  readonly dataOffset: number
  /** CRC-32 per unit of 128 samples. */
  readonly unitChecksums: Uint32Array
  readonly firstUnit: 0
  /** Index channels: the first timestamp per unit, the last one per block of 1024 samples; else empty. */
  readonly firstTimes: BigInt64Array
  readonly lastTimes: BigInt64Array
  /** Data channels: per block, NaN left out (see BlockStats), 64-bit integers as doubles; else empty. */
  readonly mins: Float64Array
  readonly maxs: Float64Array
  readonly sums: Float64Array
  /** Data channels: 1 per block that holds a NaN; else empty. */
  readonly holdsNaN: Uint8Array
  /** Memory that it takes. */
  readonly bytes: number
}

/**
 * Reads the header and the block table of an extent: at most two reads, whose sizes the pointer bounds.
 * @param seed of `segmentSeed`
 * @throws CorruptionError where they are damaged or belong to something else; StorageError
 */
export function loadBlockTable(file: File, seed: number, ref: ExtentRef, owner: ExtentOwner): BlockTable {
  const whole = ref.length <= SMALL_EXTENT
  const head = readHead(file, ref, whole ? ref.length : EXTENT_HEADER_SIZE)
  const header = decodeExtentHeader(head, seed, ref.offset, file.path)
  const layout = checkExtentHeader(header, ref, owner, file.path)
  const tableAt = ref.offset + layout.tableOffset
  // A copy even of a small one: it stays in memory, and its columns want alignment.
  const table = new Uint8Array(layout.length - layout.tableOffset)
  if (whole) table.set(head.subarray(layout.tableOffset))
  else readFullyNow(file, table, tableAt)
  const sum = checksum(table.subarray(CHECKED_FROM), seed, tableAt)
  return decodeBlockTable(table, header, layout, sum, tableAt, file.path)
}

/** As `loadBlockTable`, piece by piece: between two of a long table the loop turns. */
export async function loadBlockTableInTurns(
  file: File,
  seed: number,
  ref: ExtentRef,
  owner: ExtentOwner,
): Promise<BlockTable> {
  if (ref.length <= PIECE) return loadBlockTable(file, seed, ref, owner)
  const head = readHead(file, ref, EXTENT_HEADER_SIZE)
  const header = decodeExtentHeader(head, seed, ref.offset, file.path)
  const layout = checkExtentHeader(header, ref, owner, file.path)
  const tableAt = ref.offset + layout.tableOffset
  const table = new Uint8Array(layout.length - layout.tableOffset)
  let sum = startValue(seed, tableAt)
  for (let at = 0; at < table.length; at += PIECE) {
    const piece = table.subarray(at, at + PIECE)
    await readFully(file, piece, tableAt + at)
    sum = continueChecksum(at === 0 ? piece.subarray(CHECKED_FROM) : piece, sum)
  }
  return decodeBlockTable(table, header, layout, sum, tableAt, file.path)
}

function readHead(file: File, ref: ExtentRef, size: number): Uint8Array<ArrayBuffer> {
  if (ref.length < EXTENT_HEADER_SIZE) {
    throw new CorruptionError(file.path, ref.offset, `no extent has ${ref.length} bytes`)
  }
  const head = new Uint8Array(size)
  readFullyNow(file, head, ref.offset)
  return head
}

/**
 * As `loadBlockTable`, of an extent that was read whole.
 * @param bytes the whole extent, from a multiple of 8 of its buffer on; the result's columns are views on it
 * @throws CorruptionError where they are damaged or belong to something else
 */
export function viewBlockTable(
  bytes: Uint8Array<ArrayBuffer>,
  seed: number,
  ref: ExtentRef,
  owner: ExtentOwner,
  path: string,
): BlockTable {
  const header = decodeExtentHeader(bytes, seed, ref.offset, path)
  const layout = checkExtentHeader(header, ref, owner, path)
  const table = bytes.subarray(layout.tableOffset, layout.length)
  const tableAt = ref.offset + layout.tableOffset
  const sum = checksum(table.subarray(CHECKED_FROM), seed, tableAt)
  return decodeBlockTable(table, header, layout, sum, tableAt, path)
}

/**
 * Decodes a table in place: the result's columns are views on `bytes`, which is aligned to 8.
 * @param sum the checksum of these bytes, from CHECKED_FROM on
 */
function decodeBlockTable(
  bytes: Uint8Array<ArrayBuffer>,
  header: ExtentHeader,
  layout: ExtentLayout,
  sum: number,
  fileOffset: number,
  path: string,
): BlockTable {
  const { units, blocks, width, count } = layout
  const { buffer, byteOffset } = bytes
  const words = new Uint32Array(buffer, byteOffset, (TABLE_HEADER_SIZE + BLOCK_ENTRY_SIZE * blocks) / 4)
  if (words[0] !== sum) {
    throw new CorruptionError(path, fileOffset, 'a block table does not match its checksum')
  }
  if (words[1] !== blocks || words[2] !== units) {
    throw new CorruptionError(path, fileOffset, 'a block table has another number of blocks than its extent')
  }
  const holdsNaN = new Uint8Array(header.isIndex ? 0 : blocks)
  for (let block = 0; block < blocks; block++) {
    const word = (TABLE_HEADER_SIZE + BLOCK_ENTRY_SIZE * block) / 4
    const samples = Math.min(BLOCK_SAMPLES, count - block * BLOCK_SAMPLES)
    const entry = words[word + 1]!
    if (words[word] !== samples * width || (entry & 0xff_ffff) !== (samples | (RAW_CODEC << 16))) {
      throw new CorruptionError(path, fileOffset + 4 * word, `block ${block} of an extent has a wrong size`)
    }
    if (!header.isIndex) holdsNaN[block] = (entry >>> 24) & HOLDS_NAN
  }
  const columns = byteOffset + layout.columnsAt - layout.tableOffset
  const times = header.isIndex ? 1 : 0
  const stats = header.isIndex ? 0 : blocks
  return {
    kind: 'table',
    header,
    count,
    width,
    dataOffset: EXTENT_HEADER_SIZE,
    unitChecksums: new Uint32Array(buffer, byteOffset + layout.checksumsAt - layout.tableOffset, units),
    firstUnit: 0,
    firstTimes: new BigInt64Array(buffer, columns, times * units),
    lastTimes: new BigInt64Array(buffer, columns + times * 8 * units, times * blocks),
    mins: new Float64Array(buffer, columns, stats),
    maxs: new Float64Array(buffer, columns + 8 * stats, stats),
    sums: new Float64Array(buffer, columns + 16 * stats, stats),
    holdsNaN,
    bytes: bytes.length + holdsNaN.length + OVERHEAD,
  }
}

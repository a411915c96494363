// The first 64 bytes of an extent: what it is, said by itself, so that a pointer that leads elsewhere
// is met at once and a segment can be understood without its index (repair). The database and the file
// are not spelled out: they are in the seed of its checksum.
//
//   0  magic         4  'RbXt'
//   4  checksum      4  CRC-32 of bytes 8 to 63, seeded with the file, begun for the extent's offset
//   8  length        4  of the whole extent, a multiple of 8
//  12  table offset  4  where the block table begins, relative to the extent
//  16  channel       4  key
//  20  type          1  code of telem/data-type.ts
//  21  codec         1  0 raw
//  22  flags         1  1: an index channel
//  23  reserved      1  zero
//  24  count         4  samples, at least 1
//  28  reserved      4  zero
//  32  epoch         8  of the holder that wrote it
//  40  LSN           8  that was the newest when it was written
//  48  first time    8  timestamp of the first sample
//  56  last time     8  timestamp of the last sample

import { checksum } from '../codec/checksum.ts'
import { CorruptionError } from '../errors.ts'
import type { DataType } from '../telem/data-type.ts'
import { byteWidth, typeCode } from '../telem/data-type.ts'
import type { ExtentLayout } from './extent-layout.ts'
import { EXTENT_HEADER_SIZE, extentLayout, RAW_CODEC } from './extent-layout.ts'

/** Where an extent lies in its segment file, in bytes; every pointer is one. */
export interface ExtentRef {
  /** A multiple of 8. */
  readonly offset: number
  /** Of the whole extent: header, samples, block table. */
  readonly length: number
}

/** Whose samples an extent must hold: one value per channel, made once. */
export interface ExtentOwner {
  /** Key of the channel, 1 to 2^32 - 1. */
  readonly channel: number
  readonly type: DataType
  /** It is an index channel: its type is `timestamp`, its samples increase. */
  readonly isIndex: boolean
}

/** What an extent says of itself. Times in nanoseconds since the epoch of Unix, both of samples. */
export interface ExtentHeader {
  readonly length: number
  readonly tableOffset: number
  readonly channel: number
  readonly typeCode: number
  readonly codec: number
  readonly isIndex: boolean
  readonly count: number
  readonly epoch: number
  readonly lsn: number
  readonly firstTime: bigint
  readonly lastTime: bigint
}

const MAGIC = 0x7458_6252
const CHECKSUM_AT = 4
const CHECKED_FROM = 8
const LENGTH_AT = 8
const TABLE_AT = 12
const CHANNEL_AT = 16
const TYPE_AT = 20
const CODEC_AT = 21
const FLAGS_AT = 22
const COUNT_AT = 24
const EPOCH_AT = 32
const LSN_AT = 40
const FIRST_TIME_AT = 48
const LAST_TIME_AT = 56

const INDEX_FLAG = 1

/** Writes a header at `at` of `target`, complete with its checksum for `fileOffset`. */
export function encodeExtentHeader(
  target: Uint8Array,
  at: number,
  header: ExtentHeader,
  seed: number,
  fileOffset: number,
): void {
  const data = new DataView(target.buffer, target.byteOffset + at, EXTENT_HEADER_SIZE)
  data.setUint32(0, MAGIC, true)
  data.setUint32(LENGTH_AT, header.length, true)
  data.setUint32(TABLE_AT, header.tableOffset, true)
  data.setUint32(CHANNEL_AT, header.channel, true)
  data.setUint8(TYPE_AT, header.typeCode)
  data.setUint8(CODEC_AT, header.codec)
  data.setUint16(FLAGS_AT, header.isIndex ? INDEX_FLAG : 0, true)
  data.setUint32(COUNT_AT, header.count, true)
  data.setUint32(COUNT_AT + 4, 0, true)
  data.setBigUint64(EPOCH_AT, BigInt(header.epoch), true)
  data.setBigUint64(LSN_AT, BigInt(header.lsn), true)
  data.setBigInt64(FIRST_TIME_AT, header.firstTime, true)
  data.setBigInt64(LAST_TIME_AT, header.lastTime, true)
  const checked = target.subarray(at + CHECKED_FROM, at + EXTENT_HEADER_SIZE)
  data.setUint32(CHECKSUM_AT, checksum(checked, seed, fileOffset), true)
}

/**
 * Reads the header of whatever extent begins at `fileOffset`.
 * @param bytes begins with the header; EXTENT_HEADER_SIZE bytes or more
 * @param path of the segment file, for messages
 * @throws CorruptionError where no sound extent of this file begins
 */
export function decodeExtentHeader(
  bytes: Uint8Array,
  seed: number,
  fileOffset: number,
  path: string,
): ExtentHeader {
  const data = new DataView(bytes.buffer, bytes.byteOffset, EXTENT_HEADER_SIZE)
  if (data.getUint32(0, true) !== MAGIC) throw new CorruptionError(path, fileOffset, 'no extent begins here')
  const checked = bytes.subarray(CHECKED_FROM, EXTENT_HEADER_SIZE)
  if (data.getUint32(CHECKSUM_AT, true) !== checksum(checked, seed, fileOffset)) {
    throw new CorruptionError(path, fileOffset, 'the header of an extent does not match its checksum')
  }
  return {
    length: data.getUint32(LENGTH_AT, true),
    tableOffset: data.getUint32(TABLE_AT, true),
    channel: data.getUint32(CHANNEL_AT, true),
    typeCode: data.getUint8(TYPE_AT),
    codec: data.getUint8(CODEC_AT),
    isIndex: (data.getUint8(FLAGS_AT) & INDEX_FLAG) !== 0,
    count: data.getUint32(COUNT_AT, true),
    epoch: Number(data.getBigUint64(EPOCH_AT, true)),
    lsn: Number(data.getBigUint64(LSN_AT, true)),
    firstTime: data.getBigInt64(FIRST_TIME_AT, true),
    lastTime: data.getBigInt64(LAST_TIME_AT, true),
  }
}

/**
 * Checks that a header describes the extent that a pointer expects, and that its sizes agree with each
 * other: nothing is allocated by its counts before this has passed.
 * @returns where everything lies in it
 * @throws CorruptionError where it is another extent
 */
export function checkExtentHeader(
  header: ExtentHeader,
  ref: ExtentRef,
  owner: ExtentOwner,
  path: string,
): ExtentLayout {
  const fail = (at: number, what: string): CorruptionError => new CorruptionError(path, ref.offset + at, what)
  if (header.length !== ref.length) {
    throw fail(LENGTH_AT, `the extent has ${header.length} bytes, its pointer says ${ref.length}`)
  }
  if (header.channel !== owner.channel) {
    throw fail(CHANNEL_AT, `the extent belongs to channel ${header.channel}, not to ${owner.channel}`)
  }
  if (header.typeCode !== typeCode(owner.type) || header.isIndex !== owner.isIndex) {
    throw fail(TYPE_AT, `the extent does not hold samples of type ${owner.type}`)
  }
  if (header.codec !== RAW_CODEC) throw fail(CODEC_AT, `the extent has the unknown codec ${header.codec}`)
  const layout =
    header.count > 0 ? extentLayout(byteWidth(owner.type), header.count, owner.isIndex) : undefined
  if (layout?.length !== header.length || layout.tableOffset !== header.tableOffset) {
    throw fail(COUNT_AT, `${header.count} samples do not make an extent of ${header.length} bytes`)
  }
  return layout
}

// The first 64 bytes of every journal, manifest and segment file: which format, which database, which
// file. Written once, right after the exclusive creation, and checked whenever a file is opened, so
// that files that were renamed, exchanged or brought from elsewhere are met before their contents are.
//
//   0  magic      8  'RbJourn\0' 'RbManif\0' 'RbSegmt\0'
//   8  version    4  FORMAT_VERSION
//  12  kind       4  1 journal, 2 manifest, 3 segment
//  16  database  16  its id
//  32  epoch      8  of the file's name
//  40  number     8  of the file's name: LSN (journal, manifest) or counter (segment)
//  48  reserved  12  zeroes
//  60  checksum   4  CRC-32 of the 60 bytes before it, begun from 0

import { crc32 } from 'node:zlib'
import { assert, present } from '../assert.ts'
import { CorruptionError, UnsupportedVersionError } from '../errors.ts'
import { DATABASE_ID_SIZE } from './checksum.ts'

/** The newest format that this library writes and reads. */
export const FORMAT_VERSION = 0

/** Bytes of a file's header; what follows begins here. */
export const HEADER_SIZE = 64

export const JOURNAL_KIND = 1
export const MANIFEST_KIND = 2
export const SEGMENT_KIND = 3

/** Which of the three kinds of file. */
export type FileKind = typeof JOURNAL_KIND | typeof MANIFEST_KIND | typeof SEGMENT_KIND

/** What a file says of itself. `epoch` and `number` are those of its name. */
export interface FileHeader {
  readonly kind: FileKind
  /** 16 bytes. */
  readonly databaseId: Uint8Array
  readonly epoch: number
  readonly number: number
}

/** What the opener knows of the file; `databaseId` is left out by who has yet to learn it. */
export interface ExpectedFileHeader {
  readonly kind: FileKind
  readonly databaseId?: Uint8Array
  readonly epoch: number
  readonly number: number
}

const KIND_NAMES: Record<FileKind, string> = {
  [JOURNAL_KIND]: 'journal',
  [MANIFEST_KIND]: 'manifest',
  [SEGMENT_KIND]: 'segment',
}

const MAGICS: Record<FileKind, Uint8Array> = {
  [JOURNAL_KIND]: new TextEncoder().encode('RbJourn\0'),
  [MANIFEST_KIND]: new TextEncoder().encode('RbManif\0'),
  [SEGMENT_KIND]: new TextEncoder().encode('RbSegmt\0'),
}

const MAGIC_SIZE = 8
const VERSION_AT = 8
const KIND_AT = 12
const DATABASE_AT = 16
const EPOCH_AT = 32
const NUMBER_AT = 40
const CHECKSUM_AT = 60

/** The header of a new file: HEADER_SIZE fresh bytes. */
export function encodeFileHeader(header: FileHeader): Uint8Array<ArrayBuffer> {
  assert(header.databaseId.length === DATABASE_ID_SIZE, 'a database id has 16 bytes')
  const bytes = new Uint8Array(HEADER_SIZE)
  const data = new DataView(bytes.buffer)
  bytes.set(MAGICS[header.kind])
  data.setUint32(VERSION_AT, FORMAT_VERSION, true)
  data.setUint32(KIND_AT, header.kind, true)
  bytes.set(header.databaseId, DATABASE_AT)
  data.setBigUint64(EPOCH_AT, BigInt(header.epoch), true)
  data.setBigUint64(NUMBER_AT, BigInt(header.number), true)
  data.setUint32(CHECKSUM_AT, crc32(bytes.subarray(0, CHECKSUM_AT)), true)
  return bytes
}

/** Whether a header's checksum holds, whatever the header says. */
export function isHeaderWhole(bytes: Uint8Array): boolean {
  if (bytes.length < HEADER_SIZE) return false
  const data = new DataView(bytes.buffer, bytes.byteOffset, HEADER_SIZE)
  return data.getUint32(CHECKSUM_AT, true) === crc32(bytes.subarray(0, CHECKSUM_AT))
}

/**
 * Checks the first bytes of the file at `path` against what its opener expects.
 *
 * A newer format is told before the checksum is looked at, since a newer library may have changed that too;
 * unless the checksum holds once the version is this library's own: then that field is what was damaged.
 * @param bytes the file's first bytes, HEADER_SIZE of them or what there is
 * @returns the header, with a copy of the database id
 * @throws CorruptionError where it is short, damaged, or belongs to another file or database
 * @throws UnsupportedVersionError where a newer library wrote it
 */
export function decodeFileHeader(bytes: Uint8Array, path: string, expected: ExpectedFileHeader): FileHeader {
  const kindName = KIND_NAMES[expected.kind]
  if (bytes.length < HEADER_SIZE) {
    throw new CorruptionError(path, bytes.length, `the file ends within the header of a ${kindName}`)
  }
  const data = new DataView(bytes.buffer, bytes.byteOffset, HEADER_SIZE)
  const magic = MAGICS[expected.kind]
  for (let i = 0; i < MAGIC_SIZE; i++) {
    if (bytes[i] !== present(magic[i], 'a magic has 8 bytes')) {
      throw new CorruptionError(path, i, `the file does not begin like a ${kindName}`)
    }
  }
  const version = data.getUint32(VERSION_AT, true)
  if (version > FORMAT_VERSION) {
    if (isVersionDamaged(bytes))
      throw new CorruptionError(path, VERSION_AT, `the version in the header of the ${kindName} is damaged`)
    throw new UnsupportedVersionError(path, version, FORMAT_VERSION)
  }
  if (data.getUint32(CHECKSUM_AT, true) !== crc32(bytes.subarray(0, CHECKSUM_AT))) {
    throw new CorruptionError(path, CHECKSUM_AT, `the header of the ${kindName} does not match its checksum`)
  }
  if (data.getUint32(KIND_AT, true) !== expected.kind) {
    throw new CorruptionError(path, KIND_AT, `the file says that it is no ${kindName}`)
  }
  const databaseId = new Uint8Array(bytes.subarray(DATABASE_AT, DATABASE_AT + DATABASE_ID_SIZE))
  if (expected.databaseId !== undefined && !equal(databaseId, expected.databaseId)) {
    throw new CorruptionError(path, DATABASE_AT, `the ${kindName} belongs to another database`)
  }
  if (data.getBigUint64(EPOCH_AT, true) !== BigInt(expected.epoch)) {
    throw new CorruptionError(path, EPOCH_AT, `the ${kindName} says another epoch than its name`)
  }
  if (data.getBigUint64(NUMBER_AT, true) !== BigInt(expected.number)) {
    throw new CorruptionError(path, NUMBER_AT, `the ${kindName} says another number than its name`)
  }
  return { kind: expected.kind, databaseId, epoch: expected.epoch, number: expected.number }
}

/**
 * Whether a header that does not match its checksum would, if it had the version that this library writes.
 */
function isVersionDamaged(bytes: Uint8Array): boolean {
  if (isHeaderWhole(bytes)) return false
  const mended = bytes.slice(0, HEADER_SIZE)
  new DataView(mended.buffer).setUint32(VERSION_AT, FORMAT_VERSION, true)
  return isHeaderWhole(mended)
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

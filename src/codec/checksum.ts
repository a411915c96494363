// CRC-32 (the one of zlib, IEEE 802.3), begun from a value that depends on the database, the file and
// the offset in it. A CRC begun from another value differs for the same bytes, always: so sound bytes
// in the wrong place, file or database fail like damaged ones (0002). Every record, block and table
// on disk is checked with this.

import { crc32 } from 'node:zlib'
import { assert } from '../assert.ts'

/** Bytes of a database's id. */
export const DATABASE_ID_SIZE = 16

/**
 * The seed of all checksums in one file.
 * @param databaseId 16 bytes
 * @param kind one of the kinds in `file-header.ts`
 * @param epoch of the file's name, a safe integer from 0
 * @param number of the file's name (an LSN or a counter), a safe integer from 0
 * @returns 0 to 2^32 - 1
 */
export function fileSeed(databaseId: Uint8Array, kind: number, epoch: number, number: number): number {
  assert(databaseId.length === DATABASE_ID_SIZE, 'a database id has 16 bytes')
  const bytes = new Uint8Array(DATABASE_ID_SIZE + 20)
  bytes.set(databaseId)
  const data = new DataView(bytes.buffer, DATABASE_ID_SIZE)
  data.setUint32(0, kind, true)
  data.setBigUint64(4, BigInt(epoch), true)
  data.setBigUint64(12, BigInt(number), true)
  return crc32(bytes)
}

/**
 * The checksum of `bytes` as they lie at `offset` of the file that `seed` belongs to.
 * @param seed of `fileSeed`
 * @param offset in bytes from the start of the file, a safe integer from 0
 * @returns 0 to 2^32 - 1
 */
export function checksum(bytes: Uint8Array, seed: number, offset: number): number {
  return crc32(bytes, startValue(seed, offset))
}

/**
 * The checksum of bytes that came in pieces: of one more piece, behind those of which it was `before` (at
 * first `startValue`).
 */
export function continueChecksum(piece: Uint8Array, before: number): number {
  return crc32(piece, before)
}

/** What the checksum of bytes at `offset` starts from: another for every offset below 2^32 of a file. */
export function startValue(seed: number, offset: number): number {
  const high = Math.floor(offset / 0x1_0000_0000)
  return scramble(offset ^ scramble(seed ^ high)) >>> 0
}

/** The 32-bit finalizer of MurmurHash3 (Austin Appleby, public domain): one to one. */
function scramble(value: number): number {
  let mixed = value
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}

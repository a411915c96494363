// Framing shared by the logs: journal and manifest are sequences of frames behind a file header. A
// frame is believed only when its checksum, seeded with the file and its place in it, holds.
//
//   offset size
//   0      4    CRC-32 of bytes 4 .. length, seeded with the file's seed and the frame's offset
//   4      4    length of the whole frame in bytes, a multiple of 8
//   8      4    kind (journal: RecordKind, manifest: ManifestFrame)
//   12     4    payload length in bytes
//   16     n    payload, then one to eight zeroes up to length
//
// The last byte is a zero, so that no frame ends like fill (fill.ts), however its payload does.
// Frames begin at multiples of 8, which is what lets `findFrame` find sound ones behind damage.

import { assert } from '../assert.ts'
import { checksum, continueChecksum, startValue } from '../codec/checksum.ts'

export const FRAME_HEADER = 16

/** The largest frame that is believed; more is damage. Writers stay far below (large runs go to segments). */
export const MAX_FRAME: number = 2 ** 30

/** Bytes of a frame around a payload of `length` bytes. */
export function frameSize(length: number): number {
  return (FRAME_HEADER + length + 8) & ~7
}

/**
 * Completes a frame in place: `bytes[at + 16 ...]` holds the payload already, with `frameSize(payload) - 16 -
 * payload` bytes of room behind it. Returns the frame's length. `fileOffset` is where in the file the frame
 * will begin.
 */
export function sealFrame(
  bytes: Uint8Array,
  at: number,
  kind: number,
  payload: number,
  seed: number,
  fileOffset: number,
): number {
  const length = frameSize(payload)
  for (let i = at + FRAME_HEADER + payload; i < at + length; i++) bytes[i] = 0
  putHeader(bytes, at, kind, payload)
  putU32(bytes, at, checksum(bytes.subarray(at + 4, at + length), seed, fileOffset))
  return length
}

/**
 * Completes a frame whose bytes lie in several places, as `sealFrame` does one that lies in one.
 * @param pieces one behind the other the whole frame, its last zeroes too; the first begins with room for the
 * header
 */
export function sealPieces(
  pieces: readonly Uint8Array[],
  kind: number,
  payload: number,
  seed: number,
  fileOffset: number,
): number {
  const [first, ...others] = pieces
  assert(first !== undefined && first.length >= FRAME_HEADER, 'the header lies in one piece')
  putHeader(first, 0, kind, payload)
  let sum = continueChecksum(first.subarray(4), startValue(seed, fileOffset))
  for (const piece of others) sum = continueChecksum(piece, sum)
  putU32(first, 0, sum)
  return frameSize(payload)
}

/** All of it but the checksum. */
function putHeader(bytes: Uint8Array, at: number, kind: number, payload: number): void {
  putU32(bytes, at + 4, frameSize(payload))
  putU32(bytes, at + 8, kind)
  putU32(bytes, at + 12, payload)
}

function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}

function getU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}

/** A frame that is sound. */
export interface Frame {
  readonly offset: number
  readonly length: number
  readonly kind: number
  readonly payload: Uint8Array
}

/**
 * Why there is no sound frame at an offset: `short`: the bytes end before it does; `damaged`: they are wrong.
 */
export type FrameFault = 'end' | 'short' | 'damaged'

/**
 * The frame at `offset` of `bytes`, or why there is none.
 * @param fileOffset where in its file the frame begins, where `bytes` are not the file from its start
 */
export function readFrame(
  bytes: Uint8Array,
  offset: number,
  seed: number,
  fileOffset: number = offset,
): Frame | FrameFault {
  const length = soundLength(bytes, offset, seed, fileOffset)
  return typeof length === 'string' ? length : frameAt(bytes, offset)
}

/** Bytes of the frame at `offset`, as `readFrame` finds it sound; or why there is none. */
export function soundLength(
  bytes: Uint8Array,
  offset: number,
  seed: number,
  fileOffset: number,
): number | FrameFault {
  const left = bytes.length - offset
  if (left <= 0) return 'end'
  if (left < FRAME_HEADER) return 'short'
  const length = getU32(bytes, offset + 4)
  const payload = getU32(bytes, offset + 12)
  if (length < FRAME_HEADER || length > MAX_FRAME || frameSize(payload) !== length) return 'damaged'
  if (length > left) return 'short'
  const sum = checksum(bytes.subarray(offset + 4, offset + length), seed, fileOffset)
  return sum === getU32(bytes, offset) ? length : 'damaged'
}

/** The frame at `offset`, which was found sound. */
export function frameAt(bytes: Uint8Array, offset: number): Frame {
  const payload = getU32(bytes, offset + 12)
  return {
    offset,
    length: getU32(bytes, offset + 4),
    kind: getU32(bytes, offset + 8),
    payload: bytes.subarray(offset + FRAME_HEADER, offset + FRAME_HEADER + payload),
  }
}

/**
 * The first sound frame that begins after `offset`, wherever damage ends; undefined where none follows.
 * @param fileOffset where in their file the bytes begin
 */
export function findFrame(
  bytes: Uint8Array,
  offset: number,
  seed: number,
  fileOffset: number = 0,
): Frame | undefined {
  for (let at = (offset + 8) & ~7; at + FRAME_HEADER <= bytes.length; at += 8) {
    const frame = readFrame(bytes, at, seed, fileOffset + at)
    if (typeof frame === 'object') return frame
  }
  return undefined
}

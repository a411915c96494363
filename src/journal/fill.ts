// Fill: what a journal file may have ahead of its last record, so that the next ones overwrite bytes that
// the disk knows already, which makes their syncs cheap (0005). It says nothing: at the end of a file it is
// read as if the file ended before it (0002). Written by journal.ts where somebody waits for strict
// commits; taken off by whoever reads a journal file.

import { HEADER_SIZE } from '../codec/file-header.ts'

/** Not a zero, as lost bytes are, nor 255, as of erased memory; four of them are no length of a frame. */
export const FILL = 0xa5

/** Fill is written anew when less than this share of it lies ahead. */
const LOW_SHARE = 1 / 8

/**
 * Which bytes of a file to fill now; undefined where enough lies ahead.
 * @param end where the last record ends
 * @param filled where the fill ends that is there; `end` or less where there is none
 * @param size bytes that should lie ahead
 * @param limit where it ends at the latest
 */
export function planFill(
  end: number,
  filled: number,
  size: number,
  limit: number,
): { readonly from: number; readonly to: number } | undefined {
  if (filled - end >= size * LOW_SHARE) return undefined
  const from = Math.max(end, filled)
  const to = Math.min(end + size, limit)
  return from < to ? { from, to } : undefined
}

let bytes: Uint8Array = new Uint8Array(0)

/** Fill of that many bytes; they must not be changed. */
export function fillOf(length: number): Uint8Array {
  if (bytes.length < length) bytes = new Uint8Array(length).fill(FILL)
  return bytes.subarray(0, length)
}

/**
 * A journal file without the fill at its end: the file itself where it has none. A frame's last byte is never
 * one of it.
 * @param least bytes that are no fill in any case: of the header, or of what else the bytes begin with
 */
export function withoutFill(file: Uint8Array, least: number = HEADER_SIZE): Uint8Array {
  let { length } = file
  while (length > least && file[length - 1] === FILL) length--
  return length === file.length ? file : file.subarray(0, length)
}

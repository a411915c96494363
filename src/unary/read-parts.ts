// Fills one array per channel from its parts. Rows of strips are copied at once, in the step that
// planned them, since their pages may be given back afterwards; extents are read straight into the
// array, verified, in the same step while they are few and off the event loop when they are many.

import { byteWidth, createArray } from '../telem/data-type.ts'
import type { NumericArray } from '../telem/data-type.ts'
import type { ChannelRef, ExtentPart, Part, RowsPart } from './channel-view.ts'
import { countOf } from './channel-view.ts'
import type { SegmentSource } from './time-search.ts'

/** Up to this many bytes are read in one step: 64 KB reads cost 6 us each, a thread-pool trip 37. */
export const READ_NOW_LIMIT: number = 256 * 1024

/** What reading an extent costs at least, as bytes of such a read: its table, and a read of its own. */
const EXTENT_COST = 8 * 1024

/** A channel's array, with what is still to be read into it. */
export interface Filling {
  readonly channel: ChannelRef
  readonly data: NumericArray
  readonly parts: readonly Part[]
  /** Position of each in `data`. */
  readonly extents: readonly { readonly part: ExtentPart; readonly at: number }[]
  /** What reading `extents` costs, in bytes: more than they hold where they are short. */
  readonly size: number
}

/** More than this is only allocated where the files are as long as what they are to be filled from. */
export const CHECKED_ABOVE: number = 4 * 1024 * 1024

/**
 * Allocates the array and copies what lies in memory.
 * @throws CorruptionError where extents of a large read cannot be in their files; StorageError
 */
export function beginFilling(channel: ChannelRef, parts: readonly Part[], segments: SegmentSource): Filling {
  const count = countOf(parts)
  if (count * byteWidth(channel.type) > CHECKED_ABOVE) checkRoom(channel, parts, segments)
  const data = createArray(channel.type, count)
  const extents: { part: ExtentPart; at: number }[] = []
  let at = 0
  let size = 0
  for (const part of parts) {
    if (part.kind === 'rows') copyRows(part, data, at)
    else {
      extents.push({ part, at })
      size += costOfExtent(part, data)
    }
    at += part.count
  }
  return { channel, data, parts, extents, size }
}

/** Copies rows that lie in memory to position `at`. */
export function copyRows({ strip, ordinal, from, count }: RowsPart, data: NumericArray, at: number): void {
  const width = data.BYTES_PER_ELEMENT
  const begin = strip.offsets[ordinal]! + from * width
  const bytes = new Uint8Array(data.buffer, data.byteOffset + at * width, count * width)
  bytes.set(strip.page.bytes.subarray(begin, begin + count * width))
}

/** What reading a part costs, in bytes of a large read. */
export function costOfExtent({ count }: ExtentPart, data: NumericArray): number {
  return Math.max(count * data.BYTES_PER_ELEMENT, EXTENT_COST)
}

function checkRoom({ owner }: ChannelRef, parts: readonly Part[], segments: SegmentSource): void {
  for (const part of parts)
    if (part.kind === 'extent')
      segments.reader(part.pointer.segment).checkRoom(part.pointer, owner, part.count)
}

/** Reads what is missing, at once. @throws CorruptionError, StorageError */
export function fillNow(filling: Filling, segments: SegmentSource): void {
  const { data, channel } = filling
  const width = data.BYTES_PER_ELEMENT
  for (const { part, at } of filling.extents) {
    const target = new Uint8Array(data.buffer, data.byteOffset + at * width, part.count * width)
    segments
      .reader(part.pointer.segment)
      .readSamplesNow(part.pointer, channel.owner, part.pointer.skip + part.from, part.count, target)
  }
}

/** As `fillNow`, off the event loop where there is much. */
export async function fill(
  filling: Filling,
  segments: SegmentSource,
  turn: () => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const { data, channel } = filling
  const width = data.BYTES_PER_ELEMENT
  let since = 0
  for (const { part, at } of filling.extents) {
    const target = new Uint8Array(data.buffer, data.byteOffset + at * width, part.count * width)
    const reader = segments.reader(part.pointer.segment)
    await reader.readSamples(part.pointer, channel.owner, part.pointer.skip + part.from, part.count, target)
    since += Math.max(target.length, EXTENT_COST)
    if (since < READ_NOW_LIMIT) continue
    since = 0
    signal?.throwIfAborted()
    await turn()
  }
}

// Fills one array per channel from its parts. Rows of strips are copied at once, in the step that
// planned them, since their pages may be given back afterwards; extents are read straight into the
// array, verified, in the same step while they are few and in slices when they are many.

import { READ_AT_ONCE } from '../segment/segment-reader.ts'
import { byteWidth, createArray } from '../telem/data-type.ts'
import type { NumericArray } from '../telem/data-type.ts'
import type { TimeRange } from '../telem/time-range.ts'
import type { ChannelRef, GroupView, Part, RowsPart } from './channel-view.ts'
import { countOf } from './sample-count.ts'
import { PartList } from './laid-parts.ts'
import type { LaidParts } from './laid-parts.ts'
import type { SegmentSource } from './time-search.ts'

/** Up to this many bytes are read in one step: 64 KB reads cost 6 us each, a thread-pool trip 37. */
export const READ_NOW_LIMIT: number = 256 * 1024

/** What reading an extent costs at least, as bytes of such a read: its table, and a read of its own. */
const EXTENT_COST = 8 * 1024

/** A channel's array, with what is still to be read into it. */
export interface Filling {
  readonly channel: ChannelRef
  readonly data: NumericArray
  /** What it is filled from, one behind the other. */
  readonly parts: LaidParts
  /** What reading those that lie in segments costs, in bytes: more than they hold where they are short. */
  readonly size: number
}

/** How whoever reads much lets the loop turn. */
export interface LoopTurns {
  /** Something to wait for where the loop should turn first. */
  due(): Promise<void> | undefined
  /** Resolves after it has. */
  next(): Promise<void>
}

/** More than this is only allocated where the files are as long as what they are to be filled from. */
export const CHECKED_ABOVE: number = 4 * 1024 * 1024

/**
 * What planning a read of a channel costs: pointers in the range, and rows that must be copied, 4 KiB to one
 * of them.
 */
export function costOf(view: GroupView, { key, index }: ChannelRef, { start, end }: TimeRange): number {
  const table = view.pointers.get(key)
  if (start >= end) return view.tail.length
  let cost = table.startBound(end) - table.lowerBound(start)
  for (const tail of view.tail) {
    cost += 1
    if (tail.kind === 'strip') cost += (tail.to - tail.from) / 512
    else {
      const list = tail.pointers.get(index.key)
      if (list !== undefined) cost += list.startBound(end) - list.lowerBound(start)
    }
  }
  return cost
}

/**
 * Allocates the array and copies what lies in memory.
 * @throws CorruptionError where extents of a large read cannot be in their files; StorageError
 */
export function beginFilling(channel: ChannelRef, parts: readonly Part[], segments: SegmentSource): Filling {
  const count = countOf(parts)
  if (count * byteWidth(channel.type) > CHECKED_ABOVE)
    for (const part of parts) checkRoom(channel, part, segments)
  const data = createArray(channel.type, count)
  let at = 0
  let size = 0
  for (const part of parts) {
    size += lay(part, data, at)
    at += part.count
  }
  return { channel, data, parts: new PartList(parts), size }
}

/** Copies a part that lies in memory to position `at`; what reading one that does not will cost. */
export function lay(part: Part, data: NumericArray, at: number): number {
  if (part.kind === 'rows') {
    copyRows(part, data, at)
    return 0
  }
  return Math.max(part.count * data.BYTES_PER_ELEMENT, EXTENT_COST)
}

function copyRows({ strip, ordinal, from, count }: RowsPart, data: NumericArray, at: number): void {
  const width = data.BYTES_PER_ELEMENT
  const begin = strip.offsets[ordinal]! + from * width
  const bytes = new Uint8Array(data.buffer, data.byteOffset + at * width, count * width)
  bytes.set(strip.page.bytes.subarray(begin, begin + count * width))
}

/** Looks whether a part can be in its file. @throws CorruptionError where it cannot; StorageError */
export function checkRoom({ owner }: ChannelRef, part: Part, segments: SegmentSource): void {
  if (part.kind === 'extent') segments.reader(part.pointer.segment).checkRoom(part.pointer, owner, part.count)
}

/** Reads what is missing, at once. @throws CorruptionError, StorageError */
export function fillNow({ data, channel, parts, size }: Filling, segments: SegmentSource): void {
  if (size === 0) return
  const width = data.BYTES_PER_ELEMENT
  const { length } = parts
  for (let i = 0, at = 0; i < length; i++) {
    const count = parts.countAt(i)
    const extent = parts.extentAt(i)
    if (extent !== undefined) {
      const target = new Uint8Array(data.buffer, data.byteOffset + at * width, count * width)
      segments.reader(extent.segment).readSamplesNow(extent, channel.owner, extent.skip, count, target)
    }
    at += count
  }
}

/**
 * From so many extents on none goes to the cache of block tables, which would hold them all only to let them
 * go.
 */
const FLEETING_ABOVE = 4096

/** As `fillNow`, of many channels and in slices: large reads off the event loop, which turns in between. */
export async function fillInTurns(
  fillings: readonly Filling[],
  segments: SegmentSource,
  turns: LoopTurns,
  signal?: AbortSignal,
): Promise<void> {
  const isFleeting = fillings.reduce((sum, { parts }) => sum + parts.length, 0) > FLEETING_ABOVE
  let since = 0
  for (const { data, channel, parts, size } of fillings) {
    if (size === 0) continue
    const { owner } = channel
    const width = data.BYTES_PER_ELEMENT
    const { length } = parts
    for (let i = 0, at = 0; i < length; i++) {
      const count = parts.countAt(i)
      const begin = data.byteOffset + at * width
      at += count
      const extent = parts.extentAt(i)
      if (extent === undefined) continue
      const target = new Uint8Array(data.buffer, begin, count * width)
      const reader = segments.reader(extent.segment)
      if (target.length > READ_AT_ONCE) await reader.readSamples(extent, owner, extent.skip, count, target)
      else if (isFleeting) reader.readOnceNow(extent, owner, extent.skip, count, target)
      else reader.readSamplesNow(extent, owner, extent.skip, count, target)
      since += Math.max(target.length, EXTENT_COST)
      const turn = since < READ_NOW_LIMIT ? turns.due() : turns.next()
      if (turn === undefined) continue
      since = 0
      await turn
      signal?.throwIfAborted()
    }
  }
}

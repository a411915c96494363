// One channel at one instant, as parts: pieces of extents and of strips, in time order, cut to what is
// asked for. Planning is synchronous and touches at most a unit of timestamps per cut end; nothing here
// reads samples (see read-parts.ts). The instant is whatever version and tails the caller holds.

import { lowerBound } from '../binary-search.ts'
import type { PointerList } from '../domain/pointer-list.ts'
import { visibleRows } from '../domain/tail.ts'
import type { Strip, TailView } from '../domain/tail.ts'
import type { ExtentOwner } from '../segment/extent-header.ts'
import type { Channel } from '../telem/channel.ts'
import type { DataType } from '../telem/data-type.ts'
import { END_OF_TIME } from '../telem/timestamp.ts'
import type { Pointer } from '../version/pointer.ts'
import type { PointerTables } from '../version/pointer-tables.ts'
import { groupOf } from '../version/version.ts'
import type { Catalogue } from '../version/version.ts'
import { cutPointer, rankOf, timeOfRank } from './time-search.ts'
import type { IndexSource, SegmentSource } from './time-search.ts'

/** What a read must know of a channel. */
export interface ChannelRef {
  readonly key: number
  readonly name: string
  readonly type: DataType
  readonly owner: ExtentOwner
  /** Its index channel's; an index channel is its own. */
  readonly index: { readonly key: number; readonly owner: ExtentOwner }
}

/** What a read must know of a channel of the catalogue. */
export function channelRefOf(catalogue: Catalogue, channel: Channel): ChannelRef {
  const groupKey = groupOf(catalogue, channel)
  const owner = { channel: channel.key, type: channel.type, isIndex: channel.kind === 'index' }
  const indexOwner = { channel: groupKey, type: 'timestamp', isIndex: true } as const
  return {
    key: channel.key,
    name: channel.name,
    type: channel.type,
    owner,
    index: { key: groupKey, owner: indexOwner },
  }
}

/** One group at one instant. */
export interface GroupView {
  readonly pointers: PointerTables
  readonly tail: readonly TailView[]
  readonly segments: SegmentSource
}

interface Place {
  /** Timestamp of the first sample; the last one's + 1 ns. */
  readonly start: bigint
  readonly end: bigint
  readonly count: number
  /** It goes on with the domain of the part before it. */
  readonly joined: boolean
}

/** Samples [from, from + count) of what a pointer reaches. */
export interface ExtentPart extends Place {
  readonly kind: 'extent'
  readonly pointer: Pointer
  readonly from: number
  readonly index: IndexSource
}

/** Rows [from, from + count) of a strip. */
export interface RowsPart extends Place {
  readonly kind: 'rows'
  readonly strip: Strip
  readonly ordinal: number
  readonly from: number
}

export type Part = ExtentPart | RowsPart

/** Pointers of one channel with those that time them. */
export interface TimedList {
  readonly list: PointerList
  readonly index: IndexSource
}

/**
 * All samples of a channel with `start <= time < end`, in time order.
 * @throws CorruptionError, StorageError
 */
export function partsIn(view: GroupView, channel: ChannelRef, start: bigint, end: bigint): Part[] {
  const parts: Part[] = []
  if (start >= end) return parts
  const lists = listsOf(view, channel)
  addParts(parts, lists[0]!, start, end)
  const flushed = parts.length
  for (let i = 1; i < lists.length; i++) addParts(parts, lists[i]!, start, end)
  for (const rows of rowsIn(view, channel, start, end)) parts.push(rows)
  return parts.length === flushed ? parts : parts.sort(byStart)
}

/**
 * As `partsIn`, one by one: pointers that nobody asks for are not looked at. What lies in memory is that of
 * the first step. @throws CorruptionError, StorageError
 */
export function* partsFrom(
  view: GroupView,
  channel: ChannelRef,
  start: bigint,
  end: bigint = END_OF_TIME,
): Generator<Part, void, void> {
  const { lists, others } = longestOf(view, channel, start, end)
  const parts = [...rowsIn(view, channel, start, end), ...others].sort(byStart)
  const sources = lists.map((timed) => partsOf(timed, start, end))
  const heads = [parts[Symbol.iterator](), ...sources].flatMap((source) => {
    const { value } = source.next()
    return value === undefined ? [] : [{ source, part: value }]
  })
  while (heads.length > 0) {
    let first = heads[0]!
    for (const head of heads) if (head.part.start < first.part.start) first = head
    yield first.part
    const { value } = first.source.next()
    if (value === undefined) heads.splice(heads.indexOf(first), 1)
    else first.part = value
  }
}

/** So many lists of pointers are gone through side by side. */
const FEW_LISTS = 4

/**
 * The longest few lists of a channel's pointers, and the parts of the others in [start, end): those are of
 * short runs.
 */
export function longestOf(
  view: GroupView,
  channel: ChannelRef,
  start: bigint,
  end: bigint,
): { readonly lists: readonly TimedList[]; readonly others: readonly Part[] } {
  const lists = listsOf(view, channel)
  if (lists.length <= FEW_LISTS) return { lists, others: [] }
  lists.sort((a, b) => b.list.length - a.list.length)
  const others: Part[] = []
  for (const timed of lists.splice(FEW_LISTS)) addParts(others, timed, start, end)
  return { lists, others }
}

/** The lists of a channel's pointers: the table, and those that tails name. */
export function listsOf({ pointers, tail, segments }: GroupView, { key, index }: ChannelRef): TimedList[] {
  const { owner } = index
  const table: PointerList = pointers.get(key)
  const lists = [{ list: table, index: { list: pointers.get(index.key) as PointerList, owner, segments } }]
  for (const some of tail) {
    if (some.kind === 'strip') continue
    const list = some.pointers.get(key)
    const times = some.pointers.get(index.key)
    if (list === undefined || times === undefined) continue
    lists.push({ list, index: { list: times, owner, segments } })
  }
  return lists
}

/**
 * Where the first of the pointers ends that begin before a time and end behind it; undefined where none does.
 */
export function endAround(view: GroupView, channel: ChannelRef, time: bigint): bigint | undefined {
  let first: bigint | undefined
  for (const { list } of listsOf(view, channel)) {
    const p = list.lowerBound(time)
    if (p === list.length || list.startAt(p) >= time) continue
    const end = list.endAt(p)
    if (end > time && (first === undefined || end < first)) first = end
  }
  return first
}

/** Timestamp of a part's sample. */
export function timeInPart(part: Part, position: number): bigint {
  if (position === 0) return part.start
  if (position === part.count - 1) return part.end - 1n
  if (part.kind === 'rows') return part.strip.times[part.from + position]!
  const base = rankOf(part.index, part.start, false).rank
  return timeOfRank(part.index, base + position)
}

/** For sorting. */
export function byStart(a: { readonly start: bigint }, b: { readonly start: bigint }): number {
  return a.start < b.start ? -1 : a.start > b.start ? 1 : 0
}

function* partsOf(
  { list, index }: TimedList,
  start: bigint,
  end: bigint,
): Generator<ExtentPart, undefined, void> {
  for (let p = list.lowerBound(start); p < list.length && list.startAt(p) < end; p++) {
    const part = cutToPart(list.get(p), index, start, end)
    if (part !== undefined) yield part
  }
}

/** The same, all at once: a short read takes half the time, a long one two thirds. */
function addParts(parts: Part[], { list, index }: TimedList, start: bigint, end: bigint): void {
  const { length } = list
  for (let p = list.lowerBound(start); p < length && list.startAt(p) < end; p++) {
    const part = cutToPart(list.get(p), index, start, end)
    if (part !== undefined) parts.push(part)
  }
}

/** What of a pointer lies in [start, end). @throws CorruptionError, StorageError */
export function cutToPart(
  pointer: Pointer,
  index: IndexSource,
  start: bigint,
  end: bigint,
): ExtentPart | undefined {
  const cut = cutPointer(index, pointer, start, end, true)
  if (cut.from >= cut.to) return undefined
  return {
    kind: 'extent',
    pointer,
    index,
    from: cut.from,
    count: cut.to - cut.from,
    start: cut.first,
    end: cut.last,
    joined: pointer.joined && cut.from === 0,
  }
}

/** What of a tail lies in memory, in the order of its strips. */
export function rowsIn(view: GroupView, { key }: ChannelRef, start: bigint, end: bigint): RowsPart[] {
  const parts: RowsPart[] = []
  for (const tail of view.tail) {
    if (tail.kind !== 'strip') continue
    const { strip } = tail
    const ordinal = strip.shape.ordinals.get(key)
    if (ordinal === undefined || tail.from === tail.to) continue
    const { times } = strip
    if (times[tail.from]! >= end || times[tail.to - 1]! < start) continue
    for (const rows of visibleRows(tail, key)) {
      const from = lowerBound(times, start, rows.from, rows.to)
      const to = lowerBound(times, end, from, rows.to)
      if (from === to) continue
      parts.push({
        kind: 'rows',
        strip,
        ordinal,
        from,
        count: to - from,
        start: times[from]!,
        end: times[to - 1]! + 1n,
        joined: rows.joined && from === rows.from,
      })
    }
  }
  return parts
}

// One channel at one instant, as parts: pieces of extents and of strips, in time order, cut to what is
// asked for. Planning is synchronous and touches at most a unit of timestamps per cut end; nothing here
// reads samples (see read-parts.ts). The instant is whatever version and tails the caller holds.

import { lowerBound, partitionPoint } from '../binary-search.ts'
import type { PointerList } from '../domain/pointer-list.ts'
import { visibleRows } from '../domain/tail.ts'
import type { Strip, StripView, TailView } from '../domain/tail.ts'
import type { ExtentOwner } from '../segment/extent-header.ts'
import type { DataType } from '../telem/data-type.ts'
import type { TimeRange } from '../telem/time-range.ts'
import type { Pointer } from '../version/pointer.ts'
import type { PointerTables } from '../version/pointer-tables.ts'
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

/** All samples of a channel with `start <= time < end`, in time order. @throws CorruptionError, StorageError */
export function partsIn(view: GroupView, channel: ChannelRef, start: bigint, end: bigint): Part[] {
  const parts: Part[] = []
  if (start >= end) return parts
  const table = view.pointers.get(channel.key)
  addPointers(parts, table, indexOf(view, view.pointers.get(channel.index.key), channel), start, end)
  if (view.tail.length > 0) {
    const flushed = parts.length
    addTail(parts, view, channel, start, end)
    if (parts.length > flushed) parts.sort(byStart)
  }
  return parts
}

/** The newest `count` samples of a channel before `end`. @throws CorruptionError, StorageError */
export function newestParts(view: GroupView, channel: ChannelRef, count: number, end: bigint): Part[] {
  const parts: Part[] = []
  addRows(parts, view, channel, MIN, end)
  for (const { list, index } of listsOf(view, channel)) {
    let found = 0
    for (let p = Math.min(list.lowerBound(end), list.length - 1); p >= 0 && found < count; p--) {
      if (list.startAt(p) >= end) continue
      const part = cutToPart(list.get(p), index, MIN, end)
      if (part === undefined) continue
      parts.push(part)
      found += part.count
    }
  }
  parts.sort(byStart)
  return lastOf(parts, count)
}

/** From the first of the newest `count` samples of a channel before `end`, to `end`. @throws CorruptionError, StorageError */
export function newestRange(view: GroupView, channel: ChannelRef, count: number, end: bigint): TimeRange {
  if (count <= FEW_NEWEST) {
    const start = newestParts(view, channel, count, end)[0]?.start ?? end
    return { start, end }
  }
  const older = countIn(view, channel, MIN, end) - count
  return { start: older > 0 ? (timeOfNth(view, channel, MIN, older) ?? end) : MIN, end }
}

/** So many newest samples are looked for from the end, pointer by pointer. */
const FEW_NEWEST = 64

/** Timestamp of the sample number `count` (from 0) at or after `start`; undefined where there are fewer. */
export function timeOfNth(
  view: GroupView,
  channel: ChannelRef,
  start: bigint,
  count: number,
): bigint | undefined {
  const { from, skipped } = count === 0 ? { from: start, skipped: 0 } : skipTo(view, channel, start, count)
  let left = count - skipped
  for (const part of partsFrom(view, channel, from)) {
    if (left < part.count) return timeInPart(part, left)
    left -= part.count
  }
  return undefined
}

/** Pointers fewer than this are looked at one by one. */
const FEW = 16

/** Where to begin with counting to `count` from `start` on: most is skipped by the sums that lists keep. */
function skipTo(
  view: GroupView,
  channel: ChannelRef,
  start: bigint,
  count: number,
): { readonly from: bigint; readonly skipped: number } {
  const rows: Part[] = []
  const lists = longestOf(view, channel, rows, start, MAX)
  const ladders = lists.flatMap(({ list, index }) => {
    const first = list.lowerBound(start)
    if (first === list.length) return []
    const cut = cutPointer(index, list.get(first), start, MAX, true)
    return [{ list, first, base: list.samplesBefore(first + 1) - Math.max(0, cut.to - cut.from) }]
  })
  const none = { from: start, skipped: 0 }
  if (ladders.every(({ list, first }) => list.length - first < FEW)) return none
  addRows(rows, view, channel, start, MAX)
  /** Samples from `start` on before the time at which a pointer begins. */
  const before = (time: bigint): number => {
    let sum = 0
    for (const { list, base } of ladders) sum += Math.max(0, list.samplesBefore(list.startBound(time)) - base)
    for (const part of rows) if (part.start < time) sum += part.count
    return sum
  }
  let best = none
  for (const { list, first } of ladders) {
    const last = partitionPoint(first + 1, list.length, (p) => before(list.startAt(p)) <= count) - 1
    const from = list.startAt(last)
    if (last > first && from > best.from) best = { from, skipped: before(from) }
  }
  return best
}

/**
 * As `partsIn`, one by one: pointers that nobody asks for are not looked at. What lies in memory is that of the
 * first step. @throws CorruptionError, StorageError
 */
export function* partsFrom(
  view: GroupView,
  channel: ChannelRef,
  start: bigint,
  end: bigint = MAX,
): Generator<Part, void, void> {
  const rows: Part[] = []
  addRows(rows, view, channel, start, end)
  const sources = longestOf(view, channel, rows, start, end).map((timed) => partsOfList(timed, start, end))
  rows.sort(byStart)
  const heads = [rows[Symbol.iterator](), ...sources].flatMap((source) => {
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

/** The longest few lists of a channel's pointers; the parts of the others, that are of short runs, are added to `parts`. */
function longestOf(
  view: GroupView,
  channel: ChannelRef,
  parts: Part[],
  start: bigint,
  end: bigint,
): TimedList[] {
  const lists = listsOf(view, channel)
  if (lists.length <= FEW_LISTS) return lists
  lists.sort((a, b) => b.list.length - a.list.length)
  for (const { list, index } of lists.splice(FEW_LISTS)) addPointers(parts, list, index, start, end)
  return lists
}

function* partsOfList(
  { list, index }: TimedList,
  start: bigint,
  end: bigint,
): Generator<Part, undefined, void> {
  for (let p = list.lowerBound(start); p < list.length && list.startAt(p) < end; p++) {
    const part = cutToPart(list.get(p), index, start, end)
    if (part !== undefined) yield part
  }
}

/** Where the first of the pointers ends that begin before a time and end behind it; undefined where none does. */
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

const MIN = -(2n ** 63n)
const MAX = 2n ** 63n - 1n

function byStart(a: { readonly start: bigint }, b: { readonly start: bigint }): number {
  return a.start < b.start ? -1 : a.start > b.start ? 1 : 0
}

function indexOf(view: GroupView, list: PointerList, channel: ChannelRef): IndexSource {
  return { list, owner: channel.index.owner, segments: view.segments }
}

function addPointers(parts: Part[], list: PointerList, index: IndexSource, start: bigint, end: bigint): void {
  const { length } = list
  for (let p = list.lowerBound(start); p < length && list.startAt(p) < end; p++) {
    const part = cutToPart(list.get(p), index, start, end)
    if (part !== undefined) parts.push(part)
  }
}

function cutToPart(pointer: Pointer, index: IndexSource, start: bigint, end: bigint): ExtentPart | undefined {
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

function addTail(parts: Part[], view: GroupView, channel: ChannelRef, start: bigint, end: bigint): void {
  for (const tail of view.tail) {
    if (tail.kind === 'strip') addRowsOf(parts, tail, channel, start, end)
    else {
      const list = tail.pointers.get(channel.key)
      const times = tail.pointers.get(channel.index.key)
      if (list !== undefined && times !== undefined)
        addPointers(parts, list, indexOf(view, times, channel), start, end)
    }
  }
}

/** What of a tail lies in memory. */
function addRows(parts: Part[], view: GroupView, channel: ChannelRef, start: bigint, end: bigint): void {
  for (const tail of view.tail) if (tail.kind === 'strip') addRowsOf(parts, tail, channel, start, end)
}

function addRowsOf(parts: Part[], tail: StripView, channel: ChannelRef, start: bigint, end: bigint): void {
  const { strip } = tail
  const ordinal = strip.shape.ordinals.get(channel.key)
  if (ordinal === undefined || tail.from === tail.to) return
  const { times } = strip
  if (times[tail.from]! >= end || times[tail.to - 1]! < start) return
  for (const rows of visibleRows(tail, channel.key)) {
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

/** Pointers of one channel with those that time them. */
interface TimedList {
  readonly list: PointerList
  readonly index: IndexSource
}

/** The lists of a channel's pointers: the table, and those that tails name. */
function listsOf(view: GroupView, channel: ChannelRef): TimedList[] {
  const table = view.pointers.get(channel.key)
  const lists = [
    { list: table as PointerList, index: indexOf(view, view.pointers.get(channel.index.key), channel) },
  ]
  for (const tail of view.tail) {
    if (tail.kind === 'strip') continue
    const list = tail.pointers.get(channel.key)
    const times = tail.pointers.get(channel.index.key)
    if (list !== undefined && times !== undefined) lists.push({ list, index: indexOf(view, times, channel) })
  }
  return lists
}

/** The last `count` samples of sorted parts. */
function lastOf(parts: readonly Part[], count: number): Part[] {
  const kept: Part[] = []
  let left = count
  for (let i = parts.length - 1; i >= 0 && left > 0; i--) {
    const part = parts[i]!
    if (part.count <= left) {
      kept.push(part)
      left -= part.count
      continue
    }
    const skip = part.count - left
    kept.push({ ...part, from: part.from + skip, count: left, start: timeInPart(part, skip), joined: false })
    left = 0
  }
  return kept.reverse()
}

/** Sum of the parts' samples. */
export function countOf(parts: readonly Part[]): number {
  let count = 0
  for (const part of parts) count += part.count
  return count
}

/** Counts samples in [start, end) without making parts of the pointers that lie wholly inside. */
export function countIn(view: GroupView, channel: ChannelRef, start: bigint, end: bigint): number {
  if (start >= end) return 0
  const table = view.pointers.get(channel.key)
  let count = countInList(table, indexOf(view, view.pointers.get(channel.index.key), channel), start, end)
  if (view.tail.length === 0) return count
  const rows: Part[] = []
  addRows(rows, view, channel, start, end)
  count += countOf(rows)
  for (const tail of view.tail) {
    if (tail.kind === 'strip') continue
    const list = tail.pointers.get(channel.key)
    const times = tail.pointers.get(channel.index.key)
    if (list !== undefined && times !== undefined)
      count += countInList(list, indexOf(view, times, channel), start, end)
  }
  return count
}

function countInList(list: PointerList, index: IndexSource, start: bigint, end: bigint): number {
  const first = list.lowerBound(start)
  if (first === list.length || list.startAt(first) >= end) return 0
  const after = Math.min(list.lowerBound(end), list.length - 1)
  const last = list.startAt(after) < end ? after : after - 1
  let count = list.samplesBefore(last + 1) - list.samplesBefore(first)
  for (const p of first === last ? [first] : [first, last]) {
    const pointer = list.get(p)
    const cut = cutPointer(index, pointer, start, end, true)
    count -= pointer.count - Math.max(0, cut.to - cut.from)
  }
  return count
}

/** What is asked of samples in order of time to count the stretches that they form. */
type Stretches = Pick<PointerList, 'length' | 'domains' | 'startAt' | 'endAt' | 'joinedAt' | 'startBound'>

/**
 * Contiguous stretches of a channel: those that go on, or touch, are one. Lists know their own; only where others lie
 * between their pointers they are looked at.
 */
export function domainsOf(view: GroupView, channel: ChannelRef): number {
  const single: Pick<Part, 'start' | 'end' | 'joined'>[] = []
  const rows: Part[] = []
  addRows(rows, view, channel, MIN, MAX)
  for (const row of rows) single.push(row)
  const lists: Stretches[] = []
  for (const { list } of listsOf(view, channel)) {
    if (list.length >= FEW) lists.push(list)
    else list.forEach(0, list.length, (pointer) => single.push(pointer))
  }
  if (single.length > 0) lists.push(stretchesOf(single.sort(byStart)))
  const heads = lists.map((list) => ({ list, at: 0 }))
  let domains = 0
  for (const { list } of heads) domains += list.domains
  for (let before: { list: Stretches; end: bigint } | undefined; heads.length > 0;) {
    heads.sort((a, b) => (a.list.startAt(a.at) < b.list.startAt(b.at) ? -1 : 1))
    const [head, next] = heads as [(typeof heads)[0], (typeof heads)[0] | undefined]
    const { list, at } = head
    const start = list.startAt(at)
    if (before !== undefined && before.list !== list && !list.joinedAt(at)) {
      if (at === 0 || list.endAt(at - 1) !== start) domains--
      if (before.end !== start) domains++
    }
    head.at = next === undefined ? list.length : list.startBound(next.list.startAt(next.at))
    before = { list, end: list.endAt(head.at - 1) }
    if (head.at === list.length) heads.shift()
  }
  return domains
}

function stretchesOf(parts: readonly Pick<Part, 'start' | 'end' | 'joined'>[]): Stretches {
  let domains = 0
  parts.forEach(({ start, joined }, i) => (domains += joined || start === parts[i - 1]?.end ? 0 : 1))
  return {
    length: parts.length,
    domains,
    startAt: (position) => parts[position]!.start,
    endAt: (position) => parts[position]!.end,
    joinedAt: (position) => parts[position]!.joined,
    startBound: (time) => partitionPoint(0, parts.length, (i) => parts[i]!.start < time),
  }
}

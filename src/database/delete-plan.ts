// What a delete takes of one channel, as far as it can be said of one moment: of its pointers in the version,
// and of some runs of its group's tail. Reads of the disk no more than the blocks at the range's two ends.
// Pure but for that; called by delete-draft.ts, which adds it up.

import { lowerBound } from '../binary-search.ts'
import type { ExtentsRun, Strip, StripView } from '../domain/tail.ts'
import { visibleRows } from '../domain/tail.ts'
import type { PointerList } from '../domain/pointer-list.ts'
import { DependentDataError } from '../errors.ts'
import type { Channel } from '../telem/channel.ts'
import { describeRange } from '../telem/time-range.ts'
import type { TimeRange } from '../telem/time-range.ts'
import { channelRefOf } from '../unary/channel-view.ts'
import type { ChannelRef } from '../unary/channel-view.ts'
import { countIn } from '../unary/sample-count.ts'
import { cutPointer, slicePointer } from '../unary/time-search.ts'
import type { PointerChange } from '../version/edit.ts'
import type { Pointer } from '../version/pointer.ts'
import type { Engine } from './engine.ts'

/** What a delete does to one channel's pointers, in the version or in a run of a tail. */
export interface PointerCut {
  readonly change: PointerChange | undefined
  readonly samples: number
  readonly bytes: number
}

/** What a delete takes of one channel in some runs of its group's tail. */
export interface TailTake {
  readonly samples: number
  /** Of segments, that runs name. */
  readonly bytes: number
  /** Of the pointers of runs. */
  readonly changes: readonly PointerChange[]
  /** Timestamp of the first sample at or after the range's end. */
  readonly next: bigint | undefined
}

/** A run of a tail, or what was committed of one since, beside the range of a delete. */
export type TailPart =
  | {
      readonly kind: 'rows'
      readonly view: StripView
      /** Rows of the view in the range; `to` is the first one behind it, if the view has any. */
      readonly from: number
      readonly to: number
    }
  | { readonly kind: 'extents'; readonly run: ExtentsRun; readonly isInRange: boolean }

/** An extents run; undefined where all of it lies before the range. */
export function partOfExtents(run: ExtentsRun, range: TimeRange): TailPart | undefined {
  if (run.last < range.start) return undefined
  return { kind: 'extents', run, isInRange: run.first < range.end }
}

/**
 * The rows of a strip that are committed now, from one of them on; undefined where all of those lie before
 * the range.
 */
export function partOfRows(strip: Strip, row: number, range: TimeRange): TailPart | undefined {
  const { times, committed } = strip
  const first = Math.max(strip.flushed, row)
  const from = lowerBound(times, range.start, first, committed)
  if (from === committed) return undefined
  const view = { ...strip.view(), from: first }
  return { kind: 'rows', view, from, to: lowerBound(times, range.end, from, committed) }
}

/** Whether a part has samples in the range; else all of it lies behind. */
export function isInRange(part: TailPart): boolean {
  return part.kind === 'rows' ? part.from < part.to : part.isInRange
}

/** Time of the first sample of a part that lies behind the range. */
export function firstOf(part: TailPart): bigint {
  return part.kind === 'rows' ? part.view.strip.times[part.from]! : part.run.first
}

/** Whether parts can hold samples of a channel in the range. */
export function canHold(parts: readonly TailPart[], { key }: Channel): boolean {
  return parts.some(
    (part) =>
      isInRange(part) &&
      (part.kind === 'extents' ? part.run.pointers.has(key) : part.view.strip.shape.ordinals.has(key)),
  )
}

/**
 * An index channel's samples go only where no data channel outside the call has any in the range.
 * @throws DependentDataError
 */
export function refuseDependent(engine: Engine, data: Channel, range: TimeRange): void {
  const ref = channelRefOf(engine.catalogue, data)
  const count = countIn(engine.viewOf(ref.index.key), ref, range.start, range.end)
  if (count === 0) return
  throw new DependentDataError(
    data.name,
    `Cannot delete ${describeRange(range)} of index channel "${data.index}": "${data.name}" has ${count} samples there; ` +
      'name it in the call too',
  )
}

/** Whether there is a time, and it is before another if there is one. */
export function isBefore(time: bigint | undefined, other: bigint | undefined): boolean {
  return time !== undefined && (other === undefined || time < other)
}

/** Whether a change leaves a piece of a cut pointer behind the range. */
export function isLeftBehind(change: PointerChange, range: TimeRange): boolean {
  return change.comes.some(({ start }) => start >= range.end)
}

/** What makes a pointer go on with nothing. */
export function partPointer(key: number, pointer: Pointer): PointerChange {
  const { start } = pointer
  return { key, goes: { first: start, last: start, count: 1 }, comes: [{ ...pointer, joined: false }] }
}

/** What of a channel's tail falls into the range: rows are counted, what becomes of extents is planned. */
export function takeOfTail(
  engine: Engine,
  ref: ChannelRef,
  parts: readonly TailPart[],
  range: TimeRange,
): TailTake {
  const changes: PointerChange[] = []
  let samples = 0
  let bytes = 0
  let next: bigint | undefined
  for (const part of parts) {
    if (part.kind === 'extents') {
      const list = part.run.pointers.get(ref.key)
      const times = part.run.pointers.get(ref.index.key)
      if (list === undefined || times === undefined) continue
      const behind = list.pointers.find(({ start }) => start >= range.end)?.start
      if (isBefore(behind, next)) next = behind
      if (!part.isInRange) continue
      const cut = cutList(engine, ref, list, times, range)
      if (cut.change !== undefined) changes.push(cut.change)
      samples += cut.samples
      bytes += cut.bytes
      continue
    }
    const { view, from, to } = part
    const { shape, times } = view.strip
    if (!shape.ordinals.has(ref.key)) continue
    if (view.cuts.get(ref.key) === undefined) {
      samples += to - from
      if (to < view.to && isBefore(times[to], next)) next = times[to]
      continue
    }
    for (const rows of visibleRows(view, ref.key)) {
      samples += Math.max(0, Math.min(rows.to, to) - Math.max(rows.from, from))
      const behind = Math.max(rows.from, to)
      if (behind < rows.to && isBefore(times[behind], next)) next = times[behind]
    }
  }
  return { samples, bytes, changes, next }
}

/** Plans the cut of a list of pointers: those that go, and what is left of the first and the last. */
export function cutList(
  engine: Engine,
  ref: ChannelRef,
  list: PointerList,
  times: PointerList,
  range: TimeRange,
): PointerCut {
  const index = { list: times, owner: ref.index.owner, segments: engine.segments }
  let from = list.lowerBound(range.start)
  let to = list.startBound(range.end)
  let stay = 0
  const comes: Pointer[] = []
  // Those between the first and the last lie inside the range whole, however many they are.
  for (const p of to - from > 1 ? [from, to - 1] : from < to ? [from] : []) {
    const pointer = list.get(p)
    const cut = cutPointer(index, pointer, range.start, range.end)
    if (cut.from >= cut.to) {
      // One that the range only grazes between two samples stays.
      if (p === from) from++
      else to--
      continue
    }
    stay += pointer.count - (cut.to - cut.from)
    if (cut.from > 0)
      comes.push(slicePointer(pointer, 0, cut.from, pointer.start, cut.endBefore, pointer.joined))
    if (cut.to < pointer.count)
      comes.push(slicePointer(pointer, cut.to, pointer.count, cut.startAfter, pointer.end, false))
  }
  if (from >= to) return { change: undefined, samples: 0, bytes: 0 }
  const goes = { first: list.startAt(from), last: list.startAt(to - 1), count: to - from }
  let bytes = 0
  for (const live of list.liveIn(from, to).values()) bytes += live
  for (const { live } of comes) bytes -= live
  const samples = list.samplesBefore(to) - list.samplesBefore(from) - stay
  return { change: { key: ref.key, goes, comes }, samples, bytes }
}

// What a delete takes, planned in slices under its guards: of the version, and of what is in the tails by then.
// Commits go on meanwhile, and only add: what they bring is looked for in the delete's step (delete.ts), in the
// runs of tails behind what was seen here. Whatever is planned here stays true until then (0003-I2).

import { DependentDataError } from '../errors.ts'
import type { Group } from '../domain/group.ts'
import { rowBound, visibleRows } from '../domain/tail.ts'
import type { ExtentsRun, StripView, TailRun } from '../domain/tail.ts'
import type { PointerList } from '../domain/pointer-list.ts'
import type { Held } from '../guard/held.ts'
import { assertHeld } from '../guard/held.ts'
import { EncodedChanges } from '../journal/edit-codec.ts'
import type { Channel } from '../telem/channel.ts'
import { describeRange } from '../telem/time-range.ts'
import type { TimeRange } from '../telem/time-range.ts'
import { countIn } from '../unary/channel-view.ts'
import type { ChannelRef } from '../unary/channel-view.ts'
import { cutPointer, slicePointer } from '../unary/time-search.ts'
import { prepareChange } from '../version/apply.ts'
import type { PreparedChanges } from '../version/apply.ts'
import type { PointerChange } from '../version/edit.ts'
import type { Pointer } from '../version/pointer.ts'
import type { PointerTable } from '../version/pointer-table.ts'
import { groupOf } from '../version/version.ts'
import type { Engine } from './engine.ts'
import { channelRefOf } from './engine.ts'

/** What a delete does to one channel's pointers, in the version or in a run of a tail. */
interface PointerCut {
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

/** What is known of one channel before the step. */
export interface ChannelPlan {
  readonly ref: ChannelRef
  readonly group: GroupPlan
  /** Of the pointers in the version. */
  readonly change: PointerChange | undefined
  readonly samples: number
  readonly bytes: number
  readonly tail: TailTake
  /** A piece of a cut pointer is left behind the range: it is parted by the cut itself. */
  readonly isCutOff: boolean
  /** The first pointer of the version at or after the range's end, and what parts it from what is before it, where it is joined. */
  readonly next: { readonly start: bigint; readonly part: PointerChange | undefined } | undefined
}

/** What is known of a group. */
export interface GroupPlan {
  /** Of the index channel. */
  readonly key: number
  /** The runs of its tail that were there, and how many rows of them were committed then. */
  readonly seen: ReadonlyMap<TailRun, number>
  /** What of them is not wholly before the range. */
  readonly parts: readonly TailPart[]
  /** Where its index channel is named: its data channels that are not. */
  readonly dependents: readonly Channel[]
}

export interface DeletePlan {
  /** In the order of the call. */
  readonly channels: readonly ChannelPlan[]
  readonly groups: readonly GroupPlan[]
  readonly prepared: PreparedChanges
  readonly encoded: EncodedChanges
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

/** Pointers whose live bytes are added up between two looks at the clock: some 50 us. */
const STEP = 16_384

/**
 * Plans in slices what the delete takes. What is held lets nobody change these pointers meanwhile, nor cut or flush
 * these tails.
 *
 * **Guard:** index, exclusive, for all groups of the channels, until `deleteUnder` has returned.
 * @throws DependentDataError, StorageError, CorruptionError
 */
export async function planDelete(
  held: Held<'index', 'exclusive'>,
  engine: Engine,
  channels: readonly Channel[],
  range: TimeRange,
): Promise<DeletePlan> {
  const { catalogue, turns } = engine
  const named = new Set(channels.map(({ key }) => key))
  const groups = new Map<number, GroupPlan>()
  const plans: ChannelPlan[] = []
  const prepared: PreparedChanges = new Map()
  const encoded = new EncodedChanges()
  for (const channel of channels) {
    assertHeld(held, groupOf(catalogue, channel))
    const table = engine.version.pointers.get(channel.key)
    const ref = channelRefOf(catalogue, channel)
    let group = groups.get(ref.index.key)
    if (group === undefined) {
      group = planGroup(engine, ref.index.key, named, range)
      groups.set(group.key, group)
      for (const data of group.dependents) {
        refuseDependent(engine, data, range)
        const turn = turns.due()
        if (turn !== undefined) await turn
      }
    }
    const to = table.startBound(range.end)
    // The table keeps the sums of its leaves.
    for (let from = table.lowerBound(range.start); to - from > STEP; from += STEP) {
      table.liveIn(from, from + STEP)
      const turn = turns.due()
      if (turn !== undefined) await turn
    }
    plans.push(planChannel(engine, ref, group, range, { prepared, encoded }))
    const turn = turns.due()
    if (turn !== undefined) await turn
  }
  await turns.before(plans.length)
  return { channels: plans, groups: [...groups.values()], prepared, encoded }
}

function planGroup(engine: Engine, key: number, named: ReadonlySet<number>, range: TimeRange): GroupPlan {
  const runs = engine.groups.get(key)?.runs ?? []
  const data = named.has(key) ? (engine.catalogue.dataOf.get(key) ?? []) : []
  return {
    key,
    seen: new Map(runs.map((run) => [run, run.kind === 'strip' ? run.committed : 0])),
    parts: runs.flatMap((run) => partOf(run, 0, range) ?? []),
    dependents: data.filter((channel) => !named.has(channel.key)),
  }
}

/** What was committed in a group since it was planned, as far as it is not wholly before the range. */
export function partsSince(group: Group | undefined, { seen }: GroupPlan, range: TimeRange): TailPart[] {
  const parts: TailPart[] = []
  for (const run of group?.runs ?? []) {
    const count = seen.get(run)
    if (count !== undefined && (run.kind === 'extents' || run.committed === count)) continue
    const part = partOf(run, count ?? 0, range)
    if (part !== undefined) parts.push(part)
  }
  return parts
}

/** A run from one of its rows on; undefined where all that lies before the range. */
function partOf(run: TailRun, row: number, range: TimeRange): TailPart | undefined {
  if (run.kind === 'extents') {
    if (run.last < range.start) return undefined
    return { kind: 'extents', run, isInRange: run.first < range.end }
  }
  const { times, committed } = run
  const first = Math.max(run.flushed, row)
  const from = rowBound(times, first, committed, range.start)
  if (from === committed) return undefined
  const view = { ...run.view(), from: first }
  return { kind: 'rows', view, from, to: rowBound(times, from, committed, range.end) }
}

/** An index channel's samples go only where no data channel outside the call has any. @throws DependentDataError */
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

function planChannel(
  engine: Engine,
  ref: ChannelRef,
  group: GroupPlan,
  range: TimeRange,
  ahead: Pick<DeletePlan, 'prepared' | 'encoded'>,
): ChannelPlan {
  const { pointers } = engine.version
  const table = pointers.get(ref.key)
  const { change, samples, bytes } = cutList(engine, ref, table, pointers.get(ref.index.key), range)
  const left = change === undefined ? table : workOut(ahead, table, change)
  const tail = takeOfTail(engine, ref, group.parts, range)
  const isCutOff = isLeftBehind(change, range) || tail.changes.some((each) => isLeftBehind(each, range))
  const position = table.startBound(range.end)
  const pointer = position < table.length ? table.get(position) : undefined
  const part = pointer?.joined === true ? partPointer(ref.key, pointer) : undefined
  // What the step will need as far as can be known.
  const parts = !isCutOff && samples + tail.samples > 0 && isBefore(pointer?.start, tail.next)
  if (part !== undefined && parts) workOut(ahead, left, part)
  const next = pointer === undefined ? undefined : { start: pointer.start, part }
  return { ref, group, change, samples, bytes, tail, isCutOff, next }
}

/** What will be needed of a change in the step; the table that it makes of another. */
function workOut(
  { prepared, encoded }: Pick<DeletePlan, 'prepared' | 'encoded'>,
  table: PointerTable,
  change: PointerChange,
): PointerTable {
  encoded.add(change)
  return prepareChange(prepared, table, change)
}

/** Whether there is a time, and it is before another if there is one. */
export function isBefore(time: bigint | undefined, other: bigint | undefined): boolean {
  return time !== undefined && (other === undefined || time < other)
}

function isLeftBehind(change: PointerChange | undefined, range: TimeRange): boolean {
  return change !== undefined && change.comes.some(({ start }) => start >= range.end)
}

function partPointer(key: number, pointer: Pointer): PointerChange {
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
function cutList(
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

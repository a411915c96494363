// A delete: one read-modify-write under one held set of guards, one durable record. The cut positions
// are resolved and the pointers planned under the index guards; what falls into the tails is found in
// the very step that appends and publishes, since commits go on meanwhile (pitfall "read, then half
// deleted"). Nothing is flushed, nothing rewritten: pointers are cut, bytes become tombstones.

import { DependentDataError } from '../errors.ts'
import type { Group } from '../domain/group.ts'
import { applyTailCut } from '../domain/group.ts'
import { rowBound, visibleRows } from '../domain/tail.ts'
import type { PointerList } from '../domain/pointer-list.ts'
import type { Held } from '../guard/held.ts'
import { assertHeld } from '../guard/held.ts'
import type { Channel } from '../telem/channel.ts'
import { describeRange } from '../telem/time-range.ts'
import type { TimeRange } from '../telem/time-range.ts'
import { countIn } from '../unary/channel-view.ts'
import type { ChannelRef } from '../unary/channel-view.ts'
import { cutPointer, slicePointer } from '../unary/time-search.ts'
import { prepareChange } from '../version/apply.ts'
import type { PreparedChanges } from '../version/apply.ts'
import type { PointerChange, TailCut } from '../version/edit.ts'
import type { Pointer } from '../version/pointer.ts'
import { groupOf } from '../version/version.ts'
import type { Engine } from './engine.ts'
import { channelRefOf } from './engine.ts'

/** What a delete did. */
export interface DeleteResult {
  /** By name: samples removed; 0 where there were none. */
  readonly samples: Record<string, number>
  /** Bytes of segments that became tombstones. */
  readonly bytes: number
}

/** What a delete did, and the LSN of its record; none where nothing was in the range. */
export interface DeleteOutcome {
  readonly result: DeleteResult
  readonly lsn: number | undefined
}

/** What a delete does to one channel's pointers, in the version or in a run of a tail. */
interface PointerCut {
  readonly change: PointerChange | undefined
  readonly samples: number
  readonly bytes: number
}

/** What is known of a delete before its step. */
export interface DeletePlan {
  /** By channel key: what goes of the pointers in the version. */
  readonly cuts: ReadonlyMap<number, PointerCut>
  readonly prepared: PreparedChanges
}

/** Pointers whose live bytes are added up between two looks at the clock: some 50 us. */
const STEP = 16_384

/**
 * Plans in slices what the delete takes of the version. What is held lets nobody change these pointers meanwhile; what
 * falls into tails is found in the step itself.
 *
 * **Guard:** index, exclusive, for all groups of the channels, until `deleteUnder` has returned.
 * @throws StorageError, CorruptionError
 */
export async function planDelete(
  held: Held<'index', 'exclusive'>,
  engine: Engine,
  channels: readonly Channel[],
  range: TimeRange,
): Promise<DeletePlan> {
  const { catalogue, turns } = engine
  const cuts = new Map<number, PointerCut>()
  const prepared: PreparedChanges = new Map()
  for (const channel of channels) {
    assertHeld(held, groupOf(catalogue, channel))
    const table = engine.version.pointers.get(channel.key)
    const to = table.startBound(range.end)
    // The table keeps the sums of its leaves.
    for (let from = table.lowerBound(range.start); to - from > STEP; from += STEP) {
      table.liveIn(from, from + STEP)
      const turn = turns.due()
      if (turn !== undefined) await turn
    }
    const cut = cutTable(engine, channelRefOf(catalogue, channel), range)
    cuts.set(channel.key, cut)
    if (cut.change !== undefined) prepareChange(prepared, table, cut.change)
    const turn = turns.due()
    if (turn !== undefined) await turn
  }
  return { cuts, prepared }
}

/**
 * Deletes [start, end) of the channels.
 *
 * **Guard:** index, exclusive, for all their groups. **Durable:** handed to the operating system.
 * @param plan made under the same guards
 * @returns what it did, and its LSN; none where nothing was in the range
 * @throws DependentDataError, StorageError, CorruptionError; then nothing has changed
 */
export function deleteUnder(
  held: Held<'index', 'exclusive'>,
  engine: Engine,
  channels: readonly Channel[],
  range: TimeRange,
  { cuts: planned, prepared }: DeletePlan,
): DeleteOutcome {
  const { catalogue } = engine
  for (const channel of channels) assertHeld(held, groupOf(catalogue, channel))
  refuseDependent(engine, channels, range)
  const samples: Record<string, number> = Object.create(null) as Record<string, number>
  const changes: PointerChange[] = []
  const extents: PointerChange[] = []
  const parted: { key: number; at: bigint }[] = []
  const removed = new Set<number>()
  let bytes = 0
  for (const channel of channels) {
    const ref = channelRefOf(catalogue, channel)
    const flushed = planned.get(channel.key) ?? cutTable(engine, ref, range)
    if (flushed.change !== undefined) changes.push(flushed.change)
    const tail = cutTail(engine, ref, range)
    extents.push(...tail.changes)
    bytes += flushed.bytes + tail.bytes
    samples[channel.name] = flushed.samples + tail.samples
    if (flushed.samples + tail.samples > 0) {
      removed.add(channel.key)
      const cuts = [...tail.changes, ...(flushed.change === undefined ? [] : [flushed.change])]
      const next = nextSample(engine, ref, range.end, cuts)
      if (next?.pointer !== undefined) changes.push(partPointer(channel.key, next.pointer))
      else if (next !== undefined) parted.push({ key: channel.key, at: next.at })
    }
  }
  if (removed.size === 0) return { result: { samples: { ...samples }, bytes: 0 }, lsn: undefined }
  const tail: TailCut = { ...range, keys: [...removed], extents, parted }
  const lsn = engine.publishEdit({ kind: 'delete', changes, tail }, prepared)
  const groups = [...new Set(channels.map((channel) => groupOf(catalogue, channel)))].map((key) =>
    engine.group(key),
  )
  const named = groups.map(extentsNamed)
  const freed = applyTailCut(groups, tail, (key, gone, comes) =>
    engine.deadSpace.noteTailCut(key, gone, comes, lsn),
  )
  engine.noteTailFreed(freed, lsn)
  groups.forEach((group, i) => {
    engine.tailExtents -= named[i]! - extentsNamed(group)
    group.generation++
    breakStreams(group, removed, range)
  })
  return { result: { samples: { ...samples }, bytes }, lsn }
}

/** Extents that a group's tail names, as they are counted for the engine. */
function extentsNamed({ runs }: Group): number {
  return runs.reduce((sum, run) => sum + (run.kind === 'extents' ? run.shape.keys.length : 0), 0)
}

/** An index channel's samples go only where no data channel outside the call has any. @throws DependentDataError */
function refuseDependent(engine: Engine, channels: readonly Channel[], range: TimeRange): void {
  const { catalogue } = engine
  const named = new Set(channels.map((channel) => channel.key))
  for (const index of channels) {
    if (index.kind !== 'index') continue
    const view = engine.viewOf(index.key)
    for (const data of catalogue.dataOf.get(index.key) ?? []) {
      if (named.has(data.key)) continue
      const count = countIn(view, channelRefOf(catalogue, data), range.start, range.end)
      if (count === 0) continue
      throw new DependentDataError(
        data.name,
        `Cannot delete ${describeRange(range)} of index channel "${index.name}": "${data.name}" has ${count} samples there; ` +
          'name it in the call too',
      )
    }
  }
}

function cutTable(engine: Engine, ref: ChannelRef, range: TimeRange): PointerCut {
  const { pointers } = engine.version
  return cutList(engine, ref, pointers.get(ref.key), pointers.get(ref.index.key), range)
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

/** What of a channel's tail falls into the range: rows are counted, extents planned. */
function cutTail(
  engine: Engine,
  ref: ChannelRef,
  range: TimeRange,
): { changes: PointerChange[]; samples: number; bytes: number } {
  const changes: PointerChange[] = []
  let samples = 0
  let bytes = 0
  for (const run of engine.groups.get(ref.index.key)?.runs ?? []) {
    if (run.kind === 'extents') {
      if (run.last < range.start || run.first >= range.end) continue
      const list = run.pointers.get(ref.key)
      const times = run.pointers.get(ref.index.key)
      if (list === undefined || times === undefined) continue
      const cut = cutList(engine, ref, list, times, range)
      if (cut.change !== undefined) changes.push(cut.change)
      samples += cut.samples
      bytes += cut.bytes
      continue
    }
    if (run.last < range.start || run.first >= range.end || !run.shape.ordinals.has(ref.key)) continue
    for (const rows of visibleRows(run.view(), ref.key)) {
      const from = rowBound(run.times, rows.from, rows.to, range.start)
      samples += rowBound(run.times, from, rows.to, range.end) - from
    }
  }
  return { changes, samples, bytes }
}

/**
 * The first sample at or after `end` that goes on with what was removed, and must not any more. None where a
 * piece of a cut pointer is left behind the range: that piece is parted by the cut itself.
 */
function nextSample(
  engine: Engine,
  ref: ChannelRef,
  end: bigint,
  cuts: readonly PointerChange[],
): { readonly at: bigint; readonly pointer?: Pointer } | undefined {
  if (cuts.some(({ comes }) => comes.some((pointer) => pointer.start >= end))) return undefined
  const table = engine.version.pointers.get(ref.key)
  const position = table.startBound(end)
  const pointer = position < table.length ? table.get(position) : undefined
  const inTail = nextInTail(engine, ref, end)
  if (pointer !== undefined && (inTail === undefined || pointer.start < inTail)) {
    return pointer.joined ? { at: pointer.start, pointer } : undefined
  }
  return inTail === undefined ? undefined : { at: inTail }
}

/** Timestamp of a channel's first sample in the tail at or after `end`. */
function nextInTail(engine: Engine, ref: ChannelRef, end: bigint): bigint | undefined {
  let next: bigint | undefined
  const take = (time: bigint): void => {
    if (next === undefined || time < next) next = time
  }
  for (const run of engine.groups.get(ref.index.key)?.runs ?? []) {
    if (run.last < end || (next !== undefined && run.first >= next)) continue
    if (run.kind === 'extents') {
      for (const pointer of run.pointers.get(ref.key)?.pointers ?? [])
        if (pointer.start >= end) take(pointer.start)
    } else if (run.shape.ordinals.has(ref.key)) {
      for (const rows of visibleRows(run.view(), ref.key)) {
        const row = rowBound(run.times, rows.from, rows.to, end)
        if (row < rows.to) take(run.times[row]!)
      }
    }
  }
  return next
}

function partPointer(key: number, pointer: Pointer): PointerChange {
  const { start } = pointer
  return { key, goes: { first: start, last: start, count: 1 }, comes: [{ ...pointer, joined: false }] }
}

/** Writers whose last committed sample went must not join what they commit next to it. */
function breakStreams(group: Group, removed: ReadonlySet<number>, range: TimeRange): void {
  for (const stream of group.streams) {
    const last = stream.committedLast
    if (last === undefined || last < range.start || last >= range.end) continue
    const broken = stream.shape.keys.filter((key) => removed.has(key))
    for (const key of broken) stream.broken.add(key)
    if (broken.length > 0 && stream.strip?.flushed === stream.strip?.committed) stream.strip?.part(broken)
  }
}

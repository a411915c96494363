// A group's tail, and what records do to it: the same functions live and at recovery, so that memory
// and replay cannot differ (0003-I1). Everything here is one synchronous step; nothing reads a disk.

import type { ExtentsRun as RecordedExtents } from '../journal/record.ts'
import type { Shape } from '../journal/shape.ts'
import type { PointerChange, TailCut } from '../version/edit.ts'
import type { Pointer } from '../version/pointer.ts'
import { FEW_RUNS, joinedView } from './joined-pointers.ts'
import { ShortPointerList } from './pointer-list.ts'
import type { Stream } from './stream.ts'
import { ExtentsRun, rowBound } from './tail.ts'
import type { Strip, TailRun, TailView } from './tail.ts'

/** The tail of one group: of an index channel and its data channels. */
export class Group {
  /** Key of the index channel. */
  readonly key: number
  /** In the order in which their first rows were committed. Replaced, never changed in place. */
  runs: readonly TailRun[] = []
  /** The writers that are open in this group. */
  readonly streams: Set<Stream> = new Set()
  /** Grows with whatever may change where a writer's next sample can lie: commits, deletes, writers that come and go. */
  generation = 0
  /** Each run begins after the one before it has ended. */
  #isSorted = true

  constructor(key: number) {
    this.key = key
  }

  /** The same tail, to be changed while this one stays what it is; without its writers. */
  copy(): Group {
    const copy = new Group(this.key)
    copy.runs = this.runs.map((run) => run.copy())
    copy.generation = this.generation
    copy.#isSorted = this.#isSorted
    return copy
  }

  /** Adds a run of which something is committed. */
  add(run: TailRun): void {
    const before = this.runs.at(-1)
    // Once two writers took turns, the runs are searched one by one until they are flushed.
    this.#isSorted = before === undefined || (this.#isSorted && before.last < run.first)
    this.runs = [...this.runs, run]
  }

  /** A strip's rows grew. */
  grew(strip: Strip): void {
    if (this.runs.at(-1) !== strip) this.#isSorted = false
  }

  /** Drops runs in which nothing is left. */
  prune(): void {
    this.runs = this.runs.filter((run) => {
      if (run.kind === 'extents') {
        for (const list of run.pointers.values()) if (list.length > 0) return true
        return false
      }
      run.inTail = run.flushed < run.committed
      return run.inTail
    })
  }

  /** What is committed and not flushed, as it is now; of runs that can hold samples in [start, end) only. */
  views(start?: bigint, end?: bigint): TailView[] {
    const { runs } = this
    const shown: TailRun[] = []
    const from = start === undefined || !this.#isSorted ? 0 : firstRunFrom(runs, start)
    for (let i = from; i < runs.length; i++) {
      const run = runs[i]!
      if (end !== undefined && run.first >= end) {
        if (this.#isSorted) break
        continue
      }
      if (start === undefined || run.last >= start) shown.push(run)
    }
    if (shown.length > FEW_RUNS) {
      const joined = joinedView(shown.filter((run) => run.kind === 'extents'))
      if (joined !== undefined)
        return [...shown.filter((run) => run.kind === 'strip').map((run) => run.view()), joined]
    }
    return shown.map((run) => run.view())
  }
}

/** The pointers of a run whose extents a commit names: one for each channel, reaching all of its extent. */
export function pointersOfRun(shape: Shape, run: RecordedExtents): ExtentsRun {
  const pointers = new Map<number, ShortPointerList>()
  const parted = new Set(run.parted)
  for (let i = 0; i < shape.keys.length; i++) {
    const key = shape.keys[i]!
    const pointer: Pointer = {
      start: run.first,
      end: run.last + 1n,
      joined: run.joined && !parted.has(key),
      ...run.places[i]!,
      skip: 0,
      count: run.count,
      live: run.places[i]!.length,
    }
    pointers.set(key, new ShortPointerList([pointer]))
  }
  return new ExtentsRun(shape, pointers, run.first, run.last)
}

/** What a delete's cut took from extents that tails name: bytes by segment. */
export type FreedBytes = Map<number, number>

/** Told of a pointer of a channel that goes out of a tail, and of what comes in its place. */
export type GoneFromTail = (key: number, gone: Pointer, comes: readonly Pointer[]) => void

/** Takes out of the tails of groups what a delete names; returns what it freed in segments. */
export function applyTailCut(
  groups: Iterable<Group>,
  cut: TailCut,
  tell: GoneFromTail = () => {},
): FreedBytes {
  const freed: FreedBytes = new Map()
  const keys = new Set(cut.keys)
  // By key: a group has ten thousand channels, or a call as many groups.
  const changes: ChangesByStart = new Map()
  for (const change of cut.extents) {
    if (change.goes === undefined) continue
    let byStart = changes.get(change.key)
    if (byStart === undefined) changes.set(change.key, (byStart = new Map<bigint, PointerChange>()))
    byStart.set(change.goes.first, change)
  }
  const parted = partedByKey(cut)
  for (const group of groups) {
    if (group.runs.length === 0) continue
    for (const run of group.runs) {
      if (run.kind === 'strip') {
        cutStrip(run, cut, keys)
        partStrip(run, parted)
      } else {
        changeExtents(run, changes, freed, tell)
        partExtents(run, parted)
      }
    }
    group.prune()
  }
  return freed
}

/** By channel key: times of samples that go on with nothing. Channels that were parted at the same time share a list. */
type PartedByKey = ReadonlyMap<number, readonly bigint[]>

function partedByKey({ parted }: TailCut): PartedByKey {
  const byKey = new Map<number, readonly bigint[]>()
  let same: readonly bigint[] = []
  for (const { key, at } of parted) {
    if (same[0] !== at) same = [at]
    const others = byKey.get(key)
    byKey.set(key, others === undefined ? same : [...others, at])
  }
  return byKey
}

function partExtents(run: ExtentsRun, parted: PartedByKey): void {
  if (parted.size === 0) return
  run.part(
    run.shape.keys.filter((key) => {
      const first = run.pointers.get(key)?.pointers[0]
      return first !== undefined && parted.get(key)?.includes(first.start) === true
    }),
  )
}

function cutStrip(strip: Strip, cut: TailCut, keys: ReadonlySet<number>): void {
  const from = rowBound(strip.times, strip.flushed, strip.committed, cut.start)
  const to = rowBound(strip.times, from, strip.committed, cut.end)
  if (from === to) return
  const taken = strip.shape.keys.filter((key) => keys.has(key))
  if (taken.length > 0) strip.cut(taken, from, to)
}

function partStrip(strip: Strip, parted: PartedByKey): void {
  if (parted.size === 0) return
  // Channels of one delete go on with nothing at the same few rows.
  const rows = new Map<number, number[]>()
  let same: readonly bigint[] = []
  let found: number[][] = []
  for (const key of strip.shape.keys) {
    const times = parted.get(key)
    if (times === undefined) continue
    if (times !== same) {
      same = times
      found = rowsAt(strip, times).map((row) => {
        let keys = rows.get(row)
        if (keys === undefined) rows.set(row, (keys = []))
        return keys
      })
    }
    for (const keys of found) keys.push(key)
  }
  for (const [row, keys] of rows) strip.partAt(keys, row)
}

/** The unflushed rows of a strip at some times, as far as it has them. */
function rowsAt(strip: Strip, times: readonly bigint[]): number[] {
  return times.flatMap((at) => {
    const row = rowBound(strip.times, strip.flushed, strip.committed, at)
    return row < strip.committed && strip.times[row] === at ? [row] : []
  })
}

/** By channel key and start of the first pointer that goes. */
type ChangesByStart = Map<number, Map<bigint, PointerChange>>

/** Puts what comes in place of what goes, for each list that a change is about. */
function changeExtents(
  run: ExtentsRun,
  changes: ChangesByStart,
  freed: FreedBytes,
  tell: GoneFromTail,
): void {
  if (changes.size === 0) return
  const lists: [number, Pointer[]][] = []
  for (const [key, { pointers }] of run.pointers) {
    const byStart = changes.get(key)
    if (byStart === undefined) continue
    const position = pointers.findIndex(({ start }) => byStart.has(start))
    const first = pointers[position]
    const change = first === undefined ? undefined : byStart.get(first.start)
    if (change?.goes === undefined) continue
    const { goes, comes } = change
    const gone = pointers.slice(position, position + goes.count)
    if (gone.at(-1)?.start !== goes.last || gone.length !== goes.count) continue
    for (const pointer of gone) {
      const { segment, live } = pointer
      freed.set(segment, (freed.get(segment) ?? 0) + live)
      tell(key, pointer, comes)
    }
    for (const { segment, live } of comes) freed.set(segment, (freed.get(segment) ?? 0) - live)
    lists.push([key, pointers.toSpliced(position, gone.length, ...comes)])
  }
  if (lists.length > 0) run.replace(lists)
}

/** Bytes of segments that the runs of a tail keep live, by segment. */
export function liveOfRun(run: ExtentsRun): Map<number, number> {
  const live = new Map<number, number>()
  for (const list of run.pointers.values()) {
    for (const pointer of list.pointers)
      live.set(pointer.segment, (live.get(pointer.segment) ?? 0) + pointer.live)
  }
  return live
}

/** Position of the first of sorted runs that ends at or after `time`. */
function firstRunFrom(runs: readonly TailRun[], time: bigint): number {
  let low = 0
  let high = runs.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (runs[middle]!.last < time) low = middle + 1
    else high = middle
  }
  return low
}

// A group's tail, and what commits do to it: the same functions live and at recovery, so that memory
// and replay cannot differ (0003-I1); what deletes do is in tail-cut.ts. Everything here is one synchronous step;
// nothing reads a disk.

import type { ExtentsRun as RecordedExtents } from '../journal/record.ts'
import type { Shape } from '../journal/shape.ts'
import type { Pointer } from '../version/pointer.ts'
import { FEW_RUNS, joinedView } from './joined-pointers.ts'
import { ShortPointerList } from './pointer-list.ts'
import type { Stream } from './stream.ts'
import { ExtentsRun } from './tail.ts'
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

  /** Drops runs in which nothing is left, and returns them. */
  prune(): readonly TailRun[] {
    const dropped: TailRun[] = []
    const kept = this.runs.filter((run) => {
      const isKept = isLeft(run)
      if (run.kind === 'strip') run.inTail = isKept
      if (!isKept) dropped.push(run)
      return isKept
    })
    if (dropped.length > 0) this.runs = kept
    return dropped
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

/** Whether anything of a run is left: rows that are not flushed, or pointers. */
function isLeft(run: TailRun): boolean {
  if (run.kind === 'strip') return run.flushed < run.committed
  for (const list of run.pointers.values()) if (list.length > 0) return true
  return false
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

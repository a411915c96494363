// A group's tail, and what records do to it: the same functions live and at recovery, so that memory
// and replay cannot differ (0003-I1). Everything here is one synchronous step; nothing reads a disk.

import type { CommitSection, ExtentsRun as RecordedExtents, RowsRun } from '../journal/record.ts'
import type { Shape } from '../journal/shape.ts'
import type { PointerChange, TailCut } from '../version/edit.ts'
import type { Pointer } from '../version/pointer.ts'
import { ShortPointerList } from './pointer-list.ts'
import type { Stream } from './stream.ts'
import { ExtentsRun, rowBound, Strip, stripSize } from './tail.ts'
import type { TailRun, TailView } from './tail.ts'

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
      if (run.kind === 'extents') return [...run.pointers.values()].some((list) => list.length > 0)
      run.inTail = run.flushed < run.committed
      return run.inTail
    })
  }

  /** What is committed and not flushed, as it is now; of runs that can hold samples in [start, end) only. */
  views(start?: bigint, end?: bigint): TailView[] {
    const { runs } = this
    const views: TailView[] = []
    const from = start === undefined || !this.#isSorted ? 0 : firstRunFrom(runs, start)
    for (let i = from; i < runs.length; i++) {
      const run = runs[i]!
      if (end !== undefined && run.first >= end) {
        if (this.#isSorted) break
        continue
      }
      if (start === undefined || run.last >= start) views.push(run.view())
    }
    return views
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

/** Bytes of the first page that replay puts a writer's rows in, and of the largest: they double. */
const FIRST_REPLAY_PAGE = 1024
const LAST_REPLAY_PAGE = 64 * 1024

/** Builds tails from commits that a log holds. One replay, one instance. */
export class TailReplay {
  readonly #strips = new Map<number, Strip>()

  /** Adds one commit's section to its group's tail. */
  commit(group: Group, section: CommitSection): void {
    for (const run of section.runs) {
      if (run.kind === 'extents') {
        this.#strips.delete(section.stream)
        group.add(pointersOfRun(section.shape, run))
      } else {
        this.#addRows(group, section, run)
      }
    }
  }

  #addRows(group: Group, section: CommitSection, run: RowsRun): void {
    const { shape, stream } = section
    let strip = this.#strips.get(stream)
    const fits =
      strip !== undefined &&
      strip.shape.index === shape.index &&
      sameKeys(strip.shape, shape) &&
      strip.committed + run.count <= strip.capacity
    if (!fits || strip === undefined || !run.joined) {
      const doubled = Math.max(FIRST_REPLAY_PAGE, 2 * (strip?.page.bytes.length ?? 0))
      const size = Math.max(Math.min(LAST_REPLAY_PAGE, doubled), stripSize(shape, run.count))
      strip = new Strip(shape, { bytes: new Uint8Array(size) })
      strip.joined = run.joined
      strip.parted = new Set(run.parted)
      this.#strips.set(stream, strip)
      // Its page is none of the pool's.
      strip.isReleased = true
    } else {
      for (const key of run.parted) strip.partAt(key, strip.committed)
    }
    const { bytes } = strip.page
    for (let i = 0; i < shape.widths.length; i++) {
      const width = shape.widths[i]!
      const from = run.offsets[i]! + run.from * width
      bytes.set(
        run.bytes.subarray(from, from + run.count * width),
        strip.offsets[i]! + strip.committed * width,
      )
    }
    strip.written = strip.committed += run.count
    if (strip.inTail) group.grew(strip)
    else {
      strip.inTail = true
      group.add(strip)
    }
  }
}

function sameKeys(a: Shape, b: Shape): boolean {
  return a === b || (a.keys.length === b.keys.length && a.keys.every((key, i) => key === b.keys[i]))
}

/** What a delete's cut took from extents that tails name: bytes by segment. */
export type FreedBytes = Map<number, number>

/** Takes out of a group's tail what a delete names; returns what it freed in segments. */
export function applyTailCut(group: Group, cut: TailCut): FreedBytes {
  const freed: FreedBytes = new Map()
  const keys = new Set(cut.keys)
  for (const run of group.runs) {
    if (run.kind === 'strip') cutStrip(run, cut, keys)
  }
  for (const change of cut.extents) {
    for (const run of group.runs) {
      if (run.kind === 'extents' && changeExtents(run, change, freed)) break
    }
  }
  for (const { key, at } of cut.parted) {
    for (const run of group.runs) {
      if (run.kind === 'strip') partStrip(run, key, at)
      else if (run.pointers.get(key)?.pointers[0]?.start === at) run.part(key)
    }
  }
  group.prune()
  return freed
}

function cutStrip(strip: Strip, cut: TailCut, keys: ReadonlySet<number>): void {
  const from = rowBound(strip.times, strip.flushed, strip.committed, cut.start)
  const to = rowBound(strip.times, from, strip.committed, cut.end)
  if (from === to) return
  for (const key of strip.shape.keys) {
    if (keys.has(key)) strip.cut(key, from, to)
  }
}

function partStrip(strip: Strip, key: number, at: bigint): void {
  if (!strip.shape.ordinals.has(key)) return
  const row = rowBound(strip.times, strip.flushed, strip.committed, at)
  if (row < strip.committed && strip.times[row] === at) strip.partAt(key, row)
}

function changeExtents(run: ExtentsRun, change: PointerChange, freed: FreedBytes): boolean {
  const list = run.pointers.get(change.key)
  if (list === undefined || change.goes === undefined) return false
  const position = list.pointers.findIndex((pointer) => pointer.start === change.goes!.first)
  if (position < 0 || list.pointers[position + change.goes.count - 1]?.start !== change.goes.last)
    return false
  const gone = list.pointers.slice(position, position + change.goes.count)
  for (const pointer of gone) freed.set(pointer.segment, (freed.get(pointer.segment) ?? 0) + pointer.live)
  for (const pointer of change.comes)
    freed.set(pointer.segment, (freed.get(pointer.segment) ?? 0) - pointer.live)
  const pointers = [...list.pointers]
  pointers.splice(position, gone.length, ...change.comes)
  run.replace(change.key, pointers)
  return true
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

// What an open snapshot sees: a version, and for each group the part of its tail that was committed.
// It holds no page for long: when a flush writes the rows that it sees, it is given the pointers that
// replace them (0003-I5).

import { ShortPointerList } from '../domain/pointer-list.ts'
import type { Strip, StripView, TailView } from '../domain/tail.ts'
import { visibleRows } from '../domain/tail.ts'
import type { SegmentPool } from '../segment/segment-pool.ts'
import type { GroupView } from '../unary/channel-view.ts'
import type { Pointer } from '../version/pointer.ts'
import type { Version } from '../version/version.ts'
import type { Pin } from './pins.ts'

/** Pointers to rows [from, to) of a strip's channel, as a flush wrote them. */
export type RowsToPointers = (
  strip: Strip,
  key: number,
  from: number,
  to: number,
  joined: boolean,
) => Pointer[]

export class SnapshotState {
  readonly version: Version
  readonly pin: Pin
  readonly #tails: Map<number, readonly TailView[]>
  readonly #segments: SegmentPool

  constructor(version: Version, pin: Pin, tails: Map<number, readonly TailView[]>, segments: SegmentPool) {
    this.version = version
    this.pin = pin
    this.#tails = tails
    this.#segments = segments
  }

  /** The same instant of some groups, kept by another pin. */
  heldBy(pin: Pin, keys: Iterable<number>): SnapshotState {
    const tails = new Map<number, readonly TailView[]>()
    for (const key of keys) tails.set(key, this.#tails.get(key) ?? [])
    return new SnapshotState(this.version, pin, tails, this.#segments)
  }

  viewOf(groupKey: number): GroupView {
    return {
      pointers: this.version.pointers,
      tail: this.#tails.get(groupKey) ?? [],
      segments: this.#segments,
    }
  }

  /** The strips of a group of which it sees rows. */
  stripsOf(groupKey: number): Strip[] {
    const views = this.#tails.get(groupKey) ?? []
    return views.flatMap((view) => (view.kind === 'strip' ? [view.strip] : []))
  }

  /** Rows of `strips` before the given row are in segments now: pointers take the place of rows. */
  replaceRows(groupKey: number, strips: ReadonlyMap<Strip, number>, pointersTo: RowsToPointers): void {
    const views = this.#tails.get(groupKey)
    if (views === undefined) return
    const replaced: TailView[] = []
    for (const view of views) {
      const flushedTo = view.kind === 'strip' ? strips.get(view.strip) : undefined
      if (view.kind !== 'strip' || flushedTo === undefined || flushedTo <= view.from) {
        replaced.push(view)
        continue
      }
      const to = Math.min(flushedTo, view.to)
      replaced.push({ kind: 'pointers', pointers: pointersOf({ ...view, to }, pointersTo) })
      if (to < view.to) replaced.push(restOf(view, to))
    }
    this.#tails.set(groupKey, replaced)
  }
}

function pointersOf(view: StripView, pointersTo: RowsToPointers): Map<number, ShortPointerList> {
  const lists = new Map<number, ShortPointerList>()
  for (const key of view.strip.shape.keys) {
    const pointers: Pointer[] = []
    for (const rows of visibleRows(view, key)) {
      pointers.push(...pointersTo(view.strip, key, rows.from, rows.to, rows.joined))
    }
    lists.set(key, new ShortPointerList(pointers))
  }
  return lists
}

function restOf(view: StripView, from: number): StripView {
  return { ...view, from, joined: true }
}

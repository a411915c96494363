// What an open snapshot sees: a version, and for each group the part of its tail that was committed.
// It holds no page for long: when a flush writes the rows that it sees, it is given the pointers that
// replace them (0003-I5).

import { ShortPointerList } from '../domain/pointer-list.ts'
import { visibleRows } from '../domain/tail.ts'
import type { PointersByKey, Strip, StripView, TailView } from '../domain/tail.ts'
import type { Shape } from '../journal/shape.ts'
import type { SegmentPool } from '../segment/segment-pool.ts'
import type { GroupView } from '../unary/channel-view.ts'
import type { Pointer } from '../version/pointer.ts'
import type { Version } from '../version/version.ts'
import type { Pin } from './pins.ts'
import type { FindPointers } from './placements.ts'

const NO_TAIL: readonly TailView[] = []

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

  /** The same instant of some groups (all without), kept by another pin. */
  heldBy(pin: Pin, keys: Iterable<number> = this.#tails.keys()): SnapshotState {
    const tails = new Map<number, readonly TailView[]>()
    for (const key of keys) tails.set(key, this.#tails.get(key) ?? [])
    return new SnapshotState(this.version, pin, tails, this.#segments)
  }

  viewOf(groupKey: number): GroupView {
    return {
      pointers: this.version.pointers,
      tail: this.#tails.get(groupKey) ?? NO_TAIL,
      segments: this.#segments,
    }
  }

  /** The strips of a group of which it sees rows. */
  stripsOf(groupKey: number): Strip[] {
    const views = this.#tails.get(groupKey) ?? []
    return views.flatMap((view) => (view.kind === 'strip' ? [view.strip] : []))
  }

  /** Rows of strips before the given row are in segments now: pointers take the place of rows. */
  replaceRows(groupKey: number, flushed: ReadonlyMap<Strip, FlushedRows>): void {
    const views = this.#tails.get(groupKey)
    if (views === undefined) return
    const replaced: TailView[] = []
    for (const view of views) {
      const rows = view.kind === 'strip' ? flushed.get(view.strip) : undefined
      if (view.kind !== 'strip' || rows === undefined || rows.to <= view.from) {
        replaced.push(view)
        continue
      }
      const to = Math.min(rows.to, view.to)
      replaced.push({ kind: 'pointers', pointers: new PointersInPlace({ ...view, to }, rows.find) })
      if (to < view.to) replaced.push(restOf(view, to))
    }
    this.#tails.set(groupKey, replaced)
  }
}

/** Rows of a strip before `to`, which a flush has written, and how the pointers to them are found. */
export interface FlushedRows {
  readonly to: number
  readonly find: FindPointers
}

/**
 * The pointers in place of rows, of each channel made when they are first asked for: there may be ten
 * thousand, and they are replaced in one step. Nothing of it keeps the strip's page.
 */
class PointersInPlace implements PointersByKey {
  readonly #keys: Shape['ordinals']
  readonly #rows: Omit<StripView, 'kind' | 'strip'>
  readonly #find: FindPointers
  readonly #lists = new Map<number, ShortPointerList>()

  constructor({ strip, kind: _, ...rows }: StripView, find: FindPointers) {
    this.#keys = strip.shape.ordinals
    this.#rows = rows
    this.#find = find
  }

  get(key: number): ShortPointerList | undefined {
    let list = this.#lists.get(key)
    if (list !== undefined || !this.#keys.has(key)) return list
    const pointers: Pointer[] = []
    for (const { from, to, joined } of visibleRows(this.#rows, key))
      pointers.push(...this.#find(key, from, to, joined))
    list = new ShortPointerList(pointers)
    this.#lists.set(key, list)
    return list
  }
}

function restOf(view: StripView, from: number): StripView {
  return { ...view, from, joined: true }
}

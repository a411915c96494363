// What long records freed, looked at some time after their step (0006-I9): the changes of a record, one by
// one, what a delete took out of tails, and tails that are gone. Until all of it was looked at it keeps the
// tables before the record in memory. Who looks, and when, is for DeadSpace to say, which is told here what
// is dead and what is in doubt.

import type { GoneFromTail } from '../../domain/tail-cut.ts'
import type { ExtentsRun } from '../../domain/tail.ts'
import type { Place } from '../../segment/segment-pool.ts'
import type { ChangesAhead } from '../../version/changes-ahead.ts'
import type { PointerChange } from '../../version/edit.ts'
import type { Pointer, SegmentId } from '../../version/pointer.ts'
import type { PointerTable } from '../../version/pointer-table.ts'
import type { Version } from '../../version/version.ts'

/** Who is told what was found. */
interface Notes {
  /** A pointer of a channel is gone, and none came for what it reached. */
  noteGone(key: number, pointer: Pointer, lsn: number): void
  /** Something of an extent was freed, and something of it may be live. */
  raiseDoubt(channel: number, place: Place, lsn: number): void
}

/** Offsets of extents, by segment. */
type Extents = Map<SegmentId, Set<number>>

/** What a record freed and nobody has looked at yet. */
export interface Late {
  readonly lsn: number
  /** Changes, and pointers that go with them, that are left to be looked at. */
  readonly left: number
  /** Of those, what will most likely be a note: it counts as one. */
  readonly notes: number
  /** Looks at some more, up to so many. */
  look(most: number): void
  /** Segments of which something may be dead that was not looked at. */
  segments(): Iterable<SegmentId>
}

/** The changes of a record, looked at one by one, and pointer by pointer where many go with one. */
export class LateChanges implements Late {
  readonly #told: Notes
  readonly #before: Version
  readonly #changes: readonly PointerChange[]
  readonly #ahead: ChangesAhead | undefined
  readonly lsn: number
  left: number
  /** Pointers that go and were not looked at. */
  notes: number
  /** The change that is looked at, and how many of its pointers that go were. */
  #at = 0
  #seen = 0
  #came: Extents | undefined

  /**
   * @param before the version that the record was applied to
   * @param ahead the changes, where they were applied beforehand: their places are known then
   */
  constructor(
    told: Notes,
    before: Version,
    changes: readonly PointerChange[],
    lsn: number,
    ahead?: ChangesAhead,
  ) {
    this.#told = told
    this.#before = before
    this.#changes = changes
    this.#ahead = ahead
    this.lsn = lsn
    this.notes = ahead?.gone ?? changes.reduce((sum, { goes }) => sum + (goes?.count ?? 0), 0)
    this.left = changes.length + this.notes
  }

  look(most: number): void {
    for (let some = most; some > 0 && this.left > 0;) {
      const { comes, goes, key } = this.#changes[this.#at]!
      if (this.#seen === 0) this.#doubt(key, comes)
      const count = Math.min((goes?.count ?? 0) - this.#seen, some)
      if (count > 0) this.#lookAtGone(count)
      this.#seen += count
      some -= count
      this.left -= count
      this.notes -= count
      if (this.#seen < (goes?.count ?? 0)) continue
      this.#at++
      this.#seen = 0
      some--
      this.left--
    }
  }

  #doubt(key: number, comes: readonly Pointer[]): void {
    let last: Pointer | undefined
    for (const pointer of comes) {
      // The pieces of a pointer that was cut are of one extent.
      const isNoted = last !== undefined && isOfOne(last, pointer)
      last = pointer
      if (!isNoted && pointer.live < pointer.length) this.#told.raiseDoubt(key, pointer, this.lsn)
    }
  }

  #lookAtGone(count: number): void {
    const { key, goes, comes } = this.#changes[this.#at]!
    const { table, position } = this.#placeOf(this.#at)
    const from = position + this.#seen
    // One that came back cut, as most do that go alone.
    if (goes!.count === 1 && comes.length > 0 && isOfOne(table.get(from), comes[0]!)) return
    const came = (this.#came ??= cameWith(this.#changes))
    table.forEach(from, from + count, (pointer) => {
      // What came back of it was doubted where it is cut.
      if (came.get(pointer.segment)?.has(pointer.offset) !== true) this.#told.noteGone(key, pointer, this.lsn)
    })
  }

  /** Where the first pointer is that goes with a change. */
  #placeOf(at: number): { table: PointerTable; position: number } {
    const known = this.#ahead?.applied[at]
    if (known !== undefined) return { table: known.from, position: known.position }
    const { key, goes } = this.#changes[at]!
    const table = this.#before.pointers.get(key)
    return { table, position: table.startBound(goes!.first) }
  }

  *segments(): Iterable<SegmentId> {
    if (this.#ahead !== undefined) {
      yield* this.#ahead.segments
      return
    }
    for (let at = this.#at; at < this.#changes.length; at++) {
      const { comes, goes } = this.#changes[at]!
      for (const pointer of comes) if (pointer.live < pointer.length) yield pointer.segment
      if (goes === undefined) continue
      const { table, position } = this.#placeOf(at)
      if (goes.count === 1) yield table.get(position).segment
      else yield* table.liveIn(position, position + goes.count).keys()
    }
  }
}

/** What a delete took out of tails. */
export class LateCuts implements Late {
  readonly #told: Notes
  readonly #cuts: readonly GoneFromTail[]
  readonly lsn: number
  left: number

  get notes(): number {
    return this.left
  }

  constructor(told: Notes, cuts: readonly GoneFromTail[], lsn: number) {
    this.#told = told
    this.#cuts = cuts
    this.lsn = lsn
    this.left = cuts.length
  }

  look(most: number): void {
    for (let some = most; some > 0 && this.left > 0; some--) {
      const { key, gone, comes } = this.#cuts[this.#cuts.length - this.left]!
      this.left--
      if (comes.some((left) => isOfOne(left, gone))) this.#told.raiseDoubt(key, gone, this.lsn)
      else this.#told.noteGone(key, gone, this.lsn)
    }
  }

  *segments(): Iterable<SegmentId> {
    for (const { gone } of this.#cuts.slice(this.#cuts.length - this.left)) yield gone.segment
  }
}

/** A tail that is gone: run by run. */
export class LateRuns implements Late {
  readonly #told: Notes
  readonly #runs: readonly ExtentsRun[]
  readonly lsn: number
  left = 0
  #at = 0

  /** As many as channels in its runs: most have one pointer in each. */
  get notes(): number {
    return this.left
  }

  constructor(told: Notes, runs: readonly ExtentsRun[], lsn: number) {
    this.#told = told
    this.#runs = runs
    this.lsn = lsn
    for (const { shape } of runs) this.left += shape.keys.length
  }

  look(most: number): void {
    for (let some = most; some > 0 && this.left > 0;) {
      const { pointers, shape } = this.#runs[this.#at++]!
      some -= shape.keys.length
      this.left -= shape.keys.length
      for (const [key, list] of pointers)
        for (const pointer of list.pointers) this.#told.noteGone(key, pointer, this.lsn)
    }
  }

  *segments(): Iterable<SegmentId> {
    for (const { pointers } of this.#runs.slice(this.#at))
      for (const list of pointers.values()) for (const { segment } of list.pointers) yield segment
  }
}

/** All extents that come with some changes. */
function cameWith(changes: readonly PointerChange[]): Extents {
  const came: Extents = new Map()
  for (const { comes } of changes) for (const pointer of comes) add(came, pointer)
  return came
}

function isOfOne(a: Pointer, b: Pointer): boolean {
  return a.offset === b.offset && a.segment === b.segment
}

function add(extents: Extents, { segment, offset }: Pointer): void {
  const offsets = extents.get(segment)
  if (offsets === undefined) extents.set(segment, new Set([offset]))
  else offsets.add(offset)
}

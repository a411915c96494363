// Where the dead bytes of segments lie (0006-I9). Taken note of as records are published, so that a collection costs what
// is dead and not what is live; what was dead when the database was opened is found by the first collection.
// What is dead stays dead: no record names bytes anew. An extent of which only a part went is a *doubt* until a
// collection looks at its pointers. Of what nobody collects no more is remembered than a bound: beyond it all is
// forgotten but where to search. Kept by the engine; read and emptied by punch.ts. Nothing is given back on the word
// of this alone: pins and the log are asked first (S2).

import type { Place } from '../../segment/segment-pool.ts'
import { subtract } from '../../version/byte-ranges.ts'
import type { ByteRange } from '../../version/byte-ranges.ts'
import type { PreparedChanges } from '../../version/apply.ts'
import type { Edit, PointerChange } from '../../version/edit.ts'
import type { Pointer, SegmentId } from '../../version/pointer.ts'
import type { PointerTable } from '../../version/pointer-table.ts'
import type { Version } from '../../version/version.ts'
import { BACKGROUND_MS } from '../turns.ts'
import type { Turns } from '../turns.ts'

/** Dead bytes, and the LSN of the record that freed them. */
export interface DeadRange extends ByteRange {
  readonly lsn: number
}

/** An extent of which something is dead: what, its channel's pointers tell. */
export interface Doubt {
  readonly offset: number
  readonly length: number
  /** Key of its channel. */
  readonly channel: number
  /** Of the last record that freed something of it. */
  readonly lsn: number
}

interface SegmentSpace {
  dead: DeadRange[]
  /** How many there were after the last time that they were put in order. */
  ordered: number
  readonly doubts: Map<number, Doubt>
}

/** Ranges are put in order, which merges most of them, once there are twice as many and so many more. */
const SLACK = 1024

/** What a record frees beyond so many pointers is looked at by the next collection, in slices. */
const AT_ONCE = 4096

/** Pointers that are looked at between two looks at the clock. */
const STEP = 512

/** Offsets of extents, by segment. */
type Extents = Map<SegmentId, Set<number>>

/** Pointers [from, to) of a channel's table went with one record; those into `came` came back, cut or as they were. */
interface Gone {
  readonly key: number
  readonly table: PointerTable
  /** Moves on as they are looked at. */
  from: number
  readonly to: number
  readonly came: Extents
  readonly lsn: number
}

export class DeadSpace {
  readonly #most: number
  readonly #segments = new Map<SegmentId, SegmentSpace>()
  #gone: Gone[] = []
  readonly #unknown = new Map<SegmentId, number>()
  /** Ranges, doubts, and pointers of long records that were not looked at. */
  #notes = 0
  /** Collections that need what is noted. */
  #users = 0
  /** What was dead when the database was opened is known, or is where `unknown` says. */
  isComplete = false

  /** @param most notes that are kept while no collection is under way */
  constructor(most: number) {
    this.#most = most
  }

  /** Segments that hold dead bytes of which no note is left, each with the LSN of the last record that may have freed any of them. */
  get unknown(): ReadonlyMap<SegmentId, number> {
    return this.#unknown
  }

  /** Something of a segment may be dead that is in no note, freed by records up to this one. */
  markUnknown(segment: SegmentId, lsn: number): void {
    this.#unknown.set(segment, Math.max(lsn, this.#unknown.get(segment) ?? 0))
  }

  /** What was dead in a segment, in an instant after the last time that it was marked, is noted. */
  settleUnknown(segment: SegmentId): void {
    this.#unknown.delete(segment)
  }

  /** Until it is released nothing is forgotten: for a collection, which takes what is noted away. */
  use(): Disposable {
    this.#users++
    return {
      [Symbol.dispose]: () => {
        this.#users--
        this.#count(0)
      },
    }
  }

  /** So many notes more, or fewer. */
  #count(more: number): void {
    this.#notes += more
    if (this.#notes > this.#most && this.#users === 0) this.#forgetAll()
  }

  /** A collection that has to look at many pointers costs less than it gives back, and memory stays bounded without one. */
  #forgetAll(): void {
    for (const [id, { dead, doubts }] of this.#segments) {
      for (const { lsn } of dead) this.markUnknown(id, lsn)
      for (const { lsn } of doubts.values()) this.markUnknown(id, lsn)
    }
    for (const { table, from, to, lsn } of this.#gone)
      for (const id of table.liveIn(from, to).keys()) this.markUnknown(id, lsn)
    this.#segments.clear()
    this.#gone = []
    this.#notes = 0
  }

  /**
   * Takes note of what a record freed, in the step that published it.
   * @param before the version that it was applied to
   * @param prepared what was known of its changes
   */
  noteEdit(before: Version, edit: Edit, lsn: number, prepared?: PreparedChanges): void {
    if (edit.kind === 'remove') {
      let left = AT_ONCE
      for (const key of edit.keys) {
        const table = before.pointers.get(key)
        left = this.#noteGone({ key, table, from: 0, to: table.length, came: new Map(), lsn }, left)
      }
    } else if (edit.kind === 'drop') {
      for (const segment of edit.segments) this.forget(segment)
    } else if (edit.kind === 'flush' || edit.kind === 'delete' || edit.kind === 'relocate') {
      this.#noteChanges(before, edit.changes, lsn, prepared)
    }
  }

  #noteChanges(
    before: Version,
    changes: readonly PointerChange[],
    lsn: number,
    prepared: PreparedChanges | undefined,
  ): void {
    const came = cameWith(changes)
    let left = AT_ONCE
    for (const change of changes) {
      const { key, goes, comes } = change
      let last: Pointer | undefined
      for (const pointer of comes) {
        // The pieces of a pointer that was cut are of one extent.
        const isNoted = last !== undefined && isOfOne(last, pointer)
        last = pointer
        if (!isNoted && pointer.live < pointer.length) this.raiseDoubt(key, pointer, lsn)
      }
      if (goes === undefined) continue
      const table = before.pointers.get(key)
      const known = prepared?.get(change)
      const from = known?.from === table ? known.position : table.startBound(goes.first)
      // One that came back cut, as most do that go alone.
      if (goes.count === 1 && comes.length > 0 && isOfOne(table.get(from), comes[0]!)) continue
      left = this.#noteGone({ key, table, from, to: from + goes.count, came: came(), lsn }, left)
    }
  }

  /** @returns how many pointers of the same record may be looked at yet, of `left` */
  #noteGone(gone: Gone, left: number): number {
    const { from, to } = gone
    if (to - from > left) {
      this.#gone.push(gone)
      this.#count(to - from)
      return left
    }
    this.#visitGone(gone, from, to)
    return left - (to - from)
  }

  #visitGone({ key, table, came, lsn }: Gone, from: number, to: number): void {
    table.forEach(from, to, (pointer) => {
      // What came back of it was doubted where it is cut.
      if (came.get(pointer.segment)?.has(pointer.offset) !== true) this.noteGone(key, pointer, lsn)
    })
  }

  /** Long records have freed something that was not looked at yet. */
  get isBehind(): boolean {
    return this.#gone.length > 0
  }

  /** Looks at what long records freed; the loop turns in between. To be called before anything is asked. */
  async catchUp(turns: Turns): Promise<void> {
    using _ = this.use()
    for (let gone = this.#gone.shift(); gone !== undefined; gone = this.#gone.shift()) {
      while (gone.from < gone.to) {
        const { from } = gone
        gone.from = Math.min(from + STEP, gone.to)
        this.#notes -= gone.from - from
        this.#visitGone(gone, from, gone.from)
        await turns.due(BACKGROUND_MS)
      }
    }
  }

  /** A pointer of a channel is gone, from the version or from a tail, and none came for what it reached. */
  noteGone(key: number, pointer: Pointer, lsn: number): void {
    // Only a pointer that reaches all of its extent keeps all of it live (0006-I2): it was the only one.
    if (pointer.live === pointer.length) this.noteDead(pointer, lsn)
    else this.raiseDoubt(key, pointer, lsn)
  }

  /** A pointer of a channel is gone from a tail, and these came in its place. */
  noteTailCut(key: number, gone: Pointer, comes: readonly Pointer[], lsn: number): void {
    const { segment, offset } = gone
    if (comes.some((left) => left.segment === segment && left.offset === offset))
      this.raiseDoubt(key, gone, lsn)
    else this.noteGone(key, gone, lsn)
  }

  /** Bytes that nothing names any more, or that were given up before anything did. */
  noteDead({ segment, offset, length }: Place, lsn: number): void {
    this.noteRange(segment, { start: offset, end: offset + length, lsn })
  }

  noteRange(segment: SegmentId, range: DeadRange): void {
    const space = this.#space(segment)
    space.dead.push(range)
    if (space.dead.length > 2 * space.ordered + SLACK) this.#order(space)
    this.#count(1)
  }

  /** What of a segment is known to be dead, sorted; those side by side that one record freed are one. */
  deadOf(segment: SegmentId): readonly DeadRange[] {
    const space = this.#segments.get(segment)
    if (space === undefined) return []
    this.#order(space)
    return [...space.dead]
  }

  #order(space: SegmentSpace): void {
    this.#replace(space, inOrder(space.dead))
    space.ordered = space.dead.length
  }

  #replace(space: SegmentSpace, dead: DeadRange[]): void {
    this.#notes += dead.length - space.dead.length
    space.dead = dead
  }

  /** Offsets of the extents of a segment that are in doubt. */
  doubtsOf(segment: SegmentId): number[] {
    return [...(this.#segments.get(segment)?.doubts.keys() ?? [])]
  }

  /** The doubt about an extent, as it is now; undefined where there is none. */
  doubtAt(segment: SegmentId, offset: number): Doubt | undefined {
    return this.#segments.get(segment)?.doubts.get(offset)
  }

  /** A doubt was looked at, and what is dead of it is noted, in one step. */
  settleDoubt(segment: SegmentId, offset: number): void {
    if (this.#segments.get(segment)?.doubts.delete(offset) === true) this.#notes--
  }

  /** Something of an extent was freed, and something of it may be live. */
  raiseDoubt(channel: number, { segment, offset, length }: Place, lsn: number): void {
    const { doubts } = this.#space(segment)
    // What a long record freed is noted later, perhaps after that of a newer one.
    const known = doubts.get(offset)
    doubts.set(offset, { offset, length, channel, lsn: Math.max(lsn, known?.lsn ?? 0) })
    if (known === undefined) this.#count(1)
  }

  /** These bytes are dead no longer: they were punched. */
  take(segment: SegmentId, ranges: readonly ByteRange[]): void {
    const space = this.#segments.get(segment)
    if (space !== undefined) this.#replace(space, subtract(inOrder(space.dead), ranges))
  }

  /** The segment is nobody's any more. */
  forget(segment: SegmentId): void {
    const space = this.#segments.get(segment)
    if (space !== undefined) this.#notes -= space.dead.length + space.doubts.size
    this.#segments.delete(segment)
    this.#unknown.delete(segment)
  }

  #space(segment: SegmentId): SegmentSpace {
    let space = this.#segments.get(segment)
    if (space === undefined) {
      space = { dead: [], ordered: 0, doubts: new Map() }
      this.#segments.set(segment, space)
    }
    return space
  }
}

/** All extents that come with some changes: found when somebody asks. */
function cameWith(changes: readonly PointerChange[]): () => Extents {
  let came: Extents | undefined
  return () => {
    if (came !== undefined) return came
    came = new Map()
    for (const { comes } of changes) for (const pointer of comes) add(came, pointer)
    return came
  }
}

function isOfOne(a: Pointer, b: Pointer): boolean {
  return a.offset === b.offset && a.segment === b.segment
}

function add(extents: Extents, { segment, offset }: Pointer): void {
  const offsets = extents.get(segment)
  if (offsets === undefined) extents.set(segment, new Set([offset]))
  else offsets.add(offset)
}

/** Sorted; what lies side by side and was freed by one record is one range. They are disjoint. */
function inOrder(dead: readonly DeadRange[]): DeadRange[] {
  const ordered: { start: number; end: number; lsn: number }[] = []
  for (const { start, end, lsn } of dead.toSorted((a, b) => a.start - b.start)) {
    const last = ordered.at(-1)
    if (last !== undefined && last.end === start && last.lsn === lsn) last.end = end
    else ordered.push({ start, end, lsn })
  }
  return ordered
}

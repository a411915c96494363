// Where the dead bytes of segments lie (0006-I9). Taken note of as records are published, so that a
// collection costs what is dead and not what is live; what was dead when the database was opened is found by
// the first collection. What is dead stays dead: no record names bytes anew. An extent of which only a part
// went is a *doubt* until a collection looks at its pointers. Of what nobody collects no more is remembered
// than a bound: beyond it all is forgotten but where to search. Kept by the engine; read and emptied by
// punch.ts. Nothing is given back on the word of this alone: pins and the log are asked first (S2).

import type { GoneFromTail } from '../../domain/tail-cut.ts'
import type { ExtentsRun } from '../../domain/tail.ts'
import type { Place } from '../../segment/segment-pool.ts'
import type { ByteRange } from '../../version/byte-ranges.ts'
import type { ChangesAhead } from '../../version/changes-ahead.ts'
import type { Edit, PointerChange } from '../../version/edit.ts'
import type { Pointer, SegmentId } from '../../version/pointer.ts'
import type { Version } from '../../version/version.ts'
import { DeadRanges } from './dead-ranges.ts'
import type { DeadRange } from './dead-ranges.ts'
import { LateChanges, LateCuts, LateRuns } from './late-notes.ts'
import type { Late } from './late-notes.ts'
import { SLICE_MS } from '../turns.ts'
import type { Turns } from '../turns.ts'

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
  readonly dead: DeadRanges
  readonly doubts: Map<number, Doubt>
  /** No doubt has a newer LSN. */
  newestDoubt: number
}

/** Pointers and changes that are looked at between two looks at the clock. */
const STEP = 512

/** Of segments in which nothing is known to be dead. */
const NOTHING = new DeadRanges(() => {})

export class DeadSpace {
  readonly #most: number
  readonly #atOnce: number
  readonly #segments = new Map<SegmentId, SegmentSpace>()
  /** Of the oldest record first. */
  #late: Late[] = []
  /** Segments that were dropped since the oldest of those: what it freed there is nobody's. */
  readonly #dropped = new Set<SegmentId>()
  #catchingUp: Promise<void> | undefined
  readonly #unknown = new Map<SegmentId, number>()
  /** Ranges, doubts, and what of long records was not looked at. */
  #notes = 0
  /** Collections that need what is noted. */
  #users = 0
  /** What was dead when the database was opened is known, or is where `unknown` says. */
  isComplete = false

  /**
   * @param limits notes that are kept while no collection is under way; changes and pointers of a record that
   * are looked at in its own step
   */
  constructor({ deadNotes, freedAtOnce }: { readonly deadNotes: number; readonly freedAtOnce: number }) {
    this.#most = deadNotes
    this.#atOnce = freedAtOnce
  }

  /**
   * Segments that hold dead bytes of which no note is left, each with the LSN of the last record that may
   * have freed any of them.
   */
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

  /**
   * A collection that has to look at many pointers costs less than it gives back, and memory stays bounded
   * without one.
   */
  #forgetAll(): void {
    for (const [id, { dead, doubts, newestDoubt }] of this.#segments) {
      if (!dead.isEmpty) this.markUnknown(id, dead.newest)
      dead.clear()
      if (doubts.size > 0) this.markUnknown(id, newestDoubt)
    }
    for (const late of this.#late) for (const id of late.segments()) this.markUnknown(id, late.lsn)
    this.#segments.clear()
    this.#late = []
    this.#dropped.clear()
    this.#notes = 0
  }

  /**
   * Takes note of what a record freed, in the step that published it.
   * @param before the version that it was applied to
   * @param ahead its changes, where they were applied beforehand
   */
  noteEdit(before: Version, edit: Edit, lsn: number, ahead?: ChangesAhead): void {
    if (edit.kind === 'remove') {
      const changes = edit.keys.flatMap((key) => goneWhole(before, key) ?? [])
      this.#noteLater(new LateChanges(this, before, changes, lsn))
    } else if (edit.kind === 'drop') {
      for (const segment of edit.segments) this.forget(segment)
    } else if (edit.kind === 'flush' || edit.kind === 'delete' || edit.kind === 'relocate') {
      const own = ahead?.holds(edit.changes) === true ? ahead : undefined
      this.#noteLater(new LateChanges(this, before, edit.changes, lsn, own))
    }
  }

  /** Takes note of what a delete took out of tails, in the step that published it. */
  noteTailCuts(cuts: readonly GoneFromTail[], lsn: number): void {
    this.#noteLater(new LateCuts(this, cuts, lsn))
  }

  /** Takes note of a tail that is gone, in the step that published it. @param runs never changed any more */
  noteTailDropped(runs: readonly ExtentsRun[], lsn: number): void {
    this.#noteLater(new LateRuns(this, runs, lsn))
  }

  /** Looks at it now, where that is little. */
  #noteLater(late: Late): void {
    if (late.left <= this.#atOnce) {
      late.look(Infinity)
      return
    }
    this.#late.push(late)
    this.#count(late.notes)
  }

  /** Long records have freed something that was not looked at yet. */
  get isBehind(): boolean {
    return this.#late.length > 0
  }

  /**
   * Looks at what long records freed; the loop turns in between. To be called before anything is asked, and
   * by who published a long record: until then it keeps the tables before it in memory. Who must know that
   * nothing is left asks `isBehind` in the step that relies on it.
   */
  async catchUp(turns: Turns): Promise<void> {
    while (this.isBehind) {
      this.#catchingUp ??= this.#lookAtAll(turns).finally(() => {
        this.#catchingUp = undefined
      })
      await this.#catchingUp
    }
  }

  async #lookAtAll(turns: Turns): Promise<void> {
    using _ = this.use()
    for (let late = this.#late[0]; late !== undefined; late = this.#late[0]) {
      const { notes } = late
      late.look(STEP)
      this.#notes -= notes - late.notes
      if (late.left === 0) this.#late.shift()
      if (this.#late.length === 0) this.#dropped.clear()
      const turn = turns.due(SLICE_MS)
      if (turn !== undefined) await turn
    }
  }

  /** A pointer of a channel is gone, from the version or from a tail, and none came for what it reached. */
  noteGone(key: number, pointer: Pointer, lsn: number): void {
    // Only a pointer that reaches all of its extent keeps all of it live (0006-I2): it was the only one.
    if (pointer.live === pointer.length) this.noteDead(pointer, lsn)
    else this.raiseDoubt(key, pointer, lsn)
  }

  /** Bytes that nothing names any more, or that were given up before anything did. */
  noteDead({ segment, offset, length }: Place, lsn: number): void {
    this.noteRange(segment, { start: offset, end: offset + length, lsn })
  }

  noteRange(segment: SegmentId, range: DeadRange): void {
    if (this.#dropped.has(segment)) return
    this.#space(segment).dead.add(range)
    this.#count(0)
  }

  /** What of a segment is known to be dead, as it is whenever it is asked. To be changed by this alone. */
  deadOf(segment: SegmentId): Pick<DeadRanges, 'newest' | 'portions' | 'meeting'> {
    return this.#segments.get(segment)?.dead ?? NOTHING
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
    if (this.#dropped.has(segment)) return
    const space = this.#space(segment)
    const { doubts } = space
    space.newestDoubt = Math.max(space.newestDoubt, lsn)
    // What a long record freed is noted later, perhaps after that of a newer one.
    const known = doubts.get(offset)
    doubts.set(offset, { offset, length, channel, lsn: Math.max(lsn, known?.lsn ?? 0) })
    if (known === undefined) this.#count(1)
  }

  /** These bytes, sorted, are dead no longer: they were punched. The loop turns in between. */
  async take(segment: SegmentId, ranges: readonly ByteRange[], turns: Pick<Turns, 'due'>): Promise<void> {
    using _ = this.use()
    for (const _step of this.#segments.get(segment)?.dead.taking(ranges) ?? []) {
      const turn = turns.due(SLICE_MS)
      if (turn !== undefined) await turn
    }
  }

  /** The segment is nobody's any more. */
  forget(segment: SegmentId): void {
    const space = this.#segments.get(segment)
    space?.dead.clear()
    this.#notes -= space?.doubts.size ?? 0
    this.#segments.delete(segment)
    this.#unknown.delete(segment)
    if (this.isBehind) this.#dropped.add(segment)
  }

  #space(segment: SegmentId): SegmentSpace {
    let space = this.#segments.get(segment)
    if (space === undefined) {
      const dead = new DeadRanges((more) => {
        this.#notes += more
      })
      space = { dead, doubts: new Map(), newestDoubt: 0 }
      this.#segments.set(segment, space)
    }
    return space
  }
}

/** All pointers of a channel, where it has any. */
function goneWhole({ pointers }: Version, key: number): PointerChange | undefined {
  const table = pointers.get(key)
  if (table.length === 0) return undefined
  const goes = { first: table.startAt(0), last: table.startAt(table.length - 1), count: table.length }
  return { key, goes, comes: [] }
}

// Where samples went that a collection or recovery has copied, and the plan that moves today's pointers
// there (0006-I4): deletes may have cut them since, so that a pointer may reach less than was copied, and
// neighbours may be joined no more. Pure: no disk. Called by relocate.ts.

import { partitionPoint } from '../../binary-search.ts'
import { assert, present } from '../../assert.ts'
import { liveShare } from '../../unary/time-search.ts'
import type { PointerChange } from '../../version/edit.ts'
import type { Pointer, SegmentId } from '../../version/pointer.ts'
import type { PointerTable } from '../../version/pointer-table.ts'
import type { WrittenExtent } from '../extent-batch.ts'
import type { Turns } from '../turns.ts'
import { stretchesReaching } from '../walk-pointers.ts'
import type { Stretch } from '../walk-pointers.ts'

/**
 * Numbers of a row: where the samples were (segment, offset, skip, count), position in the new extent, number
 * of that.
 */
const ROW = 6

const FIRST_ROWS = 64

/**
 * What was copied of one channel. In columns: a collection copies tens of thousands of pointers, and an
 * object for each would be garbage that lives long.
 */
export class Moves {
  /** Segments that samples were copied from. */
  readonly segments: Set<SegmentId> = new Set()
  readonly #extents: WrittenExtent[] = []
  /** Of the pointers that were copied, sorted. */
  #starts = new BigInt64Array(FIRST_ROWS)
  #ends = new BigInt64Array(FIRST_ROWS)
  #rows = new Float64Array(FIRST_ROWS * ROW)
  #length = 0
  /** Row that was found last: today's pointers are asked for in order. */
  #found = 0

  /**
   * The samples of `pointer`, which lies behind those that were added, lie in `to` from position `toSkip` on
   * as well.
   */
  add(pointer: Pointer, to: WrittenExtent, toSkip: number): void {
    const { segment, offset, skip, count, start, end } = pointer
    assert(this.#length === 0 || start >= this.#ends[this.#length - 1]!, 'what is copied is in order of time')
    if (this.#extents.at(-1) !== to) this.#extents.push(to)
    if (this.#length === this.#starts.length) this.#grow()
    this.segments.add(segment)
    this.#starts[this.#length] = start
    this.#ends[this.#length] = end
    this.#rows.set([segment, offset, skip, count, toSkip, this.#extents.length - 1], this.#length * ROW)
    this.#length++
  }

  /**
   * Pointers to the same samples where they were copied to, in order: several where a long extent was copied
   * in pieces. Empty where they were not copied.
   */
  find(pointer: Pointer): Pointer[] {
    const found: Pointer[] = []
    const end = pointer.skip + pointer.count
    let skip = pointer.skip
    for (let row = this.#rowAt(pointer.start); row >= 0 && row < this.#length && skip < end; row++) {
      const piece = this.#moved(row, pointer, skip)
      if (piece === undefined) return []
      found.push(piece)
      skip += piece.count
    }
    return skip === end ? found : []
  }

  /**
   * What of `pointer` from its extent's sample `skip` on was copied with a row; undefined where that sample
   * was not.
   */
  #moved(row: number, pointer: Pointer, skip: number): Pointer | undefined {
    const at = row * ROW
    if (this.#rows[at] !== pointer.segment || this.#rows[at + 1] !== pointer.offset) return undefined
    const [from, count] = [this.#rows[at + 2]!, this.#rows[at + 3]!]
    // What deletes have left of it is a part of it.
    if (skip < from || skip >= from + count) return undefined
    const end = Math.min(pointer.skip + pointer.count, from + count)
    const to = present(this.#extents[this.#rows[at + 5]!], 'an extent of its number')
    const toSkip = this.#rows[at + 4]! + skip - from
    const isFirst = skip === pointer.skip
    const isLast = end === pointer.skip + pointer.count
    return {
      ...pointer,
      start: isFirst ? pointer.start : this.#starts[row]!,
      end: isLast ? pointer.end : this.#ends[row]!,
      joined: isFirst ? pointer.joined : true,
      segment: to.segment,
      offset: to.offset,
      length: to.length,
      skip: toSkip,
      count: end - skip,
      live: liveShare(to.length, to.count, toSkip, toSkip + end - skip),
    }
  }

  /** Positions [from, to) of a table of the channel outside of which no pointer reaches what was copied. */
  within(table: PointerTable): Stretch {
    if (this.#length === 0) return { from: 0, to: 0 }
    return { from: table.startBound(this.#starts[0]!), to: table.startBound(this.#ends[this.#length - 1]!) }
  }

  /** The last row that begins at or before `time`; -1 where there is none. */
  #rowAt(time: bigint): number {
    let low = -1
    const length = this.#length
    if (this.#found < length && this.#starts[this.#found]! <= time) {
      low = this.#found
      if (low + 1 < length && this.#starts[low + 1]! <= time) low++
      if (low + 1 === length || this.#starts[low + 1]! > time) return (this.#found = low)
    }
    low = partitionPoint(low + 1, this.#length, (row) => this.#starts[row]! <= time) - 1
    if (low >= 0) this.#found = low
    return low
  }

  #grow(): void {
    const starts = new BigInt64Array(2 * this.#starts.length)
    starts.set(this.#starts)
    this.#starts = starts
    const ends = new BigInt64Array(2 * this.#ends.length)
    ends.set(this.#ends)
    this.#ends = ends
    const rows = new Float64Array(2 * this.#rows.length)
    rows.set(this.#rows)
    this.#rows = rows
  }
}

/**
 * The splices that move every pointer into a copied extent; neighbours in one new extent become one pointer.
 * The loop turns in between.
 */
export async function planMoves(
  turns: Turns,
  key: number,
  table: PointerTable,
  moves: Moves,
): Promise<PointerChange[]> {
  const plan = new MovePlan(key, moves)
  const { from, to } = moves.within(table)
  for await (const stretch of stretchesReaching(turns, table, moves.segments, from, to))
    table.forEach(stretch.from, stretch.to, (pointer, position) => plan.visit(pointer, position))
  return plan.finish()
}

/** Visits pointers in order; those that it does not visit are not moved. */
class MovePlan {
  readonly #key: number
  readonly #moves: Moves
  readonly #changes: PointerChange[] = []
  #first: Pointer | undefined
  #last: Pointer | undefined
  #count = 0
  #comes: Pointer[] = []
  /** Behind the pointer that was visited last. */
  #next = 0

  constructor(key: number, moves: Moves) {
    this.#key = key
    this.#moves = moves
  }

  visit(pointer: Pointer, position: number): void {
    if (position !== this.#next) this.#close()
    this.#next = position + 1
    const moved = this.#moves.find(pointer)
    if (moved.length === 0) {
      this.#close()
      return
    }
    this.#first ??= pointer
    this.#last = pointer
    this.#count++
    for (const piece of moved) this.#add(piece)
  }

  #add(moved: Pointer): void {
    const before = this.#comes.at(-1)
    if (
      before !== undefined &&
      moved.joined &&
      sameExtent(before, moved) &&
      before.skip + before.count === moved.skip
    ) {
      this.#comes[this.#comes.length - 1] = {
        ...before,
        end: moved.end,
        count: before.count + moved.count,
        live: before.live + moved.live,
      }
    } else this.#comes.push(moved)
  }

  finish(): PointerChange[] {
    this.#close()
    return this.#changes
  }

  #close(): void {
    const [first, last] = [this.#first, this.#last]
    if (first === undefined || last === undefined) return
    const goes = { first: first.start, last: last.start, count: this.#count }
    this.#changes.push({ key: this.#key, goes, comes: this.#comes })
    this.#first = this.#last = undefined
    this.#count = 0
    this.#comes = []
  }
}

function sameExtent(a: Pointer, b: Pointer): boolean {
  return a.segment === b.segment && a.offset === b.offset
}

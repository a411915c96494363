// Where samples went that a collection or recovery has copied, and the plan that moves today's pointers
// there (0006-I4): deletes may have cut them since, so that a pointer may reach less than was copied, and
// neighbours may be joined no more. Pure: no disk. Called by relocate.ts.

import { liveShare } from '../../unary/time-search.ts'
import type { PointerChange } from '../../version/edit.ts'
import type { Pointer } from '../../version/pointer.ts'
import type { PointerTable } from '../../version/pointer-table.ts'
import type { WrittenExtent } from '../extent-batch.ts'
import type { Turns } from '../turns.ts'
import { walkPointers } from '../walk-pointers.ts'

/** Samples [skip, skip + count) of an old extent, and where they went. */
interface Move {
  readonly skip: number
  readonly count: number
  readonly to: WrittenExtent
  /** Position in the new extent of sample `skip`. */
  readonly toSkip: number
}

/** What was copied of one channel. */
export class Moves {
  /** By segment and offset of the old extent. */
  readonly #moves = new Map<number, Map<number, Move[]>>()
  /** Every pointer into what was copied lies in [start, end). */
  #start: bigint | undefined
  #end: bigint | undefined

  /** The samples of `pointer` lie in `to` from position `toSkip` on as well. */
  add(pointer: Pointer, to: WrittenExtent, toSkip: number): void {
    const { segment, offset, skip, count, start, end } = pointer
    let extents = this.#moves.get(segment)
    if (extents === undefined) this.#moves.set(segment, (extents = new Map<number, Move[]>()))
    const move = { skip, count, to, toSkip }
    const list = extents.get(offset)
    if (list === undefined) extents.set(offset, [move])
    else list.push(move)
    if (this.#start === undefined || start < this.#start) this.#start = start
    if (this.#end === undefined || end > this.#end) this.#end = end
  }

  /** The pointer to the same samples where they were copied to; undefined where they were not. */
  find(pointer: Pointer): Pointer | undefined {
    const list = this.#moves.get(pointer.segment)?.get(pointer.offset)
    const move = list?.find(
      ({ skip, count }) => pointer.skip >= skip && pointer.skip + pointer.count <= skip + count,
    )
    if (move === undefined) return undefined
    const { segment, offset, length, count } = move.to
    const skip = move.toSkip + pointer.skip - move.skip
    return {
      ...pointer,
      segment,
      offset,
      length,
      skip,
      live: liveShare(length, count, skip, skip + pointer.count),
    }
  }

  /** Positions [from, to) of a table of the channel outside of which no pointer reaches what was copied. */
  within(table: PointerTable): { from: number; to: number } {
    if (this.#start === undefined || this.#end === undefined) return { from: 0, to: 0 }
    return { from: table.startBound(this.#start), to: table.startBound(this.#end) }
  }
}

/** The splices that move every pointer into a copied extent; neighbours in one new extent become one pointer. */
export function planMoves(key: number, table: PointerTable, moves: Moves): PointerChange[] {
  const plan = new MovePlan(key, moves)
  const { from, to } = moves.within(table)
  table.forEach(from, to, (pointer) => plan.visit(pointer))
  return plan.finish()
}

/** As `planMoves`; the loop turns in between. */
export async function planMovesInSlices(
  turns: Turns,
  key: number,
  table: PointerTable,
  moves: Moves,
): Promise<PointerChange[]> {
  const plan = new MovePlan(key, moves)
  const { from, to } = moves.within(table)
  await walkPointers(turns, table, (pointer) => plan.visit(pointer), from, to)
  return plan.finish()
}

/** Visits pointers in order. */
class MovePlan {
  readonly #key: number
  readonly #moves: Moves
  readonly #changes: PointerChange[] = []
  #first: Pointer | undefined
  #last: Pointer | undefined
  #count = 0
  #comes: Pointer[] = []

  constructor(key: number, moves: Moves) {
    this.#key = key
    this.#moves = moves
  }

  visit(pointer: Pointer): void {
    const moved = this.#moves.find(pointer)
    if (moved === undefined) {
      this.#close()
      return
    }
    this.#first ??= pointer
    this.#last = pointer
    this.#count++
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

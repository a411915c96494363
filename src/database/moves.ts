// Where samples went that a collection or recovery has copied, and the plan that moves today's pointers
// there (0006-I4): deletes may have cut them since, so that a pointer may reach less than was copied, and
// neighbours may be joined no more. Pure: no disk. Called by relocate.ts.

import { liveShare } from '../unary/time-search.ts'
import type { PointerChange } from '../version/edit.ts'
import type { Pointer } from '../version/pointer.ts'
import type { PointerTable } from '../version/pointer-table.ts'
import type { WrittenExtent } from './extent-batch.ts'

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
  const changes: PointerChange[] = []
  let going: Pointer[] = []
  let comes: Pointer[] = []
  const close = (): void => {
    const [first, last] = [going[0], going.at(-1)]
    if (first !== undefined && last !== undefined) {
      changes.push({ key, goes: { first: first.start, last: last.start, count: going.length }, comes })
    }
    going = []
    comes = []
  }
  const { from, to } = moves.within(table)
  table.forEach(from, to, (pointer) => {
    const moved = moves.find(pointer)
    if (moved === undefined) {
      close()
      return
    }
    going.push(pointer)
    const before = comes.at(-1)
    if (
      before !== undefined &&
      moved.joined &&
      sameExtent(before, moved) &&
      before.skip + before.count === moved.skip
    ) {
      comes[comes.length - 1] = {
        ...before,
        end: moved.end,
        count: before.count + moved.count,
        live: before.live + moved.live,
      }
    } else comes.push(moved)
  })
  close()
  return changes
}

function sameExtent(a: Pointer, b: Pointer): boolean {
  return a.segment === b.segment && a.offset === b.offset
}

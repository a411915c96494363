// What deletes took of the rows of a strip, and which rows go on with nothing, by channel. Channels of
// which the same was taken share one list, so that a delete of a row of ten thousand channels makes one, and
// every channel only a number. Immutable: a strip's views keep theirs (0003-I3).
// Used by tail.ts; what a row's cuts mean for its domain is told by `visibleRows`.

import type { Shape } from '../journal/shape.ts'

/** Rows [from, to) of one channel. Without rows it says that row `from` goes on with nothing. */
export interface RowRange {
  readonly from: number
  readonly to: number
}

const NONE: readonly RowRange[] = []

export class RowCuts {
  /** Nothing was taken of any channel. */
  static readonly none: RowCuts = new RowCuts(undefined, [], [NONE])

  readonly #shape: Shape | undefined
  /** By ordinal of the shape: which of the lists is the channel's. */
  readonly #lists: readonly number[]
  /**
   * The first one is that of channels of which nothing was taken; the others are not empty, and somebody's.
   */
  readonly #ranges: readonly (readonly RowRange[])[]

  private constructor(
    shape: Shape | undefined,
    lists: readonly number[],
    ranges: readonly (readonly RowRange[])[],
  ) {
    this.#shape = shape
    this.#lists = lists
    this.#ranges = ranges
  }

  /** How many different lists there are: 0 where nothing was taken of any channel. */
  get size(): number {
    return this.#ranges.length - 1
  }

  /** What was taken of a channel (key): sorted and disjoint; undefined where nothing was. */
  get(key: number): readonly RowRange[] | undefined {
    if (this.#ranges.length === 1) return undefined
    const list = this.#lists[this.#shape!.ordinals.get(key) ?? -1]
    return list === undefined || list === 0 ? undefined : this.#ranges[list]
  }

  /** These, and rows [from, to) of channels (ordinals of the shape). */
  with(shape: Shape, ordinals: Iterable<number>, from: number, to: number): RowCuts {
    const lists = this.#shape === undefined ? new Array<number>(shape.keys.length).fill(0) : [...this.#lists]
    const ranges = [...this.#ranges]
    // By list that channels leave: the one that they get.
    const next: number[] = []
    for (const ordinal of ordinals) {
      const old = lists[ordinal]!
      // One that is named twice has its new list already.
      if (old >= this.#ranges.length) continue
      let list = next[old]
      if (list === undefined) {
        list = next[old] = ranges.length
        ranges.push(addRange(ranges[old]!, from, to))
      }
      lists[ordinal] = list
    }
    return new RowCuts(shape, ...compacted(lists, ranges))
  }
}

/** Without lists that no channel has any more. */
function compacted(
  lists: number[],
  ranges: readonly (readonly RowRange[])[],
): [number[], readonly (readonly RowRange[])[]] {
  const numbers = new Array<number>(ranges.length).fill(-1)
  numbers[0] = 0
  const kept: (readonly RowRange[])[] = [NONE]
  for (let i = 0; i < lists.length; i++) {
    const list = lists[i]!
    let number = numbers[list]!
    if (number < 0) {
      number = numbers[list] = kept.length
      kept.push(ranges[list]!)
    }
    lists[i] = number
  }
  return [lists, kept]
}

function addRange(ranges: readonly RowRange[], from: number, to: number): RowRange[] {
  const merged: RowRange[] = []
  let low = from
  let high = to
  for (const range of ranges) {
    if (range.to < low || range.from > high) merged.push(range)
    else {
      low = Math.min(low, range.from)
      high = Math.max(high, range.to)
    }
  }
  merged.push({ from: low, to: high })
  return merged.sort((a, b) => a.from - b.from)
}

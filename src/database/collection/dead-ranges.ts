// The dead ranges of one segment (0006-I9), of which there may be a million: kept by where they begin, in
// stretches of the file, and put in order stretch by stretch, so that no step goes over all of them. They are
// disjoint: at most the last one that begins before a place reaches beyond it. Kept by DeadSpace.

import { partitionPoint } from '../../binary-search.ts'
import { meeting, subtract } from '../../version/byte-ranges.ts'
import type { ByteRange } from '../../version/byte-ranges.ts'

/** Dead bytes, and the LSN of the record that freed them. */
export interface DeadRange extends ByteRange {
  readonly lsn: number
}

/**
 * Bytes of a segment of which what begins there is put in order in one step: some thousands of ranges, a few
 * ms.
 */
export const STRETCH: number = 1024 * 1024

/**
 * A stretch is put in order, which merges most of its ranges, once there are twice as many and so many more.
 */
const SLACK = 16

interface Stretch {
  /** Replaced, never changed: whoever was told of them may go on with them. */
  ordered: readonly DeadRange[]
  /** Those that came since. */
  fresh: DeadRange[]
}

export class DeadRanges {
  readonly #stretches = new Map<number, Stretch>()
  /** Their numbers, sorted. */
  readonly #numbers: number[] = []
  readonly #counted: (more: number) => void
  #newest = 0

  /** @param counted is told by how many there are more, or fewer, than before */
  constructor(counted: (more: number) => void) {
    this.#counted = counted
  }

  /** No range has a newer LSN. */
  get newest(): number {
    return this.#newest
  }

  /** There are none. */
  get isEmpty(): boolean {
    return this.#numbers.length === 0
  }

  add(range: DeadRange): void {
    const number = Math.floor(range.start / STRETCH)
    let stretch = this.#stretches.get(number)
    if (stretch === undefined) {
      stretch = { ordered: [], fresh: [] }
      this.#stretches.set(number, stretch)
      this.#numbers.splice(this.#positionOf(number), 0, number)
    }
    stretch.fresh.push(range)
    this.#counted(1)
    this.#newest = Math.max(this.#newest, range.lsn)
    if (stretch.fresh.length > stretch.ordered.length + SLACK) this.#inOrder(stretch)
  }

  /**
   * All of them, sorted, with each step those that begin in one stretch; there, those side by side that one
   * record freed are one. Between two steps ranges may come and go: those that come further on are told too.
   */
  *portions(): Generator<readonly DeadRange[], void, void> {
    for (let next = 0; ;) {
      const number = this.#numbers[this.#positionOf(next)]
      if (number === undefined) return
      yield this.#inOrder(this.#stretches.get(number)!)
      next = number + 1
    }
  }

  /** Those that meet [start, end), whole and sorted. Costs what begins in the stretches between. */
  meeting(start: number, end: number): DeadRange[] {
    const met: DeadRange[] = []
    for (const number of this.#numbersMeeting(start, end))
      for (const range of meeting(this.#inOrder(this.#stretches.get(number)!), start, end)) met.push(range)
    return met
  }

  /**
   * These bytes, sorted, are dead no longer; done when all steps are taken, each of which looks at one
   * stretch.
   */
  *taking(ranges: readonly ByteRange[]): Generator<void, void, void> {
    let from = 0
    while (from < ranges.length) {
      const { start } = ranges[from]!
      const limit = (Math.floor(start / STRETCH) + 1) * STRETCH
      let to = from + 1
      while (to < ranges.length && ranges[to]!.start < limit) to++
      const taken = ranges.slice(from, to)
      from = to
      for (const number of this.#numbersMeeting(start, taken.at(-1)!.end)) {
        this.#subtract(number, taken)
        yield
      }
    }
  }

  /** Takes all away. */
  clear(): void {
    for (const stretch of this.#stretches.values()) this.#counted(-countOf(stretch))
    this.#stretches.clear()
    this.#numbers.length = 0
  }

  #subtract(number: number, ranges: readonly ByteRange[]): void {
    const stretch = this.#stretches.get(number)
    // All went between two steps.
    if (stretch === undefined) return
    const left = subtract(this.#inOrder(stretch), ranges)
    const stay = left.filter(({ start }) => Math.floor(start / STRETCH) === number)
    this.#replace(stretch, stay)
    if (stay.length === 0) {
      this.#stretches.delete(number)
      this.#numbers.splice(this.#positionOf(number), 1)
    }
    // Of a range that reaches beyond its stretch, what is left behind the bytes that went.
    if (stay.length < left.length)
      for (const range of left) if (Math.floor(range.start / STRETCH) !== number) this.add(range)
  }

  #inOrder(stretch: Stretch): readonly DeadRange[] {
    const { ordered, fresh } = stretch
    if (fresh.length > 0) this.#replace(stretch, inOrder([...ordered, ...fresh]))
    return stretch.ordered
  }

  #replace(stretch: Stretch, ordered: readonly DeadRange[]): void {
    this.#counted(ordered.length - countOf(stretch))
    stretch.ordered = ordered
    stretch.fresh = []
  }

  /** Numbers of the stretches in which ranges begin that may meet [start, end). */
  #numbersMeeting(start: number, end: number): number[] {
    const first = Math.max(0, this.#positionOf(Math.floor(start / STRETCH)) - 1)
    return this.#numbers.slice(first, this.#positionOf(Math.ceil(end / STRETCH)))
  }

  /** Where the first number lies that is not below this one. */
  #positionOf(number: number): number {
    return partitionPoint(0, this.#numbers.length, (i) => this.#numbers[i]! < number)
  }
}

function countOf({ ordered, fresh }: Stretch): number {
  return ordered.length + fresh.length
}

/** Sorted; what lies side by side and was freed by one record is one range. They are disjoint. */
function inOrder(dead: DeadRange[]): DeadRange[] {
  const ordered: DeadRange[] = []
  for (const range of dead.sort((a, b) => a.start - b.start)) {
    const last = ordered.at(-1)
    if (last === undefined || last.end !== range.start || last.lsn !== range.lsn) ordered.push(range)
    else ordered[ordered.length - 1] = { start: last.start, end: range.end, lsn: range.lsn }
  }
  return ordered
}

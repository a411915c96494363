// What a reader needs of a sorted list of pointers. The pointer table is one; the pointers that a run
// of a tail names, few as they are, are another; those of many runs (joined-runs.ts) a third.

import { lastAtMost, partitionPoint } from '../binary-search.ts'
import { assert } from '../assert.ts'
import type { LiveBytes } from '../version/pointer-branch.ts'
import type { Pointer, SegmentId } from '../version/pointer.ts'

/** Sorted, disjoint pointers of one channel. Positions count from 0. */
export interface PointerList {
  readonly length: number
  /** Sum of all counts. */
  readonly samples: number
  /** Contiguous stretches that they form: those that go on, or touch, are one. */
  readonly domains: number
  get(position: number): Pointer
  startAt(position: number): bigint
  endAt(position: number): bigint
  joinedAt(position: number): boolean
  /** Visits the pointers at [from, to), which must be there, in order. */
  forEach(from: number, to: number, visit: (pointer: Pointer, position: number) => void): void
  /** Position of the first pointer that ends after `time`; `length` where none does. */
  lowerBound(time: bigint): number
  /** Position of the first pointer that starts at or after `time`; `length` where none does. */
  startBound(time: bigint): number
  /** By segment, what the pointers [from, to) keep live. */
  liveIn(from: number, to: number): LiveBytes
  /** Sum of the counts before `position`. */
  samplesBefore(position: number): number
  /**
   * The pointer that holds the sample of this number, counted from 0 over all of them.
   * @throws AssertionError outside [0, samples)
   */
  positionOfSample(sample: number): { readonly position: number; readonly within: number }
}

/** `startBound` of a list. */
export function startBoundOf(
  list: Pick<PointerList, 'length' | 'lowerBound' | 'startAt'>,
  time: bigint,
): number {
  const position = list.lowerBound(time)
  return position < list.length && list.startAt(position) < time ? position + 1 : position
}

/** `liveIn` of a list that keeps no sums of them. */
export function liveBytesOf(list: Pick<PointerList, 'forEach'>, from: number, to: number): LiveBytes {
  const sums = new Map<SegmentId, number>()
  list.forEach(from, to, ({ segment, live }) => sums.set(segment, (sums.get(segment) ?? 0) + live))
  return sums
}

/** From this length on sums are kept. */
const SUMMED_FROM = 16

/** A list held in an array, never changed. */
export class ShortPointerList implements PointerList {
  readonly pointers: readonly Pointer[]
  /** Samples before each position; made when they are first asked for. */
  #before: Float64Array | undefined

  constructor(pointers: readonly Pointer[]) {
    this.pointers = pointers
  }

  get length(): number {
    return this.pointers.length
  }

  get samples(): number {
    return this.samplesBefore(this.pointers.length)
  }

  get(position: number): Pointer {
    return this.pointers[position]!
  }

  startAt(position: number): bigint {
    return this.pointers[position]!.start
  }

  endAt(position: number): bigint {
    return this.pointers[position]!.end
  }

  joinedAt(position: number): boolean {
    return this.pointers[position]!.joined
  }

  forEach(from: number, to: number, visit: (pointer: Pointer, position: number) => void): void {
    for (let position = from; position < to; position++) visit(this.pointers[position]!, position)
  }

  get domains(): number {
    let domains = 0
    let end: bigint | undefined
    for (const pointer of this.pointers) {
      if (!pointer.joined && pointer.start !== end) domains++
      ;({ end } = pointer)
    }
    return domains
  }

  lowerBound(time: bigint): number {
    return partitionPoint(0, this.pointers.length, (position) => this.pointers[position]!.end <= time)
  }

  startBound(time: bigint): number {
    return startBoundOf(this, time)
  }

  liveIn(from = 0, to: number = this.length): LiveBytes {
    return liveBytesOf(this, from, to)
  }

  samplesBefore(position: number): number {
    if (this.pointers.length >= SUMMED_FROM) return this.#sums()[position]!
    let sum = 0
    for (let i = 0; i < position; i++) sum += this.pointers[i]!.count
    return sum
  }

  positionOfSample(sample: number): { position: number; within: number } {
    assert(sample >= 0 && sample < this.samples, 'a sample of the list')
    const { length } = this.pointers
    let position = length >= SUMMED_FROM ? lastAtMost(this.#sums(), length, sample) : 0
    let within = sample - this.samplesBefore(position)
    while (within >= this.pointers[position]!.count) within -= this.pointers[position++]!.count
    return { position, within }
  }

  #sums(): Float64Array {
    if (this.#before !== undefined) return this.#before
    const before = new Float64Array(this.pointers.length + 1)
    this.pointers.forEach(({ count }, i) => (before[i + 1] = before[i]! + count))
    return (this.#before = before)
  }
}

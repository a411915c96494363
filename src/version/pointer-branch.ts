// The inner levels of a pointer table: a branch holds its children in time order, with what is needed
// to find one by position, by sample or by time without looking into them.
// Immutable. The running sums are *exclusive* (what lies before a child), so that replacing the last
// child, which is what every append does, shares them with the version before.
// A node is a branch of leaves, the root of a table a branch of nodes; only `PointerTable` uses them.

import { assert, present } from '../assert.ts'
import type { SegmentId } from './pointer.ts'

/** By segment: bytes that pointers keep live. */
export type LiveBytes = ReadonlyMap<SegmentId, number>

/** What a branch keeps of a child, and is itself to the branch above. */
export interface Span {
  /** Number of pointers. */
  readonly length: number
  /** Sum of their counts. */
  readonly samples: number
  /** How many of them go on with nothing before them in the span: neither joined, nor touching. */
  readonly domains: number
  /** Whether the first is joined; false where there is none. */
  readonly firstJoined: boolean
  /** Start of the first and end of the last; 0n where there is none. */
  readonly firstStart: bigint
  readonly lastEnd: bigint
  /** By segment: what they keep live. */
  readonly live: LiveBytes
}

// Most channels are small: branches with one child, or none, share their sums.
const ONLY_CHILD: readonly number[] = [0]

/** Children in time order. Indexes of children count from 0. */
export class Branch<Child extends Span> implements Span {
  readonly children: readonly Child[]
  readonly length: number
  readonly samples: number
  readonly domains: number
  readonly firstJoined: boolean
  readonly firstStart: bigint
  readonly lastEnd: bigint
  readonly #pointersBefore: readonly number[]
  readonly #samplesBefore: readonly number[]
  #live: LiveBytes | undefined

  private constructor(
    children: readonly Child[],
    pointersBefore: readonly number[],
    samplesBefore: readonly number[],
    domains: number,
  ) {
    const at = children.length - 1
    const first = children[0]
    const last = children[at]
    this.children = children
    this.#pointersBefore = pointersBefore
    this.#samplesBefore = samplesBefore
    this.length = last === undefined ? 0 : (pointersBefore[at] ?? 0) + last.length
    this.samples = last === undefined ? 0 : (samplesBefore[at] ?? 0) + last.samples
    this.domains = domains
    this.firstJoined = first?.firstJoined ?? false
    this.firstStart = first === undefined ? 0n : first.firstStart
    this.lastEnd = last === undefined ? 0n : last.lastEnd
  }

  /** The branch of these children, none of them empty; it owns the array from now on. */
  static of<Child extends Span>(children: readonly Child[]): Branch<Child> {
    const only = children[0]
    if (children.length <= 1) return new Branch(children, ONLY_CHILD, ONLY_CHILD, only?.domains ?? 0)
    const pointersBefore: number[] = []
    const samplesBefore: number[] = []
    let pointers = 0
    let samples = 0
    let domains = 0
    let before: Child | undefined
    for (const child of children) {
      pointersBefore.push(pointers)
      samplesBefore.push(samples)
      pointers += child.length
      samples += child.samples
      domains += domainsBehind(before, child)
      before = child
    }
    return new Branch(children, pointersBefore, samplesBefore, domains)
  }

  /** The branch with another last child. */
  withLast(child: Child): Branch<Child> {
    const last = this.children.length - 1
    const old = present(this.children[last], 'a last child to replace')
    const children = this.children.slice()
    children[last] = child
    const before = this.children[last - 1]
    const domains = this.domains - domainsBehind(before, old) + domainsBehind(before, child)
    return new Branch(children, this.#pointersBefore, this.#samplesBefore, domains)
  }

  /** Added up when first asked for, and kept. */
  get live(): LiveBytes {
    if (this.#live !== undefined) return this.#live
    const live = new Map<SegmentId, number>()
    for (const child of this.children) addLiveBytes(live, child.live)
    return (this.#live = live)
  }

  /** @throws AssertionError if there is no such child. */
  child(index: number): Child {
    return present(this.children[index], 'a child of the branch')
  }

  /** Pointers in the children before this one. */
  pointersBefore(index: number): number {
    return this.#pointersBefore[index] ?? 0
  }

  /** Samples in the children before this one. */
  samplesBefore(index: number): number {
    return this.#samplesBefore[index] ?? 0
  }

  /** Index of the child that holds the pointer at `position`, 0 to length - 1. */
  indexOfPointer(position: number): number {
    return lastAtMost(this.#pointersBefore, position)
  }

  /** Index of the child that holds the `sample`-th sample, 0 to samples - 1. */
  indexOfSample(sample: number): number {
    return lastAtMost(this.#samplesBefore, sample)
  }

  /** Index of the first child that ends after `time`, or the number of children. */
  indexEndingAfter(time: bigint): number {
    let low = 0
    let high = this.children.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.child(middle).lastEnd > time) high = middle
      else low = middle + 1
    }
    return low
  }

  /** Index of the last child that starts before `time`, or -1. */
  indexStartingBefore(time: bigint): number {
    let low = 0
    let high = this.children.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.child(middle).firstStart >= time) high = middle
      else low = middle + 1
    }
    return low - 1
  }

  /** @throws AssertionError if a sum that is kept differs from what the children say. */
  check(): void {
    const fresh = Branch.of(this.children)
    for (const [index, child] of this.children.entries()) {
      assert(child.length > 0, 'no child of a branch is empty')
      assert(fresh.pointersBefore(index) === this.pointersBefore(index), 'pointers before a child add up')
      assert(fresh.samplesBefore(index) === this.samplesBefore(index), 'samples before a child add up')
    }
    assert(fresh.length === this.length && fresh.samples === this.samples, 'totals of a branch add up')
    assert(fresh.domains === this.domains, 'domains of a branch add up')
  }
}

/** Adds bytes by segment to sums. */
export function addLiveBytes(sums: Map<SegmentId, number>, live: LiveBytes): void {
  for (const [segment, bytes] of live) sums.set(segment, (sums.get(segment) ?? 0) + bytes)
}

/** Domains that begin in `child`: its first pointer may go on with what ends before it. */
function domainsBehind(before: Span | undefined, child: Span): number {
  const goesOn = before !== undefined && !child.firstJoined && child.firstStart === before.lastEnd
  return goesOn ? child.domains - 1 : child.domains
}

/**
 * Sizes of the fewest chunks of at most `limit` that hold `total`, as even as can be: with more than
 * one, each is at least half of `limit`.
 */
export function evenSizes(total: number, limit: number): number[] {
  const chunks = Math.ceil(total / limit)
  const size = Math.floor(total / chunks)
  const larger = total % chunks
  return Array.from({ length: chunks }, (_, chunk) => (chunk < larger ? size + 1 : size))
}

function lastAtMost(sums: readonly number[], value: number): number {
  let low = 0
  let high = sums.length - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if ((sums[middle] ?? 0) <= value) low = middle
    else high = middle - 1
  }
  return low
}

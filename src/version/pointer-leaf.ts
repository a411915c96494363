// A leaf of a pointer table: up to 256 pointers in columns of one ArrayBuffer.
// A leaf is an immutable view of the first `length` rows of its buffer. Several versions of a leaf
// may share a buffer: `used` says how many rows are taken, and only the version that ends there may
// write behind them, so that no version ever sees a row change. Made and read by `PointerTable`
// alone, which checks order and ranges before it gets here.

import { assert, present } from '../assert.ts'
import type { LiveBytes } from './pointer-branch.ts'
import { assertPointer } from './pointer-rules.ts'
import type { Pointer, SegmentId } from './pointer.ts'

/** Most pointers of a leaf; buffers grow 8, 16 ... to it. */
export const LEAF_CAPACITY = 256

const SMALLEST_CAPACITY = 8

// A row takes 49 bytes; column c of a buffer begins at c * capacity.
//
// | column  | from | type | | column | from | type |
// | ------- | ---- | ---- | | ------ | ---- | ---- |
// | start   |    0 | i64  | | skip   |   36 | u32  |
// | end     |    8 | i64  | | count  |   40 | u32  |
// | segment |   16 | f64  | | live   |   44 | u32  |
// | offset  |   24 | f64  | | joined |   48 | u8   |
// | length  |   32 | u32  | |        |      |      |
const ENDS = 8
const SEGMENTS = 16
const OFFSETS = 24
const LENGTHS = 32
const SKIPS = 36
const COUNTS = 40
const LIVES = 44
const JOINEDS = 48
const ROW_SIZE = 49

/** The columns as [from, element size]: what a copy of rows goes through. */
const COLUMNS: readonly (readonly [number, number])[] = [
  [0, 8],
  [ENDS, 8],
  [SEGMENTS, 8],
  [OFFSETS, 8],
  [LENGTHS, 4],
  [SKIPS, 4],
  [COUNTS, 4],
  [LIVES, 4],
  [JOINEDS, 1],
]

/** Rows in columns. Rows below `used` belong to some version and never change again. */
class Rows {
  readonly capacity: number
  readonly view: DataView
  used = 0

  constructor(capacity: number) {
    this.capacity = capacity
    this.view = new DataView(new ArrayBuffer(capacity * ROW_SIZE))
  }

  /** Room for `length` rows, in the smallest step that holds them. */
  static for(length: number): Rows {
    let capacity = SMALLEST_CAPACITY
    while (capacity < length) capacity *= 2
    return new Rows(capacity)
  }

  add(pointer: Pointer): void {
    const { view, capacity, used } = this
    view.setBigInt64(used * 8, pointer.start, true)
    view.setBigInt64(ENDS * capacity + used * 8, pointer.end, true)
    view.setFloat64(SEGMENTS * capacity + used * 8, pointer.segment, true)
    view.setFloat64(OFFSETS * capacity + used * 8, pointer.offset, true)
    view.setUint32(LENGTHS * capacity + used * 4, pointer.length, true)
    view.setUint32(SKIPS * capacity + used * 4, pointer.skip, true)
    view.setUint32(COUNTS * capacity + used * 4, pointer.count, true)
    view.setUint32(LIVES * capacity + used * 4, pointer.live, true)
    view.setUint8(JOINEDS * capacity + used, pointer.joined ? 1 : 0)
    this.used = used + 1
  }

  addFrom(source: Rows, from: number, to: number): void {
    const rows = to - from
    if (rows === 0) return
    for (const [column, size] of COLUMNS) {
      const bytes = new Uint8Array(source.view.buffer, column * source.capacity + from * size, rows * size)
      new Uint8Array(this.view.buffer, column * this.capacity + this.used * size, rows * size).set(bytes)
    }
    this.used += rows
  }
}

/** Up to 256 consecutive pointers of one channel, immutable. Positions count from 0 within the leaf. */
export class Leaf {
  /** The leaf without pointers, to extend. */
  static readonly empty: Leaf = new Leaf(new Rows(0), 0, 0, 0, 0n, 0n)

  readonly length: number
  /** Sum of the pointers' counts. */
  readonly samples: number
  /** Pointers that go on with nothing in the leaf: neither joined, nor touching the one before. */
  readonly domains: number
  /** Start of the first pointer (0n in the empty leaf). */
  readonly firstStart: bigint
  /** End of the last pointer (0n in the empty leaf). */
  readonly lastEnd: bigint
  readonly #rows: Rows
  #live: LiveBytes | undefined

  private constructor(
    rows: Rows,
    length: number,
    samples: number,
    domains: number,
    firstStart: bigint,
    lastEnd: bigint,
  ) {
    this.#rows = rows
    this.length = length
    this.samples = samples
    this.domains = domains
    this.firstStart = firstStart
    this.lastEnd = lastEnd
  }

  get firstJoined(): boolean {
    return this.length > 0 && this.joinedAt(0)
  }

  /** Added up when first asked for, and kept: what an edit takes is asked for again when it is applied. */
  get live(): LiveBytes {
    if (this.#live !== undefined) return this.#live
    const live = new Map<SegmentId, number>()
    this.addLive(0, this.length, live)
    return (this.#live = live)
  }

  /** Adds what the pointers [from, to) keep live. */
  addLive(from: number, to: number, sums: Map<SegmentId, number>): void {
    const { view, capacity } = this.#rows
    let segment = 0
    let sum = 0
    for (let i = from; i < to; i++) {
      const reached = view.getFloat64(SEGMENTS * capacity + i * 8, true)
      if (reached !== segment) {
        if (sum > 0) sums.set(segment, (sums.get(segment) ?? 0) + sum)
        segment = reached
        sum = 0
      }
      sum += view.getUint32(LIVES * capacity + i * 4, true)
    }
    if (sum > 0) sums.set(segment, (sums.get(segment) ?? 0) + sum)
  }

  startAt(position: number): bigint {
    return this.#rows.view.getBigInt64(position * 8, true)
  }

  endAt(position: number): bigint {
    return this.#rows.view.getBigInt64(ENDS * this.#rows.capacity + position * 8, true)
  }

  countAt(position: number): number {
    return this.#rows.view.getUint32(COUNTS * this.#rows.capacity + position * 4, true)
  }

  joinedAt(position: number): boolean {
    return this.#rows.view.getUint8(JOINEDS * this.#rows.capacity + position) === 1
  }

  get(position: number): Pointer {
    const { view, capacity } = this.#rows
    return {
      start: view.getBigInt64(position * 8, true),
      end: view.getBigInt64(ENDS * capacity + position * 8, true),
      joined: view.getUint8(JOINEDS * capacity + position) === 1,
      segment: view.getFloat64(SEGMENTS * capacity + position * 8, true),
      offset: view.getFloat64(OFFSETS * capacity + position * 8, true),
      length: view.getUint32(LENGTHS * capacity + position * 4, true),
      skip: view.getUint32(SKIPS * capacity + position * 4, true),
      count: view.getUint32(COUNTS * capacity + position * 4, true),
      live: view.getUint32(LIVES * capacity + position * 4, true),
    }
  }

  /** Position of the first pointer with end > `time`, or `length`. */
  lowerBound(time: bigint): number {
    let low = 0
    let high = this.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.endAt(middle) > time) high = middle
      else low = middle + 1
    }
    return low
  }

  /** Position of the first pointer with start >= `time`, or `length`. */
  startBound(time: bigint): number {
    let low = 0
    let high = this.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.startAt(middle) >= time) high = middle
      else low = middle + 1
    }
    return low
  }

  /** Sum of the counts of the pointers [0, position). */
  samplesBefore(position: number): number {
    let samples = 0
    for (let i = 0; i < position; i++) samples += this.countAt(i)
    return samples
  }

  /**
   * The leaf with `pointers[from, to)` behind its own; together at most 256. In place where this
   * version ends where its buffer is used up to, so that appending is O(1) amortised; else in a copy.
   */
  extend(pointers: readonly Pointer[], from: number, to: number): Leaf {
    const length = this.length + to - from
    assert(from < to && length <= LEAF_CAPACITY, 'a leaf grows by at least one pointer, to 256 at most')
    let rows = this.#rows
    if (rows.used !== this.length || length > rows.capacity) {
      rows = Rows.for(length)
      rows.addFrom(this.#rows, 0, this.length)
    }
    let { samples, domains } = this
    let end = this.length > 0 ? this.lastEnd : undefined
    let last: Pointer | undefined
    for (let i = from; i < to; i++) {
      last = present(pointers[i], 'a pointer for every row')
      rows.add(last)
      samples += last.count
      if (!last.joined && last.start !== end) domains++
      end = last.end
    }
    const firstStart = this.length > 0 ? this.firstStart : present(pointers[from], 'a first pointer').start
    return new Leaf(rows, length, samples, domains, firstStart, present(last, 'a last pointer').end)
  }

  /**
   * Looks at every pointer and at the sums; `previousEnd` is where the leaf before ends.
   * @returns where this leaf ends.
   * @throws AssertionError naming what does not hold.
   */
  check(previousEnd: bigint): bigint {
    let end = previousEnd
    let domains = 0
    for (let i = 0; i < this.length; i++) {
      const pointer = this.get(i)
      assertPointer(pointer)
      assert(pointer.start >= end, 'pointers are sorted and disjoint')
      if (!pointer.joined && (i === 0 || pointer.start !== end)) domains++
      end = pointer.end
    }
    assert(this.samples === this.samplesBefore(this.length), 'the samples of a leaf add up')
    assert(this.domains === domains, 'the domains of a leaf add up')
    assert(
      this.firstStart === this.startAt(0) && this.lastEnd === end,
      'a leaf knows where it starts and ends',
    )
    return end
  }

  /** Puts rows [from, to) behind the others of `rows`. */
  copyTo(rows: Rows, from: number, to: number): void {
    rows.addFrom(this.#rows, from, to)
  }

  /** The leaf of all rows in use; at least one. */
  static of(rows: Rows): Leaf {
    let samples = 0
    let domains = 0
    const leaf = new Leaf(rows, rows.used, 0, 0, 0n, 0n)
    for (let i = 0; i < rows.used; i++) {
      samples += leaf.countAt(i)
      if (!leaf.joinedAt(i) && (i === 0 || leaf.startAt(i) !== leaf.endAt(i - 1))) domains++
    }
    return new Leaf(rows, rows.used, samples, domains, leaf.startAt(0), leaf.endAt(rows.used - 1))
  }
}

/** Packs rows into new leaves of sizes given beforehand, in order: what a splice leaves and inserts. */
export class LeafPacker {
  readonly #sizes: readonly number[]
  readonly #leaves: Leaf[] = []
  #rows: Rows | undefined

  /** @param sizes pointers of each leaf to come, each 1 to 256. */
  constructor(sizes: readonly number[]) {
    this.#sizes = sizes
  }

  addAll(pointers: readonly Pointer[]): void {
    for (const pointer of pointers) {
      const rows = this.#open()
      rows.add(pointer)
      this.#close(rows)
    }
  }

  /** Adds the pointers [from, to) of `leaf`. */
  addFrom(leaf: Leaf, from: number, to: number): void {
    for (let position = from; position < to;) {
      const rows = this.#open()
      const until = Math.min(to, position + this.#size() - rows.used)
      leaf.copyTo(rows, position, until)
      position = until
      this.#close(rows)
    }
  }

  /** The leaves, all full to their sizes. */
  finish(): readonly Leaf[] {
    assert(this.#leaves.length === this.#sizes.length, 'as many pointers packed as the sizes say')
    return this.#leaves
  }

  #size(): number {
    return present(this.#sizes[this.#leaves.length], 'no more pointers packed than the sizes say')
  }

  #open(): Rows {
    this.#rows ??= Rows.for(this.#size())
    return this.#rows
  }

  #close(rows: Rows): void {
    if (rows.used < this.#size()) return
    this.#leaves.push(Leaf.of(rows))
    this.#rows = undefined
  }
}

// All pointers of one channel, sorted by start and disjoint, as one immutable value (invariant 1).
// A root over nodes of up to 64 leaves of up to 256 pointers. A splice copies the leaves and nodes at
// its two edges, and the root (one entry per 16,384 pointers), and shares the rest; every leaf but the
// last keeps at least 64 pointers and every node but the last at least 16 leaves, so that many splices
// do not wear the table down. A plain class without immer's mark: drafts neither copy nor freeze it.
// Made by `apply` and by whoever loads a checkpoint; read by everything that looks for samples.

import { assert } from '../assert.ts'
import { addLiveBytes, Branch, evenSizes } from './pointer-branch.ts'
import type { LiveBytes } from './pointer-branch.ts'
import { Leaf, LEAF_CAPACITY, LeafPacker } from './pointer-leaf.ts'
import { assertPointer, assertSequence, TIME_MIN } from './pointer-rules.ts'
import type { Pointer, SegmentId } from './pointer.ts'

/** Most leaves of a node. */
const NODE_CAPACITY = 64

// What a splice leaves smaller than this is packed anew together with a neighbour.
const SMALL_LEAF = 64
const SMALL_NODE = 16

type Node = Branch<Leaf>

/** A leaf by its node and its index there; `within` is a position in that leaf. */
interface Place {
  readonly node: number
  readonly leaf: number
  readonly within: number
}

// Made on first use and not by a static initializer: tsc 7.0.2 compiles the class's own name in one to an
// alias that is not set yet, where a private method names the class too.
let emptyTable: PointerTable | undefined

/** The pointers of one channel. Positions count from 0 and are valid for this version only. */
export class PointerTable {
  /** The table without pointers. */
  static get empty(): PointerTable {
    return (emptyTable ??= new PointerTable(Branch.of<Node>([])))
  }

  readonly #root: Branch<Node>
  // The leaf that was read last and the position of its first pointer: accessors come in bursts.
  #leaf: Leaf = Leaf.empty
  #base = 0

  private constructor(root: Branch<Node>) {
    this.#root = root
  }

  /**
   * The table of these pointers, which come sorted and disjoint.
   * @throws AssertionError if they do not.
   */
  static from(pointers: Iterable<Pointer>): PointerTable {
    const builder = new PointerTableBuilder()
    for (const pointer of pointers) builder.push(pointer)
    return builder.build()
  }

  /** The table of these leaves, in order: full ones, save the last. For `PointerTableBuilder`. */
  static ofLeaves(leaves: readonly Leaf[]): PointerTable {
    return leaves.length === 0 ? PointerTable.empty : new PointerTable(Branch.of(fullNodes(leaves)))
  }

  /** Number of pointers. */
  get length(): number {
    return this.#root.length
  }

  /** Sum of the pointers' counts. */
  get samples(): number {
    return this.#root.samples
  }

  /** Number of contiguous stretches: pointers that are neither joined to the one before nor touch it. */
  get domains(): number {
    return this.#root.domains
  }

  /**
   * The pointer at `position`, as a new object.
   * @throws AssertionError outside [0, length), like the other accessors.
   */
  get(position: number): Pointer {
    const within = this.#locate(position)
    return this.#leaf.get(within)
  }

  /** Start of the pointer at `position`, in nanoseconds; no object is made. */
  startAt(position: number): bigint {
    const within = this.#locate(position)
    return this.#leaf.startAt(within)
  }

  /** End of the pointer at `position`, in nanoseconds; no object is made. */
  endAt(position: number): bigint {
    const within = this.#locate(position)
    return this.#leaf.endAt(within)
  }

  /** Samples that the pointer at `position` reaches. */
  countAt(position: number): number {
    const within = this.#locate(position)
    return this.#leaf.countAt(within)
  }

  /** Whether the pointer at `position` goes on with the domain of the one before it. */
  joinedAt(position: number): boolean {
    const within = this.#locate(position)
    return this.#leaf.joinedAt(within)
  }

  /** Position of the first pointer that ends after `time` (end > time), or `length`. O(log n). */
  lowerBound(time: bigint): number {
    const nodeIndex = this.#root.indexEndingAfter(time)
    if (nodeIndex === this.#root.children.length) return this.length
    const node = this.#root.child(nodeIndex)
    const leafIndex = node.indexEndingAfter(time)
    const before = this.#root.pointersBefore(nodeIndex) + node.pointersBefore(leafIndex)
    return before + node.child(leafIndex).lowerBound(time)
  }

  /** Position of the first pointer with start >= `time`, or `length`. O(log n). */
  startBound(time: bigint): number {
    const nodeIndex = this.#root.indexStartingBefore(time)
    if (nodeIndex < 0) return 0
    const node = this.#root.child(nodeIndex)
    const leafIndex = node.indexStartingBefore(time)
    const before = this.#root.pointersBefore(nodeIndex) + node.pointersBefore(leafIndex)
    return before + node.child(leafIndex).startBound(time)
  }

  /**
   * Samples of the pointers [0, position), O(log n).
   * @throws AssertionError outside [0, length].
   */
  samplesBefore(position: number): number {
    if (position === this.length) return this.samples
    const place = this.#place(position)
    const node = this.#root.child(place.node)
    const before = this.#root.samplesBefore(place.node) + node.samplesBefore(place.leaf)
    return before + node.child(place.leaf).samplesBefore(place.within)
  }

  /**
   * The pointer that holds the `sample`-th sample of the table, counted from 0, and which of the
   * pointer's samples it is (0 to count - 1). O(log n).
   * @throws AssertionError outside [0, samples).
   */
  positionOfSample(sample: number): { readonly position: number; readonly within: number } {
    assert(Number.isInteger(sample) && sample >= 0 && sample < this.samples, 'a sample of the table')
    const nodeIndex = this.#root.indexOfSample(sample)
    const node = this.#root.child(nodeIndex)
    let within = sample - this.#root.samplesBefore(nodeIndex)
    const leafIndex = node.indexOfSample(within)
    const leaf = node.child(leafIndex)
    within -= node.samplesBefore(leafIndex)
    let position = 0
    for (let count = leaf.countAt(0); within >= count; count = leaf.countAt(position)) {
      within -= count
      position++
    }
    return {
      position: this.#root.pointersBefore(nodeIndex) + node.pointersBefore(leafIndex) + position,
      within,
    }
  }

  /**
   * The pointers [from, to), each as a new object; from whatever version `this` is, for as long as the
   * iterator lives.
   * @throws AssertionError unless 0 <= from <= to <= length; at the call, not at the first step.
   */
  slice(from = 0, to: number = this.length): IterableIterator<Pointer> {
    this.#assertRange(from, to)
    return this.#pointers(from, to)
  }

  /**
   * Calls `visit` with each of the pointers [from, to), as a new object, and its position.
   * @throws AssertionError unless 0 <= from <= to <= length.
   */
  forEach(from: number, to: number, visit: (pointer: Pointer, position: number) => void): void {
    this.#assertRange(from, to)
    for (let position = from; position < to;) {
      let within = this.#locate(position)
      const leaf = this.#leaf
      const until = Math.min(leaf.length, within + to - position)
      while (within < until) visit(leaf.get(within++), position++)
    }
  }

  /**
   * Where to look next, from `position` on, for pointers into any of these segments: those before `from`
   * reach none of them, those from `from` to `to` lie in one leaf that reaches some; where there is no such
   * leaf near by, `from` is `to`, and more may lie behind it. By the sums of `liveIn`, so that whole nodes
   * are passed over.
   * @throws AssertionError outside [0, length).
   */
  stretchReaching(segments: ReadonlySet<SegmentId>, position: number): { from: number; to: number } {
    const place = this.#place(position)
    const node = this.#root.child(place.node)
    const base = this.#root.pointersBefore(place.node)
    const end = base + node.length
    if (!reachesAny(node.live, segments)) return { from: end, to: end }
    for (let at = place.leaf; at < node.children.length; at++) {
      const leaf = node.child(at)
      const first = base + node.pointersBefore(at)
      if (reachesAny(leaf.live, segments)) return { from: Math.max(first, position), to: first + leaf.length }
    }
    return { from: end, to: end }
  }

  /**
   * By segment, what the pointers [from, to) keep live. Sums of leaves and nodes are kept, so that asking
   * again costs a few hundred steps for a million pointers, in this table and in those that share its leaves.
   * @throws AssertionError unless 0 <= from <= to <= length.
   */
  liveIn(from = 0, to: number = this.length): LiveBytes {
    this.#assertRange(from, to)
    const sums = new Map<SegmentId, number>()
    for (let position = from; position < to;) {
      const { node: nodeIndex, leaf: leafIndex, within } = this.#place(position)
      const node = this.#root.child(nodeIndex)
      const leaf = node.child(leafIndex)
      if (leafIndex === 0 && within === 0 && to - position >= node.length) {
        addLiveBytes(sums, node.live)
        position += node.length
      } else if (within === 0 && to - position >= leaf.length) {
        addLiveBytes(sums, leaf.live)
        position += leaf.length
      } else {
        const until = Math.min(leaf.length, within + to - position)
        leaf.addLive(within, until, sums)
        position += until - within
      }
    }
    return sums
  }

  /**
   * The table with `insert` in place of the pointers [position, position + remove). The cost grows with
   * `insert`, not with `remove`, and with the table only by the root's entries. `this` stays what it is.
   * @throws AssertionError if the range is not inside the table, or if the result would not be sorted,
   * disjoint and within the ranges of its columns.
   */
  splice(position: number, remove: number, insert: readonly Pointer[]): PointerTable {
    const behind = position + remove
    this.#assertRange(position, behind)
    const first = insert[0]
    const last = insert.at(-1)
    if (first === undefined || last === undefined) {
      if (remove === 0) return this
      if (remove === this.length) return PointerTable.empty
    } else {
      assertSequence(insert)
      const fitsLeft = position === 0 || this.endAt(position - 1) <= first.start
      const fitsRight = behind === this.length || last.end <= this.startAt(behind)
      assert(fitsLeft && fitsRight, 'an insert lies between what is before it and what is behind it')
    }
    return position === this.length ? this.#append(insert) : this.#replace(position, remove, insert)
  }

  /**
   * Looks at everything that the table promises: order, ranges, sums, sizes of leaves and nodes. O(n).
   * @throws AssertionError naming what does not hold.
   */
  check(): void {
    for (const leaf of this.checking()) assert(leaf > 0, 'no leaf is empty')
  }

  /**
   * As `check`, in steps of one leaf: gives the pointers of each.
   * @throws AssertionError naming what does not hold.
   */
  *checking(): Generator<number, void, void> {
    this.#root.check()
    let previousEnd = TIME_MIN
    for (const [nodeIndex, node] of this.#root.children.entries()) {
      node.check()
      const lastNode = nodeIndex === this.#root.children.length - 1
      assert(node.children.length <= NODE_CAPACITY, 'a node has at most 64 leaves')
      assert(lastNode || node.children.length >= SMALL_NODE, 'every node but the last has 16 leaves')
      for (const [leafIndex, leaf] of node.children.entries()) {
        const lastLeaf = lastNode && leafIndex === node.children.length - 1
        assert(lastLeaf || leaf.length >= SMALL_LEAF, 'every leaf but the last has 64 pointers')
        previousEnd = leaf.check(previousEnd)
        yield leaf.length
      }
    }
  }

  #assertRange(from: number, to: number): void {
    assert(Number.isInteger(from) && Number.isInteger(to), 'positions are integers')
    assert(from >= 0 && from <= to && to <= this.length, 'a range of positions inside the table')
  }

  /** Makes the leaf of `position` the one read last; the position inside it. */
  #locate(position: number): number {
    const within = position - this.#base
    if (within >= 0 && within < this.#leaf.length) return within
    const place = this.#place(position)
    this.#leaf = this.#root.child(place.node).child(place.leaf)
    this.#base = position - place.within
    return place.within
  }

  #place(position: number): Place {
    const inside = Number.isInteger(position) && position >= 0 && position < this.length
    assert(inside, 'a position inside the table')
    const nodeIndex = this.#root.indexOfPointer(position)
    const node = this.#root.child(nodeIndex)
    const inNode = position - this.#root.pointersBefore(nodeIndex)
    const leafIndex = node.indexOfPointer(inNode)
    return { node: nodeIndex, leaf: leafIndex, within: inNode - node.pointersBefore(leafIndex) }
  }

  *#pointers(from: number, to: number): IterableIterator<Pointer> {
    for (let position = from; position < to;) {
      let within = this.#locate(position)
      const leaf = this.#leaf
      const until = Math.min(leaf.length, within + to - position)
      position += until - within
      while (within < until) yield leaf.get(within++)
    }
  }

  #append(pointers: readonly Pointer[]): PointerTable {
    const nodes = this.#root.children
    const node = nodes.at(-1)
    if (node === undefined) return PointerTable.ofLeaves(fullLeaves(pointers, 0))
    const leaf = node.child(node.children.length - 1)
    const taken = Math.min(LEAF_CAPACITY - leaf.length, pointers.length)
    const extended = taken === 0 ? leaf : leaf.extend(pointers, 0, taken)
    if (taken === pointers.length) return new PointerTable(this.#root.withLast(node.withLast(extended)))
    const leaves = [...node.children.slice(0, -1), extended, ...fullLeaves(pointers, taken)]
    return new PointerTable(Branch.of([...nodes.slice(0, -1), ...fullNodes(leaves)]))
  }

  /** `splice` in front of the end: packs the edge leaves anew, then the nodes that they lie in. */
  #replace(position: number, remove: number, insert: readonly Pointer[]): PointerTable {
    let first = this.#place(position)
    let last = remove === 0 ? first : this.#place(position + remove - 1)
    const head = this.#leafOf(first)
    const tail = this.#leafOf(last)
    const tailFrom = remove === 0 ? last.within : last.within + 1
    const kept = first.within + insert.length + tail.length - tailFrom
    const small = kept > 0 && kept < SMALL_LEAF
    const before = small ? this.#placeBefore(first) : undefined
    const behind = small && before === undefined ? this.#placeBehind(last) : undefined
    const left = before === undefined ? Leaf.empty : this.#leafOf(before)
    const right = behind === undefined ? Leaf.empty : this.#leafOf(behind)

    const packer = new LeafPacker(evenSizes(left.length + kept + right.length, LEAF_CAPACITY))
    packer.addFrom(left, 0, left.length)
    packer.addFrom(head, 0, first.within)
    packer.addAll(insert)
    packer.addFrom(tail, tailFrom, tail.length)
    packer.addFrom(right, 0, right.length)

    first = before ?? first
    last = behind ?? last
    const leaves = [
      ...this.#root.child(first.node).children.slice(0, first.leaf),
      ...packer.finish(),
      ...this.#root.child(last.node).children.slice(last.leaf + 1),
    ]
    return this.#replaceNodes(first.node, last.node + 1, leaves)
  }

  /** The table with `leaves` in place of those of the nodes [from, to). */
  #replaceNodes(from: number, to: number, leaves: readonly Leaf[]): PointerTable {
    const nodes = this.#root.children
    let packed = leaves
    let first = from
    let behind = to
    if (leaves.length > 0 && leaves.length < SMALL_NODE) {
      if (first > 0) packed = [...this.#root.child(--first).children, ...leaves]
      else if (behind < nodes.length) packed = [...leaves, ...this.#root.child(behind++).children]
    }
    const fresh: Node[] = []
    let at = 0
    for (const size of evenSizes(packed.length, NODE_CAPACITY)) {
      fresh.push(Branch.of(packed.slice(at, at + size)))
      at += size
    }
    return new PointerTable(Branch.of([...nodes.slice(0, first), ...fresh, ...nodes.slice(behind)]))
  }

  #leafOf(place: Place): Leaf {
    return this.#root.child(place.node).child(place.leaf)
  }

  #placeBefore(place: Place): Place | undefined {
    if (place.leaf > 0) return { node: place.node, leaf: place.leaf - 1, within: 0 }
    if (place.node === 0) return undefined
    return { node: place.node - 1, leaf: this.#root.child(place.node - 1).children.length - 1, within: 0 }
  }

  #placeBehind(place: Place): Place | undefined {
    if (place.leaf + 1 < this.#root.child(place.node).children.length) {
      return { node: place.node, leaf: place.leaf + 1, within: 0 }
    }
    if (place.node + 1 === this.#root.children.length) return undefined
    return { node: place.node + 1, leaf: 0, within: 0 }
  }
}

/** Builds a table from pointers that come in order: O(n), for checkpoints of millions. */
export class PointerTableBuilder {
  readonly #leaves: Leaf[] = []
  #pending: Pointer[] = []
  #lastEnd = TIME_MIN
  #built = false

  /**
   * Adds a pointer behind all others.
   * @throws AssertionError if it does not start at or after the end of the one before, or does not fit
   * its columns, or if the table is built already.
   */
  push(pointer: Pointer): void {
    assert(!this.#built, 'a builder builds one table')
    assertPointer(pointer)
    assert(pointer.start >= this.#lastEnd, 'pointers are sorted and disjoint')
    this.#lastEnd = pointer.end
    if (this.#pending.push(pointer) === LEAF_CAPACITY) this.#flush()
  }

  /** The table of all that was pushed. The builder is of no more use. */
  build(): PointerTable {
    assert(!this.#built, 'a builder builds one table')
    this.#flush()
    this.#built = true
    return PointerTable.ofLeaves(this.#leaves)
  }

  #flush(): void {
    if (this.#pending.length === 0) return
    this.#leaves.push(Leaf.empty.extend(this.#pending, 0, this.#pending.length))
    this.#pending = []
  }
}

/**
 * What a pointer keeps live is never 0 (0006-I2), so that a segment is among the sums of whatever reaches it.
 */
function reachesAny(live: LiveBytes, segments: ReadonlySet<SegmentId>): boolean {
  if (live.size < segments.size) {
    for (const segment of live.keys()) if (segments.has(segment)) return true
    return false
  }
  for (const segment of segments) if (live.has(segment)) return true
  return false
}

function fullLeaves(pointers: readonly Pointer[], from: number): Leaf[] {
  const leaves: Leaf[] = []
  for (let at = from; at < pointers.length; at += LEAF_CAPACITY) {
    leaves.push(Leaf.empty.extend(pointers, at, Math.min(at + LEAF_CAPACITY, pointers.length)))
  }
  return leaves
}

function fullNodes(leaves: readonly Leaf[]): Node[] {
  const nodes: Node[] = []
  for (let at = 0; at < leaves.length; at += NODE_CAPACITY) {
    nodes.push(Branch.of(leaves.slice(at, at + NODE_CAPACITY)))
  }
  return nodes
}

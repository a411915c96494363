// What a collection decides, as pure functions of accounts and places: which segments are dead enough, where
// holes can be, which segments are rewritten together, which small extents are worth merging.

import type { ByteRange } from '../../version/byte-ranges.ts'
import type { Pointer } from '../../version/pointer.ts'
import type { DeadRange } from './dead-ranges.ts'

/** Bytes of a segment (invariant 5): what is left of `size` is dead. */
export interface Account {
  /** Without the header. */
  readonly size: number
  /** Live by pointers. */
  readonly live: number
  /** Live by pointers or by runs of tails, or reserved. */
  readonly needed: number
  readonly punched: number
}

/** Bytes that a collection could give back. */
export function deadBytes({ size, needed, punched }: Account): number {
  return size - needed - punched
}

/**
 * Whether the dead share of what a segment takes on the disk is at least `threshold`; 0: whether anything is
 * dead.
 */
export function isDeadEnough(account: Account, threshold: number): boolean {
  const dead = deadBytes(account)
  return dead > 0 && dead >= threshold * (account.size - account.punched)
}

/** Nothing in it is needed, or there is nothing in it. */
export function isWhollyDead({ needed }: Account): boolean {
  return needed === 0
}

/**
 * Where holes can be: dead bytes that nobody needs, runs of neighbours together, ends cut inwards to whole
 * blocks. Ends that are cut off stay dead, until their neighbours are. Told of what is dead portion by
 * portion, in order.
 */
export class HolePlan {
  readonly #oldest: number
  readonly #blockSize: number
  /** A run that may go on. */
  #start = 0
  #end = 0

  /**
   * @param oldest what later records freed is needed still
   * @param blockSize what the file system gives back, and a hole's ends are multiples of
   */
  constructor(oldest: number, blockSize: number) {
    this.#oldest = oldest
    this.#blockSize = blockSize
  }

  /**
   * The holes that are known by these ranges, which lie behind those before: sorted and disjoint, all of
   * them.
   */
  *add(dead: readonly DeadRange[]): Generator<ByteRange, void, void> {
    for (const { start, end, lsn } of dead) {
      if (lsn > this.#oldest) continue
      if (start > this.#end) {
        yield* this.finish()
        this.#start = start
      }
      this.#end = Math.max(this.#end, end)
    }
  }

  /** The one that nothing more can be added to. */
  *finish(): Generator<ByteRange, void, void> {
    const start = Math.ceil(this.#start / this.#blockSize) * this.#blockSize
    const end = Math.floor(this.#end / this.#blockSize) * this.#blockSize
    this.#start = this.#end
    if (start < end) yield { start, end }
  }
}

/**
 * Segments that are rewritten together, those with the least live bytes first: what lives in them fits into
 * `most` bytes.
 * @param liveIn live bytes of a segment
 */
export function planBatches<S>(wanted: readonly S[], liveIn: (segment: S) => number, most: number): S[][] {
  const batches: S[][] = []
  let batch: S[] = []
  let live = 0
  for (const segment of wanted.toSorted((a, b) => liveIn(a) - liveIn(b))) {
    const own = liveIn(segment)
    if (batch.length > 0 && live + own > most) {
      batches.push(batch)
      batch = []
      live = 0
    }
    batch.push(segment)
    live += own
  }
  if (batch.length > 0) batches.push(batch)
  return batches
}

/** A sealed segment with less than this share of `segmentSize` in it is small. */
const SMALL_SEGMENT = 1 / 8

/** So many small segments are written as one: collections seal one whenever they find it dead enough. */
const GATHERED = 8

/**
 * Small segments that are worth writing as one: as many as there must be, and none that is larger than all
 * smaller ones together, so that bytes are written again once or twice each time that segments become eight
 * times as large.
 * @param liveIn live bytes of a segment
 */
export function planGather<S>(
  sealed: readonly S[],
  liveIn: (segment: S) => number,
  segmentSize: number,
): S[] {
  const small = sealed.filter((segment) => liveIn(segment) < SMALL_SEGMENT * segmentSize)
  const largestFirst = small.toSorted((a, b) => liveIn(b) - liveIn(a))
  let behind = largestFirst.reduce((sum, segment) => sum + liveIn(segment), 0)
  const first = largestFirst.findIndex((segment) => {
    behind -= liveIn(segment)
    return liveIn(segment) <= behind
  })
  const gathered = first < 0 ? [] : largestFirst.slice(first)
  return gathered.length < GATHERED ? [] : gathered
}

/**
 * One that is more than this many times as large as all that follow it together is not written again for
 * them.
 */
const TIER = 4

/** Pointers of a run that are looked at in one step: some half a millisecond. */
const PLANNED_A_STEP = 8192

/**
 * Of a run of joined small pointers, those that are worth writing as one: all but the first few, where each
 * of these is far larger than everything behind it. So bytes are written again a few times at most until they
 * are in an extent that is not small, and what is left as it is are a few pointers for each run.
 * @param most samples of an extent
 * @returns runs of at least two pointers, each found when it is asked for; undefined between two steps
 */
export function* planMerge(
  run: readonly Pointer[],
  most: number,
): Generator<Pointer[] | undefined, void, void> {
  let behind = 0
  for (const { live } of run) behind += live
  const first = run.findIndex(({ live }) => {
    behind -= live
    return live <= TIER * behind
  })
  if (first < 0) return
  let part: Pointer[] = []
  let count = 0
  for (let i = first; i < run.length; i++) {
    if (i % PLANNED_A_STEP === PLANNED_A_STEP - 1) yield undefined
    const pointer = run[i]!
    if (count + pointer.count > most) {
      if (part.length > 1) yield part
      part = []
      count = 0
    }
    part.push(pointer)
    count += pointer.count
  }
  if (part.length > 1) yield part
}

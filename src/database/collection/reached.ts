// Which bytes of a segment something reaches, gathered in whatever order pointers come, and what lies
// between: what nothing reaches. In buckets of bytes, so that a segment of a million small extents is put in
// order bucket by bucket and not in one step. Pure. Called by find-dead.ts.

import type { ByteRange } from '../../version/byte-ranges.ts'

/**
 * Bytes of a segment of which the extents that begin there are put in order in one step: some thousands, a
 * few ms.
 */
const BUCKET = 1024 * 1024

/** Lengths of extents are below 2^32, where they begin in a bucket below 2^20: one number holds both. */
const SHIFT = 2 ** 32

export class Reached {
  /** By bucket: where extents begin in it, and how long they are. */
  readonly #buckets = new Map<number, number[]>()

  /** Something reaches an extent: `length` bytes from `offset` on. Those of an extent may come again. */
  add(offset: number, length: number): void {
    const bucket = Math.floor(offset / BUCKET)
    const packed = (offset % BUCKET) * SHIFT + length
    const known = this.#buckets.get(bucket)
    if (known === undefined) this.#buckets.set(bucket, [packed])
    else known.push(packed)
  }

  /**
   * What of [start, end) nothing reaches, in order; a part with every step, each of which takes a few ms at
   * most.
   */
  *gaps(start: number, end: number): Generator<ByteRange[], void, void> {
    let reached = start
    for (const bucket of [...this.#buckets.keys()].sort((a, b) => a - b)) {
      const gaps: ByteRange[] = []
      for (const packed of new Float64Array(this.#buckets.get(bucket)!).sort()) {
        const offset = bucket * BUCKET + Math.floor(packed / SHIFT)
        if (Math.min(offset, end) > reached) gaps.push({ start: reached, end: Math.min(offset, end) })
        reached = Math.max(reached, offset + (packed % SHIFT))
      }
      yield gaps
    }
    if (reached < end) yield [{ start: reached, end }]
  }
}

// Something of each extent, by where that lies, of which there may be a million: kept by the part of the
// segment that it lies in, so that no table that grows is ever copied in a step that is long, and no place is
// a text. Used by repair.

import type { SegmentId } from '../../version/pointer.ts'

/** Where an extent begins. */
export interface ExtentBegin {
  readonly segment: SegmentId
  readonly offset: number
}

/** Bytes of a part of a segment: at most some 2,000 extents begin in one. */
const PART_SIZE = 256 * 1024

export class ByPlace<T> {
  /** By segment, part of it, and offset. */
  readonly #segments = new Map<SegmentId, Map<number, Map<number, T>>>()

  get({ segment, offset }: ExtentBegin): T | undefined {
    return this.#segments.get(segment)?.get(partOf(offset))?.get(offset)
  }

  set({ segment, offset }: ExtentBegin, value: T): void {
    let parts = this.#segments.get(segment)
    if (parts === undefined) this.#segments.set(segment, (parts = new Map<number, Map<number, T>>()))
    let offsets = parts.get(partOf(offset))
    if (offsets === undefined) parts.set(partOf(offset), (offsets = new Map<number, T>()))
    offsets.set(offset, value)
  }

  /** All of them; of extents that came in the order of their segments in that order. */
  *values(): Generator<T, void, void> {
    for (const parts of this.#segments.values()) for (const offsets of parts.values()) yield* offsets.values()
  }
}

function partOf(offset: number): number {
  return Math.floor(offset / PART_SIZE)
}

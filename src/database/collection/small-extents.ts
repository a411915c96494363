// Where small extents are that may have neighbours to be merged with: a span of time for each channel that
// got some. Taken note of when records were published, so that a collection looks at those and not at every
// pointer. Kept by the engine; read by merge.ts.

import type { PointerChange } from '../../version/edit.ts'
import type { Pointer } from '../../version/pointer.ts'
import { SLICE_MS } from '../turns.ts'
import type { Turns } from '../turns.ts'

/**
 * Extents below this many bytes are small: worth merging with their neighbours (windows read from 8 KB
 * extents at 0.55 to 0.77 of bare reads, RFC 0006).
 */
const SMALL_EXTENT = 16 * 1024

export function isSmall(pointer: { readonly length: number }): boolean {
  return pointer.length < SMALL_EXTENT
}

/** Every small pointer that is to be looked at begins in [first, last]. */
export interface SmallSpan {
  readonly first: bigint
  readonly last: bigint
}

export class SmallExtents {
  #spans = new Map<number, { first: bigint; last: bigint }>()

  /**
   * What came with a record that was published, in slices: a collection that comes before merges it another
   * time.
   */
  async noteChanges(turns: Turns, changes: readonly PointerChange[]): Promise<void> {
    for (const { key, comes } of changes) {
      const first = comes.find(isSmall)
      if (first === undefined) continue
      this.noteSpan(key, { first: first.start, last: comes.findLast(isSmall)!.start })
      const turn = turns.due(SLICE_MS)
      if (turn !== undefined) await turn
    }
  }

  /** Takes note of a pointer of a channel, where it is small. */
  note(key: number, pointer: Pointer): void {
    if (isSmall(pointer)) this.noteSpan(key, { first: pointer.start, last: pointer.start })
  }

  /** Small extents of a channel may lie in a span of time. */
  noteSpan(key: number, { first, last }: SmallSpan): void {
    const span = this.#spans.get(key)
    if (span === undefined) {
      this.#spans.set(key, { first, last })
      return
    }
    if (first < span.first) span.first = first
    if (last > span.last) span.last = last
  }

  /** They are looked at now: what comes from now on is noted anew. */
  take(): Map<number, SmallSpan> {
    const taken = this.#spans
    this.#spans = new Map()
    return taken
  }
}

// Where small extents are that may have neighbours to be merged with: a span of time for each channel that got
// some. Taken note of as records are published, so that a collection looks at those and not at every pointer.
// Kept by the engine; read by merge.ts.

import type { PointerChange } from '../../version/edit.ts'
import type { Pointer } from '../../version/pointer.ts'

/** Extents below this many bytes are small: worth merging with their neighbours (windows read from 8 KB extents at 0.55 to 0.77 of bare reads, RFC 0006). */
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
  readonly #spans = new Map<number, SmallSpan>()

  noteChanges(changes: readonly PointerChange[]): void {
    for (const { key, comes } of changes) for (const pointer of comes) this.note(key, pointer)
  }

  /** Takes note of a pointer of a channel, where it is small. */
  note(key: number, pointer: Pointer): void {
    if (!isSmall(pointer)) return
    const span = this.#spans.get(key)
    const { start } = pointer
    if (span === undefined || start < span.first || start > span.last)
      this.noteSpan(key, { first: start, last: start })
  }

  /** Small extents of a channel may lie in a span of time. */
  noteSpan(key: number, { first, last }: SmallSpan): void {
    const span = this.#spans.get(key)
    if (span === undefined) this.#spans.set(key, { first, last })
    else
      this.#spans.set(key, {
        first: first < span.first ? first : span.first,
        last: last > span.last ? last : span.last,
      })
  }

  /** They are looked at now: what comes from now on is noted anew. */
  take(): Map<number, SmallSpan> {
    const taken = new Map(this.#spans)
    this.#spans.clear()
    return taken
  }
}

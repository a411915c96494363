// Looks at every pointer of a channel, of which there may be a million, without holding the event loop. A
// table is immutable: what is published meanwhile changes nothing of what is walked. Called by
// collections, which plan again on the newest version before they change anything.

import type { Pointer, SegmentId } from '../version/pointer.ts'
import type { PointerList } from '../domain/pointer-list.ts'
import type { PointerTable } from '../version/pointer-table.ts'
import { SLICE_MS } from './turns.ts'
import type { Turns } from './turns.ts'

/**
 * Pointers between two looks at the clock: well below a millisecond, also before the code of a visitor is
 * compiled.
 */
const STEP = 512

/**
 * Calls `visit` with the pointers at [from, to) in order, by default all; the event loop turns in between
 * where it is due.
 */
export async function walkPointers(
  turns: Turns,
  table: Pick<PointerList, 'length' | 'forEach'>,
  visit: (pointer: Pointer, position: number) => void,
  from = 0,
  to: number = table.length,
  longestMs: number = SLICE_MS,
): Promise<void> {
  for (let at = from; at < to; at += STEP) {
    table.forEach(at, Math.min(at + STEP, to), visit)
    const turn = turns.due(longestMs)
    if (turn !== undefined) await turn
  }
}

/** Positions [from, to) of a table. */
export interface Stretch {
  readonly from: number
  readonly to: number
}

/**
 * Stretches of at most a leaf, in order, in which all pointers lie that reach any of these segments (and
 * others); the event loop turns in between. Costs what lies there, not what the table is long: the next of
 * many looks at a table finds what the first one has added up.
 */
export async function* stretchesReaching(
  turns: Turns,
  table: PointerTable,
  segments: ReadonlySet<SegmentId>,
  from = 0,
  to: number = table.length,
): AsyncGenerator<Stretch, void, void> {
  for (let at = from; at < to;) {
    const stretch = table.stretchReaching(segments, at)
    at = stretch.to
    if (stretch.from < Math.min(at, to)) yield { from: stretch.from, to: Math.min(at, to) }
    const turn = turns.due(SLICE_MS)
    if (turn !== undefined) await turn
  }
}

// Looks at every pointer of a channel, of which there may be a million, without holding the event loop. A
// table is immutable: what is published meanwhile changes nothing of what is walked. Called by
// collections, which plan again on the newest version before they change anything.

import type { Pointer } from '../version/pointer.ts'
import type { PointerTable } from '../version/pointer-table.ts'
import type { Turns } from './turns.ts'

/** Pointers between two looks at the clock: about half a millisecond. */
const STEP = 4096

/** Calls `visit` with the pointers at [from, to) in order, by default all; the event loop turns in between where it is due. */
export async function walkPointers(
  turns: Turns,
  table: PointerTable,
  visit: (pointer: Pointer, position: number) => void,
  from = 0,
  to: number = table.length,
): Promise<void> {
  for (let at = from; at < to; at += STEP) {
    table.forEach(at, Math.min(at + STEP, to), visit)
    const turn = turns.due()
    if (turn !== undefined) await turn
  }
}

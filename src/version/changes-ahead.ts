// The changes of an edit, applied to the tables of a version one by one before the edit is: a record over ten
// thousand channels is worked out in slices, and what is left for the step that publishes it are the
// segments' sums. Whoever works it out keeps others from changing the tables of these channels until then;
// those of other channels may become others meanwhile. Pure but for itself: `apply` (0003-I1) takes every
// edit's changes through here.

import { assert } from '../assert.ts'
import type { PointerChange } from './edit.ts'
import type { PointerTable } from './pointer-table.ts'
import type { PointerTables, PointerTablesEdit } from './pointer-tables.ts'
import type { SegmentId } from './pointer.ts'
import type { Version } from './version.ts'

/** What changes add up to in a segment. */
interface Balance {
  live: number
  /** End of the last extent that came; 0 where none did. */
  size: number
}

/** By segment. */
export type Ledger = Map<SegmentId, Balance>

/** What a change made of a table. */
export interface AppliedChange {
  readonly from: PointerTable
  readonly to: PointerTable
  /** Position of the first pointer that goes in `from`; of no meaning where none does. */
  readonly position: number
}

export class ChangesAhead {
  readonly #base: PointerTables
  readonly #pointers: PointerTablesEdit
  readonly #ledger: Ledger = new Map()
  readonly #changes: PointerChange[] = []
  readonly #applied: AppliedChange[] = []
  #gone = 0

  /** @param version whose tables are changed */
  constructor({ pointers }: Version) {
    this.#base = pointers
    this.#pointers = pointers.edit()
  }

  /** These changes, all at once. @throws AssertionError as `add` */
  static of(version: Version, changes: readonly PointerChange[]): ChangesAhead {
    const ahead = new ChangesAhead(version)
    for (const change of changes) ahead.add(change)
    return ahead
  }

  /** In the order in which they were added: the list grows with them. */
  get changes(): readonly PointerChange[] {
    return this.#changes
  }

  /** What each of `changes` did. */
  get applied(): readonly AppliedChange[] {
    return this.#applied
  }

  /** How many pointers go with them. */
  get gone(): number {
    return this.#gone
  }

  /** Segments that pointers go from, or come to. */
  get segments(): Iterable<SegmentId> {
    return this.#ledger.keys()
  }

  /** Applies a change behind those that were added. @throws AssertionError where it does not fit */
  add(change: PointerChange): void {
    const { key, comes } = change
    const applied = applyTo(this.#pointers.get(key), change)
    this.#pointers.set(key, applied.to)
    this.#free(applied, change)
    for (const pointer of comes)
      enter(this.#ledger, pointer.segment, pointer.live, pointer.offset + pointer.length)
    this.#gone += change.goes?.count ?? 0
    this.#changes.push(change)
    this.#applied.push(applied)
  }

  #free({ from, position }: AppliedChange, { goes }: PointerChange): void {
    if (goes === undefined) return
    if (goes.count === 1) {
      // As most of ten thousand are: with a map of sums for each V8's pauses were 5 to 6 ms in such a delete,
      // without 3 to 4.
      const { segment, live } = from.get(position)
      enter(this.#ledger, segment, -live, 0)
    } else
      for (const [segment, live] of from.liveIn(position, position + goes.count))
        enter(this.#ledger, segment, -live, 0)
  }

  /** Whether these are the very changes. */
  holds(changes: readonly PointerChange[]): boolean {
    return changes === this.#changes
  }

  /**
   * The tables of the version that the edit is applied to, with all changes, and what they add up to. To be
   * called once.
   * @throws AssertionError where a table that was changed is another one there
   */
  finish({ pointers }: Version): { pointers: PointerTables; ledger: Ledger } {
    if (pointers === this.#base) return { pointers: this.#pointers.finish(), ledger: this.#ledger }
    // Records about other channels came in between: 10,000 tables are put in place in about 1 ms.
    const edit = pointers.edit()
    for (const [i, { key }] of this.#changes.entries()) {
      const { from, to } = this.#applied[i]!
      assert(edit.get(key) === from, `the pointers of channel ${key} are those that the change was made for`)
      edit.set(key, to)
    }
    return { pointers: edit.finish(), ledger: this.#ledger }
  }
}

/** Adds to what is known of a segment. */
export function enter(ledger: Ledger, segment: SegmentId, live: number, size: number): void {
  const balance = ledger.get(segment)
  if (balance === undefined) ledger.set(segment, { live, size })
  else {
    balance.live += live
    if (size > balance.size) balance.size = size
  }
}

/** What a change makes of a table: what comes in place of what goes, which must be there. */
function applyTo(table: PointerTable, { key, goes, comes }: PointerChange): AppliedChange {
  if (goes === undefined) {
    assert(comes.length > 0, 'a change changes something')
    const position = table.startBound(comes[0]!.start)
    return { from: table, to: table.splice(position, 0, comes), position }
  }
  const { first, last, count } = goes
  const position = table.startBound(first)
  const end = position + count - 1
  assert(
    count > 0 && end < table.length && table.startAt(position) === first && table.startAt(end) === last,
    `channel ${key} has the ${count} pointers that go`,
  )
  return { from: table, to: table.splice(position, count, comes), position }
}

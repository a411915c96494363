// Block tables and the timestamps of single units, kept for reads up to a budget over all segments:
// what was used least recently goes first (cacheBudget). Entries are found by segment and by the
// offset in it of what they hold, which never changes meaning while a segment's name exists: names are
// used once, and extents that a record names are never overwritten. Used by SegmentReader; whoever
// removes a segment, or cuts bytes off one, tells it by `forget`.

import { assert } from '../assert.ts'
import type { BlockTable } from './block-table.ts'
import type { LongTable } from './long-table.ts'

/** The timestamps of one unit of an index channel; read them, never write. */
export interface UnitTimes {
  readonly kind: 'times'
  readonly times: BigInt64Array
  readonly bytes: number
}

export type CachedValue = BlockTable | LongTable | UnitTimes

/** An entry, its own neighbour until it is in the ring. */
class Entry {
  readonly segment: number
  readonly offset: number
  readonly value: CachedValue
  /** Neighbours in the ring, by last use. */
  newer: Entry = this
  older: Entry = this

  constructor(segment: number, offset: number, value: CachedValue) {
    this.segment = segment
    this.offset = offset
    this.value = value
  }
}

/** A cache with a budget in bytes; 0 keeps nothing. */
export class TableCache {
  readonly #budget: number
  readonly #segments = new Map<number, Map<number, Entry>>()
  /** Where the ring begins: its `older` is the newest entry, its `newer` the oldest. */
  readonly #ring = new Entry(-1, -1, { kind: 'times', times: new BigInt64Array(0), bytes: 0 })
  #bytes = 0

  /** @param budget most bytes that the entries take together */
  constructor(budget: number) {
    assert(budget >= 0, 'a budget is not negative')
    this.#budget = budget
  }

  /** Bytes that the entries take now; never more than the budget. */
  get bytes(): number {
    return this.#bytes
  }

  /** What is kept of the bytes at `offset` of this segment; counts as a use. */
  get(segment: number, offset: number): CachedValue | undefined {
    const entry = this.#segments.get(segment)?.get(offset)
    if (entry === undefined) return undefined
    if (this.#ring.older !== entry) {
      unlink(entry)
      this.#link(entry)
    }
    return entry.value
  }

  /** Keeps a value, in place of what was kept there, and lets others go for it; not one beyond the budget. */
  put(segment: number, offset: number, value: CachedValue): void {
    const before = this.#segments.get(segment)?.get(offset)
    if (before !== undefined) this.#remove(before)
    if (value.bytes > this.#budget) return
    while (this.#bytes + value.bytes > this.#budget) this.#remove(this.#ring.newer)
    // Looked up only now: removing the last entry of a segment removes its map.
    let entries = this.#segments.get(segment)
    if (entries === undefined) this.#segments.set(segment, (entries = new Map<number, Entry>()))
    const entry = new Entry(segment, offset, value)
    entries.set(offset, entry)
    this.#bytes += value.bytes
    this.#link(entry)
  }

  /** Lets everything of a segment go. */
  forget(segment: number): void {
    for (const entry of this.#segments.get(segment)?.values() ?? []) this.#remove(entry)
  }

  /** Makes an entry outside the ring its newest. */
  #link(entry: Entry): void {
    const newest = this.#ring.older
    entry.older = newest
    entry.newer = this.#ring
    newest.newer = entry
    this.#ring.older = entry
  }

  #remove(entry: Entry): void {
    unlink(entry)
    this.#bytes -= entry.value.bytes
    const entries = this.#segments.get(entry.segment)
    entries?.delete(entry.offset)
    if (entries?.size === 0) this.#segments.delete(entry.segment)
  }
}

function unlink(entry: Entry): void {
  entry.newer.older = entry.older
  entry.older.newer = entry.newer
}

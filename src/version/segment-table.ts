// The segments of a version: an immutable map from segment id to what the version knows of it.
// Sorted chunks of up to 64 entries under one list of chunks, so that a change copies the chunks that it
// touches and that list: some 100 words where there are 4,000 segments. Chunks that a change does not touch
// are shared, which tells two versions apart without looking at all of them. A plain class without
// immer's mark: drafts neither copy nor freeze it. Held by the version; changed by `apply`.

import { partitionPoint } from '../binary-search.ts'
import { assert } from '../assert.ts'
import type { Holes } from './holes.ts'
import type { SegmentId } from './pointer.ts'

/** A segment file that records name. Sizes in bytes. */
export interface SegmentEntry {
  /** End of the last extent that a record named. The file may be longer: what follows was never named. */
  readonly size: number
  /** Sum of `live` over the pointers that reach it. */
  readonly live: number
  /** What was punched of it; absent where nothing was. */
  readonly holes?: Holes
}

/** Most entries of a chunk; one that outgrows it is divided. */
const CHUNK_CAPACITY = 64

/** A chunk with fewer is joined with its neighbour, where both fit into one. */
const SMALL_CHUNK = 16

/** Entries of consecutive ids, at least one. Never changed once a table has it. */
interface Chunk {
  readonly ids: readonly SegmentId[]
  readonly entries: readonly SegmentEntry[]
}

/** Entries by segment id: safe integers from 0 on. */
export class SegmentTable {
  /** The table without entries. */
  static readonly empty: SegmentTable = new SegmentTable([], 0)

  /** Number of segments. */
  readonly size: number
  readonly #chunks: readonly Chunk[]

  private constructor(chunks: readonly Chunk[], size: number) {
    this.#chunks = chunks
    this.size = size
  }

  /** The table of these entries, whatever their order; the last of an id counts. */
  static from(entries: Iterable<readonly [SegmentId, SegmentEntry]>): SegmentTable {
    return SegmentTable.empty.with(entries)
  }

  /** What is known of a segment; undefined where it is none of the version's. O(log n). */
  get(id: SegmentId): SegmentEntry | undefined {
    const chunk = this.#chunks[chunkOf(this.#chunks, id)]
    if (chunk === undefined) return undefined
    const { ids, entries } = chunk
    const at = partitionPoint(0, ids.length, (i) => ids[i]! < id)
    return ids[at] === id ? entries[at] : undefined
  }

  /**
   * The table with these entries, the last of an id counting; `undefined` takes a segment out. Copies the
   * chunks of what changes.
   * @throws AssertionError if an id is out of range.
   */
  with(changes: Iterable<readonly [SegmentId, SegmentEntry | undefined]>): SegmentTable {
    const last = new Map(changes)
    if (last.size === 0) return this
    const sorted = [...last].sort(([a], [b]) => a - b)
    const chunks: Chunk[] = []
    let next = 0
    // At least one round: an empty table gets its first chunk there.
    for (let c = 0; c < Math.max(1, this.#chunks.length); c++) {
      const chunk = this.#chunks[c] ?? { ids: [], entries: [] }
      const end = this.#chunks[c + 1]?.ids[0] ?? Infinity
      const from = next
      while (next < sorted.length && sorted[next]![0] < end) next++
      if (from === next) pack(chunks, chunk)
      else pack(chunks, changed(chunk, sorted.slice(from, next)))
    }
    let size = 0
    for (const { ids } of chunks) size += ids.length
    return size === 0 ? SegmentTable.empty : new SegmentTable(chunks, size)
  }

  /** Ids, ascending. */
  *ids(): IterableIterator<SegmentId> {
    for (const { ids } of this.#chunks) yield* ids
  }

  /** Entries by ascending id. */
  *entries(): IterableIterator<[SegmentId, SegmentEntry]> {
    for (const { ids, entries } of this.#chunks)
      for (let i = 0; i < ids.length; i++) yield [ids[i]!, entries[i]!]
  }

  /**
   * What of this table is another entry in `after`, or none, by ascending id: what the two share is not
   * looked at.
   */
  *changedIn(after: SegmentTable): IterableIterator<[SegmentId, SegmentEntry, SegmentEntry | undefined]> {
    const shared = new Set(after.#chunks)
    for (const chunk of this.#chunks) {
      if (shared.has(chunk)) continue
      for (let i = 0; i < chunk.ids.length; i++) {
        const id = chunk.ids[i]!
        const was = chunk.entries[i]!
        const is = after.get(id)
        if (is !== was) yield [id, was, is]
      }
    }
  }

  /** @throws AssertionError naming what does not hold of the table. */
  check(): void {
    let before = -1
    let size = 0
    for (const { ids, entries } of this.#chunks) {
      assert(ids.length > 0 && ids.length <= CHUNK_CAPACITY, 'a chunk has 1 to 64 entries')
      assert(ids.length === entries.length, 'a chunk has an entry for each id')
      for (const id of ids) {
        assert(id > before, 'segments are sorted')
        before = id
      }
      size += ids.length
    }
    assert(size === this.size, 'the chunks of a segment table add up')
  }
}

/** Index of the last chunk that begins at or before `id`; the first where none does. */
function chunkOf(chunks: readonly Chunk[], id: SegmentId): number {
  return partitionPoint(1, chunks.length, (i) => chunks[i]!.ids[0]! <= id) - 1
}

/** A chunk of any length with changes that are sorted by id. */
function changed(chunk: Chunk, changes: readonly (readonly [SegmentId, SegmentEntry | undefined])[]): Chunk {
  const ids: SegmentId[] = []
  const entries: SegmentEntry[] = []
  let at = 0
  for (const [id, entry] of changes) {
    assert(Number.isSafeInteger(id) && id >= 0, 'a segment is a safe integer')
    for (; at < chunk.ids.length && chunk.ids[at]! < id; at++) {
      ids.push(chunk.ids[at]!)
      entries.push(chunk.entries[at]!)
    }
    if (chunk.ids[at] === id) at++
    if (entry === undefined) continue
    ids.push(id)
    entries.push(entry)
  }
  for (; at < chunk.ids.length; at++) {
    ids.push(chunk.ids[at]!)
    entries.push(chunk.entries[at]!)
  }
  return { ids, entries }
}

/** Puts a chunk of any length behind others: divided where it is too long, joined where it is small. */
function pack(chunks: Chunk[], chunk: Chunk): void {
  const { length } = chunk.ids
  if (length === 0) return
  const before = chunks.at(-1)
  if (before !== undefined && Math.min(length, before.ids.length) < SMALL_CHUNK) {
    if (before.ids.length + length <= CHUNK_CAPACITY) {
      const ids = [...before.ids, ...chunk.ids]
      chunks[chunks.length - 1] = { ids, entries: [...before.entries, ...chunk.entries] }
      return
    }
  }
  if (length <= CHUNK_CAPACITY) {
    chunks.push(chunk)
    return
  }
  // Ids grow: all but the last piece stay full.
  for (let from = 0; from < length; from += CHUNK_CAPACITY) {
    const to = from + CHUNK_CAPACITY
    chunks.push({ ids: chunk.ids.slice(from, to), entries: chunk.entries.slice(from, to) })
  }
}

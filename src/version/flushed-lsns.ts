// Up to which LSN each group is flushed: an immutable map of integers, in pages. A flush of many groups is
// installed in steps, and each would copy a plain object whole: with 50,000 groups 8 to 25 ms a step, and
// hundreds of steps. A plain class without immer's mark: drafts neither copy nor freeze it. Held by the
// version; changed by `apply`.

import { assert } from '../assert.ts'
import { assertKey } from './pointer-tables.ts'

/** Keys of one page. */
const PAGE = 512

/**
 * LSNs by key of the index channel (integers from 1 to 2^30 - 1, best dense); 0 where nothing was flushed.
 */
export class FlushedLsns {
  static readonly empty: FlushedLsns = new FlushedLsns([])

  /** Missing pages hold zeroes. */
  readonly #pages: readonly (Float64Array | undefined)[]

  private constructor(pages: readonly (Float64Array | undefined)[]) {
    this.#pages = pages
  }

  /** Of [key, LSN]. @throws AssertionError as `with` */
  static of(entries: Iterable<readonly [number, number]>): FlushedLsns {
    return FlushedLsns.empty.with(entries)
  }

  /** The LSN of a group; 0 where it has none. */
  get(key: number): number {
    return this.#pages[Math.floor(key / PAGE)]?.[key % PAGE] ?? 0
  }

  /**
   * With these LSNs, the last of a key counting; 0 takes one out. `this` if nothing changes.
   * @throws AssertionError for a key or an LSN that cannot be
   */
  with(entries: Iterable<readonly [number, number]>): FlushedLsns {
    let pages: (Float64Array | undefined)[] | undefined
    const own = new Set<number>()
    for (const [key, lsn] of entries) {
      assertKey(key)
      assert(Number.isSafeInteger(lsn) && lsn >= 0, 'an LSN is an integer from 0')
      const at = Math.floor(key / PAGE)
      if (((pages ?? this.#pages)[at]?.[key % PAGE] ?? 0) === lsn) continue
      pages ??= [...this.#pages]
      if (!own.has(at)) {
        while (pages.length < at) pages.push(undefined)
        pages[at] = pages[at]?.slice() ?? new Float64Array(PAGE)
        own.add(at)
      }
      pages[at]![key % PAGE] = lsn
    }
    return pages === undefined ? this : new FlushedLsns(pages)
  }

  /** Groups of which something was flushed, with their LSNs, by ascending key. */
  *entries(): IterableIterator<[number, number]> {
    for (const [at, page] of this.#pages.entries())
      for (const [i, lsn] of page?.entries() ?? []) if (lsn > 0) yield [at * PAGE + i, lsn]
  }
}

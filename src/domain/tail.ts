// Tails: what was committed and no pointer reaches yet. A tail belongs to a group and is a list of
// runs: strips, rows held side by side in a page of the pool, and runs whose samples a commit wrote
// to segments. Both change in synchronous steps only; what a reader or a flush captured (a view)
// never changes, whatever is cut, added or flushed meanwhile (0003-I3).

import { viewArray } from '../telem/data-type.ts'
import type { NumericArray } from '../telem/data-type.ts'
import type { Shape } from '../journal/shape.ts'
import type { CommitEnds } from './commit-ends.ts'
import type { Page } from './page-pool.ts'
import type { PointerList, ShortPointerList } from './pointer-list.ts'
import { RowCuts } from './row-cuts.ts'

/** Bytes of a page that holds `rows` rows of this shape, each column on a multiple of 8. */
export function stripSize(shape: Shape, rows: number): number {
  let size = 0
  for (const width of shape.widths) size += (rows * width + 7) & ~7
  return size
}

/** Rows that a page of `size` bytes holds; 0 where not even one fits. */
export function stripCapacity(shape: Shape, size: number): number {
  let rows = Math.floor(size / shape.rowSize)
  while (rows > 0 && stripSize(shape, rows) > size) rows--
  return rows
}

/** Where the columns of a strip lie in its page. */
type Columns = Pick<Strip, 'capacity' | 'offsets' | 'columns'>

function columnsIn(shape: Shape, page: Page): Columns {
  const capacity = stripCapacity(shape, page.bytes.length)
  const offsets: number[] = []
  let at = 0
  for (const width of shape.widths) {
    offsets.push(at)
    at += (capacity * width + 7) & ~7
  }
  const columns = shape.types.map((type, i) => viewArray(type, page.bytes.buffer, offsets[i]!, capacity))
  return { capacity, offsets, columns }
}

/** Rows of one writer's group in one page. */
export class Strip {
  readonly kind = 'strip'
  readonly shape: Shape
  readonly page: Page
  readonly capacity: number
  /** By ordinal: first byte of the column in the page. */
  readonly offsets: readonly number[]
  /** By ordinal: the column. */
  readonly columns: readonly NumericArray[]
  readonly times: BigInt64Array
  /** Rows that the writer has filled, committed or not. */
  written = 0
  committed = 0
  /** It is one of its group's runs: something of it was committed. */
  inTail = false
  /** The page was given back. */
  isReleased = false
  /** Rows before this are pointers already. */
  flushed = 0
  cuts: RowCuts = RowCuts.none
  /** The first row that is not flushed goes on with the domain before it, but where a cut says otherwise. */
  joined = false
  /** Where the rows of each commit end, where they were read from a log. */
  commits: CommitEnds | undefined

  constructor(shape: Shape, page: Page, columns: Columns = columnsIn(shape, page)) {
    this.shape = shape
    this.page = page
    this.capacity = columns.capacity
    this.offsets = columns.offsets
    this.columns = columns.columns
    this.times = this.columns[0] as BigInt64Array
  }

  /**
   * The same rows in the same page, to be cut, flushed and added to while these stay what they are. Of the
   * two one alone is added to: what lies in the page behind `committed` is nothing to the other.
   */
  copy(): Strip {
    const copy = new Strip(this.shape, this.page, this)
    copy.written = this.written
    copy.committed = this.committed
    copy.inTail = this.inTail
    copy.isReleased = this.isReleased
    copy.flushed = this.flushed
    copy.cuts = this.cuts
    copy.joined = this.joined
    copy.commits = this.commits
    return copy
  }

  /** First timestamp that is committed; there must be one. */
  get first(): bigint {
    return this.times[0]!
  }

  /** Last timestamp that is committed; there must be one. */
  get last(): bigint {
    return this.times[this.committed - 1]!
  }

  /** What is committed and not flushed, as it is now. */
  view(): StripView {
    return {
      kind: 'strip',
      strip: this,
      from: this.flushed,
      to: this.committed,
      cuts: this.cuts,
      joined: this.joined,
    }
  }

  /** Takes rows [from, to) of channels away; of those that the shape does not have nothing can be. */
  cut(keys: Iterable<number>, from: number, to: number): void {
    const ordinals = [...keys].flatMap((key) => this.shape.ordinals.get(key) ?? [])
    this.cuts = this.cuts.with(this.shape, ordinals, from, to)
  }

  /** The first unflushed row of channels goes on with nothing. */
  part(keys: Iterable<number>): void {
    this.partAt(keys, this.flushed)
  }

  /** The row at `row` of channels goes on with nothing: a cut that takes no row. */
  partAt(keys: Iterable<number>, row: number): void {
    this.cut(keys, row, row)
  }

  /** Rows before `to` have become pointers. */
  flushTo(to: number): void {
    this.flushed = to
    this.joined = true
  }

  /** Nothing in the page is needed any more. */
  get isSpent(): boolean {
    return this.flushed === this.committed && this.written === this.committed
  }
}

/** Samples that a commit named in segments; one list of pointers for each channel. */
export class ExtentsRun {
  readonly kind = 'extents'
  readonly shape: Shape
  #pointers: ReadonlyMap<number, ShortPointerList>
  /** Of every channel's only pointer, where they are those that the commit has named and the same in all. */
  alike: { readonly count: number; readonly joined: boolean } | undefined
  /** Whose run it is, and wants to know when its pointers change. */
  owner: { noteCut(run: ExtentsRun): void } | undefined
  /** First and last timestamp that it had when it was committed. */
  readonly first: bigint
  readonly last: bigint
  /** Of its commit, where it was read from a log. */
  lsn = 0

  constructor(shape: Shape, pointers: ReadonlyMap<number, ShortPointerList>, first: bigint, last: bigint) {
    this.shape = shape
    this.#pointers = pointers
    this.first = first
    this.last = last
  }

  get pointers(): ReadonlyMap<number, ShortPointerList> {
    return this.#pointers
  }

  set pointers(pointers: ReadonlyMap<number, ShortPointerList>) {
    this.#pointers = pointers
    this.alike = undefined
    this.owner?.noteCut(this)
  }

  /** The same, to be cut while this stays what it is; of no group. */
  copy(): ExtentsRun {
    const copy = new ExtentsRun(this.shape, this.pointers, this.first, this.last)
    copy.alike = this.alike
    copy.lsn = this.lsn
    return copy
  }

  view(): PointersView {
    return { kind: 'pointers', pointers: this.pointers }
  }
}

export type TailRun = Strip | ExtentsRun

/** Part of a strip as it was when it was captured. */
export interface StripView {
  readonly kind: 'strip'
  readonly strip: Strip
  readonly from: number
  readonly to: number
  readonly cuts: RowCuts
  readonly joined: boolean
}

/** Pointers by channel key. */
export interface PointersByKey {
  get(key: number): PointerList | undefined
}

/** Samples in segments that no pointer of the version reaches (yet, or for this view). */
export interface PointersView {
  readonly kind: 'pointers'
  readonly pointers: PointersByKey
}

/** A captured part of a tail. */
export type TailView = StripView | PointersView

/** Consecutive rows of one channel in a view, with what joins them to what comes before. */
export interface RowsPiece {
  readonly from: number
  readonly to: number
  readonly joined: boolean
}

/** The rows of a channel that a strip's view shows. */
export function visibleRows(view: Omit<StripView, 'kind' | 'strip'>, key: number): RowsPiece[] {
  const pieces: RowsPiece[] = []
  let from = view.from
  let { joined } = view
  for (const cut of view.cuts.get(key) ?? []) {
    if (cut.from >= view.to) break
    // The first row of the view follows one that was taken, or goes on with nothing.
    if (cut.to === view.from) joined = false
    if (cut.to <= view.from) continue
    if (cut.from > from) pieces.push({ from, to: cut.from, joined })
    from = Math.max(from, cut.to)
    joined = false
  }
  if (from < view.to) pieces.push({ from, to: view.to, joined })
  return pieces
}

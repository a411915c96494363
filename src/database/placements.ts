// Where a flush wrote the rows of strips: for each channel its extents, and which rows they hold. Ten
// thousand channels of one writer have their rows side by side, so that how the rows lie in an extent is said
// once for all of them. Filled by flush.ts; asked by install.ts for the pointers that replace rows, and by
// open snapshots long after, so that nothing in here keeps a page.

import type { Strip } from '../domain/tail.ts'
import { liveShare } from '../unary/time-search.ts'
import type { Pointer } from '../version/pointer.ts'
import type { WrittenExtent } from './extent-batch.ts'

/** Rows [from, to) of a strip; the first is sample `skip` of its extent. */
interface PlacedRows {
  readonly strip: number
  readonly from: number
  readonly to: number
  readonly skip: number
}

/** The rows that an extent holds, in order of time. */
interface Layout {
  readonly rows: readonly PlacedRows[]
  readonly byStrip: ReadonlyMap<number, readonly PlacedRows[]>
}

interface Placed {
  readonly extent: WrittenExtent
  readonly layout: Layout
}

/** So many extents of a channel are looked through one by one. */
const FEW = 8

/** The extents of one channel, in the order in which they were written. */
class ChannelPlaces {
  readonly #placed: Placed[] = []
  #byStrip: Map<number, Placed[]> | undefined

  add(placed: Placed): void {
    this.#placed.push(placed)
    this.#byStrip = undefined
  }

  /** Those that can hold rows of a strip. */
  holding(strip: number): readonly Placed[] {
    if (this.#placed.length <= FEW) return this.#placed
    this.#byStrip ??= byStripOf(this.#placed)
    return this.#byStrip.get(strip) ?? []
  }
}

function byStripOf(placed: readonly Placed[]): Map<number, Placed[]> {
  const byStrip = new Map<number, Placed[]>()
  for (const each of placed) {
    for (const strip of each.layout.byStrip.keys()) {
      const list = byStrip.get(strip)
      if (list === undefined) byStrip.set(strip, [each])
      else list.push(each)
    }
  }
  return byStrip
}

/** Rows of a strip on their way to an extent. */
export interface RowsToPlace {
  readonly strip: Strip
  readonly from: number
  readonly to: number
}

/** Pointers to rows [from, to) of a channel, through as many extents as they were written to. */
export type FindPointers = (key: number, from: number, to: number, joined: boolean) => Pointer[]

/** What one flush wrote. */
export class Placements {
  readonly #numbers = new WeakMap<Strip, number>()
  readonly #byKey = new Map<number, ChannelPlaces>()
  #strips = 0
  /** By the first strip of its rows: the layout that was met last. */
  readonly #layouts = new Map<number, Layout>()

  /** Rows of a channel were written to an extent, one behind the other. */
  add(key: number, extent: WrittenExtent, rows: readonly RowsToPlace[]): void {
    let places = this.#byKey.get(key)
    if (places === undefined) this.#byKey.set(key, (places = new ChannelPlaces()))
    places.add({ extent, layout: this.#layoutOf(rows) })
  }

  /**
   * Finds what replaces the rows of a strip.
   * @param times of the strip's rows: its own, or a copy that outlives its page
   */
  findIn(strip: Strip, times: BigInt64Array): FindPointers {
    const byKey = this.#byKey
    const number = this.#numberOf(strip)
    return (key, from, to, joined) =>
      pointersTo(byKey.get(key)?.holding(number) ?? [], number, times, from, to, joined)
  }

  #numberOf(strip: Strip): number {
    let number = this.#numbers.get(strip)
    if (number === undefined) this.#numbers.set(strip, (number = this.#strips++))
    return number
  }

  /** The layout of these rows: one that is known already, where they lie alike. */
  #layoutOf(rows: readonly RowsToPlace[]): Layout {
    const begin = this.#numberOf(rows[0]!.strip)
    const known = this.#layouts.get(begin)
    if (known !== undefined && this.#areLike(rows, known.rows)) return known
    const placed: PlacedRows[] = []
    const byStrip = new Map<number, PlacedRows[]>()
    let skip = 0
    for (const { strip, from, to } of rows) {
      const number = this.#numberOf(strip)
      const one = { strip: number, from, to, skip }
      placed.push(one)
      const list = byStrip.get(number)
      if (list === undefined) byStrip.set(number, [one])
      else list.push(one)
      skip += to - from
    }
    const layout = { rows: placed, byStrip }
    this.#layouts.set(begin, layout)
    return layout
  }

  #areLike(rows: readonly RowsToPlace[], placed: readonly PlacedRows[]): boolean {
    return (
      rows.length === placed.length &&
      rows.every(({ strip, from, to }, i) => {
        const other = placed[i]!
        return other.from === from && other.to === to && other.strip === this.#numbers.get(strip)
      })
    )
  }
}

function pointersTo(
  placed: readonly Placed[],
  strip: number,
  times: BigInt64Array,
  from: number,
  to: number,
  joined: boolean,
): Pointer[] {
  const pointers: Pointer[] = []
  for (const { extent, layout } of placed) {
    for (const rows of layout.byStrip.get(strip) ?? []) {
      const first = Math.max(from, rows.from)
      const end = Math.min(to, rows.to)
      if (first >= end) continue
      const skip = rows.skip + first - rows.from
      const count = end - first
      pointers.push({
        start: times[first]!,
        end: times[end - 1]! + 1n,
        joined: first === from ? joined : true,
        segment: extent.segment,
        offset: extent.offset,
        length: extent.length,
        skip,
        count,
        live: liveShare(extent.length, extent.count, skip, skip + count),
      })
    }
  }
  return pointers
}

// The timestamps of one group while it is repaired: which of the source's index samples are in the target, by
// rank, and what time each has. A rank counts all samples of the source's index channel, those that are lost
// included, so that data samples find their times by counting, as they do in the source (0003-I4). Filled
// while the index channel is copied; asked while its data channels are.

import type { ExtentOwner } from '../../segment/extent-header.ts'
import type { SegmentSource } from '../../unary/time-search.ts'
import type { Pointer } from '../../version/pointer.ts'
import type { Fault } from './report.ts'
import type { Piece } from './pieces.ts'

/** Ranks [from, to) that lie in one domain of the target, side by side. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** Timestamps of the source that are lost: ranks [from, to), all between `start` and `end`. */
export interface LostTimes extends Span {
  readonly start: bigint
  readonly end: bigint
  readonly fault: Fault
}

interface Entry {
  readonly rank: number
  readonly pointer: Pointer
}

export class Timeline {
  readonly #owner: ExtentOwner
  readonly #segments: SegmentSource
  readonly #pieces: readonly Piece[]
  readonly #ranks: number[] = []
  readonly #entries: Entry[] = []
  readonly #spans: Span[] = []
  readonly #lost: LostTimes[] = []

  /**
   * @param segments of the target
   * @param pieces of the source's index channel
   */
  constructor(owner: ExtentOwner, segments: SegmentSource, pieces: readonly Piece[]) {
    this.#owner = owner
    this.#segments = segments
    this.#pieces = pieces
    let rank = 0
    for (const { count } of pieces) {
      this.#ranks.push(rank)
      rank += count
    }
  }

  /** Samples [rank, rank + pointer.count) are in the target. */
  add(pointer: Pointer, rank: number): void {
    this.#entries.push({ rank, pointer })
    const last = this.#spans.at(-1)
    const to = rank + pointer.count
    if (last !== undefined && pointer.joined) this.#spans[this.#spans.length - 1] = { from: last.from, to }
    else this.#spans.push({ from: rank, to })
  }

  lose(lost: LostTimes): void {
    this.#lost.push(lost)
  }

  /** What of ranks [from, to) is in the target, domain by domain. */
  *spans(from: number, to: number): Generator<Span> {
    for (let i = firstWhere(this.#spans, (span) => span.to > from); i < this.#spans.length; i++) {
      const span = this.#spans[i]!
      if (span.from >= to) return
      yield { from: Math.max(from, span.from), to: Math.min(to, span.to) }
    }
  }

  /** Whether a domain of the target begins with this rank. */
  beginsAt(rank: number): boolean {
    const i = firstWhere(this.#spans, (span) => span.from >= rank)
    return this.#spans[i]?.from === rank
  }

  /** The losses that ranks [from, to) fall into, each cut to them. */
  *lost(from: number, to: number): Generator<LostTimes> {
    for (let i = firstWhere(this.#lost, (each) => each.to > from); i < this.#lost.length; i++) {
      const each = this.#lost[i]!
      if (each.from >= to) return
      yield { ...each, from: Math.max(from, each.from), to: Math.min(to, each.to) }
    }
  }

  /** Time of a rank that is in the target. */
  timeOf(rank: number): bigint {
    const { rank: first, pointer } =
      this.#entries[firstWhere(this.#entries, (e) => e.rank + e.pointer.count > rank)]!
    if (rank === first) return pointer.start
    if (rank === first + pointer.count - 1) return pointer.end - 1n
    const reader = this.#segments.reader(pointer.segment)
    return reader.timeAtNow(pointer, this.#owner, pointer.skip + rank - first)
  }

  /** Rank of the first sample of a data channel's piece; undefined where its timestamps cannot be told. */
  place(piece: Piece): number | undefined {
    const { count } = piece
    const first = this.#rankOf(piece.start)
    const last = this.#rankOf(piece.end - 1n)
    if (first === undefined || last === undefined || !this.#mayTime(piece)) return undefined
    // Where the time of one end is lost, the other says where it must be: among what is lost there.
    if (typeof first === 'number') return isAt(last, first + count - 1) ? first : undefined
    if (typeof last !== 'number') return undefined
    return isAt(first, last - count + 1) ? last - count + 1 : undefined
  }

  /**
   * Whether the timestamps around a piece can be its own. Where a log names it they are. Else counting says
   * it, of timestamps that were there when it was written: those that were written with it alone, where there
   * are any, since a piece may leave some of them out; and none that were written later.
   */
  #mayTime(piece: Piece): boolean {
    if (piece.kind === 'rows' || piece.isUnnamed !== true || piece.written === undefined) return true
    const { written } = piece
    const times: (Piece & { kind: 'extent' })[] = []
    for (let p = firstWhere(this.#pieces, ({ end }) => end > piece.start); p < this.#pieces.length; p++) {
      const each = this.#pieces[p]!
      if (each.start >= piece.end) break
      if (each.kind === 'rows' || each.written === undefined) return false
      times.push(each)
    }
    const age = (each: Piece & { kind: 'extent' }): number =>
      each.written!.epoch - written.epoch || each.written!.lsn - written.lsn
    const isBeside = times.some((each) => age(each) === 0)
    return times.every((each) => (isBeside ? age(each) === 0 : age(each) <= 0))
  }

  /**
   * Rank of the sample that has this time; the loss among which it is; undefined where there is no such
   * sample.
   */
  #rankOf(time: bigint): number | LostTimes | undefined {
    const p = firstWhere(this.#pieces, ({ end }) => end > time)
    const piece = this.#pieces[p]
    if (piece === undefined || time < piece.start) return undefined
    if (time === piece.start) return this.#ranks[p]
    if (time === piece.end - 1n) return this.#ranks[p]! + piece.count - 1
    const entry = this.#entries[firstWhere(this.#entries, ({ pointer }) => pointer.end > time)]
    if (entry !== undefined && time >= entry.pointer.start) {
      const { rank, pointer } = entry
      const reader = this.#segments.reader(pointer.segment)
      const found = reader.lowerBoundNow(pointer, this.#owner, time, false)
      return found.at === time ? rank + found.position - pointer.skip : undefined
    }
    const lost = this.#lost[firstWhere(this.#lost, ({ end }) => end > time)]
    return lost !== undefined && time >= lost.start ? lost : undefined
  }
}

/** Whether a rank is this one, or among what is lost there. */
function isAt(place: number | LostTimes, rank: number): boolean {
  return typeof place === 'number' ? place === rank : rank >= place.from && rank < place.to
}

/**
 * Position of the first for which it holds: it holds for all behind it too. The length where there is none.
 */
function firstWhere<T>(list: readonly T[], holds: (item: T) => boolean): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(list[middle]!)) high = middle
    else low = middle + 1
  }
  return low
}

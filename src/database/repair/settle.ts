// Makes of all that was said of a channel's samples the pieces that hold them: what was said later counts, in
// the range of time that it speaks of. Pieces are sorted and disjoint, and a piece goes on with the one
// before it only where nothing that was lost can lie between the two (0009-I1). Pure but for `Cutter`.

import { lowerBound, partitionPoint } from '../../binary-search.ts'
import { compareOrder } from './history.ts'
import type { Order, Said } from './history.ts'
import type { ExtentPiece, Piece } from './pieces.ts'

/**
 * The part of an extent's piece that lies in [start, end): undefined where none does; 'unknown' where that
 * cannot be told.
 */
export type Cutter = (piece: ExtentPiece, start: bigint, end: bigint) => ExtentPiece | undefined | 'unknown'

/** What is to be settled of one channel. */
export interface Saying {
  /** Of the checkpoint: sorted, disjoint. */
  readonly base: readonly Piece[]
  readonly baseOrder: Order
  /** In order. */
  readonly said: readonly Said[]
  /** Something was lost right before what was said then. Ascending. */
  readonly breaks: readonly Order[]
}

/** What came of it. */
export interface Settled {
  readonly pieces: readonly Piece[]
  /** Pieces of which a part is gone, and nobody can tell which samples that is. */
  readonly uncut: readonly Piece[]
}

interface Placed {
  readonly piece: Piece
  readonly order: Order
}

const FIRST = -(2n ** 63n)
const LAST = 2n ** 63n - 1n

/** Changes, or pieces, that are a step. */
const ITEMS_A_STEP = 256

/** In steps between which the loop may turn. */
export function* settle(saying: Saying, cut: Cutter): Generator<void, Settled, void> {
  const { base, baseOrder, said, breaks } = saying
  const uncut: Piece[] = []
  const early = new Layers(cut, uncut)
  const layers = new Layers(cut, uncut)
  const isEarly = ({ order }: Said): boolean => compareOrder(order, baseOrder) <= 0
  let taken = 0
  const isStep = (): boolean => ++taken % ITEMS_A_STEP === 0
  for (const each of said) {
    if (isEarly(each)) early.take(each)
    if (isStep()) yield
  }
  layers.begin(base.map((piece) => ({ piece, order: baseOrder })))
  // What lies in tails at the checkpoint lies beside its pointers.
  for (const placed of early.list) {
    if (layers.isFree(placed.piece)) layers.put(placed)
    if (isStep()) yield
  }
  for (const each of said) {
    if (!isEarly(each)) layers.take(each)
    if (isStep()) yield
  }
  const pieces: Piece[] = []
  for (const [i, placed] of layers.list.entries()) {
    pieces.push(joinedRight(placed, layers.list[i - 1], breaks))
    if (isStep()) yield
  }
  return { pieces, uncut }
}

/** The piece; it goes on with nothing where something that was lost may lie before it. */
function joinedRight({ piece, order }: Placed, before: Placed | undefined, breaks: readonly Order[]): Piece {
  if (!piece.joined) return piece
  const goesOn = before !== undefined && !isBreakBetween(breaks, before.order, order)
  return goesOn ? piece : { ...piece, joined: false }
}

function isBreakBetween(breaks: readonly Order[], a: Order, b: Order): boolean {
  const [from, to] = compareOrder(a, b) <= 0 ? [a, b] : [b, a]
  return breaks.some((each) => compareOrder(each, from) > 0 && compareOrder(each, to) <= 0)
}

/** Pieces in order of time, each change laid over those before it. */
class Layers {
  list: Placed[] = []
  readonly #cut: Cutter
  readonly #uncut: Piece[]

  constructor(cut: Cutter, uncut: Piece[]) {
    this.#cut = cut
    this.#uncut = uncut
  }

  begin(list: readonly Placed[]): void {
    this.list = [...list]
  }

  isFree({ start, end }: Piece): boolean {
    const next = this.list[this.#endingAfter(start)]
    return next === undefined || next.piece.start >= end
  }

  put(placed: Placed): void {
    const { start } = placed.piece
    this.list.splice(this.#endingAfter(start), 0, placed)
  }

  take(said: Said): void {
    switch (said.kind) {
      case 'claim':
        this.#clear(said.piece.start, said.piece.end)
        this.put(said)
        return
      case 'erase':
        this.#clear(said.start, said.end)
        return
      case 'go':
        this.#drop(said.first, said.last)
        return
      case 'part':
        this.#part(said.at)
        return
    }
  }

  /** Takes away what lies in [start, end). */
  #clear(start: bigint, end: bigint): void {
    const from = this.#endingAfter(start)
    let to = from
    const left: Placed[] = []
    for (; to < this.list.length && this.list[to]!.piece.start < end; to++) {
      const { piece, order } = this.list[to]!
      const rests = [
        piece.start < start ? this.#slice(piece, FIRST, start) : undefined,
        piece.end > end ? this.#slice(piece, end, LAST) : undefined,
      ]
      if (rests.includes('unknown')) this.#uncut.push(piece)
      for (const rest of rests)
        if (rest !== undefined && rest !== 'unknown') left.push({ piece: rest, order })
    }
    this.list.splice(from, to - from, ...left)
  }

  #slice(piece: Piece, start: bigint, end: bigint): Piece | undefined | 'unknown' {
    return piece.kind === 'rows' ? sliceRows(piece, start, end) : this.#cut(piece, start, end)
  }

  #drop(first: bigint, last: bigint): void {
    const from = this.#endingAfter(first)
    let to = from
    /** Rows: any number. */
    const left: Placed[] = []
    for (; to < this.list.length && this.list[to]!.piece.start <= last; to++) {
      const placed = this.list[to]!
      if (placed.piece.start < first || placed.piece.kind === 'rows') left.push(placed)
    }
    this.list = [...this.list.slice(0, from), ...left, ...this.list.slice(to)]
  }

  #part(at: bigint): void {
    const position = this.#endingAfter(at)
    const placed = this.list[position]
    if (placed === undefined || placed.piece.start > at) return
    const { piece, order } = placed
    if (piece.start === at) this.list[position] = { piece: { ...piece, joined: false }, order }
    else if (piece.kind === 'rows') {
      const parts = [sliceRows(piece, FIRST, at), sliceRows(piece, at, LAST)]
      const placedParts = parts.flatMap((part) => (part === undefined ? [] : [{ piece: part, order }]))
      this.list.splice(position, 1, ...placedParts)
    }
  }

  /** Position of the first that ends after `time`. */
  #endingAfter(time: bigint): number {
    return partitionPoint(0, this.list.length, (i) => this.list[i]!.piece.end <= time)
  }
}

function sliceRows(piece: Piece & { kind: 'rows' }, start: bigint, end: bigint): Piece | undefined {
  const { times, bytes, count, joined } = piece
  const from = lowerBound(times, start, 0, count)
  const to = lowerBound(times, end, from, count)
  if (from === to) return undefined
  const width = bytes.length / count
  return {
    kind: 'rows',
    start: times[from]!,
    end: times[to - 1]! + 1n,
    count: to - from,
    joined: joined && from === 0,
    times: times.subarray(from, to),
    bytes: bytes.subarray(from * width, to * width),
  }
}

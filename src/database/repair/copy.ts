// Copies what is sound of one group into the target: first its timestamps, then each data channel beside
// them. What is damaged is left out, in units of 128 samples, and told; a domain ends where samples are
// missing. A data sample without its timestamp is lost too (0009-I1, 0009-I3). Called by repair.ts, group by
// group.

import type { ExtentOwner } from '../../segment/extent-header.ts'
import type { Channel } from '../../telem/channel.ts'
import { byteWidth } from '../../telem/data-type.ts'
import type { Engine } from '../engine.ts'
import type { Piece, SalvagedGroup } from './pieces.ts'
import type { Fault, Losses } from './report.ts'
import type { RepairSource } from './source.ts'
import { ChannelCopy } from './target.ts'
import { inSlices, SLICE_MS } from '../turns.ts'
import { Timeline } from './timeline.ts'

/** What a copy goes from and to. */
export interface Copying {
  readonly source: RepairSource
  readonly target: Engine
  readonly losses: Losses
  /** Called for every stretch of samples that was dealt with, sound or not; what it throws ends the copy. */
  readonly onSamples: (count: number) => void
}

const NOT_IN_ORDER: Fault = { what: 'these timestamps are not later than those before them' }
const WITHOUT_PLACE: Fault = { what: 'which timestamps these samples belong to cannot be told' }

/** Returns the samples written, by channel key. @throws StorageError, what `onSamples` throws */
export async function copyGroup(copying: Copying, group: SalvagedGroup): Promise<Map<number, number>> {
  const { index, data, piecesOf } = group
  const written = new Map<number, number>()
  const { target } = copying
  const pieces = await inSlices(target.turns, piecesOf(index.key), SLICE_MS)
  const owner = ownerOf(index)
  const timeline = new Timeline(owner, target.segments, pieces)
  const to = new ChannelCopy(target, index, index.key, (pointer, rank) => timeline.add(pointer, rank))
  const times = new IndexCopy({ copying, channel: index, owner, timeline, to })
  written.set(index.key, await times.copy(pieces))
  for (const channel of data) {
    const parts = {
      copying,
      channel,
      owner: ownerOf(channel),
      timeline,
      to: new ChannelCopy(target, channel, index.key),
    }
    const some = await inSlices(target.turns, piecesOf(channel.key), SLICE_MS)
    written.set(channel.key, await new DataCopy(parts).copy(some))
  }
  return written
}

function ownerOf({ key, type, kind }: Channel): ExtentOwner {
  return { channel: key, type, isIndex: kind === 'index' }
}

/** One channel on its way. */
interface Parts {
  readonly copying: Copying
  readonly channel: Channel
  readonly owner: ExtentOwner
  readonly timeline: Timeline
  readonly to: ChannelCopy
}

/** Copies pieces one after another; returns how many samples were written. */
async function copyPieces(
  { to }: Parts,
  pieces: readonly Piece[],
  copyPiece: (piece: Piece, rank: number) => Promise<void>,
): Promise<number> {
  try {
    let rank = 0
    for (const piece of pieces) {
      await copyPiece(piece, rank)
      rank += piece.count
    }
    await to.finish()
    return to.samples
  } catch (error) {
    await to.abandon(error)
    throw error
  }
}

async function done({ copying }: Parts, count: number): Promise<void> {
  copying.onSamples(count)
  await copying.target.turns.due(SLICE_MS)
}

class IndexCopy {
  readonly #parts: Parts
  /** Time and rank of the last sample written. */
  #last: bigint | undefined
  #lastRank = -1

  constructor(parts: Parts) {
    this.#parts = parts
  }

  copy(pieces: readonly Piece[]): Promise<number> {
    return copyPieces(this.#parts, pieces, (piece, rank) => this.#copyPiece(piece, rank))
  }

  async #copyPiece(piece: Piece, rank: number): Promise<void> {
    let lost: { from: number; to: number; start: bigint; fault: Fault } | undefined
    const lose = (from: number, count: number, fault: Fault): void => {
      const start = from === 0 || this.#last === undefined ? piece.start : this.#last + 1n
      lost = lost === undefined ? { from, to: from + count, start, fault } : { ...lost, to: from + count }
    }
    const settle = (end: bigint): void => {
      if (lost === undefined) return
      const { from, to, start, fault } = lost
      this.#parts.timeline.lose({ from: rank + from, to: rank + to, start, end, fault })
      this.#parts.copying.losses.add({
        channel: this.#parts.channel.key,
        start,
        end,
        samples: to - from,
        fault,
      })
      lost = undefined
    }
    for (const stretch of this.#parts.copying.source.stretches(piece, this.#parts.owner, 0, piece.count)) {
      const { from, count } = stretch
      if ('fault' in stretch) lose(from, count, stretch.fault)
      else {
        const { bytes } = stretch
        const times = new BigInt64Array(bytes.buffer, bytes.byteOffset, count)
        if (this.#last !== undefined && times[0]! <= this.#last) lose(from, count, NOT_IN_ORDER)
        else {
          settle(times[0]!)
          await this.#write(times, bytes, rank + from, from > 0 || piece.joined)
        }
      }
      await done(this.#parts, count)
    }
    settle(piece.end)
  }

  async #write(times: BigInt64Array, bytes: Uint8Array, rank: number, goesOn: boolean): Promise<void> {
    for (let from = 0; from < times.length;) {
      const count = Math.min(this.#parts.to.room, times.length - from)
      const joined = from > 0 || (goesOn && rank - 1 === this.#lastRank)
      await this.#parts.to.add({
        start: times[from]!,
        end: times[from + count - 1]! + 1n,
        count,
        joined,
        rank: rank + from,
        bytes: bytes.subarray(8 * from, 8 * (from + count)),
      })
      from += count
    }
    this.#last = times.at(-1)
    this.#lastRank = rank + times.length - 1
  }
}

class DataCopy {
  readonly #parts: Parts
  /** The rank behind the last sample written; -1 where the next one goes on with nothing. */
  #next = -1
  /** The rank behind the last sample lost. */
  #lostUpTo = -1
  /** The rank behind the last sample seen. */
  #seenUpTo = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  copy(pieces: readonly Piece[]): Promise<number> {
    return copyPieces(this.#parts, pieces, (piece) => this.#copyPiece(piece))
  }

  async #copyPiece(piece: Piece): Promise<void> {
    const rank = this.#parts.timeline.place(piece)
    if (rank === undefined || rank < this.#seenUpTo) {
      const { start, end, count } = piece
      const fault =
        piece.kind === 'rows'
          ? WITHOUT_PLACE
          : { ...WITHOUT_PLACE, offset: piece.offset, ...this.#fileOf(piece) }
      this.#parts.copying.losses.add({ channel: this.#parts.channel.key, start, end, samples: count, fault })
      this.#next = -1
      return done(this.#parts, count)
    }
    if (!piece.joined) this.#next = -1
    this.#seenUpTo = rank + piece.count
    let at = rank
    for (const { from, to } of this.#parts.timeline.spans(rank, rank + piece.count)) {
      await this.#loseTimes(at, from)
      await this.#copySpan(piece, rank, from, to)
      at = to
    }
    await this.#loseTimes(at, rank + piece.count)
  }

  #fileOf(piece: Piece & { kind: 'extent' }): { file: string } {
    return { file: this.#parts.copying.source.pathOf(piece.segment) }
  }

  /** Samples at ranks whose timestamps are lost. */
  async #loseTimes(from: number, to: number): Promise<void> {
    for (const lost of this.#parts.timeline.lost(from, to)) {
      const fault = { ...lost.fault, what: `the timestamps of these samples are lost: ${lost.fault.what}` }
      this.#lose(lost.from, lost.to, lost.start, lost.end, fault)
      await done(this.#parts, lost.to - lost.from)
    }
  }

  async #copySpan(piece: Piece, rank: number, first: number, end: number): Promise<void> {
    const { source } = this.#parts.copying
    if (this.#parts.timeline.beginsAt(first)) this.#next = -1
    for (const stretch of source.stretches(piece, this.#parts.owner, first - rank, end - rank)) {
      const from = rank + stretch.from
      const to = from + stretch.count
      if ('fault' in stretch)
        this.#lose(
          from,
          to,
          this.#parts.timeline.timeOf(from),
          this.#parts.timeline.timeOf(to - 1) + 1n,
          stretch.fault,
        )
      else await this.#write(stretch.bytes, from, to)
      await done(this.#parts, stretch.count)
    }
  }

  async #write(bytes: Uint8Array, rank: number, end: number): Promise<void> {
    const width = byteWidth(this.#parts.channel.type)
    for (let from = rank; from < end;) {
      const count = Math.min(this.#parts.to.room, end - from)
      await this.#parts.to.add({
        start: this.#parts.timeline.timeOf(from),
        end: this.#parts.timeline.timeOf(from + count - 1) + 1n,
        count,
        joined: this.#next === from,
        rank: from,
        bytes: bytes.subarray((from - rank) * width, (from + count - rank) * width),
      })
      from += count
      this.#next = from
    }
  }

  #lose(from: number, to: number, start: bigint, end: bigint, fault: Fault): void {
    const loss = { channel: this.#parts.channel.key, start, end, samples: to - from, fault }
    this.#parts.copying.losses.add(loss, this.#lostUpTo === from)
    this.#lostUpTo = to
    this.#next = -1
  }
}

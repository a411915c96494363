// What a repair knows of a channel's samples, wherever they lie: pieces, in order of time, as pointers and
// tails say it of a state that could be loaded. A piece in a segment is read when it is copied; one that
// a log holds inline is in memory already. Pure; called by salvage.ts, used by all of repair.

import { visibleRows } from '../../domain/tail.ts'
import type { Group } from '../../domain/group.ts'
import type { PointerList } from '../../domain/pointer-list.ts'
import type { Pointer, SegmentId } from '../../version/pointer.ts'
import { catalogueOf } from '../../version/version.ts'
import type { Version } from '../../version/version.ts'
import type { Channel } from '../../telem/channel.ts'
import type { LostRange, RepairReport, Untold } from './report.ts'

/** Consecutive samples of one channel. `start`: time of the first; `end`: of the last + 1 ns. */
interface Place {
  readonly start: bigint
  readonly end: bigint
  readonly count: number
  /** It goes on with the domain of the piece before it. */
  readonly joined: boolean
}

/** Samples [skip, skip + count) of an extent. */
export interface ExtentPiece extends Place {
  readonly kind: 'extent'
  readonly segment: SegmentId
  readonly offset: number
  readonly length: number
  readonly skip: number
  /** What its extent says of when it was written, where that matters: the epoch, and the newest LSN then. */
  readonly written?: { readonly epoch: number; readonly lsn: number }
  /** No record that is known names it. */
  readonly isUnnamed?: boolean
}

/** Samples that a log holds. */
export interface RowsPiece extends Place {
  readonly kind: 'rows'
  /** When each of them is. */
  readonly times: BigInt64Array
  /** All of them: little-endian, as in an extent. */
  readonly bytes: Uint8Array
}

export type Piece = ExtentPiece | RowsPiece

/** One group: an index channel and its data channels, with the samples of each by key. */
export interface SalvagedGroup {
  readonly index: Channel
  readonly data: readonly Channel[]
  /** Pieces of a channel: sorted, disjoint. In steps between which the loop may turn. */
  readonly piecesOf: (key: number) => Generator<void, readonly Piece[], void>
  /** How many samples they hold. */
  readonly samplesOf: (key: number) => number
}

/** What there is to copy. */
export interface Salvage {
  readonly databaseId: Uint8Array
  /** Of the newest record that counts. */
  readonly lastLsn: number
  readonly source: RepairReport['source']
  readonly mayHoldDeleted: boolean
  /** By ascending key. */
  readonly channels: readonly Channel[]
  readonly groups: readonly SalvagedGroup[]
  readonly untold: readonly Untold[]
  /** What is no loss. */
  readonly notes: readonly Untold[]
  /** Samples that cannot be copied, whatever is sound of them. */
  readonly lost: readonly LostRange[]
  /** By key: what of a channel's definition was guessed. */
  readonly guessed: ReadonlyMap<number, string>
}

/** The groups of a state that could be loaded. */
export function groupsOf(version: Version, groups: ReadonlyMap<number, Group>): SalvagedGroup[] {
  const { list, dataOf } = catalogueOf(version)
  return list
    .filter(({ kind }) => kind === 'index')
    .map((index) => ({
      index,
      data: dataOf.get(index.key) ?? [],
      piecesOf: (key) => piecesIn(version, groups.get(index.key), key),
      samplesOf: (key) => samplesIn(version, groups.get(index.key), key),
    }))
}

/** Pointers that are a step. */
const POINTERS_A_STEP = 512

function* piecesIn(
  version: Version,
  group: Group | undefined,
  key: number,
): Generator<void, readonly Piece[], void> {
  const pieces: Piece[] = []
  function* addAll(list: PointerList): Generator<void, void, void> {
    for (let at = 0; at < list.length; at += POINTERS_A_STEP) {
      if (at > 0) yield
      const add = (pointer: Pointer): void => void pieces.push(pieceOf(pointer))
      list.forEach(at, Math.min(at + POINTERS_A_STEP, list.length), add)
    }
  }
  yield* addAll(version.pointers.get(key))
  const flushed = pieces.length
  for (const view of group?.views() ?? []) {
    if (view.kind === 'pointers') {
      const list = view.pointers.get(key)
      if (list !== undefined) yield* addAll(list)
      continue
    }
    const { strip } = view
    const ordinal = strip.shape.ordinals.get(key)
    if (ordinal === undefined) continue
    const width = strip.shape.widths[ordinal]!
    const column = strip.offsets[ordinal]!
    for (const { from, to, joined } of visibleRows(view, key)) {
      pieces.push({
        kind: 'rows',
        start: strip.times[from]!,
        end: strip.times[to - 1]! + 1n,
        count: to - from,
        joined,
        times: strip.times.subarray(from, to),
        bytes: strip.page.bytes.subarray(column + from * width, column + to * width),
      })
    }
  }
  if (pieces.length > flushed) pieces.sort(byStart)
  return pieces
}

function samplesIn(version: Version, group: Group | undefined, key: number): number {
  let count = version.pointers.get(key).samples
  for (const view of group?.views() ?? []) {
    if (view.kind === 'pointers') count += view.pointers.get(key)?.samples ?? 0
    else if (view.strip.shape.ordinals.has(key))
      for (const { from, to } of visibleRows(view, key)) count += to - from
  }
  return count
}

/** The piece that a pointer reaches. */
export function pieceOf(pointer: Pointer): ExtentPiece {
  const { start, end, count, joined, segment, offset, length, skip } = pointer
  return { kind: 'extent', start, end, count, joined, segment, offset, length, skip }
}

/** Orders pieces by their first sample. */
function byStart(a: Place, b: Place): number {
  return a.start < b.start ? -1 : a.start > b.start ? 1 : 0
}

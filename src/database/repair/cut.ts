// Cuts an extent at a time without a log: by its own timestamps, or, for a data channel, by those of the
// index channel's extent that was written beside it and says the same first time, last time and count. Called
// by settle.ts through damaged.ts.

import type { FoundExtent, FoundExtents } from './found.ts'
import type { ByPlace } from '../survey/by-place.ts'
import type { ExtentPiece, Piece } from './pieces.ts'
import type { Cutter } from './settle.ts'
import type { RepairSource } from './source.ts'

/** Finds the extent that holds the timestamps of an extent's samples. */
export type IndexLookUp = (extent: FoundExtent) => FoundExtent | undefined

/** Of several that say the same, the one that lies right before it: they were written together. */
export function indexLookUp(found: FoundExtents): IndexLookUp {
  const sameAs = ({ piece }: FoundExtent): string => `${piece.start}:${piece.end}:${piece.count}`
  let known: Map<string, FoundExtent[]> | undefined
  const make = (): Map<string, FoundExtent[]> => {
    const made = new Map<string, FoundExtent[]>()
    for (const each of found.values()) {
      if (!each.isIndex) continue
      const list = made.get(sameAs(each))
      if (list === undefined) made.set(sameAs(each), [each])
      else list.push(each)
    }
    return made
  }
  return (extent) => {
    if (extent.isIndex) return extent
    known ??= make()
    const { segment, offset } = extent.piece
    const distance = ({ piece }: FoundExtent): number =>
      piece.segment === segment && piece.offset < offset ? offset - piece.offset : Infinity
    const list = known.get(sameAs(extent)) ?? []
    return list.reduce<FoundExtent | undefined>(
      (best, each) => (best === undefined || distance(each) < distance(best) ? each : best),
      undefined,
    )
  }
}

/** @param note told where damaged timestamps leave it open which samples belong to the part */
export function cutterOf(
  source: RepairSource,
  found: FoundExtents,
  indexOf: IndexLookUp,
  note: (what: string) => void,
): Cutter {
  return (piece, start, end) => {
    const extent = found.get(piece)
    const index = extent === undefined ? undefined : indexOf(extent)
    if (index === undefined) return 'unknown'
    let from: { position: number; time: bigint } | undefined
    let to: { position: number; time: bigint } | undefined
    let isDamaged = false
    const times = { ...index.piece, skip: piece.skip, count: piece.count }
    const owner = { channel: index.key, type: index.type, isIndex: true }
    for (const stretch of source.stretches(times, owner, 0, piece.count)) {
      if ('fault' in stretch) {
        isDamaged = true
        continue
      }
      const { bytes, count } = stretch
      const column = new BigInt64Array(bytes.buffer, bytes.byteOffset, count)
      for (let i = 0; i < count; i++) {
        const time = column[i]!
        if (time < start || time >= end) continue
        from ??= { position: stretch.from + i, time }
        to = { position: stretch.from + i, time }
      }
    }
    if (isDamaged)
      note(
        'timestamps where a part of its samples was cut away are damaged: samples beside them may be missing',
      )
    if (from === undefined || to === undefined) return isDamaged ? 'unknown' : undefined
    return sliceOf(piece, from, to)
  }
}

function sliceOf(
  piece: ExtentPiece,
  from: { readonly position: number; readonly time: bigint },
  to: { readonly position: number; readonly time: bigint },
): ExtentPiece {
  return {
    ...piece,
    start: from.time,
    end: to.time + 1n,
    count: to.position - from.position + 1,
    skip: piece.skip + from.position,
    joined: piece.joined && from.position === 0,
  }
}

/** By place of an index channel's extent: the pieces of it that are left. */
export type PiecesLeft = Pick<ByPlace<readonly ExtentPiece[]>, 'get'>

/**
 * What is left of a data channel's extent that nothing names, where parts of the timestamps that were written
 * with it are gone: the samples beside those that are left. Which they are follows from their positions.
 */
export function besideTimes(
  piece: Piece,
  found: FoundExtents,
  indexOf: IndexLookUp,
  left: PiecesLeft,
): readonly Piece[] {
  if (piece.kind === 'rows' || piece.isUnnamed !== true) return [piece]
  const extent = found.get(piece)
  const index = extent === undefined || extent.isIndex ? undefined : indexOf(extent)
  if (extent === undefined || index === undefined) return [piece]
  const isBeside = index.epoch === extent.epoch && index.lsn === extent.lsn
  const times = isBeside ? left.get(index.piece) : undefined
  if (times === undefined) return [piece]
  return times.flatMap((each) => {
    const isWithin = each.skip >= piece.skip && each.skip + each.count <= piece.skip + piece.count
    const { start, end, count, skip } = each
    return isWithin ? [{ ...piece, start, end, count, skip, joined: false }] : []
  })
}

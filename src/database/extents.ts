// Writes a large frame to the active segment: one extent per channel, side by side, with as few writes
// as they take. Synchronous, since it stands in for the pages that a small frame goes to.

import type { ExtentPlace } from '../journal/record.ts'
import type { Shape } from '../journal/shape.ts'
import { encodeExtent, extentSize } from '../segment/extent-writer.ts'
import type { Place } from '../segment/segment-pool.ts'
import type { NumericArray } from '../telem/data-type.ts'
import { diskFull, isDiskFull } from '../fs/storage-error.ts'
import type { Engine } from './engine.ts'

/**
 * Extents are gathered in here and written together: 64 KB appends are the sweet spot (costs of RFC 0002).
 */
const GATHER = 64 * 1024

let scratch = new Uint8Array(2 * GATHER)

/**
 * Writes the columns of a run (by ordinal) as extents, which are reserved until a record names them.
 * @throws StorageError; then every byte of it is given up
 */
export function writeRunExtents(
  engine: Engine,
  shape: Shape,
  columns: readonly NumericArray[],
  firstTime: bigint,
  lastTime: bigint,
  count: number,
): ExtentPlace[] {
  const { segments } = engine
  const places: Place[] = []
  let gathered = 0
  let begin: Place | undefined
  const writeOut = (): void => {
    if (begin !== undefined && gathered > 0) segments.writeNow(begin, scratch.subarray(0, gathered))
    begin = undefined
    gathered = 0
  }
  try {
    for (let i = 0; i < columns.length; i++) {
      const type = shape.types[i]!
      const isIndex = i === 0
      const size = extentSize(type, count, isIndex)
      const place = segments.reserve(size)
      places.push(place)
      if (begin !== undefined && (place.segment !== begin.segment || gathered + size > GATHER)) writeOut()
      if (size > scratch.length - gathered) scratch = grown(size)
      begin ??= place
      const column = columns[i]!
      const sources = new Uint8Array(column.buffer, column.byteOffset, column.byteLength)
      const extent = {
        channel: shape.keys[i]!,
        type,
        isIndex,
        epoch: engine.epoch,
        lsn: engine.lastLsn,
        firstTime,
        lastTime,
        sources,
        count,
      }
      gathered += encodeExtent(scratch, gathered, extent, segments.get(place.segment).seed, place.offset)
    }
    writeOut()
  } catch (error) {
    giveUpPlaces(engine, places, error)
    if (!isDiskFull(error)) throw error
    const needed = shape.types.reduce((sum, type, i) => sum + extentSize(type, count, i === 0), 0)
    throw diskFull(`Cannot write ${count} rows of samples`, segments.path, error, needed)
  }
  if (scratch.length > 16 * GATHER) scratch = new Uint8Array(2 * GATHER)
  return places
}

/** LSN for bytes that were given up before a record named them: nobody ever needed them. */
const NEVER_NAMED = 0

/**
 * Gives up places that no record will ever name. Where the disk is full, what of them lies at the end of its
 * segment goes back to the file system; nothing is appended there before that is synced, so that no extent to
 * come can be taken for an old one.
 * @param cause why they are given up
 */
export function giveUpPlaces(engine: Engine, places: readonly Place[], cause: unknown): void {
  if (!isDiskFull(cause)) {
    for (const place of places) {
      engine.segments.settle(place)
      engine.deadSpace.noteDead(place, NEVER_NAMED)
    }
    return
  }
  const cut = engine.segments.giveUp(places)
  for (const place of places) {
    if (place.offset < engine.segments.get(place.segment).size) engine.deadSpace.noteDead(place, NEVER_NAMED)
  }
  for (const segment of cut) {
    try {
      segment.writer?.syncNow()
    } catch (failure) {
      engine.syncer.refuse(failure)
    }
  }
}

/** Called with nothing gathered: what was in the scratch is written. */
function grown(size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(2 ** Math.ceil(Math.log2(size)))
}

// The block table of an extent of which it takes long to read and check it all (50 ms for 1 GiB of samples):
// read in parts, as they are asked for. The table's own checksum covers all of it, so that a part is not
// verified by it. None is believed: a unit's checksum counts once the unit's samples match it, a first time
// once verified samples on both sides of what was found by it say the same (0002-I1). Where they do not, the
// whole table is read and checked, and tells what is wrong. Used by SegmentReader.

import { lowerBound, partitionPoint } from '../binary-search.ts'
import type { File } from '../fs/file-system.ts'
import type { BlockTable } from './block-table.ts'
import { loadBlockTable } from './block-table.ts'
import { checkExtentHeader, decodeExtentHeader } from './extent-header.ts'
import type { ExtentHeader, ExtentOwner, ExtentRef } from './extent-header.ts'
import { EXTENT_HEADER_SIZE, UNIT_SAMPLES } from './extent-layout.ts'
import type { ExtentLayout } from './extent-layout.ts'
import { readFullyNow } from './read-fully.ts'
import type { UnitChecksums } from './verify-units.ts'

/** A block table up to so many bytes is read and checked in one step: about 1 ms (bench/stalls.ts, huge). */
export const LONG_TABLE: number = 256 * 1024

/** No block table is longer than this share of its extent: a byte a sample has the longest. */
const LARGEST_SHARE = 16

/** First times that are read at once: 4 KiB. */
const PAGE = 512

/** What it costs in memory beside its arrays: the objects, roughly. */
const OVERHEAD = 1024

/** A block table on the disk. */
export interface LongTable {
  readonly kind: 'long'
  readonly ref: ExtentRef
  readonly owner: ExtentOwner
  /** Verified. */
  readonly header: ExtentHeader
  readonly layout: ExtentLayout
  /** Samples of the extent. */
  readonly count: number
  /** Bytes of a sample. */
  readonly width: number
  /** Where the samples begin, in bytes from the start of the extent. */
  readonly dataOffset: number
  /** Index channels: the first time of every page of units, where `isRead`; not verified. */
  readonly fences: BigInt64Array
  readonly isRead: Uint8Array
  /** Memory that it takes. */
  readonly bytes: number
}

/**
 * The block table of an extent: a long one is left on the disk.
 * @param longest bytes of a table that is not long
 * @throws CorruptionError as `loadBlockTable`; what is left on the disk is not looked at
 */
export function loadTable(
  file: File,
  seed: number,
  ref: ExtentRef,
  owner: ExtentOwner,
  longest: number,
): BlockTable | LongTable {
  if (ref.length <= longest * LARGEST_SHARE) return loadBlockTable(file, seed, ref, owner)
  const bytes = new Uint8Array(EXTENT_HEADER_SIZE)
  readFullyNow(file, bytes, ref.offset)
  const header = decodeExtentHeader(bytes, seed, ref.offset, file.path)
  const layout = checkExtentHeader(header, ref, owner, file.path)
  if (layout.length - layout.tableOffset <= longest) return loadBlockTable(file, seed, ref, owner)
  const pages = header.isIndex ? Math.ceil(layout.units / PAGE) : 0
  return {
    kind: 'long',
    ref: { offset: ref.offset, length: ref.length },
    owner,
    header,
    layout,
    count: layout.count,
    width: layout.width,
    dataOffset: EXTENT_HEADER_SIZE,
    fences: new BigInt64Array(pages),
    isRead: new Uint8Array(pages),
    bytes: 9 * pages + OVERHEAD,
  }
}

/**
 * The checksums of the units `from` to `to` (exclusive).
 * @throws CorruptionError where the file ends before; StorageError
 */
export function checksumsIn(
  file: File,
  { ref, layout, count, width }: LongTable,
  from: number,
  to: number,
): UnitChecksums {
  const unitChecksums = new Uint32Array(to - from)
  readFullyNow(file, new Uint8Array(unitChecksums.buffer), ref.offset + layout.checksumsAt + 4 * from)
  return { count, width, unitChecksums, firstUnit: from }
}

/** A unit, and its first time by what the table says: where a time is to be looked for. */
export interface UnitGuess {
  /** The number of units where all begin before the time. */
  readonly unit: number
  readonly first: bigint | undefined
}

/** The first unit whose first time is not before `time`, by what the table says. @throws as `checksumsIn` */
export function guessUnit(file: File, { ref, fences, isRead, layout }: LongTable, time: bigint): UnitGuess {
  const read = (times: BigInt64Array, from: number): void => {
    readFullyNow(
      file,
      new Uint8Array(times.buffer, times.byteOffset, times.byteLength),
      ref.offset + layout.columnsAt + 8 * from,
    )
  }
  const next = partitionPoint(0, fences.length, (page) => {
    if (isRead[page] === 0) {
      read(fences.subarray(page, page + 1), page * PAGE)
      isRead[page] = 1
    }
    return fences[page]! < time
  })
  if (next === 0) return { unit: 0, first: fences[0] }
  const begin = (next - 1) * PAGE
  const times = new BigInt64Array(Math.min(PAGE, layout.units - begin))
  read(times, begin)
  const within = lowerBound(times, time)
  return { unit: begin + within, first: within < times.length ? times[within] : fences[next] }
}

/** Where a time falls in an extent. */
export interface TimePosition {
  /** The first sample whose timestamp is not before the time; the extent's count where all are. */
  readonly position: number
  /** Its timestamp; undefined at the end. */
  readonly at: bigint | undefined
  /** The timestamp of the sample before it; undefined at the start. */
  readonly before: bigint | undefined
}

/**
 * Where `time` falls, by verified samples alone: the one before it and the one at it.
 * @param guess where the table leads
 * @param timesOf the verified timestamps of a unit
 * @param needsBefore whether `before` is asked for: else the first time of a unit is found without the unit
 * before it
 * @returns undefined where the samples do not agree with the table
 */
export function positionAt(
  { layout, header, count }: Pick<LongTable, 'layout' | 'header' | 'count'>,
  time: bigint,
  { unit, first }: UnitGuess,
  timesOf: (unit: number) => BigInt64Array,
  needsBefore: boolean,
): TimePosition | undefined {
  if (unit === 0) {
    const at = header.firstTime
    return at < time ? undefined : { position: 0, at, before: undefined }
  }
  const next = Math.min(unit * UNIT_SAMPLES, count)
  const atNext = (): bigint | undefined => (unit < layout.units ? timesOf(unit)[0] : undefined)
  if (!needsBefore && first === time && atNext() === time)
    return { position: next, at: time, before: undefined }
  const times = timesOf(unit - 1)
  if (times[0]! >= time) return undefined
  const within = lowerBound(times, time)
  const before = times[within - 1]
  if (within < times.length)
    return { position: (unit - 1) * UNIT_SAMPLES + within, at: times[within], before }
  const at = atNext()
  return at !== undefined && at < time ? undefined : { position: next, at, before }
}

// Reading what is sound of an extent that may be damaged: unit by unit, each against its own checksum, with
// whatever of header and block table can still be believed. Nothing is given out that no checksum vouches
// for (0009-I1). Called by copy.ts; damage is returned, never thrown.

import { checksum } from '../../codec/checksum.ts'
import { CorruptionError } from '../../errors.ts'
import type { File } from '../../fs/file-system.ts'
import { storageError } from '../../fs/storage-error.ts'
import { hasCode } from '../../fs/system-error.ts'
import { checkExtentHeader, decodeExtentHeader } from '../../segment/extent-header.ts'
import type { ExtentOwner, ExtentRef } from '../../segment/extent-header.ts'
import { EXTENT_HEADER_SIZE, extentLayout, UNIT_SAMPLES } from '../../segment/extent-layout.ts'
import type { ExtentLayout } from '../../segment/extent-layout.ts'
import { byteWidth } from '../../telem/data-type.ts'
import type { Fault } from './report.ts'

/** Bytes of one read, a multiple of every unit's size. */
const CHUNK_SIZE = 256 * 1024

/** Samples [from, from + count) of an extent: their bytes, or what is wrong with them. */
export type Stretch =
  | { readonly from: number; readonly count: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly from: number; readonly count: number; readonly fault: Fault }

/** An extent in an open file. */
export interface ExtentPlaceIn {
  readonly file: File
  /** Of `segmentSeed`. */
  readonly seed: number
  readonly ref: ExtentRef
  readonly owner: ExtentOwner
}

/** A layout, and the checksums of its units. */
interface Units {
  readonly layout: ExtentLayout
  readonly checksums: Uint32Array
}

/**
 * The samples [skip, skip + count) of an extent in order: what is sound, and what is not. What lies side by
 * side and is sound comes in stretches of at most 256 KiB, which are valid until the next one is asked for.
 * @throws StorageError for what can be tried again: no descriptors, no memory
 */
export function* soundStretches(place: ExtentPlaceIn, skip: number, count: number): Generator<Stretch> {
  const found = findUnits(place, skip + count)
  if (found.length === 0) return yield { from: skip, count, fault: faultOf(place) }
  // More than one only where header and table are damaged both: the one that any unit fits is the right one.
  const units = found.length === 1 ? found[0]! : (found.find((each) => fitsAny(place, each)) ?? found[0]!)
  yield* read(place, units, skip, count)
}

function* read(
  place: ExtentPlaceIn,
  { layout, checksums }: Units,
  skip: number,
  count: number,
): Generator<Stretch> {
  const { file, seed, ref } = place
  const { width } = layout
  const unitSize = UNIT_SAMPLES * width
  const end = skip + count
  const buffer = new Uint8Array(Math.min(CHUNK_SIZE, (count + 2 * UNIT_SAMPLES) * width))
  const aChunk = Math.max(1, Math.floor(buffer.length / unitSize))
  const last = Math.ceil(end / UNIT_SAMPLES)
  for (let unit = Math.floor(skip / UNIT_SAMPLES); unit < last; unit += aChunk) {
    const until = Math.min(unit + aChunk, last)
    const at = ref.offset + EXTENT_HEADER_SIZE + unit * unitSize
    const size = Math.min(until * UNIT_SAMPLES, layout.count) * width - unit * unitSize
    const isRead = readSome(file, buffer.subarray(0, size), at, unitSize)
    // Neighbours of one kind are given together.
    for (let first = unit; first < until;) {
      const isSound = isUnitSound(first)
      let next = first + 1
      while (next < until && isUnitSound(next) === isSound) next++
      const from = Math.max(skip, first * UNIT_SAMPLES)
      const to = Math.min(end, next * UNIT_SAMPLES, layout.count)
      const begin = from * width - unit * unitSize
      if (isSound)
        yield { from, count: to - from, bytes: buffer.subarray(begin, begin + (to - from) * width) }
      else yield { from, count: to - from, fault: damagedAt(first) }
      first = next
    }

    function isUnitSound(number: number): boolean {
      const begin = (number - unit) * unitSize
      const stop = Math.min((number + 1) * UNIT_SAMPLES, layout.count) * width - unit * unitSize
      if (isRead !== undefined && !isRead(begin, stop)) return false
      return checksum(buffer.subarray(begin, stop), seed, at + begin) === checksums[number]
    }
  }

  function damagedAt(unit: number): Fault {
    const offset = ref.offset + EXTENT_HEADER_SIZE + unit * unitSize
    return { what: 'samples do not match their checksum', file: file.path, offset }
  }
}

/** Reads as much as can be had; returns which bytes are, undefined where all. @throws StorageError */
function readSome(
  file: File,
  target: Uint8Array,
  offset: number,
  step: number,
): ((from: number, to: number) => boolean) | undefined {
  try {
    const got = file.readNow(target, offset)
    return got === target.length ? undefined : (_from, to) => to <= got
  } catch (cause) {
    if (!hasCode(cause, 'EIO')) throw storageError('Cannot read a segment', file.path, cause)
  }
  const bad = new Set<number>()
  for (let from = 0; from < target.length; from += step) {
    const part = target.subarray(from, from + step)
    try {
      if (file.readNow(part, offset + from) !== part.length) bad.add(from)
    } catch (cause) {
      if (!hasCode(cause, 'EIO')) throw storageError('Cannot read a segment', file.path, cause)
      bad.add(from)
    }
  }
  return (from) => !bad.has(from)
}

/** What the extent may be, best first; empty where its checksums cannot be found. */
function findUnits(place: ExtentPlaceIn, least: number): Units[] {
  const { ref, owner, file } = place
  const head = readWhole(file, ref.offset, Math.min(EXTENT_HEADER_SIZE, ref.length))
  const named = head === undefined ? undefined : layoutOfHeader(place, head)
  if (named !== undefined && named.count >= least) {
    const units = unitsOf(place, named)
    return units === undefined ? [] : [units]
  }
  // Without the header: how many samples make an extent of this length? The table's checksum knows which.
  const all = layoutsOf(ref.length, owner, least).flatMap((layout) => unitsOf(place, layout) ?? [])
  const whole = all.find((each) => isTableSound(place, each.layout))
  return whole === undefined ? all : [whole]
}

function layoutOfHeader(
  { file, seed, ref, owner }: ExtentPlaceIn,
  head: Uint8Array,
): ExtentLayout | undefined {
  if (head.length < EXTENT_HEADER_SIZE) return undefined
  try {
    const header = decodeExtentHeader(head, seed, ref.offset, file.path)
    return checkExtentHeader(header, ref, owner, file.path)
  } catch (error) {
    if (error instanceof CorruptionError) return undefined
    throw error
  }
}

/** Layouts of exactly `length` bytes with at least that many samples. */
function layoutsOf(length: number, owner: ExtentOwner, least: number): ExtentLayout[] {
  const width = byteWidth(owner.type)
  let low = 1
  let high = Math.ceil(length / width)
  // Length grows with the count: the first that is long enough, and those that are as long.
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if ((extentLayout(width, middle, owner.isIndex)?.length ?? Infinity) < length) low = middle + 1
    else high = middle
  }
  const layouts: ExtentLayout[] = []
  for (let count = low; ; count++) {
    const layout = extentLayout(width, count, owner.isIndex)
    if (layout?.length !== length) return layouts
    if (count >= least) layouts.push(layout)
  }
}

/** The checksums that stand where this layout has them; undefined where the file ends before. */
function unitsOf({ file, ref }: ExtentPlaceIn, layout: ExtentLayout): Units | undefined {
  const bytes = readWhole(file, ref.offset + layout.checksumsAt, 4 * layout.units)
  return bytes === undefined
    ? undefined
    : { layout, checksums: new Uint32Array(bytes.buffer, 0, layout.units) }
}

function isTableSound({ file, seed, ref }: ExtentPlaceIn, { tableOffset, length }: ExtentLayout): boolean {
  const at = ref.offset + tableOffset
  const table = readWhole(file, at, length - tableOffset)
  if (table === undefined) return false
  const sum = new DataView(table.buffer, table.byteOffset).getUint32(0, true)
  return sum === checksum(table.subarray(4), seed, at)
}

function fitsAny(place: ExtentPlaceIn, units: Units): boolean {
  for (const stretch of read(place, units, 0, units.layout.count)) if ('bytes' in stretch) return true
  return false
}

/**
 * Those bytes of the file in an array of their own; undefined where it does not have them, or they cannot be
 * read.
 */
function readWhole(file: File, offset: number, size: number): Uint8Array<ArrayBuffer> | undefined {
  try {
    // Before anything is allocated by a number that may be damaged.
    if (offset + size > file.sizeNow()) return undefined
    const bytes = new Uint8Array(size)
    return file.readNow(bytes, offset) === size ? bytes : undefined
  } catch (cause) {
    if (hasCode(cause, 'EIO')) return undefined
    throw storageError('Cannot read a segment', file.path, cause)
  }
}

function faultOf({ file, ref }: ExtentPlaceIn): Fault {
  const size = file.sizeNow()
  const isCut = ref.offset + ref.length > size
  const what = isCut
    ? 'the file ends before the checksums of these samples'
    : 'neither the header of these samples nor their checksums can be read'
  return { what, file: file.path, offset: isCut ? size : ref.offset }
}

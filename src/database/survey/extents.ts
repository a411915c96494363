// Walks a segment that may be damaged: every extent whose own header can be believed, wherever damage ends,
// and the bytes between them, which nobody need ever have named. Checks tables and samples, and says which
// samples are lost. Memory is bounded by the window and the largest block table. Called by `verify`,
// `repair`, `dump`.

import { HEADER_SIZE } from '../../codec/file-header.ts'
import { CorruptionError, RubidiumError } from '../../errors.ts'
import { loadBlockTableInTurns } from '../../segment/block-table.ts'
import type { BlockTable } from '../../segment/block-table.ts'
import { decodeExtentHeader } from '../../segment/extent-header.ts'
import type { ExtentHeader, ExtentRef } from '../../segment/extent-header.ts'
import { EXTENT_HEADER_SIZE, extentLayout, RAW_CODEC, UNIT_SAMPLES } from '../../segment/extent-layout.ts'
import { findBadUnit } from '../../segment/verify-units.ts'
import { byteWidth, typeOfCode } from '../../telem/data-type.ts'
import type { DataType } from '../../telem/data-type.ts'
import { whatOf } from './survey.ts'
import { WINDOW } from './file.ts'
import type { SurveyFile } from './file.ts'

/** Bytes in which no extent with a sound header begins. */
export interface ExtentGap {
  readonly what: 'gap'
  readonly offset: number
  readonly length: number
  /** All of them are zeroes: never written, lost, or given back as a hole. */
  readonly isZero: boolean
}

/** Positions of samples in an extent: `from` to `to`, exclusive. */
export interface SampleRange {
  readonly from: number
  readonly to: number
}

/** An extent whose header is sound: what it says of itself, and what of it holds. */
export interface WalkedExtent extends ExtentRef {
  readonly what: 'extent'
  readonly header: ExtentHeader
  /** Undefined for a type that this library does not know. */
  readonly type: DataType | undefined
  /** Its block table, where that is sound. Its columns are views on memory of its own. */
  readonly table: BlockTable | undefined
  /** Why the table, and with it every sample, cannot be believed. */
  readonly fault?: { readonly offset: number; readonly what: string }
  /**
   * Samples that do not match their checksums, in order, neighbours joined; all where the table is not sound;
   * none where samples were not checked.
   */
  readonly lost: readonly SampleRange[]
  /**
   * Where the bytes between samples and table begin, where they are not zeroes; looked at with the samples.
   */
  readonly strayAt: number | undefined
}

/** What a walk over a segment checks. */
export interface ExtentWalkOptions {
  /** Read the samples and compare them with their checksums; else headers and tables alone. */
  readonly samples: boolean
  readonly signal?: AbortSignal | undefined
}

/** 'RbXt' as a little-endian number. */
const MAGIC = 0x7458_6252

/**
 * Every extent that says of itself what it is, in the order of the file, and the bytes between them.
 * @throws the signal's reason
 */
export async function* walkExtents(
  file: SurveyFile,
  seed: number,
  options: ExtentWalkOptions,
): AsyncGenerator<WalkedExtent | ExtentGap> {
  const { signal } = options
  let at = HEADER_SIZE
  while (at < file.size) {
    signal?.throwIfAborted()
    const header = await headerAt(file, at, seed)
    if (header !== undefined) {
      const extent = await checkExtent(file, seed, at, header, options)
      yield extent
      at += extent.length
      continue
    }
    const { next, isZero } = await findHeader(file, at, seed, signal)
    yield { what: 'gap', offset: at, length: next - at, isZero }
    at = next
  }
}

/** The header of the extent that begins at `offset`; undefined where none that can be believed does. */
async function headerAt(file: SurveyFile, offset: number, seed: number): Promise<ExtentHeader | undefined> {
  const bytes = await file.at(offset, EXTENT_HEADER_SIZE)
  if (bytes.length < EXTENT_HEADER_SIZE) return undefined
  try {
    return decodeExtentHeader(bytes, seed, offset, file.path)
  } catch (error) {
    if (error instanceof CorruptionError) return undefined
    throw error
  }
}

async function checkExtent(
  file: SurveyFile,
  seed: number,
  offset: number,
  header: ExtentHeader,
  options: ExtentWalkOptions,
): Promise<WalkedExtent> {
  const type = typeOfCode(header.typeCode)
  const common = { what: 'extent', offset, header, type } as const
  const all = header.count > 0 ? [{ from: 0, to: header.count }] : []
  const fault = faultOfLayout(file, offset, header, type)
  if (fault !== undefined || type === undefined) {
    // Nothing tells how far it reaches: what follows its header is looked at.
    const rest = { fault: { offset, what: fault ?? '' }, lost: all, table: undefined, strayAt: undefined }
    return { ...common, ...rest, length: Math.min(EXTENT_HEADER_SIZE, file.size - offset) }
  }
  const { length } = header
  let table: BlockTable
  try {
    const owner = { channel: header.channel, type, isIndex: header.isIndex }
    table = await loadBlockTableInTurns(file.file, seed, { offset, length }, owner)
  } catch (error) {
    if (!(error instanceof RubidiumError)) throw error
    const isDamage = error instanceof CorruptionError
    const at = isDamage ? error.offset : offset + header.tableOffset
    const what = isDamage ? whatOf(error) : error.message
    return { ...common, length, fault: { offset: at, what }, lost: all, table: undefined, strayAt: undefined }
  }
  if (!options.samples) return { ...common, length, table, lost: [], strayAt: undefined }
  const lost = await lostSamples(file, seed, offset, table, options.signal)
  return { ...common, length, table, lost, strayAt: await strayPadding(file, offset, table) }
}

/** Where the padding of an extent begins that is not zero. */
async function strayPadding(
  file: SurveyFile,
  offset: number,
  { dataOffset, count, width, header }: BlockTable,
): Promise<number | undefined> {
  const at = dataOffset + count * width
  const padding = await file.at(offset + at, header.tableOffset - at)
  return padding.some((byte) => byte !== 0) ? offset + at : undefined
}

/** Why an extent cannot be where and what its sound header says. */
function faultOfLayout(
  file: SurveyFile,
  offset: number,
  header: ExtentHeader,
  type: DataType | undefined,
): string | undefined {
  if (type === undefined) return `the extent has the unknown type ${header.typeCode}`
  if (header.codec !== RAW_CODEC) return `the extent has the unknown codec ${header.codec}`
  const layout = header.count > 0 ? extentLayout(byteWidth(type), header.count, header.isIndex) : undefined
  if (layout?.length !== header.length || layout.tableOffset !== header.tableOffset)
    return `${header.count} samples do not make an extent of ${header.length} bytes`
  if (offset + header.length > file.size)
    return `the file ends ${offset + header.length - file.size} bytes before the extent does`
  return undefined
}

/**
 * Reads all samples of an extent: which of them do not match their checksums. In order, neighbours joined.
 * @throws the signal's reason
 */
async function lostSamples(
  file: SurveyFile,
  seed: number,
  offset: number,
  table: BlockTable,
  signal?: AbortSignal,
): Promise<SampleRange[]> {
  const lost: { from: number; to: number }[] = []
  const { count, width } = table
  const unitSize = UNIT_SAMPLES * width
  const unitsARead = Math.max(1, Math.floor(WINDOW / unitSize))
  const units = Math.ceil(count / UNIT_SAMPLES)
  for (let first = 0; first < units; first += unitsARead) {
    signal?.throwIfAborted()
    const until = Math.min(units, first + unitsARead)
    const at = offset + table.dataOffset + first * unitSize
    const size = (Math.min(count, until * UNIT_SAMPLES) - first * UNIT_SAMPLES) * width
    const bytes = await file.at(at, size)
    for (let unit = first; unit < until;) {
      const skipped = (unit - first) * unitSize
      const isThere = bytes.length === size
      const bad = isThere
        ? findBadUnit(bytes.subarray(skipped), table, unit, until, seed, at + skipped)
        : unit
      if (bad < 0) break
      const range = { from: bad * UNIT_SAMPLES, to: Math.min(count, (bad + 1) * UNIT_SAMPLES) }
      const last = lost.at(-1)
      if (last?.to === range.from) last.to = range.to
      else lost.push(range)
      unit = bad + 1
    }
  }
  return lost
}

/** Where the next extent with a sound header begins behind `offset`, or the file ends. */
async function findHeader(
  file: SurveyFile,
  offset: number,
  seed: number,
  signal: AbortSignal | undefined,
): Promise<{ next: number; isZero: boolean }> {
  let isZero = true
  const first = await file.at(offset, Math.min(8, file.size - offset))
  if (first.some((byte) => byte !== 0)) isZero = false
  let at = offset + 8
  while (at + EXTENT_HEADER_SIZE <= file.size) {
    signal?.throwIfAborted()
    const bytes = await file.at(at, WINDOW)
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2)
    let i = 0
    for (; i < words.length && words[i] !== MAGIC; i += 2) {
      if (isZero && (words[i] !== 0 || (words[i + 1] ?? 0) !== 0)) isZero = false
    }
    at += 4 * i
    if (i >= words.length) continue
    if ((await headerAt(file, at, seed)) !== undefined) return { next: at, isZero }
    isZero = false
    at += 8
  }
  if (at < file.size) {
    const rest = await file.at(at, file.size - at)
    if (rest.some((byte) => byte !== 0)) isZero = false
  }
  return { next: file.size, isZero }
}

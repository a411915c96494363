// Records: what the journal is made of. A commit names, for each group of one writer, its runs: rows
// inline, or extents that are written already. An edit changes the version. Every record carries its
// number and the LSN up to which the journal was proven when it was written (S3).
//
//   payload of a frame (frame.ts), kind 1 commit, 2 edit
//   0   8  LSN
//   8   8  proven LSN
//   16     edit: see edit-codec.ts. commit: sections (u32), then each:
//          shape u32, stream u32, defines u8 (then: channels u32, each key u64, type u8), runs u32, each:
//            kind u8 (0 rows, 1 extents), joined u8, rows u32, parted u32, each key u64
//            rows:    for each channel rows * width bytes
//            extents: first time i64, last time i64, for each channel segment u64, offset u64, length u32

import { ByteReader } from '../codec/byte-reader.ts'
import type { ByteWriter } from '../codec/byte-writer.ts'
import { DecodeError } from '../codec/decode-error.ts'
import { typeCode, typeOfCode } from '../telem/data-type.ts'
import type { DataType } from '../telem/data-type.ts'
import { MAX_TIMESTAMP } from '../telem/timestamp.ts'
import type { Edit } from '../version/edit.ts'
import { editSteps } from './edit-codec.ts'
import { shapeOf } from './shape.ts'
import type { Shape } from './shape.ts'

export const COMMIT = 1
export const EDIT = 2

/** Bytes of LSN and mark before a record's own contents. */
export const RECORD_HEADER = 16

/** Where one extent of a run lies. */
export interface ExtentPlace {
  readonly segment: number
  readonly offset: number
  readonly length: number
}

/** Consecutive rows of one commit; by ordinal of the shape. */
export interface RowsRun {
  readonly kind: 'rows'
  readonly count: number
  /** The run goes on with the domain of the writer's run before it ... */
  readonly joined: boolean
  /** ... except in these channels (keys). */
  readonly parted: readonly number[]
  /** Holds the columns. */
  readonly bytes: Uint8Array
  /** First byte of each column in `bytes` ... */
  readonly offsets: readonly number[]
  /** ... and the row of the columns that the run begins with. */
  readonly from: number
}

/** A run whose samples lie in segments already. */
export interface ExtentsRun {
  readonly kind: 'extents'
  readonly count: number
  readonly joined: boolean
  readonly parted: readonly number[]
  readonly first: bigint
  readonly last: bigint
  readonly places: readonly ExtentPlace[]
}

export type Run = RowsRun | ExtentsRun

/** What one commit adds to one group. */
export interface CommitSection {
  /** Tells the writers of an epoch apart. */
  readonly stream: number
  readonly shape: Shape
  readonly runs: readonly Run[]
}

/**
 * Appends a commit's sections; `shapeNumber` gives a shape's number in this file and whether it is new to it.
 */
export function encodeCommit(
  to: ByteWriter,
  sections: readonly CommitSection[],
  shapeNumber: (shape: Shape) => { number: number; isNew: boolean },
): void {
  to.u32(sections.length)
  for (const section of sections) {
    const { shape } = section
    const { number, isNew } = shapeNumber(shape)
    to.u32(number)
    to.u32(section.stream)
    to.u8(isNew ? 1 : 0)
    if (isNew) {
      to.u32(shape.keys.length)
      for (let i = 0; i < shape.keys.length; i++) {
        to.u64(shape.keys[i]!)
        to.u8(typeCode(shape.types[i]!))
      }
    }
    to.u32(section.runs.length)
    for (const run of section.runs) encodeRun(to, shape, run)
  }
}

function encodeRun(to: ByteWriter, shape: Shape, run: Run): void {
  to.u8(run.kind === 'rows' ? 0 : 1)
  to.u8(run.joined ? 1 : 0)
  to.u32(run.count)
  to.u32(run.parted.length)
  for (const key of run.parted) to.u64(key)
  if (run.kind === 'rows') {
    const { bytes, offsets, count, from } = run
    const { widths } = shape
    for (let i = 0; i < widths.length; i++) {
      const width = widths[i]!
      to.part(bytes, offsets[i]! + from * width, count * width)
    }
    return
  }
  to.i64(run.first)
  to.i64(run.last)
  for (const place of run.places) {
    to.u64(place.segment)
    to.u64(place.offset)
    to.u32(place.length)
  }
}

/** A record as it was read. */
export type JournalRecord = { readonly lsn: number; readonly proven: number; readonly offset: number } & (
  | {
      readonly kind: 'commit'
      readonly sections: readonly CommitSection[]
      /**
       * Index channel key of its only section, where that is known without them: they may not be decoded yet.
       */
      readonly group?: number
    }
  | { readonly kind: 'edit'; readonly edit: Edit }
)

/**
 * Decodes a frame's payload, in steps between which the loop may turn. `shapes` are those that the file has
 * defined so far; new ones are added.
 * @throws DecodeError where it is no record: with a sound checksum that means a fault, not damage.
 */
export function* recordSteps(
  kind: number,
  payload: Uint8Array,
  offset: number,
  shapes: Map<number, Shape>,
): Generator<void, JournalRecord, void> {
  const from = new ByteReader(payload)
  const lsn = from.u64()
  const proven = from.u64()
  if (kind === EDIT) return { kind: 'edit', lsn, proven, offset, edit: yield* editSteps(from) }
  if (kind !== COMMIT) throw new DecodeError(0, `a record of the unknown kind ${kind}`)
  const sections: CommitSection[] = []
  let stepped = from.offset
  for (let left = from.count(13); left > 0; left--) {
    sections.push(decodeSection(from, shapes))
    if (from.offset - stepped < STEP_SIZE) continue
    stepped = from.offset
    yield
  }
  return { kind: 'commit', lsn, proven, offset, sections }
}

/** Bytes of sections that are a step. */
const STEP_SIZE = 4096

function decodeSection(from: ByteReader, shapes: Map<number, Shape>): CommitSection {
  const number = from.u32()
  const stream = from.u32()
  if (from.u8() === 1) shapes.set(number, decodeShape(from))
  const shape = shapes.get(number)
  if (shape === undefined) throw new DecodeError(from.offset, `shape ${number} was not defined`)
  const count = from.count(10)
  const runs: Run[] = []
  for (let i = 0; i < count; i++) runs.push(decodeRun(from, shape))
  return { stream, shape, runs }
}

function decodeShape(from: ByteReader): Shape {
  const count = from.count(9)
  if (count === 0) throw new DecodeError(from.offset, 'a shape without channels')
  const keys: number[] = []
  const types: DataType[] = []
  for (let i = 0; i < count; i++) {
    keys.push(from.u64())
    const type = typeOfCode(from.u8())
    if (type === undefined) throw new DecodeError(from.offset - 1, 'a type that is not known')
    types.push(type)
  }
  return shapeOf(keys, types)
}

function decodeRun(from: ByteReader, shape: Shape): Run {
  const kind = from.u8()
  const joined = from.u8() === 1
  const count = from.u32()
  if (count === 0) throw new DecodeError(from.offset - 4, 'a run without samples')
  const parted: number[] = []
  const partedCount = from.count(8)
  for (let i = 0; i < partedCount; i++) parted.push(from.u64())
  if (kind === 0) {
    const bytes = from.bytes(count * shape.rowSize)
    const offsets: number[] = []
    let at = 0
    for (const width of shape.widths) {
      offsets.push(at)
      at += count * width
    }
    return { kind: 'rows', count, joined, parted, bytes, offsets, from: 0 }
  }
  if (kind !== 1) throw new DecodeError(from.offset, `a run of the unknown kind ${kind}`)
  const first = from.i64()
  const last = from.i64()
  // So many different times lie between them, and the end behind the last is one too.
  if (last - first < BigInt(count - 1) || last > MAX_TIMESTAMP)
    throw new DecodeError(from.offset - 16, 'a run between times that cannot be')
  const places = shape.keys.map(() => ({ segment: from.u64(), offset: from.u64(), length: from.u32() }))
  return { kind: 'extents', count, joined, parted, first, last, places }
}

/** Bytes of the samples that go into a commit's record. */
export function bytesOfRows(sections: readonly CommitSection[]): number {
  let size = 0
  for (const { shape, runs } of sections)
    for (const run of runs) if (run.kind === 'rows') size += run.count * shape.rowSize
  return size
}

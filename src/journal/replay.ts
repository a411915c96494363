// Reading a journal file back: which records are whole, and what stands where they end. What may be
// believed of that is decided in database/opening/load.ts (S3): here nothing is judged.

import { fileSeed } from '../codec/checksum.ts'
import {
  decodeFileHeader,
  encodeFileHeader,
  HEADER_SIZE,
  isHeaderWhole,
  JOURNAL_KIND,
} from '../codec/file-header.ts'
import type { ExpectedFileHeader } from '../codec/file-header.ts'
import { takeSteps } from '../steps.ts'
import { CorruptionError } from '../errors.ts'
import { withoutFill } from './fill.ts'
import { findFrame, FRAME_HEADER, readFrame, soundLength } from './frame.ts'
import type { FrameFault } from './frame.ts'
import { decodeLate, decodeNow } from './late-commit.ts'
import { RECORD_HEADER } from './record.ts'
import type { JournalRecord } from './record.ts'
import type { Shape } from './shape.ts'

/** Records that stand in a row in a journal file. */
export interface RecordRow {
  /** The whole records from the start, their LSNs consecutive. */
  readonly records: readonly JournalRecord[]
  /** Where they end, in bytes from the start of the file. */
  readonly end: number
  /** What stands there. */
  readonly fault: FrameFault
  /** A sound record was found behind damage. */
  readonly soundBehind: boolean
  /** The newest mark that any sound record carries, also behind damage. */
  readonly proven: number
  /** Where the last of them stands; undefined for none. */
  readonly last: LastRecord | undefined
}

/** The last record of a row, and what reading on behind it takes. */
export interface LastRecord {
  /** Where its frame begins, in bytes from the start of the file. */
  readonly offset: number
  /** The frame's header, with its checksum: another record in its place has another one. */
  readonly head: Uint8Array
  /** Shapes that the file has defined up to it. */
  readonly shapes: ReadonlyMap<number, Shape>
}

/** What a journal file holds. */
export interface JournalContents extends RecordRow {
  readonly path: string
  readonly epoch: number
  /** LSN in the file's name. */
  readonly firstLsn: number
  /** The file's header is not whole: nothing in it is believed, unless it is damage. */
  readonly headerFault?: CorruptionError
}

/** A journal file's name and database. */
export interface JournalIdentity {
  readonly epoch: number
  readonly number: number
  readonly databaseId: Uint8Array
}

/**
 * Reads the bytes of a journal file; fill at its end counts for nothing.
 * @throws CorruptionError where a whole header is not this file's, or a sound frame holds no record;
 * UnsupportedVersionError
 */
export function readJournal(file: Uint8Array, path: string, identity: JournalIdentity): JournalContents {
  return takeSteps(journalSteps(file, path, identity))
}

/**
 * As `readJournal`, in steps between which the loop may turn.
 * @param isLate leaves commits to be decoded when they are asked for
 */
export function* journalSteps(
  file: Uint8Array,
  path: string,
  identity: JournalIdentity,
  isLate: boolean = false,
): Generator<void, JournalContents, void> {
  const { epoch, number, databaseId } = identity
  const bytes = withoutFill(file)
  const seed = fileSeed(databaseId, JOURNAL_KIND, epoch, number)
  const headerFault = faultOfHeader(bytes, path, { kind: JOURNAL_KIND, epoch, number, databaseId })
  if (headerFault !== undefined) {
    const behind = marksBehind(bytes, 0, seed, 0)
    const isShort = isBeginning(bytes, encodeFileHeader({ kind: JOURNAL_KIND, epoch, number, databaseId }))
    const fault = isShort ? 'short' : 'damaged'
    const rest = { fault, soundBehind: behind !== undefined, proven: behind ?? 0, headerFault } as const
    return { path, epoch, firstLsn: number, records: [], end: 0, last: undefined, ...rest }
  }
  const from = { offset: 0, at: HEADER_SIZE, lsn: number, shapes: new Map<number, Shape>(), isLate }
  return { path, epoch, firstLsn: number, ...(yield* rowSteps(bytes, path, seed, from)) }
}

/**
 * Reads on behind a record that was read before, in steps between which the loop may turn; undefined where
 * that one is not there any more. Commits are decoded when they are asked for.
 * @param bytes of the file from the frame of that record on
 * @param lsn of that record
 * @throws CorruptionError where a sound frame holds no record, or not the next
 */
export function* recordsBehind(
  bytes: Uint8Array,
  path: string,
  identity: JournalIdentity,
  { offset, head, shapes }: LastRecord,
  lsn: number,
): Generator<void, RecordRow | undefined, void> {
  const { epoch, number, databaseId } = identity
  if (Buffer.compare(bytes.subarray(0, FRAME_HEADER), head) !== 0) return undefined
  const seed = fileSeed(databaseId, JOURNAL_KIND, epoch, number)
  const frame = readFrame(bytes, 0, seed, offset)
  if (typeof frame === 'string') return undefined
  const rest = withoutFill(bytes, frame.length)
  const from = { offset, at: frame.length, lsn: lsn + 1, shapes: new Map(shapes), isLate: true }
  return yield* rowSteps(rest, path, seed, from)
}

/** So many records, or bytes of them, are a step: a ms or less. */
const STEP_RECORDS = 256
const STEP_SIZE = 16 * 1024

/** Where a row of records begins. */
interface RowStart {
  /** Of the bytes, in their file. */
  readonly offset: number
  /** Of the first record, in the bytes. */
  readonly at: number
  /** Of the first record. */
  readonly lsn: number
  /** Those that the file has defined before; added to. */
  readonly shapes: Map<number, Shape>
  /** Commits are decoded when they are asked for. */
  readonly isLate: boolean
}

function* rowSteps(
  bytes: Uint8Array,
  path: string,
  seed: number,
  { offset, at: start, lsn, shapes, isLate }: RowStart,
): Generator<void, RecordRow, void> {
  const records: JournalRecord[] = []
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const source = { path, bytes, data, offset, shapes }
  let at = start
  let stepped = at
  let proven = 0
  for (;;) {
    const length = soundLength(bytes, at, seed, offset + at)
    if (typeof length === 'string') {
      const behind = length === 'end' ? undefined : marksBehind(bytes, at, seed, offset)
      const last = records.at(-1)?.offset
      return {
        records,
        end: offset + at,
        fault: length,
        soundBehind: behind !== undefined,
        proven: Math.max(proven, behind ?? 0),
        last:
          last === undefined
            ? undefined
            : { offset: last, head: bytes.slice(last - offset, last - offset + FRAME_HEADER), shapes },
      }
    }
    const late = isLate ? decodeLate(source, at) : undefined
    const record = late ?? (yield* decodeNow(source, at))
    const expected = lsn + records.length
    if (record.lsn !== expected)
      throw new CorruptionError(path, record.offset, `record ${record.lsn} stands where ${expected} belongs`)
    records.push(record)
    proven = Math.max(proven, record.proven)
    at += length
    if (records.length % STEP_RECORDS !== 0 && at - stepped < STEP_SIZE) continue
    stepped = at
    yield
  }
}

/** What is wrong with a header that is not whole; one that is whole and another file's is thrown. */
function faultOfHeader(
  bytes: Uint8Array,
  path: string,
  expected: ExpectedFileHeader,
): CorruptionError | undefined {
  try {
    decodeFileHeader(bytes.subarray(0, HEADER_SIZE), path, expected)
    return undefined
  } catch (error) {
    if (error instanceof CorruptionError && !isHeaderWhole(bytes)) return error
    throw error
  }
}

/** Whether a file ends within its header, with nothing wrong in what there is of it: a kill leaves that. */
function isBeginning(bytes: Uint8Array, header: Uint8Array): boolean {
  return bytes.length < header.length && bytes.every((byte, i) => byte === header[i])
}

/**
 * The newest mark of sound frames behind `at`, in bytes that begin at `offset` of their file; undefined where
 * there is none.
 */
function marksBehind(bytes: Uint8Array, at: number, seed: number, offset: number): number | undefined {
  let newest: number | undefined
  let frame = findFrame(bytes, at, seed, offset)
  while (frame !== undefined) {
    if (frame.payload.length >= RECORD_HEADER) {
      const data = new DataView(frame.payload.buffer, frame.payload.byteOffset, RECORD_HEADER)
      newest = Math.max(newest ?? 0, Number(data.getBigUint64(8, true)))
    }
    const end = frame.offset + frame.length
    const next = readFrame(bytes, end, seed, offset + end)
    frame = typeof next === 'object' ? next : findFrame(bytes, frame.offset, seed, offset)
  }
  return newest
}

// Reading a journal file back: which records are whole, and what stands where they end. What may be
// believed of that is decided in database/opening/load.ts (S3): here nothing is judged.

import { fileSeed } from '../codec/checksum.ts'
import { DecodeError } from '../codec/decode-error.ts'
import {
  decodeFileHeader,
  encodeFileHeader,
  HEADER_SIZE,
  isHeaderWhole,
  JOURNAL_KIND,
} from '../codec/file-header.ts'
import type { ExpectedFileHeader } from '../codec/file-header.ts'
import { CorruptionError } from '../errors.ts'
import { withoutFill } from './fill.ts'
import { findFrame, readFrame } from './frame.ts'
import type { FrameFault } from './frame.ts'
import { decodeRecord, RECORD_HEADER } from './record.ts'
import type { JournalRecord } from './record.ts'
import type { Shape } from './shape.ts'

/** What a journal file holds. */
export interface JournalContents {
  readonly path: string
  readonly epoch: number
  /** LSN in the file's name. */
  readonly firstLsn: number
  /** The whole records from the start, their LSNs consecutive. */
  readonly records: readonly JournalRecord[]
  /** Where they end, in bytes. */
  readonly end: number
  /** What stands there. */
  readonly fault: FrameFault
  /** A sound record was found behind damage. */
  readonly soundBehind: boolean
  /** The newest mark that any sound record carries, also behind damage. */
  readonly proven: number
  /** The file's header is not whole: nothing in it is believed, unless it is damage. */
  readonly headerFault?: CorruptionError
}

/**
 * Reads the bytes of a journal file; fill at its end counts for nothing.
 * @throws CorruptionError where a whole header is not this file's, or a sound frame holds no record; UnsupportedVersionError
 */
export function readJournal(
  file: Uint8Array,
  path: string,
  identity: { readonly epoch: number; readonly number: number; readonly databaseId: Uint8Array },
): JournalContents {
  const { epoch, number, databaseId } = identity
  const bytes = withoutFill(file)
  const seed = fileSeed(databaseId, JOURNAL_KIND, epoch, number)
  const headerFault = faultOfHeader(bytes, path, { kind: JOURNAL_KIND, epoch, number, databaseId })
  if (headerFault !== undefined) {
    const behind = marksBehind(bytes, 0, seed)
    const isShort = isBeginning(bytes, encodeFileHeader({ kind: JOURNAL_KIND, epoch, number, databaseId }))
    const fault = isShort ? 'short' : 'damaged'
    const rest = { fault, soundBehind: behind !== undefined, proven: behind ?? 0, headerFault } as const
    return { path, epoch, firstLsn: number, records: [], end: 0, ...rest }
  }
  const shapes = new Map<number, Shape>()
  const records: JournalRecord[] = []
  let at = HEADER_SIZE
  let proven = 0
  for (;;) {
    const frame = readFrame(bytes, at, seed)
    if (typeof frame === 'string') {
      const behind = frame === 'end' ? undefined : marksBehind(bytes, at, seed)
      return {
        path,
        epoch,
        firstLsn: number,
        records,
        end: at,
        fault: frame,
        soundBehind: behind !== undefined,
        proven: Math.max(proven, behind ?? 0),
      }
    }
    const record = decode(frame.kind, frame.payload, path, at, shapes)
    if (record.lsn !== number + records.length) {
      throw new CorruptionError(
        path,
        at,
        `record ${record.lsn} stands where ${number + records.length} belongs`,
      )
    }
    records.push(record)
    proven = Math.max(proven, record.proven)
    at += frame.length
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

/** The newest mark of sound frames behind `offset`; undefined where there is none. */
function marksBehind(bytes: Uint8Array, offset: number, seed: number): number | undefined {
  let newest: number | undefined
  let frame = findFrame(bytes, offset, seed)
  while (frame !== undefined) {
    if (frame.payload.length >= RECORD_HEADER) {
      const data = new DataView(frame.payload.buffer, frame.payload.byteOffset, RECORD_HEADER)
      newest = Math.max(newest ?? 0, Number(data.getBigUint64(8, true)))
    }
    const next = readFrame(bytes, frame.offset + frame.length, seed)
    frame = typeof next === 'object' ? next : findFrame(bytes, frame.offset, seed)
  }
  return newest
}

function decode(
  kind: number,
  payload: Uint8Array,
  path: string,
  at: number,
  shapes: Map<number, Shape>,
): JournalRecord {
  try {
    return decodeRecord(kind, payload, at, shapes)
  } catch (cause) {
    if (cause instanceof DecodeError)
      throw new CorruptionError(path, at + 16 + cause.offset, cause.message, { cause })
    throw cause
  }
}

// Walks a journal or a manifest that may be damaged: every sound frame, in order, also behind damage, and
// what stands between them. Memory is bounded by the window and the largest sound frame. Nothing is judged:
// what may be believed of a log is for load.ts to say (S3). Called by `verify`, `repair` and `dump`.

import { crc32 } from 'node:zlib'
import { ByteReader } from '../../codec/byte-reader.ts'
import { startValue } from '../../codec/checksum.ts'
import { DecodeError } from '../../codec/decode-error.ts'
import { HEADER_SIZE } from '../../codec/file-header.ts'
import { decodePointer, decodeRanges, editSteps } from '../../journal/edit-codec.ts'
import { FILL } from '../../journal/fill.ts'
import { FRAME_HEADER, frameSize, MAX_FRAME, readFrame } from '../../journal/frame.ts'
import type { Frame } from '../../journal/frame.ts'
import { RECORD_HEADER, recordSteps } from '../../journal/record.ts'
import type { JournalRecord } from '../../journal/record.ts'
import type { Shape } from '../../journal/shape.ts'
import {
  ARCHIVE,
  beginSteps,
  CHECKPOINT_BEGIN,
  CHECKPOINT_END,
  CHECKPOINT_HOLES,
  CHECKPOINT_POINTERS,
} from '../../manifest/checkpoint.ts'
import type { CheckpointBegin } from '../../manifest/checkpoint.ts'
import type { ByteRange } from '../../version/byte-ranges.ts'
import type { Edit } from '../../version/edit.ts'
import type { Pointer } from '../../version/pointer.ts'
import { inTurns } from '../turns.ts'
import { WINDOW } from './file.ts'
import type { SurveyFile } from './file.ts'

/**
 * Bytes in which no sound frame begins. `damaged`: they are wrong; `short`: the file ends, or its fill
 * begins, before the frame does that begins there, and nothing sound follows; `fill`: laid ahead, says
 * nothing.
 */
export interface FrameGap {
  readonly what: 'gap'
  readonly offset: number
  readonly length: number
  readonly fault: 'damaged' | 'short' | 'fill'
}

/** A sound frame; its payload is valid until the next step. */
export interface WalkedFrame extends Frame {
  readonly what: 'frame'
}

/** A sound frame of a journal. */
export interface WalkedRecord {
  readonly what: 'record'
  readonly offset: number
  readonly length: number
  /** Undefined where the payload is too short to say. */
  readonly lsn: number | undefined
  readonly proven: number | undefined
  /** Valid until the next step where it holds rows. Undefined where `fault` says why. */
  readonly record: JournalRecord | undefined
  /** Why it could not be decoded, though its checksum holds. A commit behind damage may miss its shape. */
  readonly fault?: string
}

/** A sound frame of a manifest. */
export type WalkedManifestFrame = {
  readonly what: 'frame'
  readonly offset: number
  readonly length: number
} & (
  | { readonly kind: 'begin'; readonly begin: CheckpointBegin }
  | { readonly kind: 'pointers'; readonly key: number; readonly pointers: readonly Pointer[] }
  | { readonly kind: 'holes'; readonly segment: number; readonly ranges: readonly ByteRange[] }
  | { readonly kind: 'end'; readonly frames: number; readonly pointers: number }
  | {
      readonly kind: 'archive'
      readonly covers: number
      readonly proven: number
      readonly edits: readonly { readonly lsn: number; readonly length: number; readonly edit: Edit }[]
    }
  /** It could not be decoded, though its checksum holds. */
  | { readonly kind: 'fault'; readonly code: number; readonly fault: string }
)

/** What a walk may be told. */
export interface WalkOptions {
  /** A journal: what is left of fill at its end counts for nothing. */
  readonly hasFill: boolean
  readonly signal?: AbortSignal | undefined
}

/**
 * Every sound frame from behind the header on, and what stands between them; together all bytes.
 * @throws the signal's reason
 */
export async function* walkFrames(
  file: SurveyFile,
  seed: number,
  options: WalkOptions,
): AsyncGenerator<WalkedFrame | FrameGap> {
  const { signal } = options
  const end = options.hasFill ? await endOfFrames(file) : file.size
  let at = HEADER_SIZE
  while (at < end) {
    signal?.throwIfAborted()
    const frame = await frameAt(file, at, end, seed)
    if (typeof frame === 'object') {
      yield { what: 'frame', ...frame }
      at += frame.length
      continue
    }
    const next = await findSound(file, at, end, seed, signal)
    const gap = { what: 'gap', offset: at, length: (next ?? end) - at } as const
    yield { ...gap, fault: frame === 'short' && next === undefined ? 'short' : 'damaged' }
    at = next ?? end
  }
  if (end < file.size && file.size > HEADER_SIZE) {
    const from = Math.max(end, HEADER_SIZE)
    yield { what: 'gap', offset: from, length: file.size - from, fault: 'fill' }
  }
}

/** A journal's records, also behind damage. @throws the signal's reason */
export async function* walkJournal(
  file: SurveyFile,
  seed: number,
  signal?: AbortSignal,
): AsyncGenerator<WalkedRecord | FrameGap> {
  const shapes = new Map<number, Shape>()
  for await (const step of walkFrames(file, seed, { hasFill: true, signal })) {
    if (step.what === 'gap') {
      yield step
      continue
    }
    const { offset, length, kind, payload } = step
    const head = new ByteReader(payload)
    const isLong = payload.length >= RECORD_HEADER
    const lsn = isLong ? numberOr(head) : undefined
    const proven = isLong ? numberOr(head) : undefined
    const common = { what: 'record', offset, length, lsn, proven } as const
    const record = await attemptAll(recordSteps(kind, payload, offset, shapes))
    yield typeof record === 'string' ? { ...common, record: undefined, fault: record } : { ...common, record }
  }
}

/** A manifest's frames, also behind damage. @throws the signal's reason */
export async function* walkManifest(
  file: SurveyFile,
  seed: number,
  signal?: AbortSignal,
): AsyncGenerator<WalkedManifestFrame | FrameGap> {
  for await (const step of walkFrames(file, seed, { hasFill: false, signal })) {
    if (step.what === 'gap') {
      yield step
      continue
    }
    const { offset, length, kind: code, payload } = step
    const decoded = await attemptAll(decodeManifestFrame(code, payload))
    yield typeof decoded === 'string'
      ? { what: 'frame', offset, length, kind: 'fault', code, fault: decoded }
      : { what: 'frame', offset, length, ...decoded }
  }
}

type Decoded = WalkedManifestFrame extends infer F
  ? F extends { readonly kind: string }
    ? Omit<F, 'what' | 'offset' | 'length'>
    : never
  : never

function* decodeManifestFrame(code: number, payload: Uint8Array): Generator<void, Decoded, void> {
  const from = new ByteReader(payload)
  switch (code) {
    case CHECKPOINT_BEGIN:
      return { kind: 'begin', begin: yield* beginSteps(from) }
    case CHECKPOINT_POINTERS: {
      const key = from.u64()
      const pointers: Pointer[] = []
      for (let left = from.count(POINTER_SIZE); left > 0; left--) pointers.push(decodePointer(from))
      return { kind: 'pointers', key, pointers }
    }
    case CHECKPOINT_HOLES:
      return { kind: 'holes', segment: from.u64(), ranges: decodeRanges(from) }
    case CHECKPOINT_END:
      return { kind: 'end', frames: from.u32(), pointers: from.u64() }
    case ARCHIVE: {
      const covers = from.u64()
      const proven = from.u64()
      const edits: { lsn: number; length: number; edit: Edit }[] = []
      for (let left = from.count(12); left > 0; left--) {
        const lsn = from.u64()
        const length = from.u32()
        edits.push({ lsn, length, edit: yield* editSteps(new ByteReader(from.bytes(length))) })
        yield
      }
      return { kind: 'archive', covers, proven, edits }
    }
    default:
      throw new DecodeError(0, `a manifest frame of the unknown kind ${code}`)
  }
}

/** Bytes of a pointer in a frame. */
const POINTER_SIZE = 49

function numberOr(from: ByteReader): number | undefined {
  const value = attempt(() => from.u64())
  return typeof value === 'number' ? value : undefined
}

/** What a decoder gives, or why it could not. */
function attempt<T>(decode: () => T): T | string {
  try {
    return decode()
  } catch (error) {
    if (error instanceof DecodeError) return error.message
    throw error
  }
}

/** As `attempt`, of a decoder in steps, between which the loop turns. */
async function attemptAll<T>(steps: Generator<void, T, void>): Promise<T | string> {
  try {
    return await inTurns(steps)
  } catch (error) {
    if (error instanceof DecodeError) return error.message
    throw error
  }
}

/** Where the file ends, or the fill at its end begins. */
async function endOfFrames(file: SurveyFile): Promise<number> {
  for (let end = file.size; end > HEADER_SIZE;) {
    const from = Math.max(HEADER_SIZE, end - WINDOW)
    const bytes = await file.at(from, end - from)
    let length = bytes.length
    while (length > 0 && bytes[length - 1] === FILL) length--
    if (length > 0) return from + length
    end = from
  }
  return Math.min(file.size, HEADER_SIZE)
}

/** The frame at `offset`, or why there is none; like `readFrame`, but the file is not in memory. */
async function frameAt(
  file: SurveyFile,
  offset: number,
  end: number,
  seed: number,
): Promise<Frame | 'short' | 'damaged'> {
  const left = end - offset
  if (left < FRAME_HEADER) return 'short'
  const head = await file.at(offset, FRAME_HEADER)
  if (head.length < FRAME_HEADER) return 'short'
  const length = lengthOf(head, 0)
  if (length === undefined) return 'damaged'
  if (length > left) return 'short'
  if (length > WINDOW && !(await isSound(file, offset, length, seed))) return 'damaged'
  const frame = readFrame(await file.at(offset, length), 0, seed, offset)
  if (typeof frame === 'object') return { ...frame, offset }
  return frame === 'end' ? 'short' : frame
}

/** The length of the frame that may begin at `at`; undefined where none can. */
function lengthOf(bytes: Uint8Array, at: number): number | undefined {
  const data = new DataView(bytes.buffer, bytes.byteOffset + at, FRAME_HEADER)
  const length = data.getUint32(4, true)
  const isFrame =
    length >= FRAME_HEADER && length <= MAX_FRAME && frameSize(data.getUint32(12, true)) === length
  return isFrame ? length : undefined
}

/** Whether a long frame's checksum holds: read in pieces, because its length may be a lie. */
async function isSound(file: SurveyFile, offset: number, length: number, seed: number): Promise<boolean> {
  let sum = startValue(seed, offset)
  const head = await file.at(offset, FRAME_HEADER)
  const expected = new DataView(head.buffer, head.byteOffset).getUint32(0, true)
  for (let at = 4; at < length; at += WINDOW)
    sum = crc32(await file.at(offset + at, Math.min(WINDOW, length - at)), sum)
  return sum === expected
}

/** Where the first sound frame behind `offset` begins: every multiple of 8 is tried. */
async function findSound(
  file: SurveyFile,
  offset: number,
  end: number,
  seed: number,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  for (let at = (Math.floor(offset / 8) + 1) * 8; at + FRAME_HEADER <= end;) {
    signal?.throwIfAborted()
    const bytes = await file.at(at, Math.min(WINDOW, end - at))
    const last = bytes.length - FRAME_HEADER
    if (last < 0) return undefined
    let i = 0
    while (i <= last && lengthOf(bytes, i) === undefined) i += 8
    at += i
    if (i > last) continue
    if (typeof (await frameAt(file, at, end, seed)) === 'object') return at
    at += 8
  }
  return undefined
}

// Records of sound frames, decoded at once or when they are asked for: most commits of a log are flushed
// behind them, and who only reads does not ask for their samples again. What is not decoded keeps no more
// than its place, for there are many of them. Called by replay.ts.

import { DecodeError } from '../codec/decode-error.ts'
import { takeSteps } from '../steps.ts'
import { CorruptionError } from '../errors.ts'
import { FRAME_HEADER, frameAt } from './frame.ts'
import { COMMIT, recordSteps } from './record.ts'
import type { CommitSection, JournalRecord } from './record.ts'
import type { Shape } from './shape.ts'

/** Bytes of a journal file that hold frames. */
export interface FrameBytes {
  readonly path: string
  readonly bytes: Uint8Array
  /** On `bytes`. */
  readonly data: DataView
  /** Where in the file they begin. */
  readonly offset: number
  /** Those that the file has defined so far; decoding adds to them. */
  readonly shapes: Map<number, Shape>
}

/**
 * Of a frame with a commit: where it says its LSN, its mark, how many sections it has, the first one's shape,
 * and whether that is defined there.
 */
const KIND = 8
const PAYLOAD_LENGTH = 12
const LSN = FRAME_HEADER
const PROVEN = FRAME_HEADER + 8
const SECTION_COUNT = FRAME_HEADER + 16
const SHAPE_NUMBER = FRAME_HEADER + 20
const DEFINES = FRAME_HEADER + 28

/**
 * The record of the sound frame at `at`, in steps between which the loop may turn.
 * @throws CorruptionError where it holds none
 */
export function* decodeNow(
  { path, bytes, offset, shapes }: FrameBytes,
  at: number,
): Generator<void, JournalRecord, void> {
  const { kind, payload } = frameAt(bytes, at)
  try {
    return yield* recordSteps(kind, payload, offset + at, shapes)
  } catch (cause) {
    if (cause instanceof DecodeError)
      throw new CorruptionError(path, offset + at + FRAME_HEADER + cause.offset, cause.message, { cause })
    throw cause
  }
}

/**
 * The record of the sound frame at `at`, where it need not be decoded yet: a commit of one group whose shape
 * is known. Its sections are decoded when they are asked for, which then may throw. Undefined where it is
 * another.
 */
export function decodeLate(source: FrameBytes, at: number): JournalRecord | undefined {
  const { data, shapes } = source
  const isCommit = data.getUint32(at + KIND, true) === COMMIT
  if (!isCommit || FRAME_HEADER + data.getUint32(at + PAYLOAD_LENGTH, true) <= DEFINES) return undefined
  const isPlain = data.getUint32(at + SECTION_COUNT, true) === 1 && data.getUint8(at + DEFINES) === 0
  const shape = shapes.get(data.getUint32(at + SHAPE_NUMBER, true))
  return isPlain && shape !== undefined ? new LateCommit(source, at, shape.index) : undefined
}

class LateCommit {
  readonly kind = 'commit'
  readonly lsn: number
  readonly proven: number
  readonly offset: number
  readonly group: number
  readonly #source: FrameBytes

  constructor(source: FrameBytes, at: number, group: number) {
    this.lsn = getU64(source.data, at + LSN)
    this.proven = getU64(source.data, at + PROVEN)
    this.offset = source.offset + at
    this.group = group
    this.#source = source
  }

  /** @throws CorruptionError */
  get sections(): readonly CommitSection[] {
    const record = takeSteps(decodeNow(this.#source, this.offset - this.#source.offset))
    return record.kind === 'commit' ? record.sections : []
  }
}

/** LSNs are far below 2 ** 53. */
function getU64(data: DataView, at: number): number {
  return data.getUint32(at, true) + data.getUint32(at + 4, true) * 2 ** 32
}

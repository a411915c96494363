// A commit that was read and is not decoded yet: most commits of a log are flushed behind it, and nobody asks for
// their samples again. Its frame was sound, and it says of which group it is. Made by replay.ts, for read-only
// processes.

import { DecodeError } from '../codec/decode-error.ts'
import { CorruptionError } from '../errors.ts'
import { FRAME_HEADER } from './frame.ts'
import type { Frame } from './frame.ts'
import { COMMIT, decodeRecord } from './record.ts'
import type { CommitSection, JournalRecord } from './record.ts'
import type { Shape } from './shape.ts'

/** Of a commit: where it says how many sections it has, the first one's shape, and whether that is defined there; bytes. */
const SECTION_COUNT = 16
const SHAPE_NUMBER = 20
const DEFINES = 28

/** Decodes a frame's payload, now or when it is asked for. @throws CorruptionError where it is no record */
export function decodeLate(
  { kind, payload }: Frame,
  path: string,
  offset: number,
  shapes: Map<number, Shape>,
): JournalRecord {
  if (kind !== COMMIT || payload.length <= DEFINES) return decodeNow(kind, payload, path, offset, shapes)
  const data = new DataView(payload.buffer, payload.byteOffset, payload.length)
  const shape = shapes.get(data.getUint32(SHAPE_NUMBER, true))
  // One of several groups, or that defines a shape for those behind it, is decoded like an edit.
  const isPlain = data.getUint32(SECTION_COUNT, true) === 1 && payload[DEFINES] === 0
  if (!isPlain || shape === undefined) return decodeNow(kind, payload, path, offset, shapes)
  const lsn = Number(data.getBigUint64(0, true))
  const proven = Number(data.getBigUint64(8, true))
  return new LateCommit({ lsn, proven, offset }, shape.index, () =>
    decodeNow(kind, payload, path, offset, shapes),
  )
}

/** @throws CorruptionError where the payload of a sound frame is no record */
export function decodeNow(
  kind: number,
  payload: Uint8Array,
  path: string,
  offset: number,
  shapes: Map<number, Shape>,
): JournalRecord {
  try {
    return decodeRecord(kind, payload, offset, shapes)
  } catch (cause) {
    if (cause instanceof DecodeError)
      throw new CorruptionError(path, offset + FRAME_HEADER + cause.offset, cause.message, { cause })
    throw cause
  }
}

class LateCommit {
  readonly kind = 'commit'
  readonly lsn: number
  readonly proven: number
  readonly offset: number
  readonly group: number
  readonly #decode: () => JournalRecord

  constructor(
    { lsn, proven, offset }: Pick<JournalRecord, 'lsn' | 'proven' | 'offset'>,
    group: number,
    decode: () => JournalRecord,
  ) {
    this.lsn = lsn
    this.proven = proven
    this.offset = offset
    this.group = group
    this.#decode = decode
  }

  /** @throws CorruptionError */
  get sections(): readonly CommitSection[] {
    const record = this.#decode()
    return record.kind === 'commit' ? record.sections : []
  }
}

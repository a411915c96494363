// A checkpoint: a version written whole, as frames. It counts only if all of them are there and sound,
// the last one included. Written in slices from an immutable version, while edits go on.
//
//   kind 1 begin     LSN u64, covers u64, next key u64, channels (edit-codec), segments u32 {id u64, size u64,
//                    live u64}, flushed u32 {index key u64, LSN u64}, boot id text
//   kind 2 pointers  channel key u64, pointers u32, each as in edits; at most POINTERS_A_FRAME of one channel
//   kind 3 end       frames before it u32, pointers u64
//   kind 4 archive   see manifest.ts
//   kind 5 holes     segment id u64, ranges (edit-codec); at most HOLES_A_FRAME; none for segments without holes;
//                    before the pointers

import { ByteReader } from '../codec/byte-reader.ts'
import type { ByteWriter } from '../codec/byte-writer.ts'
import { DecodeError } from '../codec/decode-error.ts'
import {
  decodeChannel,
  decodePointer,
  decodeRanges,
  encodeChannel,
  encodePointer,
  encodeRanges,
} from '../journal/edit-codec.ts'
import type { ByteRange } from '../version/byte-ranges.ts'
import { Holes } from '../version/holes.ts'
import { PointerTableBuilder } from '../version/pointer-table.ts'
import type { PointerTable } from '../version/pointer-table.ts'
import { PointerTables } from '../version/pointer-tables.ts'
import type { SegmentId } from '../version/pointer.ts'
import { SegmentTable } from '../version/segment-table.ts'
import type { SegmentEntry } from '../version/segment-table.ts'
import { FlushedLsns } from '../version/flushed-lsns.ts'
import type { Version } from '../version/version.ts'

export const CHECKPOINT_BEGIN = 1
export const CHECKPOINT_POINTERS = 2
export const CHECKPOINT_END = 3
export const ARCHIVE = 4
export const CHECKPOINT_HOLES = 5

/** Pointers in one frame: about 200 KB, some 2 ms to write. */
export const POINTERS_A_FRAME = 4096

/** Holes in one frame. */
const HOLES_A_FRAME = 8192

/** What a checkpoint says besides the version. */
export interface CheckpointFacts {
  /**
   * Records of the epoch's journal up to this LSN were archived when it was written: their files may be gone.
   */
  readonly covers: number
  readonly bootId: string
}

/** What the first frame of a checkpoint says. Segments are without their holes. */
export interface CheckpointBegin extends Omit<Version, 'pointers' | 'segments'>, CheckpointFacts {
  readonly segments: Map<SegmentId, SegmentEntry>
}

/**
 * The frames of a checkpoint, one after another: the payload of one was appended where its kind is told, and
 * some of it where none is.
 */
export function* checkpointFrames(
  version: Version,
  facts: CheckpointFacts,
  to: ByteWriter,
): Generator<number | undefined> {
  yield* encodeBegin(to, version, facts)
  yield CHECKPOINT_BEGIN
  let frames = 1
  let total = 0
  for (const [id, { holes }] of version.segments.entries()) {
    for (const ranges of holes?.portions(HOLES_A_FRAME) ?? []) {
      to.u64(id)
      encodeRanges(to, ranges)
      yield CHECKPOINT_HOLES
      frames++
    }
  }
  for (const [key, table] of version.pointers.entries()) {
    for (let from = 0; from < table.length; from += POINTERS_A_FRAME) {
      const until = Math.min(from + POINTERS_A_FRAME, table.length)
      to.u64(key)
      to.u32(until - from)
      table.forEach(from, until, (pointer) => encodePointer(to, pointer))
      yield CHECKPOINT_POINTERS
      frames++
      total += until - from
    }
  }
  to.u32(frames)
  to.u64(total)
  yield CHECKPOINT_END
}

function* encodeBegin(to: ByteWriter, version: Version, facts: CheckpointFacts): Generator<undefined> {
  let count = 0
  const isStep = (): boolean => ++count % ENTRIES_A_STEP === 0
  to.u64(version.lsn)
  to.u64(facts.covers)
  to.u64(version.nextKey)
  const channels = Object.values(version.channels)
  to.u32(channels.length)
  for (const channel of channels) {
    encodeChannel(to, channel)
    if (isStep()) yield
  }
  to.u32(version.segments.size)
  for (const [id, entry] of version.segments.entries()) {
    to.u64(id)
    to.u64(entry.size)
    to.u64(entry.live)
    if (isStep()) yield
  }
  const flushed = [...version.flushed.entries()]
  to.u32(flushed.length)
  for (const [key, lsn] of flushed) {
    to.u64(key)
    to.u64(lsn)
    if (isStep()) yield
  }
  to.text(facts.bootId)
}

/** Takes the payloads of a checkpoint's frames in order and gives the version when the last one has come. */
export class CheckpointReader {
  #begun: CheckpointBegin | undefined
  readonly #tables = new Map<number, PointerTable>()
  #key = 0
  #builder: PointerTableBuilder | undefined
  #frames = 0
  #pointers = 0;

  /**
   * Takes the next frame, in steps between which the loop may turn. Returns the version and its facts with
   * the last one, undefined before.
   * @throws DecodeError where the frame does not fit in
   */
  *take(
    kind: number,
    payload: Uint8Array,
  ): Generator<void, { version: Version; facts: CheckpointFacts } | undefined, void> {
    const from = new ByteReader(payload)
    if ((kind === CHECKPOINT_BEGIN) !== (this.#begun === undefined))
      throw new DecodeError(0, 'a checkpoint frame out of order')
    switch (kind) {
      case CHECKPOINT_BEGIN:
        this.#begun = yield* beginSteps(from)
        break
      case CHECKPOINT_HOLES:
        this.#takeHoles(from)
        break
      case CHECKPOINT_POINTERS:
        yield* this.#takePointers(from)
        break
      case CHECKPOINT_END:
        return yield* this.#finish(from)
      default:
        throw new DecodeError(0, `a checkpoint frame of the unknown kind ${kind}`)
    }
    this.#frames++
    return undefined
  }

  #takeHoles(from: ByteReader): void {
    const { segments } = this.#begun!
    const id = from.u64()
    const ranges = decodeRanges(from)
    const entry = segments.get(id)
    const holes = entry === undefined ? undefined : holesOf(ranges, entry.holes)
    if (entry === undefined || holes === undefined)
      throw new DecodeError(0, 'holes of a checkpoint that cannot be')
    segments.set(id, { ...entry, holes })
  }

  *#takePointers(from: ByteReader): Generator<void, void, void> {
    const key = from.u64()
    const count = from.count(49)
    if (key !== this.#key || this.#builder === undefined) {
      this.#closeTable()
      this.#key = key
      this.#builder = new PointerTableBuilder()
    }
    for (let i = 0; i < count; i++) {
      this.#builder.push(decodePointer(from))
      if (i % POINTERS_A_STEP === POINTERS_A_STEP - 1) yield
    }
    this.#pointers += count
  }

  #closeTable(): void {
    if (this.#builder !== undefined) this.#tables.set(this.#key, this.#builder.build())
    this.#builder = undefined
  }

  *#finish(from: ByteReader): Generator<void, { version: Version; facts: CheckpointFacts }, void> {
    this.#closeTable()
    const begun = this.#begun!
    if (from.u32() !== this.#frames || from.u64() !== this.#pointers)
      throw new DecodeError(0, 'a checkpoint misses frames')
    const { covers, bootId, segments, ...rest } = begun
    const pointers = PointerTables.empty.edit()
    let taken = 0
    for (const [key, table] of this.#tables) {
      pointers.set(key, table)
      if (++taken % ENTRIES_A_STEP === 0) yield
    }
    return {
      version: {
        ...rest,
        pointers: pointers.finish(),
        segments: SegmentTable.from(segments),
      },
      facts: { covers, bootId },
    }
  }
}

/** Undefined where there are none, or bytes would be punched twice. */
function holesOf(ranges: readonly ByteRange[], before: Holes | undefined): Holes | undefined {
  try {
    return Holes.of(ranges, before)
  } catch {
    return undefined
  }
}

/** Pointers that are a step. */
const POINTERS_A_STEP = 512

/**
 * Channels, segments or tables that are a step: a few ms before the code that reads them is compiled, then
 * far below one.
 */
const ENTRIES_A_STEP = 64

/**
 * What the first frame of a checkpoint says, in steps between which the loop may turn.
 * @throws DecodeError
 */
export function* beginSteps(from: ByteReader): Generator<void, CheckpointBegin, void> {
  const lsn = from.u64()
  const covers = from.u64()
  const nextKey = from.u64()
  const channels: { [key: number]: Version['channels'][number] } = {}
  for (let left = from.count(4); left > 0; left--) {
    const channel = decodeChannel(from)
    channels[channel.key] = channel
    if (left % ENTRIES_A_STEP === 0) yield
  }
  const segments = new Map<SegmentId, SegmentEntry>()
  for (let left = from.count(24); left > 0; left--) {
    const id = from.u64()
    segments.set(id, { size: from.u64(), live: from.u64() })
    if (left % ENTRIES_A_STEP === 0) yield
  }
  const flushed: [number, number][] = []
  for (let left = from.count(16); left > 0; left--) {
    const key = from.u64()
    flushed.push([key, from.u64()])
    if (left % ENTRIES_A_STEP === 0) yield
  }
  return { lsn, covers, nextKey, channels, segments, flushed: FlushedLsns.of(flushed), bootId: from.text() }
}

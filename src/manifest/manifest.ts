// The manifest: the journal's past. A checkpoint, and behind it, in batches, the edits of journal files
// that are gone; a batch says up to which LSN the journal is covered when it counts (S2). Written by
// the epoch that made it, appended to by one call at a time (guard: manifest).
//
//   file: header, the checkpoint's frames (checkpoint.ts), then archives
//   kind 4 archive   covers u64, proven u64, edits u32, each: LSN u64, bytes u32, the edit as in the journal

import { AssertionError } from '../assert.ts'
import { ByteReader } from '../codec/byte-reader.ts'
import { ByteWriter } from '../codec/byte-writer.ts'
import { fileSeed } from '../codec/checksum.ts'
import { DecodeError } from '../codec/decode-error.ts'
import { decodeFileHeader, encodeFileHeader, HEADER_SIZE, MANIFEST_KIND } from '../codec/file-header.ts'
import { CorruptionError } from '../errors.ts'
import type { File, FileSystem } from '../fs/file-system.ts'
import { join, MANIFEST_DIRECTORY, manifestName } from '../fs/layout.ts'
import { storageError } from '../fs/storage-error.ts'
import type { Held } from '../guard/held.ts'
import { editSteps } from '../journal/edit-codec.ts'
import { FRAME_HEADER, readFrame, sealFrame } from '../journal/frame.ts'
import { takeSteps } from '../steps.ts'
import { apply } from '../version/apply.ts'
import { aheadSteps } from '../version/ahead-steps.ts'
import type { Version } from '../version/version.ts'
import { ARCHIVE, CHECKPOINT_END, checkpointFrames, CheckpointReader } from './checkpoint.ts'
import type { CheckpointFacts } from './checkpoint.ts'

/** Bytes gathered before a checkpoint's slice is written. */
const SLICE = 256 * 1024

/** An edit on its way from the journal to the manifest: its encoded bytes. */
export interface ArchivedEdit {
  readonly lsn: number
  readonly bytes: Uint8Array
}

/** What a manifest's name and database are. */
export interface ManifestIdentity {
  readonly files: FileSystem
  readonly directory: string
  readonly epoch: number
  readonly databaseId: Uint8Array
}

/** The manifest that this epoch writes. */
export class Manifest {
  readonly name: string
  readonly path: string
  /** Of the checkpoint. */
  readonly lsn: number
  readonly #file: File
  readonly #seed: number
  /** Bytes of the checkpoint, header included. */
  readonly checkpointSize: number
  #size: number
  #covers: number
  #broken = false

  private constructor(
    name: string,
    path: string,
    lsn: number,
    file: File,
    seed: number,
    size: number,
    covers: number,
  ) {
    this.name = name
    this.lsn = lsn
    this.path = path
    this.#file = file
    this.#seed = seed
    this.checkpointSize = size
    this.#size = size
    this.#covers = covers
  }

  get size(): number {
    return this.#size
  }

  /** Journal records up to this LSN are no longer needed. */
  get covers(): number {
    return this.#covers
  }

  /** An archive could not be taken back: another manifest must be begun. */
  get isBroken(): boolean {
    return this.#broken
  }

  /**
   * Writes a checkpoint of `version` into a new file and syncs it, contents and name.
   *
   * The journal must have proven `version.lsn` before.
   * @param turn asked often for what is to be waited for, so that the loop turns
   * @param onWritten called once the operating system has all of it: from then on it may count, also where
   * this throws
   * @throws StorageError; what was written of it is not whole, and counts for nothing
   */
  static async write(
    _held: Held<'manifest', 'exclusive'>,
    identity: ManifestIdentity,
    version: Version,
    facts: CheckpointFacts,
    turn: () => Promise<void> | undefined,
    onWritten?: () => void,
  ): Promise<Manifest> {
    const { files, directory, epoch, databaseId } = identity
    const name = manifestName(epoch, version.lsn)
    const path = join(directory, name)
    let file: File | undefined
    let written = 0
    let wanted = 0
    try {
      file = files.openNow(path, 'create')
      const seed = fileSeed(databaseId, MANIFEST_KIND, epoch, version.lsn)
      const slice = new ByteWriter(SLICE + 64 * 1024)
      slice.bytes(encodeFileHeader({ kind: MANIFEST_KIND, databaseId, epoch, number: version.lsn }))
      let at = slice.length
      beginFrame(slice)
      for (const kind of checkpointFrames(version, facts, slice)) {
        const due = turn()
        if (due !== undefined) await due
        if (kind === undefined) continue
        endFrame(slice, at, kind, seed, written)
        if (slice.length >= SLICE || kind === CHECKPOINT_END) {
          wanted = written + slice.length
          await writeFully(file, slice.view(), written)
          written += slice.length
          slice.reset()
        }
        at = slice.length
        beginFrame(slice)
      }
      onWritten?.()
      await file.sync()
      await files.syncDirectory(join(directory, MANIFEST_DIRECTORY))
      return new Manifest(name, path, version.lsn, file, seed, written, facts.covers)
    } catch (cause) {
      if (file !== undefined) await discard(files, file)
      throw storageError('Cannot write a checkpoint', path, cause, Math.max(wanted, HEADER_SIZE))
    }
  }

  /**
   * Appends edits that leave the journal, and syncs them.
   * @param covers the LSN up to which the journal is not needed once this counts
   * @param proven the LSN up to which the journal is on the disk, at least `covers`: the records that flushed
   * what is covered are below it
   * @throws StorageError; then nothing was appended, or the manifest is broken
   */
  async archive(
    _held: Held<'manifest', 'exclusive'>,
    edits: readonly ArchivedEdit[],
    covers: number,
    proven: number,
  ): Promise<void> {
    // Edits may have megabytes: copied once.
    const frame = new ByteWriter(edits.reduce((sum, { bytes }) => sum + bytes.length + 16, 64))
    beginFrame(frame)
    frame.u64(covers)
    frame.u64(proven)
    frame.u32(edits.length)
    for (const edit of edits) {
      frame.u64(edit.lsn)
      frame.u32(edit.bytes.length)
      frame.bytes(edit.bytes)
    }
    endFrame(frame, 0, ARCHIVE, this.#seed, this.#size)
    try {
      await writeFully(this.#file, frame.view(), this.#size)
    } catch (cause) {
      this.#cutOff()
      throw storageError('Cannot append to the manifest', this.path, cause, frame.length)
    }
    try {
      await this.#file.sync()
    } catch (cause) {
      this.#broken = true
      throw storageError('Cannot sync the manifest', this.path, cause)
    }
    this.#size += frame.length
    this.#covers = covers
  }

  close(): void {
    this.#file.closeNow()
  }

  #cutOff(): void {
    try {
      this.#file.truncateNow(this.#size)
    } catch {
      this.#broken = true
    }
  }
}

/** Leaves room for a header: the payload follows. */
function beginFrame(to: ByteWriter): void {
  for (let i = 0; i < FRAME_HEADER; i += 4) to.u32(0)
}

/** Ends the frame that begins at `at`, which is a multiple of 8. */
function endFrame(to: ByteWriter, at: number, kind: number, seed: number, base: number): void {
  const payload = to.length - at - FRAME_HEADER
  to.u8(0)
  to.align(8)
  sealFrame(to.view(), at, kind, payload, seed, base + at)
}

async function writeFully(file: File, bytes: Uint8Array, offset: number): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    const count = await file.write(bytes.subarray(written), offset + written)
    if (count === 0) throw Object.assign(new Error('nothing was written'), { code: 'EIO' })
    written += count
  }
}

async function discard(files: FileSystem, file: File): Promise<void> {
  try {
    file.closeNow()
    await files.remove(file.path)
  } catch {
    // It is not whole: it counts for nothing, and the next writing open removes it.
  }
}

/** What a manifest file holds. */
export interface ManifestContents {
  readonly version: Version
  readonly facts: CheckpointFacts
  /** LSN of the last record that is not needed from the journal. */
  readonly covers: number
  /** LSN up to which the log was proven when this was written: where it ends sooner, something is lost. */
  readonly proven: number
  /** Where the sound part ends, in bytes. */
  readonly end: number
  /** Something stands behind that is no whole archive. */
  readonly isTorn: boolean
}

/**
 * Reads a manifest. Undefined where its checkpoint is not whole: then it counts for nothing.
 * @param limit how many of its bytes count, where a later epoch said so
 * @throws CorruptionError where sound frames contradict each other; UnsupportedVersionError
 */
export function readManifest(
  bytes: Uint8Array,
  path: string,
  identity: { readonly epoch: number; readonly number: number; readonly databaseId: Uint8Array },
): ManifestContents | undefined {
  return takeSteps(manifestSteps(bytes, path, identity))
}

/**
 * So many bytes of frames of a checkpoint, or of archived edits, are a step: of ten thousand
 * channels some 160 short frames, which take a few ms before the code that reads them is compiled.
 */
const STEP_SIZE = 16 * 1024

/** As `readManifest`, in steps between which the loop may turn. */
export function* manifestSteps(
  bytes: Uint8Array,
  path: string,
  identity: { readonly epoch: number; readonly number: number; readonly databaseId: Uint8Array },
): Generator<void, ManifestContents | undefined, void> {
  const { epoch, number, databaseId } = identity
  if (bytes.length < HEADER_SIZE) return undefined
  decodeFileHeader(bytes.subarray(0, HEADER_SIZE), path, { kind: MANIFEST_KIND, epoch, number, databaseId })
  const seed = fileSeed(databaseId, MANIFEST_KIND, epoch, number)
  const reader = new CheckpointReader()
  let at = HEADER_SIZE
  let stepped = at
  let whole: { version: Version; facts: CheckpointFacts } | undefined
  try {
    while (whole === undefined) {
      const frame = readFrame(bytes, at, seed)
      if (typeof frame === 'string') return undefined
      whole = yield* reader.take(frame.kind, frame.payload)
      at += frame.length
      // Of ten thousand channels there are as many frames, short ones.
      if (at - stepped < STEP_SIZE) continue
      stepped = at
      yield
    }
    let { version } = whole
    let { covers } = whole.facts
    let proven = Math.max(covers, version.lsn)
    for (;;) {
      const frame = readFrame(bytes, at, seed)
      if (typeof frame === 'string')
        return { version, facts: whole.facts, covers, proven, end: at, isTorn: frame !== 'end' }
      const archive = yield* decodeArchive(frame.kind, frame.payload, version)
      version = archive.version
      covers = archive.covers
      proven = Math.max(proven, archive.proven)
      at += frame.length
    }
  } catch (cause) {
    if (cause instanceof DecodeError)
      throw new CorruptionError(path, at + FRAME_HEADER + cause.offset, cause.message, { cause })
    if (cause instanceof AssertionError)
      throw new CorruptionError(path, at, 'the manifest contradicts itself', { cause })
    throw cause
  }
}

/** Where the sound frames of a manifest with a sound header end, in bytes. */
export function soundEnd(
  bytes: Uint8Array,
  {
    epoch,
    number,
    databaseId,
  }: { readonly epoch: number; readonly number: number; readonly databaseId: Uint8Array },
): number {
  const seed = fileSeed(databaseId, MANIFEST_KIND, epoch, number)
  for (let at = HEADER_SIZE; ;) {
    const frame = readFrame(bytes, at, seed)
    if (typeof frame === 'string') return at
    at += frame.length
  }
}

function* decodeArchive(
  kind: number,
  payload: Uint8Array,
  before: Version,
): Generator<void, { version: Version; covers: number; proven: number }, void> {
  if (kind !== ARCHIVE) throw new DecodeError(0, `a manifest frame of the unknown kind ${kind}`)
  const from = new ByteReader(payload)
  const covers = from.u64()
  const proven = from.u64()
  if (proven < covers)
    throw new DecodeError(8, `an archive that covers ${covers} and was proven up to ${proven} only`)
  let version = before
  let stepped = from.offset
  for (let left = from.count(12); left > 0; left--) {
    const lsn = from.u64()
    const edit = yield* editSteps(new ByteReader(from.bytes(from.u32())))
    if (lsn > version.lsn) version = apply(version, edit, lsn, yield* aheadSteps(version, edit))
    if (from.offset - stepped < STEP_SIZE) continue
    stepped = from.offset
    yield
  }
  return { version, covers, proven }
}

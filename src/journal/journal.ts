// The journal: the one log, as a row of files of which the last is written to. Appending is one
// synchronous step, so that check, append and publish can be one (architecture 3); durability only
// delays the acknowledgement. What is written but not proven is the syncer's business.
//
// A failed or short append is cut off before the next; where that fails the file ends there and the
// next append begins another; where that fails too, writes are refused (S4). Where strict commits are
// waited for, the file is filled ahead of its end (fill.ts).

import { assert } from '../assert.ts'
import { ByteWriter } from '../codec/byte-writer.ts'
import { fileSeed } from '../codec/checksum.ts'
import { encodeFileHeader, HEADER_SIZE, JOURNAL_KIND } from '../codec/file-header.ts'
import { StorageError } from '../errors.ts'
import { hasCode } from '../fs/system-error.ts'
import { storageError } from '../fs/storage-error.ts'
import type { File, FileSystem } from '../fs/file-system.ts'
import { JOURNAL_DIRECTORY, join, journalName } from '../fs/layout.ts'
import { openFresh } from '../fs/open-fresh.ts'
import type { Edit } from '../version/edit.ts'
import { encodeEdit } from './edit-codec.ts'
import type { EncodedAhead } from './edit-codec.ts'
import { fillOf, planFill } from './fill.ts'
import { FRAME_HEADER, frameSize, MAX_FRAME, sealFrame, sealPieces } from './frame.ts'
import { bytesOfRows, COMMIT, EDIT, encodeCommit } from './record.ts'
import type { CommitSection } from './record.ts'
import type { Shape } from './shape.ts'

/**
 * `relaxed` commits gather up to this many bytes before they are written: 64 KB appends are the sweet spot.
 */
const PENDING_LIMIT = 64 * 1024

/** Most bytes of a record. */
const MOST_PAYLOAD = MAX_FRAME - FRAME_HEADER - 8

/**
 * Bytes of a record that are written from where they are: they belong behind the first `at` bytes that are
 * pending.
 */
interface Inset {
  readonly at: number
  readonly pieces: readonly Uint8Array[]
}

const NO_INSETS: readonly Inset[] = []

/** A place of an edit in its file, for retirement. */
export interface EditPlace {
  readonly lsn: number
  readonly offset: number
  readonly length: number
}

/** One file of the journal. Sizes in bytes. */
export interface JournalFile {
  readonly name: string
  readonly path: string
  readonly file: File
  readonly seed: number
  readonly firstLsn: number
  /** The last record in it; `firstLsn - 1` while there is none. */
  lastLsn: number
  /** What the operating system has; the header counts from the start. */
  size: number
  /**
   * Where the fill ahead of `size` ends; `size` or less where there is none. Infinity: it cannot be filled.
   */
  filled: number
  /** Goes out with the first record, in one write: a header without it means nothing. */
  header: Uint8Array | undefined
  /** Bytes were written since the last sync began. */
  dirty: boolean
  readonly edits: EditPlace[]
  /** By index channel key: the newest commit of that group in this file. */
  readonly commits: Map<number, number>
  readonly shapes: Map<Shape, number>
}

export interface JournalOptions {
  readonly files: FileSystem
  readonly directory: string
  readonly epoch: number
  readonly databaseId: Uint8Array
  /** LSN of the first record. */
  readonly firstLsn: number
  /** A file that is this long is followed by another; bytes. */
  readonly rollSize: number
  /** Bytes that `fillAhead` lays ahead; none by default. */
  readonly fillSize?: number
  /** Runs a step that writes what was acknowledged already; may try to make room where there is none. */
  readonly urgently?: (step: () => void) => void
}

/** The open journal of one epoch. */
export class Journal {
  readonly #options: JournalOptions
  readonly #pending = new ByteWriter(2 * PENDING_LIMIT)
  readonly #files: JournalFile[] = []
  #nextLsn: number
  /** LSN of the oldest pending record. */
  #firstPending: number | undefined
  #mark = 0
  /** The current file could not be cut back: nothing may be appended to it. */
  #ended = false
  #refused: StorageError | undefined
  /** Set when a file was created: its name is not on disk before the next directory sync. */
  namesDirty = false

  /** Creates nothing yet: the first append does. */
  constructor(options: JournalOptions) {
    this.#options = options
    this.#nextLsn = options.firstLsn
  }

  /** Oldest first; the last one is written to. */
  get files(): readonly JournalFile[] {
    return this.#files
  }

  /** Why nothing can be appended any more (S4's last resort). */
  get refused(): StorageError | undefined {
    return this.#refused
  }

  /** LSN of the newest record, appended or pending. */
  get lastLsn(): number {
    return this.#nextLsn - 1
  }

  /** The mark that the newest record carries: up to which LSN the journal was proven when it was appended. */
  get mark(): number {
    return this.#mark
  }

  /** Bytes of all files, pending ones included. */
  get size(): number {
    let size = this.#pending.length
    for (const file of this.#files) size += file.size
    return size
  }

  /** LSN of the newest record that the operating system has. */
  get written(): number {
    return (this.#firstPending ?? this.#nextLsn) - 1
  }

  /** Bytes that were acknowledged (`relaxed`) before the operating system has them. */
  get pending(): number {
    return this.#pending.length
  }

  /**
   * Appends a commit and returns its LSN.
   * @param through whether the operating system has it when this returns
   * @throws StorageError; then nothing was appended
   */
  appendCommit(sections: readonly CommitSection[], proven: number, through: boolean): number {
    const defined: Shape[] = []
    const size = bytesOfRows(sections)
    const current = this.#ready(size)
    refuseLarge(size, current)
    const at = this.#begin(proven)
    try {
      encodeCommit(this.#pending, sections, (shape) => {
        const known = current.shapes.get(shape)
        if (known !== undefined) return { number: known, isNew: false }
        const number = current.shapes.size
        current.shapes.set(shape, number)
        defined.push(shape)
        return { number, isNew: true }
      })
      this.#end(current, at, COMMIT, through)
    } catch (error) {
      this.#pending.cut(at)
      for (const shape of defined) current.shapes.delete(shape)
      throw error
    }
    const lsn = this.#nextLsn++
    current.lastLsn = lsn
    this.#mark = proven
    if (!through) this.#firstPending ??= lsn
    for (const section of sections) current.commits.set(section.shape.index, lsn)
    return lsn
  }

  /**
   * Appends an edit, handed to the operating system, and returns its LSN.
   * @param ahead changes that were encoded before
   * @throws StorageError; then nothing was appended
   */
  appendEdit(edit: Edit, proven: number, ahead?: EncodedAhead): number {
    const current = this.#ready()
    const at = this.#begin(proven)
    const offset = current.size + at
    const insets: Inset[] = []
    let length: number
    try {
      encodeEdit(this.#pending, edit, ahead, (pieces) => insets.push({ at: this.#pending.length, pieces }))
      length = this.#end(current, at, EDIT, true, insets)
    } catch (error) {
      this.#pending.cut(at)
      throw error
    }
    const lsn = this.#nextLsn++
    current.lastLsn = lsn
    this.#mark = proven
    current.edits.push({ lsn, offset, length })
    return lsn
  }

  /** Hands pending records to the operating system. @throws StorageError; they stay pending */
  writeOut(): void {
    if (this.#refused !== undefined) throw this.#refused
    if (this.#pending.length === 0) return
    const step = (): void => this.#write(this.#files.at(-1)!, true)
    if (this.#options.urgently === undefined) step()
    else this.#options.urgently(step)
  }

  /**
   * Lays fill ahead of the records, where too little is left of it: to be called where a strict commit was
   * waited for. Not in a file of which nothing is proven yet. That it fails is nobody's concern.
   */
  fillAhead(proven: number): void {
    const { fillSize = 0, rollSize } = this.#options
    const current = this.#files.at(-1)
    if (current === undefined || current.firstLsn > proven || this.#ended || this.#refused !== undefined)
      return
    const plan = planFill(current.size, current.filled, fillSize, rollSize)
    if (plan === undefined) return
    const { from, to } = plan
    try {
      const count = current.file.writeNow(fillOf(to - from), from)
      if (count < to - from) throw Object.assign(new Error('no room for fill'), { code: 'ENOSPC' })
      current.filled = to
    } catch {
      cutFill(current)
      current.filled = Infinity
    }
  }

  /** Ends the current file, so that the next record begins another. Pending records are written first. */
  roll(): void {
    this.writeOut()
    this.#ended = true
  }

  /** Forgets the oldest file, which the caller has retired, and closes it. It holds a record. */
  forgetOldest(oldest: JournalFile): void {
    assert(
      this.#files[0] === oldest && oldest.lastLsn >= oldest.firstLsn,
      'the oldest file is the one retired',
    )
    this.#files.shift()
    oldest.file.closeNow()
    if (this.#files.length === 0) this.#ended = false
  }

  close(): void {
    for (const file of this.#files) file.file.closeNow()
    this.#files.length = 0
  }

  /**
   * The file that the next record, of `size` bytes or more, goes to, with nothing in the way of appending.
   */
  #ready(size = 0): JournalFile {
    if (this.#refused !== undefined) throw this.#refused
    if (this.#pending.length >= PENDING_LIMIT) this.writeOut()
    let current = this.#files.at(-1)
    if (
      current === undefined ||
      this.#ended ||
      current.size + this.#pending.length >= this.#options.rollSize
    ) {
      if (this.#pending.length > 0) this.writeOut()
      current = this.#create(size)
    }
    return current
  }

  #begin(proven: number): number {
    const at = this.#pending.length
    for (let i = 0; i < FRAME_HEADER; i += 4) this.#pending.u32(0)
    this.#pending.u64(this.#nextLsn)
    this.#pending.u64(proven)
    return at
  }

  /** @param insets of the record; only of one that is written through */
  #end(
    current: JournalFile,
    at: number,
    kind: number,
    through: boolean,
    insets: readonly Inset[] = NO_INSETS,
  ): number {
    const payload = this.#pending.length - at - FRAME_HEADER + bytesOfInsets(insets)
    refuseLarge(payload, current)
    for (let left = frameSize(payload) - FRAME_HEADER - payload; left > 0; left--) this.#pending.u8(0)
    const fileOffset = current.size + at
    const length =
      insets.length === 0
        ? sealFrame(this.#pending.view(), at, kind, payload, current.seed, fileOffset)
        : sealPieces(inPieces(this.#pending.view(), at, insets), kind, payload, current.seed, fileOffset)
    if (through) this.#write(current, at > 0, insets)
    return length
  }

  /** `acknowledged`: some of what is pending was acknowledged before it is written. */
  #write(current: JournalFile, acknowledged: boolean, insets: readonly Inset[] = NO_INSETS): void {
    const { header } = current
    const length = this.#pending.length + bytesOfInsets(insets)
    const offset = header === undefined ? current.size : 0
    current.dirty = true
    let to = offset
    try {
      const pieces = inPieces(this.#pending.view(), 0, insets)
      for (let i = 0; i < pieces.length; i++) {
        const bytes = header !== undefined && i === 0 ? concat(header, pieces[0]!) : pieces[i]!
        for (let written = 0; written < bytes.length;) {
          const count = current.file.writeNow(written === 0 ? bytes : bytes.subarray(written), to)
          if (count === 0) throw Object.assign(new Error('nothing was written'), { code: 'EIO' })
          written += count
          to += count
        }
      }
    } catch (cause) {
      this.#cutOff(current, offset, cause, acknowledged)
      const needed = length + (header?.length ?? 0)
      throw storageError(`Cannot append ${length} bytes to the journal`, current.path, cause, needed)
    }
    current.header = undefined
    current.size += length
    this.#pending.reset()
    this.#firstPending = undefined
  }

  /** Takes back what a failed append may have left behind the last whole record. */
  #cutOff(current: JournalFile, size: number, cause: unknown, acknowledged: boolean): void {
    try {
      current.file.truncateNow(size)
      if (current.filled !== Infinity) current.filled = 0
    } catch {
      this.#ended = true
      // Pending records carry checksums of their place in this very file: acknowledged ones cannot
      // move to another.
      if (!acknowledged) return
      const message = 'The journal can be neither written nor cut back: reopen the database'
      this.#refused = new StorageError(message, { cause, path: current.path })
    }
  }

  #create(size: number): JournalFile {
    const { files, directory, epoch, databaseId } = this.#options
    const first = this.#nextLsn
    const last = this.#files.at(-1)
    if (last !== undefined && last.lastLsn < last.firstLsn) {
      this.#files.pop()
      last.file.closeNow()
    }
    const name = journalName(epoch, first)
    const path = join(directory, name)
    try {
      const file = openFresh(files, path)
      const created: JournalFile = {
        name,
        path,
        file,
        seed: fileSeed(databaseId, JOURNAL_KIND, epoch, first),
        firstLsn: first,
        lastLsn: first - 1,
        size: HEADER_SIZE,
        filled: 0,
        header: encodeFileHeader({ kind: JOURNAL_KIND, databaseId, epoch, number: first }),
        dirty: true,
        edits: [],
        commits: new Map(),
        shapes: new Map(),
      }
      if (last !== undefined && last.filled > last.size && last.filled !== Infinity) cutFill(last)
      this.#files.push(created)
      this.#ended = false
      this.namesDirty = true
      return created
    } catch (cause) {
      if (hasCode(cause, 'EEXIST')) {
        // What a failed append left in it could be taken for a record: the name is used up, and the LSN with
        // it.
        const message = 'A journal file can be neither begun nor cut back: reopen the database'
        this.#refused = new StorageError(message, { cause, path })
        throw this.#refused
      }
      const needed = HEADER_SIZE + FRAME_HEADER + size
      throw storageError('Cannot begin a journal file', join(directory, JOURNAL_DIRECTORY), cause, needed)
    }
  }
}

/** @throws StorageError for a record that would be taken for damage when it is read */
function refuseLarge(size: number, { path }: JournalFile): void {
  if (size <= MOST_PAYLOAD) return
  throw new StorageError(`A record of ${size} bytes is too large for the journal: commit more often`, {
    path,
  })
}

/** Gives back what lies behind the last record. Where that fails it stays: nobody is told anything by it. */
function cutFill(file: JournalFile): void {
  try {
    file.file.truncateNow(file.size)
    file.filled = 0
  } catch {
    // It reads the same.
  }
}

function bytesOfInsets(insets: readonly Inset[]): number {
  let bytes = 0
  for (const { pieces } of insets) for (const piece of pieces) bytes += piece.length
  return bytes
}

/** What is pending from `start` on, and what belongs in between, in order. */
function inPieces(pending: Uint8Array, start: number, insets: readonly Inset[]): Uint8Array[] {
  if (insets.length === 0) return [start === 0 ? pending : pending.subarray(start)]
  const all: Uint8Array[] = []
  let from = start
  for (const { at, pieces } of insets) {
    if (at > from) all.push(pending.subarray(from, at))
    for (const piece of pieces) all.push(piece)
    from = at
  }
  all.push(pending.subarray(from))
  return all
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

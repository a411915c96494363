// All segment files of an open database: which one is appended to, what is reserved in each, who reads
// them. Space is handed out in one synchronous step, so that many may write extents at once, each to
// its own place. Bytes that were handed out are reserved until a record names them or they are given
// up (0006-I1). Descriptors for reading are kept for the segments used last.

import { assert, present } from '../assert.ts'
import type { File, FileSystem } from '../fs/file-system.ts'
import { join, SEGMENT_DIRECTORY, segmentFile, segmentIdOf } from '../fs/layout.ts'
import { ClosedError, CorruptionError } from '../errors.ts'
import { hasCode } from '../fs/system-error.ts'
import { storageError } from '../fs/storage-error.ts'
import type { SegmentId } from '../version/pointer.ts'
import { createSegment, FIRST_EXTENT, openSegment, segmentSeed } from './segment-file.ts'
import { SegmentReader } from './segment-reader.ts'
import type { TableCache } from './table-cache.ts'

/** Most descriptors kept open for reading, but for those that long reads go through. */
const OPEN_READERS = 128

/** What is known of one segment file. Sizes in bytes. */
export interface Segment {
  readonly id: SegmentId
  readonly seed: number
  /** End of what was handed out; the header included. */
  size: number
  /** Handed out, named by no record yet. */
  reserved: number
  /** Kept live by runs of tails. */
  tailLive: number
  /** Nothing is appended any more. */
  sealed: boolean
  /** Written to since the last sync began. */
  dirty: boolean
  /** LSN of the last record that freed bytes here; 0 for none since the database was opened. */
  freed: number
  /** Bytes of holes; known of a segment that was dropped, and is in no version. */
  punched: number
  /** Open for appending; undefined once sealed and synced. */
  writer: File | undefined
}

/** A place for an extent. */
export interface Place {
  readonly segment: SegmentId
  readonly offset: number
  readonly length: number
}

export interface SegmentPoolOptions {
  readonly files: FileSystem
  readonly directory: string
  readonly databaseId: Uint8Array
  /** Of new segments. */
  readonly epoch: number
  /** A segment this long is sealed; bytes. */
  readonly segmentSize: number
  readonly cache: TableCache
  /** Throws where another holder has taken over: then a segment that is gone is no damage. */
  readonly lookNow?: (() => void) | undefined
}

export class SegmentPool {
  readonly #options: SegmentPoolOptions
  readonly #segments = new Map<SegmentId, Segment>()
  /** In order of use, the last one at the end. */
  readonly #readers = new Map<SegmentId, { file: File; reader: SegmentReader }>()
  #newestReader: SegmentId | undefined
  #active: Segment | undefined
  #nextNumber = 1
  #isClosed = false
  #handedOut = 0
  /** A file was created: its name is not on disk before the next directory sync. */
  namesDirty = false
  /** Every descriptor is kept: what another process removes must stay readable. */
  keepsOpen = false

  constructor(options: SegmentPoolOptions) {
    this.#options = options
  }

  /** Registers a segment that is there already; it is sealed. */
  adopt(id: SegmentId, size: number): void {
    this.#segments.set(id, this.#entry(id, size, true))
  }

  get(id: SegmentId): Segment {
    // Asked for with every extent: its name is put together only where it is missing.
    return this.#segments.get(id) ?? present<Segment>(undefined, `segment ${segmentFile(id)} is known`)
  }

  find(id: SegmentId): Segment | undefined {
    return this.#segments.get(id)
  }

  all(): Segment[] {
    return [...this.#segments.values()]
  }

  /** The segment that `reserve` hands out from; undefined before the first use and after a seal. */
  get active(): Segment | undefined {
    return this.#active
  }

  /**
   * A place for an extent of `length` bytes (a multiple of 8) in the active segment.
   * @throws StorageError where a new segment is needed and cannot be made
   */
  reserve(length: number): Place {
    let segment = this.#active
    if (
      segment === undefined ||
      (segment.size > FIRST_EXTENT && segment.size + length > this.#options.segmentSize)
    ) {
      if (segment !== undefined) this.seal(segment)
      segment = this.#active = this.create()
    }
    return this.reserveIn(segment, length)
  }

  /** A place in a segment that the caller appends to alone (the collector's). */
  reserveIn(segment: Segment, length: number): Place {
    assert(!segment.sealed, 'only an open segment is appended to')
    const offset = segment.size
    segment.size += length
    segment.reserved += length
    this.#handedOut += length
    return { segment: segment.id, offset, length }
  }

  /** Bytes ever handed out since the database was opened. */
  get handedOut(): number {
    return this.#handedOut
  }

  /** A new segment, open for appending, that is not the active one. @throws StorageError */
  create(): Segment {
    const { files, directory, databaseId, epoch } = this.#options
    const id = segmentIdOf(epoch, this.#nextNumber)
    try {
      const writer = createSegment(files, directory, id, databaseId)
      this.#nextNumber++
      const segment = { ...this.#entry(id, FIRST_EXTENT, false), writer, dirty: true }
      this.#segments.set(id, segment)
      this.namesDirty = true
      return segment
    } catch (cause) {
      // What a try has left that could not be taken back keeps its name.
      if (hasCode(cause, 'EEXIST')) this.#nextNumber++
      throw storageError('Cannot begin a segment', join(directory, segmentFile(id)), cause, FIRST_EXTENT)
    }
  }

  /** Ends a segment: nothing is appended any more. */
  seal(segment: Segment): void {
    segment.sealed = true
    if (this.#active === segment) this.#active = undefined
  }

  /** Writes at a place, at once. @throws StorageError; the place stays reserved */
  writeNow(place: Place, bytes: Uint8Array): void {
    const { writer, file } = this.#writer(place)
    try {
      let written = 0
      while (written < bytes.length) {
        written += progress(
          writer.writeNow(written === 0 ? bytes : bytes.subarray(written), place.offset + written),
        )
      }
    } catch (cause) {
      throw storageError(`Cannot write ${bytes.length} bytes of samples`, file, cause, bytes.length)
    }
  }

  /** As `writeNow`, without holding the event loop. */
  async write(place: Place, bytes: Uint8Array): Promise<void> {
    const { writer, file } = this.#writer(place)
    try {
      let written = 0
      while (written < bytes.length) {
        written += progress(
          await writer.write(written === 0 ? bytes : bytes.subarray(written), place.offset + written),
        )
      }
    } catch (cause) {
      throw storageError(`Cannot write ${bytes.length} bytes of samples`, file, cause, bytes.length)
    } finally {
      // A sync that began meanwhile has taken the segment for clean, and may have missed these bytes.
      this.get(place.segment).dirty = true
    }
  }

  #writer(place: Place): { writer: File; file: string } {
    const segment = this.get(place.segment)
    segment.dirty = true
    const writer = present(segment.writer, 'a segment with reserved bytes is open')
    return { writer, file: writer.path }
  }

  /** A place is reserved no longer: a record names it now, or it was given up. */
  settle(place: { readonly segment: SegmentId; readonly length: number }): void {
    const segment = this.get(place.segment)
    segment.reserved -= place.length
    assert(segment.reserved >= 0, 'no byte is settled twice')
  }

  /**
   * Gives up places that no record will ever name. What of them lies at the end of its segment is cut off.
   * @returns the segments that were cut: until they are synced the next extent there could be taken for one
   * that was given up, after a power loss
   */
  giveUp(places: readonly Place[]): Segment[] {
    const cut = new Set<Segment>()
    for (const place of places.toSorted((a, b) => b.offset - a.offset)) {
      this.settle(place)
      const segment = this.get(place.segment)
      if (segment.writer === undefined || place.offset + place.length !== segment.size) continue
      segment.size = place.offset
      cut.add(segment)
    }
    return [...cut].filter((segment) => this.#cutBack(segment))
  }

  /** Cuts the file to what was handed out; one that cannot be cut is appended to no more. */
  #cutBack(segment: Segment): boolean {
    const { writer } = segment
    try {
      segment.dirty = true
      writer?.truncateNow(segment.size)
      return true
    } catch {
      this.seal(segment)
      return false
    }
  }

  /**
   * Reads a segment; opens it when needed.
   * @throws ClosedError, CorruptionError, UnsupportedVersionError, StorageError; LeaseLostError for one that
   * a later holder has removed
   */
  reader(id: SegmentId): SegmentReader {
    const known = this.#readers.get(id)
    if (known !== undefined) {
      // Kept in order of use; most are asked for again and again.
      if (this.#newestReader !== id) {
        this.#readers.delete(id)
        this.#readers.set(id, known)
        this.#newestReader = id
      }
      return known.reader
    }
    const { files, directory, databaseId, cache } = this.#options
    if (this.#isClosed) throw new ClosedError(`The database "${directory}" is closed`)
    try {
      const file = openSegment(files, directory, id, databaseId)
      const reader = new SegmentReader(file, id, segmentSeed(id, databaseId), cache)
      this.#readers.set(id, { file, reader })
      this.#newestReader = id
      if (!this.keepsOpen && this.#readers.size > OPEN_READERS) this.#evict()
      return reader
    } catch (cause) {
      const path = join(directory, segmentFile(id))
      if (hasCode(cause, 'ENOENT')) {
        this.#options.lookNow?.()
        throw new CorruptionError(path, 0, 'the segment is missing', { cause })
      }
      throw storageError('Cannot open a segment', path, cause)
    }
  }

  /**
   * Closes the descriptors that were used longest ago, of those that nobody reads through, down to as many as
   * are kept.
   */
  #evict(): void {
    let left = this.#readers.size - OPEN_READERS
    for (const [id, { reader }] of this.#readers) {
      if (left === 0) return
      if (reader.isBusy) continue
      this.#closeReader(id)
      left--
    }
  }

  #closeReader(id: SegmentId): void {
    this.#readers.get(id)?.file.closeNow()
    this.#readers.delete(id)
  }

  /** The segments that were written since the last sync began; from now on they count as clean. */
  takeDirty(): Segment[] {
    const dirty = this.all().filter((segment) => segment.dirty)
    for (const segment of dirty) segment.dirty = false
    return dirty
  }

  /** Closes writers that are not needed any more: sealed, synced, nothing under way. */
  closeSealed(): void {
    for (const segment of this.#segments.values()) {
      if (!segment.sealed || segment.dirty || segment.reserved > 0 || segment.writer === undefined) continue
      segment.writer.closeNow()
      segment.writer = undefined
    }
  }

  /**
   * Removes a segment's file, which a power loss may have taken already; the caller has made sure that nobody
   * needs it (S2).
   */
  async remove(segment: Segment): Promise<void> {
    const { files, directory, cache } = this.#options
    segment.writer?.closeNow()
    segment.writer = undefined
    this.#closeReader(segment.id)
    cache.forget(segment.id)
    try {
      await files.remove(join(directory, segmentFile(segment.id)))
    } catch (cause) {
      if (!hasCode(cause, 'ENOENT')) throw cause
    }
    this.#segments.delete(segment.id)
    this.namesDirty = true
  }

  /** Nobody here reads a segment any more, whose file is another process's. */
  forget(id: SegmentId): void {
    this.#closeReader(id)
    this.#options.cache.forget(id)
    this.#segments.delete(id)
  }

  /** Directory of the segments, for syncs of their names. */
  get path(): string {
    return join(this.#options.directory, SEGMENT_DIRECTORY)
  }

  close(): void {
    this.#isClosed = true
    for (const id of [...this.#readers.keys()]) this.#closeReader(id)
    for (const segment of this.#segments.values()) {
      segment.writer?.closeNow()
      segment.writer = undefined
    }
  }

  #entry(id: SegmentId, size: number, sealed: boolean): Segment {
    const seed = segmentSeed(id, this.#options.databaseId)
    const counts = { size, reserved: 0, tailLive: 0, freed: 0, punched: 0 }
    return { id, seed, ...counts, sealed, dirty: false, writer: undefined }
  }
}

function progress(count: number): number {
  if (count === 0) throw Object.assign(new Error('nothing was written'), { code: 'EIO' })
  return count
}

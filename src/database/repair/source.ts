// The segments of a damaged database, opened for reading only and whatever their headers say: each byte of an
// extent is judged by checksums that are begun for the file's name and the database, so a damaged header
// costs nothing. Called by copy.ts.

import type { File, FileSystem } from '../../fs/file-system.ts'
import { join, segmentFile } from '../../fs/layout.ts'
import { storageError } from '../../fs/storage-error.ts'
import { hasCode } from '../../fs/system-error.ts'
import type { ExtentOwner } from '../../segment/extent-header.ts'
import { segmentSeed } from '../../segment/segment-file.ts'
import type { SegmentId } from '../../version/pointer.ts'
import { soundStretches } from './extent.ts'
import type { Stretch } from './extent.ts'
import type { Piece } from './pieces.ts'

/** Most files open at once. */
const OPEN_FILES = 64

export class RepairSource {
  readonly #files: FileSystem
  readonly #directory: string
  readonly #databaseId: Uint8Array
  /** In order of use; undefined for one that is missing. */
  readonly #open = new Map<SegmentId, { readonly file: File; readonly seed: number } | undefined>()

  constructor(files: FileSystem, directory: string, databaseId: Uint8Array) {
    this.#files = files
    this.#directory = directory
    this.#databaseId = databaseId
  }

  /**
   * Samples [from, to) of a piece, in order, by position in the piece: what is sound, and what is not. Bytes
   * are valid until the next step.
   * @throws StorageError
   */
  *stretches(piece: Piece, owner: ExtentOwner, from: number, to: number): Generator<Stretch> {
    if (piece.kind === 'rows') {
      const width = piece.bytes.length / piece.count
      // A copy: at a multiple of 8 of a buffer of its own.
      const bytes = new Uint8Array(piece.bytes.subarray(from * width, to * width))
      return yield { from, count: to - from, bytes }
    }
    const { segment, skip } = piece
    const opened = this.#segment(segment)
    if (opened === undefined) {
      const fault = { what: 'the segment is missing', file: this.pathOf(segment), offset: piece.offset }
      return yield { from, count: to - from, fault }
    }
    for (const stretch of soundStretches({ ...opened, ref: piece, owner }, skip + from, to - from))
      yield { ...stretch, from: stretch.from - skip }
  }

  close(): void {
    for (const opened of this.#open.values()) opened?.file.closeNow()
    this.#open.clear()
  }

  /** Path of a segment. */
  pathOf(segment: SegmentId): string {
    return join(this.#directory, segmentFile(segment))
  }

  #segment(id: SegmentId): { readonly file: File; readonly seed: number } | undefined {
    if (this.#open.has(id)) {
      const known = this.#open.get(id)
      this.#open.delete(id)
      this.#open.set(id, known)
      return known
    }
    const path = this.pathOf(id)
    let opened: { file: File; seed: number } | undefined
    try {
      opened = { file: this.#files.openNow(path, 'read'), seed: segmentSeed(id, this.#databaseId) }
    } catch (cause) {
      if (!hasCode(cause, 'ENOENT')) throw storageError('Cannot open a segment', path, cause)
    }
    this.#open.set(id, opened)
    if (this.#open.size > OPEN_FILES) {
      const [oldest, last] = this.#open.entries().next().value!
      last?.file.closeNow()
      this.#open.delete(oldest)
    }
    return opened
  }
}

// Segment files as files: created exclusively, under a name that no other segment ever has (S5), with
// a header that says whose they are. What is inside is written and read elsewhere in this folder.

import { fileSeed } from '../codec/checksum.ts'
import { decodeFileHeader, encodeFileHeader, HEADER_SIZE, SEGMENT_KIND } from '../codec/file-header.ts'
import { StorageError } from '../errors.ts'
import type { File, FileSystem } from '../fs/file-system.ts'
import { epochOf, join, numberOf, segmentFile } from '../fs/layout.ts'
import { openFresh } from '../fs/open-fresh.ts'
import type { SegmentId } from '../version/pointer.ts'

/** Offset of the first extent of every segment. */
export const FIRST_EXTENT: number = HEADER_SIZE

/** The seed of every checksum in a segment. */
export function segmentSeed(id: SegmentId, databaseId: Uint8Array): number {
  return fileSeed(databaseId, SEGMENT_KIND, epochOf(id), numberOf(id))
}

/**
 * Creates a segment file with its header, open for writing; extents go from FIRST_EXTENT on.
 *
 * Where the header cannot be written an empty file stays behind, which the next try goes on with: there is no
 * room for names without end on a full disk.
 *
 * **Durable:** nothing. The file must be synced before a record that names its bytes is believed, its
 * directory before the file is found again.
 * @param directory of the database
 * @throws the file system's own errors as they are, EEXIST where the name is taken
 */
export function createSegment(
  files: FileSystem,
  directory: string,
  id: SegmentId,
  databaseId: Uint8Array,
): File {
  const file = openFresh(files, join(directory, segmentFile(id)))
  const header = { kind: SEGMENT_KIND, databaseId, epoch: epochOf(id), number: numberOf(id) } as const
  return closeUnless(file, () => {
    try {
      writeFullyNow(file, encodeFileHeader(header), 0)
    } catch (error) {
      file.truncateNow(0)
      throw error
    }
  })
}

/**
 * Opens a segment file and checks that it is the one of this name in this database.
 * @param mode `write` only for the holder whose epoch made the segment (S5), and to punch holes
 * @throws CorruptionError, UnsupportedVersionError; the file system's own errors as they are (ENOENT: gone)
 */
export function openSegment(
  files: FileSystem,
  directory: string,
  id: SegmentId,
  databaseId: Uint8Array,
  mode: 'read' | 'write' = 'read',
): File {
  const file = files.openNow(join(directory, segmentFile(id)), mode)
  return closeUnless(file, () => {
    const bytes = new Uint8Array(HEADER_SIZE)
    const got = file.readNow(bytes, 0)
    const expected = { kind: SEGMENT_KIND, databaseId, epoch: epochOf(id), number: numberOf(id) } as const
    decodeFileHeader(bytes.subarray(0, got), file.path, expected)
  })
}

/** The file, if `step` succeeds; else it is closed and the error goes on. */
function closeUnless(file: File, step: () => void): File {
  try {
    step()
  } catch (error) {
    file.closeNow()
    throw error
  }
  return file
}

/** A write may be short; the next one then goes on, or says why it was. */
function writeFullyNow(file: File, source: Uint8Array, offset: number): void {
  let written = 0
  while (written < source.length) {
    const count = file.writeNow(source.subarray(written), offset + written)
    if (count === 0) throw new StorageError(`Nothing could be written to "${file.path}"`, { path: file.path })
    written += count
  }
}

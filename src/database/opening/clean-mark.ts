// The mark of a clean close: how long every log was. It carries the epoch in its name and counts only
// while that is the newest that began (S5): then a log that is shorter, or damaged, lost something.

import { CorruptionError } from '../../errors.ts'
import type { FileSystem } from '../../fs/file-system.ts'
import { cleanName, join } from '../../fs/layout.ts'
import { storageError } from '../../fs/storage-error.ts'
import { createLinked } from '../../lease/linked-file.ts'

/** What is said of a mark that is there and is none. */
export const UNREADABLE_MARK = 'the mark of a clean close cannot be read'

export interface CleanMark {
  /** Of the mark's own file. */
  readonly path: string
  /** Names relative to the database's folder, and sizes in bytes. */
  readonly logs: readonly { readonly name: string; readonly size: number }[]
}

/** Writes the mark whole and syncs it. **Durable:** the mark. @throws StorageError */
export async function writeCleanMark(
  files: FileSystem,
  directory: string,
  epoch: number,
  mark: Pick<CleanMark, 'logs'>,
): Promise<void> {
  const bytes = new TextEncoder().encode(JSON.stringify(mark))
  try {
    const file = await createLinked(files, directory, cleanName(epoch), bytes, 'close')
    file?.closeNow()
    await files.syncDirectory(directory)
  } catch (cause) {
    const path = join(directory, cleanName(epoch))
    throw storageError('Cannot leave the mark of a clean close', path, cause, bytes.length)
  }
}

/**
 * The mark that an epoch's close has left; undefined where there is none.
 * @throws CorruptionError, StorageError
 */
export async function readCleanMark(
  files: FileSystem,
  directory: string,
  epoch: number,
): Promise<CleanMark | undefined> {
  const path = join(directory, cleanName(epoch))
  try {
    if ((await files.stat(path)) === undefined) return undefined
    const file = files.openNow(path, 'read')
    try {
      const bytes = new Uint8Array(file.sizeNow())
      file.readNow(bytes, 0)
      return parseMark(new TextDecoder().decode(bytes), path)
    } finally {
      file.closeNow()
    }
  } catch (cause) {
    throw storageError('Cannot read the mark of a clean close', path, cause)
  }
}

function parseMark(text: string, path: string): CleanMark {
  try {
    const { logs } = JSON.parse(text) as CleanMark
    if (
      Array.isArray(logs) &&
      logs.every((log) => typeof log.name === 'string' && typeof log.size === 'number')
    )
      return { path, logs }
  } catch {
    // Told below: it is not JSON.
  }
  throw new CorruptionError(path, 0, UNREADABLE_MARK)
}

// Files that are there whole or not at all: written under a temporary name, synced, then linked to their
// own. The link is what several processes race for, and exactly one of them wins. Called by
// lease-file.ts and fence.ts.

import { StorageError } from '../errors.ts'
import type { File, FileSystem } from '../fs/file-system.ts'
import { join, tempName } from '../fs/layout.ts'
import { hasCode } from '../fs/system-error.ts'

/** Removes a name, which others may remove too. */
export async function removeIfThere(files: FileSystem, path: string): Promise<void> {
  try {
    await files.remove(path)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
}

/**
 * Writes all of `bytes` at `offset`.
 * @throws StorageError when the file system takes only a part; else the system's error.
 */
export function writeWhole(file: File, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.length;) {
    const written = file.writeNow(bytes.subarray(done), offset + done)
    if (written === 0)
      throw new StorageError(`nothing more can be written to "${file.path}"`, { path: file.path })
    done += written
  }
}

/**
 * Creates `name` with `bytes` and leaves it open for reading and writing; undefined when somebody else
 * was first, or removed the temporary file, as a new holder does with those of old attempts.
 *
 * **Durable:** the contents. The name is not, until the directory is synced.
 * @param token tells this attempt's temporary file from all others.
 * @throws the system's error: `name` was not created, at least not by this call.
 */
export async function createLinked(
  files: FileSystem,
  directory: string,
  name: string,
  bytes: Uint8Array,
  token: string,
): Promise<File | undefined> {
  const temporary = join(directory, tempName(name, token))
  const file = files.openNow(temporary, 'create')
  let isLinked = false
  try {
    writeWhole(file, bytes, 0)
    await file.sync()
    isLinked = await tryLink(files, temporary, join(directory, name))
  } finally {
    if (!isLinked) file.closeNow()
    // What is left of it costs nothing: the next holder removes it.
    await removeIfThere(files, temporary).catch(() => undefined)
  }
  return isLinked ? file : undefined
}

async function tryLink(files: FileSystem, existing: string, path: string): Promise<boolean> {
  try {
    await files.link(existing, path)
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST') || hasCode(error, 'ENOENT')) return false
    throw error
  }
}

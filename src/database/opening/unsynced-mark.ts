// The mark of a failed sync: what its epoch wrote and did not prove may not be on the disk, though the system
// may show it from pages that look clean, until it lets go of them. It makes recovery judge that part of the
// log as after a power loss (S3, S4). It is never synced: after a power loss nobody needs it. Written by
// the engine when a sync fails, read by load.ts, removed when the next epoch has begun.

import type { FileSystem } from '../../fs/file-system.ts'
import { join, unsyncedName } from '../../fs/layout.ts'
import { storageError } from '../../fs/storage-error.ts'

/** Leaves the mark, if it can: without it recovery takes what is missing for damage. */
export function writeUnsyncedMark(files: FileSystem, directory: string, epoch: number): void {
  try {
    files.openNow(join(directory, unsyncedName(epoch)), 'create').closeNow()
  } catch {
    // The disk fails already, and the failure of the sync is the one to be told.
  }
}

/** Whether a sync failed in the epoch. @throws StorageError */
export async function hasUnsyncedMark(files: FileSystem, directory: string, epoch: number): Promise<boolean> {
  const path = join(directory, unsyncedName(epoch))
  try {
    return (await files.stat(path)) !== undefined
  } catch (cause) {
    throw storageError('Cannot look for the mark of a failed sync', path, cause)
  }
}

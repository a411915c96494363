// Beginning a file of the journal or a segment: created exclusively, and never in vain. On a full disk a
// file can often be named and not written; the next try goes on with that name, else there would be a new
// one for each. Called by journal/ and segment/, whose names carry an epoch that no other holder has.

import type { File, FileSystem } from './file-system.ts'
import { hasCode } from './system-error.ts'

/**
 * A new file, or one in which an earlier try has left nothing.
 * @throws the system's error; EEXIST where there is something in it
 */
export function openFresh(files: FileSystem, path: string): File {
  try {
    return files.openNow(path, 'create')
  } catch (cause) {
    if (!hasCode(cause, 'EEXIST')) throw cause
    const file = files.openNow(path, 'write')
    if (file.sizeNow() === 0) return file
    file.closeNow()
    throw cause
  }
}

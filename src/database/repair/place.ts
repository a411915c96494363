// Where a repair may put its result: apart from the damaged database, which is not changed (0009-I4), also
// where links lead. What is not there yet is placed by the nearest folder above it that is. Called by
// repair.ts before it writes anything.

import { basename, dirname, isAbsolute, relative, resolve, sep } from 'node:path'
import { ValidationError } from '../../errors.ts'
import type { FileSystem } from '../../fs/file-system.ts'
import {
  join,
  JOURNAL_DIRECTORY,
  MANIFEST_DIRECTORY,
  READER_DIRECTORY,
  SEGMENT_DIRECTORY,
} from '../../fs/layout.ts'
import { storageError } from '../../fs/storage-error.ts'
import { hasCode } from '../../fs/system-error.ts'

/** @throws ValidationError where the target is, or lies in, or holds the damaged database; StorageError */
export async function refuseOverlap(files: FileSystem, directory: string, target: string): Promise<void> {
  for (const path of [directory, target]) {
    if (typeof path !== 'string' || path === '' || path.includes('\0'))
      throw new ValidationError('Directory and target must be paths')
  }
  // Each of its folders may be a link to another disk.
  const folders = [JOURNAL_DIRECTORY, MANIFEST_DIRECTORY, SEGMENT_DIRECTORY, READER_DIRECTORY]
  const to = await placeOf(files, target)
  for (const path of [directory, ...folders.map((name) => join(directory, name))]) {
    const from = await placeOf(files, path)
    if (isWithin(to, from) || isWithin(from, to))
      throw new ValidationError(
        `The target "${target}" must lie apart from "${directory}", which is not changed`,
      )
  }
}

/** The absolute path, without links, of what is or will be at `path`. @throws StorageError */
async function placeOf(files: FileSystem, path: string): Promise<string> {
  const missing: string[] = []
  for (let at = path; ; at = dirname(at)) {
    const real = await realOf(files, at)
    if (real === undefined && dirname(at) !== at) {
      missing.unshift(basename(at))
      continue
    }
    const place = resolve(real ?? at, ...missing)
    // A way up out of what is missing may go down through a link again.
    return missing.includes('..') ? placeOf(files, place) : place
  }
}

async function realOf(files: FileSystem, path: string): Promise<string | undefined> {
  try {
    return await files.realPath(path)
  } catch (cause) {
    if (hasCode(cause, 'ENOENT', 'ENOTDIR')) return undefined
    throw storageError('Cannot tell where the path leads', path, cause)
  }
}

function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

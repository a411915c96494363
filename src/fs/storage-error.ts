// Turns what the operating system said into the error of the contract.

import { RubidiumError, StorageError } from '../errors.ts'

const CAUSES: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EIO: 'the device reported an I/O error',
  EMFILE: 'too many files are open in this process',
  ENFILE: 'too many files are open on this machine',
  EACCES: 'permission was denied',
  EPERM: 'permission was denied',
  EROFS: 'the file system is read-only',
  ENOENT: 'it is not there',
}

/** The StorageError for a failed file operation; errors of the contract are passed through. */
export function storageError(action: string, path: string, cause: unknown): RubidiumError {
  if (cause instanceof RubidiumError) return cause
  const code = (cause as { code?: unknown } | undefined)?.code
  const known = typeof code === 'string' ? CAUSES[code] : undefined
  const why = known ?? (cause instanceof Error ? cause.message : String(cause))
  return new StorageError(`${action}: ${why} ("${path}"${typeof code === 'string' ? `, ${code}` : ''})`, {
    cause,
    path,
  })
}

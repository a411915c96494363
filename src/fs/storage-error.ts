// Turns what the operating system said into the error of the contract, and knows a full disk when it sees
// one: then the error says how much room was wanted.

import { RubidiumError, StorageError } from '../errors.ts'
import { hasCode } from './system-error.ts'

const FULL = 'the disk is full'
const QUOTA = 'the disk quota is used up'

const CAUSES: Readonly<Record<string, string>> = {
  ENOSPC: FULL,
  EDQUOT: QUOTA,
  EIO: 'the device reported an I/O error',
  EMFILE: 'too many files are open in this process',
  ENFILE: 'too many files are open on this machine',
  EACCES: 'permission was denied',
  EPERM: 'permission was denied',
  EROFS: 'the file system is read-only',
  ENOENT: 'it is not there',
}

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB']

/**
 * The StorageError for a failed file operation; errors of the contract are passed through.
 * @param needed bytes of room that the operation wanted, where it takes room
 */
export function storageError(action: string, path: string, cause: unknown, needed?: number): RubidiumError {
  if (cause instanceof RubidiumError) return cause
  const code = (cause as { code?: unknown } | undefined)?.code
  const known = typeof code === 'string' ? CAUSES[code] : undefined
  if (isDiskFull(cause) && needed !== undefined) return diskFull(action, path, cause, needed)
  const why = known ?? (cause instanceof Error ? cause.message : String(cause))
  return new StorageError(`${action}: ${why} ("${path}"${typeof code === 'string' ? `, ${code}` : ''})`, {
    cause,
    path,
  })
}

/** Whether this was thrown because there is no room on the disk, or none that this user may take. */
export function isDiskFull(error: unknown): boolean {
  if (hasCode(error, 'ENOSPC', 'EDQUOT')) return true
  return error instanceof StorageError && isDiskFull(error.cause)
}

/**
 * The error of an operation for which there is no room, as a whole: what failed may have been a small part of
 * it.
 * @param cause of which `isDiskFull` is true
 */
export function diskFull(action: string, path: string, cause: unknown, needed: number): StorageError {
  const code = codeOf(cause)
  const why = code === 'EDQUOT' ? QUOTA : FULL
  const message = `${action}: ${why}, ${describeRoom(needed)} of room are needed ("${path}", ${code})`
  return new StorageError(message, { cause, path, needed })
}

/** Bytes of room that such an error says were wanted; 0 where it does not say. */
export function neededBy(error: unknown): number {
  return error instanceof StorageError ? (error.needed ?? 0) : 0
}

/** Bytes with a binary unit, rounded up: `12.3 MiB`. */
export function describeRoom(size: number): string {
  if (size < 1024) return `${size} bytes`
  let value = size
  let unit = -1
  do {
    value /= 1024
    unit++
  } while (value >= 1024 && unit < UNITS.length - 1)
  return `${(Math.ceil(value * 10) / 10).toFixed(1)} ${UNITS[unit]!}`
}

function codeOf(cause: unknown): string {
  if (cause instanceof StorageError) return codeOf(cause.cause)
  return (cause as { code: string }).code
}

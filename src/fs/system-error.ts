// Errors in the shape that Node gives those of the operating system: an `Error` with a `code`. The
// file-system port promises this shape whatever is below it, so the real file system uses it for what
// it refuses by itself, the simulated ones for everything. Called by the implementations of the port.

/** What an error of the operating system carries. */
export interface SystemError extends Error {
  /** Such as 'ENOENT'. */
  code: string
  /** The operation that failed, such as 'open'. */
  syscall: string
  path?: string
}

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  EBADF: 'bad file descriptor',
  EBUSY: 'resource busy or locked',
  EEXIST: 'file already exists',
  EINVAL: 'invalid argument',
  EIO: 'i/o error',
  EISDIR: 'illegal operation on a directory',
  EKILLED: 'process was killed (simulated)',
  EMFILE: 'too many open files',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'not a directory',
  ENOTEMPTY: 'directory not empty',
  EOPNOTSUPP: 'operation not supported',
  EPERM: 'operation not permitted',
  EPOWER: 'power lost (simulated)',
}

/** Builds an error as the operating system's would look. */
export function systemError(code: string, syscall: string, path: string): SystemError {
  const message = `${code}: ${DESCRIPTIONS[code] ?? 'file system error'}, ${syscall} '${path}'`
  return Object.assign(new Error(message), { code, syscall, path })
}

/** Whether something that was thrown is a system error with one of these codes. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code)
  )
}

// The one seam to the file system. Everything above works against this port: Node's files in
// production, a simulated disk in tests. Paths are absolute or relative strings with '/' between
// names. Every failure is the raw system error (an `Error` with `code` 'ENOENT', 'ENOSPC', ...);
// whoever calls turns it into an error of the contract.
//
// Positional reads and writes come in two kinds. The synchronous ones are for the hot paths, where a
// trip over the thread pool costs thirty times the call; the others are for long transfers and for
// syncs, which must not hold the event loop.

/** What a path names. Sizes in bytes. */
export interface FileStat {
  readonly kind: 'file' | 'directory' | 'other'
  readonly size: number
}

/**
 * `read`: must exist, never written. `write`: must exist, read and written. `create`: must not exist, read
 * and written.
 */
export type OpenMode = 'read' | 'write' | 'create'

/** An open file. Offsets and sizes in bytes from the start. Calls after `close` fail with EBADF. */
export interface File {
  readonly path: string
  /** Reads into all of `target`; returns the bytes read, fewer only at the end of the file. */
  readNow(target: Uint8Array, offset: number): number
  /** As `readNow`, without holding the event loop. */
  read(target: Uint8Array, offset: number): Promise<number>
  /**
   * Writes `source` at `offset` into the operating system's hands; returns the bytes written, which may be
   * fewer.
   */
  writeNow(source: Uint8Array, offset: number): number
  /** As `writeNow`, without holding the event loop. */
  write(source: Uint8Array, offset: number): Promise<number>
  /** Cuts or extends (with zeroes) to `size`. */
  truncateNow(size: number): void
  /** Current size. */
  sizeNow(): number
  /** Contents are on disk when it resolves (fdatasync: contents and size; not the name). */
  sync(): Promise<void>
  /** As `sync`, holding the event loop. */
  syncNow(): void
  /**
   * Gives the bytes [offset, offset + length) back to the disk: they read as zeroes, the size stays, and what
   * is beyond it is left alone. Room comes free in whole blocks only. Needs a file that is open for writing.
   * EOPNOTSUPP where the file system or the machine cannot, always; also for a file without this method.
   */
  punch?(offset: number, length: number): Promise<void>
  /** Gives the file back. What the system makes of it is not told: what must be on disk was synced. */
  closeNow(): void
}

export interface FileSystem {
  /** Opens a file. `create` fails with EEXIST where the name is taken. */
  openNow(path: string, mode: OpenMode): File
  /** Names in a directory, sorted, without '.' and '..'. ENOENT, ENOTDIR. */
  list(path: string): Promise<string[]>
  /** What is at `path`, or undefined where nothing is. */
  stat(path: string): Promise<FileStat | undefined>
  /** The absolute path of what is at `path`, without links in it. ENOENT, ENOTDIR where nothing is. */
  realPath(path: string): Promise<string>
  /** Makes a directory and its parents; an existing one is no error. */
  makeDirectory(path: string): Promise<void>
  /** A second name for a file; EEXIST where `path` is taken. Atomic: exactly one of many callers wins. */
  link(existing: string, path: string): Promise<void>
  /** Removes a file's name; ENOENT where there is none. What has it open may go on reading. */
  remove(path: string): Promise<void>
  /** Removes an empty directory. */
  removeDirectory(path: string): Promise<void>
  /** The names in this directory (creations, links, removals up to now) are on disk when it resolves. */
  syncDirectory(path: string): Promise<void>
  /** As `syncDirectory`, holding the event loop. */
  syncDirectoryNow(path: string): void
}

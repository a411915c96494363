// A file system that says yes and does less: it acknowledges syncs, directory syncs or truncates of some
// paths without making them, or opens a file, or links over a name, that is there where a new one was asked for. Rules of the
// engine that are kept through the port are switched off with it. Used by test-build.ts.

import type { File, FileStat, FileSystem, OpenMode } from '../../src/fs/file-system.ts'

/** What is not done, by path. */
export interface Weakness {
  /** Files whose syncs do nothing. */
  readonly syncs?: RegExp
  /** Directories whose syncs do nothing. */
  readonly directorySyncs?: RegExp
  /** Files that are never cut. */
  readonly truncates?: RegExp
  /** Names that a link takes, though they are taken. */
  readonly links?: RegExp
  /** Files that are opened where they should have been new. */
  readonly exclusive?: RegExp
}

export class WeakFileSystem implements FileSystem {
  readonly #inner: FileSystem
  readonly #weakness: Weakness

  constructor(inner: FileSystem, weakness: Weakness) {
    this.#inner = inner
    this.#weakness = weakness
  }

  openNow(path: string, mode: OpenMode): File {
    return new WeakFile(this.#openAnyway(path, mode), this.#weakness)
  }

  #openAnyway(path: string, mode: OpenMode): File {
    if (mode !== 'create' || this.#weakness.exclusive?.test(path) !== true)
      return this.#inner.openNow(path, mode)
    try {
      return this.#inner.openNow(path, 'write')
    } catch {
      return this.#inner.openNow(path, 'create')
    }
  }

  list(path: string): Promise<string[]> {
    return this.#inner.list(path)
  }

  stat(path: string): Promise<FileStat | undefined> {
    return this.#inner.stat(path)
  }

  realPath(path: string): Promise<string> {
    return this.#inner.realPath(path)
  }

  makeDirectory(path: string): Promise<void> {
    return this.#inner.makeDirectory(path)
  }

  async link(existing: string, path: string): Promise<void> {
    try {
      await this.#inner.link(existing, path)
    } catch (error) {
      if (this.#weakness.links?.test(path) !== true) throw error
      await this.#inner.remove(path)
      await this.#inner.link(existing, path)
    }
  }

  remove(path: string): Promise<void> {
    return this.#inner.remove(path)
  }

  removeDirectory(path: string): Promise<void> {
    return this.#inner.removeDirectory(path)
  }

  async syncDirectory(path: string): Promise<void> {
    if (this.#weakness.directorySyncs?.test(path) !== true) await this.#inner.syncDirectory(path)
  }

  syncDirectoryNow(path: string): void {
    if (this.#weakness.directorySyncs?.test(path) !== true) this.#inner.syncDirectoryNow(path)
  }
}

class WeakFile implements File {
  readonly path: string
  readonly #inner: File
  readonly #weakness: Weakness

  constructor(inner: File, weakness: Weakness) {
    this.path = inner.path
    this.#inner = inner
    this.#weakness = weakness
  }

  readNow(target: Uint8Array, offset: number): number {
    return this.#inner.readNow(target, offset)
  }

  read(target: Uint8Array, offset: number): Promise<number> {
    return this.#inner.read(target, offset)
  }

  writeNow(source: Uint8Array, offset: number): number {
    return this.#inner.writeNow(source, offset)
  }

  write(source: Uint8Array, offset: number): Promise<number> {
    return this.#inner.write(source, offset)
  }

  truncateNow(size: number): void {
    if (this.#weakness.truncates?.test(this.path) !== true) this.#inner.truncateNow(size)
  }

  sizeNow(): number {
    return this.#inner.sizeNow()
  }

  async sync(): Promise<void> {
    if (this.#weakness.syncs?.test(this.path) !== true) await this.#inner.sync()
  }

  syncNow(): void {
    if (this.#weakness.syncs?.test(this.path) !== true) this.#inner.syncNow()
  }

  async punch(offset: number, length: number): Promise<void> {
    if (this.#inner.punch === undefined)
      throw Object.assign(new Error('EOPNOTSUPP: no holes'), { code: 'EOPNOTSUPP' })
    await this.#inner.punch(offset, length)
  }

  closeNow(): void {
    this.#inner.closeNow()
  }
}

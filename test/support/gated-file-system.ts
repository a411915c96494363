// A file system whose asynchronous operations wait at a gate before they reach the one behind it: lets a
// test stop one of several "processes" that share a simulated disk at a chosen operation.

import type { File, FileStat, FileSystem, OpenMode } from '../../src/fs/file-system.ts'

/** Awaited before an operation; `path` is what it acts on, `source` what a link is made to. */
export type Gate = (kind: keyof FileSystem, path: string, source?: string) => Promise<void> | void

/** One process's view of a shared disk. */
export class GatedFileSystem implements FileSystem {
  readonly #behind: FileSystem
  readonly #gate: Gate

  constructor(behind: FileSystem, gate: Gate) {
    this.#behind = behind
    this.#gate = gate
  }

  openNow(path: string, mode: OpenMode): File {
    return this.#behind.openNow(path, mode)
  }

  async list(path: string): Promise<string[]> {
    await this.#gate('list', path)
    return this.#behind.list(path)
  }

  async stat(path: string): Promise<FileStat | undefined> {
    await this.#gate('stat', path)
    return this.#behind.stat(path)
  }

  async realPath(path: string): Promise<string> {
    await this.#gate('realPath', path)
    return this.#behind.realPath(path)
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#gate('makeDirectory', path)
    return this.#behind.makeDirectory(path)
  }

  async link(existing: string, path: string): Promise<void> {
    await this.#gate('link', path, existing)
    return this.#behind.link(existing, path)
  }

  async remove(path: string): Promise<void> {
    await this.#gate('remove', path)
    return this.#behind.remove(path)
  }

  async removeDirectory(path: string): Promise<void> {
    await this.#gate('removeDirectory', path)
    return this.#behind.removeDirectory(path)
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#gate('syncDirectory', path)
    return this.#behind.syncDirectory(path)
  }

  syncDirectoryNow(path: string): void {
    this.#behind.syncDirectoryNow(path)
  }
}

// The operating system's files behind the port. Descriptors and positional calls come from `node:fs`,
// directories from `node:fs/promises`: nothing here needs fs-extra, whose graceful-fs would patch
// `fs.close` for the whole process. Errors are passed on as the system gives them. The engine takes
// it as an argument; only the public doors name it.

import fs from 'node:fs'
import { link, mkdir, open, readdir, realpath, rmdir, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { File, FileStat, FileSystem, OpenMode } from './file-system.ts'
import { NodeFile, uninterrupted } from './node-file.ts'
import { hasCode, systemError } from './system-error.ts'

const { O_CREAT, O_DIRECTORY, O_EXCL, O_RDONLY, O_RDWR } = fs.constants

// Windows knows no O_DIRECTORY; `|` takes what is undefined for 0.
const DIRECTORY_FLAGS = O_RDONLY | O_DIRECTORY

const FLAGS: Readonly<Record<OpenMode, number>> = {
  read: O_RDONLY,
  write: O_RDWR,
  create: O_RDWR | O_CREAT | O_EXCL,
}

/** The real file system. Has no state: one instance, `nodeFileSystem`, serves everybody. */
export class NodeFileSystem implements FileSystem {
  /** As the port says; a directory is EISDIR in every mode but `create`, where it is EEXIST. */
  openNow(path: string, mode: OpenMode): File {
    const fd = uninterrupted(() => fs.openSync(path, FLAGS[mode]))
    try {
      // The system opens directories for reading and fails at the first read instead.
      if (mode === 'read' && fs.fstatSync(fd).isDirectory()) throw systemError('EISDIR', 'open', path)
      return new NodeFile(path, fd)
    } catch (error) {
      fs.closeSync(fd)
      throw error
    }
  }

  async list(path: string): Promise<string[]> {
    return (await readdir(path)).sort()
  }

  async stat(path: string): Promise<FileStat | undefined> {
    try {
      const found = await stat(path)
      return { kind: found.isFile() ? 'file' : found.isDirectory() ? 'directory' : 'other', size: found.size }
    } catch (error) {
      // Below a file there is nothing either.
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined
      throw error
    }
  }

  async realPath(path: string): Promise<string> {
    return realpath(path)
  }

  // One by one: with `recursive` Node tries for ever where a parent exists and still says ENOENT (/proc).
  async makeDirectory(path: string): Promise<void> {
    try {
      await mkdir(path)
    } catch (error) {
      const parent = dirname(path)
      if (!hasCode(error, 'ENOENT') || parent === path) return this.#assertDirectory(path, error)
      await this.makeDirectory(parent)
      await mkdir(path).catch((again: unknown) => this.#assertDirectory(path, again))
    }
  }

  async #assertDirectory(path: string, error: unknown): Promise<void> {
    if ((await this.stat(path))?.kind !== 'directory') throw error
  }

  async link(existing: string, path: string): Promise<void> {
    await link(existing, path)
  }

  async remove(path: string): Promise<void> {
    await unlink(path)
  }

  async removeDirectory(path: string): Promise<void> {
    await rmdir(path)
  }

  async syncDirectory(path: string): Promise<void> {
    let directory
    try {
      directory = await open(path, DIRECTORY_FLAGS)
    } catch (error) {
      if (cannotOpenDirectories(error)) return
      throw error
    }
    try {
      await directory.sync()
    } catch (error) {
      if (!cannotSyncDirectories(error)) throw error
    } finally {
      await directory.close()
    }
  }

  syncDirectoryNow(path: string): void {
    let fd: number
    try {
      fd = uninterrupted(() => fs.openSync(path, DIRECTORY_FLAGS))
    } catch (error) {
      if (cannotOpenDirectories(error)) return
      throw error
    }
    try {
      uninterrupted(() => fs.fsyncSync(fd))
    } catch (error) {
      if (!cannotSyncDirectories(error)) throw error
    } finally {
      fs.closeSync(fd)
    }
  }
}

/** The one instance that production code needs. */
export const nodeFileSystem: NodeFileSystem = new NodeFileSystem()

// Windows has no way to sync a directory, and mostly none to open one.
function cannotOpenDirectories(error: unknown): boolean {
  return process.platform === 'win32' && hasCode(error, 'EINVAL', 'EPERM', 'EISDIR', 'EACCES')
}

// EINVAL is the system's word for "this kind of file cannot be synced" (some network mounts): there is
// nothing more that anyone could do. A disk that fails says EIO, and that is passed on.
function cannotSyncDirectories(error: unknown): boolean {
  return (
    hasCode(error, 'EINVAL') || (process.platform === 'win32' && hasCode(error, 'EPERM', 'EISDIR', 'EBADF'))
  )
}

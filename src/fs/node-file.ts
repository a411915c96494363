// An open file of the operating system. Keeps two promises that a bare descriptor does not: no call
// ever reaches a descriptor number that has been closed (and may be another file's by now), and no
// descriptor is closed under an operation that still runs on the thread pool. Interrupted calls are
// made again. Built by NodeFileSystem only.

import fs from 'node:fs'
import { assert } from '../assert.ts'
import type { File } from './file-system.ts'
import { punchHole } from './native-holes.ts'
import { hasCode, systemError } from './system-error.ts'

/** Most bytes asked of the system in one call: it takes no more than 2^31 - 1 at once. */
const MAX_TRANSFER = 2 ** 30

/** A descriptor and the operations under way on it. */
export class NodeFile implements File {
  readonly path: string
  readonly #fd: number
  #closed = false
  #inFlight = 0

  /** @param fd an open descriptor, owned by this object from now on. */
  constructor(path: string, fd: number) {
    this.path = path
    this.#fd = fd
  }

  readNow(target: Uint8Array, offset: number): number {
    const fd = this.#descriptor('read')
    checkOffset(offset)
    let done = 0
    while (done < target.length) {
      const length = Math.min(target.length - done, MAX_TRANSFER)
      const at = done
      const count = uninterrupted(() => fs.readSync(fd, target, at, length, offset + at))
      if (count === 0) break
      done += count
    }
    return done
  }

  async read(target: Uint8Array, offset: number): Promise<number> {
    checkOffset(offset)
    return this.#hold('read', async (fd) => {
      let done = 0
      while (done < target.length) {
        const count = await readOnce(fd, target, done, offset + done)
        if (count === 0) break
        done += count
      }
      return done
    })
  }

  writeNow(source: Uint8Array, offset: number): number {
    const fd = this.#descriptor('write')
    checkOffset(offset)
    const length = Math.min(source.length, MAX_TRANSFER)
    return uninterrupted(() => fs.writeSync(fd, source, 0, length, offset))
  }

  async write(source: Uint8Array, offset: number): Promise<number> {
    checkOffset(offset)
    return this.#hold('write', (fd) => writeOnce(fd, source, offset))
  }

  truncateNow(size: number): void {
    const fd = this.#descriptor('ftruncate')
    checkOffset(size)
    uninterrupted(() => fs.ftruncateSync(fd, size))
  }

  sizeNow(): number {
    return fs.fstatSync(this.#descriptor('fstat')).size
  }

  async sync(): Promise<void> {
    return this.#hold('fdatasync', syncOnce)
  }

  syncNow(): void {
    const fd = this.#descriptor('fdatasync')
    uninterrupted(() => fs.fdatasyncSync(fd))
  }

  async punch(offset: number, length: number): Promise<void> {
    checkOffset(offset)
    checkOffset(length)
    return this.#hold('fallocate', (fd) => uninterruptedLater(() => punchHole(fd, this.path, offset, length)))
  }

  /** Closes, for the caller at once; the descriptor goes when the last operation under way has ended. */
  closeNow(): void {
    const fd = this.#descriptor('close')
    this.#closed = true
    if (this.#inFlight === 0) closeQuietly(fd)
  }

  #descriptor(syscall: string): number {
    if (this.#closed) throw systemError('EBADF', syscall, this.path)
    return this.#fd
  }

  async #hold<T>(syscall: string, operation: (fd: number) => Promise<T>): Promise<T> {
    const fd = this.#descriptor(syscall)
    this.#inFlight += 1
    try {
      return await operation(fd)
    } finally {
      this.#inFlight -= 1
      if (this.#closed && this.#inFlight === 0) closeQuietly(fd)
    }
  }
}

/**
 * Makes a system call again for as long as a signal interrupts it.
 * @throws whatever else `call` throws.
 */
export function uninterrupted<T>(call: () => T): T {
  for (;;) {
    try {
      return call()
    } catch (error) {
      if (!hasCode(error, 'EINTR')) throw error
    }
  }
}

/** As `uninterrupted`, for calls that resolve later. */
export async function uninterruptedLater<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (!hasCode(error, 'EINTR')) throw error
    }
  }
}

function readOnce(fd: number, target: Uint8Array, done: number, offset: number): Promise<number> {
  const length = Math.min(target.length - done, MAX_TRANSFER)
  return uninterruptedLater(
    () =>
      new Promise((resolve, reject) => {
        fs.read(fd, target, done, length, offset, (error, count) => {
          if (error === null) resolve(count)
          else reject(error)
        })
      }),
  )
}

function writeOnce(fd: number, source: Uint8Array, offset: number): Promise<number> {
  const length = Math.min(source.length, MAX_TRANSFER)
  return uninterruptedLater(
    () =>
      new Promise((resolve, reject) => {
        fs.write(fd, source, 0, length, offset, (error, count) => {
          if (error === null) resolve(count)
          else reject(error)
        })
      }),
  )
}

function syncOnce(fd: number): Promise<void> {
  return uninterruptedLater(
    () =>
      new Promise((resolve, reject) => {
        fs.fdatasync(fd, (error) => {
          if (error === null) resolve()
          else reject(error)
        })
      }),
  )
}

// A position that is no number, or negative, would silently mean "where the last call ended".
function checkOffset(offset: number): void {
  assert(Number.isSafeInteger(offset) && offset >= 0, 'a file offset or size is a safe integer >= 0')
}

function closeQuietly(fd: number): void {
  try {
    fs.closeSync(fd)
  } catch {
    // Who closed has long been answered, and what must be on disk was synced: nobody to tell.
  }
}

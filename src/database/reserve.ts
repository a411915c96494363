// The file RESERVE: room that is kept for what must go on where the disk is full: deletes, removals,
// collections, retirement, close, recovery (0006-I6). Those who may use it run their step through `lend`:
// where the step finds no room, the file is cut, the step is made again, and the file grows back. What
// brings new data is refused while the file is not whole, so that nothing eats what was given back. The
// file says nothing to anybody: it may be cut or lost at any time. Made by open; used by all that writes.

import type { File, FileSystem } from '../fs/file-system.ts'
import { join, RESERVE } from '../fs/layout.ts'
import { diskFull, isDiskFull, storageError } from '../fs/storage-error.ts'
import { hasCode } from '../fs/system-error.ts'
import type { Edit } from '../version/edit.ts'

/** Bytes of one write. */
const SLICE = 64 * 1024

/**
 * What is left of it at least, by what it is used for. Long work (copies, flushes, checkpoints) leaves room
 * for deletes; those leave room for what gives room back (records that drop segments, the retirement of a
 * journal file), which may use it up, as may who is alone.
 */
export type Use = 'work' | 'delete' | 'drop'

const LEFT: Readonly<Record<Use, number>> = { work: 1 / 4, delete: 1 / 16, drop: 0 }

/** What the reserve is used for, where the record of an edit finds no room. */
export function useOf(edit: Edit): Use {
  // An epoch begins while nobody else is there.
  if (edit.kind === 'drop' || edit.kind === 'punch' || edit.kind === 'begin') return 'drop'
  return edit.kind === 'flush' ? 'work' : 'delete'
}

export class Reserve {
  readonly #files: FileSystem
  readonly #directory: string
  readonly #path: string
  /** Bytes that it should have. */
  readonly #size: number
  #file: File | undefined
  /** Bytes that it has. */
  #held = 0
  /** Steps under way that were lent room: it does not grow meanwhile. */
  #lent = 0
  /** It cannot be written for another reason than a full disk: it does what it can. */
  #isBroken = false
  /** Why there was no room the last time. */
  #full: unknown
  /** Something found no room since this was last set to false. */
  wasFull = false

  /** @param size bytes; 0 for none. Does nothing yet. */
  constructor(files: FileSystem, directory: string, size: number) {
    this.#files = files
    this.#directory = directory
    this.#path = join(directory, RESERVE)
    this.#size = size
  }

  /** Everything that it should have is there: new data may be written. */
  get isWhole(): boolean {
    return this.#held >= this.#size || this.#isBroken
  }

  /** So much of it is used that what gives room back should be done while there is some left for it. */
  get isLow(): boolean {
    return this.#lent === 0 && !this.isWhole && this.#held < this.#size / 2
  }

  /**
   * Makes the file, as large as there is room for.
   *
   * **Durable:** the file, and that it has its room.
   * @throws StorageError for anything but a full disk
   */
  async open(): Promise<void> {
    if (this.#size === 0) return
    try {
      this.#take()
      const isNew = this.#file === undefined
      if (this.isWhole) return
      this.#grow()
      await this.#file?.sync()
      if (isNew) await this.#files.syncDirectory(this.#directory)
    } catch (cause) {
      if (!this.#noteFull(cause)) throw storageError('Cannot keep room for deletes', this.#path, cause)
    }
  }

  /** What it has stays on the disk, for the next holder. @throws the system's error */
  close(): void {
    const file = this.#file
    this.#file = undefined
    this.#held = 0
    file?.closeNow()
  }

  /**
   * Asked before new data is written.
   * @param needed bytes that are to be written
   * @throws StorageError where the disk has no room even for the reserve
   */
  assertWhole(action: string, needed: number): void {
    if (this.isWhole || this.refill()) return
    throw diskFull(action, this.#path, this.#full, this.#size - this.#held + needed)
  }

  /** Notes whether an error says that the disk is full. */
  note<E>(error: E): E {
    this.#noteFull(error)
    return error
  }

  /** Grows back as far as there is room. Returns whether it is whole. */
  refill(): boolean {
    if (this.isWhole || this.#lent > 0) return this.isWhole
    try {
      this.#take()
      this.#grow()
    } catch (cause) {
      if (!this.#noteFull(cause)) this.#isBroken = true
    }
    return this.isWhole
  }

  /**
   * Runs a step; where it finds no room, again with half of the reserve given back, then with as much as may
   * be.
   */
  lendNow<T>(use: Use, step: () => T): T {
    try {
      return step()
    } catch (error) {
      if (!this.#noteFull(error)) throw error
      return this.#stepAgain(this.#size * LEFT[use], step, error)
    }
  }

  #stepAgain<T>(least: number, step: () => T, refusal: unknown): T {
    let error = refusal
    try {
      while (this.#noteFull(error) && this.#give(this.#held > this.#size / 2 ? this.#size / 2 : least)) {
        try {
          return step()
        } catch (again) {
          error = again
        }
      }
      throw error
    } finally {
      this.refill()
    }
  }

  /**
   * Runs long work; where it finds no room, once more with the reserve given back.
   * @param isAll all of it is given: nobody can publish an edit meanwhile, or this gives room back
   */
  async lend<T>(step: () => Promise<T>, isAll = false): Promise<T> {
    return this.#lendTo(step, () => this.#size * LEFT[isAll ? 'drop' : 'work'])
  }

  /**
   * As `lend`, for what an opening or a close copies while nobody else is there. Whoever opens next has room
   * for deletes: a quarter stays, unless there was less already; then all may be used, most of which comes
   * back when what was copied is removed (0006-I7).
   */
  lendAlone<T>(step: () => Promise<T>): Promise<T> {
    const least = this.#size * LEFT.work
    return this.#lendTo(step, () => (this.#found() < least ? 0 : least))
  }

  async #lendTo<T>(step: () => Promise<T>, least: () => number): Promise<T> {
    try {
      return await step()
    } catch (error) {
      if (!this.#noteFull(error)) throw error
      if (!this.#give(least())) throw error
    }
    this.#lent++
    try {
      return await step()
    } catch (error) {
      throw this.note(error)
    } finally {
      this.#lent--
      this.refill()
    }
  }

  /** Bytes that it has, an earlier holder's too. */
  #found(): number {
    try {
      this.#take()
    } catch {
      // No room comes from there.
    }
    return this.#held
  }

  /** Finds the file that an earlier holder has left. @throws the system's error */
  #take(): void {
    if (this.#file !== undefined || this.#size === 0) return
    try {
      const file = this.#files.openNow(this.#path, 'write')
      this.#file = file
      this.#held = file.sizeNow()
    } catch (cause) {
      if (!hasCode(cause, 'ENOENT')) throw cause
    }
  }

  /** Cuts the file to `size`. Returns whether that gave room. */
  #give(size: number): boolean {
    const left = Math.floor(size)
    try {
      this.#take()
      if (this.#file === undefined || this.#held <= left) return false
      this.#file.truncateNow(left)
      this.#held = left
      return true
    } catch {
      // No room comes from here: whoever asked fails with what it met.
      return false
    }
  }

  /** @throws the system's error; what could be written stays */
  #grow(): void {
    this.#file ??= this.#files.openNow(this.#path, 'create')
    while (this.#held < this.#size) {
      const length = Math.min(SLICE, this.#size - this.#held)
      const count = this.#file.writeNow(noise().subarray(0, length), this.#held)
      if (count === 0) throw Object.assign(new Error('nothing was written'), { code: 'EIO' })
      this.#held += count
    }
  }

  #noteFull(error: unknown): boolean {
    if (!isDiskFull(error)) return false
    this.#full = error
    this.wasFull = true
    return true
  }
}

let slice: Uint8Array | undefined

/** Bytes that no file system makes smaller: zeroes may take no room at all. */
function noise(): Uint8Array {
  if (slice !== undefined) return slice
  const words = new Uint32Array(SLICE / 4)
  let x = 0x9e3779b9
  for (let i = 0; i < words.length; i++) {
    // Marsaglia's xorshift.
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    words[i] = x
  }
  slice = new Uint8Array(words.buffer)
  return slice
}

// The file FENCE: the epoch in force, 8 bytes little-endian, overwritten in place. A process writes its
// own epoch, once, and never over a later one; so a holder that finds its own epoch there has not been
// overtaken, and one that finds any other must not go on (S6). Even a smaller one: a stale process may
// have set it back after two later holders, and only the last of them is in force. Called by
// local-lease.ts.

import { CorruptionError } from '../errors.ts'
import type { File, FileSystem } from '../fs/file-system.ts'
import { FENCE, join } from '../fs/layout.ts'
import { hasCode } from '../fs/system-error.ts'
import { createLinked, writeWhole } from './linked-file.ts'

const SIZE = 8

/** An open fence. */
export class Fence {
  readonly #file: File
  readonly #bytes = new Uint8Array(SIZE)
  readonly #view = new DataView(this.#bytes.buffer)

  readonly #isNew: boolean

  private constructor(file: File, isNew: boolean) {
    this.#file = file
    this.#isNew = isNew
  }

  /**
   * Opens the fence; undefined where there is none yet.
   * @throws the system's error.
   */
  static open(files: FileSystem, directory: string): Fence | undefined {
    try {
      return new Fence(files.openNow(join(directory, FENCE), 'write'), false)
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined
      throw error
    }
  }

  /**
   * Opens the fence, and creates it with `epoch` where there is none.
   *
   * **Durable:** contents of a new one, its name once the directory is synced.
   * @throws the system's error.
   */
  static async openOrCreate(
    files: FileSystem,
    directory: string,
    epoch: number,
    token: string,
  ): Promise<Fence> {
    for (;;) {
      const found = Fence.open(files, directory)
      if (found !== undefined) return found
      const bytes = new Uint8Array(SIZE)
      new DataView(bytes.buffer).setBigUint64(0, BigInt(epoch), true)
      const file = await createLinked(files, directory, FENCE, bytes, token)
      if (file !== undefined) return new Fence(file, true)
    }
  }

  /**
   * The epoch in force.
   * @throws CorruptionError (CORRUPTION) where it is none; the system's error.
   */
  read(): number {
    const count = this.#file.readNow(this.#bytes, 0)
    const epoch = Number(this.#view.getBigUint64(0, true))
    if (count !== SIZE || !Number.isSafeInteger(epoch)) {
      throw new CorruptionError(this.#file.path, 0, 'the fence holds no epoch')
    }
    return epoch
  }

  /**
   * Puts `epoch` in force, unless a later one is, or another process has put the same one in force.
   *
   * **Durable:** that it is in force.
   * @returns false when the fence was not this caller's to raise: nothing was written.
   * @throws CorruptionError (CORRUPTION); the system's error.
   */
  async raise(epoch: number): Promise<boolean> {
    // No await between looking and writing: what a stale process sets back is what it wrote in between.
    const shown = this.read()
    if (shown > epoch || (shown === epoch && !this.#isNew)) return false
    this.#view.setBigUint64(0, BigInt(epoch), true)
    writeWhole(this.#file, this.#bytes, 0)
    await this.#file.sync()
    return true
  }

  close(): void {
    this.#file.closeNow()
  }
}

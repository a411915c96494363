// Bytes that are written in many small steps and become very many: kept in pieces, as one buffer that doubles
// is copied whole in the step that doubles it, and V8 collects its garbage for a block of that size. What a
// record over many thousand channels is encoded in before its step (0003, Slices), and written from without
// being put together.

import { ByteWriter } from './byte-writer.ts'

/**
 * Bytes after which another piece is begun. 13 MB are handed to the operating system in 2.7 ms by pieces of 1
 * MiB or at once, and in 4.7 by 64 KiB; by 256 KiB no slower than by 1 MiB.
 */
const PIECE = 256 * 1024

/** Room for what is written last to a piece, in bytes. */
const ROOM = 4096

export class BytePieces {
  readonly #full: Uint8Array<ArrayBuffer>[] = []
  #last = new ByteWriter()
  /** Bytes of the full ones. */
  #before = 0

  /** Bytes written. */
  get length(): number {
    return this.#before + this.#last.length
  }

  /** Writes something that stays in one piece. */
  write<T>(item: T, encode: (to: ByteWriter, item: T) => void): void {
    encode(this.#last, item)
    if (this.#last.length < PIECE) return
    this.#full.push(this.#last.view())
    this.#before += this.#last.length
    this.#last = new ByteWriter(PIECE + ROOM)
  }

  /** What was written, in its order, not copied: valid until the next write. */
  views(): Uint8Array<ArrayBuffer>[] {
    return this.#last.length === 0 ? [...this.#full] : [...this.#full, this.#last.view()]
  }
}

// A file that may be damaged, or on a disk that refuses some of it, read through a window of bounded size.
// What the disk refuses reads as zeroes and is remembered: no checksum holds over it, so it shows as damage
// where it lies, and whoever reports it can say why. Called by log.ts and extents.ts.

import type { File, FileSystem } from '../../fs/file-system.ts'
import { turnOfLoop } from '../turns.ts'

/** Bytes of one read. */
export const WINDOW: number = 256 * 1024

/** What is tried alone once a larger read was refused. */
const PIECE = 4096

/**
 * So many pieces are given out between two turns of the loop: extents, the shortest of which take 50 us each.
 */
const PIECES_A_TURN = 32

/** Bytes that the file system refused to read. */
export interface Refusal {
  readonly offset: number
  readonly length: number
  readonly error: Error
}

export class SurveyFile {
  readonly file: File
  /** Bytes, when it was opened. */
  readonly size: number
  readonly #refusals: Refusal[] = []
  #window: Uint8Array<ArrayBuffer> = new Uint8Array(0)
  #from = 0
  #given = 0

  private constructor(file: File) {
    this.file = file
    this.size = file.sizeNow()
  }

  /** @throws the system's error */
  static open(files: FileSystem, path: string): SurveyFile {
    const file = files.openNow(path, 'read')
    try {
      return new SurveyFile(file)
    } catch (error) {
      file.closeNow()
      throw error
    }
  }

  get path(): string {
    return this.file.path
  }

  /** What was refused so far, in the order in which it was read. */
  get refusals(): readonly Refusal[] {
    return this.#refusals
  }

  /**
   * The bytes from `offset` on: `length` of them, fewer where the file ends. Valid until the next call;
   * begins at a multiple of 8 of its buffer where `offset` is one.
   */
  async at(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    if (++this.#given % PIECES_A_TURN === 0) await turnOfLoop()
    const wanted = Math.max(0, Math.min(length, this.size - offset))
    const end = this.#from + this.#window.length
    if (offset < this.#from || offset + wanted > end) {
      const size = Math.max(0, Math.min(Math.max(wanted, WINDOW), this.size - offset))
      const bytes = new Uint8Array(size)
      this.#from = offset
      this.#window = bytes.subarray(0, await this.#read(bytes, offset))
    }
    const at = offset - this.#from
    return this.#window.subarray(at, Math.min(at + wanted, this.#window.length))
  }

  /** Fills `target` from `offset` on, beside the window; returns the bytes that the file has there. */
  async #read(target: Uint8Array, offset: number): Promise<number> {
    try {
      return await this.file.read(target, offset)
    } catch {
      // Told piece by piece below.
    }
    let got = 0
    for (let at = 0; at < target.length; at += PIECE) {
      const piece = target.subarray(at, at + PIECE)
      try {
        const count = await this.file.read(piece, offset + at)
        got = at + count
        if (count < piece.length) break
      } catch (error) {
        piece.fill(0)
        this.#refusals.push({ offset: offset + at, length: piece.length, error: error as Error })
        got = at + piece.length
      }
    }
    return got
  }

  close(): void {
    this.file.closeNow()
    this.#window = new Uint8Array(0)
  }
}

// File contents in memory: bytes that grow by doubling, so that appends cost what they append.
// Invariant: bytes of the buffer behind `size` are zero, so that growing never shows old contents.
// Called by the simulated disk only.

import { WrittenRanges } from './memory-ranges.ts'

/** The contents of one file. Offsets and sizes in bytes. */
export class GrowableBytes {
  #buffer: Uint8Array
  #size: number
  #written = new WrittenRanges()

  /** @param initial contents to start from; copied. */
  constructor(initial: Uint8Array = new Uint8Array(0)) {
    this.#buffer = new Uint8Array(initial)
    this.#size = initial.length
    this.#written.add(0, initial.length)
  }

  get size(): number {
    return this.#size
  }

  /** Copies what is there from `offset` on into `target`; returns how many bytes that were. */
  read(target: Uint8Array, offset: number): number {
    const end = Math.min(this.#size, offset + target.length)
    if (end <= offset) return 0
    target.set(this.#buffer.subarray(offset, end))
    return end - offset
  }

  /** Writes `source` at `offset`; a gap between the old end and `offset` reads as zeroes. */
  write(source: Uint8Array, offset: number): void {
    if (source.length === 0) return
    this.extend(offset + source.length)
    this.#buffer.set(source, offset)
    this.#written.add(offset, offset + source.length)
  }

  /** Makes the contents at least `size` long, with zeroes. */
  extend(size: number): void {
    if (size <= this.#size) return
    if (size > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(size, this.#buffer.length * 2))
      grown.set(this.#buffer.subarray(0, this.#size))
      this.#buffer = grown
    }
    this.#size = size
  }

  /** Cuts or extends (with zeroes) to `size`. */
  truncate(size: number): void {
    if (size < this.#size) {
      this.#buffer.fill(0, size, this.#size)
      this.#size = size
      this.#written.cut(size)
    } else {
      this.extend(size)
    }
  }

  /** Makes a hole: bytes [start, end) read as zeroes and take no room. The size stays. */
  punch(start: number, end: number): void {
    this.#buffer.fill(0, Math.min(start, this.#size), Math.min(end, this.#size))
    this.#written.remove(start, end)
  }

  /** Blocks that the contents take on a disk, holes left out; with [start, end) written as well. */
  blocks(blockSize: number, start = 0, end = 0): number {
    if (end <= start) return this.#written.blocks(blockSize)
    const written = this.#written.clone()
    written.add(start, end)
    return written.blocks(blockSize)
  }

  /** A copy of the contents. */
  toBytes(): Uint8Array {
    return this.#buffer.slice(0, this.#size)
  }

  /** Independent contents with the same bytes. */
  clone(): GrowableBytes {
    const copy = new GrowableBytes(this.#buffer.subarray(0, this.#size))
    copy.#written = this.#written.clone()
    return copy
  }
}

// The plain file that bench/scale.ts is compared with: the same frames, one behind the other as they come,
// appended and read by position with nothing but fs. It has no checksums, no look-up of times and no deletes.

import { closeSync, fsyncSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { bytesOf, NAMES, newColumn } from './scale-data.ts'
import type { Column, Rows } from './scale-data.ts'

/** The same frames in one plain file, one behind the other as they come. */
export class PlainFile {
  readonly #file: number
  readonly #frameRows: number
  #size = 0

  constructor(path: string, flags: 'r' | 'w', frameRows: number) {
    this.#file = openSync(path, flags)
    this.#frameRows = frameRows
  }

  append(bytes: Uint8Array): undefined {
    this.#size += writeSync(this.#file, bytes, 0, bytes.length, this.#size)
    return undefined
  }

  /** Reads rows of a column into a new array: from each frame that they touch its part. */
  read(column: number, from: number, count: number): Column {
    const samples = newColumn(column, count)
    const bytes = bytesOf(samples)
    const frameBytes = this.#frameRows * 8
    for (let row = from; row < from + count;) {
      const frame = Math.floor(row / this.#frameRows)
      const within = row - frame * this.#frameRows
      const part = Math.min(from + count - row, this.#frameRows - within)
      const offset = frame * frameBytes * NAMES.length + column * frameBytes + within * 8
      readSync(this.#file, bytes, (row - from) * 8, part * 8, offset)
      row += part
    }
    return samples
  }

  sync(): void {
    fsyncSync(this.#file)
  }

  close(): void {
    closeSync(this.#file)
  }
}

/** What a collection comes down to: every byte but the deleted ones copied, and synced. Returns milliseconds. */
export function copyWithout(path: string, copy: string, rows: number, deleted: Rows): number {
  const rowBytes = NAMES.length * 8
  const chunk = new Uint8Array(1024 * 1024)
  const startMs = performance.now()
  const [from, to] = [openSync(path, 'r'), openSync(copy, 'w')]
  let written = 0
  for (const part of [
    { from: 0, to: deleted.from },
    { from: deleted.to, to: rows },
  ]) {
    for (let at = part.from * rowBytes; at < part.to * rowBytes;) {
      const got = readSync(from, chunk, 0, Math.min(chunk.length, part.to * rowBytes - at), at)
      written += writeSync(to, chunk, 0, got, written)
      at += got
    }
  }
  fsyncSync(to)
  const tookMs = performance.now() - startMs
  closeSync(from)
  closeSync(to)
  rmSync(copy)
  return tookMs
}

// The room of the simulated disk: how many blocks there are, and what of a write or a name still fits. Called
// by memory-file-system.ts and memory-tree.ts.

import type { MemoryDirectory } from './memory-directory.ts'
import type { MemoryInode } from './memory-inode.ts'
import { systemError } from './system-error.ts'

/** Room is given out in blocks of so many bytes: to contents, and to directories for their names. */
export const BLOCK_SIZE: number = 512

/** Bytes that a name takes in its directory. */
const NAME_SIZE = 64

export class MemoryRoom {
  /** Bytes of the disk; may be changed at any time, also to less than what is used. */
  capacity: number
  readonly #used: () => number

  /** @param used bytes that are taken */
  constructor(capacity: number, used: () => number) {
    this.capacity = capacity
    this.#used = used
  }

  /** @throws SystemError ENOSPC where the directory needs a block for one more name and there is none */
  takeName(directory: MemoryDirectory, syscall: string, path: string): void {
    if (this.capacity === Infinity) return
    const { length } = directory.names
    const more = nameBlocks(length + 1) - nameBlocks(length)
    if (more > 0 && this.#used() + more * BLOCK_SIZE > this.capacity)
      throw systemError('ENOSPC', syscall, path)
  }

  /** As many bytes of a write as find room: a whole number of blocks, as systems do, or all of them. */
  readonly roomFor = (inode: MemoryInode, offset: number, length: number): number => {
    if (this.capacity === Infinity) return length
    const free = Math.floor((this.capacity - this.#used()) / BLOCK_SIZE)
    const before = inode.blocks(BLOCK_SIZE)
    const fits = (end: number): boolean => {
      const more = inode.blocks(BLOCK_SIZE, offset, end) - before
      return more === 0 || more <= free
    }
    const end = offset + length
    if (fits(end)) return length
    // Ends of blocks that the write would fill: the last one that fits.
    const firstBlock = Math.floor(offset / BLOCK_SIZE)
    let [least, most] = [0, Math.ceil(end / BLOCK_SIZE) - firstBlock]
    while (least < most - 1) {
      const middle = Math.floor((least + most) / 2)
      if (fits((firstBlock + middle) * BLOCK_SIZE)) least = middle
      else most = middle
    }
    return least === 0 ? 0 : (firstBlock + least) * BLOCK_SIZE - offset
  }
}

/** Blocks that a directory takes for so many names. */
export function nameBlocks(names: number): number {
  return Math.ceil((names * NAME_SIZE) / BLOCK_SIZE)
}

// What one power loss takes: decides, from a seed, which of the unsynced changes are on the disk when
// it comes back. Every decision is one that a real disk and file system may take; changes to one file
// are never reordered, because the page cache holds only the newest bytes of each page.
// Built by MemoryFileSystem.afterPowerLoss, asked by its files and directories.

import { SeededRandom } from './seeded-random.ts'

/** Unit in which a disk writes: a torn write is whole sectors, each old or new. */
export const SECTOR_SIZE = 512

/** The part of an unsynced write that reached the disk. */
export interface SurvivingWrite {
  /** Byte ranges of the write, relative to its start, `end` exclusive, ascending. */
  readonly pieces: readonly { readonly start: number; readonly end: number }[]
  /** Whether the file got the size that the write gave it; what is missing then reads as zeroes. */
  readonly sized: boolean
}

const NOTHING: SurvivingWrite = { pieces: [], sized: false }
const KEEP_CHANCES = [0.1, 0.3, 0.5, 0.7, 0.9]

/** The decisions of one power loss. */
export class PowerLoss {
  readonly #random: SeededRandom
  readonly #mode: 'nothing' | 'everything' | 'ordered' | 'independent'
  // Ordered: changes before it survive, those after it do not, it itself may be torn.
  #cut = 0
  #keepChance = 0

  /**
   * @param seed 0: nothing that was unsynced survives; 1: all of it; others: some of it, at random.
   * @param sequences numbers of the changes at stake, ascending; what order they were made in.
   */
  constructor(seed: number, sequences: readonly number[]) {
    this.#random = new SeededRandom(seed)
    if (seed === 0 || seed === 1) {
      this.#mode = seed === 0 ? 'nothing' : 'everything'
    } else if (this.#random.chance(0.25)) {
      this.#mode = 'ordered'
      this.#cut = sequences[this.#random.below(sequences.length + 1)] ?? Infinity
    } else {
      this.#mode = 'independent'
      this.#keepChance = KEEP_CHANCES[this.#random.below(KEEP_CHANCES.length)] ?? 0.5
    }
  }

  /** Whether a truncate, or a change to a directory, survives. */
  keeps(sequence: number): boolean {
    if (this.#mode === 'ordered') return sequence < this.#cut
    if (this.#mode === 'independent') return this.#random.chance(this.#keepChance)
    return this.#mode === 'everything'
  }

  /** What survives of a write of `length` bytes at `offset` of a file. */
  ofWrite(sequence: number, offset: number, length: number): SurvivingWrite {
    const whole: SurvivingWrite = { pieces: [{ start: 0, end: length }], sized: true }
    if (this.#mode === 'nothing') return NOTHING
    if (this.#mode === 'everything') return whole
    if (this.#mode === 'ordered') {
      if (sequence < this.#cut) return whole
      return sequence === this.#cut ? this.#torn(offset, length) : NOTHING
    }
    return this.#random.chance(this.#keepChance) ? whole : this.#torn(offset, length)
  }

  #torn(offset: number, length: number): SurvivingWrite {
    const sized = this.#random.chance(0.5)
    switch (this.#random.below(3)) {
      case 0:
        return { pieces: [], sized }
      case 1:
        return { pieces: [{ start: 0, end: this.#random.below(length) }], sized }
      default:
        return { pieces: sectors(offset, length).filter(() => this.#random.chance(0.5)), sized }
    }
  }
}

/** The pieces into which sector boundaries of the file cut a write of `length` bytes at `offset`. */
function sectors(offset: number, length: number): { start: number; end: number }[] {
  const pieces = []
  let start = 0
  while (start < length) {
    const end = Math.min(length, start + SECTOR_SIZE - ((offset + start) % SECTOR_SIZE))
    pieces.push({ start, end })
    start = end
  }
  return pieces
}

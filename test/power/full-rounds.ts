// One round on a real disk: writes until it is full, deletes, collects, closes, opens, writes on, and compares
// all the while. What a full disk may refuse is told from what it may not (0006). Called by full-soak.ts.

import { closeSync, openSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { StorageError } from '../../src/index.ts'
import { FullStore } from './full-store.ts'

const MIB = 1024 * 1024

export interface FullTally {
  rounds: number
  /** Calls that the full disk refused. */
  refusals: number
  deletes: number
  collections: number
  /** Segments and logs that collections had no room for. */
  left: number
  /** Closes and openings that the full disk refused. */
  refusedCloses: number
  refusedOpens: number
  /** Samples compared. */
  compared: number
}

export function newFullTally(): FullTally {
  return {
    rounds: 0,
    refusals: 0,
    deletes: 0,
    collections: 0,
    left: 0,
    refusedCloses: 0,
    refusedOpens: 0,
    compared: 0,
  }
}

export class FullDisk {
  readonly #random: SeededRandom
  readonly #tally: FullTally
  readonly #store: FullStore
  /** Somebody else's file. */
  readonly #ballast: string

  constructor(folder: string, seed: number, tally: FullTally) {
    this.#random = new SeededRandom(seed)
    this.#tally = tally
    this.#ballast = join(folder, 'ballast')
    this.#store = new FullStore(join(folder, `data-${seed}`), {
      memoryBudget: (1 + this.#random.below(8)) * MIB,
      segmentSize: (1 + this.#random.below(6)) * MIB,
    })
  }

  async begin(): Promise<void> {
    await this.#store.open()
  }

  /** @throws Error where something is not as it must be */
  async round(): Promise<void> {
    const store = this.#store
    await this.#fill()
    await this.#compare()
    if (this.#random.chance(0.5)) this.#takeAll()
    await this.#delete()
    await this.#compare()
    await this.#collect()
    if (this.#random.chance(0.5)) await this.#reopen()
    await this.#delete()
    await this.#compare()
    rmSync(this.#ballast, { force: true })
    // Half of what is left goes, so that there is something to collect.
    await store.delete(0, store.rowAt(0.3 + this.#random.below(60) / 100))
    await this.#collect()
    const writer = await store.db.openWriter(['time', 'value', 'small'])
    await store.write(writer, 1)
    await store.write(writer, 1000)
    await writer.close()
    await this.#compare()
    const { problems } = await store.db.verify()
    if (problems.length > 0) throw new Error(`verify: ${JSON.stringify(problems.slice(0, 3))}`)
    this.#tally.rounds++
  }

  async end(): Promise<void> {
    await this.#store.db.close({ force: true })
    rmSync(this.#store.directory, { recursive: true })
  }

  /** Frames of all sizes until not even a row is taken. */
  async #fill(): Promise<void> {
    const store = this.#store
    // Most of the disk is somebody else's: rounds are short.
    this.#takeAll()
    truncateSync(
      this.#ballast,
      Math.max(0, statSync(this.#ballast).size - (3 + this.#random.below(12)) * MIB),
    )
    const durability = (['relaxed', 'batched', 'strict'] as const)[this.#random.below(3)]!
    const writer = await store.db.openWriter({ channels: ['time', 'value', 'small'], durability })
    const large = 1000 + this.#random.below(this.#random.chance(0.5) ? 100_000 : 2000)
    for (const count of [large, Math.ceil(large / 10), 100, 1]) {
      for (let refused = 0; refused < 3;) {
        try {
          await store.write(writer, count)
        } catch (error) {
          this.#expectFull('write', error)
          refused++
        }
      }
      if (count === 100) this.#takeAll()
    }
    await writer.close()
  }

  async #delete(): Promise<void> {
    const store = this.#store
    for (let left = 1 + this.#random.below(60); left > 0; left--) {
      const first = store.rowAt(this.#random.below(1000) / 1000)
      await store.delete(first, first + 1 + this.#random.below(5000))
      this.#tally.deletes++
    }
  }

  async #collect(): Promise<void> {
    const { skipped } = await this.#store.db.gc({ threshold: this.#random.chance(0.5) ? 0 : 0.2 })
    this.#tally.collections++
    for (const { segment, reason } of skipped) {
      if (!/^needs .* of room, which the disk has not$/.test(reason))
        throw new Error(`a collection has left ${segment}: ${reason}`)
      this.#tally.left++
    }
  }

  /** Closes and opens; what a full disk refuses is read, and goes on with room. */
  async #reopen(): Promise<void> {
    const store = this.#store
    try {
      await store.db.close()
    } catch (error) {
      this.#expectFull('close', error)
      this.#tally.refusedCloses++
    }
    try {
      await store.open()
    } catch (error) {
      this.#expectFull('open', error)
      this.#tally.refusedOpens++
      await store.open({ readOnly: true })
      await this.#compare()
      await store.db.close()
      rmSync(this.#ballast, { force: true })
      await store.open()
    }
  }

  async #compare(): Promise<void> {
    await this.#store.compare()
    this.#tally.compared += 3 * this.#store.rows
  }

  #expectFull(what: string, error: unknown): void {
    const isFull =
      error instanceof StorageError && error.message.includes('the disk is full') && (error.needed ?? 0) > 0
    if (!isFull) throw new Error(`${what} was refused, and not for want of room`, { cause: error })
    this.#tally.refusals++
  }

  /** Somebody else writes as much as there is room for. */
  #takeAll(): void {
    const file = openSync(this.#ballast, 'a')
    try {
      for (let slice = MIB; slice >= 512;) {
        try {
          writeSync(file, new Uint8Array(slice))
        } catch (error) {
          if ((error as { code?: string }).code !== 'ENOSPC') throw error
          slice /= 2
        }
      }
    } finally {
      closeSync(file)
    }
  }
}

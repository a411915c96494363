// Reads every byte of one extent and says what is wrong with it: header, block table, all checksums,
// padding, and what the table says of the samples beside what they are (invariants 3 and 4). Damage
// is reported, never thrown. Called by `verify`, and by recovery for what lies beyond the mark (S3).

import { CorruptionError } from '../errors.ts'
import type { File } from '../fs/file-system.ts'
import type { BlockStats } from './block-stats.ts'
import { blockStats } from './block-stats.ts'
import type { BlockTable } from './block-table.ts'
import { loadBlockTableInTurns } from './block-table.ts'
import { liveBlocks } from './dead-blocks.ts'
import type { SampleRange } from './dead-blocks.ts'
import type { ExtentOwner, ExtentRef } from './extent-header.ts'
import { BLOCK_SAMPLES, UNIT_SAMPLES } from './extent-layout.ts'
import { readFully } from './read-fully.ts'
import { findBadUnit } from './verify-units.ts'

/** Bytes of one read, a multiple of every block's size: what is checked between two turns of the loop. */
const CHUNK_SIZE = 1024 * 1024

/** As many samples as an extent can have. */
const ALL = 2 ** 32

/** Something wrong at `offset` of `file`, in bytes; `channel` is a key. */
export interface ExtentProblem {
  readonly what: string
  readonly file: string
  readonly offset: number
  readonly channel: number
  /** Positions of the samples that cannot be read for it, `to` exclusive; undefined where all can. */
  readonly samples?: { readonly from: number; readonly to: number }
  /** Why it could not be read, where that says nothing about what is there: the file system refused. */
  readonly refusal?: Error
}

/**
 * Checks all of an extent that can be read: what was punched of it is not looked at.
 * @param seed of `segmentSeed`
 * @param live the samples that pointers reach; all of them without. Blocks in which there are none may be
 * holes
 * @returns what is wrong, in the order of the file; empty for a sound extent
 */
export async function verifyExtent(
  file: File,
  seed: number,
  ref: ExtentRef,
  owner: ExtentOwner,
  live: readonly SampleRange[] = [{ from: 0, to: Infinity }],
): Promise<ExtentProblem[]> {
  const check = new ExtentCheck(file, seed, ref, owner, live)
  await check.run()
  return check.problems
}

class ExtentCheck {
  readonly problems: ExtentProblem[] = []
  readonly #file: File
  readonly #seed: number
  readonly #ref: ExtentRef
  readonly #owner: ExtentOwner
  readonly #live: readonly SampleRange[]
  readonly #stats: BlockStats = { min: 0, max: 0, sum: 0, holdsNaN: false }
  /** The timestamp before the block being checked; undefined at the start and behind damage. */
  #lastTime: bigint | undefined

  constructor(file: File, seed: number, ref: ExtentRef, owner: ExtentOwner, live: readonly SampleRange[]) {
    this.#live = live
    this.#file = file
    this.#seed = seed
    this.#ref = ref
    this.#owner = owner
  }

  async run(): Promise<void> {
    try {
      const table = await loadBlockTableInTurns(this.#file, this.#seed, this.#ref, this.#owner)
      await this.#checkSamples(table)
      await this.#checkPadding(table)
    } catch (error) {
      const samples = { from: 0, to: ALL }
      if (error instanceof CorruptionError) this.#report(error.offset, error.message, { samples })
      else
        this.#report(this.#ref.offset, `the extent cannot be read: ${String(error)}`, {
          samples,
          refusal: error as Error,
        })
    }
  }

  async #checkSamples(table: BlockTable): Promise<void> {
    const size = table.count * table.width
    const blockSize = BLOCK_SAMPLES * table.width
    const chunk = new Uint8Array(Math.min(size, CHUNK_SIZE))
    for (const { from, to } of liveBlocks(table.count, this.#live)) {
      this.#lastTime = undefined
      const end = Math.min(to * blockSize, size)
      for (let at = from * blockSize; at < end; at += CHUNK_SIZE) {
        const bytes = chunk.subarray(0, Math.min(CHUNK_SIZE, end - at))
        await readFully(this.#file, bytes, this.#ref.offset + table.dataOffset + at)
        for (let inChunk = 0; inChunk < bytes.length; inChunk += blockSize) {
          this.#checkBlock(table, (at + inChunk) / blockSize, bytes.subarray(inChunk, inChunk + blockSize))
        }
      }
    }
  }

  #checkBlock(table: BlockTable, block: number, bytes: Uint8Array<ArrayBuffer>): void {
    const first = block * BLOCK_SAMPLES
    const samples = bytes.length / table.width
    const offset = this.#ref.offset + table.dataOffset + first * table.width
    if (!this.#checkUnits(table, first / UNIT_SAMPLES, Math.ceil(samples / UNIT_SAMPLES), bytes, offset)) {
      this.#lastTime = undefined
    } else if (this.#owner.isIndex) {
      this.#checkTimes(table, first, new BigInt64Array(bytes.buffer, bytes.byteOffset, samples), offset)
    } else {
      this.#checkStats(table, block, bytes, samples, offset)
    }
  }

  /** Whether all units of a block are sound; every one that is not is reported. */
  #checkUnits(table: BlockTable, from: number, count: number, bytes: Uint8Array, offset: number): boolean {
    const unitSize = UNIT_SAMPLES * table.width
    const to = from + count
    let next = from
    while (next < to) {
      const skipped = (next - from) * unitSize
      const bad = findBadUnit(bytes.subarray(skipped), table, next, to, this.#seed, offset + skipped)
      if (bad < 0) return next === from
      const samples = { from: bad * UNIT_SAMPLES, to: Math.min(table.count, (bad + 1) * UNIT_SAMPLES) }
      this.#report(offset + (bad - from) * unitSize, 'samples do not match their checksum', { samples })
      next = bad + 1
    }
    return false
  }

  #checkTimes(table: BlockTable, first: number, times: BigInt64Array, offset: number): void {
    for (let i = 0; i < times.length; i++) {
      const before = i === 0 ? this.#lastTime : times[i - 1]
      if (before !== undefined && times[i]! <= before) {
        this.#report(offset + 8 * i, `timestamp ${first + i} is not later than the one before it`)
      }
      if (i % UNIT_SAMPLES === 0 && times[i] !== table.firstTimes[(first + i) / UNIT_SAMPLES]) {
        this.#report(offset + 8 * i, `the block table says another time for sample ${first + i}`)
      }
    }
    this.#lastTime = times[times.length - 1]
    const { header } = table
    const ended = first + times.length === table.count
    if (this.#lastTime !== table.lastTimes[first / BLOCK_SAMPLES]) {
      this.#report(offset, 'the block table says another last time for a block')
    }
    if (first === 0 && times[0] !== header.firstTime) {
      this.#report(this.#ref.offset, 'the header says another first time than the samples')
    }
    if (ended && this.#lastTime !== header.lastTime) {
      this.#report(this.#ref.offset, 'the header says another last time than the samples')
    }
  }

  #checkStats(
    table: BlockTable,
    block: number,
    bytes: Uint8Array<ArrayBuffer>,
    samples: number,
    offset: number,
  ): void {
    const stats = this.#stats
    blockStats(this.#owner.type, bytes.buffer, bytes.byteOffset, samples, stats)
    const agrees =
      Object.is(stats.min, table.mins[block]) &&
      Object.is(stats.max, table.maxs[block]) &&
      Object.is(stats.sum, table.sums[block]) &&
      stats.holdsNaN === (table.holdsNaN[block] === 1)
    if (!agrees) this.#report(offset, 'the block table says another min, max or sum than the samples give')
  }

  /** Nothing reads the bytes between samples and table, but a write that went astray shows there. */
  async #checkPadding(table: BlockTable): Promise<void> {
    const { dataOffset, count, width, header } = table
    const at = dataOffset + count * width
    const padding = new Uint8Array(header.tableOffset - at)
    if (padding.length === 0) return
    await readFully(this.#file, padding, this.#ref.offset + at)
    if (padding.some((byte) => byte !== 0)) {
      this.#report(this.#ref.offset + at, 'the padding of an extent is not zero')
    }
  }

  #report(offset: number, what: string, more: Pick<ExtentProblem, 'samples' | 'refusal'> = {}): void {
    this.problems.push({ what, file: this.#file.path, offset, channel: this.#owner.channel, ...more })
  }
}

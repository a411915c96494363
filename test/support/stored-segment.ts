// A segment on a simulated disk, for tests of what reads it: appends extents as the engine would and
// hands out readers with a cache of their own.

import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import type { File } from '../../src/fs/file-system.ts'
import { segmentFile, segmentIdOf } from '../../src/fs/layout.ts'
import type { ExtentOwner, ExtentRef } from '../../src/segment/extent-header.ts'
import { encodeExtent, extentSize } from '../../src/segment/extent-writer.ts'
import { createSegment, FIRST_EXTENT, segmentSeed } from '../../src/segment/segment-file.ts'
import { SegmentReader } from '../../src/segment/segment-reader.ts'
import { TableCache } from '../../src/segment/table-cache.ts'
import type { DataType, NumericArray } from '../../src/telem/data-type.ts'
import { byteWidth } from '../../src/telem/data-type.ts'
import type { ChannelRef } from '../../src/unary/channel-view.ts'
import type { SegmentId } from '../../src/version/pointer.ts'

export const DATABASE_ID: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => 16 * i + 1)

/** Owner of an index channel, and of a data channel. */
export const INDEX: ExtentOwner = { channel: 7, type: 'timestamp', isIndex: true }
export function dataOwner(type: DataType): ExtentOwner {
  return { channel: 9, type, isIndex: false }
}

/** The index channel as reads of one channel know it. */
export const TIME: ChannelRef = {
  key: 1,
  name: 'time',
  type: 'timestamp',
  owner: INDEX,
  index: { key: 1, owner: INDEX },
}

export function bytesOf(samples: NumericArray): Uint8Array {
  return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)
}

export class StoredSegment {
  readonly disk: MemoryFileSystem
  readonly file: File
  readonly id: SegmentId
  readonly seed: number
  #end = FIRST_EXTENT

  private constructor(disk: MemoryFileSystem, id: SegmentId) {
    this.disk = disk
    this.id = id
    this.file = createSegment(disk, 'db', id, DATABASE_ID)
    this.seed = segmentSeed(id, DATABASE_ID)
  }

  static async create(id: SegmentId = segmentIdOf(3, 17)): Promise<StoredSegment> {
    const disk = new MemoryFileSystem()
    await disk.makeDirectory('db/segments')
    return new StoredSegment(disk, id)
  }

  get path(): string {
    return `db/${segmentFile(this.id)}`
  }

  /** Appends an extent with these samples, given in one or in several pieces. */
  append(owner: ExtentOwner, samples: NumericArray, pieces?: readonly Uint8Array[]): ExtentRef {
    const count = samples.byteLength / byteWidth(owner.type)
    const size = extentSize(owner.type, count, owner.isIndex)
    // What a scratch buffer held before must not shine through.
    const scratch = new Uint8Array(size).fill(0xa5)
    const [firstTime, lastTime] = owner.isIndex
      ? [BigInt(samples[0]!), BigInt(samples[count - 1]!)]
      : [1_000n, 2_000n]
    const extent = {
      ...owner,
      epoch: 3,
      lsn: 977,
      firstTime,
      lastTime,
      sources: pieces ?? bytesOf(samples),
      count,
    }
    const offset = this.#end
    encodeExtent(scratch, 0, extent, this.seed, offset)
    this.file.writeNow(scratch, offset)
    this.#end += size
    return { offset, length: size }
  }

  /** @param longest bytes of a block table that is read whole; by default what the engine has */
  reader(budget: number = 1 << 20, file: File = this.file, longest?: number): SegmentReader {
    return new SegmentReader(file, this.id, this.seed, new TableCache(budget), longest)
  }

  /** Flips the bits of `mask` in one byte of the file. */
  flip(offset: number, mask = 0xff): void {
    this.disk.corrupt(this.path, offset, mask)
  }
}

/** `count` timestamps that increase by uneven steps. */
export function times(count: number, start = 1_700_000_000_000_000_000n): BigInt64Array {
  let time = start
  return BigInt64Array.from({ length: count }, (_, i) => {
    time += BigInt(1 + ((i * 37) % 11))
    return time
  })
}

/** `count` doubles without a pattern. */
export function doubles(count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => Math.sin(i) * 1e6)
}

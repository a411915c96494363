// Reads samples out of one segment and believes none of them unverified (invariant 4): every unit of 128
// samples that a read touches is compared with its checksum, and every extent with what its pointer's channel
// must find there. No step reads a long block table whole, unless something is damaged. Reads go straight
// into the caller's array wherever whole units fall into it. Turns times into positions for index channels.
// Called by domain/ and unary/; it never writes and holds no state but the shared cache.

import { assert } from '../assert.ts'
import { lowerBound } from '../binary-search.ts'
import { CorruptionError } from '../errors.ts'
import type { File } from '../fs/file-system.ts'
import { storageError } from '../fs/storage-error.ts'
import { byteWidth, typeCode } from '../telem/data-type.ts'
import type { SegmentId } from '../version/pointer.ts'
import type { BlockTable } from './block-table.ts'
import { loadBlockTable, viewBlockTable } from './block-table.ts'
import { decodeExtentHeader } from './extent-header.ts'
import type { ExtentHeader, ExtentOwner, ExtentRef } from './extent-header.ts'
import { BLOCK_SAMPLES, EXTENT_HEADER_SIZE, UNIT_SAMPLES } from './extent-layout.ts'
import { checksumsIn, guessUnit, loadTable, LONG_TABLE, positionAt } from './long-table.ts'
import type { LongTable, TimePosition } from './long-table.ts'
import { readFully, readFullyNow } from './read-fully.ts'
import type { TableCache } from './table-cache.ts'
import { findBadUnit } from './verify-units.ts'

const BLOCK_UNITS = BLOCK_SAMPLES / UNIT_SAMPLES

/**
 * Most bytes that are read in one step, since a trip over the thread pool would cost more; those with a
 * ragged end go through a scratch.
 */
export const READ_AT_ONCE: number = 64 * 1024

/** Most bytes of one read of `readSamples`: what is verified between two turns of the event loop. */
const CHUNK_SIZE = 1024 * 1024

/** What a unit's timestamps cost in memory beside themselves. */
const UNIT_OVERHEAD = 256

/** In memory, or left on the disk. */
type Table = BlockTable | LongTable

/** Filled and emptied within one synchronous call, so one for all readers. */
const scratch = new Uint8Array(READ_AT_ONCE)

/** Reads an open segment file that it neither opens nor closes. Where reads fail: StorageError. */
export class SegmentReader {
  readonly #file: File
  readonly #segment: SegmentId
  readonly #seed: number
  readonly #cache: TableCache
  readonly #longest: number
  #reads = 0

  /**
   * @param seed of `segmentSeed`
   * @param longest bytes of a block table that is read whole
   */
  constructor(file: File, segment: SegmentId, seed: number, cache: TableCache, longest: number = LONG_TABLE) {
    this.#file = file
    this.#segment = segment
    this.#seed = seed
    this.#cache = cache
    this.#longest = longest
  }

  /**
   * The whole block table of an extent, from the cache or the file; a long one takes its time.
   * @throws CorruptionError where it is damaged, or the extent is not one of `owner`
   */
  tableNow(ref: ExtentRef, owner: ExtentOwner): BlockTable {
    const cached = this.#cache.get(this.#segment, ref.offset)
    if (cached?.kind === 'table' && fits(cached, ref, owner)) return cached
    const table = loadBlockTable(this.#file, this.#seed, ref, owner)
    this.#cache.put(this.#segment, ref.offset, table)
    return table
  }

  /**
   * Reads the samples `skip` to `skip + count` of an extent.
   * @param target exactly `count` samples' bytes; undefined content after an error
   * @throws CorruptionError where any unit that it touches is damaged or missing
   */
  readSamplesNow(ref: ExtentRef, owner: ExtentOwner, skip: number, count: number, target: Uint8Array): void {
    if (count === 0) return
    const table = this.#tableFor(ref, owner, skip, count, target)
    const { width } = table
    const from = Math.floor(skip / UNIT_SAMPLES)
    const to = Math.ceil((skip + count) / UNIT_SAMPLES)
    const start = from * UNIT_SAMPLES
    const end = Math.min(to * UNIT_SAMPLES, table.count)
    if (skip === start && skip + count === end) {
      this.#readUnits(ref, table, from, to, target)
    } else if ((end - start) * width <= READ_AT_ONCE) {
      this.#readPart(ref, table, from, to, skip, count, target)
    } else {
      const middle = this.#readEnds(ref, table, skip, count, target)
      this.#readUnits(ref, table, middle.from, middle.to, middle.target)
    }
  }

  /**
   * As `readSamplesNow`, without holding the event loop for longer than a chunk of 1 MiB takes; what is
   * short is read at once all the same, since a trip over the thread pool would cost more.
   *
   * `target` belongs to the read until it resolves or rejects.
   */
  async readSamples(
    ref: ExtentRef,
    owner: ExtentOwner,
    skip: number,
    count: number,
    target: Uint8Array,
  ): Promise<void> {
    if (target.length <= READ_AT_ONCE) return this.readSamplesNow(ref, owner, skip, count, target)
    const table = this.#tableFor(ref, owner, skip, count, target)
    const middle = this.#readEnds(ref, table, skip, count, target)
    this.#reads++
    try {
      await this.#readChunks(ref, table, middle)
    } finally {
      this.#reads--
    }
  }

  /**
   * As `readSamples`, for samples that are read once and for all: a small extent in one read, its header and
   * table with it, and nothing of it goes to the cache.
   */
  async readOnce(
    ref: ExtentRef,
    owner: ExtentOwner,
    skip: number,
    count: number,
    target: Uint8Array,
  ): Promise<void> {
    if (target.length <= READ_AT_ONCE) return this.readOnceNow(ref, owner, skip, count, target)
    return this.readSamples(ref, owner, skip, count, target)
  }

  /** As `readSamplesNow`, for samples that are read once and for all: see `readOnce`. */
  readOnceNow(ref: ExtentRef, owner: ExtentOwner, skip: number, count: number, target: Uint8Array): void {
    const isSmall = ref.length >= EXTENT_HEADER_SIZE && ref.length <= READ_AT_ONCE
    if (!isSmall || count === 0 || this.#cache.get(this.#segment, ref.offset) !== undefined) {
      this.readSamplesNow(ref, owner, skip, count, target)
      return
    }
    const extent = scratch.subarray(0, ref.length)
    readFullyNow(this.#file, extent, ref.offset)
    const table = viewBlockTable(extent, this.#seed, ref, owner, this.#file.path)
    this.#checkAsked(ref, table, skip, count, target)
    const { width, dataOffset } = table
    const from = Math.floor(skip / UNIT_SAMPLES)
    const to = Math.ceil((skip + count) / UNIT_SAMPLES)
    const units = extent.subarray(
      dataOffset + from * UNIT_SAMPLES * width,
      dataOffset + Math.min(to * UNIT_SAMPLES, table.count) * width,
    )
    this.#verify(units, table, from, to, unitOffset(ref, table, from))
    target.set(extent.subarray(dataOffset + skip * width, dataOffset + (skip + count) * width))
  }

  /**
   * Checks that an extent lies in its file and can hold `count` samples: to be asked before much is allocated
   * for them.
   * @throws CorruptionError where it cannot; StorageError
   */
  checkRoom(ref: ExtentRef, owner: ExtentOwner, count: number): void {
    const { path } = this.#file
    const end = ref.offset + ref.length
    let size: number
    try {
      size = this.#file.sizeNow()
    } catch (cause) {
      throw storageError('Cannot look at a segment', path, cause)
    }
    if (size < end) {
      const what = `the file ends ${end - size} bytes before the end of what was written there`
      throw new CorruptionError(path, Math.max(size, ref.offset), what)
    }
    if (count * byteWidth(owner.type) > ref.length) {
      const what = `${count} samples are asked of an extent of ${ref.length} bytes`
      throw new CorruptionError(path, ref.offset, what)
    }
  }

  /**
   * What an extent of a channel says of itself.
   * @throws CorruptionError where it is damaged, or another extent is there
   */
  headerNow(ref: ExtentRef, channel: number): ExtentHeader {
    const { path } = this.#file
    const bytes = new Uint8Array(EXTENT_HEADER_SIZE)
    readFullyNow(this.#file, bytes, ref.offset)
    const header = decodeExtentHeader(bytes, this.#seed, ref.offset, path)
    if (header.length === ref.length && header.channel === channel) return header
    throw new CorruptionError(path, ref.offset, 'another extent begins here')
  }

  /** A read of several chunks is under way: its file must stay open. */
  get isBusy(): boolean {
    return this.#reads > 0
  }

  /**
   * Where `time` falls in an extent of an index channel: at most one unit is read for it.
   * @param needsBefore whether `before` is asked for: else the first time of a unit is found without the unit
   * before it
   * @throws CorruptionError as `readSamplesNow`
   */
  lowerBoundNow(ref: ExtentRef, owner: ExtentOwner, time: bigint, needsBefore = true): TimePosition {
    assert(owner.isIndex, 'times are looked up in index channels')
    const long = this.#tableOf(ref, owner)
    if (long.kind === 'long') {
      const found = unlessDamaged(() => {
        const guess = guessUnit(this.#file, long, time)
        return positionAt(long, time, guess, (unit) => this.#unitTimes(ref, long, unit), needsBefore)
      })
      if (found !== undefined) return found
    }
    const table = this.tableNow(ref, owner)
    const { firstTimes, lastTimes, count } = table
    const next = lowerBound(firstTimes, time)
    if (next === 0) return { position: 0, at: firstTimes[0], before: undefined }
    const nextFirst = Math.min(next * UNIT_SAMPLES, count)
    if (!needsBefore && firstTimes[next] === time) return { position: nextFirst, at: time, before: undefined }
    if (next % BLOCK_UNITS === 0 || next === firstTimes.length) {
      const last = lastTimes[Math.ceil(next / BLOCK_UNITS) - 1]!
      if (last < time) return { position: nextFirst, at: firstTimes[next], before: last }
    }
    // The unit before begins before `time`, so that `position` is at least 1 in it.
    const times = this.#unitTimes(ref, table, next - 1)
    const position = lowerBound(times, time)
    const at = position < times.length ? times[position] : firstTimes[next]
    return { position: (next - 1) * UNIT_SAMPLES + position, at, before: times[position - 1] }
  }

  /**
   * The timestamp of the sample at `position` of an extent of an index channel.
   * @throws CorruptionError as `readSamplesNow`
   */
  timeAtNow(ref: ExtentRef, owner: ExtentOwner, position: number): bigint {
    assert(owner.isIndex, 'times are looked up in index channels')
    const long = this.#tableOf(ref, owner)
    this.#checkRange(ref, long, position, 1)
    const unit = Math.floor(position / UNIT_SAMPLES)
    if (long.kind === 'long') {
      const times = unlessDamaged(() => this.#unitTimes(ref, long, unit))
      if (times !== undefined) return times[position % UNIT_SAMPLES]!
    }
    const table = this.tableNow(ref, owner)
    if (position % UNIT_SAMPLES === 0) return table.firstTimes[unit]!
    if (position === table.count - 1 || position % BLOCK_SAMPLES === BLOCK_SAMPLES - 1) {
      return table.lastTimes[Math.floor(position / BLOCK_SAMPLES)]!
    }
    return this.#unitTimes(ref, table, unit)[position % UNIT_SAMPLES]!
  }

  /** The block table of an extent; a long one is left on the disk. */
  #tableOf(ref: ExtentRef, owner: ExtentOwner): Table {
    const cached = this.#cache.get(this.#segment, ref.offset)
    if (cached !== undefined && cached.kind !== 'times' && fits(cached, ref, owner)) return cached
    const table = loadTable(this.#file, this.#seed, ref, owner, this.#longest)
    this.#cache.put(this.#segment, ref.offset, table)
    return table
  }

  #tableFor(ref: ExtentRef, owner: ExtentOwner, skip: number, count: number, target: Uint8Array): Table {
    const table = this.#tableOf(ref, owner)
    this.#checkAsked(ref, table, skip, count, target)
    return table
  }

  #checkAsked(ref: ExtentRef, table: Table, skip: number, count: number, target: Uint8Array): void {
    assert(target.length === count * table.width, 'the target has room for exactly the samples asked for')
    this.#checkRange(ref, table, skip, count)
  }

  #checkRange(ref: ExtentRef, table: Table, skip: number, count: number): void {
    if (skip >= 0 && skip + count <= table.count) return
    const what = `samples ${skip} to ${skip + count} are asked of an extent of ${table.count}`
    throw new CorruptionError(this.#file.path, ref.offset, what)
  }

  /** Reads and verifies whole units into `target`, which they fill. */
  #readUnits(ref: ExtentRef, table: Table, from: number, to: number, target: Uint8Array): void {
    if (from === to) return
    const offset = unitOffset(ref, table, from)
    readFullyNow(this.#file, target, offset)
    this.#verify(target, table, from, to, offset)
  }

  /** Reads the units `from` to `to` into the scratch and copies out of it what is asked for. */
  #readPart(
    ref: ExtentRef,
    table: Table,
    from: number,
    to: number,
    skip: number,
    count: number,
    target: Uint8Array,
  ): void {
    const start = from * UNIT_SAMPLES
    const end = Math.min(to * UNIT_SAMPLES, table.count)
    this.#readUnits(ref, table, from, to, scratch.subarray(0, (end - start) * table.width))
    const at = (skip - start) * table.width
    target.set(scratch.subarray(at, at + count * table.width))
  }

  /** Reads the units that a long range only cuts; the whole ones are left to the caller. */
  #readEnds(ref: ExtentRef, table: Table, skip: number, count: number, target: Uint8Array): Middle {
    const end = skip + count
    const from = Math.ceil(skip / UNIT_SAMPLES)
    const to = end === table.count ? Math.ceil(end / UNIT_SAMPLES) : Math.floor(end / UNIT_SAMPLES)
    const head = from * UNIT_SAMPLES - skip
    const tail = Math.max(end - to * UNIT_SAMPLES, 0)
    const headBytes = head * table.width
    const tailFrom = target.length - tail * table.width
    if (head > 0) this.#readPart(ref, table, from - 1, from, skip, head, target.subarray(0, headBytes))
    if (tail > 0) this.#readPart(ref, table, to, to + 1, end - tail, tail, target.subarray(tailFrom))
    return { from, to, target: target.subarray(headBytes, tailFrom) }
  }

  /** Reads the next chunk while the one before is verified. */
  async #readChunks(ref: ExtentRef, table: Table, middle: Middle): Promise<void> {
    const unitSize = UNIT_SAMPLES * table.width
    const chunkUnits = CHUNK_SIZE / unitSize
    const read = async (from: number): Promise<Chunk> => {
      const to = Math.min(from + chunkUnits, middle.to)
      const bytes = middle.target.subarray((from - middle.from) * unitSize, (to - middle.from) * unitSize)
      await readFully(this.#file, bytes, unitOffset(ref, table, from))
      return { from, to, bytes }
    }
    let pending = middle.from < middle.to ? read(middle.from) : undefined
    while (pending !== undefined) {
      const { from, to, bytes } = await pending
      pending = to < middle.to ? read(to) : undefined
      try {
        this.#verify(bytes, table, from, to, unitOffset(ref, table, from))
      } catch (error) {
        // Until it has ended, the read still writes into the caller's array.
        await pending?.catch(() => {})
        throw error
      }
    }
  }

  #verify(bytes: Uint8Array, table: Table, from: number, to: number, offset: number): void {
    const checksums = table.kind === 'long' ? checksumsIn(this.#file, table, from, to) : table
    const bad = findBadUnit(bytes, checksums, from, to, this.#seed, offset)
    if (bad < 0) return
    // It may be the table that is damaged.
    if (table.kind === 'long') loadBlockTable(this.#file, this.#seed, table.ref, table.owner)
    const at = offset + (bad - from) * UNIT_SAMPLES * table.width
    throw new CorruptionError(this.#file.path, at, 'samples do not match their checksum')
  }

  #unitTimes(ref: ExtentRef, table: Table, unit: number): BigInt64Array {
    // No extent begins inside another, so that a unit's offset is nobody else's key.
    const offset = unitOffset(ref, table, unit)
    const cached = this.#cache.get(this.#segment, offset)
    if (cached?.kind === 'times') return cached.times
    const times = new BigInt64Array(Math.min(UNIT_SAMPLES, table.count - unit * UNIT_SAMPLES))
    this.#readUnits(ref, table, unit, unit + 1, new Uint8Array(times.buffer))
    this.#cache.put(this.#segment, offset, { kind: 'times', times, bytes: times.byteLength + UNIT_OVERHEAD })
    return times
  }
}

/**
 * Undefined where samples are damaged, or not there: the whole table may do without them, or says what is
 * wrong.
 */
function unlessDamaged<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch (error) {
    if (error instanceof CorruptionError) return undefined
    throw error
  }
}

/** Whole units of a range, and where they go. */
interface Middle {
  readonly from: number
  readonly to: number
  readonly target: Uint8Array
}

interface Chunk {
  readonly from: number
  readonly to: number
  readonly bytes: Uint8Array
}

function fits(table: Table, ref: ExtentRef, owner: ExtentOwner): boolean {
  const { header } = table
  return (
    header.length === ref.length &&
    header.channel === owner.channel &&
    header.typeCode === typeCode(owner.type) &&
    header.isIndex === owner.isIndex
  )
}

function unitOffset(ref: ExtentRef, table: Table, unit: number): number {
  return ref.offset + table.dataOffset + unit * UNIT_SAMPLES * table.width
}

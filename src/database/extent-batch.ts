// Extents on their way to a segment: encoded one behind the other into a slice of memory and written
// together, off the event loop. A flush and a spill append to the active segment and wait for each write;
// a collection appends to segments of its own, and fills the next slice while the one before is written.
// What was written stays reserved until `settle` (0006-I1).

import { unguarded } from '../guard/held.ts'
import type { Held, Under } from '../guard/held.ts'
import type { ExtentOwner } from '../segment/extent-header.ts'
import { encodeExtent, extentSize } from '../segment/extent-writer.ts'
import { FIRST_EXTENT } from '../segment/segment-file.ts'
import type { Place, Segment } from '../segment/segment-pool.ts'
import type { PointerChange } from '../version/edit.ts'
import type { SegmentId } from '../version/pointer.ts'
import type { Engine } from './engine.ts'
import { giveUpPlaces } from './extents.ts'
import { SLICE_MS } from './turns.ts'
import type { Turns } from './turns.ts'

/** Bytes gathered before a write: 1 MB takes about 0.15 ms on the thread pool. */
const SLICE = 1024 * 1024

/** Bytes of the slice at first: most flushes of a small database need no more. */
const FIRST_SLICE = 64 * 1024

/** An extent as a flush or a collection wants it. */
export interface ExtentToWrite extends ExtentOwner {
  readonly firstTime: bigint
  readonly lastTime: bigint
  readonly count: number
  readonly sources: readonly Uint8Array[]
}

/** Where it went. */
export interface WrittenExtent extends Place {
  readonly count: number
  /** What ends its reservation; it is reserved until that is done. Set by the batch. */
  settling: Settling | undefined
}

/**
 * What a record will end of the reservations of a batch, added up before it is published: there may be ten
 * thousand extents.
 */
export class Settling {
  readonly sizes: Map<SegmentId, number> = new Map()
  #isDone = false
  readonly dead: WrittenExtent[] = []
  readonly #named = new Map<SegmentId, Set<number>>()

  /** The record names what comes with this change. To be called before `add`. */
  name({ comes }: PointerChange): void {
    for (const { segment, offset } of comes) {
      const offsets = this.#named.get(segment)
      if (offsets === undefined) this.#named.set(segment, new Set([offset]))
      else offsets.add(offset)
    }
  }

  /** The record was published: what was added is reserved no longer. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** Extents are held on to by open snapshots: what it was added up from is not. */
  end(): void {
    this.#isDone = true
    this.#named.clear()
  }

  /** The reservation of an extent ends: it is live where it was named, dead else. */
  add(extent: WrittenExtent): void {
    if (isSettled(extent)) return
    const { segment, offset, length } = extent
    extent.settling = this
    this.sizes.set(segment, (this.sizes.get(segment) ?? 0) + length)
    if (this.#named.get(segment)?.has(offset) !== true) this.dead.push(extent)
  }
}

function isSettled({ settling }: WrittenExtent): boolean {
  return settling?.isDone === true
}

/** Adds up what a record will settle, in slices: under the guards its changes stay what they are. */
export async function planSettling(
  turns: Turns,
  changes: readonly PointerChange[],
  extents: readonly (readonly WrittenExtent[])[],
): Promise<Settling> {
  const settling = new Settling()
  for (const change of changes) {
    settling.name(change)
    const turn = turns.due(SLICE_MS)
    if (turn !== undefined) await turn
  }
  for (const some of extents) {
    for (const extent of some) {
      settling.add(extent)
      const turn = turns.due(SLICE_MS)
      if (turn !== undefined) await turn
    }
  }
  return settling
}

export class ExtentBatch {
  readonly #engine: Engine
  /** Makes segments to append to instead of the active one. */
  readonly #create: (() => Segment) | undefined
  readonly #under: Under<'segment'>
  #own: Segment | undefined
  readonly extents: WrittenExtent[] = []
  #slice: Uint8Array<ArrayBuffer> = new Uint8Array(0)
  #used = 0
  #begin: Place | undefined
  /** The slice that is being written, or was, and its write. */
  #other: Uint8Array<ArrayBuffer> = new Uint8Array(0)
  #writing: Promise<void> = Promise.resolve()
  #held: Held<'segment', 'shared'> | undefined

  /**
   * @param create makes the segments of a batch that goes to none that others append to
   * @param under what the caller holds while it appends to those that others append to
   */
  constructor(engine: Engine, create?: () => Segment, under: Under<'segment'> = unguarded) {
    this.#engine = engine
    this.#create = create
    this.#under = under
  }

  /** Encodes an extent, writing out the slice when it is full. @throws StorageError */
  async add(extent: ExtentToWrite): Promise<WrittenExtent> {
    const { segments, epoch, lastLsn } = this.#engine
    const size = extentSize(extent.type, extent.count, extent.isIndex)
    if (this.#used + size > SLICE) await this.#writeOut()
    const place = this.#reserve(size)
    const written = { ...place, count: extent.count, settling: undefined }
    this.extents.push(written)
    if (
      this.#begin !== undefined &&
      (place.segment !== this.#begin.segment || place.offset !== this.#begin.offset + this.#used)
    ) {
      await this.#writeOut()
    }
    if (this.#begin === undefined) {
      this.#begin = place
      await this.#holdSegment(place.segment)
    }
    if (this.#slice.length < this.#used + size) {
      const doubled = Math.min(SLICE, Math.max(FIRST_SLICE, 2 * this.#slice.length))
      const larger = new Uint8Array(Math.max(this.#used + size, doubled))
      larger.set(this.#slice.subarray(0, this.#used))
      this.#slice = larger
    }
    const { seed } = segments.get(place.segment)
    this.#used += encodeExtent(
      this.#slice,
      this.#used,
      { ...extent, epoch, lsn: lastLsn },
      seed,
      place.offset,
    )
    return written
  }

  /** Writes what is left. The bytes are the operating system's then, not yet synced. @throws StorageError */
  async finish(): Promise<void> {
    await this.#writeOut()
    await this.#writing
    this.#held?.release()
    this.#held = undefined
    this.#slice = new Uint8Array(0)
    this.#other = new Uint8Array(0)
  }

  /**
   * Ends the reservation: what a record names is live by it, the rest is dead.
   * @param lsn of the newest record
   * @param pinned whether a snapshot was given some of it: then it counts as freed only now
   * @param changes of that record: extents that they do not name are dead
   * @param extents of this batch; all that are left without
   */
  settle(
    lsn: number,
    pinned: boolean,
    changes: readonly PointerChange[],
    extents: Iterable<WrittenExtent> = this.extents,
  ): void {
    const settling = new Settling()
    for (const change of changes) settling.name(change)
    for (const extent of extents) settling.add(extent)
    this.settleAll(settling, lsn, pinned)
  }

  /** As `settle`, of what was added up beforehand. */
  settleAll(settling: Settling, lsn: number, pinned: boolean): void {
    this.#held?.release()
    this.#held = undefined
    const { segments, deadSpace } = this.#engine
    for (const [segment, length] of settling.sizes) {
      segments.settle({ segment, length })
      if (pinned) segments.get(segment).freed = lsn
    }
    settling.end()
    for (const extent of settling.dead) deadSpace.noteDead(extent, lsn)
  }

  /**
   * Ends the reservation of what is not settled where the batch failed: no record will name any of it.
   * Nothing may be on its way to the segment any more: see `idle`.
   */
  giveUp(cause: unknown): void {
    const givenUp = new Settling()
    const left = this.extents.filter((extent) => !isSettled(extent))
    for (const extent of left) extent.settling = givenUp
    giveUpPlaces(this.#engine, left, cause)
    givenUp.end()
    this.#held?.release()
    this.#held = undefined
  }

  /** Resolves when nothing is being written, whatever became of it. */
  async idle(): Promise<void> {
    await this.#writing.catch(() => {})
  }

  #reserve(size: number): Place {
    const { segments, options } = this.#engine
    if (this.#create === undefined) return segments.reserve(size)
    if (
      this.#own !== undefined &&
      this.#own.size + size > options.segmentSize &&
      this.#own.size > FIRST_EXTENT
    ) {
      segments.seal(this.#own)
      this.#own = undefined
    }
    this.#own ??= this.#create()
    return segments.reserveIn(this.#own, size)
  }

  /** Appending to a segment holds its guard shared; one at a time, as every later one is another's. */
  async #holdSegment(id: number): Promise<void> {
    if (this.#create !== undefined || this.#held?.covers(id) === true) return
    this.#held?.release()
    this.#held = await this.#engine.guards.acquire(this.#under, {
      rank: 'segment',
      mode: 'shared',
      keys: [id],
      purpose: 'append extents',
    })
  }

  async #writeOut(): Promise<void> {
    if (this.#begin === undefined) return
    const place = this.#begin
    const bytes = this.#slice.subarray(0, this.#used)
    if (this.#create === undefined) {
      await this.#engine.segments.write(place, bytes)
    } else {
      await this.#writing
      this.#writing = this.#engine.segments.write(place, bytes)
      // Told by whoever waits for it next.
      this.#writing.catch(() => {})
      ;[this.#slice, this.#other] = [this.#other, this.#slice]
    }
    this.#begin = undefined
    this.#used = 0
  }
}

// Extents on their way to the active segment: encoded one behind the other into a slice of memory and
// written together, off the event loop. What was written stays reserved until `settle`.

import { unguarded } from '../guard/held.ts'
import type { Held } from '../guard/held.ts'
import type { ExtentOwner } from '../segment/extent-header.ts'
import { encodeExtent, extentSize } from '../segment/extent-writer.ts'
import { FIRST_EXTENT } from '../segment/segment-file.ts'
import type { Place, Segment } from '../segment/segment-pool.ts'
import type { Engine } from './engine.ts'

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
}

export class ExtentBatch {
  readonly #engine: Engine
  /** Appends here instead of to the active segment; rolls over to what `next` makes. */
  readonly #own: { segment: Segment; next: () => Segment } | undefined
  readonly extents: WrittenExtent[] = []
  #slice: Uint8Array<ArrayBuffer> = new Uint8Array(0)
  #used = 0
  #begin: Place | undefined
  #held: Held<'segment', 'shared'> | undefined
  #settled = false

  constructor(engine: Engine, own?: { segment: Segment; next: () => Segment }) {
    this.#engine = engine
    this.#own = own
  }

  /** Encodes an extent, writing out the slice when it is full. @throws StorageError */
  async add(extent: ExtentToWrite): Promise<WrittenExtent> {
    const { segments, epoch, lastLsn } = this.#engine
    const size = extentSize(extent.type, extent.count, extent.isIndex)
    if (this.#used + size > SLICE) await this.#writeOut()
    const place = this.#reserve(size)
    const written = { ...place, count: extent.count }
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
    this.#held?.release()
    this.#held = undefined
  }

  /**
   * Ends the reservation: what a record names is live by it, the rest is dead.
   * @param lsn of the newest record
   * @param pinned whether a snapshot was given some of it: then it counts as freed only now
   */
  settle(lsn: number, pinned: boolean): void {
    this.#held?.release()
    this.#held = undefined
    if (this.#settled) return
    this.#settled = true
    for (const extent of this.extents) {
      this.#engine.segments.settle(extent)
      if (pinned) this.#engine.segments.get(extent.segment).freed = lsn
    }
  }

  #reserve(size: number): Place {
    const { segments, options } = this.#engine
    if (this.#own === undefined) return segments.reserve(size)
    if (this.#own.segment.size + size > options.segmentSize && this.#own.segment.size > FIRST_EXTENT) {
      segments.seal(this.#own.segment)
      this.#own.segment = this.#own.next()
    }
    return segments.reserveIn(this.#own.segment, size)
  }

  /** Appending to a segment holds its guard shared; one at a time, as every later one is another's. */
  async #holdSegment(id: number): Promise<void> {
    if (this.#own !== undefined || this.#held?.covers(id) === true) return
    this.#held?.release()
    this.#held = await this.#engine.guards.acquire(unguarded, {
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
    await this.#engine.segments.write(place, bytes)
    this.#begin = undefined
    this.#used = 0
  }
}

// Where the samples of a channel's array come from: its parts, one behind the other in order of time. Of a
// short read they are the parts themselves; of a long one, which may have a million, a few numbers each in
// columns, so that V8 has nothing to walk through and to copy while the read goes on. Made by both kinds of
// read; what lies in segments is read by them, and a frame is made of them.

import type { SegmentId } from '../version/pointer.ts'
import type { Part } from './channel-view.ts'

/** Samples from `skip` on of an extent. */
export interface LaidExtent {
  readonly segment: SegmentId
  readonly offset: number
  readonly length: number
  readonly skip: number
}

/** Parts side by side; positions count from 0. */
export interface LaidParts {
  readonly length: number
  /** Timestamp of the first sample; the last one's + 1 ns. */
  startAt(position: number): bigint
  endAt(position: number): bigint
  /** Samples. */
  countAt(position: number): number
  /** Whether it goes on with the domain of the part before it. */
  joinedAt(position: number): boolean
  /** Where in a segment it lies; undefined for rows of a strip, which were copied. */
  extentAt(position: number): LaidExtent | undefined
}

/** Few parts, as they were planned. */
export class PartList implements LaidParts {
  readonly parts: readonly Part[]

  constructor(parts: readonly Part[]) {
    this.parts = parts
  }

  get length(): number {
    return this.parts.length
  }

  startAt(position: number): bigint {
    return this.parts[position]!.start
  }

  endAt(position: number): bigint {
    return this.parts[position]!.end
  }

  countAt(position: number): number {
    return this.parts[position]!.count
  }

  joinedAt(position: number): boolean {
    return this.parts[position]!.joined
  }

  extentAt(position: number): LaidExtent | undefined {
    const part = this.parts[position]!
    if (part.kind === 'rows') return undefined
    const { segment, offset, length, skip } = part.pointer
    return { segment, offset, length, skip: skip + part.from }
  }
}

/**
 * Columns of one size of number each, which grow together; a part that lies in no segment has no length
 * there.
 */
interface Columns {
  readonly capacity: number
  readonly starts: BigInt64Array
  readonly ends: BigInt64Array
  readonly segments: Float64Array
  readonly offsets: Float64Array
  readonly lengths: Uint32Array
  readonly skips: Uint32Array
  readonly counts: Uint32Array
  readonly joineds: Uint8Array
}

/** Many parts: 45 bytes each. */
export class PartColumns implements LaidParts {
  #columns: Columns
  #length = 0

  /** @param expected how many parts there will be, as far as is known */
  constructor(expected: number) {
    this.#columns = columnsOf(Math.max(1, Math.ceil(expected)))
  }

  get length(): number {
    return this.#length
  }

  push(part: Part): void {
    const position = this.#length++
    if (position === this.#columns.capacity) this.#columns = grown(this.#columns)
    const { starts, ends, segments, offsets, lengths, skips, counts, joineds } = this.#columns
    starts[position] = part.start
    ends[position] = part.end
    counts[position] = part.count
    joineds[position] = part.joined ? 1 : 0
    if (part.kind === 'rows') return
    const { pointer } = part
    segments[position] = pointer.segment
    offsets[position] = pointer.offset
    lengths[position] = pointer.length
    skips[position] = pointer.skip + part.from
  }

  startAt(position: number): bigint {
    return this.#columns.starts[position]!
  }

  endAt(position: number): bigint {
    return this.#columns.ends[position]!
  }

  countAt(position: number): number {
    return this.#columns.counts[position]!
  }

  joinedAt(position: number): boolean {
    return this.#columns.joineds[position] === 1
  }

  extentAt(position: number): LaidExtent | undefined {
    const { segments, offsets, lengths, skips } = this.#columns
    const length = lengths[position]!
    if (length === 0) return undefined
    return { segment: segments[position]!, offset: offsets[position]!, length, skip: skips[position]! }
  }
}

function columnsOf(capacity: number): Columns {
  return {
    capacity,
    starts: new BigInt64Array(capacity),
    ends: new BigInt64Array(capacity),
    segments: new Float64Array(capacity),
    offsets: new Float64Array(capacity),
    lengths: new Uint32Array(capacity),
    skips: new Uint32Array(capacity),
    counts: new Uint32Array(capacity),
    joineds: new Uint8Array(capacity),
  }
}

function grown(columns: Columns): Columns {
  const larger = columnsOf(2 * columns.capacity)
  larger.starts.set(columns.starts)
  larger.ends.set(columns.ends)
  larger.segments.set(columns.segments)
  larger.offsets.set(columns.offsets)
  larger.lengths.set(columns.lengths)
  larger.skips.set(columns.skips)
  larger.counts.set(columns.counts)
  larger.joineds.set(columns.joineds)
  return larger
}

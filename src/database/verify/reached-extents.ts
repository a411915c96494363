// Extents that a snapshot reaches, each once, of which there may be a million: kept by the part of the
// segment that they lie in, in columns, so that no table that grows is ever copied, and no list sorted, in a
// step that is long, and V8 has no object for each of them to walk through. Filled and gone through by
// verify.ts and extents.ts.

import type { SampleRange } from '../../segment/dead-blocks.ts'
import type { Channel } from '../../telem/channel.ts'
import type { Pointer, SegmentId } from '../../version/pointer.ts'

/** An extent that a snapshot reaches. */
export interface ReachedExtent {
  readonly segment: SegmentId
  readonly offset: number
  readonly length: number
  readonly channel: Channel
  /** What pointers reach of it: the rest may have been punched. */
  readonly live: readonly SampleRange[]
}

/** Bytes of a part of a segment: at most some 2,000 extents begin in one. */
const PART_SIZE = 256 * 1024

export class ReachedExtents {
  #size = 0
  /** By segment, and part of it. */
  readonly #segments = new Map<SegmentId, Map<number, PartOfSegment>>()
  /** Segments with extents that are not checked yet. */
  readonly #unchecked = new Set<SegmentId>()

  get size(): number {
    return this.#size
  }

  /** The segments with extents that are not checked yet, in their order. */
  get uncheckedSegments(): SegmentId[] {
    return [...this.#unchecked].sort((a, b) => a - b)
  }

  /** Adds what a pointer of a channel reaches. */
  add(channel: Channel, pointer: Pointer): void {
    const { segment, offset } = pointer
    const number = Math.floor(offset / PART_SIZE)
    let parts = this.#segments.get(segment)
    if (parts === undefined) this.#segments.set(segment, (parts = new Map()))
    let part = parts.get(number)
    if (part === undefined) parts.set(number, (part = new PartOfSegment()))
    if (!part.add(channel, pointer)) return
    this.#size++
    this.#unchecked.add(segment)
  }

  /** The extents of a segment that are not checked yet, in their order, some at a time. */
  *unchecked(segment: SegmentId): Generator<readonly ReachedExtent[], void, void> {
    for (const part of this.#inOrder(segment)) yield part.unchecked(segment)
  }

  /** All extents of a segment that were added are checked now. */
  noteChecked(segment: SegmentId): void {
    for (const part of this.#inOrder(segment)) part.noteChecked()
    this.#unchecked.delete(segment)
  }

  #inOrder(segment: SegmentId): PartOfSegment[] {
    const parts = this.#segments.get(segment) ?? new Map<number, PartOfSegment>()
    return [...parts].sort(([a], [b]) => a - b).map(([, part]) => part)
  }
}

/** The extents that begin in one part of a segment. */
class PartOfSegment {
  /** By offset: position in the columns, which are in the order in which they came. */
  readonly #positions = new Map<number, number>()
  readonly #offsets: number[] = []
  readonly #lengths: number[] = []
  readonly #channels: Channel[] = []
  /** The samples that the first pointer reaches, and by position what others do. */
  readonly #from: number[] = []
  readonly #to: number[] = []
  readonly #more = new Map<number, SampleRange[]>()
  /** Positions before this were checked. */
  #checked = 0

  /** Whether the extent was not known yet. */
  add(channel: Channel, { offset, length, skip, count }: Pointer): boolean {
    const known = this.#positions.get(offset)
    const to = skip + count
    if (known === undefined) {
      this.#positions.set(offset, this.#offsets.length)
      this.#offsets.push(offset)
      this.#lengths.push(length)
      this.#channels.push(channel)
      this.#from.push(skip)
      this.#to.push(to)
      return true
    }
    if (this.#from[known]! <= skip && to <= this.#to[known]!) return false
    const more = this.#more.get(known)
    if (more === undefined) this.#more.set(known, [{ from: skip, to }])
    else if (!more.some((range) => range.from <= skip && to <= range.to)) more.push({ from: skip, to })
    return false
  }

  unchecked(segment: SegmentId): ReachedExtent[] {
    const extents: ReachedExtent[] = []
    for (let i = this.#checked; i < this.#offsets.length; i++) {
      const live = [{ from: this.#from[i]!, to: this.#to[i]! }, ...(this.#more.get(i) ?? [])]
      const [offset, length, channel] = [this.#offsets[i]!, this.#lengths[i]!, this.#channels[i]!]
      extents.push({ segment, offset, length, channel, live })
    }
    return extents.sort((a, b) => a.offset - b.offset)
  }

  noteChecked(): void {
    this.#checked = this.#offsets.length
  }
}

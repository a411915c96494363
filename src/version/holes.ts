// What was punched of a segment: bytes that went back to the file system in place, for good. They are neither
// live nor dead (invariant 5). An immutable value of the version, in chunks of which a record copies those
// that it touches, since a segment may have hundreds of thousands; a plain class without immer's mark, so
// that drafts neither copy nor freeze it.

import { partitionPoint } from '../binary-search.ts'
import { assert } from '../assert.ts'
import type { ByteRange } from './byte-ranges.ts'
import { meeting, sizeOf, unite } from './byte-ranges.ts'

/** Ranges of a chunk, at most twice as many: a list of 500,000 has 1,000 to 2,000 chunks. */
const CHUNK = 256

type Chunk = readonly ByteRange[]

export class Holes {
  /** Sorted, none empty; ranges neither overlap nor touch. */
  readonly #chunks: readonly Chunk[]
  /** Sum of their bytes. */
  readonly bytes: number

  private constructor(chunks: readonly Chunk[], bytes: number) {
    this.#chunks = chunks
    this.bytes = bytes
  }

  /**
   * These ranges, and those of `before`. Costs what they touch of it, and its chunks.
   * @throws AssertionError where there are none, one is empty, or bytes are in two of them: nothing is
   * punched twice
   */
  static of(ranges: readonly ByteRange[], before?: Holes): Holes {
    assert(ranges.length > 0, 'something is punched')
    for (const { start, end } of ranges) assert(start >= 0 && start < end, 'a hole has bytes')
    const { chunks, bytes } = added(before === undefined ? [] : before.#chunks, unite(ranges))
    assert(bytes === sizeOf(ranges), 'nothing is punched twice')
    return new Holes(chunks, (before?.bytes ?? 0) + bytes)
  }

  /** All of them in order, `most` at a time. */
  *portions(most: number): Generator<ByteRange[], void, void> {
    let portion: ByteRange[] = []
    for (const chunk of this.#chunks) {
      for (const range of chunk) {
        portion.push(range)
        if (portion.length < most) continue
        yield portion
        portion = []
      }
    }
    if (portion.length > 0) yield portion
  }

  /** Those that meet [start, end), whole and sorted. */
  meeting(start: number, end: number): ByteRange[] {
    const met: ByteRange[] = []
    for (let i = chunkReaching(this.#chunks, start + 1); i < this.#chunks.length; i++) {
      const chunk = this.#chunks[i]!
      if (chunk[0]!.start >= end) break
      for (const range of meeting(chunk, start, end)) met.push(range)
    }
    return met
  }

  /** Whether a byte of [start, end) was punched. */
  meets(start: number, end: number): boolean {
    const chunk = this.#chunks[chunkReaching(this.#chunks, start + 1)]
    return chunk !== undefined && chunk[0]!.start < end && meeting(chunk, start, end).length > 0
  }

  /** Whether these are the same bytes. */
  equals(other: Holes): boolean {
    if (this.bytes !== other.bytes) return false
    const others = other.portions(CHUNK)
    for (const portion of this.portions(CHUNK)) {
      const { value } = others.next()
      const isSame = (range: ByteRange, i: number): boolean =>
        value?.[i]?.start === range.start && value[i].end === range.end
      if (!portion.every(isSame)) return false
    }
    return others.next().done === true
  }

  /** End of the last one. */
  get end(): number {
    return this.#chunks.at(-1)!.at(-1)!.end
  }
}

/** The first chunk of which something ends at or behind `end`. */
function chunkReaching(chunks: readonly Chunk[], end: number): number {
  return partitionPoint(0, chunks.length, (i) => chunks[i]!.at(-1)!.end < end)
}

/** The chunks with these ranges, a set, added to them; and how many bytes more they hold. */
function added(before: readonly Chunk[], ranges: readonly ByteRange[]): { chunks: Chunk[]; bytes: number } {
  const chunks: Chunk[] = []
  let bytes = 0
  let from = 0
  /** Puts in what is a chunk by itself, unless it touches, or fits into, the one before it. */
  const put = (chunk: Chunk, isNew: boolean): void => {
    const last = chunks.at(-1)
    const isOne = last !== undefined && last.at(-1)!.end >= chunk[0]!.start
    if (last !== undefined && (isOne || (isNew && last.length + chunk.length <= CHUNK))) {
      chunks.pop()
      const united = unite([...last, ...chunk])
      if (isOne) bytes += sizeOf(united) - sizeOf(last) - sizeOf(chunk)
      for (const piece of divided(united)) chunks.push(piece)
    } else for (const piece of divided(chunk)) chunks.push(piece)
  }
  for (const [i, chunk] of before.entries()) {
    const next = before[i + 1]
    let to = from
    while (to < ranges.length && (next === undefined || ranges[to]!.start < next[0]!.start)) to++
    if (to === from) {
      put(chunk, false)
      continue
    }
    const united = unite([...chunk, ...ranges.slice(from, to)])
    bytes += sizeOf(united) - sizeOf(chunk)
    put(united, true)
    from = to
  }
  if (from < ranges.length) {
    const rest = ranges.slice(from)
    bytes += sizeOf(rest)
    put(rest, true)
  }
  return { chunks, bytes }
}

function divided(chunk: Chunk): Chunk[] {
  if (chunk.length <= 2 * CHUNK) return [chunk]
  const pieces: Chunk[] = []
  for (let from = 0; from < chunk.length; from += CHUNK) pieces.push(chunk.slice(from, from + CHUNK))
  return pieces
}

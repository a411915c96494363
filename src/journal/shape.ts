// The shape of what one writer commits to one group: its channels, the index channel first, with their
// types. Commits repeat a shape thousands of times, so each journal file defines it once and then
// refers to it by number.

import { byteWidth } from '../telem/data-type.ts'
import type { DataType } from '../telem/data-type.ts'

export interface Shape {
  /** Key of the index channel, which is the first of `keys`. */
  readonly index: number
  readonly keys: readonly number[]
  readonly types: readonly DataType[]
  /** Bytes of one sample, by ordinal. */
  readonly widths: readonly number[]
  /** The largest of `widths`. */
  readonly widest: number
  /** Bytes of one row over all channels. */
  readonly rowSize: number
  /** Ordinal of a channel key; undefined where the shape does not have it. */
  readonly ordinals: ReadonlyMap<number, number>
}

/** A shape of parallel lists; the first channel is the index channel. */
export function shapeOf(keys: readonly number[], types: readonly DataType[]): Shape {
  const widths = types.map(byteWidth)
  return {
    index: keys[0]!,
    keys,
    types,
    widths,
    widest: widths.reduce((most, width) => Math.max(most, width), 0),
    rowSize: widths.reduce((sum, width) => sum + width, 0),
    ordinals: new Map(keys.map((key, ordinal) => [key, ordinal])),
  }
}

/** The keys of shapes, each once, as they are asked for: of a hundred thousand the set alone takes 15 ms. */
export function* keysOf(shapes: ReadonlySet<Shape>): Generator<number, void, void> {
  const seen = new Set<number>()
  let left = shapes.size
  for (const { keys } of shapes) {
    left--
    for (const key of keys) {
      if (seen.has(key)) continue
      if (left > 0) seen.add(key)
      yield key
    }
  }
}

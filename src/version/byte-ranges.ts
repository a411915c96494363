// Sets of bytes of one file, as sorted lists of ranges that are disjoint and do not touch: arithmetic only.
// Used by the version (what was punched of a segment) and by collections (what is dead in it).

import { partitionPoint } from '../binary-search.ts'

/** Bytes [start, end) of a file; `start` is below `end`. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** The set of all bytes in these ranges, whatever their order, touching or not. */
export function unite(ranges: readonly ByteRange[]): ByteRange[] {
  const united: { start: number; end: number }[] = []
  for (const { start, end } of ranges.toSorted((a, b) => a.start - b.start)) {
    const last = united.at(-1)
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end)
    else united.push({ start, end })
  }
  return united
}

/**
 * What is in `set` and not in `without`; both are sets. What it holds of each range keeps the other fields of
 * it.
 */
export function subtract<R extends ByteRange>(set: readonly R[], without: readonly ByteRange[]): R[] {
  const left: R[] = []
  let next = 0
  for (const range of set) {
    let { start } = range
    while (next < without.length && without[next]!.end <= start) next++
    for (let i = next; i < without.length && without[i]!.start < range.end; i++) {
      if (without[i]!.start > start) left.push({ ...range, start, end: without[i]!.start })
      start = Math.max(start, without[i]!.end)
    }
    if (start < range.end) left.push({ ...range, start, end: range.end })
  }
  return left
}

/** Bytes of [start, end) that are not in `set`. */
export function complement(set: readonly ByteRange[], start: number, end: number): ByteRange[] {
  return start < end ? subtract([{ start, end }], set) : []
}

/** The ranges of a set that meet [start, end), whole. */
export function meeting<R extends ByteRange>(set: readonly R[], start: number, end: number): R[] {
  const met: R[] = []
  const first = partitionPoint(0, set.length, (i) => set[i]!.end <= start)
  for (let i = first; i < set.length && set[i]!.start < end; i++) met.push(set[i]!)
  return met
}

/** Bytes in a set. */
export function sizeOf(set: readonly ByteRange[]): number {
  return set.reduce((sum, { start, end }) => sum + end - start, 0)
}

/**
 * A set that is too long for one step, piece by piece: with each step what of it lies in one of the windows
 * of `size` bytes that follow one another from byte 0 on.
 */
export function* windowsOf(set: Iterable<ByteRange>, size: number): Generator<ByteRange[], void, void> {
  let window: ByteRange[] = []
  let limit = 0
  for (const { start, end } of set) {
    for (let from = start; from < end;) {
      if (from >= limit) {
        if (window.length > 0) yield window
        window = []
        limit = (Math.floor(from / size) + 1) * size
      }
      const to = Math.min(end, limit)
      window.push({ start: from, end: to })
      from = to
    }
  }
  if (window.length > 0) yield window
}

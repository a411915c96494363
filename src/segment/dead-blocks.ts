// Which bytes of an extent that is partly live nothing will ever read: those of blocks in which no sample is
// live. Header and block table stay, and so does every block that is cut: its checksums and statistics are
// of all its samples. Pure; planned with by collections.

import type { ByteRange } from '../version/byte-ranges.ts'
import { BLOCK_SAMPLES, EXTENT_HEADER_SIZE } from './extent-layout.ts'

/** Samples [from, to) of an extent. */
export interface SampleRange {
  readonly from: number
  readonly to: number
}

/**
 * Byte ranges of the file, sorted, of the blocks without a live sample; one with every step.
 * @param offset of the extent in its file
 * @param count samples of the extent, of `width` bytes each
 * @param live what pointers reach, in any order
 */
export function* deadBlocks(
  offset: number,
  count: number,
  width: number,
  live: readonly SampleRange[],
): Generator<ByteRange, void, void> {
  const data = offset + EXTENT_HEADER_SIZE
  /** Of samples [from, to), none of which is live. */
  const blocksIn = (from: number, to: number): ByteRange | undefined => {
    // The last block ends where the samples do.
    const last = to === count ? count : Math.floor(to / BLOCK_SAMPLES) * BLOCK_SAMPLES
    const first = Math.ceil(from / BLOCK_SAMPLES) * BLOCK_SAMPLES
    return first < last ? { start: data + first * width, end: data + last * width } : undefined
  }
  let next = 0
  for (const { from, to } of sorted(live)) {
    const dead = blocksIn(next, from)
    if (dead !== undefined) yield dead
    next = Math.max(next, to)
  }
  const dead = blocksIn(next, count)
  if (dead !== undefined) yield dead
}

/** Pointers come in order of time, which is that of an extent's samples, but for those of tails. */
function sorted(live: readonly SampleRange[]): readonly SampleRange[] {
  const isSorted = live.every(({ from }, i) => i === 0 || live[i - 1]!.from <= from)
  return isSorted ? live : live.toSorted((a, b) => a.from - b.from)
}

/** Blocks [from, to) of an extent. */
export interface BlockRange {
  readonly from: number
  readonly to: number
}

/** The blocks of an extent of `count` samples that hold a live one, in runs, in order. */
export function liveBlocks(count: number, live: readonly SampleRange[]): BlockRange[] {
  const runs: { from: number; to: number }[] = []
  for (const { from, to } of sorted(live)) {
    const first = Math.floor(from / BLOCK_SAMPLES)
    const end = Math.ceil(Math.min(to, count) / BLOCK_SAMPLES)
    const last = runs.at(-1)
    if (last !== undefined && first <= last.to) last.to = Math.max(last.to, end)
    else if (first < end) runs.push({ from: first, to: end })
  }
  return runs
}

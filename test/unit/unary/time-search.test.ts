// Times to positions and back, over the pointers and block tables of an index channel.

import { describe, expect, it } from 'vitest'
import { ShortPointerList } from '../../../src/domain/pointer-list.ts'
import { cutPointer, liveShare, rankOf, slicePointer, timeOfRank } from '../../../src/unary/time-search.ts'
import type { IndexSource } from '../../../src/unary/time-search.ts'
import { pointerTo } from '../../support/pointers.ts'
import { INDEX, StoredSegment } from '../../support/stored-segment.ts'

/** Index pointers to three pieces of two extents: 300 samples by tens, a hole, 50 by fives, and 10 of the first again. */
async function source(): Promise<{ index: IndexSource; times: bigint[] }> {
  const segment = await StoredSegment.create()
  const first = BigInt64Array.from({ length: 400 }, (_, i) => BigInt(i * 10))
  const second = BigInt64Array.from({ length: 50 }, (_, i) => BigInt(3200 + i * 5))
  const one = segment.append(INDEX, first)
  const two = segment.append(INDEX, second)
  const list = new ShortPointerList([
    pointerTo(0, 300, { ...one, segment: segment.id, end: 2991n, skip: 0 }),
    pointerTo(3200, 50, { ...two, segment: segment.id, end: 3446n, skip: 0 }),
    pointerTo(3800, 10, { ...one, segment: segment.id, end: 3891n, skip: 380 }),
  ])
  const reader = segment.reader()
  const times = [...first.subarray(0, 300), ...second, ...first.subarray(380, 390)]
  return { index: { list, owner: INDEX, segments: { reader: () => reader } }, times }
}

describe('the rank of a time', () => {
  it('is the number of samples before it, with its neighbours', async () => {
    const { index, times } = await source()
    for (const time of [
      -5n,
      0n,
      1n,
      10n,
      1279n,
      1280n,
      1281n,
      2990n,
      2991n,
      3100n,
      3200n,
      3443n,
      3446n,
      3799n,
      3805n,
      3890n,
      3891n,
      9999n,
    ]) {
      const rank = times.filter((each) => each < time).length
      expect(rankOf(index, time)).toEqual({ rank, at: times[rank], before: times[rank - 1] })
    }
  })

  it('is turned back into the time', async () => {
    const { index, times } = await source()
    for (const rank of [0, 1, 127, 128, 129, 298, 299, 300, 301, 349, 350, 355, 359])
      expect(timeOfRank(index, rank)).toBe(times[rank])
  })
})

describe('cutting a pointer', () => {
  it('of a data channel counts by the index channel, whatever the boundaries of its pointers', async () => {
    const { index, times } = await source()
    // Samples 100..355 of the group, in another extent with other boundaries.
    const data = pointerTo(1000, 200, { start: 1000n, end: 2991n, count: 200 })
    for (const [start, end] of [
      [0n, 9999n],
      [1000n, 2991n],
      [1001n, 2990n],
      [1005n, 1006n],
      [2985n, 2990n],
      [5n, 1000n],
      [2991n, 9999n],
      [1500n, 1500n],
    ] as const) {
      const own = times.slice(100, 300)
      const cut = cutPointer(index, data, start, end)
      const inside = own.filter((time) => time >= start && time < end)
      expect(Math.max(0, cut.to - cut.from)).toBe(inside.length)
      if (inside.length === 0) continue
      expect(own.slice(cut.from, cut.to)).toEqual(inside)
      expect([cut.first, cut.last]).toEqual([inside[0], inside.at(-1)! + 1n])
      if (cut.from > 0) expect(cut.endBefore).toBe(own[cut.from - 1]! + 1n)
      if (cut.to < data.count) expect(cut.startAfter).toBe(own[cut.to])
    }
  })
})

describe('live bytes', () => {
  // 0006-I2
  it('of pieces side by side add up, in proportion, and are never 0', () => {
    const pointer = pointerTo(0, 10, { live: 103 })
    const pieces = [
      [0, 3],
      [3, 4],
      [4, 10],
    ].map(([from, to]) => slicePointer(pointer, from!, to!, BigInt(from!), BigInt(to!), false))
    expect(pieces.reduce((sum, { live }) => sum + live, 0)).toBe(103)
    expect(pieces.map(({ skip, count }) => [skip, count])).toEqual([
      [0, 3],
      [3, 1],
      [4, 6],
    ])
    expect(liveShare(2, 1000, 5, 6)).toBe(1)
  })
})

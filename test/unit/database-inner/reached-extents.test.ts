// The extents that a verification is to check: each once, by segment and in their order, with all that pointers reach.

import { describe, expect, it } from 'vitest'
import { ReachedExtents } from '../../../src/database/verify/reached-extents.ts'
import { DATA_CHANNEL, INDEX_CHANNEL, pointerTo } from '../../support/pointers.ts'

function placesOf(extents: ReachedExtents, segment: number): number[] {
  return [...extents.unchecked(segment)].flat().map(({ offset }) => offset)
}

describe('reached extents', () => {
  it('are told segment by segment, in their order, however they came', () => {
    const extents = new ReachedExtents()
    const places = [
      [2, 64],
      [1, 9_000_000],
      [1, 500],
      [2, 2 ** 32],
      [1, 64],
      [1, 300_000],
      [1, 262_144],
    ] as const
    for (const [segment, offset] of places) extents.add(DATA_CHANNEL, pointerTo(0, 4, { segment, offset }))
    expect([extents.size, extents.uncheckedSegments]).toEqual([7, [1, 2]])
    expect(placesOf(extents, 1)).toEqual([64, 500, 262_144, 300_000, 9_000_000])
    expect(placesOf(extents, 2)).toEqual([64, 2 ** 32])
    expect([...extents.unchecked(1)].length).toBe(3)
  })

  it('are each told once, with all that pointers reach of them', () => {
    const extents = new ReachedExtents()
    for (const [skip, count] of [
      [10, 5],
      [11, 2],
      [0, 5],
      [2, 3],
      [10, 5],
      [30, 1],
    ] as const)
      extents.add(INDEX_CHANNEL, pointerTo(0, count, { segment: 1, offset: 64, skip }))
    const [extent, ...others] = [...extents.unchecked(1)].flat()
    expect([extents.size, others.length, extent!.channel]).toEqual([1, 0, INDEX_CHANNEL])
    expect(extent!.live).toEqual([
      { from: 10, to: 15 },
      { from: 0, to: 5 },
      { from: 30, to: 31 },
    ])
  })

  it('that were checked are not told again, those that come afterwards are', () => {
    const extents = new ReachedExtents()
    extents.add(DATA_CHANNEL, pointerTo(0, 4, { segment: 1, offset: 500 }))
    extents.noteChecked(1)
    extents.add(DATA_CHANNEL, pointerTo(0, 4, { segment: 1, offset: 500 }))
    expect([extents.uncheckedSegments, placesOf(extents, 1)]).toEqual([[], []])
    extents.add(DATA_CHANNEL, pointerTo(0, 4, { segment: 1, offset: 64 }))
    expect([extents.uncheckedSegments, placesOf(extents, 1), extents.size]).toEqual([[1], [64], 2])
  })
})

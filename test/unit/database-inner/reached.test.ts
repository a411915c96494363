// Reached: what no pointer reaches, whatever the order that they came in, and a part of it with every step.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Reached } from '../../../src/database/collection/reached.ts'
import { complement, unite } from '../../../src/version/byte-ranges.ts'
import { propertyOptions } from '../../support/seeds.ts'

const MIB = 2 ** 20

describe('what nothing reaches', () => {
  it('is what is left between the extents, in whatever order they come, however often', () => {
    // About a megabyte each, so that they begin in many buckets and pass over some.
    const extents = fc.array(
      fc.tuple(fc.integer({ min: 0, max: 3 * MIB }), fc.integer({ min: 1, max: 3 * MIB })),
    )
    fc.assert(
      fc.property(extents, fc.integer({ min: 100, max: 64 * MIB }), fc.boolean(), (parts, end, twice) => {
        let at = 64
        const ranges = parts.map(([gap, length]) => ({ start: (at += gap), end: (at += length) }))
        const given = twice ? [...ranges.toReversed(), ...ranges] : ranges.toReversed()
        const reached = new Reached()
        for (const range of given) reached.add(range.start, range.end - range.start)
        expect([...reached.gaps(64, end)].flat()).toEqual(complement(unite(ranges), 64, end))
      }),
      propertyOptions(200),
    )
  })

  it('is told in parts: of a segment of many small extents none is long', () => {
    const reached = new Reached()
    for (let i = 199_999; i >= 0; i--) reached.add(64 + i * 200, 100)
    const parts = [...reached.gaps(64, 64 + 200_000 * 200)]
    expect(parts.flat()).toHaveLength(200_000)
    expect(Math.max(...parts.map((gaps) => gaps.length))).toBeLessThan(6_000)
  })
})

// Sets of bytes, and what was punched as one of them (0006-I8).

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { complement, sizeOf, subtract, unite } from '../../../src/version/byte-ranges.ts'
import type { ByteRange } from '../../../src/version/byte-ranges.ts'
import { Holes } from '../../../src/version/holes.ts'
import { propertyOptions } from '../../support/seeds.ts'

const END = 60

const ranges = fc.array(
  fc
    .tuple(fc.integer({ min: 0, max: END - 1 }), fc.integer({ min: 1, max: 12 }))
    .map(([start, length]) => ({ start, end: start + length })),
  { maxLength: 8 },
)

const bytesOf = (set: readonly ByteRange[]): Set<number> =>
  new Set(set.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i)))

const sorted = (bytes: Iterable<number>): number[] => [...bytes].sort((a, b) => a - b)

describe('sets of bytes', () => {
  it('unite, subtract and complement as sets of numbers do', () => {
    fc.assert(
      fc.property(ranges, ranges, (a, b) => {
        const [x, y] = [unite(a), unite(b)]
        expect(sorted(bytesOf(x))).toEqual(sorted(bytesOf(a)))
        expect(sizeOf(x)).toBe(bytesOf(a).size)
        expect(x.every(({ start }, i) => i === 0 || x[i - 1]!.end < start)).toBe(true)
        const without = bytesOf(y)
        expect(sorted(bytesOf(subtract(x, y)))).toEqual(
          sorted(bytesOf(x)).filter((byte) => !without.has(byte)),
        )
        expect(sorted(bytesOf(complement(x, 5, END)))).toEqual(
          sorted(bytesOf([{ start: 5, end: END }])).filter((byte) => !bytesOf(x).has(byte)),
        )
      }),
      propertyOptions(200),
    )
  })
})

describe('holes', () => {
  it('are one where they touch, and know what they meet', () => {
    const holes = Holes.of(
      [
        { start: 20, end: 30 },
        { start: 0, end: 10 },
      ],
      Holes.of([{ start: 10, end: 15 }]),
    )
    expect(holes.ranges).toEqual([
      { start: 0, end: 15 },
      { start: 20, end: 30 },
    ])
    expect(holes).toMatchObject({ bytes: 25, end: 30 })
    expect(holes.meets(15, 20)).toBe(false)
    expect(holes.meets(14, 16)).toBe(true)
    expect(holes.meets(0, 100)).toBe(true)
    expect(holes.meets(30, 40)).toBe(false)
  })

  it('are never made twice, and never of nothing', () => {
    const holes = Holes.of([{ start: 10, end: 20 }])
    expect(() => Holes.of([{ start: 19, end: 25 }], holes)).toThrow('nothing is punched twice')
    expect(() => Holes.of([], holes)).toThrow('something is punched')
    expect(() => Holes.of([{ start: 30, end: 30 }], holes)).toThrow('a hole has bytes')
    expect(() =>
      Holes.of([
        { start: 30, end: 34 },
        { start: 33, end: 40 },
      ]),
    ).toThrow('nothing is punched twice')
  })
})

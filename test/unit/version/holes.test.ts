// Sets of bytes, and what was punched as one of them (0006-I8).

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { complement, sizeOf, subtract, unite } from '../../../src/version/byte-ranges.ts'
import type { ByteRange } from '../../../src/version/byte-ranges.ts'
import { Holes } from '../../../src/version/holes.ts'
import { propertyOptions } from '../../support/seeds.ts'
import { rangesOf } from '../../support/holes.ts'

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
    expect(rangesOf(holes)).toEqual([
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

  // So many that they lie in several chunks, some of which are filled, joined and divided.
  it('are the same set, however many there are and in whatever portions they were made', () => {
    const CELLS = 4000
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 1500 }),
        fc.integer({ min: 1, max: 3 }),
        (seed, most, width) => {
          let state = seed
          const random = (below: number): number => {
            state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff
            return (state >>> 8) % below
          }
          const punched = new Uint8Array(CELLS * width)
          const order = Array.from({ length: CELLS }, (_, i) => i)
          for (let i = CELLS - 1; i > 0; i--) {
            const j = random(i + 1)
            ;[order[i], order[j]] = [order[j]!, order[i]!]
          }
          let holes: Holes | undefined
          for (let from = 0; from < CELLS * 0.6;) {
            const batch = order.slice(from, (from += 1 + random(most)))
            holes = Holes.of(
              batch.map((cell) => ({ start: cell * width, end: cell * width + 1 + random(width) })),
              holes,
            )
            for (const { start, end } of rangesOf(holes)) punched.fill(1, start, end)
          }
          const all = holes!
          const expected: ByteRange[] = []
          for (let at = 0; at < punched.length; at++) {
            if (punched[at] === 0) continue
            const start = at
            while (punched[at] === 1) at++
            expected.push({ start, end: at })
          }
          expect(rangesOf(all)).toEqual(expected)
          expect(all.bytes).toBe(sizeOf(expected))
          expect(all.end).toBe(expected.at(-1)!.end)
          for (const size of [1, 100, 100_000]) {
            const portions = [...all.portions(size)]
            expect(portions.flat()).toEqual(expected)
            expect(portions.slice(0, -1).every(({ length }) => length === size)).toBe(true)
          }
          expect(all.equals(Holes.of(expected))).toBe(true)
          if (expected.length > 1) expect(all.equals(Holes.of(expected.slice(1)))).toBe(false)
          for (let i = 0; i < 50; i++) {
            const start = random(CELLS * width)
            const end = start + 1 + random(20)
            const met = expected.filter((range) => range.start < end && range.end > start)
            expect(all.meeting(start, end)).toEqual(met)
            expect(all.meets(start, end)).toBe(met.length > 0)
          }
          const [some] = expected
          expect(() => Holes.of([{ start: some!.start, end: some!.start + 1 }], all)).toThrow('punched twice')
          expect(() => Holes.of([{ start: 0, end: CELLS * width }], all)).toThrow('punched twice')
        },
      ),
      propertyOptions(40),
    )
  })

  it('leave those before as they were', () => {
    const first = Holes.of(Array.from({ length: 2000 }, (_, i) => ({ start: 10 * i, end: 10 * i + 5 })))
    const [before, bytes] = [rangesOf(first), first.bytes]
    Holes.of(
      Array.from({ length: 1999 }, (_, i) => ({ start: 10 * i + 5, end: 10 * i + 10 })),
      first,
    )
    expect([rangesOf(first), first.bytes]).toEqual([before, bytes])
  })
})

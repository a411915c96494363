// Binary searches give what looking at one after the other gives.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lastAtMost, lowerBound, partitionPoint } from '../../src/binary-search.ts'
import { propertyOptions } from '../support/seeds.ts'

const ascending = fc
  .array(fc.integer({ min: -20, max: 20 }), { maxLength: 40 })
  .map((list) => list.sort((a, b) => a - b))
const wanted = fc.integer({ min: -22, max: 22 })

/** Bounds within a list. */
function boundsIn({ length }: { readonly length: number }): fc.Arbitrary<[number, number]> {
  return fc
    .tuple(fc.nat({ max: length }), fc.nat({ max: length }))
    .map(([a, b]) => [Math.min(a, b), Math.max(a, b)])
}

const listAndBounds = ascending.chain((list) => fc.tuple(fc.constant(list), boundsIn(list)))

describe('partitionPoint', () => {
  it('is the first within bounds that is not before, each looked at once at most', () => {
    fc.assert(
      fc.property(listAndBounds, wanted, ([list, [from, to]], value) => {
        const looked: number[] = []
        const found = partitionPoint(from, to, (i) => {
          looked.push(i)
          return list[i]! < value
        })
        const expected = list.findIndex((each, i) => i >= from && i < to && each >= value)
        expect(found).toBe(expected < 0 ? to : expected)
        expect(new Set(looked).size).toBe(looked.length)
        expect(looked.length).toBeLessThanOrEqual(Math.ceil(Math.log2(to - from + 1)))
      }),
      propertyOptions(300),
    )
  })
})

describe('lowerBound', () => {
  it('is the first time within bounds that is at or after another', () => {
    fc.assert(
      fc.property(listAndBounds, wanted, ([list, [from, to]], value) => {
        const times = BigInt64Array.from(list, BigInt)
        const within = list.slice(from, to).filter((each) => each < value).length
        expect(lowerBound(times, BigInt(value), from, to)).toBe(from + within)
        expect(lowerBound(times, BigInt(value))).toBe(list.filter((each) => each < value).length)
      }),
      propertyOptions(300),
    )
  })
})

describe('lastAtMost', () => {
  it('is the last sum that is not above a value, of the first so many', () => {
    fc.assert(
      fc.property(listAndBounds, wanted, ([list, [, length]], value) => {
        const expected = list.findLastIndex((each, i) => i < length && each <= value)
        expect(lastAtMost(list, length, value)).toBe(Math.max(0, expected))
      }),
      propertyOptions(300),
    )
  })
})

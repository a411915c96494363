// Which blocks of an extent can be given back, and which are read (invariants 4 and 5).

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deadBlocks, liveBlocks } from '../../../src/segment/dead-blocks.ts'
import { propertyOptions } from '../../support/seeds.ts'

const DATA = 1000 + 64

describe('dead blocks', () => {
  it('are those without a live sample; header and table stay', () => {
    expect([...deadBlocks(1000, 5000, 8, [{ from: 2048, to: 2049 }])]).toEqual([
      { start: DATA, end: DATA + 2048 * 8 },
      { start: DATA + 3072 * 8, end: DATA + 5000 * 8 },
    ])
    expect([...deadBlocks(1000, 5000, 8, [{ from: 0, to: 5000 }])]).toEqual([])
    expect([...deadBlocks(1000, 500, 8, [{ from: 499, to: 500 }])]).toEqual([])
    expect([...deadBlocks(1000, 1025, 1, [{ from: 0, to: 1 }])]).toEqual([
      { start: DATA + 1024, end: DATA + 1025 },
    ])
  })

  it('and the live ones are all of them, and never both', () => {
    const part = fc
      .tuple(fc.integer({ min: 0, max: 9999 }), fc.integer({ min: 1, max: 4000 }))
      .map(([from, length]) => ({ from, to: Math.min(10_000, from + length) }))
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (live) => {
        const blocks = Array.from({ length: 10 }, () => 0)
        const mark = (from: number, to: number): void => {
          for (let block = from; block < to; block++) blocks[block]!++
        }
        for (const { from, to } of liveBlocks(10_000, live)) mark(from, to)
        for (const { start, end } of deadBlocks(0, 10_000, 2, live))
          mark((start - 64) / 2048, Math.ceil((end - 64) / 2048))
        expect(blocks).toEqual(Array.from({ length: 10 }, () => 1))
      }),
      propertyOptions(200),
    )
  })
})

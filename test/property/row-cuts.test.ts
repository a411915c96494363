// What deletes took of rows, against a list of ranges for each channel: what others share must not show.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RowCuts } from '../../src/domain/row-cuts.ts'
import type { RowRange } from '../../src/domain/row-cuts.ts'
import { shapeOf } from '../../src/journal/shape.ts'
import { propertyOptions } from '../support/seeds.ts'

const KEYS = [3, 4, 7, 9, 12]
/** No channel of the shape. */
const STRANGE = 5

const SHAPE = shapeOf(KEYS, ['timestamp', 'float64', 'uint8', 'int16', 'float32'])

const ordinalOf = (key: number): number => SHAPE.ordinals.get(key)!

const cut = fc.record({
  keys: fc.array(fc.constantFrom(...KEYS), { minLength: 1 }),
  from: fc.integer({ min: 0, max: 12 }),
  count: fc.integer({ min: 0, max: 4 }),
})

/** Rows that were taken, and rows that go on with nothing, of one channel. */
function touched(ranges: readonly RowRange[]): { rows: number[]; parted: number[] } {
  const rows = ranges.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i))
  return { rows, parted: ranges.map(({ to }) => to) }
}

describe('cuts of rows', () => {
  // 0003-I3
  it('are what each channel alone would have, and no cut changes those before it', () => {
    fc.assert(
      fc.property(fc.array(cut, { maxLength: 12 }), (list) => {
        let cuts = RowCuts.none
        const taken = new Map(KEYS.map((key) => [key, new Set<number>()]))
        const kept: { cuts: RowCuts; told: string }[] = []
        const told = (of: RowCuts): string => JSON.stringify(KEYS.map((key) => of.get(key) ?? []))
        for (const { keys, from, count } of list) {
          kept.push({ cuts, told: told(cuts) })
          cuts = cuts.with(SHAPE, keys.map(ordinalOf), from, from + count)
          for (const key of keys) for (let row = from; row < from + count; row++) taken.get(key)!.add(row)
          const alone = RowCuts.none.with(SHAPE, [ordinalOf(keys[0]!)], from, from + count).get(keys[0]!)!
          expect(alone).toEqual([{ from, to: from + count }])
          for (const key of KEYS) {
            const ranges = cuts.get(key) ?? []
            const { rows, parted } = touched(ranges)
            expect(rows).toEqual([...taken.get(key)!].sort((a, b) => a - b))
            for (let i = 1; i < ranges.length; i++) expect(ranges[i]!.from).toBeGreaterThan(ranges[i - 1]!.to)
            // What follows the cut just made is parted from what lay before it, or was taken too.
            if (keys.includes(key))
              expect(parted.includes(from + count) || rows.includes(from + count)).toBe(true)
          }
          expect(cuts.get(STRANGE)).toBeUndefined()
          expect(cuts.size).toBeLessThanOrEqual(KEYS.length)
        }
        for (const old of kept) expect(told(old.cuts)).toBe(old.told)
      }),
      propertyOptions(100),
    )
  })
})

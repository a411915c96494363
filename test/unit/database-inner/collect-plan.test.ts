// The decisions of a collection (0006): pure, and none of them needs a disk.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  deadBytes,
  isDeadEnough,
  planBatches,
  planGather,
  HolePlan,
  planMerge,
} from '../../../src/database/collection/collect-plan.ts'
import type { DeadRange } from '../../../src/database/collection/dead-ranges.ts'
import { unite } from '../../../src/version/byte-ranges.ts'
import type { ByteRange } from '../../../src/version/byte-ranges.ts'
import type { Pointer } from '../../../src/version/pointer.ts'
import { pointerTo } from '../../support/pointers.ts'
import { propertyOptions } from '../../support/seeds.ts'

/** What a plan comes to, without its steps. */
function partsOf<T>(plan: Iterable<T | undefined>): T[] {
  return [...plan].filter((part) => part !== undefined)
}

describe('a segment is dead enough', () => {
  const account = { size: 1000, live: 300, needed: 400, punched: 200 }

  it('by its share of what it takes on the disk', () => {
    expect(deadBytes(account)).toBe(400)
    expect(isDeadEnough(account, 0.5)).toBe(true)
    expect(isDeadEnough(account, 0.51)).toBe(false)
  })

  it('for threshold 0 where anything is dead, and never where nothing is', () => {
    expect(isDeadEnough({ ...account, needed: 799 }, 0)).toBe(true)
    expect(isDeadEnough({ ...account, needed: 800 }, 0)).toBe(false)
  })
})

describe('holes', () => {
  const dead = (start: number, end: number, lsn = 1): { start: number; end: number; lsn: number } => ({
    start,
    end,
    lsn,
  })

  function planHoles(ranges: readonly DeadRange[], oldest: number, blockSize: number): ByteRange[] {
    const plan = new HolePlan(oldest, blockSize)
    return [...plan.add(ranges), ...plan.finish()]
  }

  it('are whole blocks of dead neighbours, ends cut inwards', () => {
    expect(planHoles([dead(100, 5000), dead(5000, 9000)], 9, 4096)).toEqual([{ start: 4096, end: 8192 }])
    expect(planHoles([dead(100, 4096), dead(8192, 8200)], 9, 4096)).toEqual([])
    expect(planHoles([dead(4096, 8192), dead(12_000, 20_000)], 9, 4096)).toEqual([
      { start: 4096, end: 8192 },
      { start: 12_288, end: 16_384 },
    ])
  })

  it('hold nothing that a record behind the oldest pin has freed', () => {
    const ranges = [dead(0, 4096, 3), dead(4096, 8192, 7), dead(8192, 12_288, 5)]
    expect(planHoles(ranges, 5, 4096)).toEqual([
      { start: 0, end: 4096 },
      { start: 8192, end: 12_288 },
    ])
    expect(planHoles(ranges, 2, 4096)).toEqual([])
    expect(planHoles(ranges, Infinity, 4096)).toEqual([{ start: 0, end: 12_288 }])
  })

  it('are the same in whatever portions the ranges come, also one that goes on over many of them', () => {
    const parts = fc.array(fc.tuple(fc.nat({ max: 3 }), fc.integer({ min: 1, max: 40 }), fc.nat({ max: 9 })))
    fc.assert(
      fc.property(parts, fc.array(fc.nat({ max: 4 }), { minLength: 1 }), (list, sizes) => {
        let at = 0
        const ranges = list.map(([gap, length, lsn]) => dead((at += gap), (at += length), lsn))
        const plan = new HolePlan(6, 8)
        const holes: ByteRange[] = []
        for (let from = 0, i = 0; from < ranges.length; i++) {
          const size = Math.max(sizes[i % sizes.length]!, i % sizes.length)
          holes.push(...plan.add(ranges.slice(from, from + size)))
          from += Math.max(size, i % 2)
          if (size === 0 && i % 2 === 1) holes.push(...plan.add(ranges.slice(from - 1, from)))
        }
        holes.push(...plan.finish())
        const expected = unite(ranges.filter(({ lsn }) => lsn <= 6))
          .map(({ start, end }) => ({ start: Math.ceil(start / 8) * 8, end: Math.floor(end / 8) * 8 }))
          .filter(({ start, end }) => start < end)
        expect(holes).toEqual(expected)
      }),
      propertyOptions(300),
    )
  })
})

it('segments are rewritten together as far as what lives in them fits, the emptiest first', () => {
  const live = (segment: string): number => segment.length
  expect(planBatches(['aaaa', 'b', 'cc', 'ddddddd'], live, 4)).toEqual([['b', 'cc'], ['aaaa'], ['ddddddd']])
  expect(planBatches([], live, 4)).toEqual([])
})

describe('small segments', () => {
  const size = (bytes: number): number => bytes

  it('are gathered once there are many, large ones never', () => {
    const many = Array.from({ length: 8 }, () => 10)
    expect(planGather(many.slice(1), size, 1000)).toEqual([])
    expect(planGather(many, size, 1000)).toEqual(many)
    expect(planGather([...many, 125, 900], size, 1000)).toEqual(many)
    expect(planGather([...many, 90], size, 1000)).toEqual(many)
    expect(planGather([...many, 80], size, 1000)).toEqual([80, ...many])
  })

  it('stay few, and are written again a few times', () => {
    let segments: number[] = []
    let written = 0
    for (let run = 1; run <= 5000; run++) {
      segments.push(1)
      const gathered = planGather(segments, size, 8 * 4096)
      if (gathered.length === 0) continue
      const sum = gathered.reduce((a, b) => a + b, 0)
      written += sum
      segments = [...segments.filter((segment) => segment !== 1 && !gathered.includes(segment)), sum]
      expect(segments.length).toBeLessThan(40)
    }
    expect(written).toBeLessThan(12 * 5000)
  })
})

describe('small neighbours', () => {
  const run = (...sizes: number[]): Pointer[] =>
    sizes.map((live, i) => pointerTo(i * 10, 5, { live, length: live, joined: i > 0 }))

  it('are merged, however many', () => {
    const pointers = run(...Array.from({ length: 1000 }, () => 100))
    expect(partsOf(planMerge(pointers, 1e6))).toEqual([pointers])
    expect(partsOf(planMerge(run(100), 1e6))).toEqual([])
    expect(partsOf(planMerge([], 1e6))).toEqual([])
  })

  it('are merged into extents of bounded size', () => {
    const parts = partsOf(planMerge(run(...Array.from({ length: 7 }, () => 100)), 15))
    expect(parts.map(({ length }) => length)).toEqual([3, 3])
  })

  it('do not take a far larger one along for a little', () => {
    const [large, ...rest] = run(10_000, 100, 100)
    expect(partsOf(planMerge([large!, ...rest], 1e6))).toEqual([rest])
    expect(partsOf(planMerge(run(10_000, 100), 1e6))).toEqual([])
    const grown = run(10_000, 2000, 1000)
    expect(partsOf(planMerge(grown, 1e6))).toEqual([grown])
    const many = run(...Array.from({ length: 20_000 }, () => 100))
    const steps = [...planMerge(many, 1e6)]
    expect(steps.filter((step) => step === undefined)).toHaveLength(2)
    expect(partsOf(steps)).toEqual([many])
  })

  // Pitfall: one pointer a sample.
  it('stay few, and are written again a few times at most, whenever collections come', () => {
    const sizes = fc.array(fc.integer({ min: 80, max: 2000 }), { minLength: 1, maxLength: 400 })
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 40 }), (flushes, every) => {
        let small: number[] = []
        let written = 0
        for (const [i, size] of flushes.entries()) {
          small.push(size)
          if (i % every !== 0 && i < flushes.length - 1) continue
          const kept = run(...small)
          for (const part of partsOf(planMerge(kept, 1e9))) {
            const merged = part.reduce((sum, { live }) => sum + live, 0)
            written += merged
            kept.splice(kept.indexOf(part[0]!), part.length, { ...part[0]!, live: merged })
          }
          small = kept.map(({ live }) => live)
          if (small.at(-1)! >= 16_384) small = []
          expect(small.length).toBeLessThanOrEqual(8)
        }
        const all = flushes.reduce((sum, size) => sum + size, 0)
        expect(written).toBeLessThan(24 * all)
      }),
      propertyOptions(100),
    )
  })
})

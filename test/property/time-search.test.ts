// Laws of time resolution: over random extents, pieces and gaps, ranks and cuts are what a search through
// the plain list of times finds.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ShortPointerList } from '../../src/domain/pointer-list.ts'
import { cutPointer, rankOf, timeOfRank } from '../../src/unary/time-search.ts'
import type { IndexSource } from '../../src/unary/time-search.ts'
import type { Pointer } from '../../src/version/pointer.ts'
import { PointerTable } from '../../src/version/pointer-table.ts'
import { pointerTo } from '../support/pointers.ts'
import { propertyOptions } from '../support/seeds.ts'
import { INDEX, StoredSegment } from '../support/stored-segment.ts'

/** An extent: how far behind the one before it begins, its steps, and what a pointer reaches of it (shares of 1000). */
const extent = fc.record({
  gap: fc.integer({ min: 0, max: 2000 }),
  count: fc.oneof(
    fc.integer({ min: 1, max: 20 }),
    fc.integer({ min: 100, max: 700 }),
    fc.constantFrom(127, 128, 129, 256, 1024, 1025),
  ),
  step: fc.integer({ min: 1, max: 50 }),
  from: fc.nat({ max: 500 }),
  to: fc.integer({ min: 501, max: 1000 }),
})

const extents = fc.array(extent, { minLength: 1, maxLength: 6 })

async function build(
  list: readonly (typeof extent extends fc.Arbitrary<infer E> ? E : never)[],
  asTable: boolean,
): Promise<{ index: IndexSource; times: bigint[] }> {
  const segment = await StoredSegment.create()
  const pointers: Pointer[] = []
  const times: bigint[] = []
  let next = -500n
  for (const { gap, count, step, from, to } of list) {
    const all = BigInt64Array.from(
      { length: count },
      (_, i) => next + BigInt(gap + i * step + ((i * 7) % step)),
    )
    const ref = segment.append(INDEX, all)
    const skip = Math.floor((from * (count - 1)) / 1000)
    const reached = all.subarray(skip, Math.max(skip + 1, Math.floor((to * count) / 1000)))
    pointers.push(
      pointerTo(0, 1, {
        ...ref,
        segment: segment.id,
        start: reached[0]!,
        end: reached.at(-1)! + 1n,
        skip,
        count: reached.length,
        live: 1,
      }),
    )
    times.push(...reached)
    next = all.at(-1)! + 1n
  }
  const reader = segment.reader()
  const source = asTable ? PointerTable.from(pointers) : new ShortPointerList(pointers)
  return { index: { list: source, owner: INDEX, segments: { reader: () => reader } }, times }
}

describe('time search', () => {
  it('ranks any time as a plain list does, and turns ranks back', async () => {
    await fc.assert(
      fc.asyncProperty(
        extents,
        fc.boolean(),
        fc.array(fc.nat(), { minLength: 1, maxLength: 20 }),
        async (list, asTable, picks) => {
          const { index, times } = await build(list, asTable)
          for (const pick of picks) {
            for (const delta of [-1n, 0n, 1n]) {
              const time = times[pick % times.length]! + delta
              const at = times.findIndex((each) => each >= time)
              const rank = at < 0 ? times.length : at
              expect(rankOf(index, time)).toEqual({ rank, at: times[rank], before: times[rank - 1] })
            }
            expect(timeOfRank(index, pick % times.length)).toBe(times[pick % times.length])
          }
        },
      ),
      propertyOptions(80),
    )
  })

  // 0003-I4
  it('cuts a data pointer with any boundaries inside a run as a plain list does', async () => {
    await fc.assert(
      fc.asyncProperty(extents, fc.nat(), fc.nat(), fc.nat(), fc.nat(), async (list, a, b, c, d) => {
        const { index, times } = await build(list, true)
        const [from, to] = [a % times.length, b % times.length].sort((x, y) => x - y) as [number, number]
        const own = times.slice(from, to + 1)
        const data = pointerTo(0, 1, { start: own[0]!, end: own.at(-1)! + 1n, count: own.length })
        const [start, end] = [
          times[c % times.length]! + BigInt(d % 3) - 1n,
          times[d % times.length]! + BigInt(c % 3) - 1n,
        ].sort((x, y) => (x < y ? -1 : 1)) as [bigint, bigint]
        const cut = cutPointer(index, data, start, end)
        const inside = own.filter((time) => time >= start && time < end)
        expect(Math.max(0, cut.to - cut.from)).toBe(inside.length)
        if (inside.length === 0) return
        expect(own.slice(cut.from, cut.to)).toEqual(inside)
        expect([cut.first, cut.last]).toEqual([inside[0], inside.at(-1)! + 1n])
        if (cut.from > 0) expect(cut.endBefore).toBe(own[cut.from - 1]! + 1n)
        if (cut.to < own.length) expect(cut.startAfter).toBe(own[cut.to])
      }),
      propertyOptions(150),
    )
  })
})

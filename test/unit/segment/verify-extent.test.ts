import { describe, expect, it } from 'vitest'
import type { ExtentOwner } from '../../../src/segment/extent-header.ts'
import { verifyExtent } from '../../../src/segment/verify-extent.ts'
import type { NumericArray } from '../../../src/telem/data-type.ts'
import { dataOwner, doubles, INDEX, StoredSegment, times } from '../../support/stored-segment.ts'

describe('verifyExtent', () => {
  const cases: [string, ExtentOwner, NumericArray][] = [
    ['an index channel', INDEX, times(300)],
    ['doubles', dataOwner('float64'), doubles(300)],
    ['bytes with padding', dataOwner('uint8'), Uint8Array.from({ length: 131 }, (_, i) => i)],
    ['a single sample', dataOwner('int16'), Int16Array.of(-3)],
  ]

  it.each(cases)('finds every flipped byte of an extent of %s', async (_what, owner, samples) => {
    const segment = await StoredSegment.create()
    segment.append(owner, samples)
    const ref = segment.append(owner, samples)
    segment.append(owner, samples)
    for (let offset = ref.offset; offset < ref.offset + ref.length; offset++) {
      const mask = 1 << (offset & 7)
      segment.flip(offset, mask)
      const problems = await verifyExtent(segment.file, segment.seed, ref, owner)
      expect(problems, `byte ${offset - ref.offset}`).not.toHaveLength(0)
      for (const problem of problems) {
        expect(problem).toMatchObject({ file: segment.path, channel: owner.channel })
        expect(problem.offset).toBeGreaterThanOrEqual(ref.offset)
        expect(problem.offset).toBeLessThan(ref.offset + ref.length)
      }
      segment.flip(offset, mask)
    }
    expect(await verifyExtent(segment.file, segment.seed, ref, owner)).toEqual([])
  })

  it.each(cases)('finds an extent of %s cut short anywhere', async (_what, owner, samples) => {
    const segment = await StoredSegment.create()
    const ref = segment.append(owner, samples)
    for (let size = ref.offset + ref.length - 1; size >= ref.offset; size -= 5) {
      segment.file.truncateNow(size)
      expect(await verifyExtent(segment.file, segment.seed, ref, owner)).toHaveLength(1)
    }
  })

  it('finds nothing in a sound extent of several chunks', async () => {
    const segment = await StoredSegment.create()
    const index = segment.append(INDEX, times(300_000))
    const data = segment.append(dataOwner('float64'), doubles(300_000))
    expect(await verifyExtent(segment.file, segment.seed, index, INDEX)).toEqual([])
    expect(await verifyExtent(segment.file, segment.seed, data, dataOwner('float64'))).toEqual([])
  })

  it('reports every bad unit with its place', async () => {
    const segment = await StoredSegment.create()
    const ref = segment.append(dataOwner('float64'), doubles(3000))
    const bad = [0, 2, 3, 9, 23].map((unit) => ref.offset + 64 + 1024 * unit)
    for (const offset of bad) segment.flip(offset + 7)
    const problems = await verifyExtent(segment.file, segment.seed, ref, dataOwner('float64'))
    expect(problems.map(({ offset }) => offset)).toEqual(bad)
  })

  it('finds timestamps that do not increase, within a unit and from block to block', async () => {
    const segment = await StoredSegment.create()
    const samples = times(1100)
    samples[5] = samples[4]!
    samples[1024] = samples[1023]! - 1n
    const ref = segment.append(INDEX, samples)
    const problems = await verifyExtent(segment.file, segment.seed, ref, INDEX)
    expect(problems.map(({ offset }) => offset)).toEqual([5, 1024].map((i) => ref.offset + 64 + 8 * i))
    expect(problems[0]?.what).toMatch(/timestamp 5 is not later/)
  })

  it('reports what cannot be read, and throws nothing', async () => {
    const segment = await StoredSegment.create()
    const ref = segment.append(INDEX, times(10))
    segment.file.closeNow()
    const problems = await verifyExtent(segment.file, segment.seed, ref, INDEX)
    expect(problems).toHaveLength(1)
    expect(problems[0]?.what).toMatch(/cannot be read/)
  })
})

// Regions: what surrounds a time, who may claim it, and where a writer must stop.

import { describe, expect, it } from 'vitest'
import { claimRegion, regionOf, surroundings } from '../../../src/control/region.ts'
import { Group } from '../../../src/domain/group.ts'
import { Stream } from '../../../src/domain/stream.ts'
import { WriteConflictError } from '../../../src/errors.ts'
import { PointerTable } from '../../../src/version/pointer-table.ts'
import { pointerTo, SHAPE, stripOf } from '../../support/pointers.ts'

/** [10, 20) and its continuation [30, 35); another domain [50, 60); a tail with [100, 103) and, joined, [110]. */
function committed(): { group: Group; table: PointerTable } {
  const group = new Group(1)
  group.add(stripOf([100, 101, 102]))
  const joined = stripOf([110])
  joined.joined = true
  group.add(joined)
  const table = PointerTable.from([pointerTo(10, 10), pointerTo(30, 5, { joined: true }), pointerTo(50, 10)])
  return { group, table }
}

function stream(start?: number, committedLast?: number): Stream {
  const made = new Stream(1, SHAPE, ['time', 'a'], start === undefined ? undefined : BigInt(start))
  if (committedLast !== undefined) made.last = made.committedLast = BigInt(committedLast)
  return made
}

describe('the surroundings of a time', () => {
  const { group, table } = committed()
  it.each([
    { time: 5, inside: undefined, before: undefined, after: 10n },
    { time: 15, inside: { start: 10n, end: 20n }, before: undefined, after: 30n },
    { time: 20, inside: { start: 10n, end: 35n }, before: 20n, after: 30n },
    { time: 25, inside: { start: 10n, end: 35n }, before: 20n, after: 30n },
    { time: 35, inside: undefined, before: 35n, after: 50n },
    { time: 60, inside: undefined, before: 60n, after: 100n },
    { time: 105, inside: { start: 100n, end: 111n }, before: 103n, after: 110n },
    { time: 111, inside: undefined, before: 111n, after: undefined },
  ])('at $time', ({ time, inside, before, after }) => {
    const around = surroundings(group, table, BigInt(time))
    expect([around.inside, around.before, around.after?.start]).toEqual([inside, before, after])
  })
})

describe('a claim', () => {
  const claim = (group: Group, table: PointerTable, time: number, self?: Stream): bigint | undefined =>
    claimRegion(group, table, BigInt(time), { start: BigInt(time) }, { name: 'time', stream: self })

  it('is bounded by the next committed data', () => {
    const { group, table } = committed()
    expect([5, 40, 70, 200].map((time) => claim(group, table, time))).toEqual([10n, 50n, 100n, undefined])
  })

  it.each([10, 19, 25, 34, 55, 101, 105])(
    'inside committed data is a conflict that names both ranges: %i',
    (time) => {
      const { group, table } = committed()
      expect(() => claim(group, table, time)).toThrow(WriteConflictError)
      const error = (() => {
        try {
          claim(group, table, time)
        } catch (caught) {
          return caught as WriteConflictError
        }
        return undefined
      })()
      expect(error?.requested.start).toBe(BigInt(time))
      expect(error?.existing.start).toBeLessThanOrEqual(BigInt(time))
    },
  )

  it('in the region of another open writer is a conflict, in another region it is not', () => {
    const { group, table } = committed()
    group.streams.add(stream(undefined, 40))
    expect(() => claim(group, table, 45)).toThrow(/another open writer/)
    expect(claim(group, table, 70)).toBe(100n)
    expect(claim(group, table, 5)).toBe(10n)
  })

  it('before the start of a writer that has committed nothing is bounded by it', () => {
    const { group, table } = committed()
    const other = stream(45)
    group.streams.add(other)
    expect(claim(group, table, 40)).toBe(45n)
    expect(() => claim(group, table, 46)).toThrow(WriteConflictError)
    other.last = other.committedLast = 46n
    expect(() => claim(group, table, 40)).toThrow(WriteConflictError)
  })

  it('is not in its own way', () => {
    const { group, table } = committed()
    const self = stream(40)
    group.streams.add(self)
    expect(claim(group, table, 41, self)).toBe(50n)
  })
})

describe('the region of a writer', () => {
  it('goes on with its own last sample, until something else lies between', () => {
    const { group, table } = committed()
    expect(regionOf(group, table, stream(undefined, 59))).toEqual({ upper: 100n, goesOn: true })
    expect(regionOf(group, table, stream(undefined, 65))).toEqual({ upper: 100n, goesOn: false })
    expect(regionOf(group, table, stream(70))).toEqual({ upper: 100n, goesOn: false })
  })

  it('ends at the start of another that has committed nothing', () => {
    const { group, table } = committed()
    const other = stream(80)
    group.streams.add(other)
    expect(regionOf(group, table, stream(undefined, 59)).upper).toBe(80n)
    other.last = other.committedLast = 80n
    expect(regionOf(group, table, stream(undefined, 59)).upper).toBe(100n)
  })

  it('where others have committed over its place, is the one behind that', () => {
    const { group, table } = committed()
    expect(regionOf(group, table, stream(undefined, 54))).toMatchObject({
      upper: 100n,
      goesOn: false,
      passed: { start: 50n, end: 60n },
    })
    expect(regionOf(group, table, stream(undefined, 14))).toMatchObject({
      upper: 50n,
      goesOn: false,
      passed: { start: 10n, end: 35n },
    })
  })
})

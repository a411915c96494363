import { describe, expect, it } from 'vitest'
import { ValidationError } from '../../../src/errors.ts'
import {
  contains,
  describeRange,
  intersect,
  isEmpty,
  overlaps,
  range,
  type RangeLike,
} from '../../../src/telem/time-range.ts'
import { END_OF_TIME, MIN_TIMESTAMP } from '../../../src/telem/timestamp.ts'

describe('range', () => {
  it('takes any kind of time on either side', () => {
    expect(range({ start: '1970-01-01T00:00:00.000000007Z', end: new Date(1) })).toEqual({
      start: 7n,
      end: 1_000_000n,
    })
  })

  it('is unbounded where a side is left out or undefined', () => {
    expect(range({})).toEqual({ start: MIN_TIMESTAMP, end: END_OF_TIME })
    expect(range({ start: 5n, end: undefined })).toEqual({ start: 5n, end: END_OF_TIME })
    expect(range({ end: 5n })).toEqual({ start: MIN_TIMESTAMP, end: 5n })
  })

  it('may be empty but not reversed', () => {
    expect(isEmpty(range({ start: 5n, end: 5n }))).toBe(true)
    expect(() => range({ start: 6n, end: 5n })).toThrow(ValidationError)
  })

  it('ignores unknown keys only where they are undefined', () => {
    expect(range({ start: 1n, from: undefined } as RangeLike).start).toBe(1n)
    expect(() => range({ start: 1n, stop: 5n } as RangeLike)).toThrow(/"stop"/)
  })

  it.each([
    [null],
    [undefined],
    [5n],
    ['2024-01-01T00:00:00Z'],
    [[1n, 2n]],
    // With no keys of their own these would mean all time.
    [new Date(0)],
    [new Map()],
    [{ start: null }],
    [{ end: 5 }],
  ])('refuses %o', (input) => {
    expect(() => range(input as unknown as RangeLike)).toThrow(ValidationError)
  })
})

describe('questions of a range', () => {
  const middle = { start: 10n, end: 20n }

  it('contains its start and not its end', () => {
    expect([9n, 10n, 19n, 20n].map((ts) => contains(middle, ts))).toEqual([false, true, true, false])
  })

  it('overlaps what shares an instant with it, not what touches it or is empty', () => {
    expect(overlaps(middle, { start: 19n, end: 30n })).toBe(true)
    expect(overlaps(middle, { start: 20n, end: 30n })).toBe(false)
    expect(overlaps(middle, { start: 15n, end: 15n })).toBe(false)
  })

  it('intersects to the instants of both', () => {
    expect(intersect(middle, { start: 0n, end: 15n })).toEqual({ start: 10n, end: 15n })
    expect(intersect(middle, { start: 12n, end: 13n })).toEqual({ start: 12n, end: 13n })
    expect(intersect(middle, { start: 0n, end: 10n })).toBeUndefined()
  })

  it('is described in ISO times, open where it is unbounded', () => {
    expect(describeRange({ start: 0n, end: 1n })).toBe(
      '[1970-01-01T00:00:00.000000000Z, 1970-01-01T00:00:00.000000001Z)',
    )
    expect(describeRange({})).toBe('[..., ...)')
    expect(describeRange(range({ end: 0n }))).toBe('[..., 1970-01-01T00:00:00.000000000Z)')
  })
})

// Laws of plots: no spike is lost, whatever the frames; ticks increase and lie within their range.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Columns, TimeGrid } from '../../src/cli/plot/columns.ts'
import { linesOf } from '../../src/cli/plot/lines.ts'
import { timeTicks } from '../../src/cli/plot/time-ticks.ts'
import { heightOf, scaleOf } from '../../src/cli/plot/value-scale.ts'
import { linearTicks, logarithmicTicks } from '../../src/cli/plot/value-ticks.ts'
import { propertyOptions } from '../support/seeds.ts'

const LAST_TIME = 2n ** 63n - 1n

const value = fc.oneof(
  { weight: 8, arbitrary: fc.double({ noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Infinity, -Infinity, 0, -0) },
)

/** Samples within a grid, cut into frames. */
const recording = fc
  .record({
    start: fc.bigInt({ min: -(2n ** 63n), max: LAST_TIME - 1_000_000n }),
    span: fc.bigInt({ min: 2n, max: 1_000_000n }),
    columns: fc.integer({ min: 1, max: 80 }),
    samples: fc.array(fc.tuple(fc.bigInt({ min: 0n, max: 999_999n }), value), { maxLength: 300 }),
    cuts: fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 4 }),
  })
  .map(({ start, span, columns, samples, cuts }) => {
    const byTime = new Map(samples.map(([at, each]) => [start + (at % span), each]))
    const sorted = [...byTime].sort(([a], [b]) => (a < b ? -1 : 1))
    const ends = [...cuts.filter((cut) => cut < sorted.length), sorted.length].sort((a, b) => a - b)
    const frames = ends.map((end, i) => sorted.slice(i === 0 ? 0 : ends[i - 1], end))
    return { start, span, columns, sorted, frames }
  })

type Recording = typeof recording extends fc.Arbitrary<infer T> ? T : never

function columnsOf({ start, span, columns, frames }: Recording): Columns {
  const reduced = new Columns(new TimeGrid(start, start + span, columns), false)
  for (const frame of frames)
    reduced.add(
      BigInt64Array.from(frame, ([time]) => time),
      Float64Array.from(frame, ([, each]) => each),
    )
  return reduced
}

describe('columns', () => {
  it('have the lowest and the highest of exactly their samples', () => {
    fc.assert(
      fc.property(recording, (given) => {
        const reduced = columnsOf(given)
        const { start, span, columns, sorted } = given
        const edge = (i: number): bigint => start + (span * BigInt(i)) / BigInt(columns)
        for (let i = 0; i < columns; i++) {
          const own = sorted.filter(([time]) => time >= edge(i) && time < edge(i + 1))
          const drawn = own.filter(([, each]) => !Number.isNaN(each))
          expect(reduced.count[i]).toBe(drawn.length)
          expect(reduced.isBlank[i]).toBe(own.length > 0 && drawn.length === 0 ? 1 : 0)
          if (drawn.length === 0) continue
          const values = drawn.map(([, each]) => each)
          expect(reduced.low[i]! === Math.min(...values)).toBe(true)
          expect(reduced.high[i]! === Math.max(...values)).toBe(true)
          expect([reduced.first[i], reduced.last[i]]).toEqual([values[0], values.at(-1)])
          expect(reduced.firstAt[i]).toBe(Number(drawn[0]![0] - start))
          expect(reduced.lastAt[i]).toBe(Number(drawn.at(-1)![0] - start))
        }
        expect(reduced.samples).toBe(sorted.length)
      }),
      propertyOptions(200),
    )
  })

  it('are the same however the samples are cut into frames', () => {
    fc.assert(
      fc.property(recording, (given) => {
        const whole = columnsOf({ ...given, frames: [given.sorted] })
        const cut = columnsOf(given)
        for (const key of ['count', 'low', 'high', 'first', 'last', 'isBlank'] as const)
          expect(cut[key]).toEqual(whole[key])
        expect([cut.lowest, cut.highest]).toEqual([whole.lowest, whole.highest])
      }),
      propertyOptions(100),
    )
  })

  it('make lines whose times never fall, and that pass every extreme', () => {
    fc.assert(
      fc.property(recording, (given) => {
        const reduced = columnsOf(given)
        const lines = linesOf(reduced)
        const at = lines.flatMap((line) => line.at)
        expect(at.every((time, i) => i === 0 || time >= at[i - 1]!)).toBe(true)
        const passed = new Set(lines.flatMap((line) => line.values))
        for (let i = 0; i < given.columns; i++) {
          if (reduced.count[i] === 0) continue
          expect(passed.has(reduced.low[i]!) && passed.has(reduced.high[i]!)).toBe(true)
        }
      }),
      propertyOptions(200),
    )
  })
})

describe('ticks', () => {
  const most = fc.integer({ min: 2, max: 20 })

  it('of linear axes increase, lie within the range, are few and differ in their labels', () => {
    const double = fc.double({ noNaN: true, noDefaultInfinity: true })
    fc.assert(
      fc.property(double, double, most, (a, b, n) => {
        checkTicks(Math.min(a, b), Math.max(a, b), n, linearTicks(Math.min(a, b), Math.max(a, b), n))
      }),
      propertyOptions(500),
    )
  })

  it('of logarithmic axes do too', () => {
    const double = fc.double({ min: Number.MIN_VALUE, noNaN: true, noDefaultInfinity: true })
    fc.assert(
      fc.property(double, double, most, (a, b, n) => {
        checkTicks(Math.min(a, b), Math.max(a, b), n, logarithmicTicks(Math.min(a, b), Math.max(a, b), n))
      }),
      propertyOptions(500),
    )
  })

  it('of time axes increase, lie within the range and leave their labels room', () => {
    const time = fc.oneof(
      fc.bigInt({ min: -(2n ** 63n), max: LAST_TIME }),
      fc.bigInt({ min: -100_000_000_000n, max: 100_000_000_000_000n }),
    )
    const span = fc
      .integer({ min: 0, max: 62 })
      .chain((bits) => fc.bigInt({ min: 1n, max: 2n ** BigInt(bits) }))
    fc.assert(
      fc.property(time, span, fc.integer({ min: 16, max: 200 }), (start, length, room) => {
        const end = start + length > LAST_TIME ? LAST_TIME : start + length
        if (end <= start) return
        const { times, labels } = timeTicks(start, end, room)
        expect(labels).toHaveLength(times.length)
        expect(times.every((each) => each >= start && each <= end)).toBe(true)
        expect(times.every((each, i) => i === 0 || each > times[i - 1]!)).toBe(true)
        expect(labels.join('  ').length).toBeLessThanOrEqual(room)
        expect(new Set(labels).size === labels.length || times.length > 2).toBe(true)
      }),
      propertyOptions(500),
    )
  })
})

describe('scales', () => {
  it('hold all values between 0 and 1, in their order', () => {
    const double = fc.double({ noNaN: true, noDefaultInfinity: true })
    fc.assert(
      fc.property(
        double,
        double,
        fc.double({ noNaN: true }),
        fc.double({ min: 0, max: 0.4, noNaN: true }),
        (a, b, c, padding) => {
          const [low, high] = [Math.min(a, b), Math.max(a, b)]
          const scale = scaleOf(low, high, { isLogarithmic: false, padding })
          expect(scale.low).toBeLessThan(scale.high)
          expect(Number.isFinite(scale.low) && Number.isFinite(scale.high)).toBe(true)
          const heights = [low, high, c].map((each) => heightOf(scale, each))
          expect(heights.every((height) => height >= 0 && height <= 1)).toBe(true)
          expect(heights[0]).toBeLessThanOrEqual(heights[1]!)
        },
      ),
      { ...propertyOptions(500), examples: [[1.2972962011975679e293, -1.7976931348623145e308, 0, 0]] },
    )
  })

  it('of logarithmic axes too', () => {
    const double = fc.double({ min: Number.MIN_VALUE, noNaN: true, noDefaultInfinity: true })
    fc.assert(
      fc.property(double, double, double, (a, b, c) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)]
        const scale = scaleOf(low, high, { isLogarithmic: true, padding: 0.06 })
        expect(scale.low).toBeGreaterThan(0)
        expect(scale.low).toBeLessThanOrEqual(low)
        expect(scale.high).toBeGreaterThanOrEqual(high)
        const heights = [low, high, c].map((each) => heightOf(scale, each))
        expect(heights.every((height) => height >= 0 && height <= 1)).toBe(true)
        expect(heights[0]).toBeLessThanOrEqual(heights[1]!)
      }),
      propertyOptions(500),
    )
  })
})

function checkTicks(
  low: number,
  high: number,
  most: number,
  { values, labels }: { values: readonly number[]; labels: readonly string[] },
): void {
  expect(values.length).toBeGreaterThan(0)
  expect(values.length).toBeLessThanOrEqual(most)
  expect(labels).toHaveLength(values.length)
  expect(values.every((each) => each >= low && each <= high)).toBe(true)
  expect(values.every((each, i) => i === 0 || each > values[i - 1]!)).toBe(true)
  if (values.length > 2) expect(new Set(labels).size).toBe(labels.length)
}

// Samples reduced to columns: what is kept of them, and where lines are broken.

import { describe, expect, it } from 'vitest'
import { Columns, TimeGrid } from '../../../../src/cli/plot/columns.ts'
import { linesOf } from '../../../../src/cli/plot/lines.ts'

const times = (...at: number[]): BigInt64Array => BigInt64Array.from(at, BigInt)

function columnsOf(
  at: readonly number[],
  values: readonly number[],
  { count = 10, end = 100, isLogarithmic = false, starts = [] as number[] } = {},
): Columns {
  const columns = new Columns(new TimeGrid(0n, BigInt(end), count), isLogarithmic)
  columns.add(times(...at), Float64Array.from(values), starts)
  return columns
}

/** Every tenth of a line of 100, 10 columns wide each. */
const evenly = (from: number, to: number, step = 1): number[] =>
  Array.from({ length: Math.floor((to - from) / step) }, (_, i) => from + i * step)

const ramp = (at: readonly number[]): number[] => at.map((_, i) => i)

describe('columns', () => {
  it('keep the first, lowest, highest and last sample of their stretch of time', () => {
    const columns = columnsOf([10, 12, 15, 19, 20], [3, 9, -4, 5, 7])
    const of = (i: number): number[] => [
      columns.count[i]!,
      columns.first[i]!,
      columns.low[i]!,
      columns.high[i]!,
      columns.last[i]!,
      columns.firstAt[i]!,
      columns.lastAt[i]!,
    ]
    expect(of(1)).toEqual([4, 3, -4, 9, 5, 10, 19])
    expect(of(2)).toEqual([1, 7, 7, 7, 7, 20, 20])
    expect([columns.samples, columns.lowest, columns.highest]).toEqual([5, -4, 9])
  })

  it('go on where a frame ends within a column', () => {
    const columns = new Columns(new TimeGrid(0n, 100n, 10), false)
    columns.add(times(10, 11), Int32Array.of(5, 1))
    columns.add(times(12, 13), Int32Array.of(9, 4))
    expect([columns.first[1], columns.low[1], columns.high[1], columns.last[1]]).toEqual([5, 1, 9, 4])
    expect(columns.count[1]).toBe(4)
  })

  it('take 64-bit integers and booleans as numbers', () => {
    const grid = new TimeGrid(0n, 10n, 1)
    const integers = new Columns(grid, false)
    integers.add(times(1, 2), BigInt64Array.of(-(2n ** 62n), 7n))
    expect([integers.lowest, integers.highest]).toEqual([-(2 ** 62), 7])
    const booleans = new Columns(grid, false)
    booleans.add(times(1, 2), Uint8Array.of(1, 0))
    expect([booleans.lowest, booleans.highest]).toEqual([0, 1])
  })

  it('work at the ends of time', () => {
    const [start, end] = [-(2n ** 63n), 2n ** 63n - 1n]
    const columns = new Columns(new TimeGrid(start, end, 4), false)
    columns.add(BigInt64Array.of(start, 0n, end - 1n), Float64Array.of(1, 2, 3))
    expect([...columns.count]).toEqual([1, 0, 1, 1])
  })

  it('work where there are more columns than nanoseconds', () => {
    const columns = columnsOf([0, 1], [1, 2], { end: 2, count: 7 })
    expect(columns.count.reduce((sum, count) => sum + count, 0)).toBe(2)
    expect([columns.lowest, columns.highest]).toEqual([1, 2])
  })

  it('leave infinite values out of the bounds, and count them', () => {
    const columns = columnsOf([1, 2, 3], [Infinity, 5, -Infinity])
    expect([columns.lowest, columns.highest, columns.infinite]).toEqual([5, 5, 2])
    expect([columns.low[0], columns.high[0]]).toEqual([-Infinity, Infinity])
  })

  it('leave out what no logarithmic axis shows', () => {
    const columns = columnsOf([1, 2, 3, 4], [0, -1, 8, Number.NaN], { isLogarithmic: true })
    expect([columns.lowest, columns.highest, columns.notPositive, columns.blanks]).toEqual([8, 8, 2, 1])
    expect(columns.count[0]).toBe(1)
  })
})

describe('lines', () => {
  it('join samples that are many columns apart when that is usual', () => {
    const at = [0, 25, 50, 75, 99]
    const lines = linesOf(columnsOf(at, ramp(at), { count: 100 }))
    expect(lines).toEqual([{ at, values: [0, 1, 2, 3, 4] }])
  })

  it('pass the extremes of a column between its first and its last sample', () => {
    const [line] = linesOf(columnsOf([10, 12, 15, 18], [3, 9, -4, 5]))
    expect(line).toEqual({ at: [10, 14, 14, 18], values: [3, 9, -4, 5] })
  })

  it('are broken by a gap of more than ten usual intervals', () => {
    const at = [...evenly(0, 40), ...evenly(60, 100)]
    const lines = linesOf(columnsOf(at, ramp(at), { count: 50 }))
    expect(lines.map((line) => [line.at[0], line.at.at(-1)])).toEqual([
      [0, 39],
      [60, 99],
    ])
  })

  it('are broken by a gap between two frames', () => {
    const columns = new Columns(new TimeGrid(0n, 100n, 50), false)
    for (const at of [evenly(0, 40), evenly(60, 100)]) columns.add(times(...at), Float64Array.from(ramp(at)))
    expect(linesOf(columns)).toHaveLength(2)
  })

  it('bridge a gap that nobody would see', () => {
    const at = [...evenly(0, 40), ...evenly(60, 100)]
    expect(linesOf(columnsOf(at, ramp(at), { count: 5 }))).toHaveLength(1)
  })

  it('go on where the rate falls to a tenth', () => {
    const at = [...evenly(0, 100), ...evenly(100, 400, 10)]
    expect(linesOf(columnsOf(at, ramp(at), { count: 400, end: 400 }))).toHaveLength(1)
  })

  it('are broken where a domain ends and time is missing, sooner than within one', () => {
    const at = [...evenly(0, 40), ...evenly(45, 100)]
    expect(linesOf(columnsOf(at, ramp(at), { count: 100 }))).toHaveLength(1)
    expect(linesOf(columnsOf(at, ramp(at), { count: 100, starts: [40] }))).toHaveLength(2)
  })

  it('go on where a domain ends and no time is missing', () => {
    const at = evenly(0, 100, 5)
    expect(linesOf(columnsOf(at, ramp(at), { count: 100, starts: [8] }))).toHaveLength(1)
  })

  it('are broken by a column in which all is NaN, and not by a NaN among numbers', () => {
    const at = evenly(0, 100)
    const values = at.map((time) => ((time >= 50 && time < 60) || time === 22 ? Number.NaN : time))
    const lines = linesOf(columnsOf(at, values))
    expect(lines.map((line) => [line.at[0], line.at.at(-1)])).toEqual([
      [0, 49],
      [60, 99],
    ])
  })

  it('are none without samples', () => {
    expect(linesOf(columnsOf([], []))).toEqual([])
  })
})

// Ticks of value and time axes, and what they are called.

import { describe, expect, it } from 'vitest'
import { timeTicks } from '../../../../src/cli/plot/time-ticks.ts'
import { linearTicks, logarithmicTicks, rangeText } from '../../../../src/cli/plot/value-ticks.ts'
import { seconds, timestamp } from '../../../../src/index.ts'

describe('linear ticks', () => {
  it.each([
    [0, 1, ['0', '0.2', '0.4', '0.6', '0.8', '1.0']],
    [-40, 302.5, ['0', '100', '200', '300']],
    [0.1, 0.35, ['0.10', '0.15', '0.20', '0.25', '0.30', '0.35']],
    [52_393, 86_485, ['60,000', '70,000', '80,000']],
    [0, 2_500_000, ['0', '0.5M', '1.0M', '1.5M', '2.0M', '2.5M']],
    [101_325.0001, 101_325.0009, ['101,325.0002', '101,325.0004', '101,325.0006', '101,325.0008']],
    [3e-7, 9e-6, ['2e-6', '4e-6', '6e-6', '8e-6']],
    [1e20, 5e20, ['1e20', '2e20', '3e20', '4e20', '5e20']],
    [-1.7e308, 1.7e308, ['-1e308', '0', '1e308']],
    [5, 5, ['5']],
  ])('from %d to %d are %j', (low, high, labels) => {
    expect(linearTicks(low, high, 6).labels).toEqual(labels)
  })
})

describe('logarithmic ticks', () => {
  it.each([
    [1, 1000, ['1', '10', '100', '1,000']],
    [0.5, 50, ['1', '3', '10', '30']],
    [0.1, 1e9, ['1', '100', '10k', '1M', '100M']],
    [3, 7, ['3', '4', '5', '6', '7']],
    [1e-300, 1e300, ['1e-202', '1e-101', '1', '1e101', '1e202']],
  ])('from %d to %d are %j', (low, high, labels) => {
    expect(logarithmicTicks(low, high, 6).labels).toEqual(labels)
  })
})

describe('a range in words', () => {
  it.each([
    [-40.01, 302.5, '-40.0 to 302.5'],
    [3, 821, '3 to 821'],
    [0.1045, 5230.37, '0 to 5,230'],
    [0, 1, '0 to 1'],
    [7.25, 7.25, '7.25'],
    [-1e-9, 1e-9, '-1e-9 to 1e-9'],
    [1e5, 3e6, '0.1M to 3.0M'],
  ])('%d and %d are %j', (low, high, text) => {
    expect(rangeText(low, high)).toBe(text)
  })
})

describe('time ticks', () => {
  const labelled = (start: bigint, end: bigint, room = 70): string => {
    const { labels, context } = timeTicks(start, end, room)
    return `${labels.join(' ')} / ${context}`
  }
  const between = (start: string, end: string): string => labelled(timestamp(start), timestamp(end))

  it('count from 0 where the recording does', () => {
    expect(labelled(seconds(-1), seconds(250))).toBe('00:00:00 00:01:00 00:02:00 00:03:00 00:04:00 / ')
    expect(labelled(seconds(-1), seconds(1), 68)).toBe(
      '-00:00:01.0 -00:00:00.5 00:00:00.0 00:00:00.5 00:00:01.0 / ',
    )
    expect(labelled(0n, seconds(90 * 3600), 41)).toBe('00:00:00 24:00:00 48:00:00 72:00:00 / ')
  })

  it('are times of day beside the date, and dates at midnight', () => {
    expect(between('2020-01-01T10:00:00Z', '2020-01-01T13:00:01Z')).toBe(
      '10:00 10:30 11:00 11:30 12:00 12:30 13:00 / 2020-01-01 UTC',
    )
    expect(between('2020-01-01T10:00:00Z', '2020-01-03T16:00:00Z')).toBe(
      '12:00 18:00 Jan 2 06:00 12:00 18:00 Jan 3 06:00 12:00 / 2020-01-01 UTC',
    )
    expect(between('2020-01-01T10:00:00Z', '2020-01-01T10:00:01Z')).toBe(
      '10:00:00.0 10:00:00.5 10:00:01.0 / 2020-01-01 UTC',
    )
  })

  it('are days, months and years, and say when the year changes', () => {
    expect(between('2019-12-20T10:00:00Z', '2020-01-23T16:00:00Z')).toBe(
      'Dec 23 Dec 30 Jan 6 2020 Jan 13 Jan 20 / 2019',
    )
    expect(between('2019-12-20T10:00:00Z', '2020-12-23T16:00:00Z')).toBe('2020 Mar May Jul Sep Nov / 2019')
    expect(between('1999-12-20T10:00:00Z', '2020-12-23T16:00:00Z')).toBe('2000 2005 2010 2015 2020 / ')
    expect(labelled(-(2n ** 63n), 2n ** 63n - 1n)).toBe('1700 1800 1900 2000 2100 2200 / ')
  })

  it('are what passed since a second where they lie closer than milliseconds', () => {
    expect(between('2020-01-01T10:00:00.9995Z', '2020-01-01T10:00:01.0005Z')).toBe(
      '+999.500 ms +1000.000 ms +1000.500 ms / 2020-01-01 10:00:00 UTC',
    )
    expect(labelled(0n, 4n)).toBe('+0.000000 ms +0.000002 ms +0.000004 ms / 00:00:00')
  })
})

// Times as files write them: each form is read to the nanosecond, and what no calendar has is refused.

import { describe, expect, it } from 'vitest'
import { CommandError } from '../../../../src/cli/command-error.ts'
import { nanosOfDecimal } from '../../../../src/cli/import/decimal-span.ts'
import { formatOf, zoneName } from '../../../../src/cli/import/time-format.ts'
import { offsetOf } from '../../../../src/cli/import/utc-offset.ts'
import { timestamp } from '../../../../src/index.ts'

function read(format: string, text: string, offset = 0, origin?: bigint): bigint | undefined {
  return formatOf(format, offset, origin).read(text)
}

describe('decimal text', () => {
  it.each([
    ['8.001000000000001', 9, 8_001_000_000n],
    ['8.004000000000001', 9, 8_004_000_000n],
    ['-0.756', 9, -756_000_000n],
    ['+1', 9, 1_000_000_000n],
    ['.5', 9, 500_000_000n],
    ['5.', 3, 5000n],
    ['0.0000000005', 9, 1n],
    ['-0.0000000005', 9, -1n],
    ['0.00000000049', 9, 0n],
    ['0.9999999996', 9, 1_000_000_000n],
    ['1700000000.123456789', 9, 1_700_000_000_123_456_789n],
    ['1700000000123456789', 0, 1_700_000_000_123_456_789n],
    ['1700000000123456.789', 3, 1_700_000_000_123_456_789n],
    ['9007199254740993', 3, 9_007_199_254_740_993_000n],
    ['9007199254740993.5', 0, 9_007_199_254_740_994n],
    ['1.5e3', 9, 1_500_000_000_000n],
    ['1.7e+09', 9, 1_700_000_000_000_000_000n],
    ['25e-10', 9, 3n],
    ['-25e-10', 9, -3n],
    ['1e-300', 9, 0n],
    ['000', 9, 0n],
    ['0e999', 9, 0n],
  ])('%s in units of 10^%i ns is exact', (text, power, nanos) => {
    expect(nanosOfDecimal(text, power)).toBe(nanos)
  })

  it.each(['', '-', '+', '.', '1.2.3', '1e', 'e5', '0x10', '1 2', ' 1', 'NaN', 'Infinity', '1e999', '--1'])(
    '%j is none',
    (text) => {
      for (const power of [0, 9]) expect(nanosOfDecimal(text, power)).toBeUndefined()
    },
  )
})

describe('ISO 8601', () => {
  it.each([
    ['2014-01-07 02:00:00', '2014-01-07T02:00:00Z'],
    ['2014-01-07T02:00:00', '2014-01-07T02:00:00Z'],
    ['2014-01-07T02:00:00Z', '2014-01-07T02:00:00Z'],
    ['2014-01-07', '2014-01-07T00:00:00Z'],
    ['2014-1-7 2:00', '2014-01-07T02:00:00Z'],
    ['2014/01/07 02:00', '2014-01-07T02:00:00Z'],
    ['2014-01-07 02:00:00.25', '2014-01-07T02:00:00.25Z'],
    ['2014-01-07 02:00:00,123456789', '2014-01-07T02:00:00.123456789Z'],
    ['2014-01-07 02:00:00.9999999996', '2014-01-07T02:00:01Z'],
    ['2014-01-07T02:00:00+08:00', '2014-01-06T18:00:00Z'],
    ['2014-01-07T02:00:00 -0330', '2014-01-07T05:30:00Z'],
    ['2014-01-07T02:00:00 UTC', '2014-01-07T02:00:00Z'],
    ['2012-02-29 23:59:59', '2012-02-29T23:59:59Z'],
    ['1969-12-31 23:59:59.5', '1969-12-31T23:59:59.5Z'],
    ['1700-03-01', '1700-03-01T00:00:00Z'],
  ])('%s is %s', (text, time) => {
    expect(read('iso', text)).toBe(timestamp(time))
  })

  it('takes the offset that was given where the text has none', () => {
    expect(read('iso', '2014-01-07 02:00:00', 8 * 3600)).toBe(timestamp('2014-01-06T18:00:00Z'))
    expect(read('iso', '2014-01-07 02:00:00.5', 8 * 3600)).toBe(timestamp('2014-01-06T18:00:00.5Z'))
    expect(read('iso', '2014-01-07 02:00:00Z', 8 * 3600)).toBe(timestamp('2014-01-07T02:00:00Z'))
  })

  it.each([
    ...['2013-02-29', '2014-13-01', '2014-00-01', '2014-04-31', '2014-01-07 24:00:00', '2014-01-07 02:60'],
    ...['2014-01-07 02:00:60', '2014-01-07x02:00:00', '2014-01/07', '20140107', '14-01-07', ''],
    ...[
      '2014-01-07 02:00:00+25:00',
      '1600-01-01',
      '2300-01-01',
      '2014-01-07 a2:00:00',
      '2014-01-07 02:00:00.',
    ],
  ])('%j is no time', (text) => {
    expect(read('iso', text)).toBeUndefined()
  })

  it('reads to the ends of what 64 bits hold, and no further', () => {
    expect(read('iso', '1677-09-21T00:12:43.145224192Z')).toBe(-(2n ** 63n))
    expect(read('iso', '1677-09-21T00:12:43.145224191Z')).toBeUndefined()
    expect(read('iso', '2262-04-11T23:47:16.854775806Z')).toBe(2n ** 63n - 2n)
    expect(read('iso', '2262-04-11T23:47:16.854775807Z')).toBeUndefined()
  })
})

describe('numbers', () => {
  it('count from 1970 in their unit, or from an origin', () => {
    expect(read('s', '1.5')).toBe(1_500_000_000n)
    expect(read('ms', '1.5')).toBe(1_500_000n)
    expect(read('us', '-1')).toBe(-1000n)
    expect(read('ns', '7')).toBe(7n)
    expect(read('s', '-0.5', 0, 10n ** 18n)).toBe(10n ** 18n - 500_000_000n)
    expect(read('s', '1e10')).toBeUndefined()
    expect(read('s', '2014-01-07')).toBeUndefined()
  })
})

describe('a pattern', () => {
  it.each([
    ['%d.%m.%Y %H:%M:%S', '07.01.2014 02:03:04', '2014-01-07T02:03:04Z'],
    ['%d.%m.%Y %H:%M', '7.1.2014  2:03', '2014-01-07T02:03:00Z'],
    ['%m/%d/%y %I:%M %p', '1/7/69 12:03 am', '1969-01-07T00:03:00Z'],
    ['%m/%d/%y %I:%M %p', '1/7/68 12:03 PM', '2068-01-07T12:03:00Z'],
    ['%Y%m%d%H%M%S%f', '20140107020304123456', '2014-01-07T02:03:04.123456Z'],
    ['%Y-%j %T', '2012-366 01:02:03', '2012-12-31T01:02:03Z'],
    ['%F %T.%f', '2014-01-07 02:03:04.5', '2014-01-07T02:03:04.5Z'],
    ['%d %b %Y', '7 sept 2014', undefined],
    ['%d %b %Y', '7 Sep 2014', '2014-09-07T00:00:00Z'],
    ['%B %d, %Y', 'September 7, 2014', '2014-09-07T00:00:00Z'],
    ['%F %T %z', '2014-01-07 02:03:04 -05:30', '2014-01-07T07:33:04Z'],
    ['%s.%f', '-1.5', '1969-12-31T23:59:59.5Z'],
    ['%Y%%', '2014%', '2014-01-01T00:00:00Z'],
    ['%Y-%j', '2013-366', undefined],
    ['%d.%m.%Y', '29.02.2013', undefined],
    ['%d.%m.%Y', '01.02.2013x', undefined],
    ['%d.%m.%Y %I %p', '01.02.2013 13 pm', undefined],
  ])('%s reads %s', (pattern, text, time) => {
    expect(read(pattern, text)).toBe(time === undefined ? undefined : timestamp(time))
  })

  it('remembers nothing of the text before', () => {
    const format = formatOf('%Y-%m-%d %I %p %z', 0, undefined)
    expect(format.read('2014-01-07 02 pm +08:00')).toBe(timestamp('2014-01-07T06:00:00Z'))
    expect(format.read('x')).toBeUndefined()
    expect(format.read('2014-01-07 02 am Z')).toBe(timestamp('2014-01-07T02:00:00Z'))
  })

  it.each(['%H:%M', '%Y %Q', '%Y-%d', '%Y-%m-%d %I:%M', '%', 'iso8601', ''])('%j is refused', (pattern) => {
    expect(() => formatOf(pattern, 0, undefined)).toThrow(CommandError)
  })
})

it('refuses an origin for dates', () => {
  expect(() => formatOf('iso', 0, 0n)).toThrow(/--origin is for times that are numbers/)
})

it('reads offsets from UTC, and names them', () => {
  const words = ['Z', 'utc', '+08:00', '-0330', '+8', '+08:60', '+24:00', '8', '']
  expect(words.map(offsetOf)).toEqual([
    0,
    0,
    28_800,
    -12_600,
    28_800,
    undefined,
    undefined,
    undefined,
    undefined,
  ])
  expect([0, 28_800, -12_600].map(zoneName)).toEqual(['UTC', 'UTC+08:00', 'UTC-03:30'])
})

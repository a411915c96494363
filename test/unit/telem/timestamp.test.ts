import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { ValidationError } from '../../../src/errors.ts'
import {
  days,
  END_OF_TIME,
  hours,
  isDate,
  MAX_TIMESTAMP,
  micros,
  millis,
  MIN_TIMESTAMP,
  minutes,
  nanos,
  positiveSpan,
  seconds,
  span,
  timestamp,
  toDate,
  toISO,
  type SpanLike,
  type TimeLike,
} from '../../../src/telem/timestamp.ts'

describe('timestamp', () => {
  it.each([
    ['1970-01-01T00:00:00Z', 0n],
    ['1970-01-01T00:00:00.000000001Z', 1n],
    ['1970-01-01T00:00:00.5Z', 500_000_000n],
    ['1969-12-31T23:59:59.999999999Z', -1n],
    ['1970-01-01T02:00:00+02:00', 0n],
    ['1969-12-31T22:30:00-01:30', 0n],
    ['1970-01-01T00:00:00-00:00', 0n],
    ['1970-01-01T23:59:00+23:59', 0n],
    ['2024-02-29T12:34:56.123456789Z', 1_709_210_096_123_456_789n],
    ['1677-09-21T00:12:43.145224192Z', MIN_TIMESTAMP],
    ['2262-04-11T23:47:16.854775807Z', END_OF_TIME],
    ['2262-04-12T01:47:16.854775807+02:00', END_OF_TIME],
  ])('reads %s', (text, expected) => {
    expect(timestamp(text)).toBe(expected)
  })

  it.each([
    '',
    'now',
    '2024-01-01',
    '2024-01-01T00:00Z',
    '2024-01-01T00:00:00',
    '2024-01-01 00:00:00Z',
    '2024-01-01t00:00:00z',
    ' 2024-01-01T00:00:00Z',
    '2024-01-01T00:00:00Z\n',
    '2024-01-01T00:00:00.Z',
    '2024-01-01T00:00:00,5Z',
    '2024-01-01T00:00:00.1234567890Z',
    '2024-01-01T00:00:00+0200',
    '2024-01-01T00:00:00+02',
    '2024-01-01T00:00:00+24:00',
    '2024-01-01T00:00:00+02:60',
    '+002024-01-01T00:00:00Z',
    '2024-00-01T00:00:00Z',
    '2024-13-01T00:00:00Z',
    '2024-01-00T00:00:00Z',
    '2024-02-30T00:00:00Z',
    '2023-02-29T00:00:00Z',
    '2024-04-31T00:00:00Z',
    '2024-01-01T24:00:00Z',
    '2024-01-01T00:60:00Z',
    '2016-12-31T23:59:60Z',
    '٢٠٢٤-01-01T00:00:00Z',
    // Outside of int64, the years that Date.UTC moves into the twentieth century among them.
    '0000-01-01T00:00:00Z',
    '0070-01-01T00:00:00Z',
    '1677-09-21T00:12:43.145224191Z',
    '2262-04-11T23:47:16.854775808Z',
    '2262-04-11T23:47:16.854775807-00:01',
    '9999-12-31T23:59:59Z',
  ])('refuses %j', (text) => {
    expect(() => timestamp(text)).toThrow(ValidationError)
  })

  it('takes bigints of int64 and no others', () => {
    expect(timestamp(MIN_TIMESTAMP)).toBe(-(2n ** 63n))
    expect(timestamp(END_OF_TIME)).toBe(MAX_TIMESTAMP + 1n)
    expect(() => timestamp(2n ** 63n)).toThrow(ValidationError)
    expect(() => timestamp(-(2n ** 63n) - 1n)).toThrow(ValidationError)
  })

  it('takes dates, of other realms too', () => {
    expect(timestamp(new Date(-1))).toBe(-1_000_000n)
    expect(timestamp(runInNewContext('new Date(1500)') as Date)).toBe(1_500_000_000n)
    expect(() => timestamp(new Date(Number.NaN))).toThrow('invalid Date')
    expect(() => timestamp(new Date(8.64e15))).toThrow(ValidationError)
  })

  it('asks the date itself, not a method that a subclass put before it', () => {
    class Liar extends Date {
      override getTime(): number {
        throw new Error('called')
      }
      override valueOf(): number {
        throw new Error('called')
      }
    }
    expect(timestamp(new Liar(5))).toBe(5_000_000n)
    expect(isDate(new Liar(5))).toBe(true)
    expect(isDate({ getTime: () => 0 })).toBe(false)
  })

  it('refuses a bare number and says why', () => {
    expect(() => timestamp(1_700_000_000_000 as unknown as TimeLike)).toThrow(/unit is ambiguous/)
  })

  it.each([[null], [undefined], [true], [{}], [[]], [Symbol('t')], [new Proxy(new Date(0), {})]])(
    'refuses %o',
    (value) => {
      expect(() => timestamp(value as unknown as TimeLike)).toThrow(ValidationError)
    },
  )
})

describe('toDate', () => {
  it('floors to the millisecond, before 1970 as well', () => {
    expect(toDate(1_999_999n).getTime()).toBe(1)
    expect(toDate(-1n).getTime()).toBe(-1)
    expect(toDate(-1_000_000n).getTime()).toBe(-1)
    expect(toDate(-1_000_001n).getTime()).toBe(-2)
  })
})

describe('toISO', () => {
  it('keeps all nine digits', () => {
    expect(toISO(0n)).toBe('1970-01-01T00:00:00.000000000Z')
    expect(toISO(-1n)).toBe('1969-12-31T23:59:59.999999999Z')
    expect(toISO(1_709_210_096_123_456_789n)).toBe('2024-02-29T12:34:56.123456789Z')
  })

  it('reaches both ends of int64', () => {
    expect(toISO(MIN_TIMESTAMP)).toBe('1677-09-21T00:12:43.145224192Z')
    expect(toISO(END_OF_TIME)).toBe('2262-04-11T23:47:16.854775807Z')
    expect(() => toISO(END_OF_TIME + 1n)).toThrow(ValidationError)
  })
})

describe('span', () => {
  it.each([
    ['0s', 0n],
    ['1ns', 1n],
    ['0.1us', 100n],
    ['250ms', 250_000_000n],
    ['1.5s', 1_500_000_000n],
    ['1.500000000000s', 1_500_000_000n],
    ['2m', 120_000_000_000n],
    ['2h', 7_200_000_000_000n],
    ['1d', 86_400_000_000_000n],
    ['0.000000000001d', undefined],
    ['9223372036854775807ns', END_OF_TIME],
    ['9223372036854775808ns', undefined],
    ['200000d', undefined],
    ['1.5ns', undefined],
    ['0.0001us', undefined],
    ['-1s', undefined],
    ['+1s', undefined],
    [' 1s', undefined],
    ['1 s', undefined],
    ['1s ', undefined],
    ['1s\n', undefined],
    ['1', undefined],
    ['s', undefined],
    ['.5s', undefined],
    ['1.s', undefined],
    ['1e3s', undefined],
    ['1S', undefined],
    ['1w', undefined],
    ['1µs', undefined],
    ['1h30m', undefined],
    ['', undefined],
  ])('%j', (text, expected) => {
    if (expected === undefined) expect(() => span(text)).toThrow(ValidationError)
    else expect(span(text)).toBe(expected)
  })

  it('takes int64 bigints of either sign, and no numbers', () => {
    expect(span(-5n)).toBe(-5n)
    expect(() => span(2n ** 63n)).toThrow(ValidationError)
    expect(() => span(5 as unknown as SpanLike)).toThrow(/ambiguous/)
    expect(() => span(null as unknown as SpanLike)).toThrow(ValidationError)
  })

  it('is positive where something moves by it', () => {
    expect(positiveSpan('1ns', 'chunk')).toBe(1n)
    expect(() => positiveSpan(0n, 'chunk')).toThrow(/chunk/)
    expect(() => positiveSpan(-1n, 'chunk')).toThrow(ValidationError)
  })
})

describe('spans of a unit', () => {
  it('multiply numbers and bigints', () => {
    expect([nanos, micros, millis, seconds, minutes, hours, days].map((unit) => unit(2))).toEqual([
      2n,
      2_000n,
      2_000_000n,
      2_000_000_000n,
      120_000_000_000n,
      7_200_000_000_000n,
      172_800_000_000_000n,
    ])
    expect(seconds(-3n)).toBe(-3_000_000_000n)
    expect(hours(-0)).toBe(0n)
  })

  it('take a fraction for the decimal that it prints as', () => {
    expect(seconds(1.1)).toBe(1_100_000_000n)
    expect(seconds(0.000000001)).toBe(1n)
    expect(seconds(-2.5e-7)).toBe(-250n)
    expect(days(0.5)).toBe(43_200_000_000_000n)
    expect(millis(1_700_000_000_000.123)).toBe(1_700_000_000_000_123_000n)
  })

  it.each([
    ['parts of a nanosecond', () => nanos(0.5)],
    ['parts of a nanosecond', () => seconds(1e-10)],
    ['NaN', () => seconds(Number.NaN)],
    ['infinity', () => seconds(Number.POSITIVE_INFINITY)],
    ['what is no int64', () => days(106_752)],
    ['what is no int64', () => nanos(2n ** 63n)],
    ['a string', () => seconds('1' as unknown as number)],
    ['null', () => seconds(null as unknown as number)],
  ])('refuse %s', (_what, make) => {
    expect(make).toThrow(ValidationError)
  })
})

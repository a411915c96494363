// Rows as CSV and NDJSON.

import { describe, expect, it } from 'vitest'
import { csvField, rowWriter } from '../../../src/cli/row-format.ts'
import { timestamp } from '../../../src/index.ts'

const NOON = timestamp('2025-01-01T12:00:00Z')

describe('CSV', () => {
  const writer = rowWriter('csv', 'iso', 'time', ['a,b', 'c'])

  it('quotes names as RFC 4180 says', () => {
    expect(writer.header).toBe('time,"a,b",c\n')
    expect(csvField('say "hi"')).toBe('"say ""hi"""')
    expect(csvField('two\nlines')).toBe('"two\nlines"')
    expect(csvField('a\rb')).toBe('"a\rb"')
    expect(csvField(' plain ')).toBe(' plain ')
  })

  it('leaves a cell empty where there is no sample', () => {
    expect(writer.line(NOON, ['1', undefined])).toBe('2025-01-01T12:00:00Z,1,\n')
    expect(writer.line(NOON, [undefined, '2'])).toBe('2025-01-01T12:00:00Z,,2\n')
  })

  it('writes values that read back exactly', () => {
    const floats = Float64Array.of(0.1, -0, 1e21, Number.NaN, Number.POSITIVE_INFINITY, 5e-324)
    const cell = writer.cellOf('float64', floats)
    expect(Array.from(floats, (_, i) => cell(i))).toEqual(['0.1', '-0', '1e+21', 'NaN', 'Infinity', '5e-324'])
    expect(Number(writer.cellOf('float32', Float32Array.of(0.1))(0))).toBe(Math.fround(0.1))
    expect(writer.cellOf('int64', BigInt64Array.of(2n ** 53n + 1n))(0)).toBe('9007199254740993')
    expect(writer.cellOf('uint64', BigUint64Array.of(2n ** 64n - 1n))(0)).toBe('18446744073709551615')
    expect(writer.cellOf('int8', Int8Array.of(-128))(0)).toBe('-128')
    const booleans = writer.cellOf('boolean', Uint8Array.of(0, 1))
    expect([booleans(0), booleans(1)]).toEqual(['false', 'true'])
    expect(writer.cellOf('timestamp', BigInt64Array.of(NOON))(0)).toBe('2025-01-01T12:00:00Z')
  })
})

describe('NDJSON', () => {
  const writer = rowWriter('ndjson', 'iso', 'time', ['a"b', 'c'])

  it('is an object a line, without what has no sample', () => {
    expect(writer.header).toBe('')
    const line = writer.line(NOON, ['1', undefined])
    expect(line.endsWith('}\n')).toBe(true)
    expect(JSON.parse(line)).toEqual({ time: '2025-01-01T12:00:00Z', 'a"b': 1 })
    expect(JSON.parse(writer.line(NOON, [undefined, undefined]))).toEqual({ time: '2025-01-01T12:00:00Z' })
  })

  it('has null for what is no number in JSON', () => {
    const cell = writer.cellOf(
      'float64',
      Float64Array.of(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1.5, -0),
    )
    expect([0, 1, 2, 3, 4].map(cell)).toEqual(['null', 'null', 'null', '1.5', '-0'])
  })

  it('has times as strings, or as whole numbers', () => {
    expect(writer.cellOf('timestamp', BigInt64Array.of(NOON))(0)).toBe('"2025-01-01T12:00:00Z"')
    const nanos = rowWriter('ndjson', 'ns', 't', [])
    expect(nanos.line(NOON + 1n, [])).toBe('{"t":1735732800000000001}\n')
    expect(nanos.cellOf('timestamp', BigInt64Array.of(NOON))(0)).toBe('1735732800000000000')
  })
})

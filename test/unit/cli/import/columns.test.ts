// What is found out about a file: its delimiter, its header, its time, and the types of its columns.

import { describe, expect, it } from 'vitest'
import { arrayOf } from '../../../../src/cli/import/sample-array.ts'
import { cellWriter, kindOf, MissingMarkers } from '../../../../src/cli/import/cells.ts'
import { ColumnFacts } from '../../../../src/cli/import/column-facts.ts'
import { guessDelimiter } from '../../../../src/cli/import/delimiter.ts'
import { headerOf } from '../../../../src/cli/import/header.ts'
import { timeColumn } from '../../../../src/cli/import/time-column.ts'
import type { TimeOptions } from '../../../../src/cli/import/time-column.ts'
import { timestamp } from '../../../../src/index.ts'
import type { DataType } from '../../../../src/index.ts'

const MARKERS = new MissingMarkers()

describe('the delimiter', () => {
  it.each([
    ['a,b\n1,2\n', ','],
    ['a;b\n1,5;2,5\n', ';'],
    ['a\tb,c\n1\t2\n', '\t'],
    ['a|b\n1|2\n', '|'],
    ['"x;y;z",b\n1,2\n', ','],
    ['a;"x,y,\n,z"\n1;2\n', ';'],
    ['"a"\t"b"\n"1"\t"2"\n', '\t'],
    ['t\n1\n', ','],
    ['a,b;c\n1,2\n3,4\n5,6', ','],
  ])('of %j is %j', (text, delimiter) => {
    expect(guessDelimiter(text, true)).toBe(delimiter)
  })
})

describe('the header', () => {
  const header = (rows: string[][], given?: string[], isThere?: boolean): unknown => {
    const { isThere: found, names } = headerOf(rows, MARKERS, isThere, given)
    return [found, ...names]
  }

  it('is there where the first line is text', () => {
    expect(
      header([
        ['time', 'value'],
        ['1', '2'],
      ]),
    ).toEqual([true, 'time', 'value'])
    expect(
      header([
        ['time', '1', '2'],
        ['2020-01-01', '5', '6'],
      ]),
    ).toEqual([true, 'time', '1', '2'])
    expect(
      header([
        ['name', 'place'],
        ['x', 'y'],
      ]),
    ).toEqual([true, 'name', 'place'])
  })

  it('is not there where the first line is data', () => {
    expect(header([['8.0', '2165.4']])).toEqual([false, 'column_1', 'column_2'])
    expect(header([['2020-01-01 00:00:00', 'NA', '']])).toEqual([false, 'column_1', 'column_2', 'column_3'])
    expect(
      header([
        ['2020-01-01', 'red', '5'],
        ['2020-01-02', 'blue', 'NA'],
      ]),
    ).toEqual([false, 'column_1', 'column_2', 'column_3'])
  })

  it('is what the person says', () => {
    expect(header([['1', '2']], undefined, true)).toEqual([true, '1', '2'])
    expect(header([['a', 'b']], undefined, false)).toEqual([false, 'column_1', 'column_2'])
    expect(header([['a', 'b']], ['x', 'y'])).toEqual([true, 'x', 'y'])
    expect(() => header([['a', 'b']], ['x'])).toThrow(/--columns: 1 names for 2 columns/)
  })

  it('gives each column a name of its own, and says where it is another', () => {
    const { names, notes, unnamed } = headerOf(
      [['t', 'a', 'a_2', 'a', '', ' a '], []],
      MARKERS,
      undefined,
      undefined,
    )
    expect(names).toEqual(['t', 'a', 'a_2', 'a_3', 'column_5', 'a_4'])
    expect(unnamed).toEqual([4])
    expect(notes).toEqual([
      'column 4 is named "a" as another is: it is "a_3" here',
      'column 6 is named "a" as another is: it is "a_4" here',
    ])
  })
})

describe('the time', () => {
  const found = (names: string, cells: string, options: TimeOptions = {}): unknown => {
    const row = cells.split('|')
    const column = timeColumn({ names: names.split('|'), rows: [row] }, options)
    return [column.positions, column.read(row)]
  }
  const at = timestamp('2014-01-07T02:00:00Z')

  it.each([
    ['value|timestamp', '1|2014-01-07 02:00:00', [1], at],
    ['date|Time|x', '2014-01-07|02:00:00|3', [0, 1], at],
    ['date|time|x', '2014-01-07|2014-01-07 02:00:00|3', [1], at],
    ['No|year|month|day|hour|x', '1|2014|1|7|2|5', [1, 2, 3, 4], at],
    ['t_ns|x', '1389060000000000000|5', [0], at],
    ['Time (ms)|x', '1389060000000|5', [0], at],
    ['time [s]|x', '1389060000|5', [0], at],
    ['epoch|x', '1389060000000000|5', [0], at],
    ['epoch|x', '1389060000.0|5', [0], at],
    ['elapsed_us|x', '5|1', [0], 5000n],
    ['anything|x', '2014-01-07 02:00|5', [0], at],
    ['anything|x', '1389060000|5', [0], at],
  ])('is found in %s', (names, cells, positions, time) => {
    expect(found(names, cells)).toEqual([positions, time])
  })

  it('is what the person says', () => {
    expect(found('time|when', '5|07.01.2014 02', { time: 'when', timeFormat: '%d.%m.%Y %H' })).toEqual([
      [1],
      at,
    ])
    expect(found('d|c', '07.01.14|02:00', { time: 'd,c', timeFormat: '%d.%m.%y %H:%M' })).toEqual([
      [0, 1],
      at,
    ])
    expect(found('a,b|c', '5|6', { time: 'a,b', origin: at })).toEqual([[0], at + 5_000_000_000n])
    expect(found('hour|day|month|year|s', '2|7|1|2014|0', { time: 'year,month,day,hour' })).toEqual([
      [3, 2, 1, 0],
      at,
    ])
    expect(found('year|month', '2014|1', { time: 'year,month' })).toEqual([
      [0, 1],
      timestamp('2014-01-01T00:00:00Z'),
    ])
    expect(found('time', '5', { timeFormat: 'ms', origin: 10n })).toEqual([[0], 5_000_010n])
    expect(found('time', '5', { timeFormat: 'ns' })).toEqual([[0], 5n])
    expect(found('year|month|day', '2014|1|7', { utcOffset: '-02:00' })).toEqual([[0, 1, 2], at])
  })

  it('is read from all parts of a date', () => {
    const names = 'year|month|day|hour|minute|second|millisecond|microsecond|nanosecond'
    const read = (cells: string): unknown => (found(names, cells) as unknown[])[1]
    expect(read('2014|01|7|2|0|1.5|2|3|4')).toBe(at + 1_502_003_004n)
    for (const bad of [
      '2014|2|29|0|0|0|0|0|0',
      '2014|1|7|2|0|60|0|0|0',
      '2014|1|7|2||0|0|0|0',
      '2014|1.5|7|2|0|0|0|0|0',
    ])
      expect(read(bad)).toBeUndefined()
  })

  it.each([
    ['time|x', '8.0|1', {}, /"time" is 8.0, which can mean anything: give --origin TIME/],
    ['time|x', '20140107|1', {}, /which can mean anything/],
    ['time|x', '20140107020000|1', {}, /which can mean anything/],
    ['time|x', 'soon|1', {}, /is "soon", of which the form is not known: give it with --time-format/],
    ['a|b', 'x|y', {}, /no column looks like the time: name it with --time COLUMN/],
    ['a|b', 'x|y', { time: 'c' }, /--time: there is no column "c"; there are "a", "b"/],
    ['time', '2014-01-07', { origin: 0n }, /--origin is for times that are numbers/],
    ['year|month|day', '1|2|3', { origin: 0n }, /--origin is for times that are numbers/],
    ['time', '2014-01-07', { utcOffset: 'CET' }, /"CET" is no offset from UTC/],
    ['d|c', 'x|y', { time: 'd,c', timeFormat: 'ms' }, /no number together/],
  ])('of %s with %s cannot be told', (names, cells, options, message) => {
    expect(() => found(names, cells, options)).toThrow(message)
  })
})

describe('the type of a column', () => {
  const guess = (...cells: string[]): unknown => {
    const facts = new ColumnFacts(MARKERS)
    cells.forEach((cell, i) => facts.add(cell, i + 2))
    return facts.guess()
  }

  it.each<[string[], DataType]>([
    [['1', '-2', '+3', '007'], 'int64'],
    [['-9223372036854775808', '9223372036854775807'], 'int64'],
    [['0', '18446744073709551615'], 'uint64'],
    [['1', '2.5', '-1e3', '.5', 'inf'], 'float64'],
    [['1.5', '', 'NA'], 'float64'],
    [['true', 'False', 'TRUE'], 'boolean'],
  ])('of %j is %s', (cells, type) => {
    expect(guess(...cells)).toMatchObject({ type })
  })

  it('says what a person should know', () => {
    expect(guess('1', 'NA', '')).toEqual({
      type: 'float64',
      note: '2 missing cells: float64 instead of int64',
    })
    expect(guess('', 'null')).toEqual({ type: 'float64', note: 'no cell has a value' })
    expect(guess('9007199254740993', '')).toEqual({
      type: 'float64',
      note: '1 missing cell: float64 instead of int64; integers beyond 2^53 are rounded',
    })
    expect(guess('-1', '18446744073709551615')).toMatchObject({ type: 'float64', note: expect.any(String) })
    expect(guess('true', '0', '')).toEqual({
      type: 'float64',
      note: '1 missing cell: float64 (0, 1, NaN) instead of boolean',
    })
  })

  it('is none for text, which is named with its line', () => {
    expect(guess('1', 'NNW')).toEqual({ type: undefined, reason: 'text, such as "NNW" on line 3' })
    expect(guess('2', 'true')).toEqual({ type: undefined, reason: 'numbers, and true or false on line 3' })
    expect(guess('1', '2,5')).toEqual({
      type: undefined,
      reason: 'numbers with a decimal comma, which is not read, such as "2,5" on line 3',
    })
    expect(guess('\u0001')).toMatchObject({ type: undefined })
    expect(guess('0x10')).toMatchObject({ type: undefined })
  })

  it('takes markers that the person names for missing, numbers too', () => {
    const markers = new MissingMarkers(['-999', 'none given'])
    const facts = new ColumnFacts(markers)
    for (const cell of ['1', '-999', 'none given', '-998']) facts.add(cell, 1)
    expect(facts.missing).toBe(2)
    const array = new Float64Array(1)
    expect(cellWriter('float64', markers, false)(array, 0, '-999')).toBe(true)
    expect(array[0]).toBeNaN()
    expect(cellWriter('int64', markers, true)(new BigInt64Array(1), 0, '-999')).toBe(false)
  })
})

describe('a cell', () => {
  const NONE = 'none'
  const written = (type: DataType, cell: string, isChecked = true): unknown => {
    const array = arrayOf(type, 1)
    return cellWriter(type, MARKERS, isChecked)(array, 0, cell) ? array[0] : NONE
  }

  it.each<[DataType, string, unknown]>([
    ['float64', '1.5', 1.5],
    ['float64', '-0', -0],
    ['float64', '0.00', 0],
    ['float64', '', NaN],
    ['float64', 'NA', NaN],
    ['float64', ' 7 ', 7],
    ['float64', ' ', NaN],
    ['float64', '-inf', -Infinity],
    ['float64', 'true', 1],
    ['float64', '0x10', NONE],
    ['float64', '1,5', NONE],
    ['float32', '0.5', 0.5],
    ['float32', '1e39', NONE],
    ['float32', 'inf', Infinity],
    ['int8', '127', 127],
    ['int8', '128', NONE],
    ['int8', '3.0', 3],
    ['int8', '3.5', NONE],
    ['int8', '', NONE],
    ['uint8', '-1', NONE],
    ['uint32', '4294967295', 4_294_967_295],
    ['int64', '9223372036854775807', 2n ** 63n - 1n],
    ['int64', '9223372036854775808', NONE],
    ['int64', '5.', 5n],
    ['uint64', '18446744073709551615', 2n ** 64n - 1n],
    ['uint64', '-1', NONE],
    ['boolean', 'TRUE', 1],
    ['boolean', '0', 0],
    ['boolean', '2', NONE],
    ['boolean', '', NONE],
    ['timestamp', '1970-01-01 00:00:01', 1_000_000_000n],
    ['timestamp', '5', 5n],
    ['timestamp', 'x', NONE],
  ])('of type %s: %j is %s', (type, cell, value) => {
    expect(written(type, cell)).toBe(value)
  })

  it('is the same for a type that was guessed from it, where that cannot be wrong', () => {
    for (const cell of ['1.5', '-0', '', 'NA', ' 7 ', ' ', '-inf', 'true', '0', ' 0', '+1e3'])
      expect(written('float64', cell, false)).toBe(written('float64', cell, true))
  })

  it.each([
    ['12', 'integer'],
    ['1.', 'decimal'],
    ['-1.5E-3', 'decimal'],
    ['Infinity', 'decimal'],
    ['True', 'boolean'],
    ['1e', 'text'],
    ['.', 'text'],
    ['1 2', 'text'],
  ])('%s is of kind %s', (cell, kind) => {
    expect(kindOf(cell)).toBe(kind)
  })
})

import { describe, expect, it } from 'vitest'
import { AssertionError } from '../../../src/assert.ts'
import { ChannelNotFoundError, ValidationError } from '../../../src/errors.ts'
import { Frame, type FrameColumn } from '../../../src/telem/frame.ts'

const time = BigInt64Array.of(10n, 20n, 30n, 100n)

function example(): Frame<{ time: 'timestamp'; pressure: 'float64'; open: 'boolean' }> {
  return new Frame([
    {
      name: 'time',
      type: 'timestamp',
      data: time,
      series: [
        { count: 3, timeRange: { start: 10n, end: 31n } },
        { count: 1, timeRange: { start: 100n, end: 101n } },
      ],
      timestamps: time,
    },
    {
      name: 'pressure',
      type: 'float64',
      data: Float64Array.of(1.5, Number.NaN),
      series: [{ count: 2, timeRange: { start: 20n, end: 31n } }],
      timestamps: BigInt64Array.of(20n, 30n),
    },
    { name: 'open', type: 'boolean', data: new Uint8Array(0), series: [], timestamps: new BigInt64Array(0) },
  ])
}

function column(name: string, type: FrameColumn['type'], data: FrameColumn['data']): FrameColumn {
  const count = data.length
  const timestamps = BigInt64Array.from({ length: count }, (_, i) => BigInt(i))
  return { name, type, data, timestamps, series: [{ count, timeRange: { start: 0n, end: BigInt(count) } }] }
}

describe('Frame', () => {
  it('gives columns, counts and times by name', () => {
    const frame = example()
    expect(frame.channels).toEqual(['time', 'pressure', 'open'])
    expect(frame.column('time')).toBe(time)
    expect(frame.timestamps('time')).toBe(time)
    expect(frame.timestamps('pressure')).toEqual(BigInt64Array.of(20n, 30n))
    expect([frame.count('time'), frame.count('pressure'), frame.count('open')]).toEqual([4, 2, 0])
  })

  it('cuts a column into one series per domain, as views on it', () => {
    const [first, second, ...others] = example().series('time')
    expect(others).toEqual([])
    expect([first?.length, second?.length]).toEqual([3, 1])
    expect(first?.data.buffer).toBe(time.buffer)
    expect(second?.data).toEqual(BigInt64Array.of(100n))
    expect(second?.timestamps).toEqual(BigInt64Array.of(100n))
    expect(first?.timeRange).toEqual({ start: 10n, end: 31n })
    expect([first?.channel, first?.type]).toEqual(['time', 'timestamp'])
    expect(example().series('open')).toEqual([])
  })

  it('gives the sample at a position of a series, undefined outside', () => {
    const [series] = example().series('time')
    expect([0, 2, 3, -1, 0.5, Number.NaN].map((position) => series?.at(position))).toEqual([
      10n,
      30n,
      undefined,
      undefined,
      undefined,
      undefined,
    ])
  })

  it('refuses times that were not read, naming the channel', () => {
    const { timestamps: _, ...bare } = column('p', 'int8', Int8Array.of(1))
    const frame = new Frame([column('q', 'int8', Int8Array.of(1)), bare])
    const refused = expect.objectContaining({ code: 'VALIDATION', channel: 'p' }) as unknown
    expect(() => frame.timestamps('p')).toThrow(refused)
    expect(() => frame.series('p')[0]?.timestamps).toThrow(refused)
    expect(() => frame.rows()).toThrow(ValidationError)
    expect(frame.column('p')).toEqual(Int8Array.of(1))
  })

  it('names a channel that is not in it', () => {
    const frame: Frame = example()
    for (const ask of [
      () => frame.column('flow'),
      () => frame.series('flow'),
      () => frame.timestamps('toString'),
      () => frame.count('__proto__'),
    ]) {
      expect(ask).toThrow(ChannelNotFoundError)
    }
  })

  it('is empty when no channel has a sample', () => {
    expect(example().isEmpty).toBe(false)
    expect(new Frame([]).isEmpty).toBe(true)
    expect(new Frame([{ name: 'p', type: 'int8', data: new Int8Array(0), series: [] }]).isEmpty).toBe(true)
  })

  it('merges rows by time, with a key for every channel', () => {
    expect([...example().rows()]).toEqual([
      { time: 10n, pressure: undefined, open: undefined },
      { time: 20n, pressure: 1.5, open: undefined },
      { time: 30n, pressure: Number.NaN, open: undefined },
      { time: 100n, pressure: undefined, open: undefined },
    ])
    const keys = [...example().rows()].map((row) => Object.keys(row))
    expect(keys).toEqual(Array(4).fill(['time', 'pressure', 'open']))
  })

  it('makes each row as it is asked for', () => {
    const rows = example().rows()
    expect(rows.next().value).toMatchObject({ time: 10n })
    expect(rows.next().value).toMatchObject({ time: 20n })
    expect([...rows]).toHaveLength(2)
  })

  it('takes any channel name for a key of its own', () => {
    const names = ['__proto__', 'constructor', 'toString', 'plain']
    const frame = new Frame(names.map((name, i) => column(name, 'int8', Int8Array.of(i + 1))))
    for (const object of [[...frame.rows()][0], frame.toJSON()]) {
      expect(Object.keys(object ?? {})).toEqual(names)
      expect(Object.getPrototypeOf(object)).toBe(Object.prototype)
    }
    const row = [...frame.rows()][0]
    expect(names.map((name) => Object.getOwnPropertyDescriptor(row, name)?.value as unknown)).toEqual([
      1, 2, 3, 4,
    ])
  })

  it('survives JSON, times as ISO strings and 64-bit integers as strings', () => {
    const frame = new Frame([
      ...['time'].map(() => column('time', 'timestamp', BigInt64Array.of(1n))),
      column('int64', 'int64', BigInt64Array.of(-(2n ** 63n))),
      column('uint64', 'uint64', BigUint64Array.of(2n ** 64n - 1n)),
      column('float64', 'float64', Float64Array.of(0.5, Number.NaN, Number.POSITIVE_INFINITY)),
      column('boolean', 'boolean', Uint8Array.of(1, 0)),
    ])
    expect(JSON.parse(JSON.stringify(frame))).toEqual({
      time: ['1970-01-01T00:00:00.000000001Z'],
      int64: ['-9223372036854775808'],
      uint64: ['18446744073709551615'],
      float64: [0.5, null, null],
      boolean: [1, 0],
    })
  })

  it('is not made of columns that contradict themselves', () => {
    const good = column('p', 'int8', Int8Array.of(1))
    expect(() => new Frame([good, good])).toThrow(AssertionError)
    expect(() => new Frame([{ ...good, series: [] }])).toThrow(AssertionError)
    expect(() => new Frame([{ ...good, timestamps: new BigInt64Array(2) }])).toThrow(AssertionError)
  })
})

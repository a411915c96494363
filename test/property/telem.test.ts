import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createClock } from '../../src/clock.ts'
import { ValidationError } from '../../src/errors.ts'
import { createArray, DATA_TYPES, type DataType } from '../../src/telem/data-type.ts'
import { Frame, type FrameColumn } from '../../src/telem/frame.ts'
import { encodeSamples, sampleCount } from '../../src/telem/sample.ts'
import {
  END_OF_TIME,
  MAX_TIMESTAMP,
  seconds,
  span,
  timestamp,
  toDate,
  toISO,
} from '../../src/telem/timestamp.ts'
import { propertyOptions } from '../support/seeds.ts'

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })

describe('times', () => {
  it('come back from ISO as they were', () => {
    fc.assert(
      fc.property(int64, (ts) => {
        const text = toISO(ts)
        expect(text).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/)
        expect(timestamp(text)).toBe(ts)
        expect(toDate(ts).toISOString().slice(0, 23)).toBe(text.slice(0, 23))
      }),
      propertyOptions(300),
    )
  })

  it('sort as text as they sort as numbers', () => {
    fc.assert(
      fc.property(int64, int64, (a, b) => {
        expect(toISO(a) < toISO(b)).toBe(a < b)
      }),
      propertyOptions(300),
    )
  })

  it('mean the same with an offset', () => {
    const offset = fc.integer({ min: 0, max: 23 * 60 + 59 })
    fc.assert(
      fc.property(int64, offset, fc.boolean(), (ts, minutes, east) => {
        const local = east ? ts + seconds(minutes * 60) : ts - seconds(minutes * 60)
        fc.pre(BigInt.asIntN(64, local) === local)
        const two = (n: number): string => String(n).padStart(2, '0')
        const sign = `${east ? '+' : '-'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
        expect(timestamp(toISO(local).replace('Z', sign))).toBe(ts)
      }),
      propertyOptions(300),
    )
  })

  it('are read from the calendar exactly where the calendar has them', () => {
    const fields = fc.tuple(
      fc.integer({ min: 1678, max: 2261 }),
      fc.integer({ min: 0, max: 14 }),
      fc.integer({ min: 0, max: 33 }),
      fc.integer({ min: 0, max: 25 }),
      fc.integer({ min: 0, max: 61 }),
      fc.integer({ min: 0, max: 61 }),
    )
    fc.assert(
      fc.property(fields, ([year, month, day, hour, minute, second]) => {
        const two = (n: number): string => String(n).padStart(2, '0')
        const text = `${year}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}Z`
        const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
        const lengths = [0, 31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        const exists = day >= 1 && day <= (lengths[month] ?? 0) && hour <= 23 && minute <= 59 && second <= 59
        if (exists) expect(timestamp(text)).toBe(BigInt(Date.parse(text)) * 1_000_000n)
        else expect(() => timestamp(text)).toThrow(ValidationError)
      }),
      propertyOptions(500),
    )
  })
})

describe('spans', () => {
  const units = { ns: 0, us: 3, ms: 6, s: 9 }

  it('are read exactly, or refused where they are no whole nanoseconds', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[])),
        fc.bigInt({ min: 0n, max: 10n ** 9n }),
        fc.option(fc.stringMatching(/^\d{1,12}$/), { nil: undefined }),
        (unit, whole, fraction) => {
          const text = `${whole}${fraction === undefined ? '' : `.${fraction}`}${unit}`
          // By moving the decimal point.
          const digits = (fraction ?? '').padEnd(units[unit], '0')
          const below = digits.slice(units[unit])
          if (/[1-9]/.test(below)) expect(() => span(text)).toThrow(ValidationError)
          else expect(span(text)).toBe(BigInt(`${whole}${digits.slice(0, units[unit])}`))
        },
      ),
      propertyOptions(500),
    )
  })

  it('of a number are those of the text that it prints as', () => {
    const number = fc.double({ min: 0, max: 1e9, noNaN: true }).map((n) => Math.round(n * 1e4) / 1e4)
    fc.assert(
      fc.property(number, (n) => {
        fc.pre(!String(n).includes('e'))
        expect(seconds(n)).toBe(span(`${n}s`))
        expect(seconds(-n)).toBe(-span(`${n}s`))
      }),
      propertyOptions(300),
    )
  })
})

describe('a clock', () => {
  it('never goes back and never runs ahead of the wall clock, however that jumps', () => {
    const steps = fc.array(
      fc.record({
        wall: fc.integer({ min: -50, max: 200 }),
        monotonic: fc.double({ min: 0, max: 100, noNaN: true }),
      }),
    )
    fc.assert(
      fc.property(steps, (moves) => {
        let wall = 1_700_000_000_000
        let monotonic = 0
        let furthest = wall
        const clock = createClock(
          () => wall,
          () => monotonic,
        )
        let last = clock.now()
        for (const move of moves) {
          wall += move.wall
          monotonic += move.monotonic
          furthest = Math.max(furthest, wall)
          const next = clock.now()
          expect(next >= last).toBe(true)
          expect(next >= BigInt(wall) * 1_000_000n).toBe(true)
          expect(next < BigInt(furthest + 1) * 1_000_000n).toBe(true)
          last = next
        }
      }),
      propertyOptions(200),
    )
  })
})

/** What one value is stored as, written down as the contract reads; `undefined` where it is refused. */
function oracle(type: DataType, value: unknown): number | bigint | undefined {
  const bits = Number(/\d+$/.exec(type)?.[0] ?? 0)
  if (type === 'boolean') return [0, 1, false, true].includes(value as number) ? Number(value) : undefined
  if (type === 'timestamp') {
    const time = value instanceof Date ? BigInt(value.getTime()) * 10n ** 6n : value
    return typeof time === 'bigint' && time >= -(2n ** 63n) && time <= MAX_TIMESTAMP ? time : undefined
  }
  if (type.startsWith('float')) {
    if (typeof value !== 'number') return undefined
    if (bits === 64 || !Number.isFinite(value)) return value
    const rounded = Math.fround(value)
    return Number.isFinite(rounded) ? rounded : undefined
  }
  const whole = typeof value === 'bigint' && bits === 64 ? value : undefined
  const exact = whole ?? (Number.isSafeInteger(value) ? BigInt(value as number) : undefined)
  if (exact === undefined) return undefined
  const fits = type.startsWith('u') ? BigInt.asUintN(bits, exact) : BigInt.asIntN(bits, exact)
  if (fits !== exact) return undefined
  return bits === 64 ? exact : Number(exact)
}

const edges = [7, 8, 15, 16, 31, 32, 53, 63, 64].flatMap((bits) =>
  [-1, 0, 1].map((by) => [bits, by] as const),
)
const value = fc.oneof(
  fc.integer(),
  fc.constantFrom(0, 1, -0, true, false, 0n, 1n),
  fc.double(),
  fc.float(),
  fc.integer({ min: -300, max: 300 }),
  fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }),
  fc.constantFrom(...edges).chain(([bits, by]) => fc.constantFrom(2 ** bits + by, -(2 ** bits) + by)),
  fc.constantFrom(...edges).chain(([bits, by]) => fc.constantFrom(2n ** BigInt(bits) + BigInt(by))),
  fc.date({ min: new Date(-1e12), max: new Date(1e12), noInvalidDate: true }),
  fc.constantFrom(null, undefined, '', '1', 'x', {}, [], Number.MAX_VALUE, END_OF_TIME),
)

const typedArray = fc.oneof(
  fc.float64Array({ maxLength: 8 }),
  fc.float32Array({ maxLength: 8 }),
  fc.int32Array({ maxLength: 8 }),
  fc.int8Array({ maxLength: 8 }),
  fc.uint32Array({ maxLength: 8 }),
  fc.uint16Array({ maxLength: 8 }),
  fc.uint8Array({ maxLength: 8, max: 2 }),
  fc.uint8ClampedArray({ maxLength: 8 }),
  fc.array(int64, { maxLength: 8 }).map((list) => BigInt64Array.from(list)),
  fc
    .array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { maxLength: 8 })
    .map((list) => BigUint64Array.from(list)),
  fc.array(fc.integer({ min: -3, max: 3 }), { maxLength: 8 }).map((list) => Float64Array.from(list)),
  fc.array(fc.bigInt({ min: -3n, max: 3n }), { maxLength: 8 }).map((list) => BigInt64Array.from(list)),
)

describe('samples', () => {
  const type = fc.constantFrom(...DATA_TYPES)

  function check(type: DataType, input: unknown, elements: readonly unknown[]): void {
    const expected = elements.map((element) => oracle(type, element))
    const wrong = expected.indexOf(undefined)
    const target = createArray(type, expected.length + 2)
    const encode = (): number => encodeSamples('p', type, input, target, 1)
    if (wrong >= 0) {
      expect(encode).toThrow(ValidationError)
      expect(encode).toThrow(`Channel "p", sample ${wrong}: `)
      expect(encode).toThrow(expect.objectContaining({ channel: 'p' }))
      return
    }
    expect(encode()).toBe(expected.length)
    expect(sampleCount(type, input)).toBe(expected.length)
    // Through an array of the same kind: among integers there is no -0.
    const surrounded = createArray(type, target.length)
    expected.forEach((one, i) => {
      surrounded[i + 1] = one as never
    })
    expect(target).toEqual(surrounded)
  }

  it('of plain arrays are stored, or refused, as the contract says', () => {
    fc.assert(
      fc.property(type, fc.array(value, { maxLength: 6 }), (type, list) => check(type, list, list)),
      propertyOptions(2000),
    )
  })

  it('that all fit are stored', () => {
    const fitting = type.chain((type) =>
      fc.tuple(
        fc.constant(type),
        fc.array(
          value.filter((one) => oracle(type, one) !== undefined),
          { maxLength: 6 },
        ),
      ),
    )
    fc.assert(
      fc.property(fitting, ([type, list]) => check(type, list, list)),
      propertyOptions(500),
    )
  })

  it('of single values are stored, or refused, as the contract says', () => {
    fc.assert(
      fc.property(type, value, (type, one) => {
        fc.pre(!Array.isArray(one))
        check(type, one, [one])
      }),
      propertyOptions(1000),
    )
  })

  it('of any typed array are stored where every value fits', () => {
    fc.assert(
      fc.property(type, typedArray, (type, array) => {
        const wide = array instanceof BigInt64Array || array instanceof BigUint64Array
        const narrow = wide && /^(u?int(8|16|32)|boolean)$/.test(type)
        check(
          type,
          array,
          [...array].map((one) => (narrow ? Number(one) : one)),
        )
      }),
      propertyOptions(2000),
    )
  })
})

describe('rows', () => {
  const times = fc
    .uniqueArray(fc.bigInt({ min: 0n, max: 30n }), { maxLength: 15 })
    .map((list) => BigInt64Array.from(list).sort())

  function column(name: string, timestamps: BigInt64Array, offset: number): FrameColumn {
    const data = Float64Array.from(timestamps, (ts) => Number(ts) + offset)
    const count = data.length
    const timeRange = { start: timestamps[0] ?? 0n, end: (timestamps[count - 1] ?? 0n) + 1n }
    return { name, type: 'float64', data, timestamps, series: count === 0 ? [] : [{ count, timeRange }] }
  }

  it('are the union of all times, each channel beside its own', () => {
    const columns = fc.array(fc.tuple(times, fc.boolean()), { maxLength: 5 }).map((list) => {
      let before = new BigInt64Array(0)
      return list.map(([own, share], i) => {
        before = share ? before : own
        return column(`c${i}`, before, i * 1000)
      })
    })
    fc.assert(
      fc.property(columns, (columns) => {
        const byTime = new Map<bigint, Record<string, number | undefined>>()
        const blank = Object.fromEntries(columns.map(({ name }) => [name, undefined]))
        for (const { name, data, timestamps } of columns) {
          timestamps?.forEach((ts, i) => {
            byTime.set(ts, { ...blank, ...byTime.get(ts), [name]: data[i] as number })
          })
        }
        const expected = [...byTime].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
        expect([...new Frame(columns).rows()]).toStrictEqual(expected)
      }),
      propertyOptions(300),
    )
  })
})

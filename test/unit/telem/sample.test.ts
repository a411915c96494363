import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { AssertionError } from '../../../src/assert.ts'
import { ValidationError } from '../../../src/errors.ts'
import { createArray, DATA_TYPES, type DataType } from '../../../src/telem/data-type.ts'
import { assertIncreasing, encodeSamples, sampleCount } from '../../../src/telem/sample.ts'
import { END_OF_TIME, MAX_TIMESTAMP, MIN_TIMESTAMP } from '../../../src/telem/timestamp.ts'

/** What `input` is stored as, with room to spare on both sides, which must stay untouched. */
function stored(type: DataType, input: unknown): (number | bigint)[] {
  const target = createArray(type, 10)
  const count = encodeSamples('p', type, input, target, 2)
  const values = Array.from<number | bigint>(target as ArrayLike<number | bigint>)
  const outside = [...values.slice(0, 2), ...values.slice(2 + count)]
  expect(outside.every((value) => Number(value) === 0)).toBe(true)
  expect(sampleCount(type, input)).toBe(count)
  return values.slice(2, 2 + count)
}

function refusal(type: DataType, input: unknown): ValidationError {
  try {
    encodeSamples('p', type, input, createArray(type, 10), 0)
  } catch (error) {
    if (error instanceof ValidationError) return error
    throw error
  }
  return expect.fail('it was taken')
}

const INTEGERS = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int16: [-(2 ** 15), 2 ** 15 - 1],
  int8: [-128, 127],
  uint32: [0, 2 ** 32 - 1],
  uint16: [0, 2 ** 16 - 1],
  uint8: [0, 255],
} as const

describe('encodeSamples', () => {
  it.each(Object.entries(INTEGERS))('%s takes whole numbers in its range', (name, [least, most]) => {
    const type = name as DataType
    expect(stored(type, [least, most, 1, -0])).toEqual([least, most, 1, 0])
    expect(stored(type, most)).toEqual([most])
    for (const value of [least - 1, most + 1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(refusal(type, value).channel).toBe('p')
      expect(refusal(type, Float64Array.of(value)).message).toContain('sample 0')
    }
  })

  it('stores every number in a float64, and what float32 can reach in a float32', () => {
    const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 5e-324, 1.7e308]
    expect(stored('float64', odd)).toEqual(odd)
    expect(stored('float32', [0.1, Number.NaN, Number.POSITIVE_INFINITY, 1e-60])).toEqual([
      Math.fround(0.1),
      Number.NaN,
      Number.POSITIVE_INFINITY,
      0,
    ])
    expect(refusal('float32', [1, 3.5e38]).message).toContain('sample 1')
    expect(refusal('float32', Float64Array.of(-1e300))).toBeInstanceOf(ValidationError)
  })

  it('takes bigints and safe integers for 64-bit integers', () => {
    expect(stored('int64', [-(2n ** 63n), 2n ** 63n - 1n, 2 ** 53 - 1, -5])).toEqual([
      -(2n ** 63n),
      2n ** 63n - 1n,
      2n ** 53n - 1n,
      -5n,
    ])
    expect(stored('uint64', [2n ** 64n - 1n, 0, 7])).toEqual([2n ** 64n - 1n, 0n, 7n])
    for (const value of [2n ** 63n, -(2n ** 63n) - 1n, 2 ** 53, 0.5, Number.NaN, '1', true]) {
      expect(refusal('int64', value).channel).toBe('p')
    }
    for (const value of [2n ** 64n, -1n, -1, 2 ** 53]) expect(refusal('uint64', value).channel).toBe('p')
  })

  it('takes any kind of time for timestamps, and no numbers', () => {
    expect(stored('timestamp', [5n, new Date(1), '1970-01-01T00:00:00.000000009Z', MIN_TIMESTAMP])).toEqual([
      5n,
      1_000_000n,
      9n,
      MIN_TIMESTAMP,
    ])
    expect(stored('timestamp', new Date(2))).toEqual([2_000_000n])
    expect(stored('timestamp', runInNewContext('new Date(2)'))).toEqual([2_000_000n])
    expect(stored('timestamp', BigUint64Array.of(7n))).toEqual([7n])
    expect(refusal('timestamp', [1n, 5]).message).toMatch(/"p", sample 1: .*ambiguous/)
    for (const input of [5, Float64Array.of(5), Int32Array.of(5), '12:00', new Date(Number.NaN)]) {
      expect(refusal('timestamp', input).channel).toBe('p')
    }
  })

  it('keeps the last nanosecond of int64 free, so that an exclusive end exists', () => {
    expect(stored('timestamp', BigInt64Array.of(MAX_TIMESTAMP))).toEqual([MAX_TIMESTAMP])
    expect(refusal('timestamp', END_OF_TIME).channel).toBe('p')
    expect(refusal('timestamp', BigInt64Array.of(1n, END_OF_TIME, END_OF_TIME)).message).toContain('sample 1')
    expect(refusal('timestamp', BigUint64Array.of(2n ** 63n)).channel).toBe('p')
    // As plain 64-bit integers they are fine.
    expect(stored('int64', BigInt64Array.of(END_OF_TIME))).toEqual([END_OF_TIME])
  })

  it('does not look for the last nanosecond beyond the samples', () => {
    const target = BigInt64Array.of(0n, 0n, END_OF_TIME)
    expect(encodeSamples('t', 'timestamp', BigInt64Array.of(1n, 2n), target, 0)).toBe(2)
  })

  it('takes true, false, 1 and 0 for booleans', () => {
    expect(stored('boolean', [true, false, 1, 0, -0])).toEqual([1, 0, 1, 0, 0])
    expect(stored('boolean', Uint8Array.of(1, 0))).toEqual([1, 0])
    expect(stored('boolean', Float64Array.of(1, 0))).toEqual([1, 0])
    expect(refusal('boolean', Uint8Array.of(1, 2)).message).toContain('sample 1')
    for (const value of [2, 'true', 1n, null, Number.NaN]) expect(refusal('boolean', value).channel).toBe('p')
  })

  it.each([...DATA_TYPES])('%s copies its natural array', (type) => {
    const input = createArray(type, 3)
    input.fill((input instanceof BigInt64Array || input instanceof BigUint64Array ? 1n : 1) as never)
    expect(stored(type, input).map(Number)).toEqual([1, 1, 1])
  })

  it('takes another typed array where every value fits', () => {
    expect(stored('float64', Int32Array.of(-1, 2))).toEqual([-1, 2])
    expect(stored('uint8', Int32Array.of(0, 255))).toEqual([0, 255])
    expect(stored('int32', Float64Array.of(1, -0))).toEqual([1, 0])
    expect(stored('int64', Float64Array.of(2 ** 53 - 1))).toEqual([2n ** 53n - 1n])
    expect(stored('uint64', BigInt64Array.of(3n))).toEqual([3n])
    expect(stored('int8', BigInt64Array.of(-128n))).toEqual([-128])
    expect(stored('float32', Float64Array.of(0.1))).toEqual([Math.fround(0.1)])
    expect(stored('uint8', new Uint8ClampedArray([300]))).toEqual([255])
    expect(refusal('uint8', Int32Array.of(1, 256)).message).toMatch(/sample 1: 256 /)
    expect(refusal('uint64', BigInt64Array.of(-1n)).channel).toBe('p')
    expect(refusal('int64', BigUint64Array.of(2n ** 63n)).channel).toBe('p')
    expect(refusal('int8', BigInt64Array.of(2n ** 60n)).channel).toBe('p')
    expect(refusal('float64', BigInt64Array.of(1n)).channel).toBe('p')
  })

  it('takes Buffers, and typed arrays of other realms', () => {
    expect(stored('uint8', Buffer.from([1, 2]))).toEqual([1, 2])
    expect(stored('float64', runInNewContext('Float64Array.of(1.5)'))).toEqual([1.5])
    expect(stored('float64', runInNewContext('[1.5]'))).toEqual([1.5])
  })

  it('takes shared memory', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(2))
    shared[0] = 1
    expect(stored('boolean', shared)).toEqual([1, 0])
    shared[1] = 7
    expect(refusal('boolean', shared).message).toContain('sample 1')
  })

  it.each([...DATA_TYPES])('%s takes no samples as none', (type) => {
    expect(stored(type, [])).toEqual([])
    expect(stored(type, new Float32Array(0))).toEqual([])
    expect(stored(type, createArray(type, 0))).toEqual([])
  })

  it.each([...DATA_TYPES])('%s refuses what holds no samples', (type) => {
    const inputs = [
      null,
      undefined,
      {},
      new Map(),
      new Set([1]),
      new DataView(new ArrayBuffer(8)),
      new ArrayBuffer(8),
      () => 1,
      Symbol('s'),
      Object(1),
      { length: 1, 0: 1 },
    ]
    for (const input of inputs) {
      expect(refusal(type, input).channel).toBe('p')
      expect(() => sampleCount(type, input, 'p')).toThrow(ValidationError)
    }
  })

  it.each([...DATA_TYPES])('%s refuses holes, null and undefined in arrays', (type) => {
    const good = type === 'timestamp' ? 1n : 1
    for (const bad of [
      Object.assign(Array(3), { 0: good, 2: good }),
      [good, null],
      [good, undefined],
      [good, [good]],
      [good, {}],
    ]) {
      expect(refusal(type, bad).message).toMatch(/"p", sample 1/)
    }
  })

  it('refuses strings, booleans and bigints for numbers, naming channel, position and value', () => {
    for (const type of [
      'float64',
      'float32',
      'int32',
      'int16',
      'int8',
      'uint32',
      'uint16',
      'uint8',
    ] as const) {
      expect(refusal(type, [1, '2']).message).toMatch(/"p", sample 1: "2" does not fit/)
      expect(refusal(type, [1, 2, true]).message).toMatch(/"p", sample 2: true does not fit/)
      expect(refusal(type, 1n).message).toMatch(/"p", sample 0: 1n does not fit/)
    }
  })

  it('writes nothing past the room that the target has', () => {
    const target = new Float64Array(2)
    for (const input of [[1, 2], Float64Array.of(1, 2), Int8Array.of(1, 2)]) {
      expect(() => encodeSamples('p', 'float64', input, target, 1)).toThrow(ValidationError)
    }
    expect(() => encodeSamples('p', 'float64', 1, target, 2)).toThrow(ValidationError)
    expect([...target]).toEqual([0, 0])
  })

  it('runs nothing of the user but reads of elements', () => {
    class Trap extends Float64Array {
      override get length(): number {
        return expect.fail('length was called')
      }
      override subarray(): never {
        return expect.fail('subarray was called')
      }
      static get [Symbol.species](): never {
        return expect.fail('species was called')
      }
      override get [Symbol.toStringTag](): never {
        return expect.fail('the tag was called')
      }
    }
    expect(stored('float64', new Trap([1, 2]))).toEqual([1, 2])
    expect(stored('int8', new Trap([1, 2]))).toEqual([1, 2])

    const reads: PropertyKey[] = []
    const watched = new Proxy([1, 2], {
      get: (list, key) => {
        reads.push(key)
        return Reflect.get(list, key) as unknown
      },
    })
    const target = new Float64Array(2)
    expect(encodeSamples('p', 'float64', watched, target, 0)).toBe(2)
    expect(reads).toEqual(['length', '0', '1'])
  })

  it('refuses the length of a proxy that is none', () => {
    for (const length of [-1, 0.5, Number.NaN, '2', undefined, 2 ** 60]) {
      const input = new Proxy([1], {
        get: (list, key) => (key === 'length' ? length : Reflect.get(list, key)),
      })
      expect(refusal('float64', input).channel).toBe('p')
    }
  })
})

describe('assertIncreasing', () => {
  const times = BigInt64Array.of(5n, 1n, 2n, 2n, 3n, 1n)

  it('finds the first that is not greater than the one before it', () => {
    expect(assertIncreasing('t', times, 0, 6)).toBe(1)
    expect(assertIncreasing('t', times, 1, 6)).toBe(3)
    expect(assertIncreasing('t', times, 3, 6)).toBe(5)
  })

  it('compares only what lies between the two positions', () => {
    expect(assertIncreasing('t', times, 1, 3)).toBe(-1)
    expect(assertIncreasing('t', times, 3, 5)).toBe(-1)
    expect(assertIncreasing('t', times, 2, 2)).toBe(-1)
  })

  it('is not asked about positions that are not there', () => {
    expect(() => assertIncreasing('t', times, 0, 7)).toThrow(AssertionError)
  })
})

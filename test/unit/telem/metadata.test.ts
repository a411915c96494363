import { describe, expect, it } from 'vitest'
import { METADATA_LIMIT, validateMetadata } from '../../../src/telem/metadata.ts'
import { ValidationError } from '../../../src/errors.ts'

function nested(levels: number): unknown {
  let value: unknown = 1
  for (let i = 0; i < levels; i++) value = [value]
  return value
}

describe('validateMetadata', () => {
  it.each([
    [{ a: 1, b: 'x', c: [true, null, { d: -1.5e300 }], '': {} }],
    [[1, 2]],
    ['text'],
    [5],
    [false],
    [nested(100)],
  ])('takes %o', (input) => {
    const copy = validateMetadata(input)
    expect(copy).toEqual(input)
    expect(JSON.parse(JSON.stringify(copy))).toEqual(copy)
  })

  it('is a deep-frozen copy', () => {
    const input = { list: [{ a: 1 }] }
    const copy = validateMetadata(input) as typeof input
    input.list[0]!.a = 2
    input.list.push({ a: 3 })
    expect(copy).toEqual({ list: [{ a: 1 }] })
    expect([copy, copy.list, copy.list[0]].every((part) => Object.isFrozen(part))).toBe(true)
  })

  it('leaves out undefined and knows no -0, as JSON', () => {
    const copy = validateMetadata({ a: undefined, zero: -0 }) as Record<string, unknown>
    expect(Object.keys(copy)).toEqual(['zero'])
    expect(Object.is(copy['zero'], 0)).toBe(true)
  })

  it('keeps a key named __proto__ a key', () => {
    const copy = validateMetadata(JSON.parse('{"__proto__":{"a":1}}')) as object
    expect(Object.keys(copy)).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
  })

  it.each([
    [null],
    [undefined],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [1n],
    [() => 1],
    [Symbol('s')],
    [new Date(0)],
    [new Map()],
    [new Uint8Array(1)],
    [[undefined]],
    [Array(1)],
    [{ toJSON: () => 1 }],
  ])('refuses %o', (input) => {
    expect(() => validateMetadata(input)).toThrow(ValidationError)
    if (input !== undefined && input !== null) {
      expect(() => validateMetadata({ deep: [input] }, 'p')).toThrow(
        expect.objectContaining({ channel: 'p' }),
      )
    }
  })

  it('says where the value lies that it refuses', () => {
    expect(() => validateMetadata({ a: [0, { b: 1n }] })).toThrow(/1n at metadata\.a\[1\]\.b/)
  })

  it('takes 64 KiB of JSON in UTF-8 and not a byte more', () => {
    expect(validateMetadata('x'.repeat(METADATA_LIMIT - 2))).toHaveLength(METADATA_LIMIT - 2)
    expect(() => validateMetadata('x'.repeat(METADATA_LIMIT - 1))).toThrow(/larger/)
    expect(() => validateMetadata('ä'.repeat(METADATA_LIMIT / 2))).toThrow(/larger/)
  })

  it('stops at what contains itself, is very deep, or multiplies', () => {
    const cycle: unknown[] = []
    cycle.push(cycle)
    expect(() => validateMetadata(cycle)).toThrow(ValidationError)
    expect(() => validateMetadata(nested(101))).toThrow(/nested/)
    expect(() => validateMetadata(nested(30_000))).toThrow(/nested/)
    let many: unknown = 1
    for (let i = 0; i < 60; i++) many = [many, many]
    expect(() => validateMetadata(many)).toThrow(/larger/)
  })
})

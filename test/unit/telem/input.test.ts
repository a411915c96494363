import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { ValidationError } from '../../../src/errors.ts'
import { describeValue, isPlainObject, refuseUnknownKeys } from '../../../src/telem/input.ts'

describe('isPlainObject', () => {
  it('takes literals, objects without a prototype, and those of another realm', () => {
    expect(isPlainObject({})).toBe(true)
    expect(isPlainObject(Object.create(null))).toBe(true)
    expect(isPlainObject(runInNewContext('({ a: 1 })'))).toBe(true)
  })

  it.each([
    [null],
    [undefined],
    [1],
    ['{}'],
    [[]],
    [new Date()],
    [new Map()],
    [new (class A {})()],
    [() => 0],
  ])('refuses %o', (value) => {
    expect(isPlainObject(value)).toBe(false)
  })
})

describe('refuseUnknownKeys', () => {
  it('names the key, what it was found in, and the channel', () => {
    const check = (): void => refuseUnknownKeys({ a: 1, zz: 1 }, ['a'], 'A thing', 'p')
    expect(check).toThrow(ValidationError)
    expect(check).toThrow(/A thing .*"zz"/)
    expect(check).toThrow(expect.objectContaining({ channel: 'p' }))
  })

  it('lets undefined pass as left out', () => {
    expect(() => refuseUnknownKeys({ a: 1, zz: undefined }, ['a'], 'A thing')).not.toThrow()
  })
})

describe('describeValue', () => {
  it('shows the type of what it shows', () => {
    const values = ['1', 1, 1n, -0, null, undefined, true, [1], {}, new Uint8Array(1), () => 0, Symbol('s')]
    expect(values.map((value) => describeValue(value))).toEqual([
      '"1"',
      '1',
      '1n',
      '-0',
      'null',
      'undefined',
      'true',
      'an array',
      'an object',
      'a binary view',
      'a function',
      'a symbol',
    ])
  })

  it('stays short and calls nothing of the value', () => {
    expect(describeValue('x'.repeat(1e6)).length).toBeLessThan(120)
    expect(describeValue(10n ** 5000n).length).toBeLessThan(120)
    const trap = { toString: () => expect.fail('called'), toJSON: () => expect.fail('called') }
    expect(describeValue(trap)).toBe('an object')
  })
})

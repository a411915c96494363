import { describe, expect, it } from 'vitest'
import { AssertionError } from '../../../src/assert.ts'
import {
  channel,
  channelOf,
  validateDefinition,
  validateName,
  validateStoredChannel,
  validateUnit,
} from '../../../src/telem/channel.ts'
import { ValidationError } from '../../../src/errors.ts'
import { DATA_TYPES } from '../../../src/telem/data-type.ts'

const index = { name: 'time', kind: 'index' }
const data = { name: 'p', kind: 'data', type: 'float64', index: 'time' }

describe('validateDefinition', () => {
  it('copies what is given and leaves out what is undefined', () => {
    const full = { ...data, unit: 'bar', concurrency: 'shared', metadata: { a: [1, null] } }
    expect(validateDefinition(full)).toEqual(full)
    const bare = validateDefinition({ ...data, unit: undefined, metadata: undefined, compression: undefined })
    expect(Object.keys(bare).toSorted()).toEqual(['index', 'kind', 'name', 'type'])
    expect(validateDefinition({ ...index, concurrency: 'shared' })).toEqual({
      ...index,
      concurrency: 'shared',
    })
  })

  it.each([...DATA_TYPES])('takes data channels of type %s', (type) => {
    expect(validateDefinition({ ...data, type })).toEqual({ ...data, type })
  })

  it.each([
    ['a type that is unknown', { ...data, type: 'float16' }],
    ['a type of variable length', { ...data, type: 'string' }],
    ['no type', { name: 'p', kind: 'data', index: 'time' }],
    ['no index', { name: 'p', kind: 'data', type: 'int8' }],
    ['an index that is no name', { ...data, index: 5 }],
    ['an empty index', { ...data, index: '' }],
    ['itself for an index', { ...data, index: 'p' }],
    ['null for an index', { ...data, index: null }],
    ['null for a unit', { ...data, unit: null }],
    ['a number for a unit', { ...data, unit: 5 }],
    ['a unit that is too long', { ...data, unit: 'x'.repeat(256) }],
    ['a concurrency that is unknown', { ...index, concurrency: 'both' }],
    ['null for metadata', { ...index, metadata: null }],
    ['a kind that is unknown', { ...data, kind: 'virtual' }],
    ['no kind', { name: 'p' }],
    ['a key of another kind', { ...index, unit: 's' }],
    ['a type on an index', { ...index, type: 'timestamp' }],
    ['compression', { ...data, compression: 'auto' }],
    ['an unknown key', { ...data, units: 'bar' }],
  ])('refuses %s, naming the channel', (_what, input) => {
    expect(() => validateDefinition(input)).toThrow(
      expect.objectContaining({ code: 'VALIDATION', channel: input.name }),
    )
  })

  it.each([
    [null],
    [undefined],
    ['time'],
    [[index]],
    [new Map()],
    [{}],
    [{ kind: 'index' }],
    [{ ...index, name: 7 }],
  ])('refuses %o', (input) => {
    expect(() => validateDefinition(input)).toThrow(ValidationError)
  })
})

describe('names and units', () => {
  it('measures names in bytes of UTF-8', () => {
    expect(validateName('x'.repeat(255))).toHaveLength(255)
    expect(validateName('ä'.repeat(127))).toHaveLength(127)
    expect(() => validateName('x'.repeat(256))).toThrow(ValidationError)
    expect(() => validateName('ä'.repeat(128))).toThrow(ValidationError)
  })

  it('takes any text that is well formed', () => {
    for (const name of ['__proto__', ' ', 'a/b', '\u0000', '😀', '1']) expect(validateName(name)).toBe(name)
    for (const name of ['', '\ud800', 'a\udc00b']) expect(() => validateName(name)).toThrow(ValidationError)
  })

  it('lets a unit be empty', () => {
    expect(validateUnit('', 'p')).toBe('')
    expect(() => validateUnit('\ud800', 'p')).toThrow(expect.objectContaining({ channel: 'p' }))
  })
})

describe('channelOf', () => {
  it('adds key and type, and an index channel always says its concurrency', () => {
    expect(channelOf(validateDefinition(index), 1)).toEqual({
      key: 1,
      name: 'time',
      kind: 'index',
      type: 'timestamp',
      concurrency: 'exclusive',
    })
    expect(channelOf(validateDefinition({ ...index, concurrency: 'shared' }), 1).concurrency).toBe('shared')
    expect(channelOf(validateDefinition(data), 2)).toEqual({ key: 2, ...data })
  })

  it('is frozen, metadata included', () => {
    const made = channelOf(validateDefinition({ ...data, metadata: { deep: { list: [1] } } }), 3)
    expect(Object.isFrozen(made)).toBe(true)
    expect(Object.isFrozen((made.metadata as { deep: { list: number[] } }).deep.list)).toBe(true)
  })

  it('is under a positive integer only', () => {
    for (const key of [0, -1, 1.5, Number.NaN]) {
      expect(() => channelOf(validateDefinition(index), key)).toThrow(AssertionError)
    }
  })
})

describe('validateStoredChannel', () => {
  it.each([
    { ...index, concurrency: 'shared', metadata: [1] },
    index,
    data,
    { ...data, unit: 'bar', concurrency: 'exclusive', metadata: { 'a b': 0.1 } },
  ])('reads back what was stored of %o', (definition) => {
    const made = channelOf(validateDefinition(definition), 9)
    const read = validateStoredChannel(JSON.parse(JSON.stringify(made)))
    expect(read).toEqual(made)
    expect(Object.isFrozen(read)).toBe(true)
  })

  it.each([
    [null],
    [[]],
    [index],
    [{ ...data, key: 0 }],
    [{ ...data, key: '1' }],
    [{ ...index, key: 1 }],
    [{ ...index, key: 1, type: 'int64' }],
    [{ ...data, key: 1, more: true }],
  ])('refuses %o', (input) => {
    expect(() => validateStoredChannel(input)).toThrow(ValidationError)
  })
})

describe('channel', () => {
  it('builds an entry of every type', () => {
    for (const type of DATA_TYPES) {
      expect(channel[type]({ index: 'time', unit: 'V' })).toEqual({
        kind: 'data',
        type,
        index: 'time',
        unit: 'V',
      })
    }
    expect(channel.index()).toEqual({ kind: 'index' })
    expect(channel.index({ concurrency: 'shared' })).toEqual({ kind: 'index', concurrency: 'shared' })
  })

  it('refuses what it has no option for', () => {
    for (const options of [null, 'time', { index: 'time', kind: 'index' }, { index: 'time', units: 'V' }]) {
      expect(() => channel.float64(options as never)).toThrow(ValidationError)
    }
    expect(() => channel.float64(undefined as never)).toThrow(ValidationError)
    expect(() => channel.index({ unit: 'V' } as never)).toThrow(ValidationError)
  })
})

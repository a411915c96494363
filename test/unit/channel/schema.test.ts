import { describe, expect, it } from 'vitest'
import { channel } from '../../../src/telem/channel.ts'
import { validateSchema } from '../../../src/channel/schema.ts'
import { ValidationError } from '../../../src/errors.ts'

describe('validateSchema', () => {
  it('makes a definition of each entry, named by its key, in their order', () => {
    expect(
      validateSchema({ pressure: channel.float64({ index: 'time', unit: 'bar' }), time: channel.index() }),
    ).toEqual([
      { name: 'pressure', kind: 'data', type: 'float64', index: 'time', unit: 'bar' },
      { name: 'time', kind: 'index' },
    ])
    expect(validateSchema({})).toEqual([])
  })

  it('takes an entry that repeats its name, and none with another', () => {
    expect(validateSchema({ time: { name: 'time', kind: 'index' } })).toEqual([
      { name: 'time', kind: 'index' },
    ])
    expect(() => validateSchema({ time: { name: 'clock', kind: 'index' } })).toThrow(/"clock"/)
  })

  it.each([[null], [undefined], [[]], ['time'], [new Map()]])('refuses %o for a schema', (input) => {
    expect(() => validateSchema(input)).toThrow(ValidationError)
  })

  it.each([[null], [undefined], ['float64'], [{}], [{ kind: 'virtual', type: 'int8' }]])(
    'refuses %o for an entry, naming the channel',
    (entry) => {
      expect(() => validateSchema({ p: entry })).toThrow(
        expect.objectContaining({ code: 'VALIDATION', channel: 'p' }),
      )
    },
  )

  it('refuses an entry without a name to go by', () => {
    expect(() => validateSchema({ '': channel.index() })).toThrow(ValidationError)
  })
})

// Times, spans, counts and shares as people write them, and commands as they can run them.

import { describe, expect, it } from 'vitest'
import { CommandError } from '../../../src/cli/command-error.ts'
import { withDirectory } from '../../../src/cli/figures.ts'
import { countOf, shareOf } from '../../../src/cli/number-words.ts'
import { spanOf, timeOf } from '../../../src/cli/time-words.ts'
import { timestamp } from '../../../src/index.ts'

describe('a time', () => {
  const noon = timestamp('2025-01-01T12:00:00Z')

  it.each([
    ['2025-01-01T12:00:00Z', noon],
    ['2025-01-01T12:00:00', noon],
    ['2025-01-01 12:00:00', noon],
    ['2025-01-01T12:00', noon],
    ['2025-01-01t12:00z', noon],
    ['2025-01-01T13:00:00+01:00', noon],
    ['2025-01-01T13:00+0100', noon],
    ['2025-01-01 07:00:00 -05:00', noon],
    [' 2025-01-01T12:00:00.000000001 ', noon + 1n],
    ['2025-01-01T12:00:00,5', noon + 500_000_000n],
    ['2025-01-01', timestamp('2025-01-01T00:00:00Z')],
    ['1735732800000000000', 1735732800000000000n],
    ['0', 0n],
    ['-5', -5n],
  ])('is read from %j', (word, expected) => {
    expect(timeOf(word)).toBe(expected)
  })

  it.each(['', 'noon', '12:00', '2025', '2025-1-1', '1.5', '2025-01-01T12', '2025-01-01Z', '1e9'])(
    'is not read from %j, unless that is nanoseconds',
    (word) => {
      if (word === '2025') expect(timeOf(word)).toBe(2025n)
      else expect(() => timeOf(word)).toThrow(CommandError)
    },
  )

  it('that no calendar has, or that does not fit, is refused with what is wrong', () => {
    expect(() => timeOf('2025-02-30')).toThrow(/no such date/)
    expect(() => timeOf('2025-02-30')).toThrow(CommandError)
    expect(() => timeOf('2500-01-01')).toThrow(/64-bit nanoseconds/)
    expect(() => timeOf('99999999999999999999')).toThrow(CommandError)
    expect(() => timeOf('tomorrow')).toThrow(/"tomorrow" is no time: write ISO 8601/)
  })
})

describe('a span', () => {
  it('is a number and a unit', () => {
    expect(spanOf('10m')).toBe(600_000_000_000n)
    expect(spanOf('1.5s')).toBe(1_500_000_000n)
    expect(spanOf(' 2d ')).toBe(172_800_000_000_000n)
  })

  it.each(['', '10', 'm', '-1s', '0s', '1 week', '0.1ns', '999999999d'])('is not read from %j', (word) => {
    expect(() => spanOf(word)).toThrow(CommandError)
  })
})

describe('a count and a share', () => {
  it('are numbers in their range', () => {
    expect(countOf('1')).toBe(1)
    expect(countOf('1000000')).toBe(1_000_000)
    expect(shareOf('0')).toBe(0)
    expect(shareOf('.25')).toBe(0.25)
    expect(shareOf('1')).toBe(1)
  })

  it.each(['0', '-1', '1.5', 'x', '', '99999999999999999999'])('%j is no count', (word) => {
    expect(() => countOf(word)).toThrow(/is no count/)
  })

  it.each(['-0.1', '1.01', 'x', '', '20%'])('%j is no share', (word) => {
    expect(() => shareOf(word)).toThrow(/is no share/)
  })
})

describe('what a text tells to run', () => {
  it.each([
    ['flight', 'rubidium gc flight --threshold 0'],
    ['./data/flight-3', 'rubidium gc ./data/flight-3 --threshold 0'],
    ['my flight', "rubidium gc 'my flight' --threshold 0"],
    ["Ann's", String.raw`rubidium gc 'Ann'\''s' --threshold 0`],
    ['$&', "rubidium gc '$&' --threshold 0"],
  ])('can be run for a database in %j', (directory, command) => {
    expect(withDirectory('rubidium gc DIR --threshold 0', directory)).toBe(command)
  })
})

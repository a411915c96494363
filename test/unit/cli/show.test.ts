// What people are shown: figures, tables, and which channels they mean.

import { describe, expect, it } from 'vitest'
import { CommandError } from '../../../src/cli/command-error.ts'
import { bytes, digits, duration, printable, several, time, whole } from '../../../src/cli/figures.ts'
import { selectChannels } from '../../../src/cli/select-channels.ts'
import { table } from '../../../src/cli/table.ts'
import { createPaint } from '../../../src/cli/terminal.ts'
import { timestamp } from '../../../src/index.ts'
import type { Channel } from '../../../src/index.ts'

describe('figures', () => {
  it('group whole numbers', () => {
    expect(whole(1_234_567)).toBe('1,234,567')
    expect(whole(-(2n ** 63n))).toBe('-9,223,372,036,854,775,808')
    expect(several(1, 'sample')).toBe('1 sample')
    expect(several(0n, 'sample')).toBe('0 samples')
    expect(several(2, 'stretch', 'stretches')).toBe('2 stretches')
  })

  it('have the unit that suits', () => {
    expect([0, 1023, 1024, 1536, 1024 ** 2 * 150, 1024 ** 5].map(bytes)).toEqual([
      '0 B',
      '1,023 B',
      '1 KiB',
      '1.50 KiB',
      '150 MiB',
      '1,024 TiB',
    ])
    expect([3n, 1500n, 20_000_000n, 5_400_000_000_000n, 172_800_000_000_000n].map(duration)).toEqual([
      '3 ns',
      '1.50 us',
      '20 ms',
      '1.50 h',
      '2 d',
    ])
  })

  it('have about three digits', () => {
    expect([0.5, 12.345, 123.456, 1e6, -2.5].map(digits)).toEqual([
      '0.50',
      '12.3',
      '123',
      '1,000,000',
      '-2.50',
    ])
  })

  it('show times without zeros that say nothing', () => {
    expect(time(timestamp('2025-01-01T12:00:00.500Z'))).toBe('2025-01-01T12:00:00.5Z')
    expect(time(timestamp('2025-01-01T10:00:00Z'))).toBe('2025-01-01T10:00:00Z')
  })

  it('make control characters visible', () => {
    expect(printable('a\u001b[0m\r\nb\u009b\u2028é😀')).toBe(
      String.raw`a\u{1b}[0m\u{d}\u{a}b\u{9b}\u{2028}é😀`,
    )
  })
})

describe('a table', () => {
  const plain = { paint: createPaint(false) }

  it('aligns columns by characters, and ends lines without blanks', () => {
    const text = table(
      plain,
      [{ title: 'A' }, { title: 'COUNT', align: 'right' }, { title: 'B' }],
      [
        ['höhe', '1', 'x'],
        ['😀', '22', ''],
      ],
    )
    expect(text.split('\n')).toEqual(['A     COUNT  B', 'höhe      1  x', '😀        22', ''])
  })

  it('paints its head', () => {
    expect(table({ paint: createPaint(true) }, [{ title: 'A' }], [])).toBe('\u001b[1mA\u001b[22m\n')
  })
})

describe('the channels meant', () => {
  const all = ['time', 'engine.rpm', 'engine.temp', 'a*b', 'axb', 'Alt'].map((name, key): Channel => ({
    key,
    name,
    kind: 'data',
    type: 'float64',
    index: 'time',
  }))
  const select = (...words: string[]): string[] => selectChannels(all, words).map(({ name }) => name)

  it('are all without words', () => {
    expect(select()).toEqual(all.map(({ name }) => name))
  })

  it('come in the order of the words, each once', () => {
    expect(select('engine.temp', 'time', 'engine.*')).toEqual(['engine.temp', 'time', 'engine.rpm'])
  })

  it('match patterns whole, where every other character means itself', () => {
    expect(select('engine?rpm')).toEqual(['engine.rpm'])
    expect(select('*t')).toEqual(['Alt'])
    expect(() => select('engine')).toThrow(CommandError)
    expect(() => select('engine.(rpm|temp)')).toThrow(CommandError)
  })

  it('are the ones of that name before patterns', () => {
    expect(select('a*b')).toEqual(['a*b'])
    expect(select('a?b')).toEqual(['a*b', 'axb'])
  })

  it('that are not there are refused with those that are near', () => {
    expect(() => select('ALT')).toThrow('no channel matches "ALT": did you mean "Alt"?')
    expect(() => select('x')).toThrow(/did you mean "axb"/)
    expect(() => select('zzz')).toThrow(/there are "time", .*, \.\.\./)
    expect(() => selectChannels([], ['x'])).toThrow(/the database has no channels/)
  })
})

// The facts are read whole: every CSV file of the recordings has them. And the oracle agrees with them where
// the import cannot be compared with them, because rows are left out. So two readings that know nothing of
// each other vouch for what the import is compared with.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { DATA, hasRecordings, isRegular, readFacts } from './facts.ts'
import type { ColumnFacts } from './facts.ts'
import { floatFacts, integerFacts, nanosOfSeconds } from './oracle.ts'
import type { CsvColumn } from './oracle.ts'
import { CSV_SETS, readingOf } from './sets.ts'
import { expectedOf } from './stored.ts'

const isThere = hasRecordings('the reading of SOURCE.md')

describe.skipIf(!isThere)('the facts about the recordings', () => {
  it.each(CSV_SETS)('cover every CSV file of %s', (set) => {
    const files = readdirSync(join(DATA, set), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.csv(\.gz)?$/.test(name))
      .map((name) => `${set}/${name.replaceAll('\\', '/')}`)
    expect(
      readFacts(set)
        .map(({ path }) => path)
        .toSorted(),
    ).toEqual(files.toSorted())
  })

  // Of the others the import is compared with the facts, and the oracle with the import.
  it('of files whose times repeat are what a plain reading finds', () => {
    for (const facts of CSV_SETS.flatMap((set) => readFacts(set)).filter((each) => !isRegular(each))) {
      const { path, rows, first, last, duplicates, outOfOrder, columns } = facts
      const { csv, fileTimes: times } = expectedOf(path, 'error')
      const zero = readingOf(path).options.origin ?? 0n
      const { min, max } = integerFacts(times)
      const back = times.filter((time, row) => row > 0 && time < times[row - 1]!).length
      const found = { rows: csv.rows, first: min - zero, last: max - zero, outOfOrder: back }
      const expected = { rows, first, last, outOfOrder, duplicates }
      expect({ ...found, duplicates: csv.rows - new Set(times).size }, path).toEqual(expected)
      for (const column of columns) checkColumn(path, column, csv.columns[column.position - 1]!)
    }
  })
})

describe('the oracle', () => {
  it.each([
    ['8.001000000000001', 8_001_000_000n],
    ['-0.30', -300_000_000n],
    ['12', 12_000_000_000n],
    ['0.0000000015', 2n],
    ['0.9999999999', 1_000_000_000n],
  ])('reads %s s to the nearest nanosecond', (text, nanos) => {
    expect(nanosOfSeconds(text)).toBe(nanos)
  })
})

function checkColumn(path: string, facts: ColumnFacts, { name, cells }: CsvColumn): void {
  const present = cells.filter((cell) => cell !== '')
  const where = `column ${facts.position} of ${path}`
  expect(present.length, where).toBe(facts.present)
  expect(cells.length - present.length, where).toBe(facts.missing)
  if (name !== undefined) expect(name, where).toBe(facts.name)
  if (facts.type === 'int') {
    const { sum, min, max } = integerFacts(present.map(BigInt))
    expect([min, max, sum].map(String), where).toEqual([facts.min, facts.max, facts.sum])
  }
  if (facts.type === 'float') {
    const { sum, min, max } = floatFacts(present.map(Number))
    expect([min, max], where).toEqual([Number(facts.min), Number(facts.max)])
    expect(Math.abs(sum - Number(facts.sum)), where).toBeLessThanOrEqual(1e-12 * Math.abs(sum))
  }
}

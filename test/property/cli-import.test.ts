// What an import must hold for any file: a time in any form is read back to the nanosecond, and a table that
// is written as CSV, in any dialect, is in the database as it was, however its rows are ordered.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nanosOfDecimal } from '../../src/cli/import/decimal-span.ts'
import { importFile } from '../../src/cli/import/import-file.ts'
import type { OnConflict } from '../../src/cli/import/import-options.ts'
import { formatOf } from '../../src/cli/import/time-format.ts'
import { open, timestamp, toISO } from '../../src/index.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { propertyOptions } from '../support/seeds.ts'

/** From 1678 to 2261, so that every offset leaves a time. */
const anyTime = fc.bigInt({ min: -(92n * 10n ** 17n), max: 92n * 10n ** 17n })
const anyOffset = fc.integer({ min: -1439, max: 1439 }).map((minutes) => minutes * 60)

describe('a time', () => {
  it('in ISO 8601 is read as it is, in any offset', () => {
    fc.assert(
      fc.property(anyTime, anyOffset, fc.integer({ min: 0, max: 9 }), (any, offset, digits) => {
        const time = cut(any, digits)
        const local = toISO(time + BigInt(offset) * 10n ** 9n).slice(0, digits === 0 ? 19 : 20 + digits)
        for (const text of [local, local.replace('T', ' '), local.replace('T', ' ').replaceAll('-', '/')])
          expect(formatOf('iso', offset, undefined).read(text)).toBe(time)
        expect(formatOf('iso', 0, undefined).read(local + offsetText(offset))).toBe(time)
        expect(
          formatOf('%Y-%m-%dT%H:%M:%S.%f%z', 7, undefined).read(`${whole(local)}${offsetText(offset)}`),
        ).toBe(time)
      }),
      propertyOptions(300),
    )
  })

  it('agrees with the calendar of the platform', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('1680-01-01'), max: new Date('2260-01-01'), noInvalidDate: true }),
        (date) => {
          const pad = (value: number): string => String(value).padStart(2, '0')
          const text = `${date.getUTCFullYear()}-${pad(date.getUTCMonth() + 1)}-${pad(date.getUTCDate())} ${pad(date.getUTCHours())}:${pad(date.getUTCMinutes())}`
          const minute = BigInt(Math.floor(date.getTime() / 60_000)) * 60_000_000_000n
          expect(formatOf('iso', 0, undefined).read(text)).toBe(minute)
          expect(formatOf('%Y-%m-%d %H:%M', 0, undefined).read(text)).toBe(minute)
        },
      ),
      propertyOptions(300),
    )
  })

  it('as a decimal number is rounded to the nanosecond, halves away from zero', () => {
    const anyDigits = fc.bigInt({ min: -(10n ** 24n), max: 10n ** 24n })
    fc.assert(
      fc.property(
        anyDigits,
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: -5, max: 5 }),
        fc.constantFrom(0, 3, 6, 9),
        (digits, places, exponent, power) => {
          const size = String(digits < 0n ? -digits : digits).padStart(places + 1, '0')
          const at = size.length - places
          const plain = `${digits < 0n ? '-' : ''}${size.slice(0, at)}${places > 0 ? `.${size.slice(at)}` : ''}`
          expect(nanosOfDecimal(plain, power)).toBe(scaled(digits, power - places))
          expect(nanosOfDecimal(`${plain}e${exponent}`, power)).toBe(
            scaled(digits, power - places + exponent),
          )
        },
      ),
      propertyOptions(500),
    )
  })
})

interface Row {
  readonly time: bigint
  readonly real: number
  readonly whole: bigint
  readonly flag: boolean
  readonly gap: number | undefined
}

const anyRow: fc.Arbitrary<Row> = fc.record({
  time: fc
    .bigInt({ min: -50n, max: 50n })
    .map((step) => timestamp('2025-01-01T00:00:00Z') + step * 100_000_000n),
  real: fc.double({ noNaN: true, noDefaultInfinity: true }),
  whole: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  flag: fc.boolean(),
  gap: fc.option(fc.integer(), { nil: undefined }),
})

const anyDialect = fc.record({
  delimiter: fc.constantFrom(',', ';', '\t', '|'),
  end: fc.constantFrom('\n', '\r\n', '\r'),
  isQuoted: fc.boolean(),
  isPacked: fc.boolean(),
  bom: fc.boolean(),
  endsWell: fc.boolean(),
  missing: fc.constantFrom('', 'NA', 'NaN', 'null', '-'),
})

it('a table that is written as CSV is in the database as it was', async () => {
  const folder = temporaryDirectory()
  let number = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyRow, { minLength: 1, maxLength: 60 }),
      anyDialect,
      fc.constantFrom<OnConflict>('skip', 'last'),
      fc.nat(),
      async (rows, dialect, onConflict, kept) => {
        const directory = join(folder, `db${number}`)
        const file = join(folder, `table${number++}.csv`)
        writeFileSync(file, csvOf(rows, dialect))
        const expected = survivors(rows, onConflict)
        await using db = await open(directory)
        const report = await importFile(db, file, {
          onConflict,
          types: { whole: 'int64', gap: 'float64', real: 'float64' },
        })
        expect(report).toMatchObject({ rows: rows.length, written: expected.length })
        expect(report.skipped + report.replaced).toBe(rows.length - expected.length)
        await expectRows(db, expected)
        // An import goes on behind whatever is there: here behind what a delete left of it.
        const from = expected[kept % expected.length]!.time
        await db.delete(['time', 'real', 'whole', 'flag', 'gap'], { start: from })
        const again = await importFile(db, file, { onConflict, continue: true })
        expect(again.written).toBe(expected.filter(({ time }) => time >= from).length)
        await expectRows(db, expected)
      },
    ),
    propertyOptions(40),
  )
})

function csvOf(
  rows: readonly Row[],
  dialect: typeof anyDialect extends fc.Arbitrary<infer T> ? T : never,
): Uint8Array {
  const { delimiter, end, isQuoted, isPacked, bom, endsWell, missing } = dialect
  const line = (cells: readonly string[]): string =>
    cells.map((cell) => (isQuoted ? `"${cell.replaceAll('"', '""')}"` : cell)).join(delimiter)
  const lines = [
    line(['real', 'time', 'whole', 'flag', 'gap', 'note "x"'].slice(0, isQuoted ? 6 : 5)),
    ...rows.map(({ time, real, whole: int, flag, gap }) =>
      line(
        [
          Object.is(real, -0) ? '-0' : String(real),
          toISO(time),
          String(int),
          String(flag),
          gap === undefined ? missing : String(gap),
          `a${end}"b"`,
        ].slice(0, isQuoted ? 6 : 5),
      ),
    ),
  ]
  const text = `${bom ? '\uFEFF' : ''}${lines.join(end)}${endsWell ? end : ''}`
  return isPacked ? gzipSync(text) : Buffer.from(text)
}

/** The rows that count, in order of time. */
function survivors(rows: readonly Row[], onConflict: OnConflict): Row[] {
  if (onConflict === 'last') {
    const last = new Map(rows.map((row) => [row.time, row]))
    return [...last.values()].sort((a, b) => (a.time < b.time ? -1 : 1))
  }
  const kept: Row[] = []
  for (const row of rows) if (kept.length === 0 || row.time > kept.at(-1)!.time) kept.push(row)
  return kept
}

async function expectRows(db: Awaited<ReturnType<typeof open>>, rows: readonly Row[]): Promise<void> {
  const frame = await db.read(['time', 'real', 'whole', 'flag', 'gap'])
  const columns = ['time', 'real', 'whole', 'flag', 'gap'].map((name) => [...frame.column(name)])
  expect(columns).toEqual([
    rows.map(({ time }) => time),
    rows.map(({ real }) => real),
    rows.map((row) => row.whole),
    rows.map(({ flag }) => Number(flag)),
    rows.map(({ gap }) => gap ?? NaN),
  ])
}

/** The time without what does not fit into so many digits of a second. */
function cut(time: bigint, digits: number): bigint {
  const unit = 10n ** BigInt(9 - digits)
  return ((time % unit) + unit) % unit === 0n ? time : time - (((time % unit) + unit) % unit)
}

/** A text with a fraction, which the pattern wants. */
function whole(text: string): string {
  return text.includes('.') && !text.endsWith('.') ? text : `${text.replace('.', '')}.0`
}

function offsetText(offset: number): string {
  const minutes = Math.abs(offset) / 60
  const pad = (value: number): string => String(value).padStart(2, '0')
  return `${offset < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`
}

/** An integer times a power of ten, rounded, or `undefined` where no time has so many digits. */
function scaled(digits: bigint, power: number): bigint | undefined {
  if (power >= 0) return digits * 10n ** BigInt(power)
  const divisor = 10n ** BigInt(-power)
  const size = digits < 0n ? -digits : digits
  const rounded = (2n * size + divisor) / (2n * divisor)
  return digits < 0n ? -rounded : rounded
}

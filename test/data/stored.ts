// What the oracle expects of a database that a file was imported into, and the comparison: every timestamp
// and every sample of every channel, bit for bit, before and after a third is deleted. Called by the tests
// of the recordings.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import type { ImportReport, OnConflict } from '../../src/cli/import/import-options.ts'
import { open } from '../../src/index.ts'
import type { Database, TimeRange } from '../../src/index.ts'
import { DATA } from './facts.ts'
import { readCsv } from './oracle.ts'
import type { Csv } from './oracle.ts'
import { readingOf } from './sets.ts'

/** A file as it must be found in a database. */
export interface Expected {
  readonly csv: Csv
  /** Of each row of the file, in its order; ns since 1970. */
  readonly fileTimes: BigInt64Array
  /** Positions of the rows that are stored, in order of time. */
  readonly kept: readonly number[]
  /** What the columns must hold, by position; filled as it is asked for. */
  readonly values: Map<number, Values>
}

type Values = BigInt64Array | Float64Array

/** Reads a file as the oracle does, and says which of its rows an import keeps. */
export function expectedOf(path: string, onConflict: OnConflict): Expected {
  const { hasHeader, time, nanos, options } = readingOf(path)
  const csv = readCsv(join(DATA, path), hasHeader)
  const cells = time.map((position) => csv.columns[position - 1]!.cells)
  const zero = options.origin ?? 0n
  const fileTimes = BigInt64Array.from(
    { length: csv.rows },
    (_, row) => zero + nanos(...cells.map((column) => column[row]!)),
  )
  return { csv, fileTimes, kept: keptRows(fileTimes, onConflict), values: new Map() }
}

/** Rows that are not after all rows before them are left out; or take the place of the row that has their time. */
function keptRows(times: BigInt64Array, onConflict: OnConflict): number[] {
  if (onConflict === 'last') {
    const byTime = new Map<bigint, number>()
    for (const [row, time] of times.entries()) byTime.set(time, row)
    return [...byTime].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
  }
  const kept: number[] = []
  for (const [row, time] of times.entries())
    if (kept.length === 0 || time > times[kept.at(-1)!]!) kept.push(row)
  return kept
}

/** The first row that is not after all rows before it; -1 where there is none. */
export function firstConflict(times: BigInt64Array): number {
  return times.findIndex((time, row) => row > 0 && time <= times[row - 1]!)
}

/** Position in the file, from 1 on, of each channel that the import made. A name that comes again has its number behind it. */
export function positionsOf({ columns }: Csv, report: ImportReport): Map<string, number> {
  const seen = new Map<string, number>()
  const names = columns.map(({ name }) => {
    if (name === undefined) return undefined
    const count = (seen.get(name) ?? 0) + 1
    seen.set(name, count)
    return count === 1 ? name : `${name}_${count}`
  })
  return new Map(
    report.channels.map(({ column, name }) => {
      // Of a file without a header only the last column is no time.
      const position = names.includes(undefined) ? names.length : names.indexOf(column) + 1
      if (position === 0) throw new Error(`The file has no column "${column}"`)
      return [name, position]
    }),
  )
}

/** Compares every channel that the report names, and the index, with the file; but for what lies in `deleted`. */
export async function expectStored(
  db: Database,
  report: ImportReport,
  expected: Expected,
  deleted?: TimeRange,
): Promise<void> {
  const { csv, fileTimes, kept } = expected
  const all = BigInt64Array.from(kept, (row) => fileTimes[row]!)
  const gone = deleted === undefined ? [] : [...all.keys()].filter((i) => isIn(deleted, all[i]!))
  const hole = { from: gone[0] ?? all.length, to: (gone.at(-1) ?? all.length - 1) + 1 }
  const times = without(all, hole)
  const positions = positionsOf(csv, report)
  const { index } = report.time
  const frame = await db.read([index, ...positions.keys()])
  expectSame(index, frame.column(index), times)
  for (const [name, position] of positions) {
    expectSame(`the times of ${name}`, frame.timestamps(name), times)
    const found = frame.column(name)
    const isWide = found instanceof BigInt64Array || found instanceof BigUint64Array
    // Numbers of any width are compared as float64, which holds them all: none may have been cut.
    const values = valuesOf(expected, position, isWide)
    expectSame(name, isWide ? BigInt64Array.from(found) : Float64Array.from(found), without(values, hole))
  }
}

/**
 * Compares all of it; deletes the middle third, collects, compares what is left; closes, opens again,
 * verifies, and compares it once more. Takes over the closing of the database.
 */
export async function expectStoredThroughDelete(
  db: Database,
  report: ImportReport,
  expected: Expected,
): Promise<void> {
  await expectStored(db, report, expected)
  const { start, end } = (await db.bounds(report.time.index))!
  const third = (end - start) / 3n
  const cut = { start: start + third, end: start + 2n * third }
  const names = db.channels.list().map(({ name }) => name)
  const { samples } = await db.delete(names, cut)
  const gone = expected.kept.filter((row) => isIn(cut, expected.fileTimes[row]!)).length
  expect(samples).toEqual(Object.fromEntries(names.map((name) => [name, gone])))
  await db.gc({ threshold: 0 })
  await expectStored(db, report, expected, cut)
  await db.close()

  await using again = await open(db.directory, { createIfMissing: false })
  expect(await again.verify()).toMatchObject({ ok: true, problems: [] })
  await expectStored(again, report, expected, cut)
}

/** The samples that a column must have, in order of time; NaN where a cell has no value. */
function valuesOf({ csv, kept, values }: Expected, position: number, isWide: boolean): Values {
  const known = values.get(position)
  if (known !== undefined) return known
  const { cells } = csv.columns[position - 1]!
  const made = isWide
    ? BigInt64Array.from(kept, (row) => BigInt(cells[row]!))
    : Float64Array.from(kept, (row) => (cells[row] === '' ? NaN : Number(cells[row])))
  values.set(position, made)
  return made
}

/** The elements before and behind a hole. */
function without(all: Values, { from, to }: { from: number; to: number }): Values {
  if (from === to) return all
  const left = all.slice(0, all.length - (to - from))
  if (left instanceof BigInt64Array) left.set((all as BigInt64Array).subarray(to), from)
  else left.set((all as Float64Array).subarray(to), from)
  return left
}

/** Whether a range holds a time. */
function isIn({ start, end }: TimeRange, time: bigint): boolean {
  return time >= start && time < end
}

/** Bit for bit: a NaN is a NaN, and a zero has its sign. */
function expectSame(what: string, found: ArrayBufferView, expected: ArrayBufferView): void {
  const [a, b] = [found, expected].map((array) =>
    Buffer.from(array.buffer, array.byteOffset, array.byteLength),
  )
  if (a!.equals(b!)) return
  // Now the slow way, for a message that shows where.
  expect(found, what).toEqual(expected)
  expect.fail(`${what} has the right values in other bits`)
}

/** A place for a database, removed when the test ends. */
export function freshDirectory(): string {
  const parent = mkdtempSync(join(tmpdir(), 'rubidium-recordings-'))
  onTestFinished(() => rmSync(parent, { recursive: true }))
  return join(parent, 'database')
}

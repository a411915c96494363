// Every CSV file of the recordings whose times go forward, through the import into a database on disk: read
// back it is the file, sample for sample, and has the facts of SOURCE.md; and again after a third of it was
// deleted, collected and the database reopened. The longest is imported by a process with little memory.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { importFile } from '../../src/cli/import/import-file.ts'
import type { ImportReport } from '../../src/cli/import/import-options.ts'
import { open, toISO } from '../../src/index.ts'
import type { Database, NumericArray } from '../../src/index.ts'
import { run } from '../support/run-command.ts'
import { DATA, hasRecordings, isRegular, readFacts } from './facts.ts'
import type { ColumnFacts, FileFacts } from './facts.ts'
import { floatFacts, integerFacts } from './oracle.ts'
import { CSV_SETS, ORIGIN, readingOf } from './sets.ts'
import { expectedOf, expectStored, expectStoredThroughDelete, freshDirectory, positionsOf } from './stored.ts'
import type { Expected } from './stored.ts'

const CHILD = fileURLToPath(new URL('child-import.ts', import.meta.url))

/** A file of each kind, and what has to be said of it: the rest is found out. */
const COMMANDS: readonly (readonly [string, readonly string[]])[] = [
  ['beijing-air/PRSA_Data_Dongsi_20130301-20170228.csv.gz', []],
  ['mitdb-100/annotations.csv', []],
  ['nab/realKnownCause/nyc_taxi.csv', []],
  ['rocket-flights/hedy/gnssInfo.csv.gz', ['--origin', toISO(ORIGIN)]],
  ['rocket-flights/berkeley/test124_Thrust_Curve.csv.gz', ['--origin', toISO(ORIGIN)]],
  [
    'rocket-flights/prometheus/telemetrum_5115_flight_0001.csv.gz',
    ['--origin', toISO(ORIGIN), '--on-conflict', 'skip'],
  ],
]

const isThere = hasRecordings('the import of real recordings')

describe.skipIf(!isThere)('a recording', () => {
  const files = isThere ? CSV_SETS.flatMap((set) => readFacts(set)).filter(isRegular) : []
  const longest = files.reduce((most, each) => (each.rows > most.rows ? each : most), files[0]!)
  const others = files.filter((facts) => facts !== longest).map((facts) => [facts.path, facts] as const)

  it.each(others)('%s is stored as it is, with the facts that are known of it', async (path, facts) => {
    const db = await open(freshDirectory())
    onTestFinished(() => db.close({ force: true }))
    const report = await importFile(db, join(DATA, path), readingOf(path).options)
    expect(report).toMatchObject({ written: facts.rows, conflicts: 0, skipped: 0, replaced: 0 })
    expectPlan(report, facts)
    const expected = expectedOf(path, 'error')
    await expectFacts(db, report, expected, facts)
    await expectStoredThroughDelete(db, report, expected)
  })

  it.each(COMMANDS)('%s is imported by a command that says no more than %j', async (path, words) => {
    const directory = freshDirectory()
    const { code, output, notes } = await run(['import', directory, join(DATA, path), ...words, '--json'])
    expect({ code, notes: code === 0 ? '' : notes }).toEqual({ code: 0, notes: '' })
    await using db = await open(directory, { readOnly: true })
    const report = JSON.parse(output) as ImportReport
    await expectStored(db, report, expectedOf(path, words.includes('skip') ? 'skip' : 'error'))
  })

  it('of many rows is imported with 1 MiB for samples and a heap of 48 MiB, and stored as it is', async () => {
    const { path } = longest
    const directory = freshDirectory()
    const words = [directory, join(DATA, path), JSON.stringify(readingOf(path).options)]
    const flags = ['--max-old-space-size=48', '--import', 'tsx']
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, CHILD, ...words])
    const { report, mostExternal, mostHeld } = JSON.parse(stdout, (key, value: unknown) =>
      key === 'first' || key === 'last' ? BigInt(value as string) : value,
    ) as { report: ImportReport; mostExternal: number; mostHeld: number }
    expect(mostHeld).toBeLessThan(2 << 20)
    // Its samples are 15 MiB, its text is 14.
    expect(mostExternal).toBeLessThan(10 << 20)

    const db = await open(directory, { createIfMissing: false })
    onTestFinished(() => db.close({ force: true }))
    expectPlan(report, longest)
    const expected = expectedOf(path, 'error')
    await expectFacts(db, report, expected, longest)
    await expectStoredThroughDelete(db, report, expected)
  }, 60_000)
})

/** The import took every column that holds numbers, left those with texts out, and read the times right. */
function expectPlan(report: ImportReport, { path, rows, first, last, columns }: FileFacts): void {
  const { time, options } = readingOf(path)
  const zero = options.origin ?? 0n
  expect(report).toMatchObject({ rows, first: zero + first, last: zero + last, interrupted: false })
  const values = columns.filter(({ position }) => !time.includes(position))
  const texts = values.filter(({ type }) => type === 'string').map(({ name }) => name)
  expect(report.leftOut.map(({ column }) => column)).toEqual(expect.arrayContaining(texts))
  // The row numbers and stations of one set are not in its tables.
  expect(report.channels.length).toBeGreaterThanOrEqual(values.length - texts.length)
}

/** Count, first and last time, sum, minimum and maximum of every column of numbers, worked out from what is stored. */
async function expectFacts(
  db: Database,
  report: ImportReport,
  { csv }: Expected,
  { path, rows, first, last, columns }: FileFacts,
): Promise<void> {
  const { time, options } = readingOf(path)
  const zero = options.origin ?? 0n
  const names = new Map([...positionsOf(csv, report)].map(([name, position]) => [position, name]))
  // Times that are nanoseconds already are stored as they are.
  if (options.timeFormat === 'ns') names.set(time[0]!, report.time.index)
  for (const column of columns) {
    if (column.type === 'string' || (time.includes(column.position) && !names.has(column.position))) continue
    const name = names.get(column.position)
    const where = `column ${column.position} of ${path}`
    if (name === undefined) expect.fail(`${where} became no channel`)
    expect(await db.count(name), where).toEqual({ [name]: rows })
    expect(await db.bounds(name), where).toEqual({ start: zero + first, end: zero + last + 1n })
    expectColumnFacts(where, (await db.read(name)).column(name), column)
  }
}

function expectColumnFacts(where: string, values: NumericArray, facts: ColumnFacts): void {
  const { min, max, sum, present } = facts
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) {
    const found = integerFacts(values)
    expect([values.length, found.min, found.max, found.sum].map(String), where).toEqual(
      [present, min, max, sum].map(String),
    )
    return
  }
  const found = floatFacts(values)
  expect(found.count, where).toBe(present)
  if (present === 0) return
  expect([found.min, found.max], where).toEqual([Number(min), Number(max)])
  const tolerance = facts.type === 'int' ? 0 : 1e-12 * Math.abs(found.sum)
  expect(Math.abs(found.sum - Number(sum)), where).toBeLessThanOrEqual(tolerance)
}

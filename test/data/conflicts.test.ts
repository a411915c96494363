// The recordings whose times repeat or go back meet each of the three answers to a conflict: refused with the
// number of the line, and nothing written; stored without the rows that conflict; or stored with the last row
// of each time. What is stored is the file, less what the answer leaves out.

import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { CommandError } from '../../src/cli/command-error.ts'
import { importFile } from '../../src/cli/import/import-file.ts'
import { open } from '../../src/index.ts'
import type { Database } from '../../src/index.ts'
import { DATA, hasRecordings, isRegular, readFacts } from './facts.ts'
import { CSV_SETS, readingOf } from './sets.ts'
import {
  expectedOf,
  expectStored,
  expectStoredThroughDelete,
  firstConflict,
  freshDirectory,
} from './stored.ts'

const isThere = hasRecordings('what an import makes of conflicting rows')

describe.skipIf(!isThere)('a recording whose times repeat', () => {
  const files = isThere ? CSV_SETS.flatMap((set) => readFacts(set)).filter((facts) => !isRegular(facts)) : []
  const cases = files.map((facts) => [facts.path, facts] as const)

  it('is found in two of the sets', () => {
    const sets = new Set(files.map(({ path }) => path.split('/')[0]))
    expect([...sets]).toEqual(['nab', 'rocket-flights'])
  })

  it.each(cases)('%s is refused at the line of its first conflict, and nothing is written', async (path) => {
    const { fileTimes } = expectedOf(path, 'error')
    const line = firstConflict(fileTimes) + (readingOf(path).hasHeader ? 2 : 1)
    const db = await openFresh()
    const importing = importFile(db, join(DATA, path), readingOf(path).options)
    await expect(importing).rejects.toThrow(CommandError)
    await expect(importing).rejects.toThrow(new RegExp(String.raw`\bline ${line}\b`))
    expect(db.channels.list()).toEqual([])
    expect(await db.stats()).toMatchObject({ channels: {}, segments: [] })
  })

  it.each(cases)(
    '%s is stored without the rows that conflict, when they are skipped',
    async (path, facts) => {
      const { rows, duplicates, outOfOrder } = facts
      const db = await openFresh()
      const options = { ...readingOf(path).options, onConflict: 'skip' } as const
      const report = await importFile(db, join(DATA, path), options)
      // A row that goes back repeats a time too, in all of them.
      expect(outOfOrder).toBeLessThanOrEqual(duplicates)
      expect(report).toMatchObject({ rows, written: rows - duplicates, skipped: duplicates, replaced: 0 })
      await expectStoredThroughDelete(db, report, expectedOf(path, 'skip'))
    },
  )

  it.each(cases)('%s is stored with the last row of each time, when that counts', async (path, facts) => {
    const { rows, duplicates } = facts
    const db = await openFresh()
    const options = { ...readingOf(path).options, onConflict: 'last' } as const
    const report = await importFile(db, join(DATA, path), options)
    expect(report).toMatchObject({ rows, written: rows - duplicates, skipped: 0, replaced: duplicates })
    await expectStored(db, report, expectedOf(path, 'last'))
  })
})

async function openFresh(): Promise<Database> {
  const db = await open(freshDirectory())
  onTestFinished(() => db.close({ force: true }))
  return db
}

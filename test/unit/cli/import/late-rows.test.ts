// Late rows in memory, the line that shows progress, and a file that changes while it is imported.

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { importFile, prepareImport, runImport } from '../../../../src/cli/import/import-file.ts'
import { LateRows } from '../../../../src/cli/import/late-rows.ts'
import { progressText } from '../../../../src/cli/import/progress-line.ts'
import { open } from '../../../../src/index.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

describe('late rows', () => {
  it('are sorted by time, and the last of a time counts', () => {
    const late = new LateRows(2)
    const times = Array.from({ length: 100 }, (_, i) => BigInt((i * 37) % 50))
    times.forEach((time, i) => expect(late.add(time, 10 * i)).toBe(true))
    const sorted = late.sorted()
    expect([...sorted.times]).toEqual(Array.from({ length: 50 }, (_, i) => BigInt(i)))
    expect([...sorted.positions].map((position) => times[position])).toEqual([...sorted.times])
    expect(Math.min(...sorted.positions)).toBe(50)
    expect([sorted.count, sorted.replaced]).toEqual([50, 50])
    expect([late.rowAt(0), late.rowAt(99), late.rowAt(100)]).toEqual([0, 990, Infinity])
  })

  it('are no more than memory is kept for', () => {
    const late = new LateRows(4_000_000)
    expect([late.add(1n, 0), late.add(2n, 1), late.add(3n, 2)]).toEqual([true, true, false])
    expect(late.count).toBe(2)
  })

  it('refuse a file that has too many of them', async () => {
    const file = join(temporaryDirectory(), 'backwards.csv')
    const columns = 4000
    // Rows of 4,001 samples, of which memory is kept for 1,999.
    const rows = Array.from({ length: 2001 }, (_, i) => `${5000 - i}${',1'.repeat(columns)}`)
    writeFileSync(file, rows.join('\n'))
    await using db = await open(join(temporaryDirectory(), 'db'))
    const importing = importFile(db, file, { onConflict: 'last', timeFormat: 's' })
    await expect(importing).rejects.toThrow(
      /^line 2001: 2,000 rows out of order .*: sort the file by time first/,
    )
    expect(db.channels.list()).toEqual([])
  })
})

describe('progress', () => {
  it('has a bar, rows, and once it is known their rate and the time left', () => {
    expect(progressText({ stage: 'scan', done: 0, rows: 0 }, 0)).toBe(
      'reading [--------------------]   0 %  0 rows',
    )
    expect(progressText({ stage: 'write', done: 0.25, rows: 50_000 }, 2000)).toBe(
      'writing [#####---------------]  25 %  50,000 rows  25,000 rows/s  6 s left',
    )
    expect(progressText({ stage: 'sort', done: 1, rows: 10 }, 5000)).toBe(
      'sorting [####################] 100 %  10 rows  2 rows/s',
    )
  })
})

describe('a file that is not as it was when it was read first', () => {
  it.each([
    ['with a row that is too early', 't,x\n1,1\n3,3\n2,2\n'],
    ['with a cell that does not fit', 't,x\n1,1\n2,b\n3,3\n'],
    ['with fewer cells', 't,x\n1,1\n2\n3,3\n'],
    ['with fewer rows', 't,x\n1,1\n'],
    ['without a time', 't,x\n1,1\nx,2\n3,3\n'],
  ])('is refused %s', async (_, changed) => {
    const file = join(temporaryDirectory(), 'some.csv')
    writeFileSync(file, 't,x\n1,1\n2,2\n3,3\n')
    await using db = await open(join(temporaryDirectory(), 'db'))
    const options = { timeFormat: 's' }
    const prepared = await prepareImport(db, file, options, {})
    writeFileSync(file, changed)
    const running = runImport(db, prepared, options, {})
    await expect(running).rejects.toThrow(
      /the file was changed while it was imported|column "x": "b" is no int64/,
    )
    expect(await db.count('t')).toEqual({ t: 0 })
  })

  it('is refused where it is gone', async () => {
    const file = join(temporaryDirectory(), 'some.csv')
    writeFileSync(file, 't,x\n1,1\n')
    await using db = await open(join(temporaryDirectory(), 'db'))
    const prepared = await prepareImport(db, file, { timeFormat: 's' }, {})
    rmSync(file)
    await expect(runImport(db, prepared, {}, {})).rejects.toThrow(/there is no file/)
  })
})

it('a file of nothing but times is imported too', async () => {
  const file = join(temporaryDirectory(), 'events.csv')
  writeFileSync(file, 'time,what\n2025-01-01,start\n2025-01-02,end\n')
  await using db = await open(join(temporaryDirectory(), 'db'))
  const report = await importFile(db, file)
  expect(report).toMatchObject({ written: 2, samples: 2, channels: [], leftOut: [{ column: 'what' }] })
  expect(await db.count('time')).toEqual({ time: 2 })
})

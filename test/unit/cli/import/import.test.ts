// `rubidium import`: what goes into the database, what is said about it, and what is refused with nothing
// changed.

import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { open, timestamp } from '../../../../src/index.ts'
import { run } from '../../../support/run-command.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'
import type { Run } from '../../../support/run-command.ts'

const PLANT = `time,pressure,valve,count,place
2025-01-01 12:00:00,1.5,true,1,north
2025-01-01 12:00:01,NA,false,2,
2025-01-01 12:00:03,2.5,true,,south
`

interface Stage {
  readonly directory: string
  readonly file: string
  readonly importing: (...options: string[]) => Promise<Run>
}

function stage(content: string | Uint8Array = PLANT): Stage {
  const folder = temporaryDirectory()
  const directory = join(folder, 'db')
  const file = join(folder, 'plant.csv')
  writeFileSync(file, content)
  return { directory, file, importing: (...options) => run(['import', directory, file, ...options]) }
}

/** All samples by channel, as plain values; the times in nanoseconds since noon. */
async function contents(directory: string, ...names: string[]): Promise<Record<string, unknown[]>> {
  const db = await open(directory, { createIfMissing: false, readOnly: true })
  try {
    const all = names.length > 0 ? names : db.channels.list().map(({ name }) => name)
    const entries: [string, unknown[]][] = []
    for (const name of all) {
      const values = [...(await db.read(name)).column(name)]
      entries.push([name, db.channels.get(name).kind === 'index' ? values.map(sinceNoon) : values])
    }
    return Object.fromEntries(entries)
  } finally {
    await db.close()
  }
}

const NOON = timestamp('2025-01-01T12:00:00Z')

function sinceNoon(time: unknown): number {
  return Number((time as bigint) - NOON) / 1e9
}

describe('import', () => {
  it('writes numbers and booleans, and says what it does with the rest', async () => {
    const { directory, file, importing } = stage()
    const { code, output, notes } = await importing('--unit', 'pressure=bar')
    expect(notes.split('\n')).toEqual([
      `${file}: 3 rows, a header, commas between cells`,
      'time: "time", ISO 8601, UTC where no offset is given: 2025-01-01T12:00:00Z to 2025-01-01T12:00:03Z',
      'COLUMN    CHANNEL   TYPE       UNIT  NOTE',
      'time      time      timestamp        index',
      'pressure  pressure  float64    bar   1 missing cell',
      'valve     valve     boolean',
      'count     count     float64          1 missing cell: float64 instead of int64',
      'left out: "place" (text, such as "north" on line 2)',
    ])
    expect(output).toMatch(/^3 rows written to 4 channels, 12 samples, in [\d.]+ s, [\d,]+ rows\/s\n$/)
    expect(code).toBe(0)
    expect(await contents(directory)).toEqual({
      time: [0, 1, 3],
      pressure: [1.5, NaN, 2.5],
      valve: [1, 0, 1],
      count: [1, 2, NaN],
    })
    const db = await open(directory)
    expect(db.channels.get('pressure').unit).toBe('bar')
    expect(await db.verify()).toMatchObject({ ok: true })
    await db.close()
  })

  it('prints what it did as data', async () => {
    const { file, importing } = stage(gzipSync(PLANT))
    const { output } = await importing('--json', '--prefix', 'p.')
    expect(JSON.parse(output)).toEqual({
      file,
      rows: 3,
      conflicts: 0,
      delimiter: ',',
      header: true,
      time: { columns: ['time'], format: 'ISO 8601, UTC where no offset is given', index: 'p.time' },
      first: '2025-01-01T12:00:00.000000000Z',
      last: '2025-01-01T12:00:03.000000000Z',
      channels: [
        { column: 'pressure', name: 'p.pressure', type: 'float64', exists: false, missing: 1 },
        { column: 'valve', name: 'p.valve', type: 'boolean', exists: false, missing: 0 },
        {
          column: 'count',
          name: 'p.count',
          type: 'float64',
          exists: false,
          missing: 1,
          note: '1 missing cell: float64 instead of int64',
        },
      ],
      leftOut: [{ column: 'place', reason: 'text, such as "north" on line 2' }],
      notes: [],
      written: 3,
      skipped: 0,
      replaced: 0,
      present: 0,
      samples: 12,
      interrupted: false,
      seconds: expect.any(Number),
    })
  })

  it('names channels as it is told', async () => {
    const { directory, importing } = stage()
    await importing(
      '--index',
      'clock',
      '--prefix',
      'x.',
      '--rename',
      'valve=open',
      '--skip-columns',
      'count,place',
    )
    expect(Object.keys(await contents(directory))).toEqual(['clock', 'x.pressure', 'x.open'])
    await importing('--rename', 'time=t2', '--only', 'count', '--rename', 'count=n')
    expect(await contents(directory, 't2', 'n')).toEqual({ t2: [0, 1, 3], n: [1, 2, NaN] })
  })

  it('takes the types that it is told', async () => {
    const { directory, importing } = stage(
      't_ns;a;b;c;d\n0;1;2;0;2025-01-01 12:00:00\n5;3.0;-4;1;2025-01-01 12:00:01\n',
    )
    const { code, notes } = await importing(
      '--type',
      'a=int16',
      '--type',
      'b=float32',
      '--type',
      'c=boolean',
      '--type',
      'd=timestamp',
    )
    expect(code).toBe(0)
    expect(notes).toContain('semicolons between cells')
    expect(notes).toContain(
      'note: the times are counted from 1970: --origin TIME says when they really began',
    )
    const { a, b, c, d } = await contents(directory)
    expect([a, b, c, d]).toEqual([
      [1, 3],
      [2, -4],
      [0, 1],
      [NOON, NOON + 1_000_000_000n],
    ])
  })

  it('reads files without a header, with times that count from an origin', async () => {
    const { directory, importing } = stage('-0.5,7\n0.25,8\n')
    const { notes } = await importing('--origin', '2025-01-01T12:00:00', '--columns', 'ts,level')
    expect(notes).toContain('plant.csv: 2 rows, no header')
    expect(notes).toContain('note: the first line is data: --header says otherwise')
    expect(await contents(directory)).toEqual({ ts: [-0.5, 0.25], level: [7n, 8n] })
  })

  it('reads times that are spread over columns, in their own zone', async () => {
    const { directory, importing } = stage('No,hour,day,month,year,x\n1,20,1,1,2025,5\n2,21,1,1,2025,6\n')
    const { notes } = await importing('--utc-offset', '+08:00', '--prefix', 'b.')
    expect(notes).toContain('time: "hour", "day", "month", "year", parts of a date, UTC+08:00')
    expect(await contents(directory)).toEqual({ 'b.time': [0, 3600], 'b.No': [1n, 2n], 'b.x': [5n, 6n] })
  })

  it('takes markers for missing cells that it is told, and leaves out what has neither name nor value', async () => {
    const { directory, importing } = stage(
      'time\tx\t\n2025-01-01 12:00:00\t-999\t\n2025-01-01 12:00:01\t4\t\n',
    )
    const { notes } = await importing('--missing', '-999')
    expect(notes).toContain('tabs between cells')
    expect(notes).toContain('left out: "column_3" (neither name nor values)')
    expect(await contents(directory)).toEqual({ time: [0, 1], x: [NaN, 4] })
  })

  it('says what it would do, and does nothing', async () => {
    const { directory, importing } = stage()
    const { code, output, notes } = await importing('--dry-run')
    expect([code, output]).toEqual([0, 'Nothing was written: 3 rows would be read\n'])
    expect(notes).toContain('valve     valve     boolean')
    expect(existsSync(directory)).toBe(false)
    await importing()
    expect((await importing('--dry-run', '--continue')).code).toBe(0)
    expect((await importing('--dry-run')).notes).toMatch(/--continue goes on with/)
  })

  it('shows how far it is, and takes that away', async () => {
    const rows = Array.from({ length: 30_000 }, (_, i) => `${1_700_000_000 + i},${i}`)
    const { importing } = stage(`time,x\n${rows.join('\n')}`)
    const { terminal } = await importing()
    expect(terminal.progressLines[0]).toMatch(/^reading \[[#-]{20}\] +\d+ %  [\d,]+ rows/)
    expect(terminal.progressLines.some((line) => line.startsWith('writing ['))).toBe(true)
    expect(terminal.isShowingProgress).toBe(false)
  })
})

describe('rows out of order or with equal times', () => {
  const ROWS = ['0,1', '2,2', '1,3', '2,4', '3,5', '1,6', '3,7', '-1,8']
  const LATE = `t,x\n${ROWS.join('\n')}\n`

  it('are refused with the line', async () => {
    const { directory, importing } = stage(LATE)
    const { code, notes } = await importing('--time-format', 's')
    expect(code).toBe(1)
    expect(notes).toBe(
      'rubidium: line 4 is at 1970-01-01T00:00:01Z, before line 3 at 1970-01-01T00:00:02Z: --on-conflict skip ' +
        'leaves such rows out, --on-conflict last sorts them in and keeps the last of equal times',
    )
    expect(existsSync(directory)).toBe(false)
    const same = await stage('t,x\n1,1\n\n1,2\n').importing('--time-format', 's')
    expect(same.notes).toContain('line 4 has the same time as line 2, 1970-01-01T00:00:01Z: ')
  })

  it('are skipped', async () => {
    const { directory, importing } = stage(LATE)
    const { output, notes } = await importing('--origin', '2025-01-01T12:00', '--on-conflict', 'skip')
    expect(notes).toContain('note: 5 rows out of order or with a time that another has: left out')
    expect(output).toMatch(/^3 rows written .*; 5 skipped\n$/)
    expect(await contents(directory)).toEqual({ t: [0, 2, 3], x: [1n, 2n, 5n] })
  })

  it('are sorted in, and the last row of a time counts', async () => {
    const { directory, importing } = stage(LATE)
    const { output } = await importing('--origin', '2025-01-01T12:00', '--on-conflict', 'last')
    expect(output).toMatch(/^5 rows written .*; 3 replaced by later ones\n$/)
    expect(await contents(directory)).toEqual({ t: [-1, 0, 1, 2, 3], x: [8n, 1n, 6n, 4n, 7n] })
  })
})

describe('what is there already', () => {
  it('takes rows behind it, with the types that it has', async () => {
    const { directory, file, importing } = stage()
    await importing('--type', 'count=float32', '--only', 'count')
    writeFileSync(file, 'time,count\n2025-01-01 12:00:04,5\n')
    const { code, notes } = await importing()
    expect(code).toBe(0)
    expect(notes).toMatch(/^count +count +float32 +exists$/m)
    expect(await contents(directory)).toEqual({ time: [0, 1, 3, 4], count: [1, 2, NaN, 5] })
    writeFileSync(file, 'time,count\n2025-01-01 11:59:59,9\n')
    await importing()
    expect((await contents(directory))['count']).toEqual([9, 1, 2, NaN, 5])
  })

  it('is not overwritten', async () => {
    const { directory, file, importing } = stage()
    await importing()
    const before = await contents(directory)
    writeFileSync(file, 'time,pressure\n2025-01-01 12:00:02,1\n2025-01-01 12:00:04,1\n')
    const { code, notes } = await importing()
    expect([code, notes]).toEqual([
      1,
      'rubidium: channel "time" has samples from 2025-01-01T12:00:00Z to 2025-01-01T12:00:03Z, and the file goes ' +
        'from 2025-01-01T12:00:02Z to 2025-01-01T12:00:04Z: --prefix keeps another recording apart; --continue ' +
        'goes on with an import of this same file that was interrupted',
    ])
    expect(await contents(directory)).toEqual(before)
  })

  it('is passed over where the import is continued', async () => {
    const { directory, file, importing } = stage()
    await importing()
    const again = await importing('--continue')
    expect([again.code, again.output]).toEqual([0, 'Nothing left to write: 3 rows; 3 were there\n'])
    writeFileSync(file, `${PLANT}2025-01-01 12:00:05,7,true,8,\n`)
    expect((await importing('--continue')).output).toMatch(
      /^1 row written to 4 channels, 4 samples, .*; 3 were there\n$/,
    )
    expect((await contents(directory))['pressure']).toEqual([1.5, NaN, 2.5, 7])
    writeFileSync(file, 'time,pressure\n2025-01-01 12:00:00,1.5\n2025-01-01 12:00:06,1.5\n')
    expect((await importing('--continue')).output).toContain(
      'warning: 1 row up to 2025-01-01T12:00:05Z were passed over, where the database has 4 samples',
    )
  })

  it('is not taken for the beginning of another file', async () => {
    const { directory, file, importing } = stage()
    await importing()
    const before = await contents(directory)
    writeFileSync(file, 'time,pressure\n2025-01-01 12:00:03,9\n2025-01-01 12:00:06,1.5\n')
    const { code, notes } = await importing('--continue')
    expect([code, notes]).toEqual([1, expect.stringContaining('what is there is not from this file')])
    expect(await contents(directory)).toEqual(before)
  })

  it('is not bent to fit', async () => {
    const { directory, importing } = stage()
    const db = await open(directory)
    await db.channels.create([
      { name: 'time', kind: 'index' },
      { name: 'slow', kind: 'index' },
      { name: 'pressure', kind: 'data', type: 'int32', index: 'time', unit: 'bar' },
      { name: 'valve', kind: 'data', type: 'boolean', index: 'slow' },
    ])
    await db.close()
    const refused = async (...options: string[]): Promise<string> => (await importing(...options)).notes
    expect(await refused()).toMatch(/"valve" exists and is a channel of index "slow", not of "time"/)
    expect(await refused('--only', 'pressure')).toMatch(
      /line 2, column "pressure": "1.5" is no int32 \(channel/,
    )
    expect(await refused('--only', 'pressure', '--unit', 'pressure=Pa')).toMatch(/is in bar, not in Pa/)
    expect(await refused('--only', 'pressure', '--type', 'pressure=int8')).toMatch(
      /is of type int32, not int8/,
    )
    expect(await refused('--only', 'count', '--rename', 'count=slow')).toMatch(
      /"slow" exists and is an index channel/,
    )
    expect(await refused('--only', 'count', '--index', 'valve')).toMatch(
      /"valve" exists and is no index channel/,
    )
    expect(Object.values(await contents(directory)).flat()).toEqual([])
  })
})

describe('mistakes', () => {
  it.each([
    ['time,x\n2025-01-01,1\n2025-02-29,2\n', [], 'line 3: "time" is "2025-02-29": no time, read as ISO 8601'],
    ['time,x\n2025-01-01,1\n,2\n', [], 'line 3: "time" is empty: no time'],
    [
      'year,month,day,x\n2025,1,1,1\n2025,2,29,2\n',
      [],
      'line 3: "year" is "2025", "month" is "2", "day" is "29"',
    ],
    ['time,x\n2025-01-01,1\n2025-01-02,2,3\n', [], 'line 3 has 3 cells, not 2 as there are columns'],
    ['time,x\n2025-01-01,1\n2025-01-02\n', [], 'line 3 has 1 cell, not 2'],
    ['time,x\n', [], 'has no rows of data'],
    ['time,x\n1,2\n', [], 'which can mean anything: give --origin TIME'],
    [
      PLANT,
      ['--type', 'place=float64'],
      'line 2, column "place": "north" is no float64 (give another with --type)',
    ],
    [PLANT, ['--type', 'count=int64'], 'line 4, column "count": an empty cell is no int64'],
    [PLANT, ['--type', 'count=int65'], '--type: "int65" is no type; there are timestamp, float64,'],
    [PLANT, ['--type', 'count'], '--type: "count" is not COLUMN=TYPE'],
    [PLANT, ['--unit', 'level=m'], '--unit: there is no column "level"; there are "time", "pressure"'],
    [PLANT, ['--type', 'time=int64'], '--type: column "time" is the time'],
    [PLANT, ['--rename', 'count=valve'], '"count" and "valve" would both be channel "valve"'],
    [PLANT, ['--index', 'count'], '"count" and the time would both be channel "count"'],
    [PLANT, ['--prefix', 'x'.repeat(250)], 'is longer than 255 bytes'],
    [PLANT, ['--only', 'nothing'], '--only: there is no column "nothing"'],
    [PLANT, ['--columns', 'a,b'], '--columns: 2 names for 5 columns'],
    [PLANT, ['--delimiter', ', '], '--delimiter: ", " is not one character'],
    [PLANT, ['--origin', 'soon'], '"soon" is no time'],
    [PLANT, ['--on-conflict', 'first'], 'it may be error, skip, last'],
    [PLANT, ['--time-format', 'dates'], '"dates" is no time format'],
  ])('%j with %j', async (text, options, message) => {
    const { directory, importing } = stage(text)
    const { code, output, notes } = await importing(...options)
    expect(notes).toContain(message)
    expect(notes).toMatch(/^rubidium: /)
    expect([code, output]).toEqual([1, ''])
    expect(existsSync(directory)).toBe(false)
  })

  it('of the directory are told before anything is made', async () => {
    const { file } = stage()
    const { code, notes } = await run(['import', file, file])
    expect(code).toBe(1)
    expect(notes.split('\n').at(-1)).toMatch(/^rubidium: .*plant\.csv/)
  })
})

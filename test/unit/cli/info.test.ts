// `rubidium info`, and what it looks for: intervals, gaps, and the figures of values.

import { readdirSync, statSync, truncateSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { DatabaseReport } from '../../../src/cli/describe-database.ts'
import { channelsText, databaseText, infoJson } from '../../../src/cli/info-text.ts'
import { IntervalWatch } from '../../../src/cli/intervals.ts'
import { createPaint } from '../../../src/cli/terminal.ts'
import { valueWatch } from '../../../src/cli/value-summary.ts'
import { bytesOfFiles } from '../../../src/fs/user-files.ts'
import { open } from '../../../src/index.ts'
import { makeRecording, run, START } from '../../support/run-command.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

describe('info', () => {
  it('tells what is in there, since when, and its gaps', async () => {
    const directory = await makeRecording()
    const { code, output } = await run(['info', directory])
    expect(code).toBe(0)
    for (const line of [
      directory,
      '  channels  8 in 2 groups',
      '  samples   499',
      '  first     2025-01-01T12:00:00Z',
      '  last      2025-01-01T12:00:30.99Z, 31.0 s later',
      '  segments  1',
      'Group time',
      '  channels  alt, ok, n, a,"b"',
      '  samples   100 in 1 stretch',
      '  interval  10 ms, typically',
      '  gaps      1 longer than 100 ms; the longest 30.0 s, from 2025-01-01T12:00:00.49Z to 2025-01-01T12:00:30.5Z',
      '  metadata  {"source":"test"}',
      'Group gps',
      '  gaps      none longer than 10 s',
    ])
      expect(output.split('\n')).toContain(line)
    expect(output).not.toContain('CHANNEL')
  })

  it('tells the figures of the channels that are named, and only their groups', async () => {
    const { output } = await run(['info', await makeRecording(), 'alt', 'n'])
    expect(output).toMatch(/^alt +float64 +m +90 +2 +720 B +0 +52\.\d +99 +1$/m)
    expect(output).toMatch(
      /^n +int64 +100 +1 +800 B +9,007,199,254,740,993 +[\d,]+ +9,007,199,254,741,092 +0$/m,
    )
    expect(output).toContain('metadata of alt {"sensor":7}')
    expect(output).not.toContain('Group gps')
  })

  it('prints all of it as JSON', async () => {
    const directory = await makeRecording()
    await run(['delete', directory, 'ok', '--all', '--yes'])
    const words = ['info', directory, 'alt', 'n', 'stamp', '--json']
    const report = JSON.parse((await run(words)).output) as Record<string, unknown>
    expect(report).toMatchObject({
      directory,
      channels: 8,
      samples: 399,
      first: '2025-01-01T12:00:00.000000000Z',
      last: '2025-01-01T12:00:30.990000000Z',
      segments: 1,
      groups: [
        {
          index: 'time',
          samples: 100,
          typicalInterval: 10_000_000,
          gaps: {
            longerThan: 100_000_000,
            count: 1,
            longest: { span: 30_010_000_000, from: '2025-01-01T12:00:00.490000000Z' },
          },
          metadata: { source: 'test' },
        },
        { index: 'gps', channels: ['lat', 'stamp'], gaps: { count: 0 } },
      ],
      values: [
        { name: 'alt', unit: 'm', samples: 90, min: 0, max: 99, nans: 1, metadata: { sensor: 7 } },
        { name: 'n', min: '9007199254740993', max: '9007199254741092' },
        { name: 'stamp', min: '2025-01-01T12:00:00.000000000Z' },
      ],
    })
    const { bytes } = report as { bytes: Record<string, number> }
    expect(bytes['dead']).toBeGreaterThanOrEqual(100)
    expect(bytes['log']).toBeGreaterThan(0)
    expect(bytes['log']).toBeLessThan(100_000)
    expect(bytes['other']).toBeGreaterThanOrEqual(1024 * 1024)
    expect(bytes['total']).toBe(bytes['live']! + bytes['dead']! + bytes['log']! + bytes['other']!)
    expect(report['values']).not.toHaveProperty('[2].mean')
  })

  it('lists segments', async () => {
    const directory = await makeRecording()
    const { output } = await run(['info', directory, '--segments'])
    expect(output).toMatch(/^SEGMENT +LIVE +DEAD +TOTAL$/m)
    const report = JSON.parse((await run(['info', directory, '--segments', '--json'])).output) as {
      segments: { name: string; live: number; dead: number; total: number }[]
    }
    expect(report.segments).toHaveLength(1)
    expect(report.segments[0]!.total).toBeGreaterThan(report.segments[0]!.live)
  })

  it('tells of a database with nothing in it', async () => {
    const directory = `${temporaryDirectory()}/empty`
    await (await open(directory)).close()
    const { code, output } = await run(['info', directory])
    expect(code).toBe(0)
    expect(output).toContain('channels  0 in 0 groups')
    expect(output).not.toContain('first')
  })

  it('shows no control character of a name to the terminal', async () => {
    const directory = `${temporaryDirectory()}/odd`
    const db = await open(directory)
    await db.channels.create({ name: '\u001b[2Jt\n', kind: 'index' })
    await db.close()
    for (const words of [
      ['info', directory],
      ['ls', directory],
    ]) {
      const { output } = await run(words)
      expect(output).toContain(String.raw`\u{1b}[2Jt\u{a}`)
      expect(output).not.toContain('\u001b')
    }
  })

  it('does not look further once it is interrupted', async () => {
    const directory = await makeRecording()
    const { code, notes, output } = await run(['info', directory], { isInterrupted: true })
    expect([code, notes, output]).toEqual([130, 'rubidium: interrupted', ''])
  })
})

describe('info beside a read-only process', () => {
  it('names that one, and not its own registration', async () => {
    const directory = await makeRecording()
    expect((await run(['info', directory])).output).not.toContain('reader')
    await using reader = await open(directory, { readOnly: true })
    const { output } = await run(['info', directory])
    expect(output).toContain(`  reader    process ${process.pid} on `)
    expect(output.split('  reader ')).toHaveLength(2)
    const { readers } = JSON.parse((await run(['info', directory, '--json'])).output) as { readers: object[] }
    expect(readers).toMatchObject([{ pid: process.pid, bytes: 0 }])
    expect(reader.channels.list()).not.toEqual([])
  })
})

describe('the bytes of a database', () => {
  it('are of removed segments too, while a reader needs them', async () => {
    const directory = await makeRecording()
    await run(['delete', directory, 'lat', '--all', '--yes'])
    await using reader = await open(directory, { readOnly: true })
    const gc = await run(['gc', directory, '--threshold', '0'])
    expect(gc.output).toMatch(/^Takes [\d.]+ KiB more on the disk for now: collected 1 of 1 segment\n$/)
    expect(gc.notes).toContain(`\`rubidium info ${directory}\` names them`)
    const { bytes } = JSON.parse((await run(['info', directory, '--json'])).output) as {
      bytes: Record<string, number>
    }
    expect(bytes['kept']).toBeGreaterThan(1000)
    expect(bytes['total']).toBe(
      bytes['live']! + bytes['dead']! + bytes['kept']! + bytes['log']! + bytes['other']!,
    )
    expect((await run(['info', directory])).output).toMatch(
      /^ {2}kept {6}[\d.]+ KiB of removed segments, for readers$/m,
    )
    expect((await reader.read('n')).count('n')).toBe(100)
  })

  it('are those that files take on the disk, without their holes', async () => {
    const directory = await makeRecording()
    const file = join(directory, 'segments', readdirSync(join(directory, 'segments'))[0]!)
    const before = (await bytesOfFiles(directory)).get(`segments/${basename(file)}`)!
    const { size } = statSync(file)
    expect(before).toBeLessThanOrEqual(size)
    truncateSync(file, size + 64 * 1024 * 1024)
    const after = (await bytesOfFiles(directory)).get(`segments/${basename(file)}`)!
    // A file system that has no holes gives the tail blocks.
    expect(after).toBe(Math.min(statSync(file).size, statSync(file).blocks * 512))
    expect(after).toBeGreaterThanOrEqual(before)
  })
})

describe('the text of a report', () => {
  const report: DatabaseReport = {
    directory: 'flight',
    channels: 2,
    groups: 1,
    samples: 0,
    segments: [{ name: 'one', live: 10, dead: 2048, total: 3000 }],
    size: 5000,
    kept: 0,
    log: 0,
    recovery: { crashed: true, records: 7, cut: { file: 'journal/1', offset: 5, bytes: 12, records: 1 } },
    readers: [
      { pid: 7, host: 'h', since: '2025-01-01T00:00:00Z', age: '5400s', bytes: 2048, file: 'readers/7-a' },
      { pid: 8, host: 'h', since: '2025-01-01T00:00:00Z', age: '5s', bytes: 0, file: 'readers/8-b' },
      { pid: 0, host: '', since: '', age: '', bytes: 2048, file: 'readers/9-c' },
    ],
  }

  it('names the read-only processes that are registered, for how long, and what is kept for each', () => {
    const text = databaseText(report, createPaint(false))
    expect(text).toContain('  reader    process 7 on h, for 1.50 h, keeps up to 2 KiB of deleted samples\n')
    expect(text).toContain('  reader    process 8 on h, for 5 s, keeps nothing from being given back\n')
    expect(text).toContain('readers/9-c cannot be read, and keeps up to 2 KiB of deleted samples: remove it')
    expect(infoJson(report, [], [], false)).toMatchObject({ readers: report.readers })
  })

  it('does not promise what a reader keeps, and tells of removed segments that wait', () => {
    const text = databaseText({ ...report, size: 9000, kept: 3072 }, createPaint(false))
    expect(text).toContain(
      '2 KiB of deleted samples: `rubidium gc flight` gives them back once no reader below keeps them\n',
    )
    expect(text).toContain('  kept      3 KiB of removed segments, for readers\n')
    const bytes = { total: 9000, live: 10, dead: 2048, kept: 3072, log: 0, other: 3870 }
    expect(infoJson({ ...report, size: 9000, kept: 3072 }, [], [], false)).toMatchObject({ bytes })
    expect(databaseText(report, createPaint(false))).not.toContain('  kept ')
  })

  it('says what gc would give back, and what recovery cut off', () => {
    const text = databaseText({ ...report, readers: [] }, createPaint(false))
    expect(text).toContain('2 KiB of deleted samples: `rubidium gc flight` gives them back\n')
    expect(text).toContain('12 B and 1 record were cut off journal/1')
    expect(infoJson(report, [], [], true)).toMatchObject({
      recovery: report.recovery,
      segments: report.segments,
    })
  })

  it('writes infinities as strings in JSON, and leaves out figures that there are none of', () => {
    const channel = { key: 2, name: 'v', kind: 'data', type: 'float64', index: 't' } as const
    const shape = { channel, samples: 1, stretches: 1, bytes: 8 }
    const infinite = { ...shape, values: { min: -Infinity, max: Infinity, mean: Number.NaN, nans: 0 } }
    expect(infoJson(report, [], [infinite], false)).toMatchObject({
      values: [{ min: '-Infinity', max: 'Infinity', mean: 'NaN' }],
    })
    const none = { ...shape, values: { nans: 1 } }
    expect(JSON.stringify(infoJson(report, [], [none], false))).not.toContain('"min"')
    expect(channelsText([none], createPaint(false))).toMatch(/^v +float64 +1 +1 +8 B +1$/m)
  })

  it('shows small and large values in few digits', () => {
    const channel = { key: 2, name: 'v', kind: 'data', type: 'float64', index: 't' } as const
    const values = { min: 0.000_012_345_6, max: 1.5e20, mean: 1234.567, nans: 0 }
    const text = channelsText([{ channel, samples: 1, stretches: 1, bytes: 8, values }], createPaint(false))
    expect(text).toMatch(/0\.00001235 +1,235 +150,000,000,000,000,000,000/)
  })
})

describe('intervals', () => {
  const times = (...offsets: number[]): BigInt64Array =>
    BigInt64Array.from(offsets, (offset) => START + BigInt(offset))

  it('have a median, and gaps that are more than ten times as long', () => {
    const watch = new IntervalWatch()
    watch.add(times(0, 10, 20, 120, 221, 231))
    expect(watch.report()).toEqual({
      typical: 10n,
      gaps: 1,
      longest: { from: START + 120n, to: START + 221n },
    })
  })

  it('are seen between pieces, and beyond those that the median is taken of', () => {
    const watch = new IntervalWatch(2)
    watch.add(times(0))
    watch.add(times(10))
    watch.add(times(20, 30))
    watch.add(times(1000))
    watch.add(times())
    watch.add(times(5000))
    expect(watch.report()).toEqual({
      typical: 10n,
      gaps: 2,
      longest: { from: START + 1000n, to: START + 5000n },
    })
  })

  it('are none for fewer than two times', () => {
    const watch = new IntervalWatch()
    expect(watch.report()).toBeUndefined()
    watch.add(times(5))
    expect(watch.report()).toBeUndefined()
    watch.add(times(6))
    expect(watch.report()).toEqual({ typical: 1n, gaps: 0 })
  })
})

describe('the figures of values', () => {
  it('leave NaN out and count it', () => {
    const watch = valueWatch('float64')
    watch.add(Float64Array.of(1, Number.NaN))
    watch.add(Float64Array.of(4, -2))
    expect(watch.report()).toEqual({ min: -2, max: 4, mean: 1, nans: 1 })
  })

  it('are left out where there is nothing but NaN', () => {
    const watch = valueWatch('float32')
    expect(watch.report()).toEqual({ nans: 0 })
    watch.add(Float32Array.of(Number.NaN))
    expect(watch.report()).toEqual({ nans: 1 })
    expect(valueWatch('int64').report()).toEqual({ nans: 0 })
  })

  it('do not lose small values beside large ones', () => {
    const watch = valueWatch('float64')
    watch.add(Float64Array.of(1e16, 1, 1, 1, 1, -1e16))
    expect(watch.report().mean).toBe(4 / 6)
  })

  it('are infinite where values are', () => {
    const watch = valueWatch('float64')
    watch.add(Float64Array.of(1, Number.POSITIVE_INFINITY, 2))
    expect(watch.report()).toEqual({ min: 1, max: Infinity, mean: Infinity, nans: 0 })
  })

  it('are exact for 64-bit integers', () => {
    const watch = valueWatch('uint64')
    watch.add(BigUint64Array.of(2n ** 64n - 1n, 2n ** 64n - 1n, 2n ** 64n - 3n))
    expect(watch.report()).toMatchObject({ min: 2n ** 64n - 3n, max: 2n ** 64n - 1n })
    const small = valueWatch('int64')
    small.add(BigInt64Array.of(-1n, -2n))
    expect(small.report().mean).toBe(-1.5)
  })
})

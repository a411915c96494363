// The examples do what their heads say: each runs in a process of its own, from the project's folder as by
// hand, into a fresh directory; then what it printed and what it left is looked at. The logger is killed
// while it writes, again and again: whatever it said is stored must be there.

import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { days, millis, minutes, open, seconds, timestamp } from '../../src/index.ts'
import { assertSame, filesIn, readByEngine, readBySecondReader } from '../format/agreement.ts'

const EXAMPLES = dirname(fileURLToPath(import.meta.url))
const ROOT = dirname(dirname(EXAMPLES))
const NOON = timestamp('2025-01-01T12:00:00Z')

describe('sensor-logger', () => {
  it('logs a second of samples, a millisecond apart, and goes on behind them when started again', async () => {
    const directory = freshDirectory()
    const first = await run('sensor-logger', directory)
    expect(first).toHaveLength(100)
    expect(first.at(-1)).toBe('stored up to 2025-01-01T12:00:01.000000000Z')
    const second = await run('sensor-logger', directory, '0.5')
    expect(second[0]).toBe('found 1000 samples up to 2025-01-01T12:00:01.000000000Z')
    expect(second).toHaveLength(51)
    expect(await loggedSamples(directory)).toBe(1500)
  })

  it('has everything that it acknowledged, and whole frames only, however often it is killed', async () => {
    const directory = freshDirectory()
    for (const lines of [1, 25, 60]) {
      const acknowledged = await killAfter(lines, directory)
      const found = await loggedSamples(directory)
      expect(NOON + millis(found)).toBeGreaterThanOrEqual(acknowledged)
      expect(found % 10).toBe(0)
    }
  })
})

describe('keep-a-week', () => {
  it('keeps the newest seven of fourteen days and gives the bytes of the others back', async () => {
    const directory = freshDirectory()
    const lines = await run('keep-a-week', directory)
    const perDay = Number(days(1) / seconds(5))
    const reported = lines.slice(0, -1).map((line) => {
      const [, day, deleted, reclaimed, kept] =
        /^day (\d+): (\d+) samples deleted, (-?\d+) bytes given back, (\d+) kept$/.exec(line) ?? []
      return { day: Number(day), deleted: Number(deleted), reclaimed: Number(reclaimed), kept: Number(kept) }
    })
    expect(reported.map(({ day }) => day)).toEqual(Array.from({ length: 14 }, (_, i) => i + 1))
    for (const { day, deleted, kept } of reported) {
      expect(kept).toBe(Math.min(day, 7) * perDay)
      expect(deleted).toBe(day > 7 ? perDay : 0)
    }
    expect(lines.at(-1)).toBe('from 2025-01-08T00:00:00.000000000Z to 2025-01-14T23:59:55.000000000Z')

    await using db = await open(directory)
    expect((await db.read('fan')).column('fan')).toHaveLength(7 * perDay)
    // 14 bytes a row, and what segments and blocks have beside their samples; two weeks would be twice that.
    const { segments } = await db.stats()
    expect(segments.reduce((sum, { total }) => sum + total, 0)).toBeLessThan(1.35 * 7 * perDay * 14)
  })
})

describe('min-max-per-pixel', () => {
  it('shows the extremes of each pixel, the one spike among them, and nothing where nothing was recorded', async () => {
    const directory = freshDirectory()
    const lines = await run('min-max-per-pixel', directory)
    expect(lines).toHaveLength(60)
    await using db = await open(directory, { readOnly: true })
    for (const [pixel, line] of lines.entries()) {
      const start = NOON + BigInt(pixel) * seconds(10)
      const velocity = (await db.read('velocity', { start, end: start + seconds(10) })).column(
        'velocity',
      ) as Float64Array
      const isStopped = pixel >= 30 && pixel < 36
      expect(velocity).toHaveLength(isStopped ? 0 : 2000)
      const sorted = velocity.toSorted()
      const shown = isStopped ? 'nothing' : `${sorted[0]!.toFixed(3)} to ${sorted.at(-1)!.toFixed(3)}`
      expect(line).toBe(`pixel ${pixel}: ${shown}`)
    }
    expect(lines.filter((line) => line.endsWith(' to 25.000'))).toEqual(['pixel 45: -3.000 to 25.000'])
  })
})

describe('correct-a-stretch', () => {
  it('writes the stretch again in bar, and leaves everything around it as it was', async () => {
    const directory = freshDirectory()
    expect(await run('correct-a-stretch', directory)).toEqual([
      'recorded: 3600 samples, the largest 58.02 bar',
      'deleted: 3000 samples, the largest 4.00 bar',
      'corrected: 3660 samples, the largest 4.00 bar',
      'as it was: 3600 samples, the largest 58.02 bar',
    ])
    const second = readBySecondReader(filesIn(directory))
    await using db = await open(directory)
    assertSame(await readByEngine(db), second)
    const frame = await db.read(['time', 'pressure', 'temperature'])
    const expected = BigInt64Array.from({ length: 3660 }, (_, i) => NOON + seconds(i))
    expect(frame.column('time')).toEqual(expected)
    expect((frame.column('pressure') as Float64Array).every((bar) => Math.abs(bar - 4) < 1e-12)).toBe(true)
    expect((frame.column('temperature') as Float32Array).every((celsius) => celsius === 21.5)).toBe(true)
    expect(await db.bounds('time')).toEqual({ start: NOON, end: NOON + minutes(61) - seconds(1) + 1n })
    expect(await db.verify()).toMatchObject({ ok: true })
  })
})

describe('read-elsewhere', () => {
  it('shows the instant at which it was opened, and what came since once it is refreshed', async () => {
    expect(await run('read-elsewhere', freshDirectory())).toEqual([
      'opened: 1000 samples, the newest 9.99 m',
      'the same, later: 1000 samples, the newest 9.99 m',
      'refreshed: 2000 samples, the newest 19.99 m',
    ])
  })
})

function freshDirectory(): string {
  const parent = mkdtempSync(join(tmpdir(), 'rubidium-example-'))
  onTestFinished(() => rmSync(parent, { recursive: true }))
  return join(parent, 'database')
}

function start(example: string, ...words: string[]): ChildProcessByStdio<null, Readable, Readable> {
  const child = spawn(process.execPath, ['--import', 'tsx', join(EXAMPLES, `${example}.ts`), ...words], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

/** The lines that an example printed; it must end by itself, with exit code 0. */
async function run(example: string, ...words: string[]): Promise<string[]> {
  const child = start(example, ...words)
  let [output, errors] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk))
  const [code] = await once(child, 'close')
  expect({ code, errors: code === 0 ? '' : errors }).toEqual({ code: 0, errors: '' })
  return output.trimEnd().split('\n')
}

/** Starts the logger for a day, kills it once it has acknowledged so many frames, and says up to when it did. */
async function killAfter(frames: number, directory: string): Promise<bigint> {
  const child = start('sensor-logger', directory, '86400')
  const closed = once(child, 'close')
  const stored: string[] = []
  for await (const line of createInterface(child.stdout)) {
    const [, time] = /^stored up to (\S+Z)$/.exec(line) ?? []
    if (time !== undefined) stored.push(time)
    if (stored.length === frames) child.kill('SIGKILL')
  }
  expect((await closed)[1]).toBe('SIGKILL')
  return timestamp(stored.at(-1)!)
}

/**
 * Checks that the log is sound, without a hole, alike in all channels, and the same to a second reader; and says how
 * many samples there are.
 */
async function loggedSamples(directory: string): Promise<number> {
  const second = readBySecondReader(filesIn(directory))
  await using db = await open(directory)
  assertSame(await readByEngine(db), second)
  const frame = await db.read(['time', 'pressure', 'valve'])
  const times = frame.column('time') as BigInt64Array
  expect(times).toEqual(BigInt64Array.from(times, (_, i) => NOON + millis(i + 1)))
  expect(frame.column('pressure')).toEqual(
    Float64Array.from(times, (ns) => 2 + Math.sin(Number(ns % seconds(60)) / 1e9)),
  )
  expect(frame.count('valve')).toBe(times.length)
  expect(await db.verify()).toMatchObject({ ok: true })
  return times.length
}

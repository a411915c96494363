// Which range of time `--from`, `--to` and `--last` mean.

import { Command } from 'commander'
import { expect, it } from 'vitest'
import { CommandError } from '../../../src/cli/command-error.ts'
import { addRangeOptions, rangeOf } from '../../../src/cli/range-options.ts'
import { seconds } from '../../../src/index.ts'
import type { Database } from '../../../src/index.ts'
import { withDatabase } from '../../../src/cli/with-database.ts'
import { makeRecording, START } from '../../support/run-command.ts'

const LAST_TIME = START + 30_990_000_000n
const LAST_FIX = START + seconds(2) + 1n

async function inRecording<T>(use: (db: Database) => Promise<T>): Promise<T> {
  return withDatabase(await makeRecording(), { readOnly: true }, use)
}

it('reads the options as times and spans', () => {
  const command = addRangeOptions(new Command())
  command.parse(['--from', '1970-01-01', '--to', '5', '--last', '1us'], { from: 'user' })
  expect(command.opts()).toEqual({ from: 0n, to: 5n, last: 1000n })
})

it('is all time without options, and open where one is left out', async () => {
  await inRecording(async (db) => {
    expect(await rangeOf(db, ['time'], {})).toEqual({})
    expect(await rangeOf(db, ['time'], { from: 1n })).toEqual({ start: 1n })
    expect(await rangeOf(db, ['time'], { to: 1n })).toEqual({ end: 1n })
    expect(await rangeOf(db, ['time'], { from: 1n, to: 1n })).toEqual({ start: 1n, end: 1n })
  })
})

it('counts back from the newest sample of the channels that are meant', async () => {
  await inRecording(async (db) => {
    const ofTime = await rangeOf(db, ['alt', 'lat'], { last: 20_000_000n })
    expect(ofTime).toEqual({ start: LAST_TIME - 20_000_000n + 1n, end: LAST_TIME + 1n })
    expect(await db.count('alt', ofTime)).toEqual({ alt: 2 })
    const ofFix = await rangeOf(db, ['lat'], { last: 1n })
    expect(ofFix).toEqual({ start: LAST_FIX, end: LAST_FIX + 1n })
  })
})

it('counts back from the newest sample before --to', async () => {
  await inRecording(async (db) => {
    const range = await rangeOf(db, ['alt', 'lat'], { last: 15_000_000n, to: START + 95_000_000n })
    expect(await db.count('alt', range)).toEqual({ alt: 2 })
    expect(range.end).toBe(START + 90_000_001n)
    expect(await rangeOf(db, ['alt'], { last: 1n, to: START })).toEqual({ start: 0n, end: 0n })
    expect(await rangeOf(db, ['alt'], { last: 1n, to: -(2n ** 63n) })).toEqual({ start: 0n, end: 0n })
  })
})

it('begins no earlier than time does', async () => {
  await inRecording(async (db) => {
    const range = await rangeOf(db, ['time'], { last: 2n ** 63n - 1n })
    expect(await db.count('time', range)).toEqual({ time: 100 })
    const earliest = await rangeOf(
      { bounds: () => Promise.resolve({ start: -9n, end: -8n }), latest: db.latest.bind(db) },
      ['time'],
      { last: 2n ** 63n - 1n },
    )
    expect(earliest).toEqual({ start: -(2n ** 63n), end: -8n })
  })
})

it('refuses what contradicts itself', async () => {
  await inRecording(async (db) => {
    await expect(rangeOf(db, ['time'], { from: 1n, last: 1n })).rejects.toThrow(CommandError)
    await expect(rangeOf(db, ['time'], { from: 2n, to: 1n })).rejects.toThrow('--from lies after --to')
  })
})

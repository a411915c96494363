// An import that ends before its end: by Ctrl-C, or by a process that dies. What is there is a prefix of
// the rows, whole, and the same command with --continue makes it the whole.

import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { main } from '../../../../src/cli/main.ts'
import { NotADatabaseError, open, verify } from '../../../../src/index.ts'
import { fakeTerminal } from '../../../support/fake-terminal.ts'
import type { FakeTerminal } from '../../../support/fake-terminal.ts'
import { run } from '../../../support/run-command.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const ROWS = 40_000
/** Every seventh row repeats the time before it, and every hundredth comes 50 rows late. */
const SECONDS = Array.from({ length: ROWS }, (_, i) => {
  if (i % 100 === 99) return i - 50
  return i % 7 === 6 ? i - 1 : i
})

interface Stage {
  readonly directory: string
  readonly words: string[]
}

function stage(): Stage {
  const folder = temporaryDirectory()
  const file = join(folder, 'long.csv')
  writeFileSync(file, `t,x,y\n${SECONDS.map((second, i) => `${second},${i},${i / 8}`).join('\n')}\n`)
  const directory = join(folder, 'db')
  return {
    directory,
    words: ['import', directory, file, '--time-format', 's', '--on-conflict', 'last'],
  }
}

/** What must be there in the end: the last row of each time, in order of time. */
function whole(): { times: bigint[]; values: bigint[] } {
  const last = new Map(SECONDS.map((second, i) => [second, i]))
  const seconds = [...last.keys()].sort((a, b) => a - b)
  return {
    times: seconds.map((second) => BigInt(second) * 1_000_000_000n),
    values: seconds.map((second) => BigInt(last.get(second)!)),
  }
}

/** Checks that the database is sound and has the first rows of the whole; returns how many. */
async function expectPrefix(directory: string): Promise<number> {
  const db = await open(directory, { createIfMissing: false })
  const { times, values } = whole()
  if (db.channels.find('t') === undefined) {
    await db.close()
    return 0
  }
  const frame = await db.read(['t', 'x', 'y'])
  const count = frame.count('t')
  expect([...frame.column('t')]).toEqual(times.slice(0, count))
  expect([...frame.column('x')]).toEqual(values.slice(0, count))
  expect([...frame.column('y')]).toEqual(values.slice(0, count).map((value) => Number(value) / 8))
  expect(await db.verify()).toMatchObject({ ok: true })
  await db.close()
  return count
}

/** A terminal at which somebody presses Ctrl-C once progress shows this. */
function impatient(pattern: RegExp): FakeTerminal {
  const terminal = fakeTerminal()
  terminal.progress = (line) => {
    if (pattern.test(line)) terminal.interrupt()
  }
  return terminal
}

it('Ctrl-C while it writes leaves whole rows, says so, and the import can be continued', async () => {
  const { directory, words } = stage()
  const terminal = impatient(/^writing/)
  expect(await main(words, terminal)).toBe(130)
  expect(terminal.output).toMatch(
    /^Interrupted: [\d,]+ of 40,000 rows were written.*; the same command with --continue writes the others\n$/,
  )
  const before = await expectPrefix(directory)
  expect(before).toBeGreaterThan(0)
  expect(before).toBeLessThan(whole().times.length)
  const { code, output } = await run([...words, '--continue'])
  expect(code).toBe(0)
  expect(output).toContain(`${before.toLocaleString('en-US')} were there`)
  expect(output).not.toContain('warning')
  expect(await expectPrefix(directory)).toBe(whole().times.length)
  expect((await run([...words, '--continue'])).output).toMatch(/^Nothing left to write/)
})

it('Ctrl-C while it reads leaves nothing at all', async () => {
  const { directory, words } = stage()
  const terminal = impatient(/^reading/)
  expect(await main(words, terminal)).toBe(130)
  expect(terminal.notes).toEqual(['rubidium: interrupted'])
  await expect(open(directory, { createIfMissing: false })).rejects.toThrow(NotADatabaseError)
})

it('a process that is killed leaves whole rows, and the import can be continued', async () => {
  const { directory, words } = stage()
  // The first stands still once rows are in, so that it cannot come to its end before; the others go on.
  const counts: number[] = []
  for (const manner of ['stand', 'go on', 'go on']) {
    await kill([manner, ...words, '--continue'])
    expect((await verify(directory)).ok).toBe(true)
    counts.push(await expectPrefix(directory))
  }
  expect(counts[0]).toBeGreaterThan(0)
  expect(counts[0]).toBeLessThan(whole().times.length)
  expect(counts).toEqual([...counts].sort((a, b) => a - b))
  expect((await run([...words, '--continue'])).code).toBe(0)
  expect(await expectPrefix(directory)).toBe(whole().times.length)
})

/** Kills a process as soon as it says that it writes. */
async function kill(words: readonly string[]): Promise<void> {
  const source = new URL('child-import.ts', import.meta.url).pathname
  const child = spawn(process.execPath, ['--import', 'tsx', source, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const begun = new Promise<void>((resolve) => child.stdout.once('data', () => resolve()))
  await Promise.race([begun, closed])
  child.kill('SIGKILL')
  await closed
}

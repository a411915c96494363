// The command line as a process of its own: pipes, closed pipes, exit codes, Ctrl-C, a second process.

import { existsSync, openSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { channel, open } from '../../src/index.ts'
import { makeRecording, runProcess, START } from '../support/run-command.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const SOURCE = new URL('../../src/cli/rubidium.ts', import.meta.url).pathname

async function makeLong(): Promise<string> {
  const directory = `${temporaryDirectory()}/long`
  await using db = await open(directory, {
    channels: { t: channel.index(), v: channel.float64({ index: 't' }) },
  })
  await using writer = await db.openWriter(['t', 'v'])
  const rows = 300_000
  await writer.write({
    t: BigInt64Array.from({ length: rows }, (_, i) => START + BigInt(i)),
    v: Float64Array.from({ length: rows }, (_, i) => Math.sin(i)),
  })
  return directory
}

it('prints into a pipe without paint, progress or notes', async () => {
  const directory = await makeRecording()
  const { code, output, notes } = await runProcess(['ls', directory], { env: { FORCE_COLOR: '1' } })
  expect([code, notes]).toEqual([0, ''])
  expect(output).toMatch(/^CHANNEL +TYPE/)
  expect(output).not.toContain('\u001b')
})

it('prints all that was asked for, however slowly the pipe is read', async () => {
  const { code, output } = await runProcess(['read', await makeLong(), '--times', 'ns'])
  expect(code).toBe(0)
  const rows = output.trimEnd().split('\n')
  expect([rows.length, rows.at(-1)]).toEqual([300_001, `${START + 299_999n},${Math.sin(299_999)}`])
})

it('ends quietly with 0 where the reader of its pipe has gone', async () => {
  const { code, notes } = await runProcess(['read', await makeLong()], {
    onOutput: (_text, child) => {
      child.stdout!.destroy()
    },
  })
  expect([code, notes]).toEqual([0, ''])
})

it('stops quietly at Ctrl-C, with 130', async () => {
  let isSent = false
  const { code, output, notes } = await runProcess(['read', await makeLong()], {
    onOutput: (_text, child) => {
      if (!isSent) isSent = child.kill('SIGINT')
    },
  })
  expect([code, notes]).toEqual([130, ''])
  expect(output.split('\n').length).toBeLessThan(300_001)
})

it('exits with 1 and one line for a mistake', async () => {
  const { code, output, notes } = await runProcess(['ls', '/nonexistent/database'])
  expect([code, output]).toEqual([1, ''])
  expect(notes).toMatch(/^rubidium: [^\n]+\n$/)
})

it('refuses to write beside a process that writes, and names it', async () => {
  await using writing = await open(await makeRecording())
  const { code, notes } = await runProcess(['gc', writing.directory])
  expect(code).toBe(1)
  expect(notes).toMatch(/^rubidium: [^\n]+\n$/)
  expect(notes).toContain(String(process.pid))
  const listed = await runProcess(['read', writing.directory, 'lat', '--limit', '1'])
  expect([listed.code, listed.output.split('\n').length]).toEqual([0, 3])
})

it.skipIf(!existsSync('/dev/full'))('says so where the disk is full', async () => {
  const directory = await makeRecording()
  const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', SOURCE, 'read', directory], {
    stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
    encoding: 'utf8',
  })
  expect(status).toBe(1)
  expect(stderr).toMatch(/^rubidium: ENOSPC[^\n]+\n$/)
})

// `rubidium dump`.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { DumpEntry } from '../../../src/index.ts'
import { makeRecording, run, runProcess } from '../../support/run-command.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

function fileIn(directory: string, folder: string): string {
  return join(directory, folder, readdirSync(join(directory, folder))[0]!)
}

describe('dump', () => {
  it('shows what is in a file, in columns', async () => {
    const file = fileIn(await makeRecording(), 'segments')
    const { code, output, notes } = await run(['dump', file])
    expect([code, notes]).toEqual([0, ''])
    const [title, ...lines] = output.trimEnd().split('\n')
    expect(title).toBe(`${file}: a segment, ${readFileSync(file).length} bytes`)
    expect(lines[0]).toMatch(
      /^ {11}0 {9}64 {2}ok {3}header {3}format 0, database [0-9a-f]{32}, epoch 1, number 1$/,
    )
    for (const line of lines) expect(line).toMatch(/^ *\d+ +\d+ {2}ok {3}(header|extent) {3}\S/)
    expect(output).toMatch(/ 100 samples of channel 1 \(index\) from 2025-01-01T12:00:00Z to /)
  })

  it('shows all files of a directory, and with --details what is inside of their parts', async () => {
    const directory = await makeRecording()
    const { output } = await run(['dump', directory, '--details'])
    for (const what of [
      'FENCE: the fence',
      'a manifest',
      'a segment',
      'a lease',
      'the mark of a clean close',
    ])
      expect(output).toContain(what)
    expect(output).toMatch(
      / frame {4}begin: checkpoint at LSN \d+, covers \d+, 8 channels, 1 segment, boot "/,
    )
    expect(output).toMatch(/ channel {4}2 "alt": data, float64, timed by "time"/)
    expect(output).toMatch(/ pointer {4}channel 2: 20 samples from /)
    expect(output).toMatch(/ block {6}samples 0 to 99: min /)
  })

  it('prints an object a line', async () => {
    const { output } = await run(['dump', await makeRecording(), '--json'])
    const entries = output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as DumpEntry)
    expect(entries[0]).toMatchObject({ what: 'file', level: 0 })
    expect(entries.every(({ sound }) => sound !== false)).toBe(true)
  })

  it('says what is damaged, and goes on behind it', async () => {
    const directory = await makeRecording()
    const file = fileIn(directory, 'segments')
    const bytes = readFileSync(file)
    bytes[64 + 64 + 3]! ^= 1
    writeFileSync(file, bytes)
    const { code, output } = await run(['dump', file])
    expect(code).toBe(0)
    const lines = output.trimEnd().split('\n')
    expect(lines[2]).toMatch(/ BAD {2}extent .*; samples 0 to 99 do not match their checksums$/)
    expect(lines.slice(3).every((line) => line.includes('  ok   extent '))).toBe(true)
    expect(lines.length).toBeGreaterThan(5)
  })

  it('shows names harmlessly', async () => {
    const directory = await makeRecording()
    writeFileSync(join(directory, 'LOCK'), '\u001b[31mred')
    const { output } = await run(['dump', join(directory, 'LOCK')])
    expect(output).toContain('\\u{1b}[31mred')
    expect(output).not.toContain('\u001b')
  })

  it('refuses what is no file of a database', async () => {
    const directory = temporaryDirectory()
    writeFileSync(join(directory, 'notes.txt'), 'hello')
    for (const path of [directory, join(directory, 'notes.txt'), join(directory, 'nothing')]) {
      const { code, output, notes } = await run(['dump', path])
      expect([code, output]).toEqual([1, ''])
      expect(notes).toMatch(/^rubidium: .* is not a Rubidium database: [^\n]*$/)
    }
  })

  it('stops at an interruption', async () => {
    const { code, notes } = await run(['dump', await makeRecording()], { isInterrupted: true })
    expect([code, notes]).toEqual([130, 'rubidium: interrupted'])
  })

  it('ends quietly where nobody reads any more', async () => {
    const directory = await makeRecording()
    const { code, notes } = await runProcess(['dump', directory, '--details', '--json'], {
      onOutput: (_, child) => child.stdout?.destroy(),
    })
    expect([code, notes.replaceAll(/^npm warn.*\n/gm, '')]).toEqual([0, ''])
  })
})

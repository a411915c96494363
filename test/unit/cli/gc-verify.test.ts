// `rubidium gc` and `rubidium verify`.

import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { GcReport, VerifyReport } from '../../../src/index.ts'
import { open } from '../../../src/index.ts'
import { makeRecording, run } from '../../support/run-command.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

function segmentsOf(directory: string): string[] {
  return readdirSync(join(directory, 'segments')).map((name) => join(directory, 'segments', name))
}

function sizeOf(directory: string): number {
  return segmentsOf(directory).reduce((sum, file) => sum + statSync(file).size, 0)
}

describe('gc', () => {
  it('gives the bytes of deleted samples back', async () => {
    const directory = await makeRecording()
    await run(['delete', directory, 'n', 'alt', '--all', '--yes'])
    const before = sizeOf(directory)
    const { code, output, terminal } = await run(['gc', directory])
    expect(code).toBe(0)
    expect(output).toMatch(/^Gave .* back: collected 1 of 1 segment\n$/)
    expect(sizeOf(directory)).toBeLessThan(before - 1000)
    expect(terminal.isShowingProgress).toBe(false)
    expect(terminal.progressLines.at(-1)).toMatch(/1 of 1 segment/)
  })

  it('leaves segments below the threshold, and prints a report as JSON', async () => {
    const directory = await makeRecording()
    await run(['delete', directory, 'lat', '--all', '--yes'])
    const high = await run(['gc', directory, '--threshold', '1', '--json'])
    expect(JSON.parse(high.output) as GcReport).toMatchObject({ segmentsScanned: 1, segmentsCollected: 0 })
    const low = await run(['gc', directory, '--threshold', '0', '--json'])
    expect(JSON.parse(low.output) as GcReport).toMatchObject({ segmentsScanned: 1, segmentsCollected: 1 })
  })

  it('says nothing of little that stays below the threshold', async () => {
    const directory = await makeRecording()
    await run(['delete', directory, 'lat', '--all', '--yes'])
    const { output, notes } = await run(['gc', directory, '--threshold', '1'])
    expect(output).toBe('Gave 0 B back: collected 0 of 1 segment\n')
    expect(notes).toBe('')
  })

  it('says that a reader keeps what was deleted, and who tells which', async () => {
    const directory = await makeRecording()
    await using reader = await open(directory, { readOnly: true })
    await run(['delete', directory, '*', '--all', '--yes'])
    const { code, notes } = await run(['gc', directory])
    expect(code).toBe(0)
    expect(notes).toMatch(
      /Read-only processes keep up to [\d.]+ KiB from being given back: `rubidium info \S*flight` names them$/,
    )
    expect(notes).not.toContain('--threshold')
    expect((await reader.read('n')).count('n')).toBe(100)
  })

  it('stops at an interruption', async () => {
    const { code, notes, terminal } = await run(['gc', await makeRecording()], { isInterrupted: true })
    expect([code, notes, terminal.isShowingProgress]).toEqual([130, 'rubidium: interrupted', false])
  })

  it('refuses a threshold that is no share', async () => {
    const { terminal, code } = await run(['gc', await makeRecording(), '--threshold', '2'])
    expect(code).toBe(1)
    expect(terminal.notes).toEqual(['rubidium: "2" is no share: write a number from 0 to 1, such as 0.2'])
  })

  it('names the process that writes', async () => {
    await using writing = await open(await makeRecording())
    const { code, notes } = await run(['gc', writing.directory])
    expect([code, notes.split('\n').length]).toEqual([1, 1])
    expect(notes).toContain(`"${writing.directory}"`)
  })
})

describe('verify', () => {
  it('finds nothing in a sound database, beside a writing process too', async () => {
    await using writing = await open(await makeRecording())
    const { code, output, notes } = await run(['verify', writing.directory])
    expect([code, output, notes]).toEqual([0, 'No problems found\n', ''])
  })

  it('prints each problem on a line and exits with 1', async () => {
    const directory = await makeRecording()
    const [file] = segmentsOf(directory)
    const bytes = readFileSync(file!)
    bytes[Math.floor(bytes.length / 2)]! ^= 0xff
    writeFileSync(file!, bytes)
    const { code, output, notes } = await run(['verify', directory])
    expect(code).toBe(1)
    expect(
      output
        .trimEnd()
        .split('\n')
        .every((line) => line.length > 20),
    ).toBe(true)
    expect(output).toContain(file)
    expect(notes).toMatch(/problems? found in/)
    const json = await run(['verify', directory, '--json'])
    const report = JSON.parse(json.output) as VerifyReport
    expect([json.code, report.ok]).toEqual([1, false])
    expect(report.problems.length).toBe(output.trimEnd().split('\n').length)
  })

  it('works on what does not open', async () => {
    const directory = await makeRecording()
    const [manifest] = readdirSync(join(directory, 'manifest'))
    writeFileSync(join(directory, 'manifest', manifest!), 'nonsense')
    const { code, output } = await run(['verify', directory])
    expect(code).toBe(1)
    expect(output).toContain(manifest)
  })

  it('says of an empty directory that it is no database', async () => {
    const { code, output, notes } = await run(['verify', temporaryDirectory()])
    expect([code, output]).toEqual([1, ''])
    expect(notes).toMatch(/^rubidium: .* is not a Rubidium database[^\n]*$/)
  })
})

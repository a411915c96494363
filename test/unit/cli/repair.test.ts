// `rubidium repair`.

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { RepairReport } from '../../../src/index.ts'
import { makeRecording, run } from '../../support/run-command.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

function target(): string {
  return join(temporaryDirectory(), 'repaired')
}

/** Flips a bit of the samples of the first extent. */
function damage(directory: string): void {
  const [name] = readdirSync(join(directory, 'segments'))
  const path = join(directory, 'segments', name!)
  const bytes = readFileSync(path)
  bytes[64 + 64 + 8]! ^= 1
  writeFileSync(path, bytes)
}

describe('repair', () => {
  it('copies what is whole', async () => {
    const [directory, to] = [await makeRecording(), target()]
    const { code, output, notes, terminal } = await run(['repair', directory, to])
    expect([code, notes]).toEqual([0, `The new database is "${to}". Next: rubidium verify ${to}`])
    expect(output).toMatch(/^Salvaged 499 samples of 8 channels: nothing is lost\n$/)
    expect(terminal.isShowingProgress).toBe(false)
    const [before, after] = [await run(['read', directory]), await run(['read', to])]
    expect(after.output).toBe(before.output)
    expect((await run(['verify', to])).code).toBe(0)
  })

  it('says what is lost, where and when, and exits with 1', async () => {
    const [directory, to] = [await makeRecording(), target()]
    damage(directory)
    const { code, output } = await run(['repair', directory, to])
    expect(code).toBe(1)
    expect(output).toMatch(/^Salvaged \d+ samples of 8 channels; the logs are whole\n/)
    expect(output).toMatch(
      /\nlost: \d+ samples of channel "time" from 2025-01-01T12:00:00Z to 2025-01-01T12:00:[\d.]+Z: .*checksum \(.*segments.*:\d+\)\n/,
    )
    expect(output).toMatch(/\nlost: \d+ samples of channel "alt" .*timestamps of these samples are lost/)
  })

  it('exits with 1 where something is lost, whoever reads no more of what it says', async () => {
    const directory = await makeRecording()
    damage(directory)
    expect((await run(['repair', directory, target()], { closesAfter: 0 })).code).toBe(1)
    expect((await run(['repair', directory, target(), '--json'], { closesAfter: 0 })).code).toBe(1)
  })

  it('says what was guessed where no log is left, and that deleted samples may be back', async () => {
    const [directory, to] = [await makeRecording(), target()]
    rmSync(join(directory, 'manifest'), { recursive: true })
    const { code, output, notes } = await run(['repair', directory, to])
    expect(code).toBe(1)
    expect(output).toMatch(/no log could be read\n/)
    expect(output).toMatch(/\nuntold: no log could be read: deletes, names and units are lost/)
    expect(notes).toMatch(/channel "channel-1": its name is lost/)
    expect(notes).toMatch(/samples that were deleted/)
  })

  it('prints the report as JSON', async () => {
    const to = target()
    const { output, notes } = await run(['repair', await makeRecording(), to, '--json'])
    expect(notes).toBe('')
    expect(JSON.parse(output) as RepairReport).toMatchObject({
      target: to,
      complete: true,
      source: 'opened',
      lost: [],
      notes: [],
    })
  })

  it('says what is wrong with a path that holds no database', async () => {
    const nothing = join(temporaryDirectory(), 'nothing')
    const { code, notes } = await run(['repair', nothing, target()])
    expect([code, notes]).toEqual([
      1,
      `rubidium: "${nothing}" is not a Rubidium database: there is nothing at this path`,
    ])
    writeFileSync(nothing, 'x')
    expect((await run(['repair', nothing, target()])).notes).toMatch(/it is not a directory$/)
  })

  it('refuses a target that is not empty, and stops at an interruption', async () => {
    const directory = await makeRecording()
    const { code, notes } = await run(['repair', directory, directory])
    expect(code).toBe(1)
    expect(notes).toMatch(/must lie apart/)
    const to = target()
    expect((await run(['repair', directory, to], { isInterrupted: true })).code).toBe(130)
    expect((await run(['verify', to])).code).toBe(1)
  })
})

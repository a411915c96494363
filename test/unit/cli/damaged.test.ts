// `rubidium info` and `rubidium plot` of a database some blocks of which are damaged: everything else is shown, what
// is damaged is named with its channel, file and what to do, and the exit code is 1.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { channel, open } from '../../../src/index.ts'
import { run, START } from '../../support/run-command.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const ROWS = 50_000
/** Between two samples. */
const STEP = 10_000_000n

function timeOf(row: number): bigint {
  return START + BigInt(row) * STEP
}

/** Groups `time` with `ramp` and `fall`, and `other` with `calm`: 50,000 samples each, their bytes as they are in memory. */
async function makeRecording(): Promise<string> {
  const directory = join(temporaryDirectory(), 'flight')
  await using db = await open(directory, {
    gc: false,
    channels: {
      time: channel.index(),
      ramp: channel.float64({ index: 'time' }),
      fall: channel.float64({ index: 'time' }),
      other: channel.index(),
      calm: channel.float64({ index: 'other' }),
    },
  })
  const rows = Array.from({ length: ROWS }, (_, row) => row)
  for (const [index, ...names] of [
    ['time', 'ramp', 'fall'],
    ['other', 'calm'],
  ] as const) {
    await using writer = await db.openWriter([index, ...names])
    const values = {
      ramp: rows.map((row) => row + 0.5),
      fall: rows.map((row) => 7 - row),
      calm: rows.map((row) => row / 7),
    }
    await writer.write({
      [index]: rows.map(timeOf),
      ...Object.fromEntries(names.map((name) => [name, values[name]])),
    })
  }
  return directory
}

/** Flips a bit of the sample with these bytes. @returns the file */
function damage(directory: string, sample: Float64Array | BigInt64Array): string {
  for (const name of readdirSync(join(directory, 'segments'))) {
    const file = join(directory, 'segments', name)
    const bytes = readFileSync(file)
    const at = bytes.indexOf(Buffer.from(sample.buffer))
    if (at < 0) continue
    bytes[at]! ^= 1
    writeFileSync(file, bytes)
    return file
  }
  throw new Error('no segment holds the sample')
}

describe('info of a database with a damaged block', () => {
  it('tells the figures of all other channels, names the damaged one, and exits with 1', async () => {
    const directory = await makeRecording()
    const file = damage(directory, Float64Array.of(25_000.5))
    const { code, output, notes } = await run(['info', directory, '*'])
    expect(code).toBe(1)
    expect(output).toMatch(/^ {2}samples {3}250,000$/m)
    expect(output.match(/^ {2}interval {2}10 ms, typically$/gm)).toHaveLength(2)
    expect(output).toMatch(/^ramp +float64 +50,000 +1 +\d+ KiB +damaged *$/m)
    expect(output).toMatch(/^fall +float64 +50,000 +1 +\d+ KiB +-49,992 +-24,992 +7 +0$/m)
    expect(output).toMatch(/^calm +float64 .* 7,143 +0$/m)
    const lines = notes.split('\n')
    expect(lines[0]).toMatch(/^rubidium: channel "ramp" is damaged: Corruption in /)
    expect(lines[0]).toContain(file)
    expect(lines[1]).toContain(`\`rubidium verify ${directory}\``)
    expect(lines).toHaveLength(2)
  })

  it('is no failure where the damaged channel is not read', async () => {
    const directory = await makeRecording()
    damage(directory, Float64Array.of(25_000.5))
    const { code, notes } = await run(['info', directory, 'fall', 'calm'])
    expect([code, notes]).toEqual([0, ''])
  })

  it('tells of a group whose times are damaged all but its intervals', async () => {
    const directory = await makeRecording()
    // The samples of `time` come first, before those of `other`.
    const file = damage(directory, BigInt64Array.of(timeOf(25_000)))
    const { code, output, notes } = await run(['info', directory])
    expect(code).toBe(1)
    expect(output).toMatch(/^Group time\n {2}channels {2}ramp, fall\n {2}samples {3}50,000 in 1 stretch$/m)
    expect(output.match(/^ {2}interval .*/gm)).toEqual([
      '  interval  unknown: times are damaged',
      '  interval  10 ms, typically',
    ])
    expect(notes).toContain('channel "time" is damaged: ')
    expect(notes).toContain(file)
  })

  it('says so in JSON', async () => {
    const directory = await makeRecording()
    const file = damage(directory, Float64Array.of(25_000.5))
    damage(directory, BigInt64Array.of(timeOf(25_000)))
    const { code, output } = await run(['info', directory, 'ramp', 'calm', '--json'])
    expect(code).toBe(1)
    const report = JSON.parse(output) as { groups: object[]; values: object[] }
    expect(report.groups[0]).toMatchObject({
      index: 'time',
      damage: { file, what: expect.stringContaining('checksum') as string },
    })
    expect(report.groups[0]).not.toHaveProperty('typicalInterval')
    expect(report.groups[1]).not.toHaveProperty('damage')
    expect(report.values[0]).toMatchObject({ name: 'ramp', samples: ROWS, damage: { file } })
    expect(report.values[0]).not.toHaveProperty('nans')
    expect(report.values[1]).toMatchObject({ name: 'calm', min: 0 })
  })
})

describe('plot of a database with a damaged block', () => {
  it('draws all but the damaged samples, names their channel, and exits with 1', async () => {
    const directory = await makeRecording()
    const words = ['plot', directory, 'ramp', 'fall', 'calm', '--width', '100']
    const whole = await run(words)
    const file = damage(directory, Float64Array.of(25_000.5))
    const { code, output, notes } = await run(words)
    expect(code).toBe(1)
    // A block is a column of the text at most: its neighbours are joined over it.
    expect(output.split('\n')[0]).toMatch(/^ramp +1 to 50,000, damaged in part$/)
    const panel = (text: string, name: string): string => text.slice(text.indexOf(`\n${name} `))
    expect(panel(output, 'fall')).toBe(panel(whole.output, 'fall'))
    const lines = notes.split('\n')
    expect(lines[0]).toMatch(/^rubidium: channel "ramp" is damaged, and drawn without .*: Corruption in /)
    expect(lines[0]).toContain(file)
    expect(lines[1]).toContain(`\`rubidium verify ${directory}\``)
    expect(lines).toHaveLength(2)
  })

  it('draws the channels of other groups where times are damaged, and the rest of its own', async () => {
    const directory = await makeRecording()
    damage(directory, BigInt64Array.of(timeOf(25_000)))
    const { code, output, notes } = await run(['plot', directory, 'ramp', 'fall', 'calm', '--width', '100'])
    expect(code).toBe(1)
    expect(output).toMatch(/^ramp +1 to 50,000, damaged in part$/m)
    expect(output).toMatch(/^fall +-49,992 to 7, damaged in part$/m)
    expect(output).toMatch(/^calm +0 to 7,143$/m)
    expect(notes).toContain('channel "ramp" is damaged')
    expect(notes).toContain('channel "fall" is damaged')
    expect(notes).not.toContain('calm')
  })

  it('writes the picture too', async () => {
    const directory = await makeRecording()
    damage(directory, Float64Array.of(25_000.5))
    const out = join(temporaryDirectory(), 'plot.svg')
    const { code, notes } = await run(['plot', directory, 'ramp', '--out', out])
    expect(code).toBe(1)
    expect(notes).toMatch(/^Wrote /m)
    expect(notes).toContain('channel "ramp" is damaged')
    expect(readFileSync(out, 'utf8').endsWith('</svg>\n')).toBe(true)
  })

  it('draws where a range ends inside the damaged block', async () => {
    const directory = await makeRecording()
    damage(directory, BigInt64Array.of(timeOf(25_000)))
    for (const edge of [
      ['--to', String(timeOf(25_100))],
      ['--from', String(timeOf(24_950))],
    ]) {
      const { code, output } = await run(['plot', directory, 'ramp', ...edge])
      expect(code).toBe(1)
      expect(output).toMatch(/[\u2801-\u28ff]/)
    }
  })

  it('says that nothing can be drawn where all samples of the range are damaged', async () => {
    const directory = await makeRecording()
    damage(directory, Float64Array.of(25_000.5))
    const range = ['--from', String(timeOf(24_999)), '--to', String(timeOf(25_002))]
    const { code, notes } = await run(['plot', directory, 'ramp', ...range])
    expect(code).toBe(1)
    expect(notes).toContain('channel "ramp" is damaged')
  })
})

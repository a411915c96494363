// `rubidium plot`.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decode } from 'fast-png'
import { describe, expect, it } from 'vitest'
import { channel, open, seconds } from '../../../../src/index.ts'
import { makeRecording, run, runProcess, START } from '../../../support/run-command.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

/** A database with the values of `values` every 10 ms from 0 on. */
async function recordingOf(values: readonly number[]): Promise<string> {
  const directory = join(temporaryDirectory(), 'db')
  await using db = await open(directory, {
    channels: { time: channel.index(), value: channel.float64({ index: 'time', unit: 'V' }) },
  })
  await using writer = await db.openWriter(['time', 'value'])
  await writer.write({ time: values.map((_, i) => BigInt(i) * 10_000_000n), value: [...values] })
  return directory
}

const sine = (count: number): number[] => Array.from({ length: count }, (_, i) => Math.sin(i / 50))

describe('in the terminal', () => {
  it('draws a panel for each channel over one time axis, as wide as the terminal', async () => {
    const { code, output, notes } = await run(['plot', await makeRecording(), 'alt', 'lat'], { columns: 70 })
    expect([code, notes]).toEqual([0, ''])
    const lines = output.trimEnd().split('\n')
    expect(lines[0]).toMatch(/^alt \[m\] +0 to 99$/)
    expect(lines.some((line) => /^lat +52.5 to 54.5$/.test(line))).toBe(true)
    expect(lines.at(-1)).toMatch(/^ +2025-01-01 UTC$/)
    expect(lines.filter((line) => line.includes('12:00:20'))).toHaveLength(1)
    expect(Math.max(...lines.map((line) => line.length))).toBe(70)
    expect(output).toMatch(/[\u2801-\u28ff]/)
    expect(output).not.toContain('\u001b')
  })

  it('shows a spike that is one sample of many', async () => {
    const values = sine(60_000)
    values[31_234] = 500
    const { output } = await run([
      'plot',
      await recordingOf(values),
      'value',
      '--height',
      '8',
      '--width',
      '60',
    ])
    expect(output.split('\n')[0]).toMatch(/-1 to 500$/)
    expect(output.split('\n')[1]).toMatch(/│ +[⡇⢸]$/)
  })

  it('takes a range, a size, a title and colours', async () => {
    const words = [
      'plot',
      await recordingOf(sine(1000)),
      'value',
      '--last',
      '2s',
      '--height',
      '3',
      '--title',
      'Two',
    ]
    const { output } = await run(words, { columns: 50, colours: true, isInteractive: true })
    expect(output.startsWith('\u001b[1mTwo\u001b[22m\n\n')).toBe(true)
    expect(output.split('\n')).toHaveLength(9)
    expect(output).toContain('00:00:09')
    expect(output).not.toContain('00:00:07')
  })

  it('draws a channel with one sample, and one that has none in the range', async () => {
    const one = await run(['plot', await recordingOf([5]), 'value'])
    expect([one.code, /[\u2801-\u28ff]/.test(one.output)]).toEqual([0, true])
    const range = ['--from', String(START), '--to', String(START + seconds(1))]
    const some = await run(['plot', await makeRecording(), 'alt', 'stamp', ...range])
    expect(some.code).toBe(0)
    const none = await run([
      'plot',
      await makeRecording(),
      'lat',
      'alt',
      '--from',
      String(START + seconds(29)),
    ])
    expect(none.output).toMatch(/lat +no samples/)
  })

  it('draws what is infinite or beyond the axis at its edge, and says so', async () => {
    const { output, notes } = await run([
      'plot',
      await recordingOf([1, 2, Infinity, 3, 4]),
      'value',
      '--max',
      '3',
    ])
    expect(output).toMatch(/^value \[V\] +1 to 4\n/)
    expect(notes).toBe('value: 1 infinite sample drawn at the edge')
  })

  it('says what a logarithmic axis leaves out', async () => {
    const { code, output, notes } = await run([
      'plot',
      await recordingOf([1, 10, 0, -5, 1000]),
      'value',
      '--log',
    ])
    expect([code, notes]).toEqual([0, 'value: left out 2 samples that no logarithmic axis shows'])
    expect(output).toContain('1,000 ┤')
  })

  it('ends quietly when nobody reads, and leaves no escape codes in a pipe', async () => {
    const directory = await makeRecording()
    expect((await run(['plot', directory, 'alt'], { closesAfter: 0 })).code).toBe(0)
    const { code, output, notes } = await runProcess(['plot', directory, 'alt'])
    expect([code, notes]).toEqual([0, ''])
    expect(output).not.toContain('\u001b')
    expect(Math.max(...output.split('\n').map((line) => line.length))).toBe(80)
  })

  it('stops where a person interrupts', async () => {
    const directory = await recordingOf(sine(1000))
    const { main } = await import('../../../../src/cli/main.ts')
    const { fakeTerminal } = await import('../../../support/fake-terminal.ts')
    const terminal = fakeTerminal()
    terminal.interrupt()
    expect(await main(['plot', directory, 'value'], terminal)).toBe(130)
    expect([terminal.output, terminal.notes]).toEqual(['', ['rubidium: interrupted']])
  })
})

describe('into a file', () => {
  it('writes an SVG, replaces it, and says what it wrote', async () => {
    const file = join(temporaryDirectory(), 'plot.svg')
    writeFileSync(file, 'x'.repeat(1_000_000))
    const { code, output, notes } = await run([
      'plot',
      await makeRecording(),
      'alt',
      '--out',
      file,
      '--title',
      'A < B',
    ])
    expect([code, output]).toEqual([0, ''])
    expect(notes).toMatch(/^Wrote .*plot\.svg \(1000 x \d+ pixels, [\d.]+ KiB\)$/)
    const svg = readFileSync(file, 'utf8')
    expect(svg).toMatch(/^<svg [^>]*viewBox="0 0 1000 /)
    expect(svg).toContain('A &lt; B')
    expect(svg.endsWith('</svg>\n')).toBe(true)
  })

  it('writes a PNG of the size that was asked for', async () => {
    const file = join(temporaryDirectory(), 'plot.PNG')
    const size = ['--width', '300', '--height', '120', '--scale', '1.5', '--theme', 'dark']
    const { code, notes } = await run(['plot', await makeRecording(), 'alt', 'n', '-o', file, ...size])
    const picture = decode(readFileSync(file))
    expect([code, picture.width, picture.data[0]]).toEqual([0, 450, 0x0d])
    expect(picture.height).toBeGreaterThan(360)
    expect(notes).toContain(`(${picture.width} x ${picture.height} pixels`)
  })

  it('fails in one line where the file cannot be written', async () => {
    const file = join(temporaryDirectory(), 'missing', 'plot.svg')
    const { code, notes } = await run(['plot', await makeRecording(), 'alt', '--out', file])
    expect([code, notes.split('\n').length]).toEqual([1, 1])
    expect(notes).toMatch(/^rubidium: ENOENT/)
  })
})

describe('refuses', () => {
  it.each([
    [['alt', '--out', 'plot.gif'], /"plot.gif" must end in .svg or .png/],
    [['alt', '--out', '-'], /"-" must end in/],
    [['time'], /"time" holds the times of other channels/],
    [['nothing'], /no channel matches "nothing"/],
    [['alt', '--min', '3', '--max', '3'], /--min must be less than --max/],
    [['alt', '--log', '--min', '0'], /must be positive on a logarithmic axis/],
    [['alt', '--width', 'wide'], /whole number from 1 to 20,000/],
    [['alt', '--min', ''], /It must be a number/],
    [['alt', '--scale', '9', '--out', 'x.png'], /from 1 to 4/],
    [['alt', '--scale', '2'], /--scale is for PNG/],
    [['alt', '--theme', 'dark'], /--theme is for pictures/],
    [['alt', '--theme', 'pink'], /light, dark/],
    [['alt', '--out', 'x.svg', '--width', '20'], /at least 200 pixels wide/],
    [['alt', '--out', 'x.png', '--width', '20000', '--height', '20000'], /too large a picture/],
    [['alt', '--from', '2030-01-01'], /no samples in that range: they lie from 2025-01-01T12:00:00Z to 2025/],
    [[], /missing required argument/],
  ])('%j', async (words, message) => {
    const { code, output, notes } = await run(['plot', await makeRecording(), ...words])
    expect([code, output]).toEqual([1, ''])
    expect(notes).toMatch(message)
    for (const file of ['plot.gif', 'x.png', 'x.svg']) expect(existsSync(file)).toBe(false)
  })

  it('more channels than a picture shows, and channels that are empty', async () => {
    const directory = join(temporaryDirectory(), 'db')
    const names = Array.from({ length: 9 }, (_, i) => `c${i}`)
    const db = await open(directory, {
      channels: {
        time: channel.index(),
        ...Object.fromEntries(names.map((name) => [name, channel.float32({ index: 'time' })])),
      },
    })
    await db.close()
    expect((await run(['plot', directory, 'c*'])).notes).toMatch(/9 channels match: pick at most 8/)
    expect((await run(['plot', directory, 'c1'])).notes).toMatch(/channel "c1" has no samples/)
    expect((await run(['plot', directory, 'c1', 'c2'])).notes).toMatch(/none of "c1", "c2" has/)
    expect((await run(['plot', directory, 't*'])).notes).toMatch(/only index channels match/)
  })
})

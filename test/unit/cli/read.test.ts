// `rubidium read`.

import { expect, it } from 'vitest'
import { channel, open, seconds } from '../../../src/index.ts'
import { makeRecording, run, START } from '../../support/run-command.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

it('prints all channels of all groups merged by time', async () => {
  const { code, output, notes } = await run(['read', await makeRecording(), '--limit', '3'])
  expect(output).toBe(
    [
      'time,alt,ok,n,"a,""b""",lat,stamp',
      '2025-01-01T12:00:00Z,0,true,9007199254740993,0,,',
      '2025-01-01T12:00:00.000000001Z,,,,,52.5,2025-01-01T12:00:00Z',
      '2025-01-01T12:00:00.01Z,1,false,9007199254740994,-1,,',
      '',
    ].join('\n'),
  )
  expect([code, notes]).toEqual([0, ''])
})

it('names the first column after the index channel of the only group', async () => {
  const { output } = await run(['read', await makeRecording(), 'stamp', 'lat', '--limit', '1'])
  expect(output).toBe('gps,stamp,lat\n2025-01-01T12:00:00.000000001Z,2025-01-01T12:00:00Z,52.5\n')
})

it('has a row for each time at which a named channel has a sample', async () => {
  const directory = await makeRecording()
  const around = ['--from', '2025-01-01T12:00:00.19', '--to', '2025-01-01T12:00:00.32']
  const data = await run(['read', directory, 'alt', ...around])
  expect(data.output.split('\n').slice(1, -1)).toEqual([
    '2025-01-01T12:00:00.19Z,19',
    '2025-01-01T12:00:00.3Z,30',
    '2025-01-01T12:00:00.31Z,31',
  ])
  const indexed = await run(['read', directory, 'time', 'alt', ...around])
  expect(indexed.output.split('\n')).toHaveLength(15)
  expect(indexed.output).toContain('2025-01-01T12:00:00.2Z,\n')
})

it('prints an index channel alone as its times', async () => {
  const { output } = await run(['read', await makeRecording(), 'gps', '--times', 'ns'])
  const times = [0, 1, 2].map((i) => String(START + seconds(i) + 1n))
  expect(output).toBe(['gps', ...times, ''].join('\n'))
})

it('takes patterns, and the newest samples', async () => {
  const { output } = await run(['read', await makeRecording(), 'a*', '--last', '20ms', '--no-header'])
  expect(output).toBe('2025-01-01T12:00:30.98Z,98,-98\n2025-01-01T12:00:30.99Z,99,-99\n')
})

it('prints NDJSON, with NaN as null', async () => {
  const directory = await makeRecording()
  const words = ['read', directory, 'alt', 'ok', '--from', String(START + 30_000_000n), '--limit', '2']
  const { output } = await run([...words, '--format', 'ndjson'])
  expect(
    output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    { time: '2025-01-01T12:00:00.03Z', alt: null, ok: false },
    { time: '2025-01-01T12:00:00.04Z', alt: 4, ok: true },
  ])
  expect((await run([...words, '--json'])).output).toBe(output)
})

it('prints the names alone where nothing lies in the range', async () => {
  const { code, output } = await run(['read', await makeRecording(), 'alt', '--from', '2030-01-01'])
  expect([code, output]).toEqual([0, 'time,alt\n'])
})

it('ends quietly where nobody reads any more', async () => {
  const { code, output, notes } = await run(['read', await makeRecording(), 'alt'], { closesAfter: 1 })
  expect([code, output, notes]).toEqual([0, 'time,alt\n', ''])
})

it('stops at an interruption behind a whole line', async () => {
  const directory = await makeLong()
  const { code, output, notes } = await run(['read', directory], {
    onWrite: (terminal) => {
      if (terminal.bytes.length > 100_000) terminal.interrupt()
    },
  })
  expect([code, notes]).toEqual([130, ''])
  expect(output.endsWith('\n')).toBe(true)
  expect(output.split('\n').length).toBeLessThan(20_000)
})

it('prints every row of a recording of several frames once, in order', async () => {
  const { output } = await run(['read', await makeLong(), '--times', 'ns', '--no-header'])
  const rows = output.trimEnd().split('\n')
  expect(rows).toHaveLength(120_000)
  expect(rows.every((row, i) => row === `${START + BigInt(i)},${i}`)).toBe(true)
})

it.each([
  [['--limit', '0'], '"0" is no count'],
  [['--from', 'soon'], '"soon" is no time'],
  [['--last', '5'], '"5" is no span'],
  [['--last', '5m', '--from', '2025-01-01'], '--from and --last'],
  [['--format', 'xml'], 'it may be csv, ndjson'],
  [['nothing'], 'no channel matches "nothing"'],
])('refuses %j with one line', async (words, message) => {
  const { code, output, notes } = await run(['read', await makeRecording(), ...words])
  expect([code, output]).toEqual([1, ''])
  expect(notes).toContain(`rubidium: `)
  expect(notes).toContain(message)
})

async function makeLong(): Promise<string> {
  const directory = `${temporaryDirectory()}/long`
  await using db = await open(directory, {
    channels: { t: channel.index(), v: channel.int32({ index: 't' }) },
  })
  await using writer = await db.openWriter(['t', 'v'])
  await writer.write({
    t: BigInt64Array.from({ length: 120_000 }, (_, i) => START + BigInt(i)),
    v: Int32Array.from({ length: 120_000 }, (_, i) => i),
  })
  return directory
}

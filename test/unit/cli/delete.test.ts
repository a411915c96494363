// `rubidium delete`.

import { expect, it } from 'vitest'
import { open } from '../../../src/index.ts'
import { makeRecording, run, START } from '../../support/run-command.ts'

async function countsIn(directory: string): Promise<Record<string, number>> {
  await using db = await open(directory, { readOnly: true })
  return db.count(db.channels.list().map(({ name }) => name))
}

const ALL = { time: 100, alt: 90, ok: 100, n: 100, 'a,"b"': 100, gps: 3, lat: 3, stamp: 3 }

it('says what it will remove, asks, and removes it', async () => {
  const directory = await makeRecording()
  const words = [
    'delete',
    directory,
    'alt',
    'ok',
    '--from',
    '2025-01-01T12:00:00.195',
    '--to',
    '2025-01-01T12:00:31',
  ]
  const { code, output, notes, terminal } = await run(words, { answers: [true] })
  expect(notes).toContain(
    [
      'CHANNEL  SAMPLES  FIRST                   LAST',
      'alt           70  2025-01-01T12:00:00.3Z  2025-01-01T12:00:30.99Z',
      'ok            80  2025-01-01T12:00:00.2Z  2025-01-01T12:00:30.99Z',
    ].join('\n'),
  )
  expect(terminal.questions).toEqual(['Remove 150 samples of 2 channels?'])
  expect(output).toBe('Removed 150 samples of 2 channels\n')
  expect(notes).toMatch(/`rubidium gc \S+` gives their bytes back to the disk \(about [\d.,]+ (Ki)?B\)$/)
  expect(code).toBe(0)
  expect(await countsIn(directory)).toEqual({ ...ALL, alt: 20, ok: 20 })
})

it('tells the last sample before the end of the range', async () => {
  const directory = await makeRecording()
  const { notes } = await run(['delete', directory, 'alt', '--to', '2025-01-01T12:00:00.25'], {
    answers: [false],
  })
  expect(notes).toMatch(/alt +20 +2025-01-01T12:00:00Z +2025-01-01T12:00:00.19Z/)
  expect(notes).toContain('nothing was removed')
})

it('removes nothing at a no, and lets nothing behind it run', async () => {
  const directory = await makeRecording()
  const { code, output, notes } = await run(['delete', directory, 'alt', '--all'], { answers: [false] })
  expect([code, output]).toEqual([1, ''])
  expect(notes).toContain('rubidium: nothing was removed')
  expect(await countsIn(directory)).toEqual(ALL)
})

it('refuses where nobody can be asked, and --yes is not given', async () => {
  const directory = await makeRecording()
  const { code, notes } = await run(['delete', directory, 'alt', '--all'])
  expect(code).toBe(1)
  expect(notes).toContain('give --yes')
  expect(await countsIn(directory)).toEqual(ALL)
})

it('does not ask with --yes', async () => {
  const directory = await makeRecording()
  const { code, terminal } = await run(['delete', directory, 'lat', 'stamp', '--all', '--yes'])
  expect([code, terminal.questions]).toEqual([0, []])
  expect(await countsIn(directory)).toEqual({ ...ALL, lat: 0, stamp: 0 })
})

it('names the threshold that takes what a plain collection would leave', async () => {
  const directory = await makeRecording()
  await run(['gc', directory, '--threshold', '0'])
  const { notes } = await run(['delete', directory, 'lat', '--all', '--yes'])
  expect(notes).toMatch(/^`rubidium gc \S+ --threshold 0` gives their bytes back to the disk \(about /)
})

it('says that a reader keeps what is deleted', async () => {
  const directory = await makeRecording()
  await using reader = await open(directory, { readOnly: true })
  const { notes } = await run(['delete', directory, 'n', 'alt', '--all', '--yes'])
  expect(notes).toMatch(/, once no read-only process that `rubidium info \S+` names keeps them$/)
  expect((await reader.read('n')).count('n')).toBe(100)
})

it('counts --last back from the newest sample', async () => {
  const directory = await makeRecording()
  await run(['delete', directory, 'time', '--with-data', '--last', '100ms', '-y'])
  expect(await countsIn(directory)).toEqual({ ...ALL, time: 90, alt: 80, ok: 90, n: 90, 'a,"b"': 90 })
})

it('does not remove times from under samples, and says what to do', async () => {
  const directory = await makeRecording()
  const { code, notes } = await run(['delete', directory, 'gps', 'lat', '--all', '--yes'])
  expect(code).toBe(1)
  expect(notes).toBe(
    'rubidium: "stamp" would keep samples without their times: name the data channels too, or give --with-data',
  )
  expect(await countsIn(directory)).toEqual(ALL)
})

it('removes the data channels of an index channel along with --with-data', async () => {
  const directory = await makeRecording()
  const { code } = await run(['delete', directory, 'gps', '--with-data', '--all', '--yes'])
  expect(code).toBe(0)
  expect(await countsIn(directory)).toEqual({ ...ALL, gps: 0, lat: 0, stamp: 0 })
})

it('says so where there is nothing to remove', async () => {
  const directory = await makeRecording()
  const { code, output, notes } = await run(['delete', directory, 'alt', '--to', String(START)])
  expect([code, output]).toEqual([0, ''])
  expect(notes).toContain('nothing to remove')
})

it('prints what was removed as JSON', async () => {
  const directory = await makeRecording()
  const { output } = await run(['delete', directory, 'lat', 'alt', '--all', '--yes', '--json'])
  const { samples, bytes } = JSON.parse(output) as { samples: Record<string, number>; bytes: number }
  expect(samples).toEqual({ lat: 3, alt: 90 })
  expect(bytes).toBeGreaterThan(90 * 8)
})

it.each([
  [['alt'], 'say what to remove'],
  [['alt', '--all', '--to', '2030-01-01'], '--all means all time'],
  [['--all'], 'channels'],
  [['altitude', '--all'], 'did you mean "alt"?'],
])('refuses %j and removes nothing', async (words, message) => {
  const directory = await makeRecording()
  const { code, notes } = await run(['delete', directory, ...words], { answers: [true] })
  expect(code).toBe(1)
  expect(notes).toContain(message)
  expect(await countsIn(directory)).toEqual(ALL)
})

it('names the process that writes', async () => {
  const directory = await makeRecording()
  await using writing = await open(directory)
  const { code, notes } = await run(['delete', writing.directory, 'alt', '--all', '--yes'])
  expect(code).toBe(1)
  expect(notes).toMatch(/^rubidium: .*process/)
  expect(notes).not.toContain('\n')
})

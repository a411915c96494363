// `rubidium ls`.

import { expect, it } from 'vitest'
import { open } from '../../../src/index.ts'
import { makeRecording, run } from '../../support/run-command.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

it('lists the channels with their samples and times', async () => {
  const { code, output, notes } = await run(['ls', await makeRecording(), 'time', 'al*', 'gps'])
  expect(output).toBe(
    [
      'CHANNEL  TYPE       UNIT  INDEX  SAMPLES  FIRST                           LAST',
      'time     timestamp                   100  2025-01-01T12:00:00Z            2025-01-01T12:00:30.99Z',
      'alt      float64    m     time        90  2025-01-01T12:00:00Z            2025-01-01T12:00:30.99Z',
      'gps      timestamp                     3  2025-01-01T12:00:00.000000001Z  2025-01-01T12:00:02.000000001Z',
      '',
    ].join('\n'),
  )
  expect([code, notes]).toEqual([0, ''])
})

it('counts the channels for a person', async () => {
  const { notes, output } = await run(['ls', await makeRecording()], { isInteractive: true, colours: true })
  expect(notes).toContain('8 channels')
  expect(output).toContain('\u001b[1mCHANNEL')
})

it('prints an array of objects', async () => {
  const { output } = await run(['ls', await makeRecording(), 'gps', 'alt', '--json'])
  expect(JSON.parse(output)).toEqual([
    {
      name: 'gps',
      kind: 'index',
      type: 'timestamp',
      samples: 3,
      first: '2025-01-01T12:00:00.000000001Z',
      last: '2025-01-01T12:00:02.000000001Z',
    },
    {
      name: 'alt',
      kind: 'data',
      type: 'float64',
      index: 'time',
      unit: 'm',
      samples: 90,
      first: '2025-01-01T12:00:00Z',
      last: '2025-01-01T12:00:30.99Z',
    },
  ])
})

it('tells of channels without samples, and of none at all', async () => {
  const directory = `${temporaryDirectory()}/empty`
  const db = await open(directory)
  await db.channels.create({ name: 't', kind: 'index' })
  expect((await run(['ls', directory])).output).toMatch(/^t +timestamp +0$/m)
  await db.channels.remove('t')
  await db.close()
  const { code, output, notes } = await run(['ls', directory])
  expect([code, output, notes]).toEqual([0, '', 'The database has no channels'])
  expect((await run(['ls', directory, '--json'])).output).toBe('[]\n')
})

it('says of another directory that it is no database', async () => {
  const { code, output, notes } = await run(['ls', temporaryDirectory()])
  expect([code, output]).toEqual([1, ''])
  expect(notes).toMatch(/^rubidium: ".*" is not a Rubidium database/)
})

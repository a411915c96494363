// `rubidium unlock`.

import { expect, it } from 'vitest'
import { LeaseLostError, open } from '../../../src/index.ts'
import { makeRecording, run } from '../../support/run-command.ts'

it('says who holds the database, asks, and takes it from there', async () => {
  const directory = await makeRecording()
  const holder = await open(directory)
  const { code, output, notes, terminal } = await run(['unlock', directory], { answers: [true] })
  const name = `process ${process.pid} on host "`
  expect(notes).toContain(`"${directory}" is open for writing in ${name}`)
  expect(terminal.questions).toEqual([`Take it from process ${process.pid}?`])
  expect(output).toContain(`Took "${directory}" from ${name}`)
  expect(code).toBe(0)
  await expect(holder.delete('alt', {})).rejects.toThrow(LeaseLostError)
  expect(await holder.count('alt')).toEqual({ alt: 90 })
  await holder.close().catch(() => {})
  await using next = await open(directory)
  expect(await next.count('alt')).toEqual({ alt: 90 })
})

it('leaves the holder alone unless it is told yes', async () => {
  const directory = await makeRecording()
  await using holder = await open(directory)
  const declined = await run(['unlock', directory], { answers: [false] })
  expect(declined).toMatchObject({ code: 0, output: '' })
  expect(declined.notes).toContain('It was left as it is')
  const unasked = await run(['unlock', directory])
  expect(unasked.code).toBe(1)
  expect(unasked.notes).toContain('nobody can be asked here: give --yes')
  await expect(holder.delete('alt', {})).resolves.toMatchObject({ samples: { alt: 90 } })
})

it('does not ask with --yes', async () => {
  const directory = await makeRecording()
  const holder = await open(directory)
  const { code, terminal } = await run(['unlock', directory, '--yes'])
  expect(code).toBe(0)
  expect(terminal.questions).toEqual([])
  await expect(holder.close()).rejects.toThrow(LeaseLostError)
  await (await open(directory)).close()
})

it('says so where nobody holds it, and asks nothing', async () => {
  const directory = await makeRecording()
  const { code, output, terminal } = await run(['unlock', directory])
  expect(output).toBe(`No process has "${directory}" open for writing\n`)
  expect(terminal.questions).toEqual([])
  expect(code).toBe(0)
})

it('makes no database where there is none', async () => {
  const { code, notes } = await run(['unlock', '/nowhere/at/all', '--yes'])
  expect(code).toBe(1)
  expect(notes).toContain('/nowhere/at/all')
})

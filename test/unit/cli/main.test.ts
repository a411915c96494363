// The command line as a whole: help, versions, mistakes, exit codes.

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createProgram } from '../../../src/cli/program.ts'
import { fakeTerminal } from '../../support/fake-terminal.ts'
import { makeRecording, run } from '../../support/run-command.ts'

const COMMANDS = createProgram(fakeTerminal(), { code: 0 })
  .commands.map((command) => command.name())
  .filter((name) => name !== 'complete')

it('has the commands of a person who looks after recordings', () => {
  expect(COMMANDS).toEqual([
    'import',
    'ls',
    'info',
    'read',
    'plot',
    'delete',
    'gc',
    'verify',
    'dump',
    'repair',
    'unlock',
    'completion',
  ])
})

describe('help', () => {
  it('lists every command with what it does', async () => {
    const { code, output, notes } = await run(['--help'])
    expect([code, notes]).toEqual([0, ''])
    for (const name of COMMANDS) expect(output).toMatch(new RegExp(`^  ${name} .*[a-z]`, 'm'))
  })

  it.each(COMMANDS)('of %s has an example', async (name) => {
    const { code, output } = await run([name, '--help'])
    expect(code).toBe(0)
    expect(output).toMatch(new RegExp(`Examples:\\n.*\\$ .*rubidium ${name} `))
    for (const line of output.split('\n')) expect(line.length).toBeLessThanOrEqual(112)
  })

  it('is shown where no command is named', async () => {
    const { code, output, notes } = await run([])
    expect([code, output]).toEqual([1, ''])
    expect(notes).toContain('Usage: rubidium')
  })
})

it('prints the version of the package', async () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  expect((await run(['--version'])).output).toBe(`${version}\n`)
})

describe('mistakes', () => {
  it.each([
    [['sl', 'x'], 'rubidium: unknown command "sl": did you mean ls? (see --help)'],
    [['ls'], 'rubidium: missing required argument "dir" (see --help)'],
    [['ls', 'x', '--jsn'], 'rubidium: unknown option "--jsn": did you mean --json? (see --help)'],
    [
      ['completion', 'tcsh'],
      'rubidium: "tcsh" is no shell: it may be bash, zsh, fish, powershell (see --help)',
    ],
    [
      ['read', 'x', '--format', 'xml'],
      'rubidium: "xml" is no value of --format: it may be csv, ndjson (see --help)',
    ],
    [
      ['plot', 'x', 'y', '--width', 'wide'],
      'rubidium: "wide" is no value of --width. It must be a whole number from 1 to 20,000. (see --help)',
    ],
    [['plot', 'x', 'y', '-o'], /^rubidium: option '-o, --out <file>' argument missing \(see --help\)$/],
    [['gc', 'x', 'y'], /^rubidium: too many arguments.* \(see --help\)$/],
    [['ls', '/nonexistent/x'], /^rubidium: "\/nonexistent\/x" is not a Rubidium database: [^\n]+$/],
    [['ls', ''], /^rubidium: The directory must be a path$/],
  ])('%j are one line and exit code 1', async (words, message) => {
    const { code, output, notes } = await run(words)
    expect([code, output]).toEqual([1, ''])
    if (typeof message === 'string') expect(notes).toBe(message)
    else expect(notes).toMatch(message)
  })

  it('come with nothing that a terminal would obey', async () => {
    const { notes } = await run(['ls', await makeRecording(), '\u001b[2J'])
    expect(notes).not.toContain('\u001b')
  })
})

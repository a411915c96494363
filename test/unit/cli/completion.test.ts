// Completion: what could stand where the cursor is, how the shells are told, and bash doing it.

import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command, Option } from 'commander'
import { describe, expect, it } from 'vitest'
import { completeWords } from '../../../src/cli/complete-words.ts'
import type { Completion } from '../../../src/cli/complete-words.ts'
import { completionScript, SHELLS } from '../../../src/cli/completion-script.ts'
import { open } from '../../../src/index.ts'
import { makeRecording, run } from '../../support/run-command.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

describe('the words that could follow', () => {
  const program = new Command('p').helpCommand(false)
  program
    .command('read')
    .summary('prints')
    .argument('<dir>')
    .argument('[channels...]')
    .option('-n, --limit <count>')
    .option('--json')
    .option('-o, --out <file>')
    .addOption(new Option('--format <format>').choices(['csv', 'ndjson']))
  program.command('import').argument('<dir>').argument('<recordings...>')
  program.command('gone', { hidden: true })

  const channelsOf = (directory: string): Promise<{ value: string; description: string }[]> =>
    Promise.resolve([directory, 'alt', 'lat'].map((value) => ({ value, description: 'float64' })))

  async function valuesOf(line: string): Promise<string[] | Completion['kind']> {
    const completion = await completeWords(program, line.split(' '), channelsOf)
    return completion.kind === 'words' ? completion.candidates.map(({ value }) => value) : completion.kind
  }

  it.each([
    ['', ['read', 'import']],
    ['r', ['read']],
    ['x', []],
    ['x ', []],
    ['-', ['--help']],
    ['read ', 'directories'],
    ['import ', 'directories'],
    ['import d ', 'files'],
    ['import d f ', 'files'],
    ['read d ', ['d', 'alt', 'lat']],
    ['read d a', ['alt']],
    ['read d alt ', ['d', 'lat']],
    ['read --limit 5 d l', ['lat']],
    ['read -n 5 d l', ['lat']],
    ['read --limit=5 d l', ['lat']],
    ['read --json d l', ['lat']],
    ['read d --l', ['--limit']],
    ['read d --format ', ['csv', 'ndjson']],
    ['read d --format n', ['ndjson']],
    ['read d --format=c', ['csv']],
    ['read d --limit ', []],
    ['read d --out ', 'files'],
    ['read d --nothing=', []],
    ['read -- d l', ['lat']],
    ['read -- d --l', []],
  ])('after "%s" are %j', async (line, expected) => {
    expect(await valuesOf(line)).toEqual(expected)
  })
})

describe('rubidium complete', () => {
  it('prints values with what they mean, and a directive', async () => {
    const directory = await makeRecording()
    const { code, output } = await run(['complete', '--', 'read', directory, 'l'])
    expect([code, output]).toEqual([0, 'lat\tfloat32\n:36\n'])
    expect((await run(['complete', '--', 'ls', ''])).output).toBe(':16\n')
    expect((await run(['complete', '--', ''])).output).toMatch(/^ls\tlist the channels$/m)
    expect((await run(['complete', '--', 'read', directory, '--form'])).output).toMatch(/^--format\t/)
  })

  it('knows the choices of every option that has some', async () => {
    expect((await run(['complete', '--', 'read', '--times', ''])).output).toBe('iso\t\nns\t\n:36\n')
    const types = await run(['complete', '--', 'import', 'd', 'f', '--type', 'speed=float'])
    expect(types.output).toBe('speed=float64\t\nspeed=float32\t\n:36\n')
    expect((await run(['complete', '--', 'import', 'd', 'f', '--time-format', 'm'])).output).toBe(
      'ms\t\n:36\n',
    )
    expect((await run(['complete', '--', 'import', 'd', 'f', '--on-conflict', ''])).output).toMatch(
      /^\w+\t\n/,
    )
    expect((await run(['complete', '--', 'completion', ''])).output).toMatch(/^bash\t\nzsh\t\n/)
  })

  it('is silent where there is no database', async () => {
    const { code, output, notes } = await run(['complete', '--', 'ls', temporaryDirectory(), ''])
    expect([code, output, notes]).toEqual([0, ':36\n', ''])
  })

  it('offers no name that a shell would run or cut', async () => {
    const directory = `${temporaryDirectory()}/odd`
    const db = await open(directory)
    for (const name of [
      '$(touch x)',
      '`id`',
      'two words',
      'a;b',
      "it's",
      '-x',
      'tab\tbed',
      'engine.rpm',
      'höhe',
    ])
      await db.channels.create({ name, kind: 'index' })
    await db.close()
    const { output } = await run(['complete', '--', 'ls', directory, ''])
    expect(output).toBe('engine.rpm\tindex\nhöhe\tindex\n:36\n')
  })

  it('is in no help', async () => {
    const { output } = await run(['--help'])
    expect(output).toContain('completion')
    expect(output).not.toMatch(/^ +complete /m)
  })
})

describe('the script', () => {
  it.each(SHELLS)('for %s asks rubidium complete', async (shell) => {
    const { code, output } = await run(['completion', shell])
    expect(code).toBe(0)
    expect(output).toMatch(/rubidium complete -- |rubidium' complete '--'|complete/)
    expect(output).toBe(completionScript(shell))
  })

  it('is for shells that it knows', async () => {
    const { code, notes } = await run(['completion', 'csh'])
    expect(code).toBe(1)
    expect(notes).toContain('it may be bash, zsh, fish, powershell')
  })

  it('completes in bash, sourced twice and without the package bash-completion', async () => {
    const directory = await makeRecording()
    const bin = join(temporaryDirectory(), 'bin')
    mkdirSync(bin)
    const command = join(bin, 'rubidium')
    const source = new URL('../../../src/cli/rubidium.ts', import.meta.url).pathname
    const loader = import.meta.resolve('tsx')
    writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' --import '${loader}' '${source}' "$@"\n`)
    chmodSync(command, 0o755)
    const script = `
      compopt() { options="$options $*"; }
      source <(rubidium completion bash) && source <(rubidium completion bash)
      complete -p rubidium
      try() {
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); options=
        __rubidium_complete
        echo "\${COMPREPLY[*]}:$options"
      }
      try rubidium re
      try rubidium ls "$1" l
      try rubidium ls "\${1%/flight}/f"
      try rubidium read "$1" --format c`
    const output = execFileSync('bash', ['--norc', '-c', script, 'bash', directory], {
      env: { ...process.env, PATH: `${bin}:${process.env['PATH']}` },
      encoding: 'utf8',
    })
    expect(output.split('\n')).toEqual([
      'complete -o default -F __rubidium_complete rubidium',
      'read repair: -o nosort +o default',
      'lat: -o nosort +o default',
      `${directory}: -o filenames`,
      'csv: -o nosort +o default',
      '',
    ])
  })
})

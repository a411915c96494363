// The README keeps its word: the two commands stand at its beginning, and the example under "Use" runs as
// it is printed, against the sources, and prints what its comments (`// -> value`) say.

import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { ROOT } from './source-file.ts'

const COMMANDS: readonly string[] = ['npm ci && npm run demo', 'npm ci && npm test']

const scratch = mkdtempSync(join(tmpdir(), 'rubidium-readme-'))
// Inside the project, so that the example finds what the sources find; `.mts`, because no package.json
// below node_modules says that it is a module.
const cache = join(ROOT, 'node_modules', '.cache')
mkdirSync(cache, { recursive: true })
const examples = mkdtempSync(join(cache, 'rubidium-readme-'))

afterAll(() => {
  rmSync(scratch, { recursive: true })
  rmSync(examples, { recursive: true })
})

describe('the README', () => {
  const readReadme = (): string => readFileSync(join(ROOT, 'README.md'), 'utf8')

  it.each(COMMANDS)('shows "%s" within its first 40 lines', (command) => {
    expect(readReadme().split('\n').slice(0, 40).join('\n')).toContain(command)
  })

  it('has an example under "Use" that runs and prints what it says', async () => {
    const example = exampleOf(readReadme())
    expect(example).toBeDefined()
    const { code, output, errors } = await run(example ?? '', join(ROOT, 'src', 'index.ts'))
    expect({ code, errors: code === 0 ? '' : errors }).toEqual({ code: 0, errors: '' })
    const printed = oneLine(output)
    expect(printed).toBe(promisedBy(example ?? '') || printed)
  })
})

describe('the checks on the README', () => {
  const readme = [
    '# Title',
    '```ts',
    'not this one',
    '```',
    '## Use',
    '```sh',
    'npm ci',
    '```',
    '```ts',
    "import { answer } from 'rubidium'",
    '',
    'console.log(answer) // -> 42',
    'console.log([answer]) // -> [ 42 ]',
    '```',
    '## Words',
    '```ts',
    'nor this one',
    '```',
  ].join('\n')
  const library = join(scratch, 'library.mjs')
  writeFileSync(library, 'export const answer = 42')

  it('take the first example after the heading "Use"', () => {
    expect(exampleOf(readme)?.split('\n')[0]).toBe("import { answer } from 'rubidium'")
    expect(exampleOf(readme)).not.toContain('not this one')
    expect(exampleOf('## User stories\n```ts\nuse()\n```')).toBeUndefined()
    expect(exampleOf('## Use\nNothing.\n## Words\n```ts\nuse()\n```')).toBeUndefined()
  })

  it('compare what the example prints with what its comments say', async () => {
    const example = exampleOf(readme) ?? ''
    expect(promisedBy(example)).toBe('42 [ 42 ]')
    const { code, output } = await run(example, library)
    expect(code).toBe(0)
    expect(oneLine(output)).toBe('42 [ 42 ]')
  })

  it('see an example that fails', async () => {
    const { code, errors } = await run("throw new Error('broken example')", library)
    expect(code).toBe(1)
    expect(errors).toContain('broken example')
  })
})

/** The first TypeScript block between the heading "Use" and the next heading of any level above it. */
function exampleOf(readme: string): string | undefined {
  const section = /^##? Use$([\s\S]*?)(?=^##? (?!Use$)|$(?![\s\S]))/m.exec(readme)?.[1]
  return section === undefined ? undefined : /^```ts\n([\s\S]*?)^```$/m.exec(section)?.[1]
}

/** What the comments of an example say that it prints, in order, as one line; '' where they say nothing. */
function promisedBy(example: string): string {
  return oneLine([...example.matchAll(/\/\/ -> (.*)$/gm)].map((match) => match[1]).join('\n'))
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ')
}

/** Runs an example in a folder of its own, with `library` in the place of the package. */
async function run(
  example: string,
  library: string,
): Promise<{ code: number; output: string; errors: string }> {
  const file = join(mkdtempSync(join(examples, 'example-')), 'example.mts')
  writeFileSync(file, example.replaceAll(/(['"])rubidium\1/g, JSON.stringify(pathToFileURL(library).href)))
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
  const cwd = mkdtempSync(join(scratch, 'folder-'))
  return new Promise((resolve) => {
    const options = { cwd, timeout: 25_000 }
    execFile(process.execPath, ['--import', loader, file], options, (error, output, errors) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), output, errors })
    })
  })
}

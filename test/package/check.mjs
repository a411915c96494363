// What the users get: packs the package, installs the tarball into a fresh project, runs and type-checks a
// small consumer there, and lets publint and are-the-types-wrong look at it. Not a vitest test, because it
// builds first (`prepack`). Run by `npm run pack:check`; exits with 1 at the first thing that is wrong.

import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = resolve(here, '..', '..')
const scratch = mkdtempSync(join(tmpdir(), 'rubidium-package-'))
const consumer = join(scratch, 'consumer')

const WANTED = [
  'package.json',
  'README.md',
  'LICENSE',
  'CHANGELOG.md',
  'dist/index.js',
  'dist/index.d.ts',
  'src/index.ts',
]
const ALLOWED = /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|dist\/.+\.(js|d\.ts)(\.map)?|src\/.+\.ts)$/

try {
  const tarball = pack()
  install(tarball)
  run('the consumer runs, with import', process.execPath, ['consumer.mjs', join(scratch, 'data-import')])
  run('the consumer runs, with require', process.execPath, ['consumer.cjs', join(scratch, 'data-require')])
  run('the consumer compiles', process.execPath, [tool('typescript', 'tsc'), '-p', '.'])
  run('publint', process.execPath, [tool('publint', 'publint'), tarball, '--strict'])
  run('are the types wrong', process.execPath, [
    tool('@arethetypeswrong/cli', 'attw'),
    tarball,
    '--profile',
    'esm-only',
  ])
  process.stdout.write('The package is as it should be.\n')
} catch (error) {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
} finally {
  rmSync(scratch, { recursive: true })
}

/** Packs the project; returns the tarball's path. Nothing that belongs to it is missing, nothing else is in it. */
function pack() {
  const output = npm(['pack', '--json', '--pack-destination', scratch], root)
  // What `prepack` prints comes before the JSON; some versions of npm give an object by package name.
  const parsed = JSON.parse(output.slice(output.search(/^[[{]/m)))
  const [{ filename, files }] = Object.values(parsed)
  const paths = files.map(({ path }) => path)
  const missing = WANTED.filter((path) => !paths.includes(path))
  const stray = paths.filter((path) => !ALLOWED.test(path))
  if (missing.length > 0) throw new Error(`Not in the package: ${missing.join(', ')}`)
  if (stray.length > 0) throw new Error(`Does not belong into the package: ${stray.join(', ')}`)
  return join(scratch, filename)
}

function install(tarball) {
  mkdirSync(consumer)
  cpSync(join(here, 'consumer'), consumer, { recursive: true })
  // Stored as text, because the project's own compiler cannot see the package that it is.
  renameSync(join(consumer, 'consumer.ts.txt'), join(consumer, 'consumer.ts'))
  const manifest = { name: 'consumer', private: true, type: 'module' }
  writeFileSync(join(consumer, 'package.json'), JSON.stringify(manifest))
  npm(['install', '--no-audit', '--no-fund', '--prefer-offline', tarball], consumer)
  const types = join(root, 'node_modules', '@types')
  const compilerOptions = {
    target: 'es2023',
    lib: ['es2023', 'esnext.disposable'],
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
    typeRoots: [types],
    types: ['node'],
  }
  writeFileSync(
    join(consumer, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, include: ['consumer.ts'] }),
  )
}

function npm(parameters, cwd) {
  const { npm_execpath: npmScript } = process.env
  const command = npmScript === undefined ? ['npm'] : [process.execPath, npmScript]
  return capture(`npm ${parameters[0]}`, command[0], [...command.slice(1), ...parameters], cwd)
}

function run(what, command, parameters) {
  capture(what, command, parameters, consumer)
  process.stdout.write(`ok: ${what}\n`)
}

function capture(what, command, parameters, cwd) {
  try {
    return execFileSync(command, parameters, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (error) {
    throw new Error(`Failed: ${what}\n${error.stdout ?? ''}${error.stderr ?? ''}`, { cause: error })
  }
}

/** The script behind a command of a development dependency. */
function tool(name, command) {
  const folder = join(root, 'node_modules', name)
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return join(folder, typeof bin === 'string' ? bin : bin[command])
}

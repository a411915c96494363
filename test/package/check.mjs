// What the users get: packs the package, installs the tarball into a fresh project, runs and type-checks small
// consumers there under every Node that is supported, runs the command, and lets publint and are-the-types-wrong look
// at it. Not a vitest test, because it builds first (`prepack`). Run by `npm run pack:check`; exits with 1 at the first
// thing that is wrong. In CI a Node that cannot be had is a failure; elsewhere it is said and left out.

import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkModules, checkScripts, checkTarball } from './contents.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = resolve(here, '..', '..')
const scratch = mkdtempSync(join(tmpdir(), 'rubidium-package-'))
const consumer = join(scratch, 'consumer')
const installed = join(consumer, 'node_modules', 'rubidium')

/** Major versions that the package supports. */
const NODES = [20, 22, 24]

/** An installation takes under 2 s here; this bound only finds what builds or downloads more than it should. */
const INSTALL_LIMIT_MS = 10_000

/** Dependencies of the command alone: the library works without them. */
const OF_THE_COMMAND = ['@bomb.sh/tab', 'commander', 'csv-parse', 'fast-png']

const RESOLUTIONS = [
  { module: 'nodenext', moduleResolution: 'nodenext' },
  { module: 'esnext', moduleResolution: 'bundler' },
  { module: 'preserve', moduleResolution: 'bundler' },
]

try {
  const tarball = pack()
  install(tarball)
  const packages = checkScripts(consumer)
  ok(`the package needs no install script, nor do the ${packages - 1} below it`)
  checkModules(installed)
  ok('the published modules are all that is needed, and all needed')
  for (const resolution of RESOLUTIONS) compile(resolution)
  const nodes = NODES.flatMap((major) => nodeOf(major) ?? [])
  const { version } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
  for (const node of nodes)
    runCommand(node.path, [join(installed, 'dist/cli/rubidium.js')], version, node.name)
  runCommand(join(consumer, 'node_modules', '.bin', 'rubidium'), [], version, 'itself')
  // Whatever the library loaded of these would be missing now.
  for (const name of OF_THE_COMMAND) rmSync(join(consumer, 'node_modules', name), { recursive: true })
  for (const node of nodes) {
    const data = join(scratch, `data-${node.name}`)
    run(`the consumer runs with import, ${node.name}`, node.path, ['consumer.mjs', `${data}-import`])
    run(`the consumer runs with require, ${node.name}`, node.path, ['consumer.cjs', `${data}-require`])
  }
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

/** Packs the project; returns the tarball's path. */
function pack() {
  const output = npm(['pack', '--json', '--pack-destination', scratch], root)
  // What `prepack` prints comes before the JSON; some versions of npm give an object by package name.
  const parsed = JSON.parse(output.slice(output.search(/^[[{]/m)))
  const [report] = Object.values(parsed)
  checkTarball(report)
  ok(
    `the tarball has ${report.size} bytes, ${report.files.length} files and ${report.unpackedSize} bytes unpacked`,
  )
  return join(scratch, report.filename)
}

function install(tarball) {
  mkdirSync(consumer)
  cpSync(join(here, 'consumer'), consumer, { recursive: true })
  // Stored as text, because the project's own compiler cannot see the package that it is.
  for (const name of ['consumer.ts', 'library.ts']) {
    renameSync(join(consumer, `${name}.txt`), join(consumer, name))
  }
  const manifest = { name: 'consumer', private: true, type: 'module' }
  writeFileSync(join(consumer, 'package.json'), JSON.stringify(manifest))
  const began = performance.now()
  npm(['install', '--no-audit', '--no-fund', '--prefer-offline', tarball], consumer)
  const took = Math.round(performance.now() - began)
  if (took > INSTALL_LIMIT_MS) throw new Error(`The installation took ${took} ms`)
  ok(`the installation took ${took} ms`)
}

/** Type-checks the consumers, and emits the declarations of the library among them. */
function compile(resolution) {
  const compilerOptions = {
    target: 'es2023',
    lib: ['es2023', 'esnext.disposable'],
    ...resolution,
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    declaration: true,
    emitDeclarationOnly: true,
    outDir: 'declarations',
    typeRoots: [join(root, 'node_modules', '@types')],
    types: ['node'],
  }
  const tsconfig = JSON.stringify({ compilerOptions, include: ['consumer.ts', 'library.ts'] })
  writeFileSync(join(consumer, 'tsconfig.json'), tsconfig)
  const how = `module ${resolution.module}, resolution ${resolution.moduleResolution}`
  run(`the consumers compile, ${how}`, process.execPath, [tool('typescript', 'tsc'), '-p', '.'])
}

/** A Node of this major version: the one that runs this, or one from the registry. */
function nodeOf(major) {
  if (process.versions.node.startsWith(`${major}.`)) {
    return { name: `node ${process.versions.node}`, path: process.execPath }
  }
  try {
    const found = ['exec', '--yes', `--package=node@${major}`, '--', 'node', '-p']
    const [path, version] = JSON.parse(
      npm([...found, 'JSON.stringify([process.execPath, process.versions.node])'], scratch),
    )
    return { name: `node ${version}`, path }
  } catch (error) {
    if (process.env.CI !== undefined) throw error
    process.stdout.write(`LEFT OUT: node ${major} cannot be had\n${error.message}\n`)
    return undefined
  }
}

/** The command says its version and how it is used. */
function runCommand(command, parameters, version, how) {
  const said = capture(`rubidium --version, ${how}`, command, [...parameters, '--version'], consumer).trim()
  if (said !== version) throw new Error(`rubidium --version says ${said}, the package is ${version}`)
  const help = capture(`rubidium --help, ${how}`, command, [...parameters, '--help'], consumer)
  if (!/^usage: rubidium/im.test(help)) throw new Error(`rubidium --help says no usage:\n${help}`)
  ok(`the command runs, ${how}`)
}

function npm(parameters, cwd) {
  const { npm_execpath: npmScript } = process.env
  const command = npmScript === undefined ? ['npm'] : [process.execPath, npmScript]
  return capture(`npm ${parameters[0]}`, command[0], [...command.slice(1), ...parameters], cwd)
}

function run(what, command, parameters) {
  capture(what, command, parameters, consumer)
  ok(what)
}

function ok(what) {
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

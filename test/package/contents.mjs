// What is in the tarball and what is not: the size, the files, and that the published modules need each other and
// nothing else. `files` in package.json leaves out by hand what only tests use (the simulated disk); these checks
// fail for a module that is missing as well as for one that nothing published reaches. Called by `check.mjs`.

import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative } from 'node:path'

/** Most bytes of the tarball. */
const SIZE_LIMIT = 400_000

const WANTED = [
  'package.json',
  'README.md',
  'LICENSE',
  'CHANGELOG.md',
  'dist/index.js',
  'dist/index.d.ts',
  'dist/cli/rubidium.js',
]
const ALLOWED = /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|dist\/.+\.(js|d\.ts))$/

/** What `from` and `import()` name. Sources import in these two forms only, and so does what is emitted for them. */
const IMPORTED = /^(?:import|export)\s[^'"`;]*\bfrom ['"]([^'"]+)['"]|\bimport\(['"]([^'"]+)['"]\)/gm
const COMMENT = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm

/** Scripts that npm runs when a package is installed. */
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall']

/** Looks at what `npm pack --json` says of the tarball. @throws Error */
export function checkTarball({ files, size }) {
  if (size > SIZE_LIMIT) throw new Error(`The tarball has ${size} bytes: the limit is ${SIZE_LIMIT}`)
  const paths = files.map(({ path }) => path)
  const missing = WANTED.filter((path) => !paths.includes(path))
  const stray = paths.filter((path) => !ALLOWED.test(path))
  if (missing.length > 0) throw new Error(`Not in the package: ${missing.join(', ')}`)
  if (stray.length > 0) throw new Error(`Does not belong into the package: ${stray.join(', ')}`)
}

/** Looks at the package as it was installed in `folder`. @throws Error */
export function checkModules(folder) {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const declared = new Set(
    Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies, node: true }),
  )
  const reached = reach(folder, ['dist/index.js', ...Object.values(manifest.bin)])
  const dead = readdirSync(join(folder, 'dist'), { recursive: true })
    .map((path) => join('dist', path))
    .filter((path) => path.endsWith('.js') && !reached.modules.has(path) && !holdsTypes(folder, path))
  if (dead.length > 0) throw new Error(`Published, and nothing imports it: ${dead.join(', ')}`)
  const undeclared = [...reached.packages].filter((name) => !declared.has(name))
  if (undeclared.length > 0) throw new Error(`Imported, and no dependency: ${undeclared.join(', ')}`)
  const unused = [...declared].filter((name) => !reached.packages.has(name))
  if (unused.length > 0) throw new Error(`A dependency, and never imported: ${unused.join(', ')}`)
  reach(folder, ['dist/index.d.ts'])
}

/** Fails for a script that npm would run at installation, in the package or below it. @throws Error */
export function checkScripts(consumer) {
  const own = JSON.parse(readFileSync(join(consumer, 'node_modules', 'rubidium', 'package.json'), 'utf8'))
  const scripts = INSTALL_SCRIPTS.filter((name) => own.scripts?.[name] !== undefined)
  if (scripts.length > 0) throw new Error(`Runs at installation: ${scripts.join(', ')}`)
  const lock = JSON.parse(readFileSync(join(consumer, 'node_modules', '.package-lock.json'), 'utf8'))
  const installing = Object.entries(lock.packages).filter(([, each]) => each.hasInstallScript)
  if (installing.length > 0) {
    throw new Error(`Has a script for installation: ${installing.map(([path]) => path).join(', ')}`)
  }
  return Object.keys(lock.packages).length
}

/** The modules and packages that `entries` import, directly or not. @throws Error for a module that is not there */
function reach(folder, entries) {
  const modules = new Set()
  const packages = new Set()
  const open = entries.map((entry) => join(entry))
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (modules.has(path)) continue
    modules.add(path)
    for (const name of importsOf(folder, path)) {
      if (name.startsWith('.')) open.push(target(path, name))
      else packages.add(packageOf(name))
    }
  }
  return { modules, packages }
}

/** Whether nothing is left of a module at run time: its declarations are what is needed of it. */
function holdsTypes(folder, path) {
  return textOf(folder, path).trim() === 'export {};'
}

function importsOf(folder, path) {
  return [...textOf(folder, path).matchAll(IMPORTED)].map((match) => match[1] ?? match[2])
}

function textOf(folder, path) {
  try {
    return readFileSync(join(folder, path), 'utf8').replace(COMMENT, '')
  } catch (cause) {
    throw new Error(`Imported, and not in the package: ${path}`, { cause })
  }
}

/** The file that `name` means in the file at `path`: declarations name sources, which stand beside them as declarations. */
function target(path, name) {
  const file = relative('.', join(dirname(path), name))
  return path.endsWith('.d.ts') ? file.replace(/\.ts$/, '.d.ts') : file
}

function packageOf(name) {
  if (name.startsWith('node:') || builtinModules.includes(name)) return 'node'
  return name.split('/', name.startsWith('@') ? 2 : 1).join('/')
}

// The rules of the house that a machine can hold: layers, the three doors, and what no source file has.
// Each rule is a pure function from parsed files to sentences, one for each breach, so that the tests can
// feed it bad examples too. Called by `layers.test.ts`.

import { posix } from 'node:path'
import { isNode, literalOf, nameOf, nodes, type Import, type Node, type SourceFile } from './source-file.ts'

/** The layers in their order, top first; what is listed later may import what is listed earlier. */
const LAYERS: readonly string[] = [
  'assert.ts errors.ts binary-search.ts steps.ts telem/ clock.ts',
  'codec/ fs/',
  'guard/ lease/',
  'version/',
  'segment/ journal/ manifest/',
  'domain/',
  'unary/ control/ channel/',
  'database/',
  'index.ts cli/',
]
const PLACES: readonly string[] = LAYERS.flatMap((layer) => layer.split(' '))

/** What `cli/` may import beside its own folder. The commands are users of the library, and see no more of it than users do. */
const COMMANDS_MAY_IMPORT: readonly string[] = ['index.ts', 'clock.ts', 'fs/user-files.ts', '../package.json']

/** Modules that only some folders may name. */
const DOORS: readonly { readonly modules: readonly string[]; readonly open: readonly string[] }[] = [
  { modules: ['fs', 'fs/promises', 'fs-extra', 'graceful-fs'], open: ['fs/'] },
  { modules: ['fs-native-extensions'], open: ['fs/', 'lease/'] },
  { modules: ['immer'], open: ['version/'] },
  { modules: ['perf_hooks'], open: ['clock.ts'] },
]

/** A file imports from its own folder and from what stands before it in the list. */
export function layerBreaches(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const from = placeOf(file.path)
    if (!PLACES.includes(from)) return [`${file.path} lies in no layer: "${from}" is not in the list`]
    return file.imports.flatMap((imported) => layerBreach(file.path, from, imported) ?? [])
  })
}

/** Only `fs/` names the file system, only `version/` names immer, only `clock.ts` reads the clock. */
export function doorBreaches(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const place = placeOf(file.path)
    const imports = file.imports.flatMap(({ specifier }) => {
      const module = specifier.replace(/^node:/, '')
      const door = DOORS.find(({ modules }) =>
        modules.some((name) => module === name || module.startsWith(`${name}/`)),
      )
      if (door === undefined || door.open.includes(place)) return []
      return [`${file.path} imports ${specifier}: only ${door.open.join(' and ')} may`]
    })
    if (place === 'clock.ts') return imports
    const readings = [...nodes(file.tree)].flatMap((node) => clockReading(node) ?? [])
    return [
      ...imports,
      ...readings.map((what) => `${file.path} reads the clock (${what}): only clock.ts may`),
    ]
  })
}

/** No file whose name says nothing, no default export, no `any`, no enum, no barrel. */
export function styleBreaches(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const names = file.path.replace(/\.ts$/, '').split(/[/.-]/)
    const vague = names.filter((name) => /^(utils?|common|helpers?|managers?|misc|impl)$/i.test(name))
    const found = [...nodes(file.tree)].flatMap((node) => forbidden(file.path, node) ?? [])
    return [
      ...vague.map((name) => `${file.path} is named "${name}", which says nothing`),
      ...found.map((what) => `${file.path} has ${what}`),
    ]
  })
}

function layerBreach(path: string, from: string, { specifier, typeOnly }: Import): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  const target = posix.join(posix.dirname(path), specifier)
  const to = placeOf(target)
  if (from === 'cli/') {
    if (to === 'cli/' || COMMANDS_MAY_IMPORT.includes(target)) return undefined
    return `${path} imports ${target}: the commands may import only ${COMMANDS_MAY_IMPORT.join(', ')}`
  }
  if (target === 'index.ts') return `${path} imports index.ts, the public door, from inside`
  if (!PLACES.includes(to)) return `${path} imports ${target}, which lies in no layer`
  if (from === to || PLACES.indexOf(to) < PLACES.indexOf(from)) return undefined
  // The catalogue is part of the version, so what a channel is must be known there: as a type, no more.
  if (typeOnly && target === 'channel/schema.ts' && from === 'version/') return undefined
  return `${path} imports ${target}: ${from} stands above ${to}`
}

/** What a file belongs to in the list: the folder below `src/`, or the file itself. */
function placeOf(path: string): string {
  const slash = path.indexOf('/')
  return slash < 0 ? path : path.slice(0, slash + 1)
}

function clockReading(node: Node): string | undefined {
  switch (node.type) {
    case 'MemberExpression': {
      const reading = `${nameOf(node['object'])}.${nameOf(node)}`
      return isClock(reading) ? reading : undefined
    }
    case 'VariableDeclarator': {
      const pattern = node['id']
      if (!isNode(pattern) || pattern.type !== 'ObjectPattern') return undefined
      const keys = (pattern['properties'] as Node[]).map((property) => keyOf(property))
      return keys.map((key) => `${nameOf(node['init'])}.${key}`).find((reading) => isClock(reading))
    }
    case 'NewExpression':
      return nameOf(node['callee']) === 'Date' && isEmpty(node['arguments']) ? 'new Date()' : undefined
    case 'CallExpression':
      return nameOf(node['callee']) === 'Date' ? 'Date()' : undefined
    default:
      return undefined
  }
}

function isClock(reading: string): boolean {
  return /^(Date\.now|performance\.(now|timeOrigin)|process\.(hrtime|uptime))$/.test(reading)
}

function keyOf(property: Node): string | undefined {
  return literalOf(property['key']) ?? nameOf(property['key'])
}

function forbidden(path: string, node: Node): string | undefined {
  switch (node.type) {
    case 'ExportDefaultDeclaration':
      return 'a default export'
    case 'ExportSpecifier':
      return (nameOf(node['exported']) ?? literalOf(node['exported'])) === 'default'
        ? 'a default export'
        : undefined
    case 'ExportAllDeclaration':
      return path === 'index.ts' ? undefined : 'an `export *`: barrels hide where things live'
    case 'TSAnyKeyword':
      return '`any`'
    case 'TSEnumDeclaration':
      return 'an enum'
    default:
      return undefined
  }
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}

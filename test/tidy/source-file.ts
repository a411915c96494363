// A source file as the tidy tests see it: its path below `src/`, its syntax tree, its imports. Parsed, not
// searched with patterns, so that a comment or a string never counts as code.
// Used by `rules.ts` and by the tests beside it.

import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseAst } from 'vitest/node'

/** A node of the syntax tree: its kind, and whatever this kind has. */
export interface Node {
  readonly type: string
  readonly [field: string]: unknown
}

/** One module that a file names: by import, re-export, `import()`, `require()` or a type. */
export interface Import {
  /** As written. */
  readonly specifier: string
  /** The whole declaration is erased: `import type`, `export type ... from`, `import('...')` as a type. */
  readonly typeOnly: boolean
}

export interface SourceFile {
  /** Below `src/`, with '/' between names. */
  readonly path: string
  readonly tree: Node
  readonly imports: readonly Import[]
}

/** The project's folder, ending in '/'. */
export const ROOT: string = fileURLToPath(new URL('../../', import.meta.url))

/** Parses TypeScript. @throws SyntaxError where it is none. */
export function parseSource(path: string, text: string): SourceFile {
  const tree = parseAst(text, { lang: 'ts' }) as unknown as Node
  return { path, tree, imports: [...nodes(tree)].flatMap((node) => importOf(node) ?? []) }
}

/** All source files of the project, sorted by path. */
export function readSources(): SourceFile[] {
  return readTexts('src', '.ts').map(({ path, text }) => parseSource(posix.relative('src', path), text))
}

/** The files below a folder of the project whose names end in `extension`; paths from the project's folder. */
export function readTexts(folder: string, extension: string): { path: string; text: string }[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(extension))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
    .map((file) => ({
      path: file.slice(ROOT.length).replaceAll('\\', '/'),
      text: readFileSync(file, 'utf8'),
    }))
}

/** Every node of a tree, parents first. */
export function* nodes(value: unknown): Generator<Node> {
  if (Array.isArray(value)) {
    for (const item of value) yield* nodes(item)
  } else if (isNode(value)) {
    yield value
    for (const field of Object.values(value)) yield* nodes(field)
  }
}

/** The text of a string literal or of a template without holes. */
export function literalOf(value: unknown): string | undefined {
  if (!isNode(value)) return undefined
  if (value.type === 'Literal') return typeof value['value'] === 'string' ? value['value'] : undefined
  if (value.type === 'TSLiteralType') return literalOf(value['literal'])
  if (value.type !== 'TemplateLiteral') return undefined
  const [only, ...more] = value['quasis'] as { value: { cooked: string } }[]
  return more.length === 0 ? only?.value.cooked : undefined
}

/** The last name of an identifier or a member access: `now` of `Date.now` and of `Date['now']`. */
export function nameOf(value: unknown): string | undefined {
  if (!isNode(value)) return undefined
  if (value.type === 'Identifier') return value['name'] as string
  if (value.type === 'ChainExpression') return nameOf(value['expression'])
  if (value.type !== 'MemberExpression') return undefined
  return value['computed'] === true ? literalOf(value['property']) : nameOf(value['property'])
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string'
}

function importOf(node: Node): Import | undefined {
  const specifier = literalOf(sourceOf(node))
  if (specifier === undefined) return undefined
  const typeOnly =
    node['importKind'] === 'type' || node['exportKind'] === 'type' || node.type === 'TSImportType'
  return { specifier, typeOnly }
}

function sourceOf(node: Node): unknown {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
    case 'ImportExpression':
      return node['source']
    case 'TSImportType':
      return node['source'] ?? node['argument']
    case 'TSExternalModuleReference':
      return node['expression']
    case 'CallExpression':
      return callsRequire(node) ? (node['arguments'] as unknown[])[0] : undefined
    default:
      return undefined
  }
}

function callsRequire(call: Node): boolean {
  const callee = call['callee']
  if (isNode(callee) && callee.type === 'CallExpression') return nameOf(callee['callee']) === 'createRequire'
  return ['require', 'getBuiltinModule'].includes(nameOf(callee) ?? '')
}

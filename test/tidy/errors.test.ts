// Every error that the library declares can be caught by name, is explained to users, and happens: it is
// exported from the package root, stands in the README's table with its code, and is thrown somewhere.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { literalOf, nameOf, nodes, parseSource, readSources, ROOT, type SourceFile } from './source-file.ts'

const BASE = 'RubidiumError'
/** Declared for a part of the contract that is not built yet. */
const NOT_THROWN_YET: readonly string[] = ['UnauthorizedError', 'OverflowError']

interface ErrorClass {
  readonly name: string
  readonly code: string | undefined
}

describe('the errors', () => {
  const sources = readSources()
  const classes = errorClasses(sources.find(({ path }) => path === 'errors.ts'))

  it('have a code each, no two the same', () => {
    expect(classes.length).toBeGreaterThan(15)
    expect(classes.filter(({ code }) => code === undefined)).toEqual([])
    expect(new Set(classes.map(({ code }) => code)).size).toBe(classes.length)
  })

  it('are exported from the package root, and so is their base class', () => {
    const exported = exportedNames(sources.find(({ path }) => path === 'index.ts'))
    expect([BASE, ...classes.map(({ name }) => name)].filter((name) => !exported.has(name))).toEqual([])
  })

  it('stand in the error table of the README with their codes', () => {
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
    expect(classes.filter((error) => !isDocumented(readme, error))).toEqual([])
  })

  it('are thrown somewhere, those aside whose part is not built yet', () => {
    const thrown = constructedNames(sources.filter(({ path }) => path !== 'errors.ts'))
    const expected = classes.map(({ name }) => name).filter((name) => !NOT_THROWN_YET.includes(name))
    expect(expected.filter((name) => !thrown.has(name))).toEqual([])
  })
})

describe('the checks on errors', () => {
  it('read the classes and their codes', () => {
    const text = `
      export abstract class RubidiumError extends Error { abstract readonly code: string }
      export class LostError extends RubidiumError { readonly code = 'LOST' }
      export class NamelessError extends RubidiumError {}
      class HiddenError extends RubidiumError { readonly code = 'HIDDEN' }`
    expect(errorClasses(parseSource('errors.ts', text))).toEqual([
      { name: 'LostError', code: 'LOST' },
      { name: 'NamelessError', code: undefined },
    ])
  })

  it('see what index.ts exports as a value, and no type', () => {
    const text = `
      export { LostError, NamelessError as OtherError } from './errors.ts'
      export type { HiddenError } from './errors.ts'
      export { type FoundError } from './errors.ts'`
    expect(exportedNames(parseSource('index.ts', text))).toEqual(new Set(['LostError', 'OtherError']))
  })

  it('see what is constructed, and no mention', () => {
    const text = `
      // new HiddenError()
      export const is = (error: unknown): boolean => error instanceof FoundError
      export function lose(): never { throw new LostError('gone') }`
    const names = constructedNames([parseSource('lease/lease.ts', text)])
    expect(names).toEqual(new Set(['LostError']))
  })

  it('want the name and the code in one row of a table', () => {
    const error = { name: 'LostError', code: 'LOST' }
    expect(isDocumented('| `LostError` | `LOST` | look for it |', error)).toBe(true)
    expect(isDocumented('| `LostError` | `LOST_AND_FOUND` | look for it |', error)).toBe(false)
    expect(isDocumented('A `LostError` has the code `LOST`.', error)).toBe(false)
    expect(isDocumented('| `LostError` |\n| `LOST` |', error)).toBe(false)
  })
})

function errorClasses(file: SourceFile | undefined): ErrorClass[] {
  return (file === undefined ? [] : [...nodes(file.tree)])
    .filter((node) => node.type === 'ExportNamedDeclaration')
    .flatMap((node) => [...nodes(node['declaration'])].slice(0, 1))
    .filter((node) => node.type === 'ClassDeclaration' && nameOf(node['superClass']) === BASE)
    .map((node) => {
      const code = [...nodes(node['body'])].find(
        (member) => member.type === 'PropertyDefinition' && nameOf(member['key']) === 'code',
      )
      return { name: nameOf(node['id']) ?? '', code: literalOf(code?.['value']) }
    })
}

function exportedNames(file: SourceFile | undefined): Set<string | undefined> {
  const specifiers = (file === undefined ? [] : [...nodes(file.tree)])
    .filter((node) => node.type === 'ExportNamedDeclaration' && node['exportKind'] !== 'type')
    .flatMap((node) => [...nodes(node['specifiers'])])
    .filter((node) => node.type === 'ExportSpecifier' && node['exportKind'] !== 'type')
  return new Set(specifiers.map((node) => nameOf(node['exported'])))
}

function constructedNames(files: readonly SourceFile[]): Set<string | undefined> {
  const made = files.flatMap(({ tree }) => [...nodes(tree)].filter((node) => node.type === 'NewExpression'))
  return new Set(made.map((node) => nameOf(node['callee'])))
}

function isDocumented(readme: string, { name, code }: ErrorClass): boolean {
  const rows = readme.split('\n').filter((line) => line.trimStart().startsWith('|'))
  return rows.some((row) => row.includes(`\`${name}\``) && new RegExp(`\\b${code}\\b`).test(row))
}

// Test builds of the engine, each with one rule switched off: some of its modules are replaced, in the test
// runner's registry only, by copies in which the line that keeps the rule is another, or its file system by
// a weaker one. What is imported after `useTestBuild` runs on that engine. Called by proof.test.ts.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { vi } from 'vitest'
import type { openEngine } from '../../src/database/opening/open.ts'
import { WeakFileSystem } from './weak-port.ts'
import type { Weakness } from './weak-port.ts'

/** A change of one source file. */
export interface Change {
  /** Path below src/. */
  readonly file: string
  /** What keeps the rule: stands in the file exactly once. */
  readonly from: string
  /** What stands there instead. */
  readonly to: string
}

/** What is weaker in a test build: sources, the port, or both. */
export interface Weakening {
  readonly changes?: readonly Change[]
  readonly port?: Weakness
}

const SOURCES = fileURLToPath(new URL('../../src/', import.meta.url))
const OPEN = join(SOURCES, 'database/opening/open.ts')

/**
 * Makes a test build and lets what is imported from now on use it.
 * @returns gives the engine back as it is
 * @throws Error where a change does not fit the source: the rule is kept elsewhere now
 */
export function useTestBuild({ changes = [], port }: Weakening): () => void {
  const replaced: string[] = []
  const replace = (path: string, factory: () => Promise<object>): void => {
    vi.doMock(path, factory)
    replaced.push(path)
  }
  vi.resetModules()
  const changed = new Map<string, string>()
  for (const { file, from, to } of changes) {
    const source = changed.get(file) ?? readFileSync(join(SOURCES, file), 'utf8')
    const count = source.split(from).length - 1
    if (count !== 1)
      throw new Error(
        `src/${file} has ${count} times, not once:\n${from}\nSay in test/proof/mutations.ts what keeps the rule now`,
      )
    changed.set(
      file,
      source.replace(from, () => to),
    )
  }
  const folder = mkdtempSync(join(tmpdir(), 'rubidium-proof-'))
  for (const [file, source] of changed) {
    const copy = join(folder, file.replaceAll('/', '-'))
    writeFileSync(copy, withAbsoluteImports(source, dirname(join(SOURCES, file))))
    replace(join(SOURCES, file), () => import(copy) as Promise<object>)
  }
  if (port !== undefined) {
    replace(OPEN, async () => {
      const original = await vi.importActual<{ openEngine: typeof openEngine }>(OPEN)
      const openWeakly: typeof openEngine = (environment, directory, options) =>
        original.openEngine(
          { ...environment, files: new WeakFileSystem(environment.files, port) },
          directory,
          options,
        )
      return { ...original, openEngine: openWeakly }
    })
  }
  return () => {
    for (const path of replaced) vi.doUnmock(path)
    vi.resetModules()
    rmSync(folder, { recursive: true, force: true })
  }
}

function withAbsoluteImports(source: string, folder: string): string {
  return source.replaceAll(/ from '(\.[^']*)'/g, (_, path: string) => ` from '${resolve(folder, path)}'`)
}

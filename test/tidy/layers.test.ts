// Holds the list of layers, the three doors and the style of every file in `src/`. The rules are shown bad
// examples as well: a check that cannot fail is none.

import { describe, expect, it } from 'vitest'
import { doorBreaches, layerBreaches, styleBreaches } from './rules.ts'
import { parseSource, readSources } from './source-file.ts'

function breaches(rule: typeof layerBreaches, path: string, text: string): string[] {
  return rule([parseSource(path, text)])
}

describe('the sources', () => {
  const sources = readSources()

  it('are found and parsed', () => {
    expect(sources.map(({ path }) => path)).toContain('errors.ts')
  })

  it('import only from their own folder and from folders above it', () => {
    expect(layerBreaches(sources)).toEqual([])
  })

  it('touch the file system, immer and the clock only through their doors', () => {
    expect(doorBreaches(sources)).toEqual([])
  })

  it('have speaking names, and no default export, any, enum or barrel', () => {
    expect(styleBreaches(sources)).toEqual([])
  })
})

describe('the layer rule', () => {
  it.each([
    ['telem/frame.ts', `import { assert } from '../assert.ts'`],
    ['telem/frame.ts', `import { Series } from './series.ts'`],
    ['clock.ts', `import type { TimeStamp } from './telem/timestamp.ts'`],
    ['errors.ts', `import { assert } from './assert.ts'`],
    ['journal/journal.ts', `import { Segment } from '../segment/segment-writer.ts'`],
    ['database/database.ts', `import { fold } from '../version/apply.ts'`],
    ['index.ts', `export { open } from './database/open.ts'`],
    ['cli/verify.ts', `import { verify } from '../index.ts'`],
    ['cli/import/scan.ts', `import { main } from '../main.ts'`],
    ['version/version.ts', `import type { Definition } from '../telem/channel.ts'`],
    ['version/version.ts', `import type { Schema } from '../channel/schema.ts'`],
    ['codec/record.ts', `export type { Definition } from '../telem/channel.ts'`],
    ['fs/node-file-system.ts', `import { join } from 'node:path'`],
  ])('lets %s say %s', (path, text) => {
    expect(breaches(layerBreaches, path, text)).toEqual([])
  })

  it.each([
    ['telem/frame.ts', `import { Unary } from '../unary/unary.ts'`],
    ['telem/frame.ts', `import type { Unary } from '../unary/unary.ts'`],
    ['telem/frame.ts', `export { Unary } from '../unary/unary.ts'`],
    ['telem/frame.ts', `export * from '../unary/unary.ts'`],
    ['telem/frame.ts', `const late = await import('../unary/unary.ts')`],
    ['telem/frame.ts', `const late = await import(\`../unary/unary.ts\`)`],
    ['telem/frame.ts', `let unary: import('../unary/unary.ts').Unary`],
    ['telem/frame.ts', `import '../unary/unary.ts'`],
    ['telem/timestamp.ts', `import { systemClock } from '../clock.ts'`],
    ['assert.ts', `import { ValidationError } from './errors.ts'`],
    ['codec/block.ts', `import { File } from '../fs/file-system.ts'`],
    ['segment/segment-pool.ts', `import { Journal } from '../journal/journal.ts'`],
    ['version/version.ts', `import { define } from '../channel/schema.ts'`],
    ['version/version.ts', `import { type Schema } from '../channel/schema.ts'`],
    ['domain/tail.ts', `import type { Schema } from '../channel/schema.ts'`],
    ['database/open.ts', `import { now } from '../index.ts'`],
    ['cli/verify.ts', `import { verify } from '../database/verify.ts'`],
    ['fs/layout.ts', `import { day } from '../calendar/day.ts'`],
    ['calendar/day.ts', ``],
    ['stray.ts', ``],
  ])('does not let %s say %s', (path, text) => {
    expect(breaches(layerBreaches, path, text)).toHaveLength(1)
  })
})

describe('the rule of the doors', () => {
  it.each([
    ['fs/node-file-system.ts', `import { openSync } from 'node:fs'`],
    ['fs/node-file-system.ts', `import { ensureDir } from 'fs-extra'`],
    ['version/apply.ts', `import { produce } from 'immer'`],
    ['clock.ts', `export const now = (): number => Date.now() + performance.now()`],
    ['telem/timestamp.ts', `export const at = new Date(0)`],
    ['telem/timestamp.ts', `// Date.now() is not for this file\nexport const text = 'new Date()'`],
    ['telem/timestamp.ts', `export const read = (clock: { now(): bigint }): bigint => clock.now()`],
  ])('lets %s say %s', (path, text) => {
    expect(breaches(doorBreaches, path, text)).toEqual([])
  })

  it.each([
    ['journal/journal.ts', `import { openSync } from 'node:fs'`],
    ['journal/journal.ts', `import type { Stats } from 'fs'`],
    ['journal/journal.ts', `import { open } from 'node:fs/promises'`],
    ['journal/journal.ts', `const { ensureDir } = await import('fs-extra')`],
    ['journal/journal.ts', `import { outputFile } from 'fs-extra/esm'`],
    ['journal/journal.ts', `const fs = createRequire(import.meta.url)('node:fs')`],
    ['journal/journal.ts', `const fs = require('fs')`],
    ['journal/journal.ts', `const fs = process.getBuiltinModule('node:fs')`],
    ['journal/journal.ts', `import lock from 'fs-native-extensions'`],
    ['database/database.ts', `import { produce } from 'immer'`],
    ['telem/timestamp.ts', `const t = Date.now()`],
    ['telem/timestamp.ts', `const t = Date['now']()`],
    ['telem/timestamp.ts', `const read = Date.now`],
    ['telem/timestamp.ts', `const { now } = performance`],
    ['telem/timestamp.ts', `const t = globalThis.performance.now()`],
    ['telem/timestamp.ts', `import { performance as p } from 'node:perf_hooks'`],
    ['telem/timestamp.ts', `const t = process.hrtime()`],
    ['telem/timestamp.ts', `const t = process.hrtime.bigint()`],
    ['telem/timestamp.ts', `const t = new Date()`],
    ['telem/timestamp.ts', `const t = Date()`],
  ])('does not let %s say %s', (path, text) => {
    expect(breaches(doorBreaches, path, text)).toHaveLength(1)
  })
})

describe('the rule of style', () => {
  it.each([
    ['telem/frame.ts', `export const many: unknown[] = []; export type { Many } from './series.ts'`],
    ['index.ts', `export * from './errors.ts'`],
    ['telem/frame.ts', `// any, enum, export default`],
  ])('lets %s say %s', (path, text) => {
    expect(breaches(styleBreaches, path, text)).toEqual([])
  })

  it.each([
    ['telem/utils.ts', ``],
    ['telem/frame-helpers.ts', ``],
    ['common/frame.ts', ``],
    ['segment/segment-manager.ts', ``],
    ['telem/misc.ts', ``],
    ['telem/frame.ts', `export default 1`],
    ['telem/frame.ts', `const one = 1\nexport { one as default }`],
    ['telem/frame.ts', `export * from './series.ts'`],
    ['telem/frame.ts', `let value: any`],
    ['telem/frame.ts', `const value = 1 as any`],
    ['telem/frame.ts', `let values: Map<string, any[]>`],
    ['telem/frame.ts', `enum Colour { red }`],
    ['telem/frame.ts', `const enum Colour { red }`],
  ])('does not let %s say %s', (path, text) => {
    expect(breaches(styleBreaches, path, text)).toHaveLength(1)
  })
})

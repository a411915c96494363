// Invariants have names such as `0003-I2`: defined in an RFC, cited in the code that rests on them and in
// the test that proves them. A name in the code that no RFC defines, and an invariant without a test, fail.

import { describe, expect, it } from 'vitest'
import { readTexts } from './source-file.ts'

interface Text {
  readonly path: string
  readonly text: string
}

describe('the invariants', () => {
  const defined = definedIn(readTexts('rfcs', '.md'))

  it('are defined in RFCs', () => {
    expect(defined.size).toBeGreaterThan(0)
  })

  it('are cited in sources only by names that an RFC defines', () => {
    expect(citedIn(readTexts('src', '.ts')).filter(({ name }) => !defined.has(name))).toEqual([])
  })

  it('are each cited in the test that proves it', () => {
    const tests = readTexts('test', '.ts').filter(({ path }) => !path.startsWith('test/tidy/'))
    const proven = new Set(citedIn(tests).map(({ name }) => name))
    expect([...defined].filter((name) => !proven.has(name))).toEqual([])
  })
})

describe('the checks on invariants', () => {
  it('find definitions at the beginning of a line, under the number of their RFC', () => {
    const text = '- **I1** Pointers are sorted.\n**I2.** Nothing overlaps.\nAs **I3** says.\n**I**: no.'
    expect(definedIn([{ path: 'rfcs/0003-index.md', text }])).toEqual(new Set(['0003-I1', '0003-I2']))
  })

  it('take no definitions from files that are no RFC', () => {
    expect(definedIn([{ path: 'rfcs/README.md', text: '**I1** Pointers are sorted.' }]).size).toBe(0)
  })

  it('find every citation with the file it stands in', () => {
    const text = '// sorted (0003-I1), see 0003-I12 and 0004-I2; not 10003-I1'
    expect(citedIn([{ path: 'src/a.ts', text }])).toEqual([
      { path: 'src/a.ts', name: '0003-I1' },
      { path: 'src/a.ts', name: '0003-I12' },
      { path: 'src/a.ts', name: '0004-I2' },
    ])
  })
})

function definedIn(texts: readonly Text[]): Set<string> {
  return new Set(
    texts.flatMap(({ path, text }) => {
      const number = /^rfcs\/(\d{4})-[^/]*\.md$/.exec(path)?.[1]
      if (number === undefined) return []
      return [...text.matchAll(/^\s*(?:[-*|]\s+)?\*\*I(\d+)\b/gm)].map((match) => `${number}-I${match[1]}`)
    }),
  )
}

function citedIn(texts: readonly Text[]): { path: string; name: string }[] {
  return texts.flatMap(({ path, text }) =>
    [...text.matchAll(/\b\d{4}-I\d+\b/g)].map((match) => ({ path, name: match[0] })),
  )
}

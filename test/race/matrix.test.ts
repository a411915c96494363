// The race matrix of RFC 0003: each pair of operations, and chosen triples, raced on a prepared store, and the table
// held to what it says. RUBIDIUM_RUNS: seeds for each pair; more: soak.ts.

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { propertyOptions } from '../support/seeds.ts'
import { guardsOf, race } from './matrix.ts'
import type { Taken } from './matrix.ts'
import { CELLS, letterFor, LETTERS, NAMES, renderMatrix } from './matrix-table.ts'
import { TRIPLES } from './operations.ts'
import type { OperationName } from './operations.ts'
import { FastCheckSchedule } from './fast-check-schedule.ts'
import { Schedule } from './schedule.ts'
import { isExclusive } from '../support/guard-mode.ts'

const LONGEST_MS = 120_000

async function expectExplained(names: readonly OperationName[]): Promise<void> {
  const { numRuns, seed = 1 } = propertyOptions(1)
  for (let run = 0; run < numRuns; run++) {
    const how = `${names.join(' x ')}: RUBIDIUM_SEED=${seed + run} RUBIDIUM_RUNS=1`
    expect(await race(names, new Schedule(seed + run)), how).toBeUndefined()
  }
}

describe('whatever the order of their steps, as if one came after the other:', () => {
  it.each(NAMES.map((name, i) => [name, NAMES.slice(0, i + 1)] as const))(
    '%s x each before it in the table',
    async (name, others) => {
      for (const other of others) await expectExplained([name, other])
    },
    LONGEST_MS,
  )

  it.each(TRIPLES.map((names) => [names.join(' x '), names] as const))(
    '%s',
    async (_, names) => {
      await expectExplained(names)
    },
    LONGEST_MS,
  )
})

const PAIRS = NAMES.flatMap((name, i) => NAMES.slice(0, i + 1).map((other) => [name, other] as const))

describe("under fast-check's scheduler", () => {
  it(
    'any of the pairs and triples is as if one came after the other',
    async () => {
      const races = fc.constantFrom<readonly OperationName[]>(...PAIRS, ...TRIPLES)
      await fc.assert(
        fc.asyncProperty(races, fc.scheduler(), async (names, scheduler) => {
          expect(await race(names, new FastCheckSchedule(scheduler))).toBeUndefined()
        }),
        propertyOptions(40),
      )
    },
    LONGEST_MS,
  )
})

describe('the table', () => {
  // Of the modes as they are.
  it.skipIf(isExclusive)('says what the guards say that the operations take', async () => {
    const taken: [OperationName, readonly Taken[]][] = []
    for (const name of NAMES) taken.push([name, await guardsOf(name)])
    const found = taken.map((one, i) =>
      taken
        .slice(0, i + 1)
        .map((other) => letterFor(one, other))
        .join(''),
    )
    expect(found).toEqual(CELLS)
    for (const letter of found.join('')) expect(LETTERS).toHaveProperty(letter)
  })

  it('stands in RFC 0003', () => {
    const rfc = readFileSync(new URL('../../rfcs/0003-transactional-index.md', import.meta.url), 'utf8')
    expect(rfc).toContain(renderMatrix())
  })
})

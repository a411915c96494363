// A reader that reads on shows what one shows that reads all: in random histories. More of them: readers-soak.ts.

import { expect, it } from 'vitest'
import { propertyOptions } from '../support/seeds.ts'
import { playReadingOn } from './reading-on.ts'

it('whatever a writer does: a reader that reads on shows what an opening shows, and its snapshots stay (0005-I10)', async () => {
  const { numRuns, seed = 1 } = propertyOptions(12)
  const ways = []
  for (let run = 0; run < numRuns; run++) ways.push(await playReadingOn(seed + run, 60))
  expect(ways.some(({ on }) => on > 0) && ways.some(({ anew }) => anew > 0)).toBe(true)
})

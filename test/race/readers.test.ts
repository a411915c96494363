// Readers beside a writer: at some operations of each deed, and at random. All of them, and more: readers-soak.ts.

import { describe, expect, it } from 'vitest'
import { propertyOptions } from '../support/seeds.ts'
import { playReaders } from './reader-play.ts'
import { DEEDS } from './reader-scenes.ts'
import { PLAYS } from './reader-steps.ts'

const STRIDE = 7

describe.each(DEEDS)('$name', (deed) => {
  it.each(PLAYS)(
    '$name: whoever reads sees a state that there was, and finds it again (0005-I9)',
    async (play) => {
      const { seed = 1 } = propertyOptions(1)
      const met = await play.run(deed, { first: 1 + (seed % STRIDE), stride: STRIDE })
      // A commit is one step: nothing comes between its operations.
      const isOneStep = deed.name.startsWith('a commit') && play.name.startsWith('with an opening')
      expect(met).toBeGreaterThanOrEqual(isOneStep ? 0 : 1)
    },
  )
})

it('whatever the order: a reader sees a prefix, moves forward only, and finds what it shows until it moves', async () => {
  const { numRuns, seed = 1 } = propertyOptions(6)
  const ways = []
  for (let run = 0; run < numRuns; run++) ways.push(await playReaders(seed + run, 50))
  // They read on, and load anew.
  expect(ways.some(({ on }) => on > 0) && ways.some(({ anew }) => anew > 0)).toBe(true)
})

// The model test: random lives of a database, with crashes, power losses and recoveries that die as well,
// against a slow and obvious store. Small here; `npx tsx test/model/soak.ts` runs it for as long as wanted.

import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { operations, settings } from '../support/model-operations.ts'
import { runModel } from '../support/model-run.ts'
import type { ModelTally } from '../support/model-session.ts'
import { propertyOptions } from '../support/seeds.ts'

// 0001-I6, 0001-I7, 0001-I10, 0001-I11, 0003-I1: a prefix of history, what was promised, snapshots for ever.
it(
  'a database shows what the model shows, and after every crash a prefix of history as long as was promised',
  { timeout: 900_000 },
  async () => {
    const tally: ModelTally = { operations: 0, crashes: 0, commits: 0, samples: 0 }
    await fc.assert(
      fc.asyncProperty(settings, operations(30), (chosen, list) => runModel(chosen, list, tally)),
      { ...propertyOptions(150), interruptAfterTimeLimit: 800_000, markInterruptAsFailure: false },
    )
    expect(tally.crashes).toBeGreaterThan(0)
    expect(tally.commits).toBeGreaterThan(0)
  },
)

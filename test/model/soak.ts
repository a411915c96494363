// The model test for as long as wanted: `npm run soak:model -- --minutes 10 [--seed 1] [--most 60]`.
// Prints what it did, and each counterexample, shrunk, with the command that leads to it again.
// Ends with 1 where there was one.

import { parseArgs } from 'node:util'
import * as fc from 'fast-check'
import { operations, settings } from '../support/model-operations.ts'
import { runModel } from '../support/model-run.ts'
import type { ModelTally } from '../support/model-session.ts'

/** Lives in one round: rounds have seeds of their own, so that each can be run again quickly. */
const LIVES = 300

/** Counterexamples after which there is no use in going on. */
const ENOUGH = 10

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    most: { type: 'string', default: '60' },
    rounds: { type: 'string' },
    path: { type: 'string' },
  },
})

const until = performance.now() + Number(values.minutes) * 60_000
const firstSeed = Number(values.seed)
const most = Number(values.most)
const tally: ModelTally = { operations: 0, crashes: 0, commits: 0, samples: 0 }
let failures = 0
let rounds = 0

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

process.on('unhandledRejection', (error) => {
  failures++
  say(
    `round ${rounds} (seed ${firstSeed + rounds}): an unhandled rejection: ${String((error as Error).stack)}`,
  )
})

while (performance.now() < until && failures < ENOUGH && rounds < Number(values.rounds ?? Infinity)) {
  const seed = firstSeed + rounds
  const property = fc.asyncProperty(settings, operations(most), (chosen, list) =>
    runModel(chosen, list, tally),
  )
  const result = await fc.check(property, {
    seed,
    numRuns: LIVES,
    ...(values.path === undefined ? {} : { path: values.path }),
  })
  rounds++
  if (result.failed) {
    failures++
    const path = result.counterexamplePath ?? ''
    say(`FAILED ${JSON.stringify(result.counterexample)}`)
    say(`  again: npm run soak:model -- --rounds 1 --most ${most} --seed ${seed} --path ${path}`)
    const error = result.errorInstance as Error
    say(
      `${error.stack ?? String(error)}\n${error.cause instanceof Error ? `because of ${error.cause.stack ?? ''}` : ''}`,
    )
  }
  if (rounds % 20 === 0) report()
}
report()
process.exitCode = failures > 0 ? 1 : 0

function report(): void {
  say(
    `${rounds} rounds from seed ${firstSeed} on: ${tally.operations} operations, ${tally.commits} commits, ` +
      `${tally.samples} samples, ${tally.crashes} crashes, ${failures} failures`,
  )
}

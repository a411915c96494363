// Crash tests for as long as one likes: `npm run soak:crash -- --minutes N [--seed S]`. First the fixed set: every
// operation of every workload, every kind of crash and failure (`--stride K`: every Kth; `--only REGEX`: the
// workloads with such names; `--random`: none of it). Then workloads that a seed makes up, with the same, until the
// time is over; 0 minutes: the fixed set alone, whole, however long it takes. Prints how many states were checked,
// what failed, each with the command that shows it again (`--replay STATE`), and the table of what was struck.

import { parseArgs } from 'node:util'
import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { attack, newTally, replay, thorough } from './attack.ts'
import type { Tally } from './attack.ts'
import { courseOf } from './capture.ts'
import { anything, anythingNamed } from './random-workload.ts'
import { describe } from './session.ts'
import { RECOVERY, WORKLOADS } from './workloads.ts'
import type { Workload } from './workloads.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    stride: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    random: { type: 'boolean', default: false },
    replay: { type: 'string' },
  },
})
const FIXED = [...WORKLOADS, ...RECOVERY]
const tally: Tally = newTally()
let shown = 0

function number(name: 'minutes' | 'seed' | 'stride'): number {
  const value = Number(values[name])
  if (!Number.isFinite(value)) throw new Error(`--${name} takes a number`)
  return value
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function report(what: string): void {
  for (const { state, what: why } of tally.failures.slice(shown))
    print(`FAILED ${why}\n  again: npm run soak:crash -- --replay '${state}'`)
  shown = tally.failures.length
  print(`${what}: ${tally.states} states, ${shown} failures`)
}

/** Every way to go wrong, at every `stride`th operation. */
async function attackAll(workload: Workload, stride: number, seed: number): Promise<void> {
  try {
    const course = await courseOf(workload)
    await attack(workload, course, thorough(course, stride, seed), tally)
  } catch (error) {
    tally.failures.push({ state: workload.name, what: describe(error) })
  }
  report(workload.name)
}

function find(name: string): Workload | undefined {
  return FIXED.find((workload) => workload.name === name) ?? anythingNamed(name)
}

process.on('unhandledRejection', (error) => {
  tally.failures.push({ state: 'unknown', what: `nobody handled ${describe(error)}` })
})

if (values.replay !== undefined) {
  await replay(values.replay, find, tally)
  report(values.replay)
} else {
  const seed = number('seed')
  const minutes = number('minutes')
  const deadline = performance.now() + minutes * 60_000
  const only = new RegExp(values.only)
  const random = new SeededRandom(seed)
  const left = values.random ? [] : FIXED.filter(({ name }) => only.test(name))
  // Whatever the time suffices for, another seed begins elsewhere.
  while (left.length > 0 && (minutes === 0 || performance.now() < deadline)) {
    const [workload] = left.splice(random.below(left.length), 1)
    await attackAll(workload!, number('stride'), seed)
  }
  if (left.length > 0)
    print(`no time for ${left.length} workloads: ${left.map(({ name }) => name).join('; ')}`)
  while (performance.now() < deadline) {
    const chosen = random.below(2 ** 31)
    await attackAll(anything(chosen), 5, chosen)
  }
  print(
    `\nHow often each operation was a crash point / failed, in each life:\n${tally.coverage.toString()}\n`,
  )
  print(`${tally.states} states, ${tally.failures.length} failures, seed ${seed}`)
}
process.exitCode = tally.failures.length === 0 ? 0 : 1

// Crash tests for as long as one likes: `npx tsx test/crash/soak.ts --minutes N [--seed S]`. First the
// fixed set, whole: every operation of every workload, every kind of crash and failure (`--stride K`:
// every Kth; `--only REGEX`: the workloads with such names; `--random`: none of it). Then
// workloads that a seed makes up, with the same, until the time is over. Prints how many states were
// checked, what failed, and the seeds that show it again.

import { SeededRandom } from '../../src/fs/seeded-random.ts'
import {
  countMutations,
  crashEverywhere,
  crashTwice,
  EVERYTHING,
  failEverywhere,
  FAULTS,
  newTally,
} from './crashes.ts'
import type { Tally } from './crashes.ts'
import { describe } from './session.ts'
import type { CrashKind } from './model.ts'
import { anything, RECOVERY, WORKLOADS } from './workloads.ts'
import type { Workload } from './workloads.ts'

const KINDS: readonly CrashKind[] = ['kill', 'power']
const tally: Tally = newTally()
let shown = 0

function option(name: string): number | undefined {
  const at = process.argv.indexOf(`--${name}`)
  const value = Number(process.argv[at + 1])
  if (at < 0) return undefined
  if (!Number.isFinite(value)) throw new Error(`--${name} takes a number`)
  return value
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function report(what: string): void {
  for (const failure of tally.failures.slice(shown)) print(`FAILED ${failure}`)
  shown = tally.failures.length
  print(`${what}: ${tally.states} states, ${shown} failures`)
}

/** Every way to go wrong, at every `stride`th operation. */
async function attack(workload: Workload, stride: number, seed: number): Promise<void> {
  const sampling = stride === 1 ? EVERYTHING : { stride, seed }
  await crashEverywhere(workload, 'power', [0, 1, seed + 2, seed + 3], sampling, tally)
  await crashEverywhere(workload, 'kill', [seed, seed + 1], sampling, tally)
  for (const fault of FAULTS) await failEverywhere(workload, fault, sampling, tally)
}

async function attackTwice(workload: Workload, stride: number, seed: number): Promise<void> {
  const count = await countMutations(workload)
  for (let n = 1 + (seed % stride); n <= count + stride; n += stride) {
    for (const first of KINDS) {
      for (const second of KINDS) {
        const crash = { kind: first, n, seed: n + seed }
        await crashTwice(workload, crash, second, [0, 1, seed + n + 2], { stride: 3, seed }, tally)
      }
    }
  }
}

async function noting(name: string, step: () => Promise<void>): Promise<void> {
  try {
    await step()
  } catch (error) {
    tally.failures.push(`${name}: ${describe(error)}`)
  }
}

process.on('unhandledRejection', (error) => {
  tally.failures.push(`nobody handled ${describe(error)}`)
})

const seed = option('seed') ?? 1
const deadline = Date.now() + (option('minutes') ?? 5) * 60_000
const stride = option('stride') ?? 1
const only = new RegExp(
  process.argv.includes('--only') ? process.argv[process.argv.indexOf('--only') + 1]! : '',
)

if (!process.argv.includes('--random')) {
  for (const workload of [...WORKLOADS, ...RECOVERY].filter(({ name }) => only.test(name))) {
    await noting(workload.name, async () => {
      await attack(workload, stride, seed)
      await attackTwice(workload, 11 * stride, seed)
    })
    report(workload.name)
  }
}
const random = new SeededRandom(seed)
while (Date.now() < deadline) {
  const chosen = random.below(2 ** 31)
  const workload = anything(chosen)
  await noting(workload.name, async () => {
    await attack(workload, 5, chosen % 1000)
    await attackTwice(workload, 29, chosen % 1000)
  })
  report(workload.name)
}
print(`${tally.states} states, ${tally.failures.length} failures, seed ${seed}`)
process.exitCode = tally.failures.length === 0 ? 0 : 1

// The full disk, exhaustively: every workload of the crash tests with every number of free blocks, from
// none to as many as it needs, then random workloads for as long as is given. Prints states, failures, and
// for each failure the command that runs it again.
//   tsx test/full/soak.ts [--minutes 5] [--seed 1] [--only <pattern>] [--stride 1] [--random] [--state <name>]

import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { anything, anythingNamed } from '../crash/random-workload.ts'
import { describe } from '../crash/session.ts'
import { RECOVERY, WORKLOADS } from '../crash/workloads.ts'
import type { Workload } from '../crash/workloads.ts'
import { BLOCK, runOnFullDisk } from './sweep.ts'
import { FILLING } from './workloads.ts'

const FIXED: readonly Workload[] = [...FILLING, ...WORKLOADS, ...RECOVERY]
/** Of one workload. */
const MOST_FAILURES = 5

let states = 0
let failures = 0
let refusals = 0

function option(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? undefined : process.argv[at + 1]
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Returns whether the disk was too small for the workload. */
async function attack(workload: Workload, blocks: number): Promise<boolean> {
  try {
    const outcome = await runOnFullDisk(workload, blocks * BLOCK)
    states += outcome.states
    refusals += outcome.refusals
    return outcome.refusals > 0
  } catch (error) {
    failures++
    states++
    print(`FAILED ${workload.name}#${blocks}: ${describe(error)}`)
    print(`  again: npx tsx test/full/soak.ts --state "${workload.name}#${blocks}"`)
    return true
  }
}

/** All numbers of free blocks until nothing is refused a few times in a row; few failures say what many do. */
async function sweep(workload: Workload, stride: number, first: number): Promise<void> {
  let peaceful = 0
  const most = failures + MOST_FAILURES
  for (let blocks = first; peaceful < 3 && failures < most; blocks += stride) {
    peaceful = (await attack(workload, blocks)) ? 0 : peaceful + 1
  }
  print(`${workload.name}: ${states} states, ${refusals} refusals, ${failures} failures`)
}

process.on('unhandledRejection', (error) => {
  failures++
  print(`FAILED nobody handled ${describe(error)}`)
})

const seed = Number(option('seed') ?? 1)
const stride = Number(option('stride') ?? 1)
const deadline = Date.now() + Number(option('minutes') ?? 5) * 60_000
const state = option('state')
if (state !== undefined) {
  const [name = '', blocks] = state.split('#')
  const workload = FIXED.find((each) => each.name === name) ?? anythingNamed(name)
  if (workload === undefined) throw new Error(`there is no workload "${name}"`)
  await attack(workload, Number(blocks))
} else {
  const only = new RegExp(option('only') ?? '')
  if (!process.argv.includes('--random'))
    for (const workload of FIXED.filter(({ name }) => only.test(name)))
      await sweep(workload, stride, seed % stride)
  const random = new SeededRandom(seed)
  while (Date.now() < deadline) await sweep(anything(random.below(2 ** 31)), 3, random.below(3))
}
print(`${states} states, ${refusals} refusals, ${failures} failures, seed ${seed}`)
process.exitCode = failures === 0 ? 0 : 1

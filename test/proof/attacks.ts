// What the engine as it is withstands, and a test build with a rule switched off must not: crashes, failures and
// rot, as this folder's neighbours make them, each on the one workload or store that is about the rule; and what
// those do not play (overtaken.ts, scenes.ts). Imported anew for every test build, with everything that it
// imports.

import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { attack, newTally, thatCanFail } from '../crash/attack.ts'
import type { Plan } from '../crash/attack.ts'
import { courseOf } from '../crash/capture.ts'
import type { Course } from '../crash/capture.ts'
import { FAULTS } from '../crash/fault-kinds.ts'
import type { CrashKind } from '../crash/model.ts'
import { describe } from '../crash/session.ts'
import { RECOVERY, WORKLOADS } from '../crash/workloads.ts'
import type { Workload } from '../crash/workloads.ts'
import { damageOf } from '../rot/damage.ts'
import { examine } from '../rot/examine.ts'
import { makeStore } from '../rot/stores.ts'
import type { Attack } from './mutations.ts'
import { overtaking } from './overtaken.ts'
import { OWN_FAULTS, OWN_WORKLOADS } from './own-workloads.ts'
import { SCENES } from './scenes.ts'

/** What was wrong with one state, or a few; undefined: nothing. */
export type Finding = string | undefined

/** Damage to a store: so many, chosen by chance, that a rule which is switched off is met. */
const DAMAGES = 40

/** One finding for each step of the attack. */
export async function* findings(on: Attack): AsyncGenerator<Finding> {
  switch (on.kind) {
    case 'kill':
    case 'power':
      yield* crashing(on.kind, on)
      return
    case 'recovery':
      yield* crashingTwice(on)
      return
    case 'failure':
      yield* failing(on)
      return
    case 'rot':
      yield* rotting(on)
      return
    case 'overtaken':
      yield* overtaking(workloadNamed(on.in), on.from)
      return
    case 'scene':
      yield await SCENES[on.of]().then(
        () => undefined,
        (error: unknown) => describe(error),
      )
  }
}

/** A crash at every operation of a workload, beginning with the one `from` says, once for each seed. */
async function* crashing(
  kind: CrashKind,
  { in: name, seeds = [0], from = 1 }: Extract<Attack, { kind: CrashKind }>,
): AsyncGenerator<Finding> {
  const workload = workloadNamed(name)
  const course = await courseOf(workload)
  for (const numbers of chunks(round(course.mutations.length + 1, from), 6)) {
    const crashes = numbers.flatMap((n) => seeds.map((seed) => ({ kind, n, seed })))
    yield await stepOf(workload, course, { crashes })
  }
}

/** A kill at every operation, and a power loss at every operation of the opening that follows. */
async function* crashingTwice({
  in: name,
  from = 1,
}: Extract<Attack, { kind: 'recovery' }>): AsyncGenerator<Finding> {
  const workload = workloadNamed(name)
  const course = await courseOf(workload)
  for (const n of round(course.mutations.length + 1, from)) {
    yield await stepOf(workload, course, {
      twice: [
        {
          first: { kind: 'kill', n, seed: 0 },
          second: (points) => points.map((_, i) => ({ kind: 'power', n: i + 1, seed: 0 })),
        },
      ],
    })
  }
}

/** Every operation that can fail so does, one a run. */
async function* failing({
  in: name,
  by,
  from = 1,
}: Extract<Attack, { kind: 'failure' }>): AsyncGenerator<Finding> {
  const workload = workloadNamed(name)
  const course = await courseOf(workload)
  const kind = [...FAULTS, ...OWN_FAULTS].find((each) => each.name === by)
  if (kind === undefined) throw new Error(`there is no failure "${by}"`)
  for (const n of round(thatCanFail(course, kind).length, from))
    yield await stepOf(workload, course, { faults: [{ kind, n }] })
}

async function stepOf(workload: Workload, course: Course, plan: Partial<Plan>): Promise<Finding> {
  const tally = newTally()
  await attack(workload, course, { crashes: [], twice: [], faults: [], ...plan }, tally)
  const [first] = tally.failures
  return first === undefined ? undefined : `${first.state}: ${first.what}`
}

/** Bits of some files of a store, flipped one at a time. */
async function* rotting({
  store: name,
  ending,
  files,
}: Extract<Attack, { kind: 'rot' }>): AsyncGenerator<Finding> {
  const store = await makeStore(name, ending)
  const all = [...damageOf(store, 'bit')].filter((damage) => 'path' in damage && files.test(damage.path))
  const random = new SeededRandom(1)
  for (let i = 0; i < DAMAGES; i++) {
    const { failures } = await examine(store, all[random.below(all.length)]!, 'both')
    yield failures[0]
  }
}

function workloadNamed(name: string): Workload {
  const found = [...WORKLOADS, ...RECOVERY, ...OWN_WORKLOADS].find((workload) => workload.name === name)
  if (found === undefined) throw new Error(`there is no workload "${name}"`)
  return found
}

/** The numbers from 1 to `count`, beginning with `from`: an attack is over sooner where it hurts first. */
function round(count: number, from: number): number[] {
  return Array.from({ length: count }, (_, i) => 1 + ((from - 1 + i) % count))
}

function chunks<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size))
}

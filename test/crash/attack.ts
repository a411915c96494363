// Attacks a workload: takes the states that a plan names, a crash, a crash and another in the recovery after it,
// or a failure, brings each about, and checks what is left (judge.ts). Every state has a name, which is all
// that is needed to bring it about again. Called by the crash tests and by the soak.

import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { courseOf, wrecksOf, wrecksOfOpening } from './capture.ts'
import type { Course, Crash, Point, Wreck } from './capture.ts'
import { Coverage } from './coverage.ts'
import { FAULTS } from './fault-kinds.ts'
import type { FaultKind } from './fault-kinds.ts'
import { checkAfter, runWithFault } from './judge.ts'
import type { Depth } from './judge.ts'
import type { CrashKind } from './model.ts'
import { describe } from './session.ts'
import type { Workload } from './workloads.ts'

export interface Failure {
  /** Names the state; `replay` takes it. */
  readonly state: string
  readonly what: string
}

/** What was done, and what was wrong. */
export interface Tally {
  /** What was left by a crash or a failure, and checked. */
  states: number
  readonly failures: Failure[]
  readonly coverage: Coverage
}

export function newTally(): Tally {
  return { states: 0, failures: [], coverage: new Coverage() }
}

/** A crash, and others in the recovery after it. */
export interface Twice {
  readonly first: Crash
  /** Those of the second, from what the recovery changes on the disk. */
  readonly second: (points: readonly Point[]) => readonly Crash[]
}

/** What is done to a workload. */
export interface Plan {
  readonly crashes: readonly Crash[]
  readonly twice: readonly Twice[]
  /** The nth operation that can fail so does. */
  readonly faults: readonly { readonly kind: FaultKind; readonly n: number }[]
}

/** The operations of a workload that can fail so, in order. */
export function thatCanFail({ operations }: Course, { kinds, path }: FaultKind): Point[] {
  return operations.filter(
    (point) => kinds.includes(point.kind) && (path === undefined || path.test(point.path)),
  )
}

/** Brings about all states of the plan, and checks them. */
export async function attack(workload: Workload, course: Course, plan: Plan, tally: Tally): Promise<void> {
  const { coverage } = tally
  for await (const wreck of wrecksInTurn(workload, plan.crashes)) {
    const { crash } = wreck
    const point = course.mutations[crash.n - 1]
    if (point !== undefined) coverage.add('crash', point)
    await noting(tally, nameOf(workload, crash), () => checkWreck(wreck, crash.kind))
  }
  const firsts = plan.twice.map(({ first }) => first)
  for await (const wreck of wrecksInTurn(workload, firsts)) {
    const { first, second } = plan.twice.find((each) => each.first === wreck.crash)!
    await noting(tally, `${nameOf(workload, first)}#opening`, async () => {
      tally.states--
      const { wrecks, points } = await wrecksOfOpening(wreck, second)
      for (const again of wrecks) {
        const { crash } = again
        coverage.add('crash', points[crash.n - 1]!)
        const isPower = first.kind === 'power' || crash.kind === 'power'
        await noting(tally, nameOf(workload, first, crash), () =>
          checkWreck(again, isPower ? 'power' : 'kill'),
        )
      }
    })
  }
  for (const { kind, n } of workload.isFaulty === true ? [] : plan.faults) {
    await noting(tally, `${workload.name}#${kind.name}:${n}`, async () => {
      const states = await runWithFault(workload, kind, n)
      tally.states += states - 1
      const point = thatCanFail(course, kind)[n - 1]
      if (states > 0 && point !== undefined) coverage.add('failure', point)
    })
  }
}

/** Each wreck has a disk of its own: so many are held at once. */
const AT_ONCE = 64

async function* wrecksInTurn(workload: Workload, crashes: readonly Crash[]): AsyncGenerator<Wreck> {
  for (let at = 0; at < crashes.length; at += AT_ONCE)
    yield* await wrecksOf(workload, crashes.slice(at, at + AT_ONCE))
}

/** Of what crashes leave, by turns. */
const DEPTHS: readonly Depth[] = ['whole', 'found', 'kept', 'found']

function checkWreck({ crash, machine, history, options }: Wreck, worst: CrashKind): Promise<void> {
  const { kind, seed, n } = crash
  const depth = DEPTHS[(seed + n) % DEPTHS.length]!
  return checkAfter(machine.after(kind, seed), history, worst, options, depth)
}

async function noting(tally: Tally, state: string, step: () => Promise<void>): Promise<void> {
  tally.states++
  try {
    await step()
  } catch (error) {
    tally.failures.push({ state, what: describe(error) })
  }
}

function nameOf(workload: Workload, ...crashes: readonly Crash[]): string {
  return [workload.name, ...crashes.map(({ kind, n, seed }) => `${kind}:${n}:${seed}`)].join('#')
}

/** Brings about the one state that `name` names. @throws Error where it names none */
export async function replay(
  name: string,
  find: (workload: string) => Workload | undefined,
  tally: Tally,
): Promise<void> {
  const [first = '', ...steps] = name.split('#')
  const workload = find(first)
  if (workload === undefined) throw new Error(`there is no workload "${first}"`)
  const crashes = steps.flatMap((step): Crash[] => {
    const [kind, n, seed] = step.split(':')
    return kind === 'kill' || kind === 'power' ? [{ kind, n: Number(n), seed: Number(seed) }] : []
  })
  const course = await courseOf(workload)
  const none: Plan = { crashes: [], twice: [], faults: [] }
  const [crash, again] = crashes
  if (crash === undefined) {
    const [fault, n] = steps[0]?.split(':') ?? []
    const kind = FAULTS.find((each) => each.name === fault)
    if (kind === undefined) throw new Error(`there is no failure "${fault}"`)
    await attack(workload, course, { ...none, faults: [{ kind, n: Number(n) }] }, tally)
  } else if (steps.length === 1) {
    await attack(workload, course, { ...none, crashes: [crash] }, tally)
  } else {
    const second = (): Crash[] => (again === undefined ? [] : [again])
    await attack(workload, course, { ...none, twice: [{ first: crash, second }] }, tally)
  }
}

/** Every `stride`th number from 1 to `count`, beginning with one that `random` decides; with a stride of 1, all. */
function spread(count: number, stride: number, random: SeededRandom): number[] {
  const numbers: number[] = []
  for (let n = 1 + random.below(stride); n <= count; n += stride) numbers.push(n)
  return numbers
}

/** Everything that can go wrong at every `stride`th operation. */
export function thorough(course: Course, stride: number, seed: number): Plan {
  const random = new SeededRandom(seed)
  const some = (): number => 2 + random.below(1_000_000)
  const end = course.mutations.length + 1
  const crashes = [...spread(end - 1, stride, random), end].flatMap((n): Crash[] => {
    const power = [0, 1, some() | 1, some() & ~1, some()]
    const isTearable = course.mutations[n - 1]?.kind === 'write'
    const kill = isTearable ? [0, some() | 1] : [0]
    return [
      ...power.map((each): Crash => ({ kind: 'power', n, seed: each })),
      ...kill.map((each): Crash => ({ kind: 'kill', n, seed: each })),
    ]
  })
  const twice = spread(end, 11 * stride, random).flatMap((n) =>
    KINDS.flatMap((first) => KINDS.map((second) => twiceAt(first, second, n, 3, 3, random))),
  )
  const faults = FAULTS.flatMap((kind) =>
    spread(thatCanFail(course, kind).length, stride, random).map((n) => ({ kind, n })),
  )
  return { crashes, twice, faults }
}

const KINDS: readonly CrashKind[] = ['kill', 'power']

function twiceAt(
  kind: CrashKind,
  second: CrashKind,
  n: number,
  stride: number,
  seeds: number,
  random: SeededRandom,
): Twice {
  const first: Crash = { kind, n, seed: random.below(1_000_000) }
  const own = random.below(2 ** 31)
  return {
    first,
    second: (points) => {
      const draw = new SeededRandom(own)
      return spread(points.length, stride, draw).flatMap((m) =>
        [0, 1, 2 + draw.below(1_000_000)]
          .slice(3 - seeds)
          .map((seed): Crash => ({ kind: second, n: m, seed })),
      )
    },
  }
}

/**
 * A few states of each workload, so chosen that every kind of operation in every life is a crash point, and fails,
 * at least once; `more` further crash points.
 */
export function sampled(course: Course, more: number, seed: number): Plan {
  const random = new SeededRandom(seed)
  const some = (): number => 2 + random.below(1_000_000)
  const { mutations } = course
  const numbers = new Set([...oneOfEach(mutations, random), mutations.length + 1])
  for (let i = 0; i < more; i++) numbers.add(1 + random.below(mutations.length))
  const crashes = [...numbers].flatMap((n): Crash[] => [
    { kind: 'power', n, seed: 0 },
    { kind: 'power', n, seed: some() },
    { kind: 'kill', n, seed: some() },
  ])
  const first = KINDS[random.below(2)]!
  const second = KINDS[random.below(2)]!
  const at = 1 + random.below(mutations.length + 1)
  const faults = FAULTS.flatMap((kind) => {
    const all = thatCanFail(course, kind)
    // The other kinds are shared out: each meets some of the workloads.
    const isMet = kind.isForEach === true || random.chance(0.4)
    if (all.length === 0 || !isMet) return []
    const chosen = kind.isForEach === true ? oneOfEach(all, random) : [1 + random.below(all.length)]
    return chosen.map((n) => ({ kind, n }))
  })
  return { crashes, twice: [twiceAt(first, second, at, 5, 1, random)], faults }
}

/** Numbers (from 1) of the points: one, by chance, of each kind in each life. */
function oneOfEach(points: readonly Point[], random: SeededRandom): number[] {
  const cells = new Map<string, number[]>()
  for (const [i, { kind, life }] of points.entries()) {
    const cell = `${kind} ${life}`
    cells.set(cell, [...(cells.get(cell) ?? []), i + 1])
  }
  return [...cells.values()].map((numbers) => numbers[random.below(numbers.length)]!)
}

// Runs a workload once and keeps what a death at any of its changes of the disk would leave: a copy of the
// disk without the change or, a write, with a part of it, and what the caller knew at that instant. That
// the change had happened in full is what the next one would leave. Also says which operations there are,
// and to which life each belongs. Called by attack.ts.

import type { OperationKind } from '../../src/fs/operation-kind.ts'
import { lifeNow, watchingLives } from './lives.ts'
import type { Life } from './lives.ts'
import { Machine, rest } from './machine.ts'
import type { CrashKind, History } from './model.ts'
import { Broken, Session } from './session.ts'
import type { SessionOptions } from './session.ts'
import type { Workload } from './workloads.ts'

/** An operation of a run. */
export interface Point {
  readonly kind: OperationKind
  readonly path: string
  readonly life: Life
}

/** What a workload does while things may go wrong. */
export interface Course {
  /** Changes and syncs, as they happen. */
  readonly mutations: readonly Point[]
  /** All operations, as they are called, those that fail by themselves included. */
  readonly operations: readonly Point[]
}

/** A death at the nth change (from 1; one more than there are: at the end). */
export interface Crash {
  readonly kind: CrashKind
  readonly n: number
  /** Odd ones above 1: a write may be done in part. A power loss takes nothing with 1, all unsynced with 0, else some. */
  readonly seed: number
}

/** What a death has left. */
export interface Wreck {
  readonly crash: Crash
  /** The machine on which it happened, with the disk of that instant. */
  readonly machine: Machine
  readonly history: History
  readonly options: SessionOptions
}

/** @throws Broken where the workload goes wrong without any fault */
export async function courseOf(workload: Workload): Promise<Course> {
  const session = Session.on(Machine.faulty(workload.options), workload.options)
  const mutations: Point[] = []
  const operations: Point[] = []
  try {
    await workload.prepare(session)
    const { disk, faults } = session.machine
    disk.observeMutations(({ kind, path }) => mutations.push({ kind, path, life: lifeNow() }))
    faults!.observer = (kind, path) => operations.push({ kind, path, life: lifeNow() })
    await watchingLives(async () => {
      await workload.run(session)
      await rest()
    })
    disk.observeMutations(undefined)
    faults!.observer = undefined
    const text = session.isOpen ? await session.text() : session.history.text
    if (text !== session.history.text)
      throw new Broken(`without any fault:\n--- found\n${text}\n--- expected\n${session.history.text}`)
    return { mutations, operations }
  } finally {
    await session.abandon()
  }
}

/** What each of the crashes leaves, in their order; none for those beyond the end. */
export async function wrecksOf(workload: Workload, crashes: readonly Crash[]): Promise<Wreck[]> {
  const session = Session.on(Machine.faulty(workload.options), workload.options)
  try {
    await workload.prepare(session)
    return await captured(session, crashes, () => workload.run(session))
  } finally {
    await session.abandon()
  }
}

/** What each of the crashes leaves of the opening that follows a crash, and how many changes that makes. */
export async function wrecksOfOpening(
  wreck: Wreck,
  choose: (points: readonly Point[]) => readonly Crash[],
): Promise<{ readonly wrecks: readonly Wreck[]; readonly points: readonly Point[] }> {
  const { kind, seed } = wreck.crash
  const points: Point[] = []
  const history = wreck.history.clone()
  history.crashed(kind)
  const opened = async <T>(use: (session: Session) => Promise<T>): Promise<T> => {
    const session = Session.on(wreck.machine.after(kind, seed), wreck.options, history.clone())
    session.opening = 'recovery'
    try {
      return await use(session)
    } finally {
      await session.abandon()
    }
  }
  await opened(async (session) => {
    session.machine.disk.observeMutations(({ kind, path }) => points.push({ kind, path, life: 'recovery' }))
    await session.open()
    session.machine.disk.observeMutations(undefined)
  })
  // The end of the opening is checked after single crashes.
  const crashes = choose(points).filter(({ n }) => n <= points.length)
  if (crashes.length === 0) return { wrecks: [], points }
  const wrecks = await opened((session) => captured(session, crashes, () => session.open()))
  return { wrecks, points }
}

async function captured(
  session: Session,
  crashes: readonly Crash[],
  run: () => Promise<unknown>,
): Promise<Wreck[]> {
  const found = new Map<Crash, Wreck>()
  const wanted = new Map<number, Crash[]>()
  for (const crash of crashes) wanted.set(crash.n, [...(wanted.get(crash.n) ?? []), crash])
  const { machine, options } = session
  const keep = (crash: Crash, disk: Machine['disk']): void => {
    found.set(crash, { crash, machine: machine.withDisk(disk), history: session.history.clone(), options })
  }
  let n = 0
  machine.disk.observeMutations((pending) => {
    n++
    for (const crash of wanted.get(n) ?? []) {
      const code = crash.kind === 'kill' ? 'EKILLED' : 'EPOWER'
      const torn = crash.seed > 1 && crash.seed % 2 === 1 ? pending.torn(code, crash.seed) : undefined
      keep(crash, torn ?? pending.before())
    }
  })
  await run()
  await rest()
  machine.disk.observeMutations(undefined)
  if (session.machine !== machine) throw new Error('a workload crashes only while it prepares')
  for (const crash of wanted.get(n + 1) ?? []) keep(crash, machine.disk.clone())
  return crashes.flatMap((crash) => found.get(crash) ?? [])
}

// Reads of the head, of snapshots and of a second process, compared with the states that they must show.
// Called by the run of the model test.

import { difference, readDiffers } from './model-compare.ts'
import type { ModelReader } from './model-compare.ts'
import type { Operation } from './model-operations.ts'
import { Died } from './model-session.ts'
import type { ModelSession } from './model-session.ts'
import { domainsOf } from './model-store.ts'
import type { ModelState } from './model-store.ts'

export async function readPart(
  session: ModelSession,
  { what, snapshot, channels, range, timestamps, count }: Operation & { do: 'read' },
): Promise<void> {
  const pinned =
    snapshot === 0 ? undefined : session.snapshots[snapshot % Math.max(1, session.snapshots.length)]
  const state = pinned?.state ?? session.state
  const all = [...state.values()]
  const chosen = all.filter((_, i) => (channels >> (i % 6)) & 1)
  if (chosen.length === 0) chosen.push(...all)
  if (chosen.length === 0) return
  const reader = pinned?.snapshot ?? session.open.db
  const read = { what, channels: chosen, ...session.range(range), timestamps, count }
  const outcome = await session.call(what, undefined, () => readDiffers(reader, read))
  const wrong = session.expect(what, outcome, [])
  if (wrong !== undefined)
    throw new Error(
      `${what} [${read.start}, ${read.end}) of ${pinned === undefined ? 'the head' : 'a snapshot'}: ${wrong}`,
    )
}

export async function checkAll(session: ModelSession, what: string): Promise<void> {
  await compare(session, what, session.open.db, session.state)
  for (const { snapshot, state } of session.snapshots) await compare(session, 'a snapshot', snapshot, state)
  const outcome = await session.call('stats', undefined, () => session.open.db.stats())
  const { channels } = session.expect('stats', outcome, [])!
  for (const { name, samples } of session.state.values()) {
    const found = channels[name]
    if (found?.samples === samples.length && found.domains === domainsOf(samples).length) continue
    throw new Error(
      `stats of "${name}" are ${JSON.stringify(found)}: should be ${samples.length} samples in ${domainsOf(samples).length} domains`,
    )
  }
}

export async function compare(
  session: ModelSession,
  what: string,
  reader: ModelReader,
  state: ModelState,
): Promise<void> {
  const outcome = await session.call(what, undefined, () => difference(reader, state))
  const wrong = session.expect(what, outcome, [])
  if (wrong !== undefined) throw new Error(`${what}: ${wrong}`)
}

export async function closeSnapshot(session: ModelSession, pick: number): Promise<void> {
  const found = session.snapshots[pick % Math.max(1, session.snapshots.length)]
  if (found === undefined) return
  await compare(session, 'a snapshot', found.snapshot, found.state)
  await found.snapshot.close()
  session.snapshots = session.snapshots.filter((each) => each !== found)
}

/** Opens the database a second time, to read, beside the writing process. */
export async function peek(session: ModelSession): Promise<void> {
  const outcome = await session.call('opening to read', undefined, () => session.machine.open(true))
  const { db } = session.expect('opening to read', outcome, [])!
  const what = 'a reader beside the writer'
  const states = session.history.survivors(false, [])
  const matching = await session.call(what, undefined, () => matchingState(session, what, db, states))
  session.expect(what, matching, [])
  // The process may die in this call as in any other: what goes on beside it in the background may be its end.
  const closed = await session.call('closing the reader', undefined, () => db.close())
  session.expect('closing the reader', closed, [])
}

export async function verifyAll(session: ModelSession): Promise<void> {
  const outcome = await session.call('verify', undefined, () => session.open.db.verify())
  const report = session.expect('verify', outcome, [])!
  if (session.machine.disk.isDead) throw new Died([])
  if (!report.ok) throw new Error(`verify found ${JSON.stringify(report.problems, undefined, 1)}`)
}

/** The state that a reader shows, of those that it may show. */
export async function matchingState(
  session: ModelSession,
  what: string,
  reader: ModelReader,
  states: readonly ModelState[],
): Promise<ModelState> {
  const wrong: string[] = []
  for (const state of states.toReversed()) {
    const found = await difference(reader, state)
    if (found === undefined) return state
    wrong.push(found)
  }
  throw new Error(
    `${what} shows none of the ${wrong.length} states that it may show. From the newest on:\n${wrong.join('\n')}`,
  )
}

// A delete: one read-modify-write under one held set of guards, one durable record. What it takes was worked
// out in slices (delete-draft.ts); here, in the very step that appends and publishes, what was committed
// since is found as well (pitfall "read, then half deleted"). Nothing is flushed, nothing rewritten: pointers
// are cut, bytes become tombstones.

import type { Stream } from '../domain/stream.ts'
import type { Held } from '../guard/held.ts'
import type { Channel } from '../telem/channel.ts'
import type { TimeRange } from '../telem/time-range.ts'
import { takeSteps } from '../steps.ts'
import { byName } from './by-name.ts'
import { DeleteDraft } from './delete-draft.ts'
import type { Engine } from './engine.ts'
import { inSlices, SLICE_MS } from './turns.ts'
import type { Turns } from './turns.ts'

/** What a delete did. */
export interface DeleteResult {
  /** By name: samples removed; 0 where there were none. */
  readonly samples: Record<string, number>
  /** Bytes of segments that became tombstones. */
  readonly bytes: number
}

/**
 * A delete that was made: of these channels, and the LSN of its record; none where nothing was in the range.
 */
export interface DeleteDone {
  readonly found: readonly Channel[]
  readonly draft: DeleteDraft
  readonly lsn: number | undefined
}

/**
 * Rounds after what was committed meanwhile; what is left then, by a writer that is never behind, the step
 * takes.
 */
const ROUNDS = 4

/** So many channels may be looked at in the step. */
const FEW = 512

/**
 * Works out in slices what the delete takes. What is held lets nobody change these pointers meanwhile, nor
 * cut or flush these tails.
 *
 * **Guard:** index, exclusive, for all groups of the channels, until `deleteUnder` has returned.
 * @throws DependentDataError, StorageError, CorruptionError
 */
export async function draftDelete(
  held: Held<'index', 'exclusive'>,
  engine: Engine,
  channels: readonly Channel[],
  range: TimeRange,
): Promise<DeleteDraft> {
  const draft = new DeleteDraft(held, engine, range)
  const { turns } = engine
  await inSlices(turns, draft.take(channels), SLICE_MS)
  for (let round = 0; round < ROUNDS; round++)
    if ((await inSlices(turns, draft.takeSince(), SLICE_MS)) <= FEW) break
  await turns.before(channels.length)
  return draft
}

/**
 * Publishes a delete.
 *
 * **Guard:** index, exclusive, for all its groups. **Durable:** handed to the operating system.
 * @param draft made under the same guards
 * @returns the LSN of its record; none where nothing was in the range
 * @throws DependentDataError, StorageError, CorruptionError; then nothing has changed
 */
export function deleteUnder(
  held: Held<'index', 'exclusive'>,
  engine: Engine,
  draft: DeleteDraft,
): number | undefined {
  draft.assertUnder(held)
  takeSteps(draft.takeSince())
  const { tailCut: tail, changes, tailCuts } = draft
  if (tail.keys.length === 0) return undefined
  tailCuts.check()
  const lsn = engine.publishEdit({ kind: 'delete', changes: changes.list, tail }, changes)
  for (const run of tailCuts.apply()) if (run.kind === 'extents') engine.tailExtents -= run.shape.keys.length
  engine.noteTailFreed(tailCuts.freed, lsn)
  engine.deadSpace.noteTailCuts(tailCuts.gone, lsn)
  let removed: ReadonlySet<number> | undefined
  for (const group of draft.groups()) {
    group.generation++
    for (const stream of group.streams)
      if (endsIn(stream, tail)) breakStream(stream, (removed ??= new Set(tail.keys)))
  }
  return lsn
}

/** What is told of a delete, put together in slices. */
export async function resultOf(turns: Turns, { found, draft, lsn }: DeleteDone): Promise<DeleteResult> {
  const samples = await byName(turns, found, (position) => draft.samplesOf(position))
  return { samples, bytes: lsn === undefined ? 0 : draft.bytes }
}

/** Whether what a writer committed last is in the range. */
function endsIn({ committedLast }: Stream, { start, end }: TimeRange): boolean {
  return committedLast !== undefined && committedLast >= start && committedLast < end
}

/** A writer whose last committed sample went must not join what it commits next to it. */
function breakStream({ shape, broken }: Stream, removed: ReadonlySet<number>): void {
  for (const key of shape.keys) if (removed.has(key)) broken.add(key)
}

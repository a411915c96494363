// A collection: gives the bytes of tombstones back without blocking a reader or a writer. Segments that are
// wholly dead are dropped; into those that are dead enough holes are punched, where the file system can;
// small extents are merged; what is then still dead enough is rewritten. What gives room and takes none comes
// first; on a full disk the journal is retired as well, and what has no room is left and reported. Costs what
// is dead and what is small, not what lives, but for segments that are rewritten.

import { CorruptionError } from '../../errors.ts'
import { isDiskFull, neededBy } from '../../fs/storage-error.ts'
import { join, segmentFile } from '../../fs/layout.ts'
import type { Segment } from '../../segment/segment-pool.ts'
import { isDeadEnough, isWhollyDead, planBatches, planGather } from './collect-plan.ts'
import { accountOf, CollectRun, liveBytes, noRoom, tryHold } from './collect-run.ts'
import type { CollectOptions } from './collect-run.ts'
import { removeDropped } from './drop.ts'
import type { Engine } from '../engine.ts'
import { findDead } from './find-dead.ts'
import type { Flusher } from '../flusher.ts'
import type { GcReport } from './gc-report.ts'
import { mergeSmall } from './merge.ts'
import type { Unmerged } from './merge.ts'
import { punchSegment } from './punch.ts'
import { retireOldest } from '../retire.ts'
import { collectBatch } from './rewrite.ts'

/**
 * Runs one collection.
 * @throws StorageError, LeaseLostError, the signal's reason; the database is consistent then
 */
export async function collect(engine: Engine, flusher: Flusher, options: CollectOptions): Promise<GcReport> {
  const run = new CollectRun(engine, flusher, options)
  const { deadSpace, reserve } = engine
  using _known = deadSpace.use()
  // What is pinned now is not rewritten in vain.
  await engine.oldestPin()
  await removeDropped(engine, run)
  await findDead(engine)
  run.begin(
    run.segments,
    run.segments.filter((segment) => isWanted(run, segment)),
  )
  await giveBack(run)
  if (reserve.wasFull) await retireJournal(run)
  // Merging takes room before it gives any.
  const mergesFirst = !reserve.wasFull
  if (mergesFirst) await merge(run)
  await rewrite(run)
  if (!mergesFirst) await merge(run)
  run.end()
  if (reserve.refill()) reserve.wasFull = false
  return run.report
}

function isWanted({ engine, options }: CollectRun, segment: Segment): boolean {
  const account = accountOf(engine, segment)
  if (account.size <= 0) return segment !== engine.segments.active
  return isDeadEnough(account, options.threshold)
}

/** Drops what is wholly dead, and punches what else is dead enough. */
async function giveBack(run: CollectRun): Promise<void> {
  const { engine } = run
  const dead = wanted(run).filter((segment) => isWhollyDead(accountOf(engine, segment)))
  await collectTogether(run, dead)
  for (const segment of wanted(run)) {
    if (!engine.canPunch) return
    run.options.signal?.throwIfAborted()
    await punch(run, segment)
  }
}

/** What of the segments there are now is dead enough, and was not tried. */
function wanted(run: CollectRun): Segment[] {
  return run.segments.filter((segment) => !run.tried.has(segment) && isWanted(run, segment))
}

/** Those that are busy, or of which too much is left, are left to a rewrite. */
async function punch(run: CollectRun, segment: Segment): Promise<void> {
  const { engine } = run
  using held = tryHold(engine, [segment])
  if (held === undefined) return
  const bytes = await punchSegment(engine, segment, run.options.signal)
  if (bytes === 0) return
  run.bytesPunched += bytes
  run.bytesReclaimed += bytes
  run.collected(segment)
  engine.reserve.refill()
  run.done(isWanted(run, segment) ? [] : [segment])
}

/**
 * Rewrites what is still dead enough, those with the fewest live bytes first; and gathers small segments,
 * unless room is short.
 */
async function rewrite(run: CollectRun): Promise<void> {
  const { engine } = run
  const { segmentSize } = engine.options
  const live = (segment: Segment): number => liveBytes(engine, segment)
  for (const batch of planBatches(wanted(run), live, segmentSize)) await collectTogether(run, batch)
  if (engine.reserve.wasFull) return
  const sealed = run.segments.filter((segment) => segment.sealed && !run.tried.has(segment))
  for (const batch of planBatches(planGather(sealed, live, segmentSize), live, segmentSize))
    await collectTogether(run, batch)
}

async function collectTogether(run: CollectRun, batch: readonly Segment[]): Promise<void> {
  run.options.signal?.throwIfAborted()
  if (batch.length === 0) return
  await collectBatch(run, batch)
  for (const segment of batch) run.tried.add(segment)
  await removeDropped(run.engine, run)
  run.done(batch)
}

/** Merges small extents, and gives back what that has left. */
async function merge(run: CollectRun): Promise<void> {
  const { engine, options } = run
  options.signal?.throwIfAborted()
  const report = { merged: 0, written: 0 }
  try {
    for (const unmerged of await mergeSmall(engine, options.signal, report)) tellUnmerged(run, unmerged)
  } finally {
    run.bytesReclaimed -= report.written
    run.extentsMerged += report.merged
  }
  if (report.merged > 0) await giveBack(run)
}

function tellUnmerged(run: CollectRun, { pointers, error }: Unmerged): void {
  const { directory } = run.engine
  const file = error instanceof CorruptionError ? error.file : undefined
  const ids = [...new Set(pointers.map(({ segment }) => segment))]
  const id = ids.find((each) => join(directory, segmentFile(each)) === file) ?? ids[0]
  if (id === undefined) return
  const bytes = pointers.reduce((sum, { live }) => sum + live, 0)
  run.skip(segmentFile(id), isDiskFull(error) ? noRoom(bytes) : error.message)
}

/** On a full disk the journal is room too: what keeps its files is flushed, and they go, the oldest first. */
async function retireJournal(run: CollectRun): Promise<void> {
  const { engine, flusher, options } = run
  const { reserve } = engine
  for (const file of [...(engine.journal?.files ?? [])]) {
    options.signal?.throwIfAborted()
    const before = bytesOf(engine)
    try {
      await reserve.lend(() => flusher.flushKeeping(file))
      if (!(await retireOldest(engine))) return
    } catch (error) {
      if (!isDiskFull(error)) throw error
      run.skip(file.name, noRoom(neededBy(error)))
      return
    } finally {
      run.bytesReclaimed += before - bytesOf(engine)
    }
  }
}

/** Bytes of all logs and segments. */
function bytesOf({ journal, manifest, segments }: Engine): number {
  const logs = (journal?.size ?? 0) + (manifest?.size ?? 0)
  return segments.all().reduce((sum, { size }) => sum + size, logs)
}

// Rewriting segments, several together: what lives in them is moved to new ones, and they are dropped. For
// what stays fragmented where holes were punched, and for platforms without holes; wholly dead segments are
// dropped by the same steps. What is damaged, or has no room to be moved, stays and is told. Called by
// collections.

import { CorruptionError } from '../../errors.ts'
import { isDiskFull } from '../../fs/storage-error.ts'
import type { Segment } from '../../segment/segment-pool.ts'
import { isWhollyDead } from './collect-plan.ts'
import { accountOf, liveBytes, noRoom, STILL_NEEDED, tryHold } from './collect-run.ts'
import type { CollectRun } from './collect-run.ts'
import { dropSegments } from './drop.ts'
import type { Engine } from '../engine.ts'
import { relocate, wherever } from './relocate.ts'

/**
 * Damage in one segment, or no room for it, keeps no other from being collected: what cannot be moved stays,
 * and is told.
 */
export async function collectBatch(run: CollectRun, batch: readonly Segment[]): Promise<void> {
  const { engine } = run
  const left = await tryBatch(run, batch)
  if (left === undefined) return
  const [only, ...others] = left.segments
  if (others.length > 0) {
    const fewestFirst = left.segments.toSorted((a, b) => liveBytes(engine, a) - liveBytes(engine, b))
    for (const segment of fewestFirst) await collectBatch(run, [segment])
    return
  }
  if (only === undefined) return
  const live = liveBytes(engine, only) + only.tailLive
  if (isDiskFull(left.error)) run.noRoomFor = Math.min(run.noRoomFor, live)
  run.skipSegment(only, isDiskFull(left.error) ? noRoom(live) : left.error.message)
}

/** What a try has left as it was, and why: something in it is damaged, or the disk is full. */
interface Left {
  readonly segments: readonly Segment[]
  readonly error: Error
}

/**
 * Bytes: dead ones for which a segment is ended, so that a forgotten reader makes no more files than it keeps
 * MiB.
 */
const SEAL_DEAD = 1024 * 1024

/** Collects what of a batch is free. Returns what was left for a reason that may lie in one segment alone. */
async function tryBatch(run: CollectRun, batch: readonly Segment[]): Promise<Left | undefined> {
  const { engine, flusher, options } = run
  const { reserve } = engine
  const fitting = batch.filter((segment) => {
    const live = liveBytes(engine, segment) + segment.tailLive
    if (live < run.noRoomFor) return true
    run.skipSegment(segment, noRoom(live))
    return false
  })
  // Runs of tails stay where they are: they must be pointers before their segment can go.
  for (const segment of fitting) {
    if (segment.tailLive === 0) continue
    try {
      await reserve.lend(() => flusher.flushNaming(segment.id))
    } catch (error) {
      if (!isDiskFull(error)) throw error
      return { segments: fitting, error: error as Error }
    }
  }
  const free = fitting.filter((segment) => {
    const reason = reasonToSkip(engine, segment)
    if (reason !== undefined) run.skipSegment(segment, reason)
    // What is appended to it would be freed behind the pins of the next run, too, and of every one after
    // that.
    if (reason === STILL_NEEDED && !segment.sealed && segment.size - liveBytes(engine, segment) >= SEAL_DEAD)
      engine.segments.seal(segment)
    return reason === undefined
  })
  if (free.length === 0) return undefined
  using held = tryHold(engine, free)
  if (held === undefined) return undefined
  for (const segment of free) if (!segment.sealed) engine.segments.seal(segment)
  const ids = new Set(free.map(({ id }) => id))
  if (free.some((segment) => liveBytes(engine, segment) > 0)) {
    const report = { merged: 0, written: 0 }
    const { signal } = options
    try {
      await reserve.lend(() => relocate(engine, held, wherever(engine.turns, ids), { signal, report }))
    } catch (error) {
      if (!(error instanceof CorruptionError) && !isDiskFull(error)) throw error
      return { segments: free, error: error as Error }
    } finally {
      // What was written before it ended counts too.
      run.bytesReclaimed -= report.written
      run.extentsMerged += report.merged
    }
  }
  const empty = free.filter((segment) => {
    if (isWhollyDead(accountOf(engine, segment))) return true
    run.skipSegment(segment, 'something in it could not be moved')
    return false
  })
  dropSegments(engine, empty)
  for (const segment of empty) run.collected(segment)
  return undefined
}

/** Why a segment cannot be collected now. Checked in the step that takes its guard. */
function reasonToSkip(engine: Engine, segment: Segment): string | undefined {
  const held = tryHold(engine, [segment])
  if (held === undefined) return 'busy: something is appended to it'
  held.release()
  if (segment.reserved > 0) return 'samples that are not committed yet lie in it'
  if (segment.tailLive > 0) return 'commits that are not flushed yet lie in it'
  if (engine.pins.oldest < segment.freed) return STILL_NEEDED
  return undefined
}

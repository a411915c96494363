// Segments that nothing needs: an edit drops them, and their files go when that is on the disk and no pin is
// older than what was freed in them (S2, S6). Called by collections, and by openings that are short of room.

import { isDiskFull, storageError } from '../../fs/storage-error.ts'
import { segmentFile } from '../../fs/layout.ts'
import type { Segment } from '../../segment/segment-pool.ts'
import { isWhollyDead } from './collect-plan.ts'
import { accountOf, STILL_NEEDED } from './collect-run.ts'
import type { CollectRun } from './collect-run.ts'
import { oldestPinAfter } from './destroying.ts'
import type { Engine } from '../engine.ts'

/**
 * Drops the segments in which nothing lives and removes their files: takes the room of a record and gives
 * theirs. For an opening that has used the reserve, before anybody else is there. Where there is no room for
 * the record, the next collection tries.
 * @throws StorageError, LeaseLostError
 */
export async function dropDead(engine: Engine): Promise<void> {
  const { segments } = engine
  const isDead = (segment: Segment): boolean =>
    segment !== segments.active && isWhollyDead(accountOf(engine, segment))
  try {
    dropSegments(engine, segments.all().filter(isDead))
  } catch (error) {
    if (!isDiskFull(error)) throw error
  }
  await removeDropped(engine)
}

/** From now on no record names them; their files go when nobody needs them any more. */
export function dropSegments(engine: Engine, segments: readonly Segment[]): void {
  const named = segments.map(({ id }) => id).filter((id) => engine.version.segments.get(id) !== undefined)
  for (const segment of segments) segment.punched = accountOf(engine, segment).punched
  const lsn = named.length === 0 ? engine.lastLsn : engine.publishEdit({ kind: 'drop', segments: named })
  for (const segment of segments) engine.dropped.set(segment, lsn)
}

/** Removes the files of dropped segments that nobody needs any more. @throws StorageError, LeaseLostError */
export async function removeDropped(engine: Engine, run?: CollectRun): Promise<void> {
  if (engine.dropped.size === 0) return
  let newest = 0
  for (const lsn of engine.dropped.values()) newest = Math.max(newest, lsn)
  const oldest = await oldestPinAfter(engine, newest)
  for (const segment of [...engine.dropped.keys()]) {
    if (oldest < segment.freed) {
      run?.skip(segmentFile(segment.id), STILL_NEEDED)
      continue
    }
    engine.lookNow()
    const { size, punched } = segment
    try {
      await engine.segments.remove(segment)
    } catch (cause) {
      throw storageError('Cannot remove a segment', segmentFile(segment.id), cause)
    }
    engine.dropped.delete(segment)
    engine.deadSpace.forget(segment.id)
    engine.reserve.refill()
    if (run === undefined) continue
    run.segmentsRemoved++
    run.bytesReclaimed += size - punched
  }
}

// What of the segments' dead bytes is in no note: what was dead before the database was opened, found once,
// by the first collection, and what was forgotten since. What nothing reaches in one instant nothing will
// ever reach. Reads nothing of a segment. Called by collections.

import { epochOf } from '../../fs/layout.ts'
import { FIRST_EXTENT } from '../../segment/segment-file.ts'
import { subtract, windowsOf } from '../../version/byte-ranges.ts'
import type { ByteRange } from '../../version/byte-ranges.ts'
import type { Pointer, SegmentId } from '../../version/pointer.ts'
import { STRETCH } from './dead-ranges.ts'
import type { DeadSpace } from './dead-space.ts'
import type { Engine } from '../engine.ts'
import { Reached } from './reached.ts'
import { SLICE_MS } from '../turns.ts'
import { stretchesReaching, walkPointers } from '../walk-pointers.ts'

/**
 * Finds what is dead and in no note: what was dead when the database was opened, in segments of earlier
 * epochs, and what was forgotten since. What nothing reaches in one instant, and is not reserved, nothing
 * will ever reach. The first time it looks at every pointer, and finds where small extents lie as well; later
 * at those near such segments.
 */
export async function findDead(engine: Engine): Promise<void> {
  const { deadSpace, turns, segments } = engine
  using _known = deadSpace.use()
  while (deadSpace.isBehind) await deadSpace.catchUp(turns)
  const isFirst = !deadSpace.isComplete
  if (isFirst) {
    for (const { id, freed } of segments.all())
      if (epochOf(id) < engine.epoch) deadSpace.markUnknown(id, freed)
  }
  // Live in this instant: what goes meanwhile is noted as it goes, and what comes lies behind.
  const searches = searchesNow(engine)
  if (searches.size > 0 || isFirst) await addPointers(engine, searches, isFirst)
  for (const [id, { reached, size, lsn }] of searches) {
    for (const gaps of reached.gaps(FIRST_EXTENT, size)) {
      await noteDead(engine, id, gaps, lsn)
      await turns.due(SLICE_MS)
    }
    deadSpace.settleUnknown(id)
  }
  deadSpace.isComplete = true
}

/** A segment in which something is dead that is in no note. */
interface Search {
  readonly reached: Reached
  /** In the instant; what is handed out later lies behind it. */
  readonly size: number
  /** Of the last record that may have freed what is not noted. */
  readonly lsn: number
}

/** Those that can be searched now, with what tails reach in them. */
function searchesNow({ deadSpace, segments, groups, dropped }: Engine): Map<SegmentId, Search> {
  const searches = new Map<SegmentId, Search>()
  for (const [id, lsn] of [...deadSpace.unknown]) {
    const segment = segments.find(id)
    if (segment === undefined || dropped.has(segment)) deadSpace.settleUnknown(id)
    // What is reserved nothing reaches yet, and nobody knows where it is: another time.
    else if (segment.reserved === 0) searches.set(id, { reached: new Reached(), size: segment.size, lsn })
  }
  // What of an extent in doubt is dead, its doubt says, and by which record: perhaps a newer one.
  for (const [id, { reached }] of searches) {
    for (const offset of deadSpace.doubtsOf(id)) {
      const { length = 0 } = deadSpace.doubtAt(id, offset) ?? {}
      reached.add(offset, length)
    }
  }
  for (const { runs } of groups.values()) {
    for (const run of runs) {
      if (run.kind === 'strip') continue
      for (const [key, { pointers }] of run.pointers)
        for (const pointer of pointers) addReached(deadSpace, searches, key, pointer)
    }
  }
  return searches
}

/** Adds what pointers of the version of this instant reach. */
async function addPointers(
  { deadSpace, smallExtents, turns, version }: Engine,
  searches: ReadonlyMap<SegmentId, Search>,
  isFirst: boolean,
): Promise<void> {
  const ids = new Set(searches.keys())
  for (const [key, table] of version.pointers.entries()) {
    if (isFirst) {
      await walkPointers(turns, table, (pointer) => {
        addReached(deadSpace, searches, key, pointer)
        smallExtents.note(key, pointer)
      })
      continue
    }
    for await (const { from, to } of stretchesReaching(turns, table, ids))
      table.forEach(from, to, (pointer) => addReached(deadSpace, searches, key, pointer))
  }
}

function addReached(
  deadSpace: DeadSpace,
  searches: ReadonlyMap<SegmentId, Search>,
  key: number,
  pointer: Pointer,
): void {
  const search = searches.get(pointer.segment)
  if (search === undefined) return
  search.reached.add(pointer.offset, pointer.length)
  if (pointer.live < pointer.length) deadSpace.raiseDoubt(key, pointer, search.lsn)
}

/** Notes what is dead (sorted), but for what is known and what was punched. The loop turns in between. */
export async function noteDead(
  engine: Engine,
  id: SegmentId,
  dead: Iterable<ByteRange>,
  lsn: number,
): Promise<void> {
  const { deadSpace, turns } = engine
  let left: { start: number; end: number } | undefined
  for (const window of windowsOf(dead, STRETCH)) {
    const [start, end] = [window[0]!.start, window.at(-1)!.end]
    const isLeft = subtract(window, engine.version.segments.get(id)?.holes?.meeting(start, end) ?? [])
    for (const range of subtract(isLeft, deadSpace.deadOf(id).meeting(start, end))) {
      if (left?.end === range.start) left.end = range.end
      else {
        if (left !== undefined) deadSpace.noteRange(id, { ...left, lsn })
        left = { ...range }
      }
    }
    const turn = turns.due(SLICE_MS)
    if (turn !== undefined) await turn
  }
  if (left !== undefined) deadSpace.noteRange(id, { ...left, lsn })
}

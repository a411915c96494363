// What of the segments' dead bytes is not known yet: what was dead before the database was opened, found once,
// by the first collection; and extents of which something went, whose pointers tell what of them is left.
// Reads of a segment no more than headers of such extents. Called by collections.

import { CorruptionError } from '../../errors.ts'
import { epochOf } from '../../fs/layout.ts'
import { deadBlocks } from '../../segment/dead-blocks.ts'
import type { SampleRange } from '../../segment/dead-blocks.ts'
import { FIRST_EXTENT } from '../../segment/segment-file.ts'
import type { Segment } from '../../segment/segment-pool.ts'
import { byteWidth } from '../../telem/data-type.ts'
import { complement, meeting, subtract, unite } from '../../version/byte-ranges.ts'
import type { ByteRange } from '../../version/byte-ranges.ts'
import type { Pointer, SegmentId } from '../../version/pointer.ts'
import { groupOf } from '../../version/version.ts'
import type { Doubt } from './dead-space.ts'
import type { Engine } from '../engine.ts'
import { walkPointers } from '../walk-pointers.ts'

/**
 * Finds what was dead when the database was opened, in the segments of earlier epochs, which nobody has appended to
 * since; and where small extents lie. Looks at every pointer, the first time that it is called.
 */
export async function findDead(engine: Engine): Promise<void> {
  const { deadSpace, smallExtents, turns, segments } = engine
  while (deadSpace.isBehind) await deadSpace.catchUp(turns)
  if (deadSpace.isComplete) return
  // Live in this instant: what goes meanwhile is noted as it goes, and nothing comes in old segments.
  const { version } = engine
  const live = new Map<SegmentId, ByteRange[]>()
  for (const segment of segments.all()) if (epochOf(segment.id) < engine.epoch) live.set(segment.id, [])
  const add = (key: number, pointer: Pointer): void => {
    const { segment, offset, length } = pointer
    const ranges = live.get(segment)
    if (ranges === undefined) return
    ranges.push({ start: offset, end: offset + length })
    if (pointer.live < length) deadSpace.raiseDoubt(key, pointer, segments.find(segment)?.freed ?? 0)
  }
  for (const { runs } of engine.groups.values()) {
    for (const run of runs) {
      if (run.kind === 'strip') continue
      for (const [key, list] of run.pointers) for (const pointer of list.pointers) add(key, pointer)
    }
  }
  for (const [key, table] of version.pointers.entries()) {
    await walkPointers(turns, table, (pointer) => {
      add(key, pointer)
      smallExtents.note(key, pointer)
    })
  }
  for (const [id, ranges] of live) {
    const segment = segments.find(id)
    if (segment !== undefined) {
      const dead = complement(unite(ranges), FIRST_EXTENT, segment.size)
      noteDead(engine, segment, dead, deadSpace.deadOf(id), segment.freed)
    }
    await turns.due()
  }
  deadSpace.isComplete = true
}

/** Finds what is dead of extents of a segment of which something went. One whose header cannot be read stays in doubt. */
export async function settleDoubts(engine: Engine, segment: Segment): Promise<void> {
  const { deadSpace, turns } = engine
  // What is found below lies in other extents each time.
  const known = deadSpace.deadOf(segment.id)
  for (const offset of deadSpace.doubtsOf(segment.id)) {
    while (deadSpace.isBehind) await deadSpace.catchUp(turns)
    // As it is in this step: else what a delete took meanwhile would be found dead with an older record's LSN.
    const doubt = deadSpace.doubtAt(segment.id, offset)
    if (doubt === undefined) continue
    try {
      const dead = deadIn(engine, segment, doubt)
      deadSpace.settleDoubt(segment.id, offset)
      noteDead(engine, segment, dead, known, doubt.lsn)
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error
    }
    await turns.due()
  }
}

/** Notes what is dead now (sorted), but for what is known and what was punched. */
function noteDead(
  { deadSpace, version }: Engine,
  { id }: Segment,
  dead: readonly ByteRange[],
  known: readonly ByteRange[],
  lsn: number,
): void {
  const [first, last] = [dead[0], dead.at(-1)]
  if (first === undefined || last === undefined) return
  const holes = version.segments.get(id)?.holes?.ranges ?? []
  const isLeft = subtract(dead, meeting(holes, first.start, last.end))
  const isNew = subtract(isLeft, meeting(known, first.start, last.end))
  for (const { start, end } of isNew) deadSpace.noteRange(id, { start, end, lsn })
}

/** Bytes of an extent that nothing will ever read. @throws CorruptionError for a header that is damaged */
function deadIn(engine: Engine, { id }: Segment, { offset, length, channel }: Doubt): readonly ByteRange[] {
  const whole = { start: offset, end: offset + length }
  const type = engine.version.channels[channel]?.type
  // Its tail is not flushed: what it names is dead when it is.
  if (type === undefined) return isInTail(engine, channel, id, offset) ? [] : [whole]
  const header = engine.segments.reader(id).headerNow({ offset, length }, channel)
  const live = liveIn(engine, channel, header.firstTime, header.lastTime, id, offset)
  if (live.length === 0) return [whole]
  return deadBlocks(offset, header.count, byteWidth(type), live)
}

/** Whether a run of some tail names an extent of a channel that was removed. */
function isInTail(
  { groups, segments }: Engine,
  channel: number,
  segment: SegmentId,
  offset: number,
): boolean {
  if (segments.get(segment).tailLive === 0) return false
  for (const { runs } of groups.values()) {
    for (const run of runs) {
      if (run.kind === 'strip') continue
      const { pointers = [] } = run.pointers.get(channel) ?? {}
      if (pointers.some((pointer) => pointer.segment === segment && pointer.offset === offset)) return true
    }
  }
  return false
}

/** Samples of an extent that a channel's pointers reach, or its runs in tails; its samples lie in [first, last]. */
function liveIn(
  engine: Engine,
  key: number,
  first: bigint,
  last: bigint,
  segment: SegmentId,
  offset: number,
): SampleRange[] {
  const live: SampleRange[] = []
  const add = (pointer: Pointer): void => {
    if (pointer.segment === segment && pointer.offset === offset)
      live.push({ from: pointer.skip, to: pointer.skip + pointer.count })
  }
  const { catalogue, version } = engine
  const table = version.pointers.get(key)
  table.forEach(table.lowerBound(first), table.startBound(last + 1n), add)
  const group = engine.groups.get(groupOf(catalogue, version.channels[key]!))
  for (const run of group?.runs ?? []) {
    if (run.kind === 'extents') run.pointers.get(key)?.pointers.forEach(add)
  }
  return live
}

// Extents of which something went: their channels' pointers, and their runs in tails, tell what of them is
// left. Reads of a segment no more than headers of such extents. Called by collections, before they punch
// holes.

import { CorruptionError } from '../../errors.ts'
import { deadBlocks } from '../../segment/dead-blocks.ts'
import type { SampleRange } from '../../segment/dead-blocks.ts'
import type { Segment } from '../../segment/segment-pool.ts'
import { byteWidth } from '../../telem/data-type.ts'
import type { ByteRange } from '../../version/byte-ranges.ts'
import type { Pointer, SegmentId } from '../../version/pointer.ts'
import { groupOf } from '../../version/version.ts'
import type { Engine } from '../engine.ts'
import { SLICE_MS } from '../turns.ts'
import { walkPointers } from '../walk-pointers.ts'
import type { Doubt } from './dead-space.ts'
import { noteDead } from './find-dead.ts'

/**
 * Finds what is dead of extents of a segment of which something went. One whose header cannot be read stays
 * in doubt.
 */
export async function settleDoubts(engine: Engine, segment: Segment): Promise<void> {
  const { deadSpace, turns } = engine
  using _known = deadSpace.use()
  await deadSpace.catchUp(turns)
  for (const offset of deadSpace.doubtsOf(segment.id)) {
    while (deadSpace.isBehind) await deadSpace.catchUp(turns)
    // As it is in this step: else what a delete took meanwhile would be found dead with an older record's
    // LSN.
    const doubt = deadSpace.doubtAt(segment.id, offset)
    if (doubt === undefined) continue
    try {
      await noteDead(engine, segment.id, await deadIn(engine, segment, doubt), doubt.lsn)
      // What was freed of it meanwhile was live in that step, and raised another doubt.
      if (deadSpace.doubtAt(segment.id, offset) === doubt) deadSpace.settleDoubt(segment.id, offset)
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error
    }
    await turns.due(SLICE_MS)
  }
}

/**
 * Bytes of an extent that nothing will ever read, by the pointers of the instant in which it is called. The
 * loop turns in between.
 * @throws CorruptionError for a header that is damaged
 */
async function deadIn(
  engine: Engine,
  { id }: Segment,
  { offset, length, channel }: Doubt,
): Promise<Iterable<ByteRange>> {
  const whole = { start: offset, end: offset + length }
  const type = engine.version.channels[channel]?.type
  // Its tail is not flushed: what it names is dead when it is.
  if (type === undefined) return isInTail(engine, channel, id, offset) ? [] : [whole]
  const header = engine.segments.reader(id).headerNow({ offset, length }, channel)
  const live = await liveIn(engine, channel, header.firstTime, header.lastTime, id, offset)
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

/**
 * Samples of an extent that a channel's pointers reach, or its runs in tails, in the instant of the call; its
 * samples lie in [first, last].
 */
async function liveIn(
  { catalogue, groups, turns, version }: Engine,
  key: number,
  first: bigint,
  last: bigint,
  segment: SegmentId,
  offset: number,
): Promise<SampleRange[]> {
  const live: SampleRange[] = []
  const add = (pointer: Pointer): void => {
    if (pointer.segment === segment && pointer.offset === offset)
      live.push({ from: pointer.skip, to: pointer.skip + pointer.count })
  }
  const group = groups.get(groupOf(catalogue, version.channels[key]!))
  for (const run of group?.runs ?? []) {
    if (run.kind === 'extents') run.pointers.get(key)?.pointers.forEach(add)
  }
  const table = version.pointers.get(key)
  await walkPointers(turns, table, add, table.lowerBound(first), table.startBound(last + 1n))
  return live
}

// The newest samples of one channel at one instant: pointer by pointer from the end where few are asked for,
// else by counting. Called by `latest` and `bounds`.

import type { TimeRange } from '../telem/time-range.ts'
import { MIN_TIMESTAMP } from '../telem/timestamp.ts'
import { byStart, cutToPart, listsOf, rowsIn, timeInPart } from './channel-view.ts'
import type { ChannelRef, GroupView, Part } from './channel-view.ts'
import { countIn, timeOfNth } from './sample-count.ts'

/** So many newest samples are looked for from the end, pointer by pointer. */
const FEW_NEWEST = 64

/** The newest `count` samples of a channel before `end`. @throws CorruptionError, StorageError */
export function newestParts(view: GroupView, channel: ChannelRef, count: number, end: bigint): Part[] {
  const parts: Part[] = rowsIn(view, channel, MIN_TIMESTAMP, end)
  for (const { list, index } of listsOf(view, channel)) {
    let found = 0
    for (let p = Math.min(list.lowerBound(end), list.length - 1); p >= 0 && found < count; p--) {
      if (list.startAt(p) >= end) continue
      const part = cutToPart(list.get(p), index, MIN_TIMESTAMP, end)
      if (part === undefined) continue
      parts.push(part)
      found += part.count
    }
  }
  parts.sort(byStart)
  return lastOf(parts, count)
}

/**
 * From the first of the newest `count` samples of a channel before `end`, to `end`.
 * @throws CorruptionError, StorageError
 */
export function newestRange(view: GroupView, channel: ChannelRef, count: number, end: bigint): TimeRange {
  if (count <= FEW_NEWEST) {
    const start = newestParts(view, channel, count, end)[0]?.start ?? end
    return { start, end }
  }
  const older = countIn(view, channel, MIN_TIMESTAMP, end) - count
  return { start: older > 0 ? (timeOfNth(view, channel, MIN_TIMESTAMP, older) ?? end) : MIN_TIMESTAMP, end }
}

/** The last `count` samples of sorted parts. */
function lastOf(parts: readonly Part[], count: number): Part[] {
  const kept: Part[] = []
  let left = count
  for (let i = parts.length - 1; i >= 0 && left > 0; i--) {
    const part = parts[i]!
    if (part.count <= left) {
      kept.push(part)
      left -= part.count
      continue
    }
    const skip = part.count - left
    kept.push({ ...part, from: part.from + skip, count: left, start: timeInPart(part, skip), joined: false })
    left = 0
  }
  return kept.reverse()
}

// What a segment's notes say is dead, in one list, as tests compare it.

import type { DeadRange } from '../../src/database/collection/dead-ranges.ts'
import type { DeadSpace } from '../../src/database/collection/dead-space.ts'
import type { SegmentId } from '../../src/version/pointer.ts'

/** Sorted; what one record freed side by side is one range, wherever it lies. */
export function deadRangesOf(space: DeadSpace, segment: SegmentId): DeadRange[] {
  const all: DeadRange[] = []
  for (const portion of space.deadOf(segment).portions()) {
    for (const range of portion) {
      const last = all.at(-1)
      if (last?.end === range.start && last.lsn === range.lsn)
        all[all.length - 1] = { ...last, end: range.end }
      else all.push(range)
    }
  }
  return all
}

// What was punched of a segment as one list, for tests that compare it.

import type { ByteRange } from '../../src/version/byte-ranges.ts'
import type { Holes } from '../../src/version/holes.ts'

/** All ranges, in order; none where nothing was punched. */
export function rangesOf(holes: Holes | undefined): ByteRange[] {
  return holes === undefined ? [] : [...holes.portions(Infinity)].flat()
}

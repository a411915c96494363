// What was punched of a segment: bytes that went back to the file system in place, for good. They are
// neither live nor dead (invariant 5). An immutable value of the version; a plain class without immer's
// mark, so that drafts neither copy nor freeze it.

import { assert } from '../assert.ts'
import type { ByteRange } from './byte-ranges.ts'
import { meeting, sizeOf, unite } from './byte-ranges.ts'

export class Holes {
  /** Sorted; they neither overlap nor touch. */
  readonly ranges: readonly ByteRange[]
  /** Sum of their bytes. */
  readonly bytes: number

  private constructor(ranges: readonly ByteRange[], bytes: number) {
    this.ranges = ranges
    this.bytes = bytes
  }

  /**
   * These ranges, and those of `before`.
   * @throws AssertionError where there are none, one is empty, or bytes are in two of them: nothing is punched twice
   */
  static of(ranges: readonly ByteRange[], before?: Holes): Holes {
    assert(ranges.length > 0, 'something is punched')
    for (const { start, end } of ranges) assert(start >= 0 && start < end, 'a hole has bytes')
    const united = unite([...(before?.ranges ?? []), ...ranges])
    const bytes = sizeOf(united)
    const isNew = bytes === (before?.bytes ?? 0) + sizeOf(ranges)
    assert(isNew, 'nothing is punched twice')
    return new Holes(united, bytes)
  }

  /** Whether a byte of [start, end) was punched. */
  meets(start: number, end: number): boolean {
    return meeting(this.ranges, start, end).length > 0
  }

  /** End of the last one. */
  get end(): number {
    return this.ranges.at(-1)!.end
  }
}

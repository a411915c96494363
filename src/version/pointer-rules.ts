// What a pointer must be to fit the columns of a pointer table, and a sequence of them to be one: sorted
// and disjoint (invariant 1). What breaks a rule is refused here, before anything is written, because a
// column would take it silently, cut to its width. Called by `PointerTable` for all that comes in.

import { assert } from '../assert.ts'
import type { Pointer } from './pointer.ts'

/** Smallest timestamp, in nanoseconds. */
export const TIME_MIN: bigint = -(2n ** 63n)

/** Largest `end`, in nanoseconds. */
const TIME_MAX = 2n ** 63n - 1n

/**
 * Refuses a pointer that its columns cannot hold. That it starts at or after `TIME_MIN` is the order's to
 * check: the first pointer of a sequence is compared with it.
 * @throws AssertionError if a field is out of its range.
 */
export function assertPointer(pointer: Pointer): void {
  assert(pointer.start < pointer.end && pointer.end <= TIME_MAX, 'a pointer ends after it starts, in 64 bits')
  assert(Number.isSafeInteger(pointer.segment) && pointer.segment >= 0, 'a segment is a safe integer')
  assert(Number.isSafeInteger(pointer.offset) && pointer.offset >= 0, 'an offset is a safe integer')
  assert(pointer.count >= 1 && isUint32(pointer.count), 'a pointer reaches 1 to 2^32 - 1 samples')
  assert(isUint32(pointer.skip), 'a skip is below 2^32')
  assert(isUint32(pointer.length), 'the length of an extent is below 2^32')
  // Never 0 (0006-I2): a segment that a pointer reaches is among the sums of what lies above it.
  assert(pointer.live >= 1 && isUint32(pointer.live), 'a pointer keeps 1 to 2^32 - 1 bytes live')
}

/** @throws AssertionError if these pointers are not sorted and disjoint, or one is out of its ranges. */
export function assertSequence(pointers: readonly Pointer[]): void {
  let previousEnd = TIME_MIN
  for (const pointer of pointers) {
    assertPointer(pointer)
    assert(pointer.start >= previousEnd, 'pointers are sorted and disjoint')
    previousEnd = pointer.end
  }
}

function isUint32(value: number): boolean {
  return value >>> 0 === value
}

// Binary searches of what is sorted: lists of pointers, runs, ranges, times and sums are all looked up by
// these. The two that every read does many times are loops by themselves; the tree of the pointer table, of
// which a read asks most, has its own (version/pointer-leaf.ts, version/pointer-branch.ts: two to three times
// as fast as with a function for each look).

/**
 * Where positions [from, to) part into those of which `isBefore` is true, which come first, and the others:
 * the first of the others, `to` where there is none.
 */
export function partitionPoint(from: number, to: number, isBefore: (position: number) => boolean): number {
  let low = from
  let high = to
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isBefore(middle)) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * Position of the first of the ascending times at [from, to) that is at or after `time`; `to` where none is.
 */
export function lowerBound(times: BigInt64Array, time: bigint, from = 0, to: number = times.length): number {
  let low = from
  let high = to
  while (low < high) {
    const middle = (low + high) >>> 1
    if (times[middle]! < time) low = middle + 1
    else high = middle
  }
  return low
}

/** Position of the last of the first `length` ascending sums that is at most `value`; 0 where none is. */
export function lastAtMost(sums: ArrayLike<number>, length: number, value: number): number {
  let low = 0
  let high = length - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if (sums[middle]! <= value) low = middle
    else high = middle - 1
  }
  return low
}

// What stores of bytes do with columns: look at them as bytes, find a time, join pieces. Used by lmdb.ts
// and files.ts.

/** The bytes of an array, not copied. */
export function bytesOf({ buffer, byteOffset, byteLength }: BigInt64Array | Float64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

/** Position of the first time at or after `time`. */
export function lowerBound(times: BigInt64Array, time: bigint): number {
  let from = 0
  let to = times.length
  while (from < to) {
    const middle = (from + to) >>> 1
    if (times[middle]! < time) from = middle + 1
    else to = middle
  }
  return from
}

/** One array of all pieces. */
export function gather(pieces: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    all.set(piece, at)
    at += piece.length
  }
  return all
}

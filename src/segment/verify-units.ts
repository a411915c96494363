// Compares samples that were read with the checksums of their block table. A run of whole units costs
// one call of zlib; which unit is bad is looked for only once one is.

import { checksum } from '../codec/checksum.ts'
import { runChecksum } from '../codec/checksum-run.ts'
import { UNIT_SAMPLES } from './extent-layout.ts'

/** Checksums of units of an extent that follow one another. A block table has those of all. */
export interface UnitChecksums {
  /** Samples of the extent. */
  readonly count: number
  /** Bytes of a sample. */
  readonly width: number
  /** CRC-32 of each, from unit `firstUnit` on. */
  readonly unitChecksums: Uint32Array
  readonly firstUnit: number
}

/**
 * The first unit of `from` to `to` (exclusive, at least one) whose bytes are not what was written, or -1.
 * @param bytes begins with unit `from`, holds all of them
 * @param offset of unit `from` in the file
 */
export function findBadUnit(
  bytes: Uint8Array,
  checksums: UnitChecksums,
  from: number,
  to: number,
  seed: number,
  offset: number,
): number {
  const { count, width, unitChecksums, firstUnit } = checksums
  const unitSize = UNIT_SAMPLES * width
  const wholeUnits = Math.min(to, Math.floor(count / UNIT_SAMPLES)) - from
  if (wholeUnits > 1) {
    const first = from - firstUnit
    const run = bytes.subarray(0, wholeUnits * unitSize)
    const expected = runChecksum(unitChecksums, first, first + wholeUnits, unitSize, seed, offset)
    if (checksum(run, seed, offset) !== expected)
      return firstBad(bytes, checksums, from, to, from, seed, offset)
  }
  return firstBad(bytes, checksums, from, to, wholeUnits > 1 ? from + wholeUnits : from, seed, offset)
}

/** Looks at the units one by one, from `first` on. */
function firstBad(
  bytes: Uint8Array,
  checksums: UnitChecksums,
  from: number,
  to: number,
  first: number,
  seed: number,
  offset: number,
): number {
  const { count, width, unitChecksums, firstUnit } = checksums
  const unitSize = UNIT_SAMPLES * width
  for (let unit = first; unit < to; unit++) {
    const at = (unit - from) * unitSize
    const size = Math.min(unitSize, (count - unit * UNIT_SAMPLES) * width)
    const whole = at === 0 && size === bytes.length
    const piece = whole ? bytes : bytes.subarray(at, at + size)
    if (checksum(piece, seed, offset + at) !== unitChecksums[unit - firstUnit]) return unit
  }
  return -1
}

// Compares samples that were read with the checksums of their block table. A run of whole units costs
// one call of zlib; which unit is bad is looked for only once one is.

import { checksum } from '../codec/checksum.ts'
import { runChecksum } from '../codec/checksum-run.ts'
import type { BlockTable } from './block-table.ts'
import { UNIT_SAMPLES } from './extent-layout.ts'

/**
 * The first unit of `from` to `to` (exclusive, at least one) whose bytes are not what was written, or -1.
 * @param bytes begins with unit `from`, holds all of them
 * @param offset of unit `from` in the file
 */
export function findBadUnit(
  bytes: Uint8Array,
  table: BlockTable,
  from: number,
  to: number,
  seed: number,
  offset: number,
): number {
  const unitSize = UNIT_SAMPLES * table.width
  const wholeUnits = Math.min(to, Math.floor(table.count / UNIT_SAMPLES)) - from
  if (wholeUnits > 1) {
    const run = bytes.subarray(0, wholeUnits * unitSize)
    const expected = runChecksum(table.unitChecksums, from, from + wholeUnits, unitSize, seed, offset)
    if (checksum(run, seed, offset) !== expected) return firstBad(bytes, table, from, to, from, seed, offset)
  }
  return firstBad(bytes, table, from, to, wholeUnits > 1 ? from + wholeUnits : from, seed, offset)
}

/** Looks at the units one by one, from `first` on. */
function firstBad(
  bytes: Uint8Array,
  table: BlockTable,
  from: number,
  to: number,
  first: number,
  seed: number,
  offset: number,
): number {
  const unitSize = UNIT_SAMPLES * table.width
  for (let unit = first; unit < to; unit++) {
    const at = (unit - from) * unitSize
    const size = Math.min(unitSize, (table.count - unit * UNIT_SAMPLES) * table.width)
    const whole = at === 0 && size === bytes.length
    const piece = whole ? bytes : bytes.subarray(at, at + size)
    if (checksum(piece, seed, offset + at) !== table.unitChecksums[unit]) return unit
  }
  return -1
}

// What one CRC over many neighbouring units must be, worked out from the checksums of the units: so
// that a long read is verified by one call of zlib instead of one per kilobyte (costs.md, Reading).
//
// CRC-32 is linear: the CRC of `n` bytes begun from `a` differs from the one begun from `b` by T(a ^ b),
// where T carries a value over `n` zero bytes. If a run is begun from the start value of its first unit,
// then after unit i it must be T(what it was before ^ the unit's own start value) ^ the unit's checksum.
// T is four look-ups in a table per unit length (Mark Adler's crc32_combine, zlib, in table form).

import { crc32 } from 'node:zlib'
import { startValue } from './checksum.ts'

const BYTE_VALUES = 256

/** Tables by unit length: at most one per sample width. */
const tables = new Map<number, Uint32Array>()

/**
 * The CRC-32 over the units `from` to `to` (exclusive, at least one), begun from the start value of the
 * first: `runChecksum(...) === checksum(bytes of the run, seed, offset)` where all are sound.
 * @param checksums per unit, each by `checksum` at its own offset
 * @param unitSize bytes of each of these units
 * @param offset of unit `from` in the file, in bytes
 */
export function runChecksum(
  checksums: Uint32Array,
  from: number,
  to: number,
  unitSize: number,
  seed: number,
  offset: number,
): number {
  const table = tableOf(unitSize)
  let run = startValue(seed, offset)
  for (let unit = from; unit < to; unit++) {
    const x = run ^ startValue(seed, offset + (unit - from) * unitSize)
    run =
      table[x & 0xff]! ^
      table[0x100 + ((x >>> 8) & 0xff)]! ^
      table[0x200 + ((x >>> 16) & 0xff)]! ^
      table[0x300 + (x >>> 24)]! ^
      checksums[unit]!
  }
  return run >>> 0
}

function tableOf(size: number): Uint32Array {
  let table = tables.get(size)
  if (table === undefined) {
    table = buildTable(size)
    tables.set(size, table)
  }
  return table
}

/** T for `size` bytes: the entry of byte value v in place p is T(v << 8p), built from single bits. */
function buildTable(size: number): Uint32Array {
  const zeroes = new Uint8Array(size)
  const fromZero = crc32(zeroes, 0)
  const table = new Uint32Array(4 * BYTE_VALUES)
  for (let place = 0; place < 4; place++) {
    for (let bit = 0; bit < 8; bit++) {
      const carried = crc32(zeroes, (1 << (8 * place + bit)) >>> 0) ^ fromZero
      const first = place * BYTE_VALUES + (1 << bit)
      for (let i = 0; i < 1 << bit; i++) table[first + i] = table[first - (1 << bit) + i]! ^ carried
    }
  }
  return table
}

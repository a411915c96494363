import { describe, expect, it } from 'vitest'
import { AssertionError } from '../../../src/assert.ts'
import { checksum, fileSeed } from '../../../src/codec/checksum.ts'
import { runChecksum } from '../../../src/codec/checksum-run.ts'

const ID = Uint8Array.from({ length: 16 }, (_, i) => i)
const BYTES = new TextEncoder().encode('sound bytes')

// Worked out by a second implementation (Python's zlib.crc32 and MurmurHash3's finalizer by hand).
const FIXED_SEED = 0xb2123a05
const FIXED_CHECKSUM = 0x4ea7ec56
const FIXED_FAR_CHECKSUM = 0x187a94ea

describe('fileSeed', () => {
  it('differs between databases, kinds, epochs and numbers', () => {
    const other = ID.with(15, 99)
    const seeds = [
      fileSeed(ID, 1, 1, 1),
      fileSeed(other, 1, 1, 1),
      fileSeed(ID, 2, 1, 1),
      fileSeed(ID, 1, 2, 1),
      fileSeed(ID, 1, 1, 2),
      fileSeed(ID, 1, 1, 2 ** 40 + 1),
    ]
    expect(new Set(seeds).size).toBe(seeds.length)
  })

  it('demands a whole database id', () => {
    expect(() => fileSeed(ID.subarray(1), 1, 1, 1)).toThrow(AssertionError)
  })
})

describe('checksum', () => {
  it('stays as the format says', () => {
    expect(fileSeed(ID, 3, 5, 17)).toBe(FIXED_SEED)
    expect(checksum(BYTES, FIXED_SEED, 64)).toBe(FIXED_CHECKSUM)
    expect(checksum(BYTES, FIXED_SEED, 2 ** 33 + 64)).toBe(FIXED_FAR_CHECKSUM)
  })

  it('is an unsigned 32-bit number', () => {
    for (let offset = 0; offset < 800; offset += 8) {
      const value = checksum(BYTES, 1, offset)
      expect(value).toBe(value >>> 0)
    }
  })

  it('differs for the same bytes at every other offset', () => {
    const offsets = Array.from({ length: 20_000 }, (_, i) => i * 8)
    expect(new Set(offsets.map((offset) => checksum(BYTES, 1, offset))).size).toBe(offsets.length)
  })

  it('differs for the same bytes 4 GiB further on', () => {
    for (let gib = 4; gib < 2 ** 20; gib *= 2) {
      expect(checksum(BYTES, 1, gib * 2 ** 30 + 64)).not.toBe(checksum(BYTES, 1, 64))
    }
  })

  it('differs for the same bytes in every other file', () => {
    const seeds = Array.from({ length: 1000 }, (_, i) => i)
    expect(new Set(seeds.map((seed) => checksum(BYTES, seed, 64))).size).toBe(seeds.length)
  })

  it('differs for no bytes at all in another place', () => {
    expect(checksum(new Uint8Array(0), 1, 64)).not.toBe(checksum(new Uint8Array(0), 1, 72))
  })
})

describe('runChecksum', () => {
  it.each([1, 128, 256, 512, 1024])('is the checksum of the whole run, for units of %d bytes', (size) => {
    const units = 9
    const bytes = Uint8Array.from({ length: units * size }, (_, i) => (i * 7919) >>> 3)
    const offset = 2 ** 32 - 3 * size
    const checksums = Uint32Array.from({ length: units }, (_, unit) =>
      checksum(bytes.subarray(unit * size, (unit + 1) * size), 77, offset + unit * size),
    )
    for (let from = 0; from < units; from++) {
      for (let to = from + 1; to <= units; to++) {
        const start = offset + from * size
        const direct = checksum(bytes.subarray(from * size, to * size), 77, start)
        expect(runChecksum(checksums, from, to, size, 77, start)).toBe(direct)
      }
    }
  })
})

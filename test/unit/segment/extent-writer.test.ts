import { describe, expect, it } from 'vitest'
import { AssertionError } from '../../../src/assert.ts'
import { encodeExtent, extentSize } from '../../../src/segment/extent-writer.ts'
import { bytesOf, dataOwner, doubles, INDEX, times } from '../../support/stored-segment.ts'

const COMMON = { epoch: 3, lsn: 977, firstTime: 1n, lastTime: 2n }

describe('extentSize', () => {
  it.each([
    // header + samples + table header + block entries + unit checksums + columns
    ['float64', 1, false, 64 + 8 + 16 + 8 + 8 + 24],
    ['uint8', 1, false, 64 + 8 + 16 + 8 + 8 + 24],
    ['timestamp', 1, true, 64 + 8 + 16 + 8 + 8 + 16],
    ['int16', 1025, false, 64 + 2056 + 16 + 16 + 40 + 48],
    ['timestamp', 1025, true, 64 + 8200 + 16 + 16 + 40 + 72 + 16],
  ] as const)('of %s, %d samples (index: %s) is %d', (type, count, isIndex, size) => {
    expect(extentSize(type, count, isIndex)).toBe(size)
  })

  it('refuses nothing at all and 4 GiB', () => {
    expect(() => extentSize('float64', 0, false)).toThrow(AssertionError)
    expect(() => extentSize('float64', 2 ** 29, false)).toThrow(AssertionError)
  })
})

describe('encodeExtent', () => {
  it('writes exactly its size, whatever was in the buffer, and nothing around it', () => {
    const samples = Uint8Array.from({ length: 131 }, (_, i) => i)
    const extent = { ...COMMON, ...dataOwner('uint8'), sources: samples, count: 131 }
    const size = extentSize('uint8', 131, false)
    const clean = new Uint8Array(size)
    encodeExtent(clean, 0, extent, 5, 64)
    const dirty = new Uint8Array(size + 24).fill(0xee)
    expect(encodeExtent(dirty, 16, extent, 5, 64)).toBe(size)
    expect(dirty.subarray(16, 16 + size)).toEqual(clean)
    expect([...dirty.subarray(0, 16), ...dirty.subarray(16 + size)]).toEqual(new Array(24).fill(0xee))
  })

  it('gathers samples from pieces', () => {
    const samples = doubles(300)
    const bytes = bytesOf(samples)
    const pieces = [bytes.subarray(0, 8), bytes.subarray(8, 8), bytes.subarray(8, 1600), bytes.subarray(1600)]
    const size = extentSize('float64', 300, false)
    const [whole, gathered] = [new Uint8Array(size), new Uint8Array(size)]
    const extent = { ...COMMON, ...dataOwner('float64'), count: 300 }
    encodeExtent(whole, 0, { ...extent, sources: bytes }, 5, 64)
    encodeExtent(gathered, 0, { ...extent, sources: pieces }, 5, 64)
    expect(gathered).toEqual(whole)
  })

  it('holds the samples as one contiguous run behind its header', () => {
    const samples = times(1500)
    const target = new Uint8Array(extentSize('timestamp', 1500, true))
    encodeExtent(target, 0, { ...COMMON, ...INDEX, sources: bytesOf(samples), count: 1500 }, 5, 64)
    expect(target.subarray(64, 64 + 12_000)).toEqual(bytesOf(samples))
  })

  it('makes other checksums for another place or file', () => {
    const extent = { ...COMMON, ...dataOwner('float64'), sources: bytesOf(doubles(1)), count: 1 }
    const [here, there, elsewhere] = [new Uint8Array(128), new Uint8Array(128), new Uint8Array(128)]
    encodeExtent(here, 0, extent, 5, 64)
    encodeExtent(there, 0, extent, 5, 192)
    encodeExtent(elsewhere, 0, extent, 6, 64)
    expect(there).not.toEqual(here)
    expect(elsewhere).not.toEqual(here)
  })

  it.each([
    ['too few samples', { sources: new Uint8Array(16), count: 3 }, 0, 64],
    ['too many samples', { sources: new Uint8Array(32), count: 3 }, 0, 64],
    ['half a sample', { sources: [new Uint8Array(12), new Uint8Array(12)], count: 3 }, 0, 64],
    ['an uneven place in the buffer', { sources: new Uint8Array(24), count: 3 }, 4, 64],
    ['an uneven place in the file', { sources: new Uint8Array(24), count: 3 }, 0, 63],
    ['a buffer that is too short', { sources: new Uint8Array(24), count: 3 }, 904, 64],
  ])('refuses %s', (_what, given, at, fileOffset) => {
    const extent = { ...COMMON, ...dataOwner('float64'), ...given }
    expect(() => encodeExtent(new Uint8Array(1000), at, extent, 5, fileOffset)).toThrow(AssertionError)
  })
})

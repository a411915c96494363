import { describe, expect, it } from 'vitest'
import { ByteReader } from '../../../src/codec/byte-reader.ts'
import { ByteWriter } from '../../../src/codec/byte-writer.ts'
import { DecodeError } from '../../../src/codec/decode-error.ts'

function decodeError(act: () => unknown): DecodeError {
  try {
    act()
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError)
    return error as DecodeError
  }
  throw new Error('nothing was thrown')
}

describe('ByteReader', () => {
  it('reads back what ByteWriter wrote, wherever the bytes lie in their buffer', () => {
    const writer = new ByteWriter()
    writer.u8(200)
    writer.u16(60000)
    writer.text('\ufeffpump \u{1f680}')
    writer.u32(4_000_000_000)
    writer.u64(Number.MAX_SAFE_INTEGER)
    writer.align(8)
    writer.i64(-(2n ** 63n))
    writer.f64(-0)
    writer.bytes(Uint8Array.of(1, 2, 3))
    const shifted = new Uint8Array(writer.length + 3)
    shifted.set(writer.view(), 3)
    const reader = new ByteReader(shifted.subarray(3))
    expect(reader.u8()).toBe(200)
    expect(reader.u16()).toBe(60000)
    expect(reader.text()).toBe('\ufeffpump \u{1f680}')
    expect(reader.u32()).toBe(4_000_000_000)
    expect(reader.u64()).toBe(Number.MAX_SAFE_INTEGER)
    reader.align(8)
    expect(reader.i64()).toBe(-(2n ** 63n))
    expect(reader.f64()).toBe(-0)
    expect([...reader.bytes(3)]).toEqual([1, 2, 3])
    expect(reader.offset).toBe(writer.length)
    expect(reader.remaining).toBe(0)
    reader.end()
  })

  it.each(['u8', 'u16', 'u32', 'u64', 'i64', 'f64', 'text'] as const)('reads no %s past the end', (field) => {
    for (
      let length = 0;
      length < { u8: 1, u16: 2, u32: 4, u64: 8, i64: 8, f64: 8, text: 4 }[field];
      length++
    ) {
      const reader = new ByteReader(new Uint8Array(16).subarray(0, length))
      expect(decodeError(() => reader[field]()).offset).toBe(0)
      expect(reader.offset).toBe(0)
    }
  })

  it('takes bytes neither past the end nor backwards', () => {
    const reader = new ByteReader(new Uint8Array(4))
    reader.u16()
    expect(decodeError(() => reader.bytes(3)).offset).toBe(2)
    expect(decodeError(() => reader.bytes(-1)).offset).toBe(2)
    expect(decodeError(() => reader.bytes(Number.NaN)).offset).toBe(2)
  })

  it('says where text claims more bytes than there are', () => {
    const reader = new ByteReader(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x61))
    expect(decodeError(() => reader.text()).offset).toBe(4)
  })

  it('refuses text that is not UTF-8', () => {
    const reader = new ByteReader(Uint8Array.of(2, 0, 0, 0, 0xc3, 0x28))
    expect(decodeError(() => reader.text()).offset).toBe(4)
  })

  it('refuses a 64-bit number that a double does not hold', () => {
    const reader = new ByteReader(Uint8Array.of(0, 0, 0, 0, 0, 0, 0x20, 0))
    expect(decodeError(() => reader.u64()).offset).toBe(0)
  })

  it('believes a count only if that many entries can follow', () => {
    const bytes = Uint8Array.of(3, 0, 0, 0, 1, 2, 3, 4, 5, 6)
    expect(new ByteReader(bytes).count(2)).toBe(3)
    expect(decodeError(() => new ByteReader(bytes).count(3)).offset).toBe(0)
    const huge = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0)
    expect(decodeError(() => new ByteReader(huge).count(1)).offset).toBe(0)
  })

  it('refuses padding that is not zero or not there', () => {
    const reader = new ByteReader(Uint8Array.of(1, 0, 2, 0))
    reader.u8()
    expect(decodeError(() => reader.align(4)).offset).toBe(2)
    const short = new ByteReader(Uint8Array.of(1, 0))
    short.u8()
    expect(decodeError(() => short.align(8)).offset).toBe(1)
  })

  it('demands an end where one is demanded', () => {
    const reader = new ByteReader(Uint8Array.of(1))
    expect(decodeError(() => reader.end()).offset).toBe(0)
  })
})

import { describe, expect, it } from 'vitest'
import { AssertionError } from '../../../src/assert.ts'
import { ByteWriter } from '../../../src/codec/byte-writer.ts'

describe('ByteWriter', () => {
  it('writes every field little-endian', () => {
    const writer = new ByteWriter()
    writer.u8(0x01)
    writer.u16(0x0302)
    writer.u32(0x07060504)
    writer.u64(0x0f_0e0d_0c0b_0a09)
    writer.i64(-2n)
    writer.f64(1)
    const hex = '01 0203 04050607 090a0b0c0d0e0f00 feffffffffffffff 000000000000f03f'
    expect(Buffer.from(writer.view()).toString('hex')).toBe(hex.replaceAll(' ', ''))
  })

  it('writes text as its length in bytes and UTF-8', () => {
    const writer = new ByteWriter(1)
    writer.text('a\u00e9\u{1f680}')
    expect([...writer.view()]).toEqual([7, 0, 0, 0, 0x61, 0xc3, 0xa9, 0xf0, 0x9f, 0x9a, 0x80])
  })

  it('keeps what was written while it grows', () => {
    const writer = new ByteWriter(1)
    for (let i = 0; i < 1000; i++) writer.u32(i)
    writer.bytes(new Uint8Array(5000).fill(7))
    expect(writer.length).toBe(9000)
    const numbers = new Uint32Array(writer.view().slice(0, 4000).buffer)
    expect([...numbers]).toEqual(Array.from({ length: 1000 }, (_, i) => i))
    expect(
      writer
        .view()
        .subarray(4000)
        .every((byte) => byte === 7),
    ).toBe(true)
  })

  it('pads with zeroes also where the buffer held other bytes before', () => {
    const writer = new ByteWriter()
    writer.bytes(new Uint8Array(16).fill(0xff))
    writer.reset()
    writer.u8(1)
    writer.align(8)
    writer.align(8)
    expect([...writer.view()]).toEqual([1, 0, 0, 0, 0, 0, 0, 0])
  })

  it('shows what was written without copying it', () => {
    const writer = new ByteWriter()
    writer.u32(1)
    expect(writer.view().buffer).toBe(writer.view().buffer)
  })

  it.each([
    ['u8', 256],
    ['u8', -1],
    ['u8', 1.5],
    ['u16', 65536],
    ['u32', 2 ** 32],
    ['u32', -1],
    ['u32', Number.NaN],
    ['u64', 2 ** 53],
    ['u64', -1],
    ['u64', 0.5],
  ] as const)('refuses to cut a number: %s of %d', (field, value) => {
    const writer = new ByteWriter()
    expect(() => writer[field](value)).toThrow(AssertionError)
    expect(writer.length).toBe(0)
  })

  it('refuses a bigint beyond 64 bits', () => {
    const writer = new ByteWriter()
    expect(() => writer.i64(2n ** 63n)).toThrow(AssertionError)
    expect(writer.length).toBe(0)
  })
})

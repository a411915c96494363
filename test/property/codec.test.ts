// Laws of the field codec: any sequence of fields comes back as it was written, and no bytes at all
// make the reader do anything but read them or throw a DecodeError.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteReader } from '../../src/codec/byte-reader.ts'
import { ByteWriter } from '../../src/codec/byte-writer.ts'
import { DecodeError } from '../../src/codec/decode-error.ts'
import { propertyOptions } from '../support/seeds.ts'

const fields = fc.oneof(
  fc.record({ kind: fc.constant('u8' as const), value: fc.nat({ max: 0xff }) }),
  fc.record({ kind: fc.constant('u16' as const), value: fc.nat({ max: 0xffff }) }),
  fc.record({ kind: fc.constant('u32' as const), value: fc.nat({ max: 0xffffffff }) }),
  fc.record({ kind: fc.constant('u64' as const), value: fc.maxSafeNat() }),
  fc.record({ kind: fc.constant('i64' as const), value: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n) }),
  fc.record({ kind: fc.constant('f64' as const), value: fc.double() }),
  fc.record({ kind: fc.constant('text' as const), value: fc.string({ unit: 'binary' }) }),
  fc.record({ kind: fc.constant('bytes' as const), value: fc.uint8Array() }),
  fc.record({ kind: fc.constant('align' as const), value: fc.constantFrom(1, 2, 4, 8, 64) }),
)

type Field = typeof fields extends fc.Arbitrary<infer T> ? T : never

function write(writer: ByteWriter, field: Field): void {
  if (field.kind === 'text') writer.text(field.value)
  else if (field.kind === 'bytes') writer.bytes(field.value)
  else if (field.kind === 'i64') writer.i64(field.value)
  else writer[field.kind](field.value)
}

function read(reader: ByteReader, field: Field): unknown {
  if (field.kind === 'bytes') return reader.bytes(field.value.length)
  if (field.kind !== 'align') return reader[field.kind]()
  reader.align(field.value)
  return field.value
}

describe('ByteReader', () => {
  it('reads any fields back in their order', () => {
    fc.assert(
      fc.property(fc.array(fields), fc.nat({ max: 64 }), (list, capacity) => {
        const writer = new ByteWriter(capacity)
        for (const field of list) write(writer, field)
        const reader = new ByteReader(writer.view())
        for (const field of list) expect(read(reader, field)).toEqual(field.value)
        reader.end()
      }),
      propertyOptions(300),
    )
  })

  it('takes any bytes, and throws nothing but DecodeError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.array(fields), (bytes, list) => {
        const reader = new ByteReader(bytes)
        try {
          for (const field of list) read(reader, field)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
        expect(reader.offset + reader.remaining).toBe(bytes.length)
      }),
      propertyOptions(300),
    )
  })
})

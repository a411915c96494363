import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { ExpectedFileHeader, FileHeader } from '../../../src/codec/file-header.ts'
import {
  decodeFileHeader,
  encodeFileHeader,
  HEADER_SIZE,
  JOURNAL_KIND,
  MANIFEST_KIND,
  SEGMENT_KIND,
} from '../../../src/codec/file-header.ts'
import { CorruptionError, UnsupportedVersionError } from '../../../src/errors.ts'

const ID = Uint8Array.from({ length: 16 }, (_, i) => 255 - i)
const HEADER: FileHeader = { kind: SEGMENT_KIND, databaseId: ID, epoch: 3, number: 2 ** 40 + 17 }

describe('the file header', () => {
  it.each([JOURNAL_KIND, MANIFEST_KIND, SEGMENT_KIND] as const)(
    'comes back as it was written, kind %d',
    (kind) => {
      const bytes = encodeFileHeader({ ...HEADER, kind })
      expect(bytes.length).toBe(HEADER_SIZE)
      expect(decodeFileHeader(bytes, 'f', { ...HEADER, kind })).toEqual({ ...HEADER, kind })
    },
  )

  it('gives the database id to who does not know it yet, as a copy', () => {
    const bytes = Buffer.from(encodeFileHeader(HEADER))
    const { databaseId } = decodeFileHeader(bytes, 'f', {
      kind: SEGMENT_KIND,
      epoch: 3,
      number: HEADER.number,
    })
    bytes.fill(0)
    expect(databaseId).toEqual(ID)
  })

  it('is not believed with any bit flipped', () => {
    const sound = encodeFileHeader(HEADER)
    for (let bit = 0; bit < 8 * HEADER_SIZE; bit++) {
      const bytes = sound.slice()
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      expect(() => decodeFileHeader(bytes, 'f', HEADER)).toThrow(CorruptionError)
    }
  })

  it('is not believed when it is short', () => {
    const sound = encodeFileHeader(HEADER)
    for (let length = 0; length < HEADER_SIZE; length++) {
      expect(() => decodeFileHeader(sound.subarray(0, length), 'f', HEADER)).toThrow(
        expect.objectContaining({ code: 'CORRUPTION', file: 'f', offset: length }),
      )
    }
  })

  it.each<[string, ExpectedFileHeader, number]>([
    ['kind', { ...HEADER, kind: JOURNAL_KIND }, 2],
    ['database', { ...HEADER, databaseId: ID.with(3, 1) }, 16],
    ['epoch', { ...HEADER, epoch: 4 }, 32],
    ['number', { ...HEADER, number: 17 }, 40],
  ])('of another %s is refused', (_what, expected, offset) => {
    expect(() => decodeFileHeader(encodeFileHeader(HEADER), 'f', expected)).toThrow(
      expect.objectContaining({ code: 'CORRUPTION', offset }),
    )
  })

  it('of a newer format says so, whatever the rest looks like', () => {
    const bytes = encodeFileHeader(HEADER)
    bytes.fill(0xee, 12)
    bytes[8] = 7
    expect(() => decodeFileHeader(bytes, 'f', HEADER)).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED_VERSION', file: 'f', found: 7, supported: 0 }),
    )
  })

  it('of a newer format with a sound checksum says so', () => {
    const bytes = encodeFileHeader(HEADER)
    bytes[8] = 7
    new DataView(bytes.buffer).setUint32(60, crc32(bytes.subarray(0, 60)), true)
    expect(() => decodeFileHeader(bytes, 'f', HEADER)).toThrow(UnsupportedVersionError)
  })

  it('with damage in its version and nowhere else is damaged, not of a newer format', () => {
    const bytes = encodeFileHeader(HEADER)
    bytes.fill(0xee, 8, 12)
    expect(() => decodeFileHeader(bytes, 'f', HEADER)).toThrow(
      expect.objectContaining({ code: 'CORRUPTION', file: 'f', offset: 8 }),
    )
  })

  it('of something else is no newer format', () => {
    expect(() => decodeFileHeader(new Uint8Array(64).fill(0x41), 'f', HEADER)).toThrow(CorruptionError)
  })
})

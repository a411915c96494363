// Laws of the segment format: what was written is what is read, whatever the type, count and cut;
// times are found as a linear search finds them; what is missing is damage, never a guess or a hang.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CorruptionError } from '../../src/errors.ts'
import type { ExtentOwner } from '../../src/segment/extent-header.ts'
import { verifyExtent } from '../../src/segment/verify-extent.ts'
import type { DataType } from '../../src/telem/data-type.ts'
import { byteWidth, createArray, DATA_TYPES } from '../../src/telem/data-type.ts'
import { propertyOptions } from '../support/seeds.ts'
import { bytesOf, dataOwner, INDEX, StoredSegment, times } from '../support/stored-segment.ts'

/** Counts around the borders of units and blocks as often as any others. */
const counts = fc.oneof(
  fc.integer({ min: 1, max: 300 }),
  fc.constantFrom(127, 128, 129, 255, 256, 1023, 1024, 1025, 1152, 2047, 2048, 2049),
  fc.integer({ min: 1, max: 12_000 }),
)

/** Bytes of a block table that is read whole: with 0 every table is long, and left on the disk. */
const longest = fc.constantFrom(0, undefined)

const types = fc.constantFrom<DataType>(...DATA_TYPES)

interface Written {
  readonly owner: ExtentOwner
  readonly bytes: Uint8Array
  readonly count: number
  readonly width: number
}

/** Any bits at all make samples of a fixed-width type; index channels get increasing times. */
function written(type: DataType, isIndex: boolean, count: number, salt: number): Written {
  const width = byteWidth(type)
  if (isIndex) return { owner: INDEX, bytes: bytesOf(times(count, BigInt(salt))), count, width: 8 }
  const bytes = bytesOf(createArray(type, count))
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.imul(i + salt, 0x9e3779b1) >>> 24
  return { owner: dataOwner(type), bytes, count, width }
}

const extents = fc
  .tuple(types, fc.boolean(), counts, fc.nat())
  .map(([type, isIndex, count, salt]) => written(isIndex ? 'timestamp' : type, isIndex, count, salt))

/** Parts of a whole, as fractions that add up to at most 1. */
const cuts = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }))

function cut(count: number, [a, b]: readonly [number, number]): { skip: number; part: number } {
  const skip = Math.floor(a * count)
  return { skip, part: Math.ceil(b * (count - skip)) }
}

function samplesOf({ bytes, owner, width }: Written): Parameters<StoredSegment['append']>[1] {
  const samples = createArray(owner.type, bytes.length / width)
  bytesOf(samples).set(bytes)
  return samples
}

describe('an extent', () => {
  it('gives back any part of what was written, in pieces or whole, now or later', async () => {
    await fc.assert(
      fc.asyncProperty(extents, cuts, fc.nat(), async (extent, parts, at) => {
        const segment = await StoredSegment.create()
        segment.append(dataOwner('uint8'), new Uint8Array(1 + (at % 50)))
        const pieceEnd = (at % (extent.count + 1)) * extent.width
        const pieces = [extent.bytes.subarray(0, pieceEnd), extent.bytes.subarray(pieceEnd)]
        const ref = segment.append(extent.owner, samplesOf(extent), pieces)
        const { skip, part } = cut(extent.count, parts)
        const expected = extent.bytes.subarray(skip * extent.width, (skip + part) * extent.width)
        const reader = segment.reader(at % 2 === 0 ? 0 : 1 << 20, segment.file, at % 3 === 0 ? 0 : undefined)
        for (let again = 0; again < 2; again++) {
          const [now, later] = [new Uint8Array(expected.length), new Uint8Array(expected.length)]
          reader.readSamplesNow(ref, extent.owner, skip, part, now)
          await reader.readSamples(ref, extent.owner, skip, part, later)
          expect(Buffer.compare(now, expected)).toBe(0)
          expect(Buffer.compare(later, expected)).toBe(0)
        }
        expect(await verifyExtent(segment.file, segment.seed, ref, extent.owner)).toEqual([])
      }),
      propertyOptions(150),
    )
  })

  it('finds a time where a linear search finds it', async () => {
    await fc.assert(
      fc.asyncProperty(counts, fc.array(fc.bigInt(-3n, 80_000n)), longest, async (count, probes, most) => {
        const samples = times(count, 0n)
        const segment = await StoredSegment.create()
        const ref = segment.append(INDEX, samples)
        const reader = segment.reader(1 << 20, segment.file, most)
        for (const probe of probes) {
          const naive = samples.findIndex((time) => time >= probe)
          const position = naive < 0 ? count : naive
          const found = { position, at: samples[position], before: samples[position - 1] }
          expect(reader.lowerBoundNow(ref, INDEX, probe)).toEqual(found)
        }
      }),
      propertyOptions(100),
    )
  })

  it('with any bits flipped gives the right samples or says that it is damaged', async () => {
    await fc.assert(
      fc.asyncProperty(
        extents,
        cuts,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        longest,
        async (extent, parts, at, mask, most) => {
          const segment = await StoredSegment.create()
          const ref = segment.append(extent.owner, samplesOf(extent))
          const { skip, part } = cut(extent.count, parts)
          const expected = extent.bytes.subarray(skip * extent.width, (skip + part) * extent.width)
          segment.flip(ref.offset + (at % ref.length), mask)
          expect(await verifyExtent(segment.file, segment.seed, ref, extent.owner)).not.toEqual([])
          const target = new Uint8Array(expected.length)
          try {
            segment.reader(0, segment.file, most).readSamplesNow(ref, extent.owner, skip, part, target)
            expect(Buffer.compare(target, expected)).toBe(0)
          } catch (error) {
            expect(error).toBeInstanceOf(CorruptionError)
          }
        },
      ),
      propertyOptions(150),
    )
  })

  it('with any bits flipped tells the right place of a time, whatever its table says, or that it is damaged', async () => {
    await fc.assert(
      fc.asyncProperty(counts, fc.nat(), fc.nat(), longest, async (count, at, pick, most) => {
        const samples = times(count, 0n)
        const segment = await StoredSegment.create()
        const ref = segment.append(INDEX, samples)
        segment.flip(ref.offset + (at % ref.length))
        const reader = segment.reader(0, segment.file, most)
        const position = pick % count
        for (const needsBefore of [true, false]) {
          try {
            const found = reader.lowerBoundNow(ref, INDEX, samples[position]!, needsBefore)
            const before = needsBefore ? samples[position - 1] : found.before
            expect(found).toEqual({ position, at: samples[position], before })
          } catch (error) {
            expect(error).toBeInstanceOf(CorruptionError)
          }
        }
      }),
      propertyOptions(300),
    )
  })

  it('cut short is damaged wherever what is missing was asked for', async () => {
    await fc.assert(
      fc.asyncProperty(extents, fc.nat(), async (extent, at) => {
        const segment = await StoredSegment.create()
        const ref = segment.append(extent.owner, samplesOf(extent))
        segment.file.truncateNow(ref.offset + (at % ref.length))
        const read = (): void =>
          segment
            .reader()
            .readSamplesNow(ref, extent.owner, 0, extent.count, new Uint8Array(extent.bytes.length))
        expect(read).toThrow(CorruptionError)
        expect(await verifyExtent(segment.file, segment.seed, ref, extent.owner)).toHaveLength(1)
      }),
      propertyOptions(100),
    )
  })

  it('is never made up from bytes that are none, whatever a pointer claims', async () => {
    const refs = fc.record({ offset: fc.nat({ max: 2 ** 20 }), length: fc.nat({ max: 2 ** 32 - 1 }) })
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), refs, async (noise, ref) => {
        const segment = await StoredSegment.create()
        segment.file.writeNow(noise, 64)
        const at = { offset: ref.offset % 2100, length: ref.length }
        expect(() => segment.reader().tableNow(at, INDEX)).toThrow(CorruptionError)
      }),
      propertyOptions(100),
    )
  })
})

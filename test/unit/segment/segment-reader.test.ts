import { describe, expect, it } from 'vitest'
import { CorruptionError } from '../../../src/errors.ts'
import type { File } from '../../../src/fs/file-system.ts'
import type { ExtentOwner, ExtentRef } from '../../../src/segment/extent-header.ts'
import { bytesOf, dataOwner, doubles, INDEX, StoredSegment, times } from '../../support/stored-segment.ts'

const OWNER = dataOwner('float64')

/** A file that notes which bytes are read of another. */
function watched(file: File): { file: File; reads: { offset: number; length: number }[] } {
  const reads: { offset: number; length: number }[] = []
  const note = (target: Uint8Array, offset: number): void => {
    reads.push({ offset, length: target.length })
  }
  const proxy = new Proxy(file, {
    get(inner, key) {
      if (key === 'readNow') return (...to: [Uint8Array, number]) => (note(...to), inner.readNow(...to))
      if (key === 'read') return (...to: [Uint8Array, number]) => (note(...to), inner.read(...to))
      const value: unknown = Reflect.get(inner, key)
      return typeof value === 'function' ? value.bind(inner) : value
    },
  })
  return { file: proxy, reads }
}

describe('SegmentReader', () => {
  it('reads a whole extent in one read, straight into the target', async () => {
    const segment = await StoredSegment.create()
    const samples = doubles(5000)
    const ref = segment.append(OWNER, samples)
    const { file, reads } = watched(segment.file)
    const reader = segment.reader(1 << 20, file)
    reader.tableNow(ref, OWNER)
    reads.length = 0
    const target = new Float64Array(5000)
    reader.readSamplesNow(ref, OWNER, 0, 5000, bytesOf(target))
    expect(target).toEqual(samples)
    expect(reads).toEqual([{ offset: ref.offset + 64, length: 40_000 }])
  })

  it('reads little more than a short range needs, in one read', async () => {
    const segment = await StoredSegment.create()
    const samples = doubles(5000)
    const ref = segment.append(OWNER, samples)
    const { file, reads } = watched(segment.file)
    const reader = segment.reader(1 << 20, file)
    reader.tableNow(ref, OWNER)
    reads.length = 0
    const target = new Float64Array(3)
    reader.readSamplesNow(ref, OWNER, 255, 3, bytesOf(target))
    expect(target).toEqual(samples.subarray(255, 258))
    expect(reads).toEqual([{ offset: ref.offset + 64 + 1024, length: 2048 }])
  })

  it.each([
    [0, 20_000],
    [1, 19_999],
    [127, 19_000],
    [128, 19_001],
    [128, 19_072],
    [300, 19_700],
  ])('reads a long range that begins at %d and has %d samples', async (skip, count) => {
    const segment = await StoredSegment.create()
    const samples = doubles(20_000)
    const ref = segment.append(OWNER, samples)
    const [now, later] = [new Float64Array(count), new Float64Array(count)]
    segment.reader().readSamplesNow(ref, OWNER, skip, count, bytesOf(now))
    await segment.reader().readSamples(ref, OWNER, skip, count, bytesOf(later))
    expect(now).toEqual(samples.subarray(skip, skip + count))
    expect(later).toEqual(now)
  })

  it('reads long ranges in chunks of at most 1 MiB', async () => {
    const segment = await StoredSegment.create()
    const samples = doubles(400_001)
    const ref = segment.append(OWNER, samples)
    const { file, reads } = watched(segment.file)
    const reader = segment.reader(1 << 20, file)
    const target = new Float64Array(399_990)
    await reader.readSamples(ref, OWNER, 5, 399_990, bytesOf(target))
    expect(Buffer.compare(bytesOf(target), bytesOf(samples.subarray(5, 399_995)))).toBe(0)
    expect(Math.max(...reads.map(({ length }) => length))).toBe(1 << 20)
  })

  it('reads nothing where nothing is asked for', async () => {
    const segment = await StoredSegment.create()
    const ref = segment.append(OWNER, doubles(3))
    const { file, reads } = watched(segment.file)
    segment.reader(0, file).readSamplesNow(ref, OWNER, 3, 0, new Uint8Array(0))
    expect(reads).toEqual([])
  })

  it('finds damage in every unit that a read touches, and only there', async () => {
    const segment = await StoredSegment.create()
    const ref = segment.append(OWNER, doubles(1000))
    const bad = ref.offset + 64 + 3 * 1024
    segment.flip(bad + 1023, 1)
    const read = (skip: number, count: number) => () =>
      segment.reader().readSamplesNow(ref, OWNER, skip, count, new Uint8Array(8 * count))
    expect(read(0, 384)).not.toThrow()
    expect(read(512, 488)).not.toThrow()
    for (const [skip, count] of [
      [0, 385],
      [384, 1],
      [511, 1],
      [511, 2],
      [0, 1000],
      [384, 128],
    ] as const) {
      expect(read(skip, count)).toThrow(
        expect.objectContaining({ code: 'CORRUPTION', file: segment.path, offset: bad }),
      )
    }
  })

  it('finds damage in any chunk of a long read, and leaves no read of the target behind', async () => {
    const segment = await StoredSegment.create()
    const ref = segment.append(OWNER, doubles(500_000))
    for (const unit of [0, 1023, 1024, 2500, 3906]) {
      const offset = ref.offset + 64 + 1024 * unit
      segment.flip(offset + 100)
      const target = new Float64Array(500_000)
      const read = segment.reader().readSamples(ref, OWNER, 0, 500_000, bytesOf(target))
      await expect(read).rejects.toThrow(expect.objectContaining({ code: 'CORRUPTION', offset }))
      target.fill(0)
      await Promise.resolve()
      expect(target.every((value) => value === 0)).toBe(true)
      segment.flip(offset + 100)
    }
  })

  it('refuses samples that the extent does not have', async () => {
    const segment = await StoredSegment.create()
    const ref = segment.append(OWNER, doubles(10))
    const read = (): void => segment.reader().readSamplesNow(ref, OWNER, 5, 6, new Uint8Array(48))
    expect(read).toThrow(CorruptionError)
  })

  it('keeps tables, also for other readers of the cache, and asks each time whose they are', async () => {
    const segment = await StoredSegment.create()
    const ref = segment.append(OWNER, doubles(10))
    const { file, reads } = watched(segment.file)
    const reader = segment.reader(1 << 20, file)
    const table = reader.tableNow(ref, OWNER)
    expect(reader.tableNow({ ...ref }, { ...OWNER })).toBe(table)
    expect(reads).toHaveLength(1)
    expect(() => reader.tableNow(ref, { ...OWNER, channel: 1 })).toThrow(CorruptionError)
    expect(() => reader.tableNow({ ...ref, length: 136 }, OWNER)).toThrow(CorruptionError)
  })

  it('says what the file system refused', async () => {
    const segment = await StoredSegment.create()
    const ref = segment.append(OWNER, doubles(10))
    segment.file.closeNow()
    expect(() => segment.reader().tableNow(ref, OWNER)).toThrow(expect.objectContaining({ code: 'STORAGE' }))
  })
})

describe('SegmentReader on times', () => {
  it('finds every time, present or between, before and behind', async () => {
    const segment = await StoredSegment.create()
    for (const count of [1, 2, 127, 128, 129, 1024, 1025, 1152, 2500]) {
      const samples = times(count)
      const ref = segment.append(INDEX, samples)
      const reader = segment.reader()
      const probes = [
        samples[0]! - 5n,
        ...samples,
        ...samples.map((time) => time + 1n),
        -(2n ** 63n),
        2n ** 63n - 1n,
      ]
      for (const probe of probes) {
        const naive = samples.findIndex((time) => time >= probe)
        const position = naive < 0 ? count : naive
        const found = reader.lowerBoundNow(ref, INDEX, probe)
        expect(found).toEqual({ position, at: samples[position], before: samples[position - 1] })
      }
    }
  })

  it('reads at most one unit for a look-up, and none for one that it kept', async () => {
    const segment = await StoredSegment.create()
    const samples = times(5000)
    const ref = segment.append(INDEX, samples)
    const { file, reads } = watched(segment.file)
    const reader = segment.reader(1 << 20, file)
    reader.tableNow(ref, INDEX)
    reads.length = 0
    expect(reader.lowerBoundNow(ref, INDEX, samples[3000]!).position).toBe(3000)
    expect(reads).toEqual([{ offset: ref.offset + 64 + 23 * 1024, length: 1024 }])
    expect(reader.lowerBoundNow(ref, INDEX, samples[3001]!).position).toBe(3001)
    expect(reader.timeAtNow(ref, INDEX, 3002)).toBe(samples[3002])
    expect(reads).toHaveLength(1)
  })

  it('reads nothing for times at the ends of an extent', async () => {
    const segment = await StoredSegment.create()
    const samples = times(5000)
    const ref = segment.append(INDEX, samples)
    const { file, reads } = watched(segment.file)
    const reader = segment.reader(1 << 20, file)
    reader.tableNow(ref, INDEX)
    reads.length = 0
    expect(reader.lowerBoundNow(ref, INDEX, samples[0]!).position).toBe(0)
    expect(reader.lowerBoundNow(ref, INDEX, samples[4999]! + 1n).position).toBe(5000)
    expect(reader.timeAtNow(ref, INDEX, 0)).toBe(samples[0])
    expect(reader.timeAtNow(ref, INDEX, 4999)).toBe(samples[4999])
    expect(reads).toEqual([])
  })

  it('tells the time of every position, and of none beyond', async () => {
    const segment = await StoredSegment.create()
    const samples = times(1300)
    const ref = segment.append(INDEX, samples)
    const reader = segment.reader()
    expect(BigInt64Array.from({ length: 1300 }, (_, i) => reader.timeAtNow(ref, INDEX, i))).toEqual(samples)
    expect(() => reader.timeAtNow(ref, INDEX, 1300)).toThrow(CorruptionError)
  })

  it('believes no damaged unit', async () => {
    const segment = await StoredSegment.create()
    const samples = times(300)
    const ref = segment.append(INDEX, samples)
    segment.flip(ref.offset + 64 + 8 * 200)
    const damaged = expect.objectContaining({ code: 'CORRUPTION', offset: ref.offset + 64 + 1024 })
    expect(() => segment.reader().lowerBoundNow(ref, INDEX, samples[130]!)).toThrow(damaged)
    expect(() => segment.reader().timeAtNow(ref, INDEX, 130)).toThrow(damaged)
  })
})

describe('SegmentReader on a long block table', () => {
  /** Of 300,000 timestamps: 2,344 units, a table of 24 KiB. */
  const COUNT = 300_000

  async function stored(): Promise<{ segment: StoredSegment; samples: BigInt64Array; ref: ExtentRef }> {
    const segment = await StoredSegment.create()
    const samples = times(COUNT)
    return { segment, samples, ref: segment.append(INDEX, samples) }
  }

  it.each([0, 1 << 20])('is read in parts, as they are needed, with a cache of %d', async (budget) => {
    const { segment, samples, ref } = await stored()
    const { file, reads } = watched(segment.file)
    const reader = segment.reader(budget, file, 4096)
    for (const position of [123_456, 123_457, 128, 0, COUNT - 1, 1024 * 100, 1024 * 100 + 1]) {
      const expected = { position, at: samples[position], before: samples[position - 1] }
      expect(reader.lowerBoundNow(ref, INDEX, samples[position]!)).toEqual(expected)
      expect(reader.timeAtNow(ref, INDEX, position)).toBe(samples[position])
      const target = new BigInt64Array(1)
      reader.readSamplesNow(ref, INDEX, position, 1, bytesOf(target))
      expect(target[0]).toBe(samples[position])
    }
    expect(Math.max(...reads.map(({ length }) => length))).toBe(4096)
    expect(reads.length).toBeLessThan(7 * 30)
  })

  it('does not cost what is sound where another part of it is damaged', async () => {
    const { segment, samples, ref } = await stored()
    const table = ref.offset + 64 + 8 * COUNT
    segment.flip(table + 20)
    const reader = segment.reader(1 << 20, segment.file, 0)
    expect(reader.timeAtNow(ref, INDEX, 777)).toBe(samples[777])
    expect(reader.lowerBoundNow(ref, INDEX, samples[777]!).position).toBe(777)
    expect(() => segment.reader().timeAtNow(ref, INDEX, 777)).toThrow(CorruptionError)
  })

  it('is believed in nothing that samples do not bear out', async () => {
    const { segment, samples, ref } = await stored()
    const table = ref.offset + 64 + 8 * COUNT
    const units = Math.ceil(COUNT / 128)
    const columns = table + 16 + 8 * Math.ceil(units / 8) + 4 * units
    // The first time of unit 1000 seems to be a later one: what lies behind it is not where the table leads.
    segment.flip(columns + 8 * 1000 + 7, 0x40)
    const reader = segment.reader(1 << 20, segment.file, 0)
    const damaged = expect.objectContaining({ code: 'CORRUPTION', offset: table })
    expect(() => reader.lowerBoundNow(ref, INDEX, samples[128 * 1000 + 5]!)).toThrow(damaged)
    expect(reader.timeAtNow(ref, INDEX, 128 * 1000 + 5)).toBe(samples[128 * 1000 + 5])
    // A checksum that is another: not the samples are damaged, the table is.
    segment.flip(table + 16 + 8 * Math.ceil(units / 8) + 4 * 7)
    expect(() => reader.timeAtNow(ref, INDEX, 128 * 7)).toThrow(damaged)
  })

  it('tells what it knows by itself where the samples beside it are damaged', async () => {
    const { segment, samples, ref } = await stored()
    const at = 1024 * 50
    segment.flip(ref.offset + 64 + 8 * (at - 1))
    const found = segment.reader(1 << 20, segment.file, 0).lowerBoundNow(ref, INDEX, samples[at]!)
    expect(found).toEqual({ position: at, at: samples[at], before: samples[at - 1] })
  })

  it('leads to what is live beside holes', async () => {
    const { segment, samples, ref } = await stored()
    const [from, to] = [1024 * 50, 1024 * 200]
    segment.file.writeNow(new Uint8Array(8 * (to - from)), ref.offset + 64 + 8 * from)
    const { file, reads } = watched(segment.file)
    const reader = segment.reader(0, file, 0)
    for (const position of [5, from - 200, from - 1, to + 1, to + 127, to + 128, to + 1024, COUNT - 1]) {
      const expected = { position, at: samples[position], before: samples[position - 1] }
      expect(reader.lowerBoundNow(ref, INDEX, samples[position]!)).toEqual(expected)
    }
    expect(Math.max(...reads.map(({ length }) => length))).toBe(4096)
  })
})

describe('SegmentReader.readOnce', () => {
  it('reads a small extent in one read, and keeps nothing of it', async () => {
    const segment = await StoredSegment.create()
    const samples = doubles(1000)
    const ref = segment.append(OWNER, samples)
    const { file, reads } = watched(segment.file)
    const reader = segment.reader(1 << 20, file)
    for (const [skip, count] of [
      [0, 1000],
      [127, 2],
      [300, 700],
      [999, 1],
    ] as const) {
      reads.length = 0
      const target = new Float64Array(count)
      await reader.readOnce(ref, OWNER, skip, count, bytesOf(target))
      expect(target).toEqual(samples.subarray(skip, skip + count))
      expect(reads).toEqual([{ offset: ref.offset, length: ref.length }])
    }
  })

  it('reads only the samples where the table is known already', async () => {
    const segment = await StoredSegment.create()
    const samples = times(500)
    const ref = segment.append(INDEX, samples)
    const { file, reads } = watched(segment.file)
    const reader = segment.reader(1 << 20, file)
    reader.tableNow(ref, INDEX)
    reads.length = 0
    const target = new BigInt64Array(500)
    await reader.readOnce(ref, INDEX, 0, 500, bytesOf(target))
    expect(target).toEqual(samples)
    expect(reads).toEqual([{ offset: ref.offset + 64, length: 4000 }])
  })

  it('reads a large extent as readSamples does', async () => {
    const segment = await StoredSegment.create()
    const samples = doubles(20_000)
    const ref = segment.append(OWNER, samples)
    const target = new Float64Array(19_000)
    await segment.reader().readOnce(ref, OWNER, 700, 19_000, bytesOf(target))
    expect(target).toEqual(samples.subarray(700, 19_700))
  })

  it('finds damage in header, table and every unit that it touches, and in no other', async () => {
    const segment = await StoredSegment.create()
    const refs = [0, 1, 2].map(() => segment.append(OWNER, doubles(1000)))
    const [unit, table, header] = [
      refs[0]!.offset + 64 + 3 * 1024,
      refs[1]!.offset + 64 + 8000,
      refs[2]!.offset,
    ]
    segment.flip(unit + 1023, 1)
    segment.flip(table + 20)
    segment.flip(header + 30)
    const read = (ref: ExtentRef, skip: number, count: number): Promise<void> =>
      segment.reader().readOnce(ref, OWNER, skip, count, new Uint8Array(8 * count))
    await read(refs[0]!, 0, 384)
    await read(refs[0]!, 512, 488)
    const damaged: [ExtentRef, number, number, number][] = [
      [refs[0]!, 383, 2, unit],
      [refs[0]!, 511, 1, unit],
      [refs[0]!, 0, 1000, unit],
      [refs[1]!, 0, 1, table],
      [refs[2]!, 0, 1, header],
    ]
    for (const [ref, skip, count, offset] of damaged) {
      await expect(read(ref, skip, count)).rejects.toMatchObject({
        code: 'CORRUPTION',
        file: segment.path,
        offset,
      })
    }
  })

  it('refuses what is no extent of the owner, and samples that it has not', async () => {
    const segment = await StoredSegment.create()
    const ref = segment.append(OWNER, doubles(100))
    const reader = segment.reader()
    const read = (given: ExtentRef, owner: ExtentOwner, count: number): Promise<void> =>
      reader.readOnce(given, owner, 0, count, new Uint8Array(8 * count))
    await expect(read(ref, dataOwner('int64'), 10)).rejects.toThrow(CorruptionError)
    await expect(read({ ...ref, length: ref.length - 8 }, OWNER, 10)).rejects.toThrow(CorruptionError)
    await expect(read({ ...ref, length: 56 }, OWNER, 10)).rejects.toThrow(CorruptionError)
    await expect(read({ ...ref, length: ref.length + 8 }, OWNER, 10)).rejects.toThrow(CorruptionError)
    await expect(read(ref, OWNER, 101)).rejects.toThrow(CorruptionError)
    await expect(read(ref, OWNER, 0)).resolves.toBeUndefined()
  })
})

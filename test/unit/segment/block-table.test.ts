import { describe, expect, it } from 'vitest'
import { CorruptionError } from '../../../src/errors.ts'
import { loadBlockTable, loadBlockTableInTurns } from '../../../src/segment/block-table.ts'
import { createArray, DATA_TYPES } from '../../../src/telem/data-type.ts'
import type { DataType, NumericArray } from '../../../src/telem/data-type.ts'
import { dataOwner, doubles, INDEX, StoredSegment, times } from '../../support/stored-segment.ts'

/** The table of one block says its min, max and sum, as doubles. */
async function expectFigures(type: DataType, samples: NumericArray): Promise<void> {
  const segment = await StoredSegment.create()
  const owner = dataOwner(type)
  const numbers = Array.from(samples, Number)
  const table = loadBlockTable(segment.file, segment.seed, segment.append(owner, samples), owner)
  expect(table.mins[0]).toBe(Math.min(...numbers))
  expect(table.maxs[0]).toBe(Math.max(...numbers))
  expect(table.sums[0]).toBe(numbers.reduce((sum, value) => sum + value, 0))
}

describe('a block table', () => {
  it('holds the first time of every unit and the last one of every block of an index channel', async () => {
    const segment = await StoredSegment.create()
    const samples = times(2500)
    const table = loadBlockTable(segment.file, segment.seed, segment.append(INDEX, samples), INDEX)
    expect(table.firstTimes).toEqual(samples.filter((_, i) => i % 128 === 0))
    expect(table.lastTimes).toEqual(BigInt64Array.of(samples[1023]!, samples[2047]!, samples[2499]!))
    expect(table.mins).toHaveLength(0)
    expect(table.unitChecksums).toHaveLength(20)
  })

  it('holds min, max and sum of every block of a data channel', async () => {
    const segment = await StoredSegment.create()
    const samples = doubles(1500)
    const table = loadBlockTable(
      segment.file,
      segment.seed,
      segment.append(dataOwner('float64'), samples),
      dataOwner('float64'),
    )
    const blocks = [samples.subarray(0, 1024), samples.subarray(1024)]
    expect([...table.mins]).toEqual(blocks.map((block) => Math.min(...block)))
    expect([...table.maxs]).toEqual(blocks.map((block) => Math.max(...block)))
    expect([...table.sums]).toEqual(blocks.map((block) => block.reduce((sum, value) => sum + value, 0)))
    expect([...table.holdsNaN]).toEqual([0, 0])
    expect(table.firstTimes).toHaveLength(0)
  })

  it.each(DATA_TYPES.filter((type) => !type.startsWith('float')))(
    'knows the extremes of %s',
    async (type) => {
      const samples = createArray(type, 3)
      // -1 becomes the largest value of an unsigned type.
      const values = type === 'boolean' ? [0, 1, 1] : [5, -1, 7]
      values.forEach((value, i) => (samples[i] = typeof samples[i] === 'bigint' ? BigInt(value) : value))
      await expectFigures(type, samples)
    },
  )

  it.each([
    ['int64', BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n, -(2n ** 32n))],
    ['uint64', BigUint64Array.of(2n ** 64n - 1n, 2n ** 53n + 1n, 0n)],
  ] as const)('takes %s as the nearest doubles', async (type, samples) => {
    await expectFigures(type, samples)
  })

  it.each([
    ['some NaN', [NaN, 2, NaN, -1], -1, 2, 1, 1],
    ['nothing but NaN', [NaN, NaN], Infinity, -Infinity, 0, 1],
    ['infinities of both signs', [Infinity, 1, -Infinity], -Infinity, Infinity, NaN, 0],
    ['both, and a NaN', [Infinity, NaN, -Infinity], -Infinity, Infinity, NaN, 1],
  ])('leaves NaN out and says so: %s', async (_what, values, min, max, sum, holdsNaN) => {
    for (const [type, samples] of [
      ['float64', Float64Array.from(values)],
      ['float32', Float32Array.from(values)],
    ] as const) {
      const segment = await StoredSegment.create()
      const ref = segment.append(dataOwner(type), samples)
      const table = loadBlockTable(segment.file, segment.seed, ref, dataOwner(type))
      expect([table.mins[0], table.maxs[0], table.sums[0], table.holdsNaN[0]]).toEqual([
        min,
        max,
        sum,
        holdsNaN,
      ])
    }
  })

  it('repeats what the header says', async () => {
    const segment = await StoredSegment.create()
    const samples = times(3)
    const table = loadBlockTable(segment.file, segment.seed, segment.append(INDEX, samples), INDEX)
    expect(table.header).toMatchObject({ channel: 7, isIndex: true, count: 3, epoch: 3, lsn: 977 })
    expect([table.header.firstTime, table.header.lastTime]).toEqual([samples[0], samples[2]])
  })

  it('is not taken for that of another channel, type, kind, length or place', async () => {
    const segment = await StoredSegment.create()
    const owner = dataOwner('timestamp')
    const ref = segment.append(owner, times(1000))
    const next = segment.append(owner, times(1000))
    const load =
      (...[at, whose]: [typeof ref, typeof owner]) =>
      () =>
        loadBlockTable(segment.file, segment.seed, at, whose)
    expect(load(ref, owner)).not.toThrow()
    expect(load(ref, { ...owner, channel: 10 })).toThrow(/channel 9, not to 10/)
    expect(load(ref, { ...owner, type: 'int64' })).toThrow(/type int64/)
    expect(load(ref, { ...owner, isIndex: true })).toThrow(CorruptionError)
    expect(load({ ...ref, length: ref.length + 8 }, owner)).toThrow(/its pointer says/)
    expect(load({ ...ref, offset: ref.offset + 8 }, owner)).toThrow(/no extent begins here/)
    expect(() => loadBlockTable(segment.file, segment.seed + 1, ref, owner)).toThrow(/checksum/)
    const bytes = segment.disk.snapshotBytes(segment.path)
    segment.file.writeNow(bytes.subarray(ref.offset, ref.offset + ref.length), next.offset)
    expect(load(next, owner)).toThrow(expect.objectContaining({ code: 'CORRUPTION', offset: next.offset }))
  })

  it.each([0, 8, 63, 64, 72, 2 ** 32 - 8])(
    'is not looked for in %d bytes that a pointer claims',
    async (length) => {
      const segment = await StoredSegment.create()
      const { offset } = segment.append(INDEX, times(3))
      expect(() => loadBlockTable(segment.file, segment.seed, { offset, length }, INDEX)).toThrow(
        CorruptionError,
      )
    },
  )
})

describe('a block table that is loaded in turns', () => {
  const OWNER = dataOwner('uint8')
  const SIZE = 20_000_000

  it('is what it is when it is loaded at once, and is read a mebibyte at a time', async () => {
    const segment = await StoredSegment.create()
    const samples = new Uint8Array(SIZE).fill(3)
    const ref = segment.append(OWNER, samples)
    const lengths: number[] = []
    const file = new Proxy(segment.file, {
      get(inner, key) {
        if (key === 'readNow' || key === 'read')
          return (target: Uint8Array, offset: number) => {
            lengths.push(target.length)
            return inner[key](target, offset)
          }
        const value: unknown = Reflect.get(inner, key)
        return typeof value === 'function' ? value.bind(inner) : value
      },
    })
    const table = await loadBlockTableInTurns(file, segment.seed, ref, OWNER)
    const length = ref.length - 64 - SIZE
    expect(lengths).toEqual([64, 1 << 20, length - (1 << 20)])
    expect(table).toEqual(loadBlockTable(segment.file, segment.seed, ref, OWNER))
  })

  it('is damaged wherever a bit of it is flipped', async () => {
    const segment = await StoredSegment.create()
    const ref = segment.append(OWNER, new Uint8Array(SIZE))
    const at = ref.offset + 64 + SIZE
    for (const byte of [0, 4, 16, 1 << 20, ref.length - 64 - SIZE - 1]) {
      segment.flip(at + byte)
      const damaged = expect.objectContaining({ code: 'CORRUPTION', offset: at })
      await expect(loadBlockTableInTurns(segment.file, segment.seed, ref, OWNER)).rejects.toThrow(damaged)
      segment.flip(at + byte)
    }
  })
})

// What a pointer table promises at its edges: empty tables, borders of leaves and nodes, refusals.
// The laws over random splices are in test/property/pointer-table.test.ts.

import { produce, setAutoFreeze } from 'immer'
import { afterEach, describe, expect, it } from 'vitest'
import { AssertionError } from '../../../src/assert.ts'
import { PointerTable, PointerTableBuilder } from '../../../src/version/pointer-table.ts'
import type { Pointer } from '../../../src/version/pointer.ts'

/** The pointer over [start, start + span) with `count` samples, everything else told from the start. */
function pointer(start: number, span = 10, fields: Partial<Pointer> = {}): Pointer {
  return {
    start: BigInt(start),
    end: BigInt(start + span),
    joined: false,
    segment: 2 ** 32 + start,
    offset: start * 8,
    length: 80,
    skip: 0,
    count: 10,
    live: 80,
    ...fields,
  }
}

/** `count` pointers over [0, 10), [100, 110) ... */
function row(count: number, from = 0): Pointer[] {
  return Array.from({ length: count }, (_, i) => pointer((from + i) * 100))
}

function all(table: PointerTable): Pointer[] {
  return Array.from(table.slice())
}

describe('the empty table', () => {
  const { empty } = PointerTable

  it('holds nothing and finds nothing', () => {
    expect([empty.length, empty.samples, empty.domains]).toEqual([0, 0, 0])
    expect([empty.lowerBound(0n), empty.startBound(0n), empty.samplesBefore(0)]).toEqual([0, 0, 0])
    expect(all(empty)).toEqual([])
  })

  it('has no pointer and no sample to ask for', () => {
    expect(() => empty.get(0)).toThrow(AssertionError)
    expect(() => empty.positionOfSample(0)).toThrow(AssertionError)
    expect(() => empty.samplesBefore(1)).toThrow(AssertionError)
  })

  it('is what a table becomes that loses everything', () => {
    expect(PointerTable.from(row(300)).splice(0, 300, [])).toBe(empty)
  })

  it('takes its first pointers by a splice', () => {
    expect(all(empty.splice(0, 0, row(3)))).toEqual(row(3))
  })
})

describe('columns', () => {
  it('give back every field at its extremes', () => {
    const low = pointer(0, 10, { start: -(2n ** 63n), end: -(2n ** 63n) + 1n, count: 1, live: 1, length: 0 })
    const high = pointer(0, 10, {
      start: 2n ** 63n - 2n,
      end: 2n ** 63n - 1n,
      joined: true,
      segment: Number.MAX_SAFE_INTEGER,
      offset: Number.MAX_SAFE_INTEGER,
      length: 2 ** 32 - 1,
      skip: 2 ** 32 - 1,
      count: 2 ** 32 - 1,
      live: 2 ** 32 - 1,
    })
    const table = PointerTable.from([low, high])
    expect(all(table)).toEqual([low, high])
    expect([table.startAt(1), table.endAt(1)]).toEqual([high.start, high.end])
    expect([table.countAt(1), table.joinedAt(1), table.joinedAt(0)]).toEqual([2 ** 32 - 1, true, false])
    expect([table.samples, table.domains]).toEqual([2 ** 32, 1])
  })

  it.each<[string, Partial<Pointer>]>([
    ['an end that is not after the start', { end: 0n }],
    ['an end beyond 64 bits', { end: 2n ** 63n }],
    ['a start beyond 64 bits', { start: -(2n ** 63n) - 1n }],
    ['no samples', { count: 0 }],
    ['a count beyond 32 bits', { count: 2 ** 32 }],
    ['a fractional count', { count: 1.5 }],
    ['a negative skip', { skip: -1 }],
    ['a length beyond 32 bits', { length: 2 ** 32 }],
    ['negative live bytes', { live: -1 }],
    ['no live bytes', { live: 0 }],
    ['a negative offset', { offset: -1 }],
    ['a segment that is no integer', { segment: Number.NaN }],
  ])('refuse %s', (_, fields) => {
    const wrong = pointer(0, 10, fields)
    expect(() => PointerTable.empty.splice(0, 0, [wrong])).toThrow(AssertionError)
    expect(() => PointerTable.from([wrong])).toThrow(AssertionError)
  })
})

describe('bounds', () => {
  const table = PointerTable.from(row(20_000))

  it('tell apart time before, in, at the end of and behind a pointer', () => {
    const position = 16_384
    const start = BigInt(position * 100)
    expect(table.lowerBound(start - 1n)).toBe(position)
    expect(table.lowerBound(start)).toBe(position)
    expect(table.lowerBound(start + 9n)).toBe(position)
    expect(table.lowerBound(start + 10n)).toBe(position + 1)
    expect(table.startBound(start)).toBe(position)
    expect(table.startBound(start + 1n)).toBe(position + 1)
    expect(table.startBound(start - 1n)).toBe(position)
  })

  it('answer outside of all pointers, and beyond 64 bits', () => {
    expect([table.lowerBound(-(2n ** 70n)), table.startBound(-(2n ** 70n))]).toEqual([0, 0])
    expect([table.lowerBound(2n ** 70n), table.startBound(2n ** 70n)]).toEqual([20_000, 20_000])
  })
})

describe('samples', () => {
  const pointers = row(20_000).map((plain, i) => ({ ...plain, count: 1 + (i % 7) }))
  const table = PointerTable.from(pointers)

  it('are counted before every position', () => {
    const sums = [0]
    for (const { count } of pointers) sums.push((sums.at(-1) ?? 0) + count)
    expect(sums.map((_, position) => table.samplesBefore(position))).toEqual(sums)
    expect(table.samples).toBe(sums[20_000])
  })

  it('are found at the first and last of a pointer, across leaves and nodes', () => {
    for (const position of [0, 255, 256, 16_383, 16_384, 19_999]) {
      const before = table.samplesBefore(position)
      const { count } = table.get(position)
      expect(table.positionOfSample(before)).toEqual({ position, within: 0 })
      expect(table.positionOfSample(before + count - 1)).toEqual({ position, within: count - 1 })
    }
  })

  it('are refused outside of the table', () => {
    for (const sample of [-1, 0.5, table.samples]) {
      expect(() => table.positionOfSample(sample)).toThrow(AssertionError)
    }
  })
})

describe('splice', () => {
  it('refuses an insert that meets what is before or behind it', () => {
    const table = PointerTable.from(row(3))
    expect(() => table.splice(1, 1, [pointer(9)])).toThrow(AssertionError)
    expect(() => table.splice(1, 1, [pointer(191)])).toThrow(AssertionError)
    expect(all(table.splice(1, 1, [pointer(10), pointer(190)]))).toEqual([
      pointer(0),
      pointer(10),
      pointer(190),
      pointer(200),
    ])
  })

  it('refuses an insert that is out of order or overlaps itself', () => {
    expect(() => PointerTable.empty.splice(0, 0, [pointer(10), pointer(0)])).toThrow(AssertionError)
    expect(() => PointerTable.empty.splice(0, 0, [pointer(0), pointer(9)])).toThrow(AssertionError)
  })

  it('refuses positions outside of the table', () => {
    const table = PointerTable.from(row(3))
    for (const [position, remove] of [
      [-1, 0],
      [0, -1],
      [4, 0],
      [2, 2],
      [0.5, 1],
    ] as const) {
      expect(() => table.splice(position, remove, [])).toThrow(AssertionError)
    }
  })

  it('that is refused leaves the table and later appends as they were', () => {
    const table = PointerTable.from(row(3))
    expect(() => table.splice(3, 0, [pointer(300), pointer(300)])).toThrow(AssertionError)
    expect(all(table)).toEqual(row(3))
    expect(all(table.splice(3, 0, [pointer(400)]))).toEqual([...row(3), pointer(400)])
  })

  it('without removal or insert is the table itself', () => {
    const table = PointerTable.from(row(3))
    expect(table.splice(1, 0, [])).toBe(table)
  })

  it('keeps every version apart that was extended from the same one', () => {
    const base = PointerTable.empty.splice(0, 0, row(3))
    const left = base.splice(3, 0, [pointer(1000)])
    const right = base.splice(3, 0, [pointer(2000, 5, { joined: true })])
    const shorter = base.splice(2, 1, [])
    const regrown = shorter.splice(2, 0, [pointer(3000)])
    expect(all(base)).toEqual(row(3))
    expect(all(left)).toEqual([...row(3), pointer(1000)])
    expect(all(right)).toEqual([...row(3), pointer(2000, 5, { joined: true })])
    expect(all(regrown)).toEqual([...row(2), pointer(3000)])
    expect([base.domains, left.domains, right.domains]).toEqual([3, 4, 3])
  })

  it('appends one by one across leaves and nodes, every version keeping its own end', () => {
    const pointers = row(17_000)
    const versions: PointerTable[] = [PointerTable.empty]
    for (const one of pointers)
      versions.push((versions.at(-1) ?? PointerTable.empty).splice(versions.length - 1, 0, [one]))
    for (const length of [1, 7, 8, 9, 255, 256, 257, 16_383, 16_384, 16_385, 17_000]) {
      const version = versions[length]
      expect(version?.length).toBe(length)
      expect(version?.samples).toBe(length * 10)
      expect(version?.lowerBound(2n ** 62n)).toBe(length)
      expect(version?.get(length - 1)).toEqual(pointers[length - 1])
      version?.check()
    }
    expect(all(versions.at(-1) ?? PointerTable.empty)).toEqual(pointers)
  })

  it('takes a large insert and a large removal in the middle', () => {
    const ends = [...row(10), ...row(10, 50_000)]
    const grown = PointerTable.from(ends).splice(10, 0, row(40_000, 10))
    grown.check()
    expect(grown.length).toBe(40_020)
    expect(grown.get(40_009)).toEqual(pointer(40_009 * 100))
    const shrunk = grown.splice(10, 40_000, [])
    shrunk.check()
    expect(all(shrunk)).toEqual(ends)
    expect(grown.length).toBe(40_020)
  })

  it.each([
    ['the first', 0],
    ['a middle', 16_384],
    ['the last', 32_768],
  ])('leaves no tiny node behind where most of %s node is cut out', (_, position) => {
    const pointers = row(49_152)
    const table = PointerTable.from(pointers).splice(position + 100, 16_000, [])
    table.check()
    expect(all(table)).toEqual(pointers.toSpliced(position + 100, 16_000))
  })

  it('leaves no tiny leaves behind where most pointers are cut out one by one', () => {
    let table = PointerTable.from(row(20_000))
    let kept = row(20_000)
    for (let position = 19_999; position >= 0; position--) {
      if (position % 50 !== 0) table = table.splice(position, 1, [])
    }
    kept = kept.filter((_, position) => position % 50 === 0)
    table.check()
    expect(all(table)).toEqual(kept)
  })
})

describe('slice and forEach', () => {
  const table = PointerTable.from(row(600))

  it('give the pointers of a range across leaves, with their positions', () => {
    const seen: [bigint, number][] = []
    table.forEach(250, 520, (one, position) => seen.push([one.start, position]))
    expect(seen).toEqual(row(270, 250).map((one, i) => [one.start, 250 + i]))
    expect(Array.from(table.slice(250, 520))).toEqual(row(270, 250))
    expect(Array.from(table.slice(300, 300))).toEqual([])
  })

  it('refuse a range outside of the table at the call', () => {
    expect(() => table.slice(0, 601)).toThrow(AssertionError)
    expect(() => table.slice(5, 4)).toThrow(AssertionError)
    expect(() => table.forEach(-1, 4, () => {})).toThrow(AssertionError)
  })

  it('may be interleaved with reads elsewhere in the same table', () => {
    const seen: bigint[] = []
    for (const one of table.slice()) {
      seen.push(one.start)
      expect(table.startAt(599 - (seen.length - 1))).toBe(BigInt((600 - seen.length) * 100))
    }
    expect(seen).toEqual(row(600).map((one) => one.start))
  })
})

describe('the builder', () => {
  it('builds what splices build, at every border', () => {
    for (const length of [0, 1, 255, 256, 257, 16_384, 16_385]) {
      const builder = new PointerTableBuilder()
      for (const one of row(length)) builder.push(one)
      const table = builder.build()
      table.check()
      expect(table.length).toBe(length)
      expect(all(table)).toEqual(row(length))
    }
  })

  it('refuses pointers out of order, and to build twice', () => {
    const builder = new PointerTableBuilder()
    builder.push(pointer(10))
    expect(() => builder.push(pointer(19))).toThrow(AssertionError)
    builder.push(pointer(20))
    expect(all(builder.build())).toEqual([pointer(10), pointer(20)])
    expect(() => builder.build()).toThrow(AssertionError)
    expect(() => builder.push(pointer(30))).toThrow(AssertionError)
  })
})

describe('under immer', () => {
  afterEach(() => setAutoFreeze(true))

  it('a table is neither drafted nor frozen', () => {
    setAutoFreeze(true)
    const table = PointerTable.from(row(3))
    const state = produce({ table, lsn: 0 }, (draft) => {
      draft.lsn = 1
      expect(draft.table).toBe(table)
    })
    expect(state.table).toBe(table)
    expect(Object.isFrozen(table)).toBe(false)
    expect(all(state.table.splice(3, 0, [pointer(300)]))).toEqual(row(4))
  })
})

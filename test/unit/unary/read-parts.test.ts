// How parts are laid side by side for a read, and how many of them are read between two turns of the loop.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Part } from '../../../src/unary/channel-view.ts'
import { PartColumns, PartList } from '../../../src/unary/laid-parts.ts'
import type { LaidParts } from '../../../src/unary/laid-parts.ts'
import { beginFilling, fillInTurns, fillNow, lay } from '../../../src/unary/read-parts.ts'
import type { Filling, LoopTurns } from '../../../src/unary/read-parts.ts'
import type { SegmentSource } from '../../../src/unary/time-search.ts'
import { anyPointer, pointerTo, stripOf } from '../../support/pointers.ts'
import { propertyOptions } from '../../support/seeds.ts'
import { dataOwner, doubles, INDEX, StoredSegment } from '../../support/stored-segment.ts'

const CHANNEL = {
  key: 9,
  name: 'a',
  type: 'float64',
  owner: dataOwner('float64'),
  index: { key: 7, owner: INDEX },
} as const

const NO_INDEX = { list: undefined as never, owner: INDEX, segments: undefined as never }
const STRIP = stripOf([1, 2, 3])

const anyPart: fc.Arbitrary<Part> = fc.oneof(
  fc.record({
    kind: fc.constant('extent' as const),
    pointer: anyPointer.map((pointer) => ({
      ...pointer,
      skip: pointer.skip >>> 1,
      length: Math.max(1, pointer.length),
    })),
    from: fc.nat(1000),
    index: fc.constant(NO_INDEX),
    start: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    end: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    count: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    joined: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('rows' as const),
    strip: fc.constant(STRIP),
    ordinal: fc.constant(1),
    from: fc.nat(2),
    start: fc.constant(1n),
    end: fc.constant(4n),
    count: fc.constant(1),
    joined: fc.boolean(),
  }),
)

function told(parts: LaidParts): unknown[] {
  return Array.from({ length: parts.length }, (_, i) => [
    parts.startAt(i),
    parts.endAt(i),
    parts.countAt(i),
    parts.joinedAt(i),
    parts.extentAt(i),
  ])
}

describe('parts side by side', () => {
  it('are the same in columns as one by one, however many were expected', () => {
    fc.assert(
      fc.property(fc.array(anyPart, { maxLength: 40 }), fc.nat(10), (parts, expected) => {
        const columns = new PartColumns(expected)
        for (const part of parts) columns.push(part)
        expect(told(columns)).toEqual(told(new PartList(parts)))
      }),
      propertyOptions(200),
    )
  })
})

/** Extents of `samples` each, one behind the other, with three rows in memory behind them; `reads` counts. */
async function stored(
  extents: number,
  samples: number,
): Promise<{
  parts: Part[]
  values: number[]
  source: SegmentSource
  reads: () => number
}> {
  const segment = await StoredSegment.create()
  const reader = segment.reader(1 << 20)
  let reads = 0
  const source = { reader: () => (reads++, reader) }
  const parts: Part[] = []
  const values: number[] = []
  for (let i = 0; i < extents; i++) {
    const content = doubles(samples).map((value) => value + i)
    const ref = segment.append(CHANNEL.owner, content)
    const pointer = pointerTo(i * samples, samples, { ...ref, segment: segment.id })
    const { start, end, count, joined } = pointer
    parts.push({ kind: 'extent', pointer, from: 0, index: NO_INDEX, start, end, count, joined })
    values.push(...content)
  }
  parts.push({ kind: 'rows', strip: STRIP, ordinal: 1, from: 0, start: 1n, end: 4n, count: 3, joined: true })
  values.push(0.5, 1, 1.5)
  return { parts, values, source, reads: () => reads }
}

/** Notes after how many reads the loop has turned. */
class CountedTurns implements LoopTurns {
  readonly turned: number[] = []
  readonly #reads: () => number
  readonly #isDue: () => boolean

  constructor(reads: () => number, isDue: () => boolean) {
    this.#reads = reads
    this.#isDue = isDue
  }

  due(): Promise<void> | undefined {
    return this.#isDue() ? this.next() : undefined
  }

  next(): Promise<void> {
    this.turned.push(this.#reads())
    return Promise.resolve()
  }
}

/** A long read's: its parts in columns. */
function inColumns(parts: readonly Part[], like: Filling): Filling {
  const columns = new PartColumns(0)
  const data = new Float64Array(like.data.length)
  let at = 0
  for (const part of parts) {
    columns.push(part)
    lay(part, data, at)
    at += part.count
  }
  return { ...like, data, parts: columns }
}

describe('filling', () => {
  it('gives the same at once and in turns, of parts in a list and in columns', async () => {
    const { parts, values, source } = await stored(9, 300)
    const now = beginFilling(CHANNEL, parts, source)
    fillNow(now, source)
    expect([...now.data]).toEqual(values)
    const later = [beginFilling(CHANNEL, parts, source), inColumns(parts, now)]
    await fillInTurns(
      later,
      source,
      new CountedTurns(
        () => 0,
        () => false,
      ),
    )
    for (const { data } of later) expect([...data]).toEqual(values)
  })

  it('of so many extents that none goes to the cache gives the same', async () => {
    const { parts, values, source } = await stored(700, 3)
    const fillings = Array.from({ length: 7 }, () => beginFilling(CHANNEL, parts, source))
    await fillInTurns(
      fillings,
      source,
      new CountedTurns(
        () => 0,
        () => false,
      ),
    )
    for (const { data } of fillings) expect([...data]).toEqual(values)
  })

  it('of many channels of one small extent each turns the loop every 32 extents, though no turn is due', async () => {
    const { parts, source, reads } = await stored(1, 10)
    const fillings = Array.from({ length: 100 }, () => beginFilling(CHANNEL, parts, source))
    const turns = new CountedTurns(reads, () => false)
    await fillInTurns(fillings, source, turns)
    expect(turns.turned).toEqual([32, 64, 96])
  })

  it('looks after every extent whether a turn is due', async () => {
    const { parts, source, reads } = await stored(10, 10)
    const turns = new CountedTurns(reads, () => true)
    await fillInTurns([beginFilling(CHANNEL, parts, source)], source, turns)
    expect(turns.turned).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  it('is aborted at the next turn', async () => {
    const { parts, source, reads } = await stored(10, 10)
    const abort = new AbortController()
    const turns = new CountedTurns(reads, () => {
      if (reads() === 4) abort.abort(new Error('enough'))
      return reads() === 4
    })
    const filling = beginFilling(CHANNEL, parts, source)
    await expect(fillInTurns([filling], source, turns, abort.signal)).rejects.toThrow('enough')
    expect(reads()).toBe(4)
  })
})

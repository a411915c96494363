// One channel at one instant: pointers, runs of extents and rows of strips in the order of time, cut to
// what is asked for, against a plain list of samples.

import { describe, expect, it } from 'vitest'
import { ShortPointerList } from '../../../src/domain/pointer-list.ts'
import type { TailView } from '../../../src/domain/tail.ts'
import { partsIn, timeInPart } from '../../../src/unary/channel-view.ts'
import type { ChannelRef, GroupView } from '../../../src/unary/channel-view.ts'
import { newestParts } from '../../../src/unary/newest.ts'
import { countIn, countOf, timeOfNth } from '../../../src/unary/sample-count.ts'
import type { Pointer } from '../../../src/version/pointer.ts'
import { PointerTables } from '../../../src/version/pointer-tables.ts'
import { pointerTo, stripOf } from '../../support/pointers.ts'
import { dataOwner, INDEX, StoredSegment, TIME } from '../../support/stored-segment.ts'

const DATA: ChannelRef = {
  key: 2,
  name: 'a',
  type: 'float64',
  owner: dataOwner('float64'),
  index: TIME.index,
}

const range = (first: number, count: number, step: number): number[] =>
  Array.from({ length: count }, (_, i) => first + i * step)

/** Pointers [0, 990] by tens and [2000, 2095] by fives; between them a strip with a cut, behind them a run of an extent. */
async function group(): Promise<{ view: GroupView; times: number[]; dataTimes: number[] }> {
  const segment = await StoredSegment.create()
  const stored = (times: number[], change: Partial<Pointer> = {}): Pointer => {
    const extent = segment.append(INDEX, BigInt64Array.from(times, BigInt))
    return pointerTo(times[0]!, times.length, {
      ...extent,
      segment: segment.id,
      end: BigInt(times.at(-1)! + 1),
      ...change,
    })
  }
  const [one, two, three] = [range(0, 100, 10), range(2000, 20, 5), range(3000, 40, 1)]
  const index = [stored(one), stored(two)]
  const data = [index[0]!, { ...index[1]!, start: 2010n, skip: 2, count: 18, live: 1 }]
  const run = stored(three, { joined: true })
  const strip = stripOf([1000, 1001, 1002, 1500, 1501])
  strip.joined = true
  strip.cut([2], 1, 3)
  const tail: TailView[] = [
    {
      kind: 'pointers',
      pointers: new Map([
        [1, new ShortPointerList([run])],
        [2, new ShortPointerList([run])],
      ]),
    },
    strip.view(),
  ]
  const { empty } = PointerTables
  const table = (pointers: Pointer[]): ReturnType<typeof empty.get> => empty.get(1).splice(0, 0, pointers)
  const reader = segment.reader()
  const view = {
    pointers: empty.set(1, table(index)).set(2, table(data)),
    tail,
    segments: { reader: () => reader },
  }
  const times = [...one, 1000, 1001, 1002, 1500, 1501, ...two, ...three]
  return { view, times, dataTimes: times.filter((time) => ![1001, 1002, 2000, 2005].includes(time)) }
}

const ASKED = [
  [-10, 9999],
  [0, 991],
  [5, 15],
  [11, 19],
  [985, 1001],
  [1001, 1003],
  [1002, 2001],
  [2003, 2012],
  [2095, 3001],
  [3010, 3020],
  [3039, 3040],
  [3040, 9999],
  [50, 50],
] as const

describe('a channel at one instant', () => {
  it.each(ASKED)('in [%i, %i) shows the samples that are there, in order', async (start, end) => {
    const { view, times, dataTimes } = await group()
    for (const [channel, own] of [
      [TIME, times],
      [DATA, dataTimes],
    ] as const) {
      const expected = own.filter((time) => time >= start && time < end)
      const parts = partsIn(view, channel, BigInt(start), BigInt(end))
      expect(countOf(parts)).toBe(expected.length)
      expect(countIn(view, channel, BigInt(start), BigInt(end))).toBe(expected.length)
      const found = parts.flatMap((part) => range(0, part.count, 1).map((i) => Number(timeInPart(part, i))))
      expect(found).toEqual(expected)
      for (const part of parts)
        expect([part.start, part.end - 1n]).toEqual([timeInPart(part, 0), timeInPart(part, part.count - 1)])
    }
  })

  it('gives its newest samples before a time, and the time of its nth', async () => {
    const { view, dataTimes } = await group()
    for (const end of [1, 11, 1001, 1502, 2011, 3005, 9999]) {
      const own = dataTimes.filter((time) => time < end)
      for (const count of [1, 2, 7, 50, 1000]) {
        const parts = newestParts(view, DATA, count, BigInt(end))
        const found = parts.flatMap((part) => range(0, part.count, 1).map((i) => Number(timeInPart(part, i))))
        expect(found).toEqual(own.slice(-count))
      }
    }
    for (const start of [-5, 0, 500, 1001, 2000, 3039, 3040]) {
      const own = dataTimes.filter((time) => time >= start)
      for (const n of [0, 1, 90, 130]) {
        const time = timeOfNth(view, DATA, BigInt(start), n)
        expect(time === undefined ? undefined : Number(time)).toBe(own[n])
      }
    }
  })

  it('says what goes on with what: a cut, and a range that begins inside, part', async () => {
    const { view } = await group()
    const joined = (channel: ChannelRef, start: number): boolean[] =>
      partsIn(view, channel, BigInt(start), 9999n).map((part) => part.joined)
    expect(joined(TIME, 0)).toEqual([false, true, false, true])
    expect(joined(DATA, 0)).toEqual([false, true, false, false, true])
    expect(joined(TIME, 1001)).toEqual([false, false, true])
  })
})

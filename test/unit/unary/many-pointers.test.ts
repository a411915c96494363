// Counting through a channel of many pointers with rows of a tail between them: what is skipped by the sums that
// the table keeps must give what a plain list of samples gives.

import { describe, expect, it } from 'vitest'
import { ShortPointerList } from '../../../src/domain/pointer-list.ts'
import type { Strip, TailView } from '../../../src/domain/tail.ts'
import { partsFrom, partsIn } from '../../../src/unary/channel-view.ts'
import type { GroupView } from '../../../src/unary/channel-view.ts'
import { domainsOf } from '../../../src/unary/domains.ts'
import { newestParts, newestRange } from '../../../src/unary/newest.ts'
import { countIn, timeOfNth } from '../../../src/unary/sample-count.ts'
import type { Pointer } from '../../../src/version/pointer.ts'
import { PointerTables } from '../../../src/version/pointer-tables.ts'
import { pointerTo, stripOf } from '../../support/pointers.ts'
import { TIME } from '../../support/stored-segment.ts'

/** Which of the pointers a run of the tail names; the others are in the table. */
const PLACES: readonly (readonly [where: string, listOf: (i: number) => number])[] = [
  ['the table', () => 0],
  ['a tail', () => 1],
  ['the table and a tail behind it', (i) => (i < 100 ? 0 : 1)],
  ['the table and a tail, in turns', (i) => i % 2],
  ['two runs and the table between them', (i) => (i < 90 ? 1 : i < 200 ? 0 : 2)],
  ['many runs', (i) => i % 9],
]

const nothingIsRead = (): never => {
  throw new Error('nothing is read')
}

/** Pointers of one or two samples at 100, 200 ... 30,000, every third one joined, and every fifth one touched by a row. */
function manyPointers(listOf: (i: number) => number): { view: GroupView; times: number[]; domains: number } {
  const pointers: Pointer[] = []
  const times: number[] = []
  const rows: Strip[] = []
  let domains = 0
  for (let i = 1; i <= 300; i++) {
    const start = i * 100
    const samples = i % 2 === 0 ? [start] : [start, start + 7]
    const joined = i % 3 === 0 && i % 5 !== 0
    // A row between two pointers; where it ends right before one, they are one stretch.
    if (i % 5 === 0) {
      const at = i % 10 === 0 ? start - 1 : start - 50
      rows.push(stripOf([at]))
      times.push(at)
      domains += i % 10 === 0 ? 0 : 1
    }
    pointers.push(pointerTo(start, samples.length, { end: BigInt(samples.at(-1)! + 1), joined }))
    times.push(...samples)
    domains += joined ? 0 : 1
  }
  rows.push(stripOf([40_000, 40_001]))
  times.push(40_000, 40_001)
  const lists = new Map<number, Pointer[]>()
  pointers.forEach((pointer, i) => lists.set(listOf(i + 1), [...(lists.get(listOf(i + 1)) ?? []), pointer]))
  const tail = rows.map((strip): TailView => strip.view())
  for (const [list, some] of lists)
    if (list > 0) tail.push({ kind: 'pointers', pointers: new Map([[1, new ShortPointerList(some)]]) })
  const { empty } = PointerTables
  const view = {
    pointers: empty.set(1, empty.get(1).splice(0, 0, lists.get(0) ?? [])),
    tail,
    segments: { reader: nothingIsRead },
  }
  return { view, times, domains: domains + 1 }
}

describe.each(PLACES)('a channel of many pointers in %s, and rows between them', (_where, listOf) => {
  it('tells the time of any sample from any time on', () => {
    const { view, times } = manyPointers(listOf)
    const wrong: string[] = []
    for (const start of [0, 100, 108, 4999, 15_000, 29_950, 39_999, 40_001, 40_002]) {
      const from = times.filter((time) => time >= start)
      for (let n = 0; n <= from.length; n += n < 20 || n > from.length - 20 ? 1 : 7) {
        const found = timeOfNth(view, TIME, BigInt(start), n)
        const expected = from[n]
        if (found !== (expected === undefined ? undefined : BigInt(expected)))
          wrong.push(`${n} from ${start}: ${found} instead of ${expected}`)
      }
    }
    expect(wrong).toEqual([])
  })

  it('tells where its newest samples begin, however many are asked for', () => {
    const { view, times } = manyPointers(listOf)
    for (const end of [50, 108, 15_000, 29_999, 50_000]) {
      const older = times.filter((time) => time < end)
      for (const count of [1, 2, 63, 64, 65, 66, 200, 400, 1000]) {
        const { start } = newestRange(view, TIME, count, BigInt(end))
        expect(older.filter((time) => time >= start)).toHaveLength(Math.min(count, older.length))
      }
    }
  })

  it('knows its stretches without looking at them', () => {
    const { view, domains } = manyPointers(listOf)
    expect(domainsOf(view, TIME)).toBe(domains)
  })

  it('counts, and goes through, the samples of any range in order of time', () => {
    const { view, times } = manyPointers(listOf)
    for (const [start, end] of [
      [0, 50_000],
      [100, 20_000],
      [9050, 9100],
      [15_049, 39_999],
      [40_001, 40_001],
    ] as const) {
      const expected = times.filter((time) => time >= start && time < end).toSorted((a, b) => a - b)
      expect(countIn(view, TIME, BigInt(start), BigInt(end))).toBe(expected.length)
      const parts = [...partsFrom(view, TIME, BigInt(start), BigInt(end))]
      expect(
        parts.flatMap((part) => [Number(part.start), Number(part.end) - 1].slice(0, part.count)),
      ).toEqual(expected)
      expect(partsIn(view, TIME, BigInt(start), BigInt(end))).toEqual(parts)
    }
  })

  it('finds its newest samples, wherever they lie', () => {
    const { view, times } = manyPointers(listOf)
    for (const end of [50, 15_000, 15_001, 30_000, 50_000]) {
      for (const count of [1, 3, 7, 40]) {
        const expected = times.filter((time) => time < end).toSorted((a, b) => a - b)
        const parts = newestParts(view, TIME, count, BigInt(end))
        expect(
          parts.flatMap((part) => [Number(part.start), Number(part.end) - 1].slice(0, part.count)),
        ).toEqual(expected.slice(-count))
      }
    }
  })
})

describe('a channel of which many runs name pointers', () => {
  it('is gone through, and counted through, where the last of them names more than a call has arguments', () => {
    const number = 150_000
    const long = Array.from({ length: number }, (_, i) => pointerTo(1000 + i * 10, 1))
    const runs = [...Array.from({ length: 5 }, (_, i) => [pointerTo(i * 10, 1)]), long]
    const view = {
      pointers: PointerTables.empty,
      tail: runs.map((list): TailView => ({
        kind: 'pointers',
        pointers: new Map([[1, new ShortPointerList(list)]]),
      })),
      segments: { reader: nothingIsRead },
    }
    expect(timeOfNth(view, TIME, 0n, 5 + 1000)).toBe(1000n + 10_000n)
    let count = 0
    for (const part of partsFrom(view, TIME, 0n)) count += part.count
    expect(count).toBe(number + 5)
  })
})

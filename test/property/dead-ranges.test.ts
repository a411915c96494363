// Laws of the notes of what is dead in a segment (0006-I9): in whatever order ranges come, and whatever is taken away, they
// are what a plain list holds; and no step looks at more than begins in one stretch.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DeadRanges, STRETCH } from '../../src/database/collection/dead-ranges.ts'
import type { DeadRange } from '../../src/database/collection/dead-ranges.ts'
import { DeadSpace } from '../../src/database/collection/dead-space.ts'
import { subtract, unite, windowsOf } from '../../src/version/byte-ranges.ts'
import type { ByteRange } from '../../src/version/byte-ranges.ts'
import { deadRangesOf } from '../support/dead-ranges.ts'
import { propertyOptions } from '../support/seeds.ts'

/** Cells of a quarter of a stretch: ranges begin in many of them, and some pass over a few. */
const CELL = STRETCH / 4
const CELLS = 60

/** A cut of all cells into ranges, and which of them are dead: by LSN, 0 for none. */
const segments = fc.array(fc.tuple(fc.integer({ min: 1, max: 14 }), fc.nat({ max: 3 })), {
  minLength: 1,
  maxLength: 40,
})

const cellRanges = fc.array(fc.tuple(fc.nat({ max: CELLS }), fc.integer({ min: 1, max: 20 })), {
  maxLength: 8,
})

function rangesOf(parts: readonly (readonly [number, number])[]): DeadRange[] {
  const ranges: DeadRange[] = []
  let at = 0
  for (const [length, lsn] of parts) {
    if (lsn > 0) ranges.push({ start: at * CELL, end: (at + length) * CELL, lsn })
    at += length
  }
  return ranges
}

/** By cell, which record freed it. */
function cellsOf(ranges: Iterable<DeadRange>): Map<number, number> {
  const cells = new Map<number, number>()
  for (const { start, end, lsn } of ranges) {
    for (let cell = start / CELL; cell < end / CELL; cell++) {
      expect(cells.has(cell)).toBe(false)
      cells.set(cell, lsn)
    }
  }
  return cells
}

const toBytes = (cells: readonly (readonly [number, number])[]): ByteRange[] =>
  unite(cells.map(([from, length]) => ({ start: from * CELL, end: (from + length) * CELL })))

describe('dead ranges of a segment', () => {
  it('are those of a plain list, in order, whatever was added and taken in between', () => {
    fc.assert(
      fc.property(
        segments,
        fc.array(fc.nat(), { minLength: 1 }),
        cellRanges,
        cellRanges,
        (parts, order, took, ask) => {
          const all = rangesOf(parts)
          const shuffled = all.toSorted(
            (a, b) => order[a.start % order.length]! - order[b.start % order.length]! || b.start - a.start,
          )
          let count = 0
          const ranges = new DeadRanges((more) => (count += more))
          const half = shuffled.length >>> 1
          for (const range of shuffled.slice(0, half)) ranges.add(range)
          let left: DeadRange[] = shuffled.slice(0, half).toSorted((a, b) => a.start - b.start)
          for (const _ of ranges.taking(toBytes(took))) expect(count).toBeGreaterThanOrEqual(0)
          left = subtract(left, toBytes(took))
          for (const range of shuffled.slice(half)) ranges.add(range)
          left = [...left, ...shuffled.slice(half)].toSorted((a, b) => a.start - b.start)
          const portions = [...ranges.portions()]
          expect(cellsOf(portions.flat())).toEqual(cellsOf(left))
          expect(count).toBe(portions.flat().length)
          expect(portions.flat().every(({ start }, i, list) => i === 0 || list[i - 1]!.end <= start)).toBe(
            true,
          )
          for (const portion of portions)
            expect(new Set(portion.map(({ start }) => Math.floor(start / STRETCH))).size).toBe(1)
          expect(ranges.newest).toBe(Math.max(0, ...all.map(({ lsn }) => lsn)))
          for (const { start, end } of toBytes(ask))
            expect(ranges.meeting(start, end)).toEqual(
              portions.flat().filter((range) => range.start < end && range.end > start),
            )
          ranges.clear()
          expect([count, ranges.isEmpty]).toEqual([0, true])
        },
      ),
      propertyOptions(300),
    )
  })

  it('tell further on what comes while they are told, and no byte twice', () => {
    const ranges = new DeadRanges(() => {})
    const at = (cell: number, lsn = 1): DeadRange => ({ start: cell * CELL, end: (cell + 1) * CELL, lsn })
    for (const cell of [1, 12, 40]) ranges.add(at(cell))
    const told: DeadRange[] = []
    for (const portion of ranges.portions()) {
      told.push(...portion)
      if (told.length === 1) for (const cell of [0, 2, 13, 55]) ranges.add(at(cell, 2))
      if (told.length === 3) for (const _ of ranges.taking([at(40)]));
    }
    expect(told).toEqual([at(1), at(12), at(13, 2), at(55, 2)])
  })

  it('are never all looked at in one step', async () => {
    const [segment, count] = [1, 300_000]
    const space = new DeadSpace({ deadNotes: 2 * count, freedAtOnce: 1024 })
    for (let i = count - 1; i >= 0; i--)
      space.noteRange(segment, { start: 200 * i, end: 200 * i + 100, lsn: 1 })
    let most = 0
    let told = 0
    for (const portion of space.deadOf(segment).portions()) {
      most = Math.max(most, portion.length)
      told += portion.length
    }
    expect(told).toBe(count)
    expect(most).toBeLessThan(6000)
    // Every second one goes: between two turns what lies in one stretch.
    let turns = 0
    const due = (): undefined => {
      turns++
      return undefined
    }
    const holes = Array.from({ length: count / 2 }, (_, i) => ({ start: 400 * i, end: 400 * i + 100 }))
    await space.take(segment, holes, { due })
    expect(turns).toBeGreaterThanOrEqual(Math.floor((200 * count) / STRETCH))
    expect(deadRangesOf(space, segment)).toHaveLength(count / 2)
  })
})

describe('windows of a set of bytes', () => {
  it('are the set, each in its own stretch of the file', () => {
    const parts = fc.array(fc.tuple(fc.nat({ max: 30 }), fc.integer({ min: 1, max: 70 })))
    fc.assert(
      fc.property(parts, fc.integer({ min: 1, max: 25 }), (list, size) => {
        let at = 0
        const set = list.map(([gap, length]) => ({ start: (at += gap + 1), end: (at += length) }))
        const windows = [...windowsOf(set, size)]
        expect(unite(windows.flat())).toEqual(set)
        const numbers = windows.map((window) => {
          const [first, last] = [window[0]!.start, window.at(-1)!.end - 1]
          expect(Math.floor(first / size)).toBe(Math.floor(last / size))
          return Math.floor(first / size)
        })
        expect(numbers.every((number, i) => i === 0 || numbers[i - 1]! < number)).toBe(true)
      }),
      propertyOptions(200),
    )
  })
})

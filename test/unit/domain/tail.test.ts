// Strips: rows in, cuts, flush marks, and views that never change.

import { describe, expect, it } from 'vitest'
import { Strip, stripCapacity, stripSize, visibleRows } from '../../../src/domain/tail.ts'
import { shapeOf } from '../../../src/journal/shape.ts'
import { stripOf } from '../../support/pointers.ts'

describe('a strip', () => {
  it('holds columns side by side, each on a multiple of 8, as many rows as fit', () => {
    const shape = shapeOf([1, 2, 3], ['timestamp', 'uint8', 'int16'])
    for (const size of [0, 8, 24, 63, 64, 100, 1024]) {
      const rows = stripCapacity(shape, size)
      expect(stripSize(shape, rows)).toBeLessThanOrEqual(size)
      expect(stripSize(shape, rows + 1)).toBeGreaterThan(size)
    }
    const strip = new Strip(shape, { bytes: new Uint8Array(1024) })
    expect(strip.offsets.every((offset) => offset % 8 === 0)).toBe(true)
    expect(strip.columns.map(({ length }) => length)).toEqual([
      strip.capacity,
      strip.capacity,
      strip.capacity,
    ])
  })

  it('shows what is committed and not flushed', () => {
    const strip = stripOf([10, 20, 30, 40])
    strip.committed = 3
    strip.flushed = 1
    strip.joined = true
    expect(visibleRows(strip.view(), 1)).toEqual([{ from: 1, to: 3, joined: true }])
    strip.part([2])
    expect(visibleRows(strip.view(), 2)).toEqual([{ from: 1, to: 3, joined: false }])
    expect(strip.isSpent).toBe(false)
  })

  it('cuts one channel and leaves the others; overlapping and touching cuts are one', () => {
    const strip = stripOf([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    strip.joined = true
    strip.cut([2], 3, 5)
    strip.cut([2], 7, 8)
    expect(visibleRows(strip.view(), 2)).toEqual([
      { from: 0, to: 3, joined: true },
      { from: 5, to: 7, joined: false },
      { from: 8, to: 10, joined: false },
    ])
    strip.cut([2], 5, 7)
    expect(strip.cuts.get(2)).toEqual([{ from: 3, to: 8 }])
    expect(visibleRows(strip.view(), 1)).toEqual([{ from: 0, to: 10, joined: true }])
  })

  it('parts a row from the one before it without taking any', () => {
    const strip = stripOf([0, 1, 2, 3])
    strip.joined = true
    strip.partAt([2], 2)
    expect(visibleRows(strip.view(), 2)).toEqual([
      { from: 0, to: 2, joined: true },
      { from: 2, to: 4, joined: false },
    ])
    strip.partAt([2], 0)
    expect(visibleRows(strip.view(), 2)[0]).toEqual({ from: 0, to: 2, joined: false })
  })

  // 0003-I3
  it('gives views that no cut, commit or flush changes', () => {
    const strip = stripOf([0, 1, 2, 3, 4, 5])
    strip.committed = 4
    const view = strip.view()
    const before = visibleRows(view, 2)
    strip.committed = 6
    strip.cut([2], 1, 3)
    strip.part([2])
    strip.flushTo(5)
    expect(visibleRows(view, 2)).toEqual(before)
    expect(visibleRows(strip.view(), 2)).toEqual([{ from: 5, to: 6, joined: true }])
  })

  it.each([
    { from: 2, to: 4, flushTo: 4, joined: false },
    { from: 2, to: 4, flushTo: 5, joined: true },
    { from: 3, to: 3, flushTo: 3, joined: false },
    { from: 2, to: 6, flushTo: 4, joined: false },
  ])(
    'flushed up to $flushTo after a cut of [$from, $to): what follows goes on: $joined',
    ({ from, to, flushTo, joined }) => {
      const strip = stripOf([0, 1, 2, 3, 4, 5, 6, 7])
      strip.cut([2], from, to)
      strip.flushTo(flushTo)
      expect(visibleRows(strip.view(), 2)[0]?.joined).toBe(joined)
      expect(visibleRows(strip.view(), 1)[0]?.joined).toBe(true)
    },
  )
})

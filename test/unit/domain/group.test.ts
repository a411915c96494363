// What records do to a group's tail: the same functions live and at replay (0003-I1).

import { describe, expect, it } from 'vitest'
import { applyTailCut, Group, liveOfRun, pointersOfRun } from '../../../src/domain/group.ts'
import { visibleRows } from '../../../src/domain/tail.ts'
import { SHAPE, stripOf } from '../../support/pointers.ts'
import { cutOf, EXTENTS, timesOf } from '../../support/tails.ts'

describe('a cut of a tail', () => {
  it('takes the rows of the named channels in its range, from what is not flushed', () => {
    const group = new Group(1)
    const strip = stripOf([10, 20, 30, 40, 50])
    strip.flushed = 1
    group.add(strip)
    expect(applyTailCut([group], cutOf(5, 35, { keys: [2] })).size).toBe(0)
    expect(timesOf(strip, 2)).toEqual([40, 50])
    expect(timesOf(strip, 1)).toEqual([20, 30, 40, 50])
    applyTailCut([group], cutOf(31, 39))
    expect(strip.cuts.get(1)).toBeUndefined()
  })

  it('changes extents by what it names, and says what that freed', () => {
    const group = new Group(1)
    const run = pointersOfRun(SHAPE, EXTENTS)
    group.add(run)
    const [old] = run.pointers.get(2)!.pointers
    const left = { ...old!, end: 105n, count: 5, live: 150 }
    const freed = applyTailCut(
      [group],
      cutOf(105, 110, {
        keys: [2],
        extents: [{ key: 2, goes: { first: 100n, last: 100n, count: 1 }, comes: [left] }],
      }),
    )
    expect([...freed]).toEqual([[7, 150]])
    expect(run.pointers.get(2)!.pointers).toEqual([left])
    expect(liveOfRun(run)).toEqual(new Map([[7, 350]]))
    const gone = [1, 2].map((key) => ({ key, goes: { first: 100n, last: 100n, count: 1 }, comes: [] }))
    applyTailCut([group], cutOf(0, 200, { extents: gone }))
    expect(group.runs).toEqual([])
  })

  it('parts the samples that it names, in rows and in extents', () => {
    const group = new Group(1)
    const strip = stripOf([10, 20, 30])
    strip.joined = true
    const run = pointersOfRun(SHAPE, EXTENTS)
    group.add(strip)
    group.add(run)
    const parted = [
      { key: 2, at: 20n },
      { key: 1, at: 100n },
      { key: 2, at: 999n },
    ]
    applyTailCut([group], cutOf(0, 0, { parted }))
    expect(visibleRows(strip.view(), 2).map(({ joined }) => joined)).toEqual([true, false])
    expect(visibleRows(strip.view(), 1).map(({ joined }) => joined)).toEqual([true])
    expect([1, 2].map((key) => run.pointers.get(key)!.get(0).joined)).toEqual([false, false])
  })
})

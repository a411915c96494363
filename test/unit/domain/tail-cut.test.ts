// What a delete does to tails: the same functions live and at replay (0003-I1), worked out first and applied in one step.

import { describe, expect, it } from 'vitest'
import { takeSteps } from '../../../src/steps.ts'
import { Group, liveOfRun, pointersOfRun } from '../../../src/domain/group.ts'
import { tailCutSteps, TailCuts } from '../../../src/domain/tail-cut.ts'
import { visibleRows } from '../../../src/domain/tail.ts'
import { SHAPE, stripOf } from '../../support/pointers.ts'
import { cutOf, EXTENTS, timesOf } from '../../support/tails.ts'

describe('a cut of a tail', () => {
  it('takes the rows of the named channels in its range, from what is not flushed', () => {
    const group = new Group(1)
    const strip = stripOf([10, 20, 30, 40, 50])
    strip.flushed = 1
    group.add(strip)
    expect(takeSteps(tailCutSteps([group], cutOf(5, 35, { keys: [2] }))).freed.size).toBe(0)
    expect(timesOf(strip, 2)).toEqual([40, 50])
    expect(timesOf(strip, 1)).toEqual([20, 30, 40, 50])
    takeSteps(tailCutSteps([group], cutOf(31, 39)))
    expect(strip.cuts.get(1)).toBeUndefined()
  })

  it('changes extents by what it names, and says what that freed', () => {
    const group = new Group(1)
    const run = pointersOfRun(SHAPE, EXTENTS)
    group.add(run)
    const [old] = run.pointers.get(2)!.pointers
    const left = { ...old!, end: 105n, count: 5, live: 150 }
    const { freed } = takeSteps(
      tailCutSteps(
        [group],
        cutOf(105, 110, {
          keys: [2],
          extents: [{ key: 2, goes: { first: 100n, last: 100n, count: 1 }, comes: [left] }],
        }),
      ),
    )
    expect([...freed]).toEqual([[7, 150]])
    expect(run.pointers.get(2)!.pointers).toEqual([left])
    expect(liveOfRun(run)).toEqual(new Map([[7, 350]]))
    const gone = [1, 2].map((key) => ({ key, goes: { first: 100n, last: 100n, count: 1 }, comes: [] }))
    takeSteps(tailCutSteps([group], cutOf(0, 200, { extents: gone })))
    expect(group.runs).toEqual([])
  })

  it('brings more pointers than a call has arguments', () => {
    const group = new Group(1)
    const run = pointersOfRun(SHAPE, EXTENTS)
    group.add(run)
    const [old] = run.pointers.get(2)!.pointers
    const comes = Array.from({ length: 150_000 }, (_, i) => ({ ...old!, skip: i, count: 1, live: 1 }))
    const goes = { first: 100n, last: 100n, count: 1 }
    takeSteps(tailCutSteps([group], cutOf(0, 0, { extents: [{ key: 2, goes, comes }] })))
    expect(run.pointers.get(2)).toHaveLength(150_000)
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
    takeSteps(tailCutSteps([group], cutOf(0, 0, { parted })))
    expect(visibleRows(strip.view(), 2).map(({ joined }) => joined)).toEqual([true, false])
    expect(visibleRows(strip.view(), 1).map(({ joined }) => joined)).toEqual([true])
    expect([1, 2].map((key) => run.pointers.get(key)!.get(0).joined)).toEqual([false, false])
  })

  it('changes nothing until it is applied, and no view that was taken before', () => {
    const group = new Group(1)
    const strip = stripOf([10, 20, 30])
    const run = pointersOfRun(SHAPE, EXTENTS)
    group.add(strip)
    group.add(run)
    const views = group.views()
    const cuts = takeSteps(
      TailCuts.of(
        cutOf(15, 25, {
          keys: [2],
          extents: [{ key: 2, goes: { first: 100n, last: 100n, count: 1 }, comes: [] }],
          parted: [{ key: 1, at: 100n }],
        }),
      ),
    )
    for (const each of group.runs) cuts.take(group, each)
    expect(timesOf(strip, 2)).toEqual([10, 20, 30])
    expect(run.pointers.get(2)!.length).toBe(1)
    expect(cuts.apply()).toEqual([])
    expect(timesOf(strip, 2)).toEqual([10, 30])
    expect(run.pointers.get(2)!.length).toBe(0)
    expect(run.pointers.get(1)!.get(0).joined).toBe(false)
    const [rows, pointers] = views
    expect(rows?.kind === 'strip' && rows.cuts.get(2)).toBeUndefined()
    expect(pointers?.kind === 'pointers' && pointers.pointers.get(2)?.length).toBe(1)
    expect(pointers?.kind === 'pointers' && pointers.pointers.get(1)?.get(0).joined).toBe(true)
  })

  it('takes rows that came to a strip since it was taken, where it is taken again', () => {
    const group = new Group(1)
    const strip = stripOf([10, 20, 30, 40])
    strip.committed = 2
    group.add(strip)
    const cuts = takeSteps(TailCuts.of(cutOf(15, 35, { keys: [1, 2] })))
    cuts.take(group, strip)
    strip.committed = 4
    cuts.take(group, strip)
    expect(cuts.apply()).toEqual([])
    expect(timesOf(strip, 1)).toEqual([10, 40])
  })

  it('gives back the runs in which it left nothing', () => {
    const group = new Group(1)
    const run = pointersOfRun(SHAPE, EXTENTS)
    group.add(run)
    const extents = [1, 2].map((key) => ({ key, goes: { first: 100n, last: 100n, count: 1 }, comes: [] }))
    const cuts = takeSteps(TailCuts.of(cutOf(0, 200, { keys: [1, 2], extents })))
    cuts.take(group, run)
    expect(cuts.apply()).toEqual([run])
    expect(group.runs).toEqual([])
  })
})

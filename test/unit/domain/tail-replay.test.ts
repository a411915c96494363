// Tails as replay makes them, and as one replay goes on from another (0003-I1): what the first has made stays what it
// is, and what a flush has turned into pointers is let go of.

import { describe, expect, it } from 'vitest'
import { takeSteps } from '../../../src/steps.ts'
import type { Group, pointersOfRun } from '../../../src/domain/group.ts'
import { TailReplay } from '../../../src/domain/tail-replay.ts'
import { visibleRows } from '../../../src/domain/tail.ts'
import type { Strip } from '../../../src/domain/tail.ts'
import type { CommitSection } from '../../../src/journal/record.ts'
import { shapeOf } from '../../../src/journal/shape.ts'
import { SHAPE, stripOf } from '../../support/pointers.ts'
import { cutOf, EXTENTS, timesOf } from '../../support/tails.ts'

function rowsSection(
  times: readonly number[],
  joined: boolean,
  stream = 1,
  parted: number[] = [],
): CommitSection {
  const { page, offsets } = stripOf(times)
  return {
    stream,
    shape: SHAPE,
    runs: [{ kind: 'rows', count: times.length, joined, parted, bytes: page.bytes, offsets, from: 0 }],
  }
}

describe('the tail of a replay', () => {
  it('goes on in one strip for one writer, and begins another for another, or for what is not joined', () => {
    const replay = new TailReplay()
    replay.commit(rowsSection([1, 2], false), 1)
    replay.commit(rowsSection([3], true), 2)
    replay.commit(rowsSection([50], false, 2), 3)
    replay.commit(rowsSection([4, 5], true), 4)
    replay.commit(rowsSection([90], false), 5)
    const group = replay.groups.get(1)!
    expect(group.runs.map((run) => timesOf(run, 1))).toEqual([[1, 2, 3, 4, 5], [50], [90]])
    expect([...(group.runs[0] as Strip).columns[1]!.subarray(0, 5)]).toEqual([0.5, 1, 1.5, 2, 2.5])
  })

  it('keeps what was parted apart', () => {
    const replay = new TailReplay()
    replay.commit(rowsSection([1, 2], false), 1)
    replay.commit(rowsSection([7], true, 1, [2]), 2)
    const strip = replay.groups.get(1)!.runs[0] as Strip
    expect(visibleRows(strip.view(), 2)).toHaveLength(2)
    expect(visibleRows(strip.view(), 1)).toHaveLength(1)
  })

  it('puts extents between rows, in order', () => {
    const replay = new TailReplay()
    replay.commit(rowsSection([1, 2], false), 1)
    replay.commit({ stream: 1, shape: SHAPE, runs: [EXTENTS] }, 2)
    replay.commit(rowsSection([200], true), 3)
    const group = replay.groups.get(1)!
    expect(group.runs.map(({ kind }) => kind)).toEqual(['strip', 'extents', 'strip'])
    const [first, second] = [1, 2].map((key) =>
      (group.runs[1] as ReturnType<typeof pointersOfRun>).pointers.get(key)!.get(0),
    )
    expect(first).toMatchObject({ start: 100n, end: 110n, joined: true, count: 10, live: 200 })
    expect(second).toMatchObject({ joined: false, live: 300, segment: 7, offset: 264 })
  })
})

/** Times of a channel that a group's tail shows, run by run. */
function shownBy(replay: TailReplay, key = 1, group = 1): number[][] {
  const runs: Group['runs'] = replay.groups.get(group)?.runs ?? []
  return runs.map((run) =>
    run.kind === 'strip'
      ? timesOf(run, key)
      : run.pointers.get(key)!.pointers.flatMap(({ start, end }) => [Number(start), Number(end)]),
  )
}

function pageOf(replay: TailReplay): unknown {
  return (replay.groups.get(1)!.runs[0] as Strip).page
}

describe('a replay that goes on from another', () => {
  it('adds to its strips, and that one stays what it is', () => {
    const before = new TailReplay()
    before.commit(rowsSection([1, 2], false), 5)
    const next = new TailReplay(before)
    next.commit(rowsSection([3], true), 6)
    next.commit(rowsSection([9], true, 1, [2]), 7)
    expect([shownBy(before), shownBy(next)]).toEqual([[[1, 2]], [[1, 2, 3, 9]]])
    expect(visibleRows((next.groups.get(1)!.runs[0] as Strip).view(), 2)).toHaveLength(2)
    expect(visibleRows((before.groups.get(1)!.runs[0] as Strip).view(), 2)).toHaveLength(1)
    expect(pageOf(next)).toBe(pageOf(before))
  })

  it('cuts rows and extents, and that one stays what it is', () => {
    const before = new TailReplay()
    before.commit(rowsSection([1, 2, 3], false), 5)
    before.commit({ stream: 1, shape: SHAPE, runs: [EXTENTS] }, 6)
    const next = new TailReplay(before)
    const goes = { first: 100n, last: 100n, count: 1 }
    const extents = [1, 2].map((key) => ({ key, goes, comes: [] }))
    takeSteps(next.cut(cutOf(2, 200, { extents })))
    expect([shownBy(before), shownBy(next)]).toEqual([
      [
        [1, 2, 3],
        [100, 110],
      ],
      [[1]],
    ])
  })

  it('cuts only the tails that have samples of these channels', () => {
    const other = shapeOf([4, 5], ['timestamp', 'float64'])
    const before = new TailReplay()
    before.commit(rowsSection([1, 2], false), 5)
    before.commit({ ...rowsSection([1, 2], false, 2), shape: other }, 6)
    const next = new TailReplay(before)
    takeSteps(next.cut(cutOf(2, 9)))
    expect(next.groups.get(4)).toBe(before.groups.get(4))
    expect([shownBy(next), shownBy(next, 4, 4), shownBy(before)]).toEqual([[[1]], [[1, 2]], [[1, 2]]])
  })

  it('lets go of what a flush has turned into pointers: the rows and the extents of the commits that it names', () => {
    const before = new TailReplay()
    before.commit(rowsSection([1, 2], false), 5)
    before.commit({ stream: 2, shape: SHAPE, runs: [EXTENTS] }, 6)
    before.commit(rowsSection([200], true), 7)
    before.commit({ stream: 2, shape: SHAPE, runs: [{ ...EXTENTS, first: 300n, last: 309n }] }, 8)
    const next = new TailReplay(before)
    next.flush(1, 4)
    expect(next.groups.get(1)).toBe(before.groups.get(1))
    next.flush(1, 6)
    expect(shownBy(next)).toEqual([[200], [300, 310]])
    next.commit(rowsSection([400], true), 9)
    next.flush(1, 8)
    expect(shownBy(next)).toEqual([[400]])
    next.flush(1, 9)
    expect(shownBy(next)).toEqual([])
    // A strip in which nothing is left is begun no more.
    next.commit(rowsSection([500], true), 10)
    expect(pageOf(next)).not.toBe(pageOf(before))
    expect(shownBy(before)).toEqual([
      [1, 2, 200],
      [100, 110],
      [300, 310],
    ])
  })

  it('forgets what another has noted that went on from there and was given up', () => {
    const before = new TailReplay()
    before.commit(rowsSection([1, 2], false), 5)
    const given = new TailReplay(before)
    given.commit(rowsSection([7, 8, 9], true), 6)
    const next = new TailReplay(before)
    next.commit(rowsSection([3], true), 6)
    next.commit(rowsSection([4, 5], true), 7)
    next.flush(1, 6)
    expect([shownBy(before), shownBy(next)]).toEqual([[[1, 2]], [[4, 5]]])
  })

  it('drops the tail of a group that is gone', () => {
    const before = new TailReplay()
    before.commit(rowsSection([1, 2], false), 5)
    const next = new TailReplay(before)
    next.drop(1)
    next.drop(1)
    expect([shownBy(before), shownBy(next)]).toEqual([[[1, 2]], []])
  })
})

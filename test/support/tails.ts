// What tests of tails begin with: extents of two channels, a cut of both, and the times that a strip shows of one.

import { visibleRows } from '../../src/domain/tail.ts'
import type { Strip, TailRun } from '../../src/domain/tail.ts'
import type { ExtentsRun } from '../../src/journal/record.ts'
import type { TailCut } from '../../src/version/edit.ts'

export const EXTENTS: ExtentsRun = {
  kind: 'extents',
  count: 10,
  joined: true,
  parted: [2],
  first: 100n,
  last: 109n,
  places: [
    { segment: 7, offset: 64, length: 200 },
    { segment: 7, offset: 264, length: 300 },
  ],
}

export function cutOf(start: number, end: number, change: Partial<TailCut> = {}): TailCut {
  return { start: BigInt(start), end: BigInt(end), keys: [1, 2], extents: [], parted: [], ...change }
}

export function timesOf(run: TailRun, key: number): number[] {
  const strip = run as Strip
  return visibleRows(strip.view(), key).flatMap(({ from, to }) =>
    [...strip.times.subarray(from, to)].map(Number),
  )
}

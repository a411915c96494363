// What an edit pays for the segments that are there: one pointer goes and one comes, in two segments of 100, 4,000 or
// 20,000; beside a plain object of them under immer, which the version held before. Ratios first.
//
//   npx tsx bench/segment-table.ts

import { produce } from 'immer'
import { apply } from '../src/version/apply.ts'
import type { Pointer } from '../src/version/pointer.ts'
import { SegmentTable } from '../src/version/segment-table.ts'
import type { SegmentEntry } from '../src/version/segment-table.ts'
import { EMPTY_VERSION } from '../src/version/version.ts'
import type { Version } from '../src/version/version.ts'

const REPEATS = 5
const EDITS = 50

const idOf = (i: number): number => 2 ** 32 + 1 + i

const pointer = (segment: number): Pointer => ({
  start: 1n,
  end: 9n,
  joined: false,
  segment: idOf(segment),
  offset: 64,
  length: 128,
  skip: 0,
  count: 8,
  live: 128,
})

/** Microseconds of one call, the median of some repeats. */
function timed(calls: number, call: (i: number) => void): number {
  const took: number[] = []
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const began = performance.now()
    for (let i = 0; i < calls; i++) call(i)
    took.push(((performance.now() - began) * 1000) / calls)
  }
  return took.toSorted((a, b) => a - b)[REPEATS >> 1]!
}

for (const count of [100, 4000, 20_000]) {
  const entries = Array.from({ length: count }, (_, i): [number, SegmentEntry] => [
    idOf(i),
    { size: 4096, live: 128 },
  ])
  const pointers = EMPTY_VERSION.pointers.set(1, EMPTY_VERSION.pointers.get(1).splice(0, 0, [pointer(0)]))
  let version: Version = { ...EMPTY_VERSION, pointers, segments: SegmentTable.from(entries) }
  let at = 0
  let lsn = 1
  const ours = timed(EDITS, () => {
    const to = (at + 37) % count
    const goes = { first: 1n, last: 1n, count: 1 }
    version = apply(version, { kind: 'relocate', changes: [{ key: 1, goes, comes: [pointer(to)] }] }, ++lsn)
    at = to
  })
  if (version.segments.get(idOf(at))?.live !== 256) throw new Error('the edits did not take effect')

  let plain: Record<number, SegmentEntry> = Object.fromEntries(entries)
  const copied = timed(EDITS, (i) => {
    plain = produce(plain, (draft) => {
      draft[idOf((i * 37) % count)] = { size: 4096, live: i }
      draft[idOf((i * 37 + 37) % count)] = { size: 4096, live: i + 1 }
    })
  })
  process.stdout.write(
    `${count} segments: an edit costs ${(ours / copied).toFixed(3)} of copying a plain object of them ` +
      `(${ours.toFixed(1)} us, ${copied.toFixed(1)} us)\n`,
  )
}

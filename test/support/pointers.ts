// Pointers, tails and versions for tests of what works on them without a disk.

import fc from 'fast-check'
import { Strip, stripSize } from '../../src/domain/tail.ts'
import { shapeOf } from '../../src/journal/shape.ts'
import type { Shape } from '../../src/journal/shape.ts'
import type { Channel } from '../../src/telem/channel.ts'
import type { Pointer } from '../../src/version/pointer.ts'
import { PointerTables } from '../../src/version/pointer-tables.ts'
import { SegmentTable } from '../../src/version/segment-table.ts'
import type { SegmentEntry } from '../../src/version/segment-table.ts'
import { EMPTY_VERSION } from '../../src/version/version.ts'
import type { Version } from '../../src/version/version.ts'

/** A pointer to `count` samples from `start` on, 1 ns apart, in an extent of their own. */
export function pointerTo(start: number, count: number, change: Partial<Pointer> = {}): Pointer {
  return {
    start: BigInt(start),
    end: BigInt(start + count),
    joined: false,
    segment: 1,
    offset: 64 + start * 8,
    length: count * 8,
    skip: 0,
    count,
    live: count * 8,
    ...change,
  }
}

export const INDEX_CHANNEL: Channel = Object.freeze({
  key: 1,
  name: 'time',
  kind: 'index',
  type: 'timestamp',
  concurrency: 'exclusive',
})

export const DATA_CHANNEL: Channel = Object.freeze({
  key: 2,
  name: 'a',
  kind: 'data',
  type: 'float64',
  index: 'time',
})

/** A version with one group and these pointers by channel key. */
export function versionWith(tables: Readonly<Record<number, readonly Pointer[]>>): Version {
  let { pointers } = EMPTY_VERSION
  const segments = new Map<number, SegmentEntry>()
  for (const [key, list] of Object.entries(tables)) {
    pointers = pointers.set(Number(key), PointerTables.empty.get(Number(key)).splice(0, 0, list))
    for (const { segment, offset, length, live } of list) {
      const entry = segments.get(segment) ?? { size: 0, live: 0 }
      segments.set(segment, { size: Math.max(entry.size, offset + length), live: entry.live + live })
    }
  }
  return {
    ...EMPTY_VERSION,
    nextKey: 3,
    channels: { 1: INDEX_CHANNEL, 2: DATA_CHANNEL },
    pointers,
    segments: SegmentTable.from(segments),
  }
}

/** The shape of the group of these two channels. */
export const SHAPE: Shape = shapeOf([1, 2], ['timestamp', 'float64'])

/** A strip with rows at these times, `a` holding half of each time, committed and in the tail. */
export function stripOf(times: readonly number[], shape: Shape = SHAPE): Strip {
  const strip = new Strip(shape, { bytes: new Uint8Array(Math.max(64, stripSize(shape, times.length))) })
  times.forEach((time, row) => {
    strip.times[row] = BigInt(time)
    for (let i = 1; i < shape.keys.length; i++) (strip.columns[i] as Float64Array)[row] = time * 0.5
  })
  strip.written = strip.committed = times.length
  strip.inTail = true
  return strip
}

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 2n })
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const safe = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })

/** Any pointer that can be written down, whether it fits anywhere or not. */
export const anyPointer: fc.Arbitrary<Pointer> = fc.record({
  start: int64,
  end: int64,
  joined: fc.boolean(),
  segment: safe,
  offset: safe,
  length: uint32,
  skip: uint32,
  count: uint32,
  live: uint32,
})

// A frame from what was read: the series that its domains form, and the times beside the samples of each
// channel. Steps between which the loop may turn: there may be a million domains, or a gigabyte of times.
// Called by both kinds of read, at once or in slices.

import { lowerBound } from '../binary-search.ts'
import { Frame, FrameColumns } from '../telem/frame.ts'
import type { FrameColumn } from '../telem/frame.ts'
import { END_OF_TIME, MIN_TIMESTAMP } from '../telem/timestamp.ts'
import type { TimeRange } from '../telem/time-range.ts'
import type { ChannelRef } from '../unary/channel-view.ts'
import type { LaidParts } from '../unary/laid-parts.ts'
import type { Filling } from '../unary/read-parts.ts'
import type { ReadPlan } from './read.ts'

/** Yields between steps of bounded length. */
export type Framing = Generator<void, Frame, void>

/** Index channels to be read along because their times are wanted, each over one range. */
export interface WantedTimes {
  readonly channel: ChannelRef
  readonly range: TimeRange
}

/** Parts, or samples in units of `COPIED_A_STEP`, that make a step. */
const PARTS_A_STEP = 4096

/** Channels that are looked at in one step: some 0.3 ms. */
const LANES_A_STEP = 1024

/** Timestamps copied in one step: 512 KiB. */
const COPIED_A_STEP = 64 * 1024

/** What must be read besides the lanes, so that every lane has its times; in steps. */
export function* timesWanted(
  { timestamps }: Pick<ReadPlan, 'timestamps'>,
  lanes: readonly Filling[],
): Generator<void, WantedTimes[], void> {
  const read = new Map(lanes.map((lane) => [lane.channel.key, lane]))
  const wanted = new Map<number, { channel: ChannelRef; start: bigint; end: bigint; isShort: boolean }>()
  for (const [i, { channel, parts }] of lanes.entries()) {
    if (i % LANES_A_STEP === LANES_A_STEP - 1) yield
    const { index } = channel
    const along = read.get(index.key)
    if (index.key === channel.key || (along === undefined && !timestamps)) continue
    let times = wanted.get(index.key)
    if (times === undefined) {
      const ref: ChannelRef = { key: index.key, name: '', type: 'timestamp', owner: index.owner, index }
      times = { channel: ref, start: END_OF_TIME, end: MIN_TIMESTAMP, isShort: along === undefined }
      wanted.set(index.key, times)
    }
    if (parts.length === 0) continue
    const start = parts.startAt(0)
    const end = parts.endAt(parts.length - 1)
    if (start < times.start) times.start = start
    if (end > times.end) times.end = end
    if (along !== undefined && !covers(along.parts, start, end)) times.isShort = true
  }
  return [...wanted.values()].flatMap(({ channel, start, end, isShort }) =>
    isShort ? [{ channel, range: { start, end: end < start ? start : end } }] : [],
  )
}

/** Whether the times of an index channel's parts reach over all from `start` to `end`. */
function covers(parts: LaidParts, start: bigint, end: bigint): boolean {
  return parts.length > 0 && parts.startAt(0) <= start && parts.endAt(parts.length - 1) >= end
}

/**
 * Makes the frame.
 * @param times by key of the index channel: what was read besides the lanes
 */
export function* framing(lanes: readonly Filling[], times: ReadonlyMap<number, Filling>): Framing {
  const read = new Map(lanes.map((lane) => [lane.channel.key, lane]))
  const columns = new FrameColumns()
  for (const lane of lanes) {
    const { channel, data, parts } = lane
    const series = yield* seriesOf(parts)
    const column = { name: channel.name, type: channel.type, data, series }
    const { key } = channel.index
    const index = key === channel.key ? lane : (times.get(key) ?? read.get(key))
    columns.add(index === undefined ? column : { ...column, timestamps: yield* timesBeside(lane, index) })
    yield
  }
  return new Frame(columns)
}

/** The timestamps of a lane's samples: part by part, a stretch of the index channel's. */
function* timesBeside(lane: Filling, index: Filling): Generator<void, BigInt64Array, void> {
  const all = index.data as BigInt64Array
  if (lane === index) return all
  const { parts } = lane
  const times = new BigInt64Array(lane.data.length)
  if (times.length === all.length && all.length > 0 && parts.startAt(0) === all[0]) {
    yield* copy(times, 0, all, 0, all.length)
    return times
  }
  let at = 0
  let from = 0
  for (let i = 0; i < parts.length; i++) {
    if (i > 0 && i % PARTS_A_STEP === 0) yield
    const start = parts.startAt(i)
    const count = parts.countAt(i)
    // Most parts go on where the one before has ended.
    if (all[from] !== start) from = lowerBound(all, start, from, all.length)
    // A forged log may name samples that have no times.
    if (count === 1 && from < all.length) times[at] = all[from]!
    else yield* copy(times, at, all, from, count)
    at += count
    from += count
  }
  return times
}

function* copy(
  to: BigInt64Array,
  at: number,
  source: BigInt64Array,
  from: number,
  count: number,
): Generator<void, void, void> {
  for (let done = 0; done < count; done += COPIED_A_STEP) {
    if (done > 0) yield
    to.set(source.subarray(from + done, from + Math.min(count, done + COPIED_A_STEP)), at + done)
  }
}

/** Parts that one domain goes through are one series: joined, or touching. */
function* seriesOf(parts: LaidParts): Generator<void, FrameColumn['series'], void> {
  const series: { count: number; timeRange: TimeRange }[] = []
  const { length } = parts
  for (let i = 0; i < length;) {
    const first = parts.startAt(i)
    let count = 0
    let isSame = true
    for (; i < length && isSame; i++) {
      if (i > 0 && i % PARTS_A_STEP === 0) yield
      count += parts.countAt(i)
      isSame = i + 1 < length && (parts.joinedAt(i + 1) || parts.startAt(i + 1) === parts.endAt(i))
    }
    series.push({ count, timeRange: { start: first, end: parts.endAt(i - 1) } })
  }
  return series
}

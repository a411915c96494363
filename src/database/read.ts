// Reads: an instant, the channels, and what of them is asked for. Everything is planned in one
// synchronous step on that instant; rows in memory are copied in it, blocks are read right after, off
// the event loop where they are many. No guard, no waiting (architecture 4).

import { ValidationError } from '../errors.ts'
import { rowBound } from '../domain/tail.ts'
import { Frame } from '../telem/frame.ts'
import type { FrameColumn } from '../telem/frame.ts'
import { END_OF_TIME, MIN_TIMESTAMP } from '../telem/timestamp.ts'
import type { TimeRange } from '../telem/time-range.ts'
import { countIn, newestParts, partsIn, timeOfNth } from '../unary/channel-view.ts'
import type { ChannelRef, GroupView, Part } from '../unary/channel-view.ts'
import { beginFilling, fill, fillNow, READ_NOW_LIMIT } from '../unary/read-parts.ts'
import type { Filling } from '../unary/read-parts.ts'
import type { Engine } from './engine.ts'

/** One instant of the database: the head, or a snapshot. */
export interface Instant {
  viewOf(groupKey: number, range?: TimeRange): GroupView
  /** LSN of the newest record that it shows. */
  readonly lsn: number
}

/** What a read asks for. */
export interface ReadPlan {
  readonly channels: readonly ChannelRef[]
  readonly timestamps: boolean
  readonly signal?: AbortSignal | undefined
}

/** Samples in [start, end). */
export function readRange(
  engine: Engine,
  instant: Instant,
  plan: ReadPlan,
  { start, end }: TimeRange,
): Promise<Frame> {
  const views = viewsOf(instant, plan.channels, { start, end })
  return readParts(engine, instant, plan, views, (channel, view) => partsIn(view, channel, start, end))
}

/** The newest `count` samples of each channel before `end`. */
export function readLatest(
  engine: Engine,
  instant: Instant,
  plan: ReadPlan,
  count: number,
  end: bigint,
): Promise<Frame> {
  const views = viewsOf(instant, plan.channels)
  return readParts(engine, instant, plan, views, (channel, view) => newestParts(view, channel, count, end))
}

/** Sample counts in [start, end). */
export function countRange(instant: Instant, channels: readonly ChannelRef[], range: TimeRange): number[] {
  const views = viewsOf(instant, channels, range)
  return channels.map((channel) => countIn(views.get(channel.index.key)!, channel, range.start, range.end))
}

/** First timestamp and last timestamp + 1 ns; undefined for a channel without samples. */
export function boundsOf(instant: Instant, channel: ChannelRef): TimeRange | undefined {
  const view = instant.viewOf(channel.index.key)
  const last = newestParts(view, channel, 1, END_OF_TIME)[0]
  const start = timeOfNth(view, channel, MIN_TIMESTAMP, 0)
  return last === undefined || start === undefined ? undefined : { start, end: last.end }
}

function viewsOf(
  instant: Instant,
  channels: readonly ChannelRef[],
  range?: TimeRange,
): Map<number, GroupView> {
  const views = new Map<number, GroupView>()
  for (const { index } of channels)
    if (!views.has(index.key)) views.set(index.key, instant.viewOf(index.key, range))
  return views
}

function readParts(
  engine: Engine,
  instant: Instant,
  plan: ReadPlan,
  views: ReadonlyMap<number, GroupView>,
  partsOf: (channel: ChannelRef, view: GroupView) => Part[],
): Promise<Frame> {
  plan.signal?.throwIfAborted()
  const lanes = plan.channels.map((channel) => {
    const view = views.get(channel.index.key)!
    return beginFilling(channel, partsOf(channel, view), view.segments)
  })
  const times = planTimes(plan, lanes, views)
  const fillings = [
    ...lanes,
    ...new Set(times.filter((each) => each !== undefined && !lanes.includes(each))),
  ] as Filling[]
  const size = fillings.reduce((sum, filling) => sum + filling.size, 0)
  if (size <= READ_NOW_LIMIT) {
    for (const filling of fillings) fillNow(filling, engine.segments)
    const frame = frameOf(lanes, times)
    const turn = engine.turns.due()
    return turn === undefined ? Promise.resolve(frame) : turn.then(() => frame)
  }
  return engine.letEnd(readLong(engine, instant, plan, fillings, () => frameOf(lanes, times)))
}

async function readLong(
  engine: Engine,
  instant: Instant,
  plan: ReadPlan,
  fillings: readonly Filling[],
  result: () => Frame,
): Promise<Frame> {
  const pin = engine.pins.pin(instant.lsn)
  try {
    for (const filling of fillings)
      await fill(filling, engine.segments, () => engine.turns.next(), plan.signal)
    plan.signal?.throwIfAborted()
    return result()
  } finally {
    engine.pins.release(pin)
  }
}

/** By lane: the index channel's samples that cover it; undefined where times are not wanted. */
function planTimes(
  plan: ReadPlan,
  lanes: readonly Filling[],
  views: ReadonlyMap<number, GroupView>,
): (Filling | undefined)[] {
  const read = new Map(lanes.map((lane) => [lane.channel.key, lane]))
  const extra = new Map<number, Filling>()
  return lanes.map((lane) => {
    const { index } = lane.channel
    if (index.key === lane.channel.key) return lane
    const along = read.get(index.key)
    if (along !== undefined && covers(along, lane)) return along
    if (along === undefined && !plan.timestamps) return undefined
    let filling = extra.get(index.key)
    if (filling === undefined || !covers(filling, lane)) {
      const mates = lanes.filter((each) => each.channel.index.key === index.key && each.parts.length > 0)
      const start = mates.reduce(
        (least, { parts }) => (parts[0]!.start < least ? parts[0]!.start : least),
        END_OF_TIME,
      )
      const end = mates.reduce(
        (most, { parts }) => (parts.at(-1)!.end > most ? parts.at(-1)!.end : most),
        MIN_TIMESTAMP,
      )
      const channel: ChannelRef = { key: index.key, name: '', type: 'timestamp', owner: index.owner, index }
      const view = views.get(index.key)!
      filling = beginFilling(channel, partsIn(view, channel, start, end), view.segments)
      extra.set(index.key, filling)
    }
    return filling
  })
}

/** Whether the times of `index` reach over all samples of `lane`. */
function covers(index: Filling, lane: Filling): boolean {
  const first = lane.parts[0]
  if (first === undefined) return true
  return (
    index.parts.length > 0 &&
    index.parts[0]!.start <= first.start &&
    index.parts.at(-1)!.end >= lane.parts.at(-1)!.end
  )
}

function frameOf(lanes: readonly Filling[], times: readonly (Filling | undefined)[]): Frame {
  return new Frame(
    lanes.map((lane, i): FrameColumn => {
      const index = times[i]
      const { channel, data } = lane
      const column = { name: channel.name, type: channel.type, data, series: seriesOf(lane.parts) }
      return index === undefined ? column : { ...column, timestamps: timesBeside(lane, index) }
    }),
  )
}

/** The timestamps of a lane's samples: part by part, a stretch of the index channel's. */
function timesBeside(lane: Filling, index: Filling): BigInt64Array {
  const all = index.data as BigInt64Array
  if (lane === index) return all
  if (lane.data.length === all.length && all.length > 0 && lane.parts[0]!.start === all[0]) return all.slice()
  const times = new BigInt64Array(lane.data.length)
  let at = 0
  let from = 0
  for (const part of lane.parts) {
    from = rowBound(all, from, all.length, part.start)
    times.set(all.subarray(from, from + part.count), at)
    at += part.count
    from += part.count
  }
  return times
}

/** Parts that one domain goes through are one series: joined, or touching. */
function seriesOf(parts: readonly Part[]): FrameColumn['series'] {
  const series: { count: number; timeRange: TimeRange }[] = []
  for (const part of parts) {
    const before = series.at(-1)
    if (before !== undefined && (part.joined || part.start === before.timeRange.end)) {
      before.count += part.count
      before.timeRange = { start: before.timeRange.start, end: part.end }
    } else series.push({ count: part.count, timeRange: { start: part.start, end: part.end } })
  }
  return series
}

/** How `frames` is cut. */
export interface FramesPlan extends ReadPlan {
  readonly samples: number
  readonly span: bigint | undefined
  /** Called before each frame. @throws ClosedError */
  readonly assertOpen: () => void
}

/** Samples of the longest channel in a frame, unless the caller says otherwise. */
export const FRAME_SAMPLES = 100_000

/** Walks over a range in frames of bounded size: each ends at `samples` of the longest channel, or after `span`. */
export async function* walkFrames(
  engine: Engine,
  instant: Instant,
  plan: FramesPlan,
  range: TimeRange,
): AsyncGenerator<Frame, void, void> {
  let cursor = range.start
  for (;;) {
    plan.assertOpen()
    const views = viewsOf(instant, plan.channels)
    const first = firstTime(plan, views, cursor)
    if (first === undefined || first >= range.end) return
    cursor = nextStart(cursor, first, plan.span)
    let end = plan.span === undefined || range.end - cursor < plan.span ? range.end : cursor + plan.span
    for (const channel of plan.channels) {
      const limit = timeOfNth(views.get(channel.index.key)!, channel, cursor, plan.samples)
      if (limit !== undefined && limit < end) end = limit
    }
    yield await readRange(engine, instant, plan, { start: cursor, end })
    cursor = end
  }
}

function firstTime(plan: ReadPlan, views: ReadonlyMap<number, GroupView>, from: bigint): bigint | undefined {
  let first: bigint | undefined
  for (const channel of plan.channels) {
    const time = timeOfNth(views.get(channel.index.key)!, channel, from, 0)
    if (time !== undefined && (first === undefined || time < first)) first = time
  }
  return first
}

/** Where the next frame begins: gaps are skipped in whole spans. */
function nextStart(cursor: bigint, first: bigint, span: bigint | undefined): bigint {
  if (span === undefined || cursor === MIN_TIMESTAMP) return first
  return cursor + ((first - cursor) / span) * span
}

/** @throws ValidationError for a count that is not a whole number from 1 on */
export function validateCount(value: unknown, what: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return value
  throw new ValidationError(`${what} must be a whole number of at least 1: got ${String(value)}`)
}

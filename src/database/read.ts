// Reads: an instant, the channels, and what of them is asked for. What is short is planned in one
// synchronous step on that instant, which copies rows in memory and reads blocks too; what is long goes in
// slices, on an instant that is held (read-long.ts). No guard, no waiting (architecture 4).

import { assert } from '../assert.ts'
import { ValidationError } from '../errors.ts'
import type { Frame } from '../telem/frame.ts'
import { takeSteps } from '../steps.ts'
import { END_OF_TIME, MIN_TIMESTAMP } from '../telem/timestamp.ts'
import type { TimeRange } from '../telem/time-range.ts'
import { partsIn } from '../unary/channel-view.ts'
import type { ChannelRef, GroupView } from '../unary/channel-view.ts'
import { newestParts, newestRange } from '../unary/newest.ts'
import { beginFilling, costOf, fillInTurns, fillNow, READ_NOW_LIMIT } from '../unary/read-parts.ts'
import type { Filling } from '../unary/read-parts.ts'
import { countIn, timeOfNth } from '../unary/sample-count.ts'
import type { Engine } from './engine.ts'
import { framing, timesWanted } from './framing.ts'
import type { Framing } from './framing.ts'
import { countLong, readLong } from './read-long.ts'
import type { SnapshotState } from './snapshot-state.ts'
import { holdInstant, releaseSnapshot } from './snapshots.ts'
import { inSlices, SLICE_MS } from './turns.ts'

/** One instant of the database: the head, or a snapshot. */
export interface Instant {
  viewOf(groupKey: number, range?: TimeRange): GroupView
  /** Keeps it what it is, whatever is committed, cut or flushed, until it is released. */
  readonly held?: SnapshotState
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
  range: TimeRange,
): Promise<Frame> {
  plan.signal?.throwIfAborted()
  const { channels } = plan
  const readInSlices = (): Promise<Frame> => engine.letEnd(readLong(engine, instant, plan, () => range))
  if (channels.length > FEW_CHANNELS) return readInSlices()
  const views = viewsOf(instant, channels, range)
  const cost = channels.reduce(
    (sum, channel) => sum + costOf(views.get(channel.index.key)!, channel, range),
    0,
  )
  return cost > PLAN_NOW_LIMIT ? readInSlices() : readParts(engine, instant, plan, views, () => range)
}

/** The newest `count` samples of each channel before `end`. */
export function readLatest(
  engine: Engine,
  instant: Instant,
  plan: ReadPlan,
  count: number,
  end: bigint,
): Promise<Frame> {
  const rangeOf = (channel: ChannelRef, view: GroupView): TimeRange => newestRange(view, channel, count, end)
  if (plan.channels.length > FEW_CHANNELS || count > PLAN_NOW_LIMIT)
    return engine.letEnd(readLong(engine, instant, plan, rangeOf))
  return readParts(engine, instant, plan, viewsOf(instant, plan.channels), rangeOf)
}

/** Channels that are planned in one step: some 20 us each. */
const FEW_CHANNELS = 128

/** Pointers, or 4 KiB of rows in memory, that are planned in one step: some half a microsecond each. */
const PLAN_NOW_LIMIT = 4096

/** Sample counts in [start, end), in the order of the channels. */
export function countRange(
  engine: Engine,
  instant: Instant,
  channels: readonly ChannelRef[],
  range: TimeRange,
): number[] | Promise<number[]> {
  const counts: number[] = []
  const visit = (count: number): boolean => {
    counts.push(count)
    return false
  }
  const counting = visitCounts(engine, instant, channels, range, visit)
  return counting === undefined ? counts : counting.then(() => counts)
}

/** Whether any of the channels has a sample in [start, end). */
export function hasSamples(
  engine: Engine,
  instant: Instant,
  channels: readonly ChannelRef[],
  range: TimeRange,
): boolean | Promise<boolean> {
  let isFound = false
  const visit = (count: number): boolean => (isFound = count > 0)
  const counting = visitCounts(engine, instant, channels, range, visit)
  return counting === undefined ? isFound : counting.then(() => isFound)
}

/** Counts channel by channel until `visit` says that it has seen enough: few in one step, many in slices. */
function visitCounts(
  engine: Engine,
  instant: Instant,
  channels: readonly ChannelRef[],
  range: TimeRange,
  visit: (count: number) => boolean,
): Promise<void> | undefined {
  if (channels.length > FEW_CHANNELS) return engine.letEnd(countLong(engine, instant, channels, range, visit))
  const views = viewsOf(instant, channels, range)
  for (const channel of channels)
    if (visit(countIn(views.get(channel.index.key)!, channel, range.start, range.end))) break
  return undefined
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
  rangeOf: (channel: ChannelRef, view: GroupView) => TimeRange,
): Promise<Frame> {
  plan.signal?.throwIfAborted()
  const fillingOf = (channel: ChannelRef, range?: TimeRange): Filling => {
    const view = views.get(channel.index.key)!
    const { start, end } = range ?? rangeOf(channel, view)
    return beginFilling(channel, partsIn(view, channel, start, end), view.segments)
  }
  const lanes = plan.channels.map((channel) => fillingOf(channel))
  const times = new Map(
    takeSteps(timesWanted(plan, lanes)).map(({ channel, range }) => [channel.key, fillingOf(channel, range)]),
  )
  const fillings = [...lanes, ...times.values()]
  const size = fillings.reduce((sum, filling) => sum + filling.size, 0)
  const frame = framing(lanes, times)
  if (size > READ_NOW_LIMIT) return engine.letEnd(fillLong(engine, instant, plan, fillings, frame))
  for (const filling of fillings) fillNow(filling, engine.segments)
  const result = takeSteps(frame)
  const turn = engine.turns.due()
  return turn === undefined ? Promise.resolve(result) : turn.then(() => result)
}

async function fillLong(
  engine: Engine,
  instant: Instant,
  { signal }: ReadPlan,
  fillings: readonly Filling[],
  frame: Framing,
): Promise<Frame> {
  const pin = engine.pins.pin(instant.lsn)
  try {
    await fillInTurns(fillings, engine.segments, engine.turns, signal)
    signal?.throwIfAborted()
    return await inSlices(engine.turns, frame)
  } finally {
    engine.pins.release(pin)
  }
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

/**
 * Walks over a range in frames of bounded size: each ends at `samples` of the longest channel, or after
 * `span`.
 */
export async function* walkFrames(
  engine: Engine,
  instant: Instant,
  plan: FramesPlan,
  range: TimeRange,
): AsyncGenerator<Frame, void, void> {
  let cursor = range.start
  for (;;) {
    plan.assertOpen()
    const next = await engine.letEnd(nextFrame(engine, instant, plan, cursor, range.end))
    if (next === undefined) return
    yield next.frame
    cursor = next.end
  }
}

/**
 * The next frame, and where it ends; undefined behind the last one. Where it ends is found channel by
 * channel, in slices.
 */
async function nextFrame(
  engine: Engine,
  { held }: Instant,
  plan: FramesPlan,
  from: bigint,
  to: bigint,
): Promise<{ readonly frame: Frame; readonly end: bigint } | undefined> {
  const { channels, samples, span, signal } = plan
  const { turns } = engine
  const state = holdInstant(engine, held, channels)
  const timeOf = (channel: ChannelRef, start: bigint, count: number): bigint | undefined =>
    timeOfNth(state.viewOf(channel.index.key), channel, start, count)
  try {
    let first: bigint | undefined
    for (const channel of channels) {
      const time = timeOf(channel, from, 0)
      if (time !== undefined && (first === undefined || time < first)) first = time
      const turn = turns.due(SLICE_MS)
      if (turn !== undefined) await turn
    }
    if (first === undefined || first >= to) return undefined
    const start = nextStart(from, first, span)
    let end = span === undefined || to - start < span ? to : start + span
    for (const channel of channels) {
      const limit = timeOf(channel, start, samples)
      if (limit !== undefined && limit < end) end = limit
      const turn = turns.due(SLICE_MS)
      if (turn !== undefined) await turn
    }
    // Timestamps that do not increase, in a log that was forged, would be gone through for ever.
    assert(start < end, 'a frame holds a sample')
    signal?.throwIfAborted()
    const instant = { viewOf: (key: number) => state.viewOf(key), lsn: state.pin.lsn, held: state }
    return { frame: await readRange(engine, instant, plan, { start, end }), end }
  } finally {
    releaseSnapshot(engine, state)
  }
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

// What reads at the head and reads of a snapshot have in common: arguments checked, names turned into
// channels of that instant, frames typed by the schema.

import type { ChannelNames, Schema, TypesOf } from '../channel/schema.ts'
import { takeSteps } from '../steps.ts'
import type { Frame } from '../telem/frame.ts'
import { range as toRange } from '../telem/time-range.ts'
import type { RangeLike, TimeRange } from '../telem/time-range.ts'
import { END_OF_TIME, positiveSpan, timestamp } from '../telem/timestamp.ts'
import type { SpanLike, TimeLike } from '../telem/timestamp.ts'
import { channelRefOf } from '../unary/channel-view.ts'
import type { ChannelRef } from '../unary/channel-view.ts'
import type { Catalogue } from '../version/version.ts'
import { checkReadOptions, copyOfNames, distinct } from './arguments.ts'
import type { Names, NamesOf } from './arguments.ts'
import { byName } from './by-name.ts'
import { getChannel } from './edit-channels.ts'
import type { Engine } from './engine.ts'
import {
  boundsOf,
  countRange,
  FRAME_SAMPLES,
  hasSamples,
  readLatest,
  readRange,
  validateCount,
} from './read.ts'
import type { FramesPlan, Instant } from './read.ts'
import { holdInstant, releaseSnapshot } from './snapshots.ts'
import { inSlices, SLICE_MS } from './turns.ts'

/** Options of `read`. */
export interface ReadOptions {
  /** Read the times along, for `timestamps` and `rows`. Default: only where the index channel is read too. */
  readonly timestamps?: boolean
  /** Aborts the read, which rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** Options of `latest`. */
export interface LatestOptions {
  /** The newest at or before this time. Default: the newest of all. */
  readonly at?: TimeLike
  /** As for `read`. */
  readonly timestamps?: boolean
}

/** Options of `frames`. A frame ends at whichever of `span` and `samples` comes first. */
export interface FramesOptions {
  /** A frame covers at most this much time, more than nothing. Default: no limit. */
  readonly span?: SpanLike
  /** Most samples of the longest channel in a frame, at least 1. Default 100,000. */
  readonly samples?: number
  /** As for `read`. */
  readonly timestamps?: boolean
}

/** Names that are looked up in one step: some 0.5 ms. */
const NAMES_AT_ONCE = 1024

/** Channels as they are found, name by name. */
type Finding = Generator<void, readonly ChannelRef[], void>

interface Asked {
  readonly instant: Instant
  readonly catalogue: Catalogue
  readonly names: readonly string[]
}

type Reading<T> = (instant: Instant, channels: readonly ChannelRef[]) => T | Promise<T>

/** @throws ValidationError for a name twice, ChannelNotFoundError */
function* findAll(names: readonly string[], catalogue: Catalogue): Finding {
  yield* distinct(names)
  const refs: ChannelRef[] = []
  for (const name of names) {
    refs.push(channelRefOf(catalogue, getChannel(catalogue, name)))
    if (refs.length % NAMES_AT_ONCE === 0) yield
  }
  return refs
}

async function readHeld<T>(
  engine: Engine,
  { held, lsn }: Instant,
  finding: Finding,
  read: Reading<T>,
): Promise<T> {
  const state = holdInstant(engine, held)
  try {
    const refs = await inSlices(engine.turns, finding, SLICE_MS)
    return await read({ viewOf: (key) => state.viewOf(key), lsn, held: state }, refs)
  } finally {
    releaseSnapshot(engine, state)
  }
}

/** What reads at the head and reads of a snapshot have in common. */
export abstract class Reads<S extends Schema> {
  protected abstract instant(): Instant
  protected abstract catalogue(): Catalogue
  protected abstract engine(): Engine

  /**
   * Reads the samples of channels in a range, as they were when it was called. It takes no lock; the arrays
   * of the frame are the caller's.
   * @param channels one name or several, each once
   * @param range default: all time
   * @throws ChannelNotFoundError, ValidationError, CorruptionError, StorageError, ClosedError,
   * SnapshotExpiredError (read-only), the signal's reason
   */
  async read<const N extends Names<S>>(
    channels: N,
    range: RangeLike = {},
    options: ReadOptions = {},
  ): Promise<Frame<TypesOf<S, NamesOf<N>>>> {
    const asked = this.#ask(channels)
    const { timestamps, signal } = checkReadOptions(options, ['timestamps', 'signal'])
    const bounds = toRange(range)
    const frame = await this.#tell(asked, (instant, refs) =>
      readRange(this.engine(), instant, { channels: refs, timestamps, signal }, bounds),
    )
    return typed<S, N>(frame)
  }

  /**
   * Reads the newest `count` samples of each channel, of those at or before `at`.
   * @param channels one name or several, each once
   * @param count at least 1
   * @throws what `read` throws
   */
  async latest<const N extends Names<S>>(
    channels: N,
    count = 1,
    options: LatestOptions = {},
  ): Promise<Frame<TypesOf<S, NamesOf<N>>>> {
    const asked = this.#ask(channels)
    const { timestamps } = checkReadOptions(options, ['timestamps', 'at'])
    const newest = validateCount(count, 'The count of latest')
    const end = options.at === undefined ? END_OF_TIME : after(timestamp(options.at))
    const frame = await this.#tell(asked, (instant, refs) =>
      readLatest(this.engine(), instant, { channels: refs, timestamps }, newest, end),
    )
    return typed<S, N>(frame)
  }

  /**
   * Counts the samples of channels in a range (default: all time), by name; 0 where there are none.
   * @throws what `read` throws
   */
  async count(channels: Names<S>, range: RangeLike = {}): Promise<Record<string, number>> {
    const asked = this.#ask(channels)
    const bounds = toRange(range)
    const { turns } = this.engine()
    return this.#tell(asked, async (instant, refs) => {
      const counts = await countRange(this.engine(), instant, refs, bounds)
      await turns.due()
      return byName(turns, refs, (position) => counts[position]!)
    })
  }

  /** Whether any of the channels has a sample in the range. @throws what `read` throws */
  async hasData(channels: Names<S>, range: RangeLike): Promise<boolean> {
    const asked = this.#ask(channels)
    const within = toRange(range)
    const isThere = await this.#tell(asked, (instant, refs) =>
      hasSamples(this.engine(), instant, refs, within),
    )
    await this.engine().turns.due()
    return isThere
  }

  /**
   * From the first timestamp of a channel to the last one + 1 ns; undefined where it has no samples.
   * @throws what `read` throws
   */
  async bounds(channel: ChannelNames<S>): Promise<TimeRange | undefined> {
    const instant = this.instant()
    const ref = channelRefOf(this.catalogue(), getChannel(this.catalogue(), channel))
    const bounds = await this.#told(() => boundsOf(instant, ref))
    await this.engine().turns.due()
    return bounds
  }

  /** Reads, in the step of the call; what turns out bad may have been given back by another process. */
  async #told<T>(read: () => T | Promise<T>): Promise<T> {
    try {
      return await read()
    } catch (error) {
      throw await this.engine().judged(error)
    }
  }

  /** Asks at the instant of the call. */
  #ask(channels: unknown): Asked {
    return { instant: this.instant(), catalogue: this.catalogue(), names: copyOfNames(channels) }
  }

  /**
   * Reads in the step of the call; many channels are looked up in slices first, while the instant is held.
   */
  #tell<T>({ instant, catalogue, names }: Asked, read: Reading<T>): Promise<T> {
    const finding = findAll(names, catalogue)
    return this.#told(() => {
      if (names.length <= NAMES_AT_ONCE) return read(instant, takeSteps(finding))
      const engine = this.engine()
      return engine.letEnd(readHeld(engine, instant, finding, read))
    })
  }

  protected async framesPlan(
    channels: unknown,
    range: RangeLike,
    options: FramesOptions,
  ): Promise<{ plan: FramesPlan; range: TimeRange }> {
    const found = findAll(copyOfNames(channels), this.catalogue())
    const { timestamps } = checkReadOptions(options, ['timestamps', 'span', 'samples'])
    const samples =
      options.samples === undefined ? FRAME_SAMPLES : validateCount(options.samples, 'Option "samples"')
    const span = options.span === undefined ? undefined : positiveSpan(options.span, 'Option "span"')
    const bounds = toRange(range)
    const assertOpen = (): void => {
      this.catalogue()
    }
    const refs = await inSlices(this.engine().turns, found, SLICE_MS)
    return { plan: { channels: refs, timestamps, samples, span, assertOpen }, range: bounds }
  }
}

/** A frame of the channels that `N` names. */
export function typed<S extends Schema, N>(frame: Frame): Frame<TypesOf<S, NamesOf<N>>> {
  return frame as unknown as Frame<TypesOf<S, NamesOf<N>>>
}

/** The time just behind `at`; the end of time stays. */
function after(at: bigint): bigint {
  return at >= END_OF_TIME ? END_OF_TIME : at + 1n
}

// The slow and obvious store that the engine is compared with: for each channel a sorted list of
// samples, one immutable state for every commit, delete and edit of channels. It knows nothing of the
// engine's structure, only the contract. Called by the model test's harness.

import type { DataType } from '../../src/telem/data-type.ts'

/** One sample. Times in nanoseconds. */
export interface ModelSample {
  readonly time: bigint
  readonly value: number | bigint
  /** It goes on with the domain of the sample before it. */
  readonly joined: boolean
}

export interface ModelChannel {
  readonly key: number
  readonly name: string
  readonly type: DataType
  /** Key of the index channel; its own for an index channel. */
  readonly group: number
  readonly unit: string | undefined
  readonly note: number | undefined
  readonly samples: readonly ModelSample[]
}

/** Everything that is committed, by channel key in order of creation. Never changed. */
export type ModelState = ReadonlyMap<number, ModelChannel>

export const EMPTY_STATE: ModelState = new Map()

/** `state` with some of its channels replaced, or added. */
export function withChannels(state: ModelState, channels: readonly ModelChannel[]): ModelState {
  const next = new Map(state)
  for (const channel of channels) next.set(channel.key, channel)
  return next
}

export function withoutChannels(state: ModelState, keys: readonly number[]): ModelState {
  return new Map([...state].filter(([key]) => !keys.includes(key)))
}

/** The channels of a group, its index channel among them, in order of creation. */
export function channelsOf(state: ModelState, group: number): ModelChannel[] {
  return [...state.values()].filter((channel) => channel.group === group)
}

export function groupsOf(state: ModelState): number[] {
  return [...state.values()].filter(({ key, group }) => key === group).map(({ key }) => key)
}

/** The samples in [start, end). */
export function samplesIn(channel: ModelChannel, start: bigint, end: bigint): ModelSample[] {
  return channel.samples.filter(({ time }) => time >= start && time < end)
}

/** `state` without the samples of these channels in [start, end), and how many there were of each. */
export function withDeleted(
  state: ModelState,
  keys: readonly number[],
  start: bigint,
  end: bigint,
): { state: ModelState; counts: number[] } {
  const counts: number[] = []
  const changed: ModelChannel[] = []
  for (const key of keys) {
    const channel = state.get(key)!
    const kept: ModelSample[] = []
    let count = 0
    let isBroken = false
    for (const sample of channel.samples) {
      if (sample.time >= start && sample.time < end) {
        count++
        isBroken = true
      } else {
        kept.push(isBroken ? { ...sample, joined: false } : sample)
        isBroken = false
      }
    }
    counts.push(count)
    if (count > 0) changed.push({ ...channel, samples: kept })
  }
  return { state: changed.length === 0 ? state : withChannels(state, changed), counts }
}

/** Committed samples of an index channel stand in the way of writing [first, last]. */
export function isTaken(state: ModelState, group: number, first: bigint, last: bigint): boolean {
  const { samples } = state.get(group)!
  const next = samples.find(({ time }) => time >= first)
  if (next === undefined) return false
  return next.time <= last || (next.joined && samples[0] !== next)
}

/** What a writer has in one group. */
export interface ModelStream {
  readonly group: number
  /** The index channel first. */
  readonly keys: readonly number[]
  readonly start: bigint | undefined
  /** Last timestamp written; last one committed. */
  last: bigint | undefined
  committedLast: bigint | undefined
  /** Channels whose sample at `committedLast` was deleted since. */
  broken: Set<number>
  /** Written and not committed: times, and values by key. */
  pending: ModelRows
}

export interface ModelRows {
  readonly times: readonly bigint[]
  readonly values: ReadonlyMap<number, readonly (number | bigint)[]>
}

export const NO_ROWS: ModelRows = { times: [], values: new Map() }

export function appended(rows: ModelRows, more: ModelRows): ModelRows {
  if (rows.times.length === 0) return more
  return {
    times: [...rows.times, ...more.times],
    values: new Map([...rows.values].map(([key, values]) => [key, [...values, ...more.values.get(key)!]])),
  }
}

/** The state after the rows of these streams are committed; undefined where something is in the way. */
export function withCommitted(
  state: ModelState,
  commits: readonly { readonly stream: ModelStream; readonly rows: ModelRows }[],
): ModelState | undefined {
  const changed: ModelChannel[] = []
  for (const { stream, rows } of commits) {
    const first = rows.times[0]
    if (first === undefined) continue
    if (isTaken(state, stream.group, first, rows.times.at(-1)!)) return undefined
    const before = state.get(stream.group)!.samples.findLast(({ time }) => time < first)
    const goesOn = before !== undefined && before.time === stream.committedLast
    for (const key of stream.keys) {
      const channel = state.get(key)!
      const values = rows.values.get(key)!
      const added = rows.times.map((time, i) => ({
        time,
        value: values[i]!,
        joined: i > 0 || (goesOn && !stream.broken.has(key)),
      }))
      const at = channel.samples.findIndex(({ time }) => time > first)
      const samples =
        at < 0
          ? [...channel.samples, ...added]
          : [...channel.samples.slice(0, at), ...added, ...channel.samples.slice(at)]
      changed.push({ ...channel, samples })
    }
  }
  return withChannels(state, changed)
}

/** The contiguous domains that samples form: how many samples each, and their tight ranges. */
export function domainsOf(
  samples: readonly ModelSample[],
): { count: number; timeRange: { start: bigint; end: bigint } }[] {
  const domains: { count: number; timeRange: { start: bigint; end: bigint } }[] = []
  for (const { time, joined } of samples) {
    const before = domains.at(-1)
    if (before !== undefined && (joined || time === before.timeRange.end)) {
      before.count++
      before.timeRange.end = time + 1n
    } else domains.push({ count: 1, timeRange: { start: time, end: time + 1n } })
  }
  return domains
}

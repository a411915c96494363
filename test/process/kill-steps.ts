// What a process that is going to be killed does to its database, step by step, and the state that each
// step leads to: an oracle as obvious as it can be. Samples are runs of consecutive times, and every value
// tells its own time and the step that wrote it, so that nothing can stand in for anything else. Pure;
// called by child-killed.ts, kill-rounds.ts and test/power.

import type { Database } from '../../src/index.ts'
import type { Durability } from '../../src/database/options.ts'

/** Types whose values have room for a time and a stamp. */
export type StampedType = 'float64' | 'int64' | 'uint64'

/** A channel to be created. */
export type Definition =
  | { readonly name: string; readonly kind: 'index' }
  | { readonly name: string; readonly kind: 'data'; readonly type: StampedType; readonly index: string }

/** What is done; times are [from, to) in nanoseconds, `stamp` is no other step's. */
export type Deed =
  | {
      readonly do: 'write'
      readonly index: string
      readonly from: number
      readonly to: number
      readonly stamp: number
    }
  | { readonly do: 'delete'; readonly names: readonly string[]; readonly from: number; readonly to: number }
  | { readonly do: 'create'; readonly channels: readonly Definition[] }
  | { readonly do: 'rename'; readonly name: string; readonly to: string }
  | { readonly do: 'update'; readonly name: string; readonly unit: string }
  | { readonly do: 'remove'; readonly names: readonly string[] }
  /** Changes nothing; what came before it is on the disk when it is acknowledged. */
  | { readonly do: 'sync' | 'close' }

/** A deed, and the durability in which it was done. */
export type Step = Deed & { readonly by: Durability }

/** Samples at every time of [from, to), all by one step; an index channel's have stamp 0. */
interface Run {
  readonly from: number
  readonly to: number
  readonly stamp: number
}

interface StampedChannel {
  readonly name: string
  readonly kind: 'index' | 'data'
  readonly type: StampedType | 'timestamp'
  readonly index?: string
  readonly unit?: string
  readonly runs: readonly Run[]
}

/** Channels in order of creation. Never changed in place. */
export type StampedState = readonly StampedChannel[]

/** The value that `stamp` writes at `time`; both below 2^26. */
export function stampedValue(type: StampedType, time: number, stamp: number): number | bigint {
  return type === 'float64' ? stamp * 2 ** 26 + time : (BigInt(stamp) << 26n) | BigInt(time)
}

/** Who wrote `value` at `time`; undefined where it is no value of that time. */
function stampOf(value: unknown, time: number): number | undefined {
  const whole = typeof value === 'bigint' ? value : BigInt(value as number)
  return Number(whole & ((1n << 26n) - 1n)) === time ? Number(whole >> 26n) : undefined
}

/** The state after a step. */
export function apply(state: StampedState, step: Deed): StampedState {
  switch (step.do) {
    case 'write':
      return state.map((channel) => {
        const stamp = channel.name === step.index ? 0 : channel.index === step.index ? step.stamp : undefined
        if (stamp === undefined) return channel
        return { ...channel, runs: joined([...channel.runs, { from: step.from, to: step.to, stamp }]) }
      })
    case 'delete':
      return state.map((channel) =>
        step.names.includes(channel.name)
          ? { ...channel, runs: channel.runs.flatMap((run) => without(run, step)) }
          : channel,
      )
    case 'create':
      return [
        ...state,
        ...step.channels.map((channel) => ({ type: 'timestamp' as const, ...channel, runs: [] })),
      ]
    case 'rename':
      return state.map((channel) => {
        if (channel.name === step.name) return { ...channel, name: step.to }
        return channel.index === step.name ? { ...channel, index: step.to } : channel
      })
    case 'update':
      return state.map((channel) => (channel.name === step.name ? { ...channel, unit: step.unit } : channel))
    case 'remove':
      return state.filter(({ name }) => !step.names.includes(name))
    case 'sync':
    case 'close':
      return state
  }
}

function without(run: Run, { from, to }: { readonly from: number; readonly to: number }): Run[] {
  const left = { ...run, to: Math.min(run.to, from) }
  const right = { ...run, from: Math.max(run.from, to) }
  return [left, right].filter((part) => part.from < part.to)
}

/** Runs of one step that touch are one. */
function joined(runs: readonly Run[]): Run[] {
  const result: Run[] = []
  for (const run of runs) {
    const before = result.at(-1)
    if (before !== undefined && before.stamp === run.stamp && before.to === run.from)
      result[result.length - 1] = { ...before, to: run.to }
    else result.push(run)
  }
  return result
}

/** A state as text, a line a channel: what is compared. */
export function textOf(state: StampedState): string {
  return state
    .map(({ name, kind, type, index, unit, runs }) => {
      const samples = joined(runs).map(({ from, to, stamp }) => ` ${from}-${to}*${stamp}`)
      return `${[name, kind, type, index ?? '-', unit ?? '-'].join(' ')}:${samples.join('')}`
    })
    .join('\n')
}

/** A sample as it is read. */
interface ReadSample {
  readonly time: bigint
  readonly value: unknown
}

async function readSamples(db: Database, name: string): Promise<ReadSample[]> {
  const frame = await db.read([name], {}, { timestamps: true })
  const values = frame.column(name)
  return Array.from(frame.timestamps(name), (time, i) => ({ time, value: values[i] }))
}

/**
 * What a database holds, as such a state; `wrong` names values that nobody can have written there.
 * @param read reads a channel in another way
 */
export async function readState(
  db: Database,
  read: (name: string) => Promise<ReadSample[]> = (name) => readSamples(db, name),
): Promise<{ state: StampedState; wrong: string[] }> {
  const wrong: string[] = []
  const state: StampedChannel[] = []
  for (const channel of db.channels.list()) {
    const { name, kind, index, unit } = channel
    const type = channel.type as StampedType | 'timestamp'
    const runs: Run[] = []
    for (const sample of await read(name)) {
      const time = Number(sample.time)
      const stamp = kind === 'index' ? 0 : stampOf(sample.value, time)
      if (stamp === undefined) wrong.push(`${name} has ${String(sample.value)} at ${time}`)
      else runs.push({ from: time, to: time + 1, stamp })
    }
    state.push({
      name,
      kind,
      type,
      ...(index === undefined ? {} : { index }),
      ...(unit === undefined ? {} : { unit }),
      runs: joined(runs),
    })
  }
  return { state, wrong: wrong.slice(0, 5) }
}

/** The first time behind all samples of a channel. */
export function endOf(state: StampedState, name: string): number {
  return state.find((channel) => channel.name === name)?.runs.at(-1)?.to ?? 1
}

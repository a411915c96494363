// The store as the contract has it, one operation after the other: for each channel its times, sorted. What an
// operation may not do in a state is refused here with the reason. An `Order` is this store with a few more
// writes behind it, which are not settled yet; it is never changed. Pure; used by the checker.

import { spanOf } from './history.ts'
import type { Commit, CommitPart, Delete, History, Removal, Write } from './history.ts'

/** The row of a commit that a time came with. */
export interface Row {
  readonly commit: Commit
  readonly part: CommitPart
  readonly row: number
}

/** By group and time: where a sample came from. Every time is used once in its group. */
export type Rows = ReadonlyMap<string, ReadonlyMap<number, Row>>

export class SerialStore {
  readonly rows: Rows
  readonly #groupOf: ReadonlyMap<string, string>
  readonly #channelsOf = new Map<string, string[]>()
  readonly #times = new Map<string, number[]>()
  readonly #removed = new Set<string>()

  constructor({ channels }: History, rows: Rows) {
    this.#groupOf = channels
    this.rows = rows
    for (const [channel, index] of channels) {
      this.#times.set(channel, [])
      this.#channelsOf.set(index, [...(this.#channelsOf.get(index) ?? []), channel])
    }
  }

  groupOf(channel: string): string {
    return this.#groupOf.get(channel)!
  }

  /** The channels of a group, its index channel among them. */
  channelsOf(index: string): readonly string[] {
    return this.#channelsOf.get(index) ?? []
  }

  isRemoved(channel: string): boolean {
    return this.#removed.has(channel)
  }

  /** All times of a channel. Not to be changed. */
  times(channel: string): readonly number[] {
    return this.#times.get(channel)!
  }

  /** Takes a write for good. */
  apply(write: Write): void {
    if (write.kind === 'commit') {
      for (const { channels, times } of write.parts)
        for (const channel of channels) insert(this.#times.get(channel)!, times)
    } else if (write.kind === 'delete') {
      for (const channel of write.channels) {
        const times = this.#times.get(channel)!
        const from = lowerBound(times, write.start)
        times.splice(from, lowerBound(times, write.end) - from)
      }
    } else {
      for (const channel of write.channels) {
        this.#times.set(channel, [])
        this.#removed.add(channel)
      }
    }
  }
}

/** A store with some writes behind it, in this order. */
export class Order {
  readonly store: SerialStore
  readonly writes: readonly Write[]
  readonly #times = new Map<string, readonly number[]>()

  constructor(store: SerialStore, writes: readonly Write[]) {
    this.store = store
    this.writes = writes
  }

  has(write: Write): boolean {
    return this.writes.includes(write)
  }

  with(write: Write): Order {
    return new Order(this.store, [...this.writes, write])
  }

  isRemoved(channel: string): boolean {
    return (
      this.store.isRemoved(channel) ||
      this.writes.some((write) => write.kind === 'remove' && write.channels.includes(channel))
    )
  }

  /** All times of a channel. */
  times(channel: string): readonly number[] {
    if (this.writes.length === 0) return this.store.times(channel)
    let times = this.#times.get(channel)
    if (times === undefined) this.#times.set(channel, (times = this.#workOut(channel)))
    return times
  }

  /** How many samples of a channel lie in [start, end). */
  countIn(channel: string, start: number, end: number): number {
    const times = this.times(channel)
    return lowerBound(times, end) - lowerBound(times, start)
  }

  /** Why a write cannot come next; undefined where it can. */
  refusal(write: Write): string | undefined {
    if (write.kind === 'commit') return this.#refusalOfCommit(write)
    const gone = write.channels.find((channel) => this.isRemoved(channel))
    if (gone !== undefined) return `"${gone}" has been removed`
    return write.kind === 'delete' ? this.#refusalOfDelete(write) : this.#refusalOfRemoval(write)
  }

  #workOut(channel: string): readonly number[] {
    const store = this.store.times(channel)
    let times: number[] | undefined
    for (const write of this.writes) {
      if (write.kind === 'commit') {
        const part = write.parts.find(({ channels }) => channels.includes(channel))
        if (part === undefined) continue
        times ??= [...store]
        insert(times, part.times)
      } else if (write.channels.includes(channel)) {
        times ??= [...store]
        if (write.kind === 'remove') times = []
        else {
          const from = lowerBound(times, write.start)
          times.splice(from, lowerBound(times, write.end) - from)
        }
      }
    }
    return times ?? store
  }

  /** Stored data never overlaps: nothing lies between a commit's samples, and they lie within nobody's stretch. */
  #refusalOfCommit(commit: Commit): string | undefined {
    for (const part of commit.parts) {
      const gone = part.channels.find((channel) => this.isRemoved(channel))
      if (gone !== undefined) return `"${gone}" has been removed`
      const { first, last } = spanOf(part)
      const times = this.times(part.index)
      const at = lowerBound(times, first)
      const [before, next] = [times[at - 1], times[at]]
      if (next === undefined) continue
      if (next <= last) return `"${part.index}" has ${next} already, between its ${first} and ${last}`
      if (before === undefined) continue
      const rows = this.store.rows.get(part.index)!
      const [one, other] = [rows.get(before)!, rows.get(next)!]
      if (one.commit === other.commit && one.row + 1 === other.row)
        return `its ${first} lies inside the stretch of ${before} and ${next} of "${part.index}"`
    }
    return undefined
  }

  #refusalOfDelete({ channels, start, end, removed }: Delete): string | undefined {
    for (const channel of channels) {
      const count = this.countIn(channel, start, end)
      if (removed !== undefined && removed[channel] !== count)
        return `it says that it has removed ${removed[channel]} samples of "${channel}" where there are ${count}`
      if (this.store.groupOf(channel) !== channel) continue
      for (const data of this.store.channelsOf(channel)) {
        if (channels.includes(data) || this.countIn(data, start, end) === 0) continue
        return `"${data}" has samples in the range whose times it takes`
      }
    }
    return undefined
  }

  #refusalOfRemoval({ channels }: Removal): string | undefined {
    for (const channel of channels) {
      if (this.store.groupOf(channel) !== channel) continue
      for (const data of this.store.channelsOf(channel)) {
        if (channels.includes(data) || this.times(data).length === 0) continue
        return `"${data}", which has samples, hangs on "${channel}"`
      }
    }
    return undefined
  }
}

/** First position of a sorted list that is not below `limit`. */
export function lowerBound(times: readonly number[], limit: number): number {
  let [low, high] = [0, times.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (times[middle]! < limit) low = middle + 1
    else high = middle
  }
  return low
}

/** Puts sorted times that are not there yet into a sorted list. */
function insert(times: number[], more: readonly number[]): void {
  const at = lowerBound(times, more[0]!)
  if (at === times.length) {
    for (const time of more) times.push(time)
    return
  }
  const rest = times.splice(at)
  let next = 0
  for (const time of more) {
    while (next < rest.length && rest[next]! < time) times.push(rest[next++]!)
    times.push(time)
  }
  while (next < rest.length) times.push(rest[next++]!)
}

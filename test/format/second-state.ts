// The state that a database's log tells, as the second reader folds it from what a manifest and records say
// (RFC 0002, "From records to samples"). Part of the second reader; imports nothing of the engine.

import { check } from './stored-file.ts'
import type { Change, Cursor, Pointer, Value } from './stored-file.ts'

export interface StoredChannel {
  readonly key: number
  readonly name: string
  readonly kind: 'index' | 'data'
  readonly type: string
  readonly index?: string
}

/** Samples of one channel in a tail: one that lies in a record, or a pointer into an extent that one names. */
export type TailItem = { readonly time: bigint; readonly value: Value; joined: boolean } | Pointer

export interface Row {
  readonly kind: number
  readonly lsn: number
  readonly proven: number
  /** Of a commit's sections or the edit. */
  readonly body: Cursor
  readonly shapes: Map<number, Shape>
}

export type Shape = readonly { readonly key: number; readonly type: number }[]

/** What a manifest or a fold of records tells: the version, and the tails. */
export class State {
  lsn = 0
  bootId = ''
  /** The archives do not end well: what is missing must be in the journal. */
  isTorn = false
  covers = 0
  /** Up to here the log was on the disk when the last archive was written. */
  proven = 0
  readonly channels: Map<number, StoredChannel> = new Map()
  readonly pointers: Map<number, Pointer[]> = new Map()
  readonly flushed: Map<number, number> = new Map()
  /** By segment: what was given back of it. */
  readonly holes: Map<number, { readonly start: number; readonly end: number }[]> = new Map()
  /** By channel key. */
  readonly tails: Map<number, TailItem[]> = new Map()

  /** What an edit does to the version. */
  edit(from: Cursor, lsn: number): void {
    const kind = from.u8()
    if (kind === 1 || kind === 2)
      for (const channel of channelsOf(from)) this.channels.set(channel.key, channel)
    else if (kind === 3)
      for (const key of from.list(from.u64))
        for (const map of [this.channels, this.pointers, this.flushed, this.tails]) map.delete(key)
    else if (kind === 4) {
      for (const [key, to] of from.list(() => [from.u64(), from.u64()] as const)) this.flushed.set(key, to)
      for (const change of from.list(from.change)) splice(listOf(this.pointers, change.key), change)
    } else if (kind === 5 || kind === 6)
      for (const change of from.list(from.change)) splice(listOf(this.pointers, change.key), change)
    else if (kind === 7) for (const segment of from.list(from.u64)) this.holes.delete(segment)
    else if (kind === 8) from.list(() => this.punch(from))
    else check(kind === 0, `edit ${lsn} is of an unknown kind`)
    this.lsn = lsn
  }

  /** Holes of one segment. */
  punch(from: Cursor): void {
    const holes = listOf(this.holes, from.u64())
    for (const [start, length] of from.list(() => [from.u64(), from.u64()] as const)) {
      const end = start + length
      check(
        length > 0 && holes.every((hole) => end <= hole.start || hole.end <= start),
        'nothing is punched twice',
      )
      holes.push({ start, end })
    }
  }

  /** What a delete does to tails. */
  cutTails(from: Cursor): void {
    if (from.u8() !== 5) return
    from.list(from.change)
    const [start, end] = [from.i64(), from.i64()]
    for (const key of from.list(from.u64)) {
      const items = listOf(this.tails, key)
      const isLeft = (item: TailItem): boolean => !('time' in item) || item.time < start || item.time >= end
      this.tails.set(key, items.filter(isLeft))
    }
    for (const change of from.list(from.change)) {
      const items = listOf(this.tails, change.key)
      const rows = items.filter((item) => 'time' in item)
      const extents = items.filter((item): item is Pointer => 'start' in item)
      // Of commits that were flushed since there is none.
      if (extents.some((item) => item.start === change.goes.first)) splice(extents, change)
      this.tails.set(change.key, [...rows, ...extents])
    }
    for (const [key, at] of from.list(() => [from.u64(), from.i64()] as const))
      for (const item of listOf(this.tails, key))
        if (('time' in item ? item.time : item.start) === at) item.joined = false
    from.end('a delete')
  }

  commit(row: Row, isFlushed: (index: number) => boolean): void {
    const from = row.body
    from.list(() => {
      const number = from.u32()
      from.u32()
      if (from.flag())
        row.shapes.set(
          number,
          from.list(() => ({ key: from.u64(), type: from.u8() })),
        )
      const shape = row.shapes.get(number)
      check(shape !== undefined && shape.length > 0, `shape ${number} was defined`)
      from.list(() => this.#run(from, shape, isFlushed(shape[0]!.key)))
    })
    from.end('a commit')
  }

  #run(from: Cursor, shape: Shape, isFlushed: boolean): void {
    const [kind, joined, samples] = [from.u8(), from.flag(), from.u32()]
    const parted = from.list(from.u64)
    check(kind <= 1 && samples > 0, 'a run is rows or extents')
    const isJoined = (key: number): boolean => joined && !parted.includes(key)
    const add = (key: number, items: readonly TailItem[]): void => {
      if (!isFlushed) listOf(this.tails, key).push(...items)
    }
    if (kind === 1) {
      const [first, last] = [from.i64(), from.i64()]
      for (const { key } of shape) {
        const [segment, offset, length] = [from.u64(), from.u64(), from.u32()]
        const all = { start: first, end: last + 1n, skip: 0, count: samples }
        add(key, [{ ...all, segment, offset, length, joined: isJoined(key) }])
      }
      return
    }
    const columns = shape.map(({ type }) => Array.from({ length: samples }, () => from.value(type)))
    shape.forEach(({ key }, i) =>
      add(
        key,
        columns[i]!.map((value, row) => ({
          time: columns[0]![row] as bigint,
          value,
          joined: row > 0 || isJoined(key),
        })),
      ),
    )
  }
}

export function channelsOf(from: Cursor): StoredChannel[] {
  return from.list(() => JSON.parse(from.text()) as StoredChannel)
}

export function listOf<T>(map: Map<number, T[]>, key: number): T[] {
  if (!map.has(key)) map.set(key, [])
  return map.get(key)!
}

function splice(list: Pointer[], { goes, comes, key }: Change): void {
  const bound = goes.count > 0 ? goes.first : comes[0]!.start
  const found = list.findIndex(({ start }) => start >= bound)
  const at = found < 0 ? list.length : found
  const gone = list.splice(at, goes.count, ...comes)
  if (goes.count === 0) return
  const fits = gone.length === goes.count && gone[0]!.start === goes.first && gone.at(-1)!.start === goes.last
  check(fits, `channel ${key} has the pointers that go`)
}

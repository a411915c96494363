// A writer: validates a frame whole, copies it into its pages or, when it is large, into a segment, and
// commits. The path of a frame that finds room is synchronous; what must wait for memory queues, so
// that calls on one writer take effect in their order, awaited or not. A user's object is read first,
// whole, before anything is touched: reading it may run code that calls this very writer.

import { ClosedError, ValidationError } from '../errors.ts'
import { claimRegion, overlap, regionOf } from '../control/region.ts'
import type { Page } from '../domain/page-pool.ts'
import { Stream } from '../domain/stream.ts'
import { Strip, stripSize } from '../domain/tail.ts'
import { shapeOf } from '../journal/shape.ts'
import type { Channel } from '../telem/channel.ts'
import { createArray } from '../telem/data-type.ts'
import type { DataType, NumericArray } from '../telem/data-type.ts'
import { describeValue } from '../telem/input.ts'
import { assertIncreasing, encodeSamples, sampleCount } from '../telem/sample.ts'
import { MAX_TIMESTAMP, toISO } from '../telem/timestamp.ts'
import { commitStreams, dropPending, releaseStrip } from './commit.ts'
import type { Engine } from './engine.ts'
import { giveUpPlaces, writeRunExtents } from './extents.ts'
import type { Durability } from './options.ts'
import type { Resource } from './resources.ts'

/** What a writer is opened with, validated. */
export interface WriterPlan {
  /** By group: its channels that are written, the index channel first. */
  readonly groups: readonly (readonly Channel[])[]
  /** As the caller named them. */
  readonly names: readonly string[]
  readonly start: bigint | undefined
  readonly autoCommit: boolean
  readonly durability: Durability
}

/** Where a channel's values go. */
interface Column {
  readonly name: string
  readonly stream: number
  readonly ordinal: number
  /** The name is a property of every object: only an own property counts. */
  readonly ownOnly: boolean
}

/** Smallest and largest page that grows by itself, in bytes; larger frames get larger pages. */
const FIRST_PAGE = 1024
const LAST_PAGE = 64 * 1024

/** One page for each of a writer's groups takes at most this part of the memory, unless the frame needs more. */
const PAGES_SHARE = 4

/** Most bytes of one channel in one frame: an extent, its table included, stays far below its limit of 4 GiB. */
const MOST_BYTES = 2 ** 31

const WROTE: Promise<boolean> = Promise.resolve(true)

export class WriterCore implements Resource {
  readonly kind = 'writer'
  readonly #engine: Engine
  readonly #plan: WriterPlan
  readonly #streams: readonly Stream[]
  readonly #columns: readonly Column[]
  /** By stream: where its columns begin. */
  readonly #firstColumns: readonly number[]
  /** Pages do not grow by themselves beyond this: those of all groups together leave room for others. */
  readonly #largestPage: number
  readonly #values: unknown[]
  readonly #counts: number[]
  #state: 'open' | 'closing' | 'closed' = 'open'
  #busy = false
  #queue: Promise<unknown> | undefined
  #hasWritten = false

  /** Claims the regions of writers with a `start`, in one step with registering. @throws WriteConflictError */
  constructor(engine: Engine, plan: WriterPlan) {
    this.#engine = engine
    this.#plan = plan
    const names = new Map(plan.groups.flat().map((channel, i) => [channel.key, plan.names[i]!]))
    this.#streams = plan.groups.map((channels) => {
      const shape = shapeOf(
        channels.map((channel) => channel.key),
        channels.map((channel) => channel.type),
      )
      return new Stream(
        engine.nextStreamId(),
        shape,
        channels.map((channel) => names.get(channel.key)!),
        plan.start,
      )
    })
    this.#columns = this.#streams.flatMap((stream, i) =>
      stream.names.map((name, ordinal) => ({ name, stream: i, ordinal, ownOnly: name in Object.prototype })),
    )
    this.#firstColumns = this.#streams.map((_, i) => this.#columns.findIndex((column) => column.stream === i))
    this.#largestPage = Math.min(
      LAST_PAGE,
      powerOfTwo((engine.pool.budget / plan.groups.length / PAGES_SHARE + 1) / 2),
    )
    this.#values = new Array<unknown>(this.#columns.length).fill(undefined)
    this.#counts = new Array<number>(this.#streams.length).fill(0)
    if (plan.start !== undefined)
      for (const stream of this.#streams) this.#claim(stream, plan.start, { start: plan.start })
    for (const stream of this.#streams) {
      const group = engine.group(stream.shape.index)
      group.streams.add(stream)
      group.generation++
    }
    engine.resources.add(this)
  }

  describe(): string {
    return `writer of ${this.#columns.map((column) => `"${column.name}"`).join(', ')}`
  }

  uses(channel: number): boolean {
    return this.#streams.some((stream) => stream.shape.ordinals.has(channel))
  }

  write(frame: unknown): Promise<boolean> {
    if (this.#busy || this.#queue !== undefined) return this.#enqueue(() => this.#writeWaiting(frame))
    try {
      this.#assertOpen()
      this.#busy = true
      let lsn: number | undefined | 'wait'
      try {
        this.#takeValues(frame)
        lsn = this.#tryRecord(undefined)
      } finally {
        this.#busy = false
      }
      if (lsn === 'wait') {
        const values = [...this.#values]
        return this.#enqueue(() => this.#recordWaiting(values))
      }
      return this.#settled(lsn)
    } catch (error) {
      return this.#refused(error)
    } finally {
      this.#values.fill(undefined)
    }
  }

  commit(): Promise<bigint | undefined> {
    return this.#inOrder(async () => {
      this.#assertOpen()
      this.#engine.assertWritable()
      const lsn = commitStreams(this.#engine, this.#streams, this.#plan.durability)
      const end = this.#committedEnd()
      if (lsn !== undefined) await this.#engine.acknowledge(lsn, this.#plan.durability)
      await this.#engine.pace()
      return end
    })
  }

  close(): Promise<void> {
    if (this.#state !== 'open')
      return this.#queue === undefined ? Promise.resolve() : this.#queue.then(() => {})
    this.#state = 'closing'
    return this.#inOrder(() => {
      this.#end()
      return Promise.resolve()
    })
  }

  #end(): void {
    this.#state = 'closed'
    for (const stream of this.#streams) {
      dropPending(this.#engine, stream)
      const { strip } = stream
      stream.strip = undefined
      if (strip !== undefined) releaseStrip(this.#engine, undefined, strip)
      const group = this.#engine.group(stream.shape.index)
      group.streams.delete(stream)
      group.generation++
    }
    this.#engine.resources.delete(this)
  }

  #assertOpen(): void {
    if (this.#state === 'closed')
      throw new ClosedError('The writer is closed: open another with db.openWriter()')
  }

  /** Runs when everything called before has ended. */
  #inOrder<T>(step: () => Promise<T>): Promise<T> {
    return this.#busy || this.#queue !== undefined ? this.#enqueue(step) : step()
  }

  #enqueue<T>(step: () => Promise<T>): Promise<T> {
    const before = this.#queue ?? Promise.resolve()
    const result = before.then(step)
    const ended: Promise<void> = result.then(
      () => this.#dequeue(ended),
      () => this.#dequeue(ended),
    )
    this.#queue = ended
    return result
  }

  #dequeue(ended: Promise<void>): void {
    if (this.#queue === ended) this.#queue = undefined
  }

  async #writeWaiting(frame: unknown): Promise<boolean> {
    this.#assertOpen()
    let values: unknown[]
    this.#busy = true
    try {
      this.#takeValues(frame)
      values = [...this.#values]
    } finally {
      this.#busy = false
      this.#values.fill(undefined)
    }
    return this.#recordWaiting(values)
  }

  /** Records values, waiting for pages as long as it takes. */
  async #recordWaiting(values: readonly unknown[]): Promise<boolean> {
    let pages: Page[] | undefined
    for (;;) {
      this.#assertOpen()
      let lsn: number | undefined | 'wait'
      let sizes: number[]
      this.#busy = true
      try {
        values.forEach((value, i) => (this.#values[i] = value))
        lsn = this.#tryRecord(pages)
        sizes = this.#neededPages()
      } catch (error) {
        if (pages !== undefined) this.#engine.pool.give(pages.splice(0))
        throw error
      } finally {
        this.#busy = false
        this.#values.fill(undefined)
      }
      // What the frame needed may have changed while it waited.
      if (pages !== undefined) this.#engine.pool.give(pages.splice(0))
      if (lsn !== 'wait') return this.#settled(lsn)
      pages = await this.#engine.pool.take(sizes)
    }
  }

  /** The promise of a frame that was recorded; `lsn` where it was committed as well. */
  #settled(lsn: number | undefined): Promise<boolean> {
    const { durability } = this.#plan
    if (lsn !== undefined && durability === 'strict')
      return this.#engine.acknowledge(lsn, durability).then(async () => {
        await this.#engine.pace()
        return true
      })
    if (lsn !== undefined && durability === 'batched') this.#engine.look()
    const turn = this.#engine.pace()
    return turn === undefined ? WROTE : turn.then(() => true)
  }

  /** The promise of a frame that was refused: whoever goes on after it must not keep the loop either. */
  #refused(error: unknown): Promise<never> {
    const turn = this.#engine.turns.due() ?? Promise.resolve()
    return turn.then(() => {
      throw error
    })
  }

  /** Reads the caller's object, once and whole. */
  #takeValues(frame: unknown): void {
    if (typeof frame !== 'object' || frame === null || Array.isArray(frame) || ArrayBuffer.isView(frame)) {
      throw new ValidationError(
        `A frame must be an object of channels and samples: got ${describeValue(frame)}`,
      )
    }
    const object = frame as Record<string, unknown>
    const columns = this.#columns
    let present = 0
    for (let i = 0; i < columns.length; i++) {
      const { name, ownOnly } = columns[i]!
      const value = ownOnly && !Object.hasOwn(object, name) ? undefined : object[name]
      this.#values[i] = value
      if (value !== undefined) present++
    }
    const prototype: unknown = Object.getPrototypeOf(object)
    // What is inherited counts as present and is no key of its own: then the numbers alone say nothing.
    const isPlain = prototype === Object.prototype || prototype === null
    if (!isPlain || Object.keys(object).length !== present) this.#refuseUnknown(object)
    if (present === 0) throw new ValidationError('A frame must hold at least one channel: this one is empty')
  }

  #refuseUnknown(object: Record<string, unknown>): void {
    for (const key of Object.keys(object)) {
      if (this.#columns.some((column) => column.name === key)) continue
      if (object[key] === undefined) continue
      throw new ValidationError(
        `This writer did not open channel "${key}": its channels are ${this.#plan.names.join(', ')}`,
        {
          channel: key,
        },
      )
    }
  }

  /** Sample counts by stream, after checking that each stream's channels are all there and equally long. */
  #countSamples(): void {
    this.#counts.fill(-1)
    let missing: Column | undefined
    let present: Column | undefined
    for (let i = 0; i < this.#columns.length; i++) {
      const column = this.#columns[i]!
      const value = this.#values[i]
      if (column.ordinal === 0) missing = present = undefined
      if (value === undefined) missing ??= column
      else {
        present ??= column
        const stream = this.#streams[column.stream]!
        const count = sampleCount(stream.shape.types[column.ordinal]!, value, column.name)
        const expected = this.#counts[column.stream]!
        if (expected >= 0 && count !== expected) {
          throw new ValidationError(
            `Channel "${column.name}" has ${count} samples where "${present.name}" has ${expected}: channels of one index go together`,
            { channel: column.name },
          )
        }
        if (count * stream.shape.widest > MOST_BYTES) {
          throw new ValidationError(
            `Channel "${column.name}" has ${count} samples in one frame, which is too much for an extent: write it in parts`,
            { channel: column.name },
          )
        }
        this.#counts[column.stream] = count
      }
      if (missing !== undefined && present !== undefined) {
        throw new ValidationError(
          `Channel "${missing.name}" is missing: a frame holds all channels of the writer that share an index, or none`,
          { channel: missing.name },
        )
      }
    }
  }

  /** Sizes of the pages that the frame in hand needs, by stream without room; none where it is large. */
  #neededPages(): number[] {
    const sizes: number[] = []
    for (let i = 0; i < this.#streams.length; i++) {
      const size = this.#neededPage(i)
      if (size > 0) sizes.push(size)
    }
    return sizes
  }

  #neededPage(i: number): number {
    const stream = this.#streams[i]!
    const count = this.#counts[i]!
    if (count <= 0 || this.#isLarge(stream, count)) return 0
    const { strip } = stream
    if (strip !== undefined && strip.written + count <= strip.capacity) return 0
    const needed = stripSize(stream.shape, count)
    const grown = Math.min(this.#largestPage, Math.max(FIRST_PAGE, stream.pageSize * 2))
    return Math.max(grown, powerOfTwo(needed))
  }

  #isLarge(stream: Stream, count: number): boolean {
    const { shape } = stream
    return count * shape.widest >= this.#engine.tuning.inlineLimit
  }

  /**
   * Records the values in hand: checks everything, then takes effect. 'wait' where pages are missing.
   * Returns the LSN of the commit with `autoCommit`.
   */
  #tryRecord(pages: Page[] | undefined): number | undefined | 'wait' {
    const engine = this.#engine
    engine.assertWritable()
    this.#countSamples()
    const sizes = this.#neededPages()
    const total = sizes.reduce((sum, size) => sum + size, 0)
    // A frame that the budget cannot hold goes straight to a segment.
    const direct = total > engine.pool.budget
    if (sizes.length > 0 && !direct && !this.#givePages(sizes, pages)) return 'wait'
    const staged: Staged[] = []
    try {
      for (let i = 0; i < this.#streams.length; i++) {
        if (this.#counts[i]! > 0) staged.push(this.#stage(i, this.#counts[i]!, direct))
      }
      for (const each of staged) this.#checkTimes(each)
      for (const each of staged) if (each.arrays !== undefined) this.#writeExtents(each)
    } catch (error) {
      giveUpPlaces(
        engine,
        staged.flatMap(({ places }) => places ?? []),
        error,
      )
      throw engine.reserve.note(error)
    }
    for (const each of staged) this.#keep(each)
    if (staged.length === 0) return undefined
    this.#hasWritten = true
    if (!this.#plan.autoCommit) return undefined
    try {
      return commitStreams(engine, this.#streams, this.#plan.durability)
    } catch (error) {
      for (const stream of this.#streams) dropPending(engine, stream, error)
      throw error
    }
  }

  /** Gives new pages to the streams that need them; false where the pool has none. */
  #givePages(sizes: readonly number[], given: Page[] | undefined): boolean {
    const fits =
      given !== undefined &&
      given.length === sizes.length &&
      given.every((page, i) => page.bytes.length === sizes[i])
    const pages = fits ? given.splice(0) : this.#engine.pool.tryTake(sizes)
    if (pages === undefined) return false
    let next = 0
    for (let i = 0; i < this.#streams.length; i++) {
      const size = this.#neededPage(i)
      if (size === 0) continue
      const stream = this.#streams[i]!
      const { strip } = stream
      stream.strip = new Strip(stream.shape, pages[next++]!)
      stream.pageSize = size
      if (strip !== undefined) releaseStrip(this.#engine, stream, strip)
    }
    return true
  }

  #stage(i: number, count: number, direct: boolean): Staged {
    const stream = this.#streams[i]!
    const first = this.#firstColumns[i]!
    if (direct || this.#isLarge(stream, count)) {
      const arrays = stream.shape.types.map((type, ordinal) => {
        const value = this.#values[first + ordinal]
        if (isNatural(type, value)) return value
        const array = createArray(type, count)
        this.#encode(stream, ordinal, value, array, 0, count)
        return array
      })
      return { stream, count, arrays, times: arrays[0] as BigInt64Array, from: 0 }
    }
    const strip = stream.strip!
    const { columns, written } = strip
    for (let ordinal = 0; ordinal < columns.length; ordinal++) {
      this.#encode(stream, ordinal, this.#values[first + ordinal], columns[ordinal]!, written, count)
    }
    return { stream, count, arrays: undefined, times: strip.times, from: written }
  }

  #encode(
    stream: Stream,
    ordinal: number,
    value: unknown,
    target: NumericArray,
    at: number,
    count: number,
  ): void {
    const name = stream.names[ordinal]!
    const encoded = encodeSamples(name, stream.shape.types[ordinal]!, value, target, at)
    if (encoded !== count)
      throw new ValidationError(`Channel "${name}" changed its length while it was read`, { channel: name })
  }

  /** The times of a staged frame against the stream's own samples, its start, and everybody else's. */
  #checkTimes({ stream, times, from, count }: Staged): void {
    const name = stream.names[0]!
    const first = times[from]!
    const last = times[from + count - 1]!
    const wrong = count > 1 ? assertIncreasing(name, times, from, from + count) : -1
    if (wrong >= 0) {
      const [at, before] = [times[wrong]!, times[wrong - 1]!]
      throw new ValidationError(
        `Timestamps of "${name}" must strictly increase: ${toISO(at)} follows ${toISO(before)} at position ${wrong - from}`,
        { channel: name },
      )
    }
    if (last > MAX_TIMESTAMP)
      throw new ValidationError(`Timestamps of "${name}" must lie below 2^63 - 1`, { channel: name })
    if (stream.last !== undefined && first <= stream.last) {
      throw new ValidationError(
        `Timestamps of "${name}" must strictly increase from frame to frame: ${toISO(first)} comes after ${toISO(stream.last)}`,
        { channel: name },
      )
    }
    if (stream.start !== undefined && first < stream.start) {
      throw new ValidationError(
        `${toISO(first)} of "${name}" lies before the writer's start ${toISO(stream.start)}`,
        { channel: name },
      )
    }
    this.#checkRegion(stream, name, first, last)
  }

  #checkRegion(stream: Stream, name: string, first: bigint, last: bigint): void {
    const group = this.#engine.group(stream.shape.index)
    const position = stream.position
    let { upper } = stream
    if (position === undefined) {
      upper = this.#claim(stream, first, { start: first, end: last + 1n })
    } else if (stream.generation !== group.generation) {
      const region = regionOf(group, this.#engine.version.pointers.get(group.key), stream)
      upper = stream.upper = region.upper
      const { passed } = region
      // Samples that are pending lie before what was passed: the next must too, or their commit could only fail.
      if (passed !== undefined && (first < passed.end || stream.pending.length > 0)) {
        throw overlap(name, { start: first, end: last + 1n }, passed)
      }
      // It filled its gap to the brim: the region behind what follows may be another writer's.
      if (region.enters === true) this.#claim(stream, first, { start: first, end: last + 1n })
      // With samples pending that were checked before, the commit looks at everything again.
      if (stream.pending.length === 0 && passed === undefined) {
        stream.goesOn = region.goesOn
        stream.generation = group.generation
      }
    }
    if (upper !== undefined && last >= upper) {
      throw overlap(name, { start: first, end: last + 1n }, { start: upper })
    }
  }

  /** Finds the region of a stream that has none yet. @throws WriteConflictError */
  #claim(stream: Stream, time: bigint, requested: { start: bigint; end?: bigint }): bigint | undefined {
    const group = this.#engine.group(stream.shape.index)
    const table = this.#engine.version.pointers.get(group.key)
    return claimRegion(group, table, time, requested, { name: stream.names[0]!, stream })
  }

  #writeExtents(staged: Staged): void {
    const { stream, arrays, times, count } = staged
    this.#engine.reserve.assertWhole('Cannot write samples', count * stream.shape.rowSize)
    staged.places = writeRunExtents(this.#engine, stream.shape, arrays!, times[0]!, times[count - 1]!, count)
  }

  /** Takes a staged frame into the stream. */
  #keep({ stream, count, times, from, places }: Staged): void {
    const first = times[from]!
    const last = times[from + count - 1]!
    if (places !== undefined) {
      stream.pending.push({ kind: 'extents', count, first, last, places })
      const { strip } = stream
      // Rows that follow go to another strip, so that runs stay in the order of time.
      stream.strip = undefined
      if (strip !== undefined) releaseStrip(this.#engine, stream, strip)
    } else {
      const strip = stream.strip!
      const run = stream.pending.at(-1)
      strip.written += count
      if (run?.kind === 'rows' && run.strip === strip && run.to === from) run.to = strip.written
      else stream.pending.push({ kind: 'rows', strip, from, to: strip.written })
    }
    stream.last = last
  }

  #committedEnd(): bigint | undefined {
    let end: bigint | undefined
    for (const { committedLast } of this.#streams) {
      if (committedLast !== undefined && (end === undefined || committedLast >= end)) end = committedLast + 1n
    }
    return this.#hasWritten ? end : undefined
  }
}

/** A stream's part of a frame, encoded and not yet taken into the stream. */
interface Staged {
  readonly stream: Stream
  readonly count: number
  /** By ordinal, where the frame goes to a segment. */
  readonly arrays: readonly NumericArray[] | undefined
  readonly times: BigInt64Array
  /** Where the frame begins in `times`. */
  readonly from: number
  places?: ReturnType<typeof writeRunExtents>
}

function powerOfTwo(size: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(size, 1)))
}

/** By type: the arrays that are written from where they are: any value of theirs is a sample. */
const NATURAL: Partial<Record<DataType, object>> = {
  float64: Float64Array.prototype,
  float32: Float32Array.prototype,
  int64: BigInt64Array.prototype,
  int32: Int32Array.prototype,
  int16: Int16Array.prototype,
  int8: Int8Array.prototype,
  uint64: BigUint64Array.prototype,
  uint32: Uint32Array.prototype,
  uint16: Uint16Array.prototype,
  uint8: Uint8Array.prototype,
}

/** Whether a value can be written as it is, in this very step; shared memory could change in it. */
function isNatural(type: DataType, value: unknown): value is NumericArray {
  const prototype = NATURAL[type]
  if (prototype === undefined || Object.getPrototypeOf(value) !== prototype) return false
  return !(
    typeof SharedArrayBuffer === 'function' && (value as NumericArray).buffer instanceof SharedArrayBuffer
  )
}

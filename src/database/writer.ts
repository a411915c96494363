// A writer: validates a frame whole, copies it into its pages or, when it is large, into a segment, and
// commits. The path of a frame that finds room is synchronous; what must wait for memory queues, so
// that calls on one writer take effect in their order, awaited or not. A user's object is read first,
// whole, before anything is touched: reading it may run code that calls this very writer.

import type { Page } from '../domain/page-pool.ts'
import { Stream } from '../domain/stream.ts'
import { Strip, stripSize } from '../domain/tail.ts'
import { ClosedError } from '../errors.ts'
import { shapeOf } from '../journal/shape.ts'
import type { Channel } from '../telem/channel.ts'
import { commitStreams, dropPending, releaseStrip } from './commit.ts'
import type { Engine } from './engine.ts'
import { giveUpPlaces, writeRunExtents } from './extents.ts'
import { checkTimes, claim } from './frame-times.ts'
import { FrameValues } from './frame-values.ts'
import type { Durability } from './options.ts'
import type { Resource } from './resources.ts'
import { stageArrays, stageRows } from './staged-frame.ts'
import type { Staged } from './staged-frame.ts'

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

/** Smallest and largest page that grows by itself, in bytes; larger frames get larger pages. */
const FIRST_PAGE = 1024
const LAST_PAGE = 64 * 1024

/**
 * One page for each of a writer's groups takes at most this part of the memory, unless the frame needs more.
 */
const PAGES_SHARE = 4

const WROTE: Promise<boolean> = Promise.resolve(true)

export class WriterCore implements Resource {
  readonly kind = 'writer'
  readonly #engine: Engine
  readonly #plan: WriterPlan
  readonly #streams: readonly Stream[]
  readonly #frame: FrameValues
  /** Pages do not grow by themselves beyond this: those of all groups together leave room for others. */
  readonly #largestPage: number
  #state: 'open' | 'closing' | 'closed' = 'open'
  #busy = false
  #queue: Promise<unknown> | undefined
  #hasWritten = false

  /**
   * Claims the regions of writers with a `start`, in one step with registering.
   * @throws WriteConflictError
   */
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
    this.#frame = new FrameValues(this.#streams, plan.names)
    this.#largestPage = Math.min(
      LAST_PAGE,
      powerOfTwo((engine.pool.budget / plan.groups.length / PAGES_SHARE + 1) / 2),
    )
    if (plan.start !== undefined)
      for (const stream of this.#streams) claim(engine, stream, plan.start, { start: plan.start })
    for (const stream of this.#streams) {
      const group = engine.group(stream.shape.index)
      group.streams.add(stream)
      group.generation++
    }
    engine.resources.add(this)
  }

  describe(): string {
    const names = this.#streams.flatMap((stream) => stream.names)
    return `writer of ${names.map((name) => `"${name}"`).join(', ')}`
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
        this.#frame.take(frame)
        lsn = this.#tryRecord(undefined)
      } finally {
        this.#busy = false
      }
      if (lsn === 'wait') {
        const values = [...this.#frame.values]
        return this.#enqueue(() => this.#recordWaiting(values))
      }
      return this.#settled(lsn)
    } catch (error) {
      return this.#refused(error)
    } finally {
      this.#frame.clear()
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
      this.#frame.take(frame)
      values = [...this.#frame.values]
    } finally {
      this.#busy = false
      this.#frame.clear()
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
        this.#frame.put(values)
        lsn = this.#tryRecord(pages)
        sizes = this.#neededPages()
      } catch (error) {
        if (pages !== undefined) this.#engine.pool.give(pages.splice(0))
        throw error
      } finally {
        this.#busy = false
        this.#frame.clear()
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
    const count = this.#frame.counts[i]!
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
    this.#frame.count()
    const sizes = this.#neededPages()
    const total = sizes.reduce((sum, size) => sum + size, 0)
    // A frame that the budget cannot hold goes straight to a segment.
    const direct = total > engine.pool.budget
    if (sizes.length > 0 && !direct && !this.#givePages(sizes, pages)) return 'wait'
    const staged: Staged[] = []
    try {
      for (const [i, stream] of this.#streams.entries()) {
        const count = this.#frame.counts[i]!
        if (count <= 0) continue
        const stage = direct || this.#isLarge(stream, count) ? stageArrays : stageRows
        staged.push(stage(stream, count, (ordinal) => this.#frame.of(i, ordinal)))
      }
      for (const each of staged) checkTimes(engine, each)
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

function powerOfTwo(size: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(size, 1)))
}

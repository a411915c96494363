// The database that a repair writes: made by the engine, in a folder of the target that does not count until
// everything is in it and was verified. Samples go to extents of the usual size, pointers say of each domain
// what they said in the source, and every record is an edit that a flush could have made: no placeholder is
// ever written (0009-I1). Called by repair.ts and copy.ts.

import type { Channel } from '../../telem/channel.ts'
import { byteWidth } from '../../telem/data-type.ts'
import { liveShare } from '../../unary/time-search.ts'
import type { Pointer } from '../../version/pointer.ts'
import type { Engine } from '../engine.ts'
import { ExtentBatch } from '../extent-batch.ts'
import { SLICE_MS } from '../turns.ts'

/** Pointers of one edit. */
const POINTERS_AN_EDIT = 4096

/** Bytes of samples written between two syncs. */
const SYNC_EVERY = 64 * 1024 * 1024

/** Channels of one edit: a record holds their definitions, and is made in one step. */
const CHANNELS_AN_EDIT = 512

/** Creates channels under the keys that they have. Ascending by key. @throws StorageError */
export async function createIn(engine: Engine, channels: readonly Channel[]): Promise<void> {
  using lease = await engine.holdLease('shared', 'repair')
  using _catalog = await engine.guards.acquire(lease, {
    rank: 'catalog',
    mode: 'exclusive',
    purpose: 'repair',
  })
  for (let from = 0; from < channels.length; from += CHANNELS_AN_EDIT) {
    engine.publishEdit({ kind: 'create', channels: channels.slice(from, from + CHANNELS_AN_EDIT) })
    await engine.turns.due(SLICE_MS)
  }
}

/** Samples that go to the target together. `start`: time of the first; `end`: of the last + 1 ns. */
export interface Run {
  readonly start: bigint
  readonly end: bigint
  readonly count: number
  /** It goes on with the domain of the run before it. */
  readonly joined: boolean
  /** Rank of the first among the samples of the source's index channel. */
  readonly rank: number
  /** Copied by the call. */
  readonly bytes: Uint8Array
}

/** Writes one channel, in order of time. */
export class ChannelCopy {
  /** Samples written. */
  samples = 0
  readonly #engine: Engine
  readonly #channel: Channel
  readonly #groupKey: number
  readonly #onPointer: (pointer: Pointer, rank: number) => void
  readonly #width: number
  /** Bytes of samples in an extent. */
  readonly #size: number
  /** Grows with what comes: of many channels most may have few samples. */
  #buffer: Uint8Array = new Uint8Array(0)
  #used = 0
  /** Of what is in the buffer. */
  #runs: { start: bigint; end: bigint; count: number; joined: boolean; rank: number }[] = []
  #batch: ExtentBatch
  #pointers: Pointer[] = []
  #unsynced = 0

  /**
   * @param onPointer told of every pointer of the target, in order; its extent can be read once `finish` has
   * resolved
   */
  constructor(
    engine: Engine,
    channel: Channel,
    groupKey: number,
    onPointer: (pointer: Pointer, rank: number) => void = () => {},
  ) {
    this.#engine = engine
    this.#channel = channel
    this.#groupKey = groupKey
    this.#onPointer = onPointer
    this.#width = byteWidth(channel.type)
    const samples = Math.max(1, Math.floor(engine.tuning.extentLimit / this.#width))
    this.#size = samples * this.#width
    this.#batch = new ExtentBatch(engine)
  }

  /** How many more samples go to the extent that is being filled; at least 1. */
  get room(): number {
    return (this.#size - this.#used) / this.#width
  }

  /** Adds samples: at most `room`. @throws StorageError */
  async add(run: Run): Promise<void> {
    const used = this.#used + run.bytes.length
    if (this.#buffer.length < used) {
      const larger = new Uint8Array(Math.min(this.#size, 2 * used))
      larger.set(this.#buffer.subarray(0, this.#used))
      this.#buffer = larger
    }
    this.#buffer.set(run.bytes, this.#used)
    this.#used = used
    this.samples += run.count
    const last = this.#runs.at(-1)
    if (last !== undefined && run.joined) {
      last.end = run.end
      last.count += run.count
    } else {
      const { start, end, count, joined, rank } = run
      this.#runs.push({ start, end, count, joined, rank })
    }
    if (this.#used === this.#size) await this.#writeExtent()
  }

  /**
   * Writes and publishes the rest: all of it can be read. **Durable:** extents before the edit that names
   * them.
   * @throws StorageError
   */
  async finish(): Promise<void> {
    await this.#writeExtent()
    await this.#publish()
  }

  /** Gives up what no record names. */
  async abandon(cause: unknown): Promise<void> {
    await this.#batch.idle()
    this.#batch.giveUp(cause)
  }

  async #writeExtent(): Promise<void> {
    const first = this.#runs[0]
    if (first === undefined) return
    const { key, type, kind } = this.#channel
    const count = this.#used / this.#width
    const extent = await this.#batch.add({
      channel: key,
      type,
      isIndex: kind === 'index',
      firstTime: first.start,
      lastTime: this.#runs.at(-1)!.end - 1n,
      count,
      sources: [this.#buffer.subarray(0, this.#used)],
    })
    let skip = 0
    const { segment, offset, length } = extent
    for (const { rank, ...run } of this.#runs) {
      const live = liveShare(length, count, skip, skip + run.count)
      const pointer: Pointer = { ...run, segment, offset, length, skip, live }
      skip += run.count
      this.#pointers.push(pointer)
      this.#onPointer(pointer, rank)
    }
    this.#unsynced += this.#used
    this.#used = 0
    this.#runs = []
    if (this.#pointers.length >= POINTERS_AN_EDIT || this.#unsynced >= SYNC_EVERY) await this.#publish()
  }

  async #publish(): Promise<void> {
    if (this.#pointers.length === 0) return
    const engine = this.#engine
    await this.#batch.finish()
    await engine.syncer.syncSegments()
    using lease = await engine.holdLease('shared', 'repair')
    using catalog = await engine.guards.acquire(lease, { rank: 'catalog', mode: 'shared', purpose: 'repair' })
    using _index = await engine.guards.acquire(catalog, {
      rank: 'index',
      mode: 'exclusive',
      keys: [this.#groupKey],
      purpose: 'repair',
    })
    for (let from = 0; from < this.#pointers.length; from += POINTERS_AN_EDIT) {
      const comes = this.#pointers.slice(from, from + POINTERS_AN_EDIT)
      engine.publishEdit({ kind: 'flush', groups: [], changes: [{ key: this.#channel.key, comes }] })
    }
    this.#batch.settle(engine.lastLsn, false, [{ key: this.#channel.key, comes: this.#pointers }])
    this.#batch = new ExtentBatch(engine)
    this.#pointers = []
    this.#unsynced = 0
  }
}

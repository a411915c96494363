// A snapshot as users see it: the database at one instant, with its channels as they were.

import type { Schema, TypesOf } from '../channel/schema.ts'
import { ClosedError } from '../errors.ts'
import type { Channel } from '../telem/channel.ts'
import type { Frame } from '../telem/frame.ts'
import type { RangeLike } from '../telem/time-range.ts'
import { catalogueOf } from '../version/version.ts'
import type { Catalogue } from '../version/version.ts'
import type { Names, NamesOf } from './arguments.ts'
import { findChannel, getChannel } from './edit-channels.ts'
import type { Engine } from './engine.ts'
import { walkFrames } from './read.ts'
import type { Instant } from './read.ts'
import { Reads, typed } from './reads.ts'
import type { FramesOptions } from './reads.ts'
import type { Resource } from './resources.ts'
import type { SnapshotState } from './snapshot-state.ts'
import { releaseSnapshot, takeSnapshot } from './snapshots.ts'

/** The database at one instant, whatever is written, deleted or collected since. */
export class Snapshot<S extends Schema = Schema> extends Reads<S> implements Resource {
  readonly kind = 'snapshot'
  readonly #engine: Engine
  readonly #state: SnapshotState
  readonly #instant: Instant
  #isClosed = false

  /** Made by `db.snapshot`. */
  constructor(engine: Engine) {
    super()
    this.#engine = engine
    this.#state = takeSnapshot(engine)
    this.#instant = { viewOf: (key) => this.#state.viewOf(key), lsn: this.#state.pin.lsn }
    engine.resources.add(this)
  }

  /** The channels of that instant. */
  get channels(): {
    get(nameOrKey: string | number): Channel
    find(nameOrKey: string | number): Channel | undefined
    list(): Channel[]
  } {
    const catalogue = this.catalogue()
    return {
      get: (nameOrKey) => getChannel(catalogue, nameOrKey),
      find: (nameOrKey) => findChannel(catalogue, nameOrKey),
      list: () => [...catalogue.list],
    }
  }

  /** Walks over a range in frames of bounded size. @throws as `read` */
  async *frames<const N extends Names<S>>(
    channels: N,
    range: RangeLike = {},
    options: FramesOptions = {},
  ): AsyncGenerator<Frame<TypesOf<S, NamesOf<N>>>, void, void> {
    const walk = this.framesPlan(channels, range, options)
    for await (const frame of walkFrames(this.engine(), this.instant(), walk.plan, walk.range))
      yield typed<S, N>(frame)
  }

  /** What it pinned may be given back. Further calls do nothing. */
  close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true
      releaseSnapshot(this.#engine, this.#state)
      this.#engine.resources.delete(this)
    }
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  describe(): string {
    return `snapshot at record ${this.#state.pin.lsn}`
  }

  uses(): boolean {
    return false
  }

  protected instant(): Instant {
    this.#assertOpen()
    return this.#instant
  }

  protected catalogue(): Catalogue {
    this.#assertOpen()
    return catalogueOf(this.#state.version)
  }

  protected engine(): Engine {
    return this.#engine
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new ClosedError('The snapshot is closed')
  }
}

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

/**
 * The database at one instant, whatever is written, deleted or collected since. It holds no memory of the
 * writers; until it is closed it keeps segment files from being collected.
 */
export class Snapshot<S extends Schema = Schema> extends Reads<S> implements Resource {
  /** @internal */
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
    this.#instant = { viewOf: (key) => this.#state.viewOf(key), lsn: this.#state.pin.lsn, held: this.#state }
    engine.resources.add(this)
  }

  /** The channels of that instant, with the names that they had. @throws ClosedError */
  get channels(): {
    /** The channel of this name or key. @throws ChannelNotFoundError */
    get(nameOrKey: string | number): Channel
    /** The channel of this name or key; undefined where there is none. */
    find(nameOrKey: string | number): Channel | undefined
    /** All channels, in order of creation. */
    list(): Channel[]
  } {
    const catalogue = this.catalogue()
    return {
      get: (nameOrKey) => getChannel(catalogue, nameOrKey),
      find: (nameOrKey) => findChannel(catalogue, nameOrKey),
      list: () => [...catalogue.list],
    }
  }

  /**
   * An async iterable over a range in frames of bounded size, in order of time.
   * @param channels one name or several, each once
   * @param range default: all time
   * @throws what `read` throws, from the first `next` on
   */
  async *frames<const N extends Names<S>>(
    channels: N,
    range: RangeLike = {},
    options: FramesOptions = {},
  ): AsyncGenerator<Frame<TypesOf<S, NamesOf<N>>>, void, void> {
    const walk = await this.framesPlan(channels, range, options)
    try {
      for await (const frame of walkFrames(this.engine(), this.instant(), walk.plan, walk.range))
        yield typed<S, N>(frame)
    } catch (error) {
      throw await this.#engine.judged(error)
    }
  }

  /** Ends it: what it kept may be collected. Further calls do nothing. */
  close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true
      releaseSnapshot(this.#engine, this.#state)
      this.#engine.resources.delete(this)
    }
    return Promise.resolve()
  }

  /** Closes, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** @internal */
  describe(): string {
    return `snapshot at record ${this.#state.pin.lsn}`
  }

  /** @internal */
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

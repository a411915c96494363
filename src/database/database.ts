// The assembled engine as users see it: names instead of keys, validated arguments, errors of the
// contract. Each method acquires the guards of its operation and hands them to the life that does it.

import type { ChannelNames, Schema, TypesOf } from '../channel/schema.ts'
import { ClosedError, ReadOnlyError, ResourceOpenError, ValidationError } from '../errors.ts'
import { isDiskFull } from '../fs/storage-error.ts'
import type { Channel } from '../telem/channel.ts'
import type { Frame } from '../telem/frame.ts'
import { describeValue, isPlainObject, refuseUnknownKeys } from '../telem/input.ts'
import { range as toRange } from '../telem/time-range.ts'
import type { RangeLike, TimeRange } from '../telem/time-range.ts'
import { groupOf } from '../version/version.ts'
import type { Catalogue } from '../version/version.ts'
import { checkReadOptions, copyOfNames, distinct } from './arguments.ts'
import type { Names, NamesOf } from './arguments.ts'
import { Channels, editDurability } from './channels.ts'
import { closeEngine } from './close.ts'
import { Collections } from './collection/collections.ts'
import type { GcProgress, GcReport } from './collection/gc-report.ts'
import { deleteUnder, draftDelete, resultOf } from './delete.ts'
import type { DeleteDone, DeleteResult } from './delete.ts'
import { getChannel } from './edit-channels.ts'
import type { Engine } from './engine.ts'
import type { Flusher } from './flusher.ts'
import { validateWriterOptions, writerUnder } from './open-writer.ts'
import type { Writer, WriterOptions } from './open-writer.ts'
import { walkFrames } from './read.ts'
import type { Instant } from './read.ts'
import { Reads, typed } from './reads.ts'
import type { FramesOptions } from './reads.ts'
import type { Resource } from './resources.ts'
import { Snapshot } from './snapshot.ts'
import { releaseSnapshot, takeSnapshot } from './snapshots.ts'
import { statsOf } from './stats.ts'
import type { Stats } from './stats.ts'
import { inSlices, SLICE_MS } from './turns.ts'
import { verifyEngine } from './verify/verify.ts'
import type { VerifyOptions, VerifyReport } from './verify/report.ts'

/** Options of `db.gc`. */
export interface GcOptions {
  /** Collect segments of which at least this share is dead, 0 to 1; 0 collects any dead byte. Default 0.2. */
  readonly threshold?: number
  /** Aborts the run, which rejects with the signal's reason; what it has collected stays collected. */
  readonly signal?: AbortSignal
  /** Called as segments are looked at. What it throws ends the run. */
  readonly onProgress?: (progress: GcProgress) => void
}

/**
 * An open database, as `open` returns it. `await using` closes it by force at the end of the block.
 *
 * `S` is the schema that was given to `open`; names and types of frames follow from it.
 */
export class Database<S extends Schema = Schema> extends Reads<S> {
  /** Its channels, by name and key. */
  readonly channels: Channels
  /** The directory, as it was given to `open`. */
  readonly directory: string
  readonly #engine: Engine
  readonly #flusher: Flusher
  readonly #closeAbort: AbortController = new AbortController()
  readonly #collections: Collections
  #closing: Promise<void> | undefined
  /** The collection that a delete has begun; never rejects. */
  #makingRoom: Promise<void> | undefined
  /** A collection was begun since the reserve ran low. */
  #hasMadeRoom = false

  /** Made by `open`. */
  constructor(engine: Engine, flusher: Flusher) {
    super()
    this.#engine = engine
    this.#flusher = flusher
    this.#collections = new Collections(engine, flusher, this.#closeAbort.signal)
    this.channels = new Channels(engine)
    this.directory = engine.directory
  }

  /**
   * Opens a writer of the named channels.
   * @param options names (the index channels too), or an object with them and more; each name once
   * @throws ValidationError, ChannelNotFoundError, WriteConflictError (a `start` inside committed data or
   * another writer's region), ReadOnlyError, ClosedError
   */
  async openWriter<const N extends ChannelNames<S>>(
    options: readonly N[] | WriterOptions<N>,
  ): Promise<Writer<S, N>> {
    const engine = this.#engine
    engine.assertWritable()
    const given = validateWriterOptions(options)
    using lease = await engine.holdLease('shared', 'open a writer')
    engine.assertWritable()
    const timeoutMs = engine.options.lockTimeoutMs
    using catalog = await engine.guards.acquire(lease, {
      rank: 'catalog',
      mode: 'shared',
      purpose: 'open a writer',
      timeoutMs,
    })
    const writer = writerUnder<S, N>(catalog, engine, given)
    // Thousands may be opened one after another.
    await engine.turns.due()
    return writer
  }

  /**
   * An async iterable over a range in frames of bounded size, in order of time, at the instant of the first
   * `next`.
   * @param channels one name or several, each once
   * @param range default: all time
   * @throws what `read` throws, from the first `next` on
   */
  async *frames<const N extends Names<S>>(
    channels: N,
    range: RangeLike = {},
    options: FramesOptions = {},
  ): AsyncGenerator<Frame<TypesOf<S, NamesOf<N>>>, void, void> {
    this.#engine.assertOpen()
    const state = takeSnapshot(this.#engine)
    const instant = { viewOf: (key: number) => state.viewOf(key), lsn: state.pin.lsn, held: state }
    try {
      const walk = await this.framesPlan(channels, range, options)
      for await (const frame of walkFrames(this.#engine, instant, walk.plan, walk.range))
        yield typed<S, N>(frame)
    } catch (error) {
      throw await this.#engine.judged(error)
    } finally {
      releaseSnapshot(this.#engine, state)
    }
  }

  /**
   * The database as it is now, until the snapshot is closed. It keeps segment files from being collected.
   * @throws ClosedError
   */
  snapshot(): Snapshot<S> {
    this.#engine.assertOpen()
    return new Snapshot<S>(this.#engine)
  }

  /**
   * Shows the newest state from now on, in a database that was opened `readOnly`; what it showed before goes
   * on in snapshots and frames that are open. Where it fails, everything is as before. In a database that is
   * open for writing there is nothing to do. What was acknowledged before the call shows: one that comes
   * while another is under way shares it, or the next.
   * @throws NotADatabaseError (another is in its place), CorruptionError, UnsupportedVersionError,
   * StorageError, ClosedError
   */
  async refresh(): Promise<void> {
    this.#engine.assertOpen()
    await this.#engine.reader?.refresh()
  }

  /**
   * Removes every committed sample of the channels in the range, atomically over all of them. What is
   * committed later stays; the freed time can be written again at once.
   *
   * **Durable:** survives a killed process; a power loss in `'strict'`.
   * @param channels one name or several, each once
   * @param range the end is exclusive; `{}` means all time
   * @param options `signal` aborts a delete that still waits; one that took effect resolves
   * @throws DependentDataError, ChannelNotFoundError, ValidationError, LockTimeoutError, CorruptionError
   * (times at an end of the range cannot be read), StorageError, LeaseLostError, ReadOnlyError, ClosedError,
   * the signal's reason
   */
  async delete(
    channels: Names<S>,
    range: RangeLike,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<DeleteResult> {
    const engine = this.#engine
    engine.assertWritable()
    const names = copyOfNames(channels)
    if (range === undefined) throw new ValidationError('A delete needs a range: {} means all time')
    const bounds = toRange(range)
    const { signal } = checkReadOptions(options, ['signal'])
    signal?.throwIfAborted()
    let done: DeleteDone
    try {
      done = await this.#deleteOnce(names, bounds, signal)
    } catch (error) {
      if (!isDiskFull(error) || engine.failure !== undefined) throw await engine.judged(error)
      // The reserve is used up as well: what was deleted before makes room for this one.
      await this.gc(signal === undefined ? {} : { signal }).catch(() => {})
      done = await this.#deleteOnce(names, bounds, signal)
    }
    if (done.lsn !== undefined) await engine.acknowledge(done.lsn, editDurability(engine))
    this.#keepRoom()
    await engine.turns.before(names.length)
    // Until it was looked at, what a long record freed keeps the tables before it.
    await engine.deadSpace.catchUp(engine.turns)
    return resultOf(engine.turns, done)
  }

  /**
   * On a full disk: gives back what costs next to no room, in the background, while there is some left for
   * that.
   */
  #keepRoom(): void {
    const { isLow } = this.#engine.reserve
    if (isLow && !this.#hasMadeRoom && !this.#collections.isRunning && this.#engine.state === 'open') {
      // The delete is done: what fails here is met again by the next.
      const ended = (): void => {
        this.#makingRoom = undefined
      }
      this.#makingRoom = this.#engine.guards
        .detached('collect', () =>
          this.#collections.begin({ threshold: 1, signal: undefined, onProgress: undefined }),
        )
        .then(ended, ended)
    }
    this.#hasMadeRoom = isLow
  }

  async #deleteOnce(
    names: readonly string[],
    bounds: TimeRange,
    signal: AbortSignal | undefined,
  ): Promise<DeleteDone> {
    const engine = this.#engine
    const { turns } = engine
    const purpose = 'delete'
    const timeoutMs = engine.options.lockTimeoutMs
    using lease = await engine.holdLease('shared', purpose, signal)
    await inSlices(turns, distinct(names), SLICE_MS)
    using catalog = await engine.guards.acquire(lease, {
      rank: 'catalog',
      mode: 'shared',
      purpose,
      timeoutMs,
      signal,
    })
    engine.assertWritable()
    const found: Channel[] = []
    const keys = new Set<number>()
    for (const name of names) {
      const channel = getChannel(engine.catalogue, name)
      found.push(channel)
      keys.add(groupOf(engine.catalogue, channel))
      const turn = turns.due(SLICE_MS)
      if (turn !== undefined) await turn
    }
    using held = await engine.guards.acquire(catalog, {
      rank: 'index',
      mode: 'exclusive',
      keys,
      purpose,
      timeoutMs,
      signal,
    })
    const draft = await draftDelete(held, engine, found, bounds)
    signal?.throwIfAborted()
    if (engine.failure !== undefined) throw engine.failure
    const lsn = deleteUnder(held, engine, draft)
    // To give back ten thousand guards takes 2 ms.
    await turns.before(keys.size)
    return { found, draft, lsn }
  }

  /**
   * Gives the bytes of deleted samples back to the file system while readers and writers go on. Two runs at
   * once: the second joins the first, and goes on alone where the first is aborted.
   *
   * **Durable:** no file is removed before the record that frees it is synced.
   * @throws ValidationError, StorageError, LeaseLostError, ReadOnlyError, ClosedError, the signal's reason,
   * what `onProgress` throws
   */
  async gc(options: GcOptions = {}): Promise<GcReport> {
    const engine = this.#engine
    engine.assertWritable()
    const { threshold, signal, onProgress } = validateGcOptions(options)
    signal?.throwIfAborted()
    // What a delete has begun takes less than is asked for here.
    if (this.#makingRoom !== undefined) await this.#makingRoom
    return this.#collections.join({ threshold, signal, onProgress })
  }

  /**
   * What is in there and how it is doing: plain values that survive `JSON.stringify`.
   * @throws ClosedError
   */
  async stats(): Promise<Stats> {
    this.#engine.assertOpen()
    return statsOf(this.#engine, this.#collections.last)
  }

  /**
   * Reads every byte and checks every invariant; reports damage, never throws for it.
   * @throws ValidationError, ClosedError, the signal's reason, what `onProgress` throws
   */
  async verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    this.#engine.assertOpen()
    const { signal } = checkReadOptions(options, ['signal', 'onProgress'])
    if (options.onProgress !== undefined && typeof options.onProgress !== 'function') {
      throw new ValidationError('Option "onProgress" must be a function')
    }
    return this.#engine.letEnd(verifyEngine(this.#engine, { ...options, signal: this.#untilClose(signal) }))
  }

  /**
   * Resolves when every commit up to the call is on disk, in whatever durability it was made.
   *
   * **Durable:** those commits survive a power loss.
   * @throws StorageError, LeaseLostError, ReadOnlyError, ClosedError
   */
  async sync(): Promise<void> {
    const engine = this.#engine
    engine.assertOpen()
    if (engine.options.readOnly)
      throw new ReadOnlyError(`The database "${engine.directory}" was opened read-only: open it for writing`)
    await engine.acknowledge(engine.lastLsn, 'strict')
  }

  /**
   * Finishes what is pending, flushes, gives the lease back. Further calls do nothing.
   *
   * **Durable:** every commit that was acknowledged.
   * @param options `force` closes writers and snapshots first; what they have not committed is dropped
   * @throws ResourceOpenError: writers or snapshots are open, and the database stays open; StorageError: it
   * is closed all the same; ValidationError
   */
  close(options: { readonly force?: boolean } = {}): Promise<void> {
    // Who closed it first hears how it went.
    if (this.#closing !== undefined) return this.#closing.catch(() => {})
    const users = this.#engine.resources.list()
    const force = validateForce(options)
    if (users.length > 0 && !force) {
      const lines = users.map((resource) => resource.describe())
      return Promise.reject(
        new ResourceOpenError(
          `Cannot close the database: ${lines.join('; ')} still open; close them, or close({ force: true })`,
          lines,
        ),
      )
    }
    this.#engine.state = 'closing'
    this.#closing = this.#close(users)
    return this.#closing
  }

  /** Aborted by the caller's signal, or by a close. */
  #untilClose(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#closeAbort.signal : AbortSignal.any([signal, this.#closeAbort.signal])
  }

  async #close(users: readonly Resource[]): Promise<void> {
    await Promise.all(users.map((resource) => resource.close()))
    this.#closeAbort.abort(new ClosedError(`The database "${this.directory}" is closing`))
    await this.#collections.ended()
    await Promise.allSettled(this.#engine.underWay)
    await closeEngine(this.#engine, this.#flusher)
  }

  /** Closes by force, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close({ force: true })
  }

  protected instant(): Instant {
    const engine = this.#engine
    engine.assertOpen()
    return { viewOf: (key, range) => engine.viewOf(key, range), lsn: engine.lastLsn }
  }

  protected catalogue(): Catalogue {
    this.#engine.assertOpen()
    return this.#engine.catalogue
  }

  protected engine(): Engine {
    return this.#engine
  }
}

function validateForce(options: unknown): boolean {
  if (!isPlainObject(options)) throw new ValidationError('Options of close must be an object')
  refuseUnknownKeys(options, ['force'], 'options of close')
  const { force } = options
  if (force !== undefined && typeof force !== 'boolean')
    throw new ValidationError('Option "force" must be true or false')
  return force ?? false
}

function validateGcOptions(options: unknown): {
  threshold: number
  signal: AbortSignal | undefined
  onProgress: ((progress: GcProgress) => void) | undefined
} {
  const { signal } = checkReadOptions(options, ['threshold', 'signal', 'onProgress'])
  const { threshold, onProgress } = options as GcOptions
  if (threshold !== undefined && !(typeof threshold === 'number' && threshold >= 0 && threshold <= 1)) {
    throw new ValidationError(
      `Option "threshold" must be a share from 0 to 1: got ${describeValue(threshold)}`,
    )
  }
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw new ValidationError('Option "onProgress" must be a function')
  return { threshold: threshold ?? 0.2, signal, onProgress }
}

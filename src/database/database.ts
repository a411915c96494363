// The assembled engine as users see it: names instead of keys, validated arguments, errors of the
// contract. Each method acquires the guards of its operation and hands them to the life that does it.

import { ClosedError, ReadOnlyError, ResourceOpenError, ValidationError } from '../errors.ts'
import type { Held } from '../guard/held.ts'
import type { ChannelNames, FrameInput, Schema, TypesOf } from '../channel/schema.ts'
import { validateDefinition, validateName, validateUnit } from '../telem/channel.ts'
import type { Channel, ChannelDefinition } from '../telem/channel.ts'
import type { Frame } from '../telem/frame.ts'
import { describeValue, isPlainObject, refuseUnknownKeys } from '../telem/input.ts'
import { validateMetadata } from '../telem/metadata.ts'
import type { Metadata } from '../telem/metadata.ts'
import { range as toRange } from '../telem/time-range.ts'
import type { RangeLike, TimeRange } from '../telem/time-range.ts'
import { END_OF_TIME, positiveSpan, timestamp } from '../telem/timestamp.ts'
import type { SpanLike, TimeLike, TimeStamp } from '../telem/timestamp.ts'
import type { ChannelRef } from '../unary/channel-view.ts'
import { catalogueOf, groupOf } from '../version/version.ts'
import type { Catalogue } from '../version/version.ts'
import { closeEngine } from './close.ts'
import { collect } from './collect.ts'
import type { GcProgress, GcReport } from './collect.ts'
import { deleteUnder } from './delete.ts'
import type { DeleteResult } from './delete.ts'
import { createChannels, findChannel, getChannel, removeChannels, renameChannel, updateChannel } from './edit-channels.ts'
import { channelRefOf } from './engine.ts'
import type { Engine } from './engine.ts'
import type { Flusher } from './flusher.ts'
import { validateDurability } from './options.ts'
import type { Durability } from './options.ts'
import { boundsOf, countRange, FRAME_SAMPLES, readLatest, readRange, validateCount, walkFrames } from './read.ts'
import type { Instant } from './read.ts'
import type { Resource } from './resources.ts'
import type { SnapshotState } from './snapshot-state.ts'
import { releaseSnapshot, takeSnapshot } from './snapshots.ts'
import { statsOf } from './stats.ts'
import type { Stats } from './stats.ts'
import { verifyEngine } from './verify.ts'
import type { VerifyOptions, VerifyReport } from './verify.ts'
import { WriterCore } from './writer.ts'

/** One name, or several; each once. */
type Names<S extends Schema> = ChannelNames<S> | readonly ChannelNames<S>[]

/** The names that `N` stands for. */
type NamesOf<N> = N extends readonly (infer E)[] ? E & string : N & string

export interface ReadOptions {
  /** Read the times along, for `timestamps` and `rows`. Default: only where the index channel is read too. */
  readonly timestamps?: boolean
  readonly signal?: AbortSignal
}

export interface LatestOptions {
  /** The newest at or before this time. Default: the newest of all. */
  readonly at?: TimeLike
  readonly timestamps?: boolean
}

export interface FramesOptions {
  /** A frame covers at most this much time. */
  readonly span?: SpanLike
  /** Most samples of the longest channel in a frame. Default 100,000. */
  readonly samples?: number
  readonly timestamps?: boolean
}

export interface WriterOptions<N extends string = string> {
  /** An index channel and data channels that it times; several groups may be written together. */
  readonly channels: readonly N[]
  /** No sample may lie before it; the writer's region is found when it opens. Default: the first timestamp written. */
  readonly start?: TimeLike
  /** Commit every frame as it is written. Default `true`. */
  readonly autoCommit?: boolean
  /** Default: the database's. */
  readonly durability?: Durability
}

export interface GcOptions {
  /** Collect segments of which at least this share is dead, 0 to 1; 0 collects any dead byte. Default 0.2. */
  readonly threshold?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: GcProgress) => void
}

/** What reads at the head and reads of a snapshot have in common. */
abstract class Reads<S extends Schema> {
  protected abstract instant(): Instant
  protected abstract catalogue(): Catalogue
  protected abstract engine(): Engine

  /**
   * Reads the samples of channels in a range (default: all time), as they were when it was called.
   * @throws ChannelNotFoundError, ValidationError, CorruptionError, StorageError, ClosedError, the signal's reason
   */
  async read<const N extends Names<S>>(
    channels: N,
    range: RangeLike = {},
    options: ReadOptions = {},
  ): Promise<Frame<TypesOf<S, NamesOf<N>>>> {
    const instant = this.instant()
    const refs = this.refs(channels)
    const { timestamps, signal } = checkReadOptions(options, ['timestamps', 'signal'])
    const plan = { channels: refs, timestamps, signal }
    return typed<S, N>(await readRange(this.engine(), instant, plan, toRange(range)))
  }

  /**
   * Reads the newest `count` samples of each channel, of those at or before `at`.
   * @throws as `read`
   */
  async latest<const N extends Names<S>>(
    channels: N,
    count = 1,
    options: LatestOptions = {},
  ): Promise<Frame<TypesOf<S, NamesOf<N>>>> {
    const instant = this.instant()
    const refs = this.refs(channels)
    const { timestamps } = checkReadOptions(options, ['timestamps', 'at'])
    const newest = validateCount(count, 'The count of latest')
    const end = options.at === undefined ? END_OF_TIME : after(timestamp(options.at))
    return typed<S, N>(await readLatest(this.engine(), instant, { channels: refs, timestamps }, newest, end))
  }

  /** Counts the samples of channels in a range (default: all time), by name. @throws as `read` */
  async count(channels: Names<S>, range: RangeLike = {}): Promise<Record<string, number>> {
    const instant = this.instant()
    const refs = this.refs(channels)
    const counts = countRange(instant, refs, toRange(range))
    await this.engine().turns.due()
    return Object.fromEntries(refs.map((ref, i) => [ref.name, counts[i]!]))
  }

  /** Whether any of the channels has a sample in the range. @throws as `read` */
  async hasData(channels: Names<S>, range: RangeLike): Promise<boolean> {
    const instant = this.instant()
    const counts = countRange(instant, this.refs(channels), toRange(range))
    await this.engine().turns.due()
    return counts.some((count) => count > 0)
  }

  /** First timestamp and last timestamp + 1 ns of a channel; undefined where it has no samples. @throws as `read` */
  async bounds(channel: ChannelNames<S>): Promise<TimeRange | undefined> {
    const instant = this.instant()
    const bounds = boundsOf(instant, channelRefOf(this.catalogue(), getChannel(this.catalogue(), channel)))
    await this.engine().turns.due()
    return bounds
  }

  protected refs(channels: unknown): ChannelRef[] {
    const catalogue = this.catalogue()
    return namesOf(channels).map((name) => channelRefOf(catalogue, getChannel(catalogue, name)))
  }

  protected framesPlan(
    channels: unknown,
    range: RangeLike,
    options: FramesOptions,
  ): { plan: Parameters<typeof walkFrames>[2]; range: TimeRange } {
    const refs = this.refs(channels)
    const { timestamps } = checkReadOptions(options, ['timestamps', 'span', 'samples'])
    const samples = options.samples === undefined ? FRAME_SAMPLES : validateCount(options.samples, 'Option "samples"')
    const span = options.span === undefined ? undefined : positiveSpan(options.span, 'Option "span"')
    const assertOpen = (): void => {
      this.catalogue()
    }
    return { plan: { channels: refs, timestamps, samples, span, assertOpen }, range: toRange(range) }
  }
}

/** The channels of a database. */
export class Channels {
  readonly #engine: Engine

  /** Made by the database. */
  constructor(engine: Engine) {
    this.#engine = engine
  }

  /**
   * Creates channels, all or none.
   *
   * **Durable:** survives a killed process; a power loss in `'strict'`.
   * @throws ValidationError, ChannelExistsError, ChannelNotFoundError (an index), ReadOnlyError, StorageError, ClosedError
   */
  create(definitions: readonly ChannelDefinition[]): Promise<Channel[]>
  create(definition: ChannelDefinition): Promise<Channel>
  async create(input: ChannelDefinition | readonly ChannelDefinition[]): Promise<Channel | Channel[]> {
    this.#engine.assertWritable()
    if (!isList(input)) {
      const definition = validateDefinition(input)
      const created = await this.#edit('create channels', (held) => createChannels(held, this.#engine, [definition]))
      return created.channels[0]!
    }
    const definitions = input.map((each) => validateDefinition(each))
    if (definitions.length === 0) return []
    return (await this.#edit('create channels', (held) => createChannels(held, this.#engine, definitions))).channels
  }

  /** The channel of this name or key. @throws ChannelNotFoundError, ClosedError */
  get(nameOrKey: string | number): Channel {
    this.#engine.assertOpen()
    return getChannel(this.#engine.catalogue, nameOrKey)
  }

  /** The channel of this name or key; undefined where there is none. @throws ClosedError */
  find(nameOrKey: string | number): Channel | undefined {
    this.#engine.assertOpen()
    return findChannel(this.#engine.catalogue, nameOrKey)
  }

  /** All channels, in order of creation. @throws ClosedError */
  list(): Channel[] {
    this.#engine.assertOpen()
    return [...this.#engine.catalogue.list]
  }

  /** Gives a channel another name; what is open goes on with the old one. @throws ChannelNotFoundError, ChannelExistsError, ValidationError */
  async rename(nameOrKey: string | number, name: string): Promise<Channel> {
    this.#engine.assertWritable()
    const valid = validateName(name)
    return (await this.#edit('rename a channel', (held) => renameChannel(held, this.#engine, nameOrKey, valid))).channel
  }

  /** Changes unit and metadata of a channel. @throws ChannelNotFoundError, ValidationError */
  async update(nameOrKey: string | number, changes: { readonly unit?: string; readonly metadata?: Metadata }): Promise<Channel> {
    this.#engine.assertWritable()
    if (!isPlainObject(changes)) throw new ValidationError('The changes of a channel must be an object')
    refuseUnknownKeys(changes, ['unit', 'metadata'], 'the changes of a channel')
    const name = String(nameOrKey)
    const valid = {
      ...(changes.unit === undefined ? {} : { unit: validateUnit(changes.unit, name) }),
      ...(changes.metadata === undefined ? {} : { metadata: validateMetadata(changes.metadata, name) }),
    }
    return (await this.#edit('update a channel', (held) => updateChannel(held, this.#engine, nameOrKey, valid))).channel
  }

  /**
   * Removes channels with their data, all or none.
   * @throws ChannelNotFoundError, DependentChannelError, ResourceOpenError, ReadOnlyError, StorageError
   */
  async remove(nameOrKey: string | number | readonly (string | number)[]): Promise<void> {
    this.#engine.assertWritable()
    const named = isList(nameOrKey) ? nameOrKey : [nameOrKey]
    if (named.length === 0) return
    await this.#edit('remove channels', (held) => {
      const channels = named.map((each) => getChannel(this.#engine.catalogue, each))
      refuseTwice(channels.map((channel) => channel.name))
      return { lsn: removeChannels(held, this.#engine, channels) }
    })
  }

  async #edit<R extends { lsn: number | undefined }>(
    purpose: string,
    step: (held: Held<'catalog', 'exclusive'>) => R,
  ): Promise<R> {
    const engine = this.#engine
    const result = await underCatalog(engine, purpose, step)
    if (result.lsn !== undefined) await engine.acknowledge(result.lsn, editDurability(engine))
    return result
  }
}

async function underCatalog<R>(
  engine: Engine,
  purpose: string,
  step: (held: Held<'catalog', 'exclusive'>) => R,
): Promise<R> {
  using lease = await engine.holdLease('shared', purpose)
  engine.assertWritable()
  const timeoutMs = engine.options.lockTimeoutMs
  using held = await engine.guards.acquire(lease, { rank: 'catalog', mode: 'exclusive', purpose, timeoutMs })
  return step(held)
}

/** Deletes and channel edits are handed to the operating system in every durability, synced in 'strict'. */
function editDurability(engine: Engine): Durability {
  return engine.options.durability === 'strict' ? 'strict' : 'batched'
}

/** Writes frames to its channels. Calls take effect in their order, awaited or not. */
export class Writer<S extends Schema = Schema, N extends string = string> {
  readonly #core: WriterCore

  /** Made by `db.openWriter`. */
  constructor(core: WriterCore) {
    this.#core = core
  }

  /**
   * Writes a frame: for each index all channels of the writer, equally long, or none. The arrays are copied
   * before it resolves. Resolves to whether this writer was in control.
   *
   * **Durable:** with `autoCommit`, as the writer's durability says; else nothing before `commit`.
   * @throws ValidationError, WriteConflictError, StorageError, LeaseLostError, ClosedError; nothing of the frame was recorded
   */
  write(frame: FrameInput<S, N>): Promise<boolean> {
    return this.#core.write(frame)
  }

  /**
   * Commits what was written since the last commit, atomically over all channels. Resolves to the exclusive
   * end of what this writer has committed; undefined where nothing was ever written.
   *
   * **Durable:** as the writer's durability says.
   * @throws WriteConflictError: somebody committed over the same time meanwhile, the samples are dropped; StorageError
   */
  commit(): Promise<TimeStamp | undefined> {
    return this.#core.commit()
  }

  /** Drops what was not committed. Further calls do nothing. */
  close(): Promise<void> {
    return this.#core.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

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
  get channels(): { get(nameOrKey: string | number): Channel; find(nameOrKey: string | number): Channel | undefined; list(): Channel[] } {
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
    for await (const frame of walkFrames(this.engine(), this.instant(), walk.plan, walk.range)) yield typed<S, N>(frame)
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

/** An open database. */
export class Database<S extends Schema = Schema> extends Reads<S> {
  /** Its channels by name and key. */
  readonly channels: Channels
  /** Where it lies. */
  readonly directory: string
  readonly #engine: Engine
  readonly #flusher: Flusher
  readonly #closeAbort: AbortController = new AbortController()
  #collecting: Promise<GcReport> | undefined
  #lastGc: { at: bigint; report: GcReport } | undefined
  #closing: Promise<void> | undefined

  /** Made by `open`. */
  constructor(engine: Engine, flusher: Flusher) {
    super()
    this.#engine = engine
    this.#flusher = flusher
    this.channels = new Channels(engine)
    this.directory = engine.directory
  }

  /**
   * Opens a writer.
   * @throws ValidationError, ChannelNotFoundError, WriteConflictError (a `start` inside committed data or another
   * writer's region), ReadOnlyError, ClosedError
   */
  async openWriter<const N extends ChannelNames<S>>(options: readonly N[] | WriterOptions<N>): Promise<Writer<S, N>> {
    const engine = this.#engine
    engine.assertWritable()
    const given = validateWriterOptions(options)
    using lease = await engine.holdLease('shared', 'open a writer')
    engine.assertWritable()
    const timeoutMs = engine.options.lockTimeoutMs
    using _catalog = await engine.guards.acquire(lease, { rank: 'catalog', mode: 'shared', purpose: 'open a writer', timeoutMs })
    const groups = groupChannels(engine.catalogue, given.names)
    const durability = given.durability ?? engine.options.durability
    return new Writer<S, N>(new WriterCore(engine, { ...given, durability, groups: groups.channels, names: groups.names }))
  }

  /**
   * An async iterable over a range in frames of bounded size, at the instant of the first `next`.
   * @throws as `read`
   */
  async *frames<const N extends Names<S>>(
    channels: N,
    range: RangeLike = {},
    options: FramesOptions = {},
  ): AsyncGenerator<Frame<TypesOf<S, NamesOf<N>>>, void, void> {
    const walk = this.framesPlan(channels, range, options)
    this.#engine.assertOpen()
    const state = takeSnapshot(this.#engine)
    const instant = { viewOf: (key: number) => state.viewOf(key), lsn: state.pin.lsn }
    try {
      for await (const frame of walkFrames(this.#engine, instant, walk.plan, walk.range)) yield typed<S, N>(frame)
    } finally {
      releaseSnapshot(this.#engine, state)
    }
  }

  /** Pins this instant until it is closed. @throws ClosedError */
  snapshot(): Snapshot<S> {
    this.#engine.assertOpen()
    return new Snapshot<S>(this.#engine)
  }

  /**
   * Removes every committed sample of the channels in the range, atomically over all of them.
   *
   * **Durable:** survives a killed process; a power loss in `'strict'`.
   * @throws DependentDataError, ChannelNotFoundError, ValidationError, LockTimeoutError, StorageError, the signal's reason
   */
  async delete(channels: Names<S>, range: RangeLike, options: { readonly signal?: AbortSignal } = {}): Promise<DeleteResult> {
    const engine = this.#engine
    engine.assertWritable()
    const names = namesOf(channels)
    if (range === undefined) throw new ValidationError('A delete needs a range: {} means all time')
    const bounds = toRange(range)
    const { signal } = checkReadOptions(options, ['signal'])
    signal?.throwIfAborted()
    const purpose = 'delete'
    const timeoutMs = engine.options.lockTimeoutMs
    using lease = await engine.holdLease('shared', purpose, signal)
    using catalog = await engine.guards.acquire(lease, { rank: 'catalog', mode: 'shared', purpose, timeoutMs, signal })
    engine.assertWritable()
    const found = names.map((name) => getChannel(engine.catalogue, name))
    const keys = new Set(found.map((channel) => groupOf(engine.catalogue, channel)))
    const held = await engine.guards.acquire(catalog, { rank: 'index', mode: 'exclusive', keys, purpose, timeoutMs, signal })
    let outcome: ReturnType<typeof deleteUnder>
    try {
      signal?.throwIfAborted()
      outcome = deleteUnder(held, engine, found, bounds)
    } finally {
      held.release()
      catalog.release()
      lease.release()
    }
    if (outcome.lsn !== undefined) await engine.acknowledge(outcome.lsn, editDurability(engine))
    return outcome.result
  }

  /**
   * Gives the bytes of deleted samples back to the file system. Two runs at once: the second joins the first.
   * @throws ValidationError, StorageError, ClosedError, the signal's reason, what `onProgress` throws
   */
  async gc(options: GcOptions = {}): Promise<GcReport> {
    const engine = this.#engine
    engine.assertWritable()
    const { threshold, signal, onProgress } = validateGcOptions(options)
    signal?.throwIfAborted()
    if (this.#collecting !== undefined) return this.#collecting
    const both = this.#untilClose(signal)
    this.#collecting = collect(engine, this.#flusher, { threshold, signal: both, onProgress })
      .then((report) => {
        this.#lastGc = { at: engine.clock.now(), report }
        return report
      })
      .finally(() => {
        this.#collecting = undefined
      })
    return this.#collecting
  }

  /** What is in there and how it is doing. Survives `JSON.stringify`. @throws ClosedError */
  async stats(): Promise<Stats> {
    this.#engine.assertOpen()
    return statsOf(this.#engine, this.#lastGc)
  }

  /** Reads every byte and checks every invariant; reports damage, never throws for it. @throws ClosedError, the signal's reason */
  async verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    this.#engine.assertOpen()
    const { signal } = checkReadOptions(options, ['signal', 'onProgress'])
    if (options.onProgress !== undefined && typeof options.onProgress !== 'function') {
      throw new ValidationError('Option "onProgress" must be a function')
    }
    return this.#engine.letEnd(verifyEngine(this.#engine, { ...options, signal: this.#untilClose(signal) }))
  }

  /** **Durable:** all commits up to the call, once it resolves. @throws StorageError, LeaseLostError, ClosedError */
  async sync(): Promise<void> {
    const engine = this.#engine
    engine.assertOpen()
    if (engine.options.readOnly) throw new ReadOnlyError(`The database "${engine.directory}" was opened read-only`)
    await engine.acknowledge(engine.lastLsn, 'strict')
  }

  /**
   * Finishes what is pending, flushes, gives the lock back. `force` closes what is open first.
   * @throws ResourceOpenError: writers or snapshots are open, the database stays open; StorageError: it is closed all the same
   */
  close(options: { readonly force?: boolean } = {}): Promise<void> {
    // Who closed it first hears how it went.
    if (this.#closing !== undefined) return this.#closing.catch(() => {})
    const users = this.#engine.resources.list()
    const force = validateForce(options)
    if (users.length > 0 && !force) {
      const lines = users.map((resource) => resource.describe())
      return Promise.reject(
        new ResourceOpenError(`Cannot close the database: ${lines.join('; ')} still open; close them, or close({ force: true })`, lines),
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
    await this.#collecting?.catch(() => {})
    await Promise.allSettled(this.#engine.underWay)
    await closeEngine(this.#engine, this.#flusher)
  }

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

function typed<S extends Schema, N>(frame: Frame): Frame<TypesOf<S, NamesOf<N>>> {
  return frame as unknown as Frame<TypesOf<S, NamesOf<N>>>
}

function isList<T>(input: T | readonly T[]): input is readonly T[] {
  return Array.isArray(input)
}

/** @throws ValidationError for a name twice, none, or what is no name */
function namesOf(channels: unknown): string[] {
  const names: unknown[] = Array.isArray(channels) ? channels : [channels]
  if (names.length === 0) throw new ValidationError('No channel is named')
  for (const name of names) {
    if (typeof name !== 'string') throw new ValidationError(`Channels are named by strings: got ${name === null ? 'null' : typeof name}`)
  }
  refuseTwice(names as string[])
  return names as string[]
}

function refuseTwice(names: readonly string[]): void {
  const seen = new Set<string>()
  for (const name of names) {
    if (seen.has(name)) throw new ValidationError(`Channel "${name}" is named twice`, { channel: name })
    seen.add(name)
  }
}

function checkReadOptions(options: unknown, keys: readonly string[]): { timestamps: boolean; signal: AbortSignal | undefined } {
  if (!isPlainObject(options)) throw new ValidationError('Options must be an object')
  refuseUnknownKeys(options, keys, 'options')
  const { timestamps, signal } = options
  if (timestamps !== undefined && typeof timestamps !== 'boolean') throw new ValidationError('Option "timestamps" must be true or false')
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new ValidationError('Option "signal" must be an AbortSignal')
  return { timestamps: timestamps ?? false, signal }
}

function validateForce(options: unknown): boolean {
  if (!isPlainObject(options)) throw new ValidationError('Options of close must be an object')
  refuseUnknownKeys(options, ['force'], 'options of close')
  const { force } = options
  if (force !== undefined && typeof force !== 'boolean') throw new ValidationError('Option "force" must be true or false')
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
    throw new ValidationError(`Option "threshold" must be a share from 0 to 1: got ${describeValue(threshold)}`)
  }
  if (onProgress !== undefined && typeof onProgress !== 'function') throw new ValidationError('Option "onProgress" must be a function')
  return { threshold: threshold ?? 0.2, signal, onProgress }
}

function validateWriterOptions(options: unknown): {
  names: string[]
  start: bigint | undefined
  autoCommit: boolean
  durability: Durability | undefined
} {
  if (Array.isArray(options)) return { names: namesOf(options), start: undefined, autoCommit: true, durability: undefined }
  if (!isPlainObject(options)) throw new ValidationError('A writer is opened with a list of channels, or an object of options')
  refuseUnknownKeys(options, ['channels', 'start', 'autoCommit', 'durability'], 'options of a writer')
  const { channels, start, autoCommit } = options
  if (!Array.isArray(channels)) throw new ValidationError('Option "channels" must be a list of names')
  if (autoCommit !== undefined && typeof autoCommit !== 'boolean') throw new ValidationError('Option "autoCommit" must be true or false')
  return {
    names: namesOf(channels),
    start: start === undefined ? undefined : timestamp(start as TimeLike),
    autoCommit: autoCommit ?? true,
    durability: validateDurability(options['durability']),
  }
}

/** Sorts a writer's channels by group, the index channel first. @throws ChannelNotFoundError, ValidationError */
function groupChannels(catalogue: Catalogue, names: readonly string[]): { channels: Channel[][]; names: string[] } {
  const groups = new Map<number, Channel[]>()
  for (const name of names) {
    const channel = getChannel(catalogue, name)
    const key = groupOf(catalogue, channel)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [channel])
    else if (channel.kind === 'index') group.unshift(channel)
    else group.push(channel)
  }
  for (const [first] of groups.values()) {
    if (first!.kind === 'index') continue
    throw new ValidationError(
      `Channel "${first!.name}" cannot be written without its index channel "${first!.index!}": name it too (backfill is not built yet)`,
      { channel: first!.name },
    )
  }
  const channels = [...groups.values()]
  return { channels, names: channels.flat().map((channel) => channel.name) }
}

/** The time just behind `at`; the end of time stays. */
function after(at: bigint): bigint {
  return at >= END_OF_TIME ? END_OF_TIME : at + 1n
}


// Runs operations against a database on a simulated disk and against the model, side by side, and
// compares: results, errors, and, after every crash, what is left with what may be left. Operations
// come one after another; what was started in the background may overlap them. Throws at the first
// difference. Called by test/model.

import type { Snapshot, Writer } from '../../src/database/database.ts'
import { checkpointNow, retireOldest } from '../../src/database/retire.ts'
import { AssertionError } from '../../src/assert.ts'
import {
  ChannelExistsError,
  ClosedError,
  DependentChannelError,
  DependentDataError,
  ResourceOpenError,
  RubidiumError,
  SnapshotExpiredError,
  ValidationError,
  WriteConflictError,
} from '../../src/errors.ts'
import type { Durability } from '../../src/database/options.ts'
import type { ChannelDefinition } from '../../src/telem/channel.ts'
import type { DataType } from '../../src/telem/data-type.ts'
import { difference, readDiffers } from './model-compare.ts'
import type { ModelReader } from './model-compare.ts'
import { ModelHistory } from './model-history.ts'
import { ModelMachine } from './model-machine.ts'
import type { OpenDatabase } from './model-machine.ts'
import type { Crash, Maintenance, ModelSettings, Operation, PickedRange } from './model-operations.ts'
import {
  appended,
  channelsOf,
  domainsOf,
  groupsOf,
  isTaken,
  NO_ROWS,
  samplesIn,
  withChannels,
  withCommitted,
  withDeleted,
  withoutChannels,
} from './model-store.ts'
import type { ModelChannel, ModelRows, ModelSample, ModelState, ModelStream } from './model-store.ts'

const TYPES: readonly DataType[] = [
  'float64',
  'int32',
  'boolean',
  'int64',
  'float32',
  'uint8',
  'uint64',
  'int16',
  'timestamp',
]
const MOST_CHANNELS = 12
const MOST_GROUPS = 4
const MOST_WRITERS = 5
const LONGEST_MS = 10_000

interface OpenWriter {
  readonly writer: Writer
  readonly streams: readonly ModelStream[]
  /** By key: the name that it was opened with. */
  readonly names: ReadonlyMap<number, string>
  readonly autoCommit: boolean
  readonly durability: Durability
}

interface OpenSnapshot {
  readonly snapshot: Snapshot
  readonly state: ModelState
}

/** The process died in an operation; `next` are the states where it happened all the same, or some of it. */
class Died extends Error {
  readonly next: readonly ModelState[]

  constructor(next: readonly ModelState[]) {
    super('the process died')
    this.next = next
  }
}

type Outcome<T> = { readonly value: T } | { readonly error: unknown }
type ErrorClass = abstract new (...args: never[]) => RubidiumError

/** What a run did, for those who want to know that it did anything. */
export interface ModelTally {
  operations: number
  crashes: number
  commits: number
  samples: number
}

/** Runs a life of a database. @throws Error that says what is not as it should be */
export async function runModel(
  settings: ModelSettings,
  operations: readonly Operation[],
  tally?: ModelTally,
): Promise<void> {
  const run = new ModelRun(settings, tally)
  try {
    await run.begin()
    for (const operation of operations) await run.perform(operation)
    await run.end()
  } finally {
    run.abandon()
  }
}

class ModelRun {
  readonly #machine: ModelMachine
  readonly #settings: ModelSettings
  readonly #history = new ModelHistory()
  readonly #tally: ModelTally
  #open!: OpenDatabase
  #writers: OpenWriter[] = []
  #snapshots: OpenSnapshot[] = []
  #background: Promise<unknown>[] = []
  #armed: Crash | undefined
  #values = 0
  /** Keys above all that were ever given out in this history. */
  #nextKey = 1

  constructor(
    settings: ModelSettings,
    tally: ModelTally = { operations: 0, crashes: 0, commits: 0, samples: 0 },
  ) {
    this.#settings = settings
    this.#machine = new ModelMachine(settings)
    this.#tally = tally
  }

  get #state(): ModelState {
    return this.#history.newest
  }

  async begin(): Promise<void> {
    this.#open = await this.#machine.open()
    await this.#create(7, [0, 1])
    await this.#create(7, [2, 3, 4])
  }

  /** Nothing of it goes on. */
  abandon(): void {
    this.#open?.engine.stopTimers()
    if (!this.#machine.disk.isDead) this.#machine.disk.killAt(1)
  }

  async perform(operation: Operation): Promise<void> {
    this.#tally.operations++
    this.#machine.pass(1)
    let next: readonly ModelState[] = []
    try {
      await this.#step(operation)
    } catch (error) {
      if (!(error instanceof Died)) throw error
      next = error.next
    }
    const { held, budget } = this.#open.engine.pool
    if (held > budget) throw new Error(`${held} bytes of samples are held: at most ${budget} may be`)
    if (this.#machine.disk.isDead) await this.#recover(this.#armed!, next)
  }

  /** Ends the life: everything is there, verifies, is there again after a clean close, and nothing else is. */
  async end(): Promise<void> {
    for (const operation of [
      { do: 'settle' },
      { do: 'check' },
      { do: 'verify' },
      { do: 'reopen' },
    ] as const) {
      await this.perform(operation)
    }
    // What is armed and has not come yet comes no more.
    this.#machine.arm(Number.MAX_SAFE_INTEGER - 1e6, false, 0)
    while (this.#writers.length > 0) await this.#closeWriter(0)
    while (this.#snapshots.length > 0) await this.#closeSnapshot(0)
    await this.#settle()
    await this.#open.flusher.flushAll()
    const { held } = this.#open.engine.pool
    if (held > 0) throw new Error(`${held} bytes of samples are held for nobody`)
    const { skipped } = await this.#open.db.gc({ threshold: 0 })
    const dead = (await this.#open.db.stats()).segments.filter((segment) => segment.dead > 0)
    if (dead.length > 0)
      throw new Error(`a collection of all that is dead has left ${JSON.stringify({ dead, skipped })}`)
    await this.#step({ do: 'reopen' })
    await this.#checkFiles()
    await this.#open.db.close()
  }

  /** The folder holds what the state needs, and no more. */
  async #checkFiles(): Promise<void> {
    const { segments } = await this.#open.db.stats()
    const files = this.#machine.disk.files().map((path) => path.slice('/data/'.length))
    const found = files.filter((name) => name.startsWith('segments/'))
    const wanted = segments.map(({ name }) => name).sort()
    const rest = files.filter(
      (name) => !/^(FENCE|LEASE-\d+|(segments|journal|manifest)\/\d+-\d+)$/.test(name),
    )
    const logs = files.filter((name) => /^(journal|manifest)\//.test(name))
    if (found.join() === wanted.join() && rest.length === 0 && logs.length <= 2) return
    throw new Error(
      `the folder holds ${files.join(', ')}: should hold ${wanted.join(', ')}, a manifest and a journal file`,
    )
  }

  #step(operation: Operation): Promise<void> {
    switch (operation.do) {
      case 'create':
        return this.#create(operation.group, operation.types)
      case 'rename':
        return this.#rename(operation.channel, operation.name)
      case 'update':
        return this.#update(operation.channel, operation.note, operation.unit)
      case 'remove':
        return this.#remove(operation)
      case 'openWriter':
        return this.#openWriter(operation)
      case 'write':
        return this.#write(operation)
      case 'commit':
        return this.#commit(operation.writer)
      case 'closeWriter':
        return this.#closeWriter(operation.writer)
      case 'delete':
        return this.#delete(operation)
      case 'maintain':
        return this.#maintain(operation)
      case 'settle':
        return this.#settle()
      case 'sync':
        return this.#sync()
      case 'turn':
        return new Promise((resolve) => setImmediate(resolve))
      case 'wait':
        this.#machine.pass(2 * 3_600_000)
        return Promise.resolve()
      case 'snapshot':
        this.#snapshots.push({ snapshot: this.#open.db.snapshot(), state: this.#state })
        return Promise.resolve()
      case 'closeSnapshot':
        return this.#closeSnapshot(operation.snapshot)
      case 'read':
        return this.#read(operation)
      case 'check':
        return this.#check('the database')
      case 'peek':
        return this.#peek()
      case 'verify':
        return this.#verify()
      case 'reopen':
        return this.#reopen()
      case 'crash':
        return this.#crash(operation.crash)
      case 'arm':
        this.#armed = operation.crash
        this.#machine.arm(operation.after, operation.crash.isPowerLoss, operation.crash.seed)
        return Promise.resolve()
      default:
        throw new Error(`no operation is called ${String(operation)}`)
    }
  }

  // What operations share.

  /** Calls the database; where the process died in it, the life goes on after recovery. */
  async #call<T>(
    what: string,
    next: ModelState | readonly ModelState[] | undefined,
    call: () => Promise<T>,
  ): Promise<Outcome<T>> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${what} hangs`)), LONGEST_MS)
    })
    try {
      return { value: await Promise.race([call(), late]) }
    } catch (error) {
      // A dead process cannot even close its files, or look around; nobody hears of that.
      const isLast = ['close', 'stat'].includes(String((error as { syscall?: unknown }).syscall))
      if (!(error instanceof RubidiumError) && !isLast) throw error
      if (this.#machine.disk.isDead)
        throw new Died(
          next === undefined ? [] : next instanceof Map ? [next] : (next as readonly ModelState[]),
        )
      return { error }
    } finally {
      clearTimeout(timer)
    }
  }

  /** The outcome must be an error of one of these classes, or a value where there is none. */
  #expect<T>(what: string, outcome: Outcome<T>, wanted: readonly ErrorClass[]): T | undefined {
    if ('value' in outcome) {
      if (wanted.length === 0) return outcome.value
      throw new Error(`${what} succeeded: should be ${wanted.map(({ name }) => name).join(' or ')}`)
    }
    if (wanted.some((each) => outcome.error instanceof each)) return undefined
    throw new Error(
      `${what} failed: should be ${wanted.map(({ name }) => name).join(' or ') || 'a success'}`,
      { cause: outcome.error },
    )
  }

  get #editDurability(): Durability {
    return this.#settings.durability === 'strict' ? 'strict' : 'batched'
  }

  #channel(pick: number): ModelChannel | undefined {
    const channels = [...this.#state.values()]
    return channels[pick % channels.length]
  }

  #writer(pick: number): OpenWriter | undefined {
    return this.#writers[pick % Math.max(1, this.#writers.length)]
  }

  /** A stretch of the time in which there are samples, and a little around it. */
  #range({ from, length }: PickedRange): { start: bigint; end: bigint } {
    const newest = [...this.#state.values()].reduce(
      (most, { samples }) => max(most, samples.at(-1)?.time ?? 0n),
      0n,
    )
    const whole = newest + 40n
    const start = (whole * BigInt(from)) / 1000n - 10n
    return { start, end: start + (whole * BigInt(length)) / 1000n }
  }

  // Channels.

  async #create(group: number, types: readonly number[]): Promise<void> {
    const groups = groupsOf(this.#state)
    if (this.#state.size + types.length + 1 > MOST_CHANNELS) return
    const existing = group < groups.length ? this.#state.get(groups[group]!) : undefined
    if (existing === undefined && groups.length >= MOST_GROUPS) return
    const base = this.#nextKey
    const names = types.map((_, i) => `data${base + i + 1}`)
    const index = existing?.name ?? `time${base}`
    const definitions: ChannelDefinition[] = types.map((type, i) => ({
      name: names[i]!,
      kind: 'data',
      type: TYPES[type % TYPES.length]!,
      index,
    }))
    // Their order does not matter: now and then the index channel comes last.
    if (existing === undefined)
      definitions.splice(types.length % 2 === 0 ? 0 : definitions.length, 0, { name: index, kind: 'index' })
    const made = (keys: readonly number[]): ModelState => {
      const key = existing?.key ?? keys[definitions.findIndex(({ kind }) => kind === 'index')]!
      const channels = definitions.map((definition, i): ModelChannel => ({
        key: keys[i]!,
        name: definition.name,
        type: definition.kind === 'index' ? 'timestamp' : definition.type,
        group: key,
        unit: undefined,
        note: undefined,
        samples: [],
      }))
      return withChannels(this.#state, channels)
    }
    const likely = made(definitions.map((_, i) => this.#nextKey + i))
    const outcome = await this.#call('create', likely, () => this.#open.db.channels.create(definitions))
    const channels = this.#expect('create', outcome, [])!
    const keys = channels.map(({ key }) => key)
    if (keys.some((key, i) => key !== this.#nextKey + i))
      throw new Error(`create gave the keys ${keys.join()}: should begin at ${this.#nextKey}`)
    this.#nextKey = keys.at(-1)! + 1
    this.#history.push(made(keys), this.#editDurability)
  }

  async #rename(pick: number, number: number): Promise<void> {
    const channel = this.#channel(pick)
    if (channel === undefined) return
    const name = number < 2 ? this.#channel(pick + number)!.name : `renamed${number}`
    const isTakenName = [...this.#state.values()].some(
      (each) => each.name === name && each.key !== channel.key,
    )
    const next = withChannels(this.#state, [{ ...channel, name }])
    const outcome = await this.#call('rename', isTakenName ? undefined : next, () =>
      this.#open.db.channels.rename(channel.name, name),
    )
    this.#expect('rename', outcome, isTakenName ? [ChannelExistsError] : [])
    if (!isTakenName && name !== channel.name) this.#history.push(next, this.#editDurability)
  }

  async #update(pick: number, note: number, withUnit: boolean): Promise<void> {
    const channel = this.#channel(pick)
    if (channel === undefined) return
    const isWrong = withUnit && channel.key === channel.group
    const unit = withUnit ? `u${note}` : channel.unit
    const next = withChannels(this.#state, [{ ...channel, note, unit }])
    const changes = { metadata: { note }, ...(withUnit ? { unit: unit! } : {}) }
    const outcome = await this.#call('update', isWrong ? undefined : next, () =>
      this.#open.db.channels.update(channel.key, changes),
    )
    this.#expect('update', outcome, isWrong ? [ValidationError] : [])
    if (!isWrong) this.#history.push(next, this.#editDurability)
  }

  async #remove({ channel: pick, whole, closeWriters }: Operation & { do: 'remove' }): Promise<void> {
    const channel = this.#channel(pick)
    if (channel === undefined) return
    const channels = whole ? channelsOf(this.#state, channel.group) : [channel]
    const keys = channels.map(({ key }) => key)
    if (closeWriters) while (this.#writers.length > 0) await this.#closeWriter(0)
    const wanted: ErrorClass[] = []
    if (channelsOf(this.#state, channel.key).some(({ key }) => !keys.includes(key)))
      wanted.push(DependentChannelError)
    if (this.#writers.some(({ names }) => keys.some((key) => names.has(key)))) wanted.push(ResourceOpenError)
    const next = withoutChannels(this.#state, keys)
    const outcome = await this.#call('remove', wanted.length > 0 ? undefined : next, () =>
      this.#open.db.channels.remove(channels.map(({ name }) => name)),
    )
    this.#expect('remove', outcome, wanted)
    if (wanted.length === 0) this.#history.push(next, this.#editDurability)
  }

  // Writers.

  async #openWriter({
    groups,
    channels,
    start,
    autoCommit,
    durability,
  }: Operation & { do: 'openWriter' }): Promise<void> {
    const all = groupsOf(this.#state)
    if (all.length === 0 || this.#writers.length >= MOST_WRITERS) return
    const chosen = all.filter((_, i) => (groups >> i) & 1)
    if (chosen.length === 0) chosen.push(all[groups % all.length]!)
    const lists = chosen.map((group) => [
      this.#state.get(group)!,
      ...channelsOf(this.#state, group).filter(
        ({ key }, i) => key !== group && (channels === 0 || (channels >> i) & 1),
      ),
    ])
    const from = start === undefined ? undefined : this.#range({ from: start, length: 0 }).start
    const isIn = from !== undefined && chosen.some((group) => isTaken(this.#state, group, from, from))
    const isBeside = from !== undefined && this.#hasOthers(chosen, undefined)
    const options = {
      channels: lists.flat().map(({ name }) => name),
      autoCommit,
      ...(from === undefined ? {} : { start: from }),
      ...(durability === undefined ? {} : { durability }),
    }
    const outcome = await this.#call('openWriter', undefined, () => this.#open.db.openWriter(options))
    if ('error' in outcome && isBeside && outcome.error instanceof WriteConflictError) return
    const writer = this.#expect('openWriter', outcome, isIn ? [WriteConflictError] : [])
    if (writer === undefined) return
    this.#writers.push({
      writer,
      streams: lists.map((list) => ({
        group: list[0]!.key,
        keys: list.map(({ key }) => key),
        start: from,
        last: undefined,
        committedLast: undefined,
        broken: new Set(),
        pending: NO_ROWS,
      })),
      names: new Map(lists.flat().map(({ key, name }) => [key, name])),
      autoCommit,
      durability: durability ?? this.#settings.durability,
    })
  }

  #hasOthers(groups: readonly number[], self: OpenWriter | undefined): boolean {
    return this.#writers.some(
      (other) => other !== self && other.streams.some(({ group }) => groups.includes(group)),
    )
  }

  async #write(operation: Operation & { do: 'write' }): Promise<void> {
    const { groups, pick } = operation
    if (this.#writers.length === 0) {
      await this.#openWriter({
        do: 'openWriter',
        groups,
        channels: 0,
        start: undefined,
        autoCommit: pick % 3 > 0,
        durability: undefined,
      })
    }
    const open = this.#writer(operation.writer)
    if (open === undefined) return
    await this.#writeOne(open, operation)
    if (operation.more > 0) await this.#writeMore(open, operation)
  }

  /** Frames that follow the newest, written without waiting for one another: each is a commit of its own. */
  async #writeMore(
    { writer, streams, names, autoCommit, durability }: OpenWriter,
    operation: Operation & { do: 'write' },
  ): Promise<void> {
    const stream = streams[operation.groups % streams.length]!
    const { samples } = this.#state.get(stream.group)!
    // Only where nothing can be in the way.
    if (stream.last === undefined || samples.some(({ time }) => time > stream.last!)) return
    if (
      this.#writers.some(
        (other) => other.writer !== writer && other.streams.some(({ group }) => group === stream.group),
      )
    )
      return
    const copy = { ...stream }
    const states: ModelState[] = []
    const frames: Record<string, (number | bigint)[]>[] = []
    for (let i = 0; i < operation.more; i++) {
      const rows = this.#rows(copy, {
        ...operation,
        count: Math.min(operation.count, 200),
        place: 'next',
        isBackwards: false,
      })
      frames.push(Object.fromEntries(copy.keys.map((key) => [names.get(key)!, [...rows.values.get(key)!]])))
      copy.last = rows.times.at(-1)!
      if (autoCommit) {
        states.push(withCommitted(states.at(-1) ?? this.#state, [{ stream: copy, rows }])!)
        copy.committedLast = copy.last
        copy.broken = new Set()
      } else copy.pending = appended(copy.pending, rows)
    }
    const outcome = await this.#call('writes in a row', states, () =>
      Promise.all(frames.map((frame) => writer.write(frame as never))),
    )
    this.#expect('writes in a row', outcome, [])
    Object.assign(stream, copy)
    for (const state of states) this.#history.push(state, durability)
    this.#tally.commits += states.length
  }

  async #writeOne(open: OpenWriter, operation: Operation & { do: 'write' }): Promise<void> {
    const { writer, streams, names, autoCommit, durability } = open
    let part = streams.filter((_, i) => (operation.groups >> i) & 1)
    if (part.length === 0) part = [streams[operation.groups % streams.length]!]
    const commits = part.map((stream) => ({ stream, rows: this.#rows(stream, operation) }))
    const frame: Record<string, (number | bigint)[]> = {}
    for (const { stream, rows } of commits) {
      for (const key of stream.keys) frame[names.get(key)!] = [...rows.values.get(key)!]
    }
    const wanted: ErrorClass[] = []
    let isDoubtful = this.#hasOthers(
      part.map(({ group }) => group),
      open,
    )
    for (const { stream, rows } of commits) {
      const [first, last] = [rows.times[0]!, rows.times.at(-1)!]
      const isBackwards = rows.times.some((time, i) => i > 0 && time <= rows.times[i - 1]!)
      const position = stream.last === undefined ? stream.start : stream.last + 1n
      if (isBackwards || (position !== undefined && first < position)) wanted.push(ValidationError)
      else if (!this.#isFree(stream, position ?? first, first, last)) wanted.push(WriteConflictError)
      // Where others have committed right behind it, whether it goes on behind that is not told here.
      else if (position !== undefined && isTaken(this.#state, stream.group, position, position))
        isDoubtful = true
    }
    const next = autoCommit && wanted.length === 0 ? withCommitted(this.#state, commits) : undefined
    const outcome = await this.#call('write', next, () => writer.write(frame as never))
    if ('error' in outcome && isDoubtful && outcome.error instanceof WriteConflictError) return
    this.#expect('write', outcome, wanted)
    if (wanted.length > 0) return
    for (const { stream, rows } of commits) {
      stream.last = rows.times.at(-1)!
      if (!autoCommit) stream.pending = appended(stream.pending, rows)
    }
    if (next === undefined) return
    this.#publish(part, next, durability)
    this.#tally.samples += commits.reduce(
      (sum, { stream, rows }) => sum + stream.keys.length * rows.times.length,
      0,
    )
  }

  /** Whether a stream whose next sample could lie at `position` may write [first, last]. */
  #isFree(stream: ModelStream, position: bigint, first: bigint, last: bigint): boolean {
    let from = position
    // Its gap has ended where it stood: it goes on behind, unless it has samples before to commit.
    if (stream.pending.times.length === 0) from = freeAfter(this.#state.get(stream.group)!.samples, from)
    return (
      from <= first &&
      !isTaken(this.#state, stream.group, from, last) &&
      !isTaken(this.#state, stream.group, first, last)
    )
  }

  /** The rows that a write holds for one group. */
  #rows(
    stream: ModelStream,
    { count, step, gap, place, pick, isBackwards }: Operation & { do: 'write' },
  ): ModelRows {
    const { samples } = this.#state.get(stream.group)!
    let first = max((stream.last ?? samples.at(-1)?.time ?? 0n) + BigInt(gap), stream.start ?? 0n)
    let most = count
    if (place === 'anywhere') first = this.#range({ from: pick, length: 0 }).start
    if (place === 'hole') {
      const hole = holeIn(samples, pick)
      if (hole !== undefined) {
        first = hole.start + (BigInt(Math.floor(gap / 3)) % (hole.end - hole.start))
        most = Math.min(count, 1 + Number((hole.end - 1n - first) / BigInt(step)))
      }
    }
    const times = Array.from({ length: most }, (_, i) => first + BigInt(i * step))
    if (isBackwards && most > 1) times[most - 1] = times[most - 2]!
    const values = new Map<number, readonly (number | bigint)[]>()
    for (const key of stream.keys) {
      const { type } = this.#state.get(key)!
      values.set(key, key === stream.group ? times : times.map(() => valueOf(type, this.#values++)))
    }
    return { times, values }
  }

  #publish(streams: readonly ModelStream[], next: ModelState, durability: Durability): void {
    for (const stream of streams) {
      stream.committedLast = stream.last
      stream.broken = new Set()
      stream.pending = NO_ROWS
    }
    this.#history.push(next, durability)
    this.#tally.commits++
  }

  async #commit(pick: number): Promise<void> {
    const open = this.#writer(pick)
    if (open === undefined) return
    const commits = open.streams
      .filter(({ pending }) => pending.times.length > 0)
      .map((stream) => ({ stream, rows: stream.pending }))
    const next = withCommitted(this.#state, commits)
    const outcome = await this.#call('commit', next, () => open.writer.commit())
    const end = this.#expect('commit', outcome, next === undefined ? [WriteConflictError] : [])
    if (next === undefined) {
      for (const stream of open.streams) {
        stream.pending = NO_ROWS
        stream.last = stream.committedLast
      }
      return
    }
    if (commits.length > 0)
      this.#publish(
        commits.map(({ stream }) => stream),
        next,
        open.durability,
      )
    const wanted = open.streams.reduce<bigint | undefined>((most, { committedLast }) => {
      return committedLast === undefined ? most : max(most ?? committedLast + 1n, committedLast + 1n)
    }, undefined)
    if (end !== wanted) throw new Error(`commit resolved to ${end}: should be ${wanted}`)
  }

  async #closeWriter(pick: number): Promise<void> {
    const open = this.#writer(pick)
    if (open === undefined) return
    this.#expect(
      'closing a writer',
      await this.#call('closing a writer', undefined, () => open.writer.close()),
      [],
    )
    this.#writers = this.#writers.filter((each) => each !== open)
  }

  // Deletes and maintenance.

  async #delete({ group, channels, who, range }: Operation & { do: 'delete' }): Promise<void> {
    const groups = groupsOf(this.#state)
    if (groups.length === 0) return
    const key = groups[group % groups.length]!
    const pool =
      who === 'any'
        ? [...this.#state.values()]
        : channelsOf(this.#state, key).filter((each) => who === 'group' || each.key !== key)
    const chosen = who === 'group' ? pool : pool.filter((_, i) => (channels >> (i % 6)) & 1)
    if (chosen.length === 0) return
    const { start, end } = this.#range(range)
    const dependent = chosen.some(
      (index) =>
        index.key === index.group &&
        channelsOf(this.#state, index.key).some(
          (data) => !chosen.includes(data) && samplesIn(data, start, end).length > 0,
        ),
    )
    const deleted = withDeleted(
      this.#state,
      chosen.map((each) => each.key),
      start,
      end,
    )
    const call = (): ReturnType<OpenDatabase['db']['delete']> =>
      this.#open.db.delete(
        chosen.map(({ name }) => name),
        { start, end },
      )
    const outcome = await this.#call('delete', dependent ? undefined : deleted.state, call)
    const result = this.#expect('delete', outcome, dependent ? [DependentDataError] : [])
    if (result === undefined) return
    chosen.forEach(({ name }, i) => {
      if (result.samples[name] === deleted.counts[i]) return
      throw new Error(`delete removed ${result.samples[name]} of "${name}": should be ${deleted.counts[i]}`)
    })
    if (deleted.state === this.#state) return
    for (const { streams } of this.#writers) {
      for (const stream of streams) this.#break(stream, chosen, start, end)
    }
    this.#history.push(deleted.state, this.#editDurability)
  }

  /** What a writer commits next does not go on with what was deleted. */
  #break(stream: ModelStream, deleted: readonly ModelChannel[], start: bigint, end: bigint): void {
    const last = stream.committedLast
    if (last === undefined || last < start || last >= end) return
    for (const { key, samples } of deleted) {
      if (stream.keys.includes(key) && samples.some(({ time }) => time === last)) stream.broken.add(key)
    }
  }

  async #maintain({ what, threshold, wait }: Operation & { do: 'maintain' }): Promise<void> {
    const task = this.#maintenance(what, threshold)
    if (!wait) {
      // It fails only where the process dies, or a close ends it: looked at when it is waited for.
      task.catch(() => {})
      this.#background.push(task)
      return
    }
    this.#expect(what, await this.#call(what, undefined, () => task), [])
  }

  async #maintenance(what: Maintenance, threshold: number): Promise<void> {
    const { db, engine, flusher } = this.#open
    if (what === 'gc') await db.gc({ threshold })
    else if (what === 'checkpoint') await checkpointNow(engine)
    else {
      await flusher.flushAll()
      if (what === 'retire') await retireOldest(engine)
    }
  }

  async #settle(): Promise<void> {
    const tasks = this.#background.splice(0)
    const outcome = await this.#call('what runs in the background', undefined, () => Promise.all(tasks))
    this.#expect('what runs in the background', outcome, [])
  }

  async #sync(): Promise<void> {
    this.#expect('sync', await this.#call('sync', undefined, () => this.#open.db.sync()), [])
    this.#history.proveAll()
  }

  // Reads.

  async #read({
    what,
    snapshot,
    channels,
    range,
    timestamps,
    count,
  }: Operation & { do: 'read' }): Promise<void> {
    const pinned =
      snapshot === 0 ? undefined : this.#snapshots[snapshot % Math.max(1, this.#snapshots.length)]
    const state = pinned?.state ?? this.#state
    const all = [...state.values()]
    const chosen = all.filter((_, i) => (channels >> (i % 6)) & 1)
    if (chosen.length === 0) chosen.push(...all)
    if (chosen.length === 0) return
    const reader = pinned?.snapshot ?? this.#open.db
    const read = { what, channels: chosen, ...this.#range(range), timestamps, count }
    const outcome = await this.#call(what, undefined, () => readDiffers(reader, read))
    const wrong = this.#expect(what, outcome, [])
    if (wrong !== undefined)
      throw new Error(
        `${what} [${read.start}, ${read.end}) of ${pinned === undefined ? 'the head' : 'a snapshot'}: ${wrong}`,
      )
  }

  async #check(what: string): Promise<void> {
    await this.#compare(what, this.#open.db, this.#state)
    for (const { snapshot, state } of this.#snapshots) await this.#compare('a snapshot', snapshot, state)
    const outcome = await this.#call('stats', undefined, () => this.#open.db.stats())
    const { channels } = this.#expect('stats', outcome, [])!
    for (const { name, samples } of this.#state.values()) {
      const found = channels[name]
      if (found?.samples === samples.length && found.domains === domainsOf(samples).length) continue
      throw new Error(
        `stats of "${name}" are ${JSON.stringify(found)}: should be ${samples.length} samples in ${domainsOf(samples).length} domains`,
      )
    }
  }

  async #compare(what: string, reader: ModelReader, state: ModelState): Promise<void> {
    const outcome = await this.#call(what, undefined, () => difference(reader, state))
    const wrong = this.#expect(what, outcome, [])
    if (wrong !== undefined) throw new Error(`${what}: ${wrong}`)
  }

  async #closeSnapshot(pick: number): Promise<void> {
    const found = this.#snapshots[pick % Math.max(1, this.#snapshots.length)]
    if (found === undefined) return
    await this.#compare('a snapshot', found.snapshot, found.state)
    await found.snapshot.close()
    this.#snapshots = this.#snapshots.filter((each) => each !== found)
  }

  /** Opens the database a second time, to read, beside the writing process. */
  async #peek(): Promise<void> {
    const outcome = await this.#call('opening to read', undefined, () => this.#machine.open(true))
    const { db } = this.#expect('opening to read', outcome, [])!
    const what = 'a reader beside the writer'
    const states = this.#history.survivors(false, [])
    const matching = await this.#call(what, undefined, () => this.#matching(what, db, states))
    // A collection may take what it was about to read: readers do not register yet.
    if (!('error' in matching && matching.error instanceof SnapshotExpiredError))
      this.#expect(what, matching, [])
    await db.close()
  }

  async #verify(): Promise<void> {
    const outcome = await this.#call('verify', undefined, () => this.#open.db.verify())
    const report = this.#expect('verify', outcome, [])!
    if (this.#machine.disk.isDead) throw new Died([])
    if (!report.ok) throw new Error(`verify found ${JSON.stringify(report.problems, undefined, 1)}`)
  }

  // Ends and beginnings.

  async #reopen(): Promise<void> {
    for (const task of this.#background) task.catch(() => {})
    await this.#settle()
    const outcome = await this.#call('close', undefined, () => this.#open.db.close({ force: true }))
    this.#expect('close', outcome, [])
    this.#forget()
    this.#history.proveAll()
    const opened = await this.#call('open after a clean close', undefined, () => this.#machine.open())
    this.#open = this.#expect('open after a clean close', opened, [])!
    await this.#check('the database after a clean close')
    await this.#verify()
  }

  #forget(): void {
    this.#open.engine.stopTimers()
    this.#writers = []
    this.#snapshots = []
    this.#background = []
  }

  #crash(crash: Crash): Promise<void> {
    // Whatever was armed comes too late.
    this.#machine.disk.killAt(1)
    return this.#recover(crash, [])
  }

  /** The process is dead: what is left must be a prefix of history, as far as was promised. */
  async #recover(crash: Crash, inFlight: readonly ModelState[]): Promise<void> {
    this.#tally.crashes++
    this.#forget()
    this.#armed = undefined
    let hasLostPower = crash.isPowerLoss
    this.#machine.die(crash.isPowerLoss, crash.seed)
    let opened: OpenDatabase | undefined
    for (const again of crash.again) {
      this.#machine.arm(again.after, again.isPowerLoss, again.seed)
      opened = await this.#tryOpen()
      // Not reached: it may come later.
      if (opened !== undefined) {
        this.#armed = { ...again, again: [] }
        break
      }
      hasLostPower ||= again.isPowerLoss
      this.#machine.die(again.isPowerLoss, again.seed)
    }
    opened ??= await this.#tryOpen()
    if (opened === undefined) throw new Error('the process died of nothing')
    this.#open = opened
    const survivors = this.#history.survivors(hasLostPower, inFlight)
    const what = hasLostPower ? 'the database after a power loss' : 'the database after a kill'
    const found = await this.#matching(what, opened.db, survivors)
    this.#history.restart(found)
    // Channels of which nothing is left may have been made and removed, or neither.
    this.#nextKey = opened.engine.version.nextKey
    await this.#verify()
  }

  async #tryOpen(): Promise<OpenDatabase | undefined> {
    try {
      return await this.#machine.open()
    } catch (error) {
      if (this.#machine.disk.isDead && !(error instanceof AssertionError)) return undefined
      throw new Error('open after a crash failed', { cause: error })
    }
  }

  /** The state that a reader shows, of those that it may show. */
  async #matching(what: string, reader: ModelReader, states: readonly ModelState[]): Promise<ModelState> {
    const wrong: string[] = []
    for (const state of states.toReversed()) {
      const found = await difference(reader, state)
      if (found === undefined) return state
      wrong.push(found)
    }
    throw new Error(
      `${what} shows none of the ${wrong.length} states that it may show. From the newest on:\n${wrong.join('\n')}`,
    )
  }
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}

/** The first time from `time` on that no domain covers. */
function freeAfter(samples: readonly ModelSample[], time: bigint): bigint {
  let free = time
  samples.forEach((sample, i) => {
    if (sample.time === free || (sample.joined && i > 0 && samples[i - 1]!.time < free && sample.time > free))
      free = sample.time + 1n
  })
  return free
}

/** A gap between domains: times from the first free one to the first one taken. */
function holeIn(samples: readonly ModelSample[], pick: number): { start: bigint; end: bigint } | undefined {
  const holes: { start: bigint; end: bigint }[] = []
  let start = 0n
  for (const { time, joined } of samples) {
    if (!joined && time > start) holes.push({ start, end: time })
    start = time + 1n
  }
  return holes[pick % Math.max(1, holes.length)]
}

/** A value of a type that tells its sample from others. */
function valueOf(type: DataType, number: number): number | bigint {
  switch (type) {
    case 'boolean':
      return (number >> 1) & 1
    case 'uint8':
      return number % 256
    case 'int16':
      return (number % 60_000) - 30_000
    case 'float64':
      return number / 8
    case 'float32':
      return (number % 100_000) / 4
    case 'int64':
      return BigInt(number) - 2n ** 62n
    case 'uint64':
    case 'timestamp':
      return BigInt(number) + 2n ** 60n
    default:
      return number
  }
}

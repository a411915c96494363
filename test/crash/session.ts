// A process with the database open: every call is made on the engine and noted in the history, before it
// is made and when it is answered. Where the process dies, everything ends with `Died`. Where a call is
// refused because a file operation failed, the session checks that the refusal keeps the contract, takes
// the call back, and goes on. Maintenance that the engine does by itself can be asked for by name here.

import { Database } from '../../src/index.ts'
import type { Writer } from '../../src/index.ts'
import type { Engine } from '../../src/database/engine.ts'
import type { Tuning } from '../../src/database/environment.ts'
import type { Flusher } from '../../src/database/flusher.ts'
import { openEngine } from '../../src/database/opening/open.ts'
import { resolveOptions } from '../../src/database/options.ts'
import type { Durability } from '../../src/database/options.ts'
import { checkpointNow, retireOldest } from '../../src/database/retire.ts'
import { spillPending } from '../../src/database/spill.ts'
import { RubidiumError } from '../../src/errors.ts'
import { hasCode } from '../../src/fs/system-error.ts'
import { JOURNAL_DIRECTORY, MANIFEST_DIRECTORY, SEGMENT_DIRECTORY, segmentFile } from '../../src/fs/layout.ts'
import type { ChannelDefinition } from '../../src/telem/channel.ts'
import { assertGuards } from '../support/guard-check.ts'
import { during } from './lives.ts'
import type { Life } from './lives.ts'
import { DIRECTORY, rest } from './machine.ts'
import type { Machine } from './machine.ts'
import { History, ORIGIN, textOf, withoutRange, withSamples } from './model.ts'
import type { CrashKind, ModelChannel, ModelSample, ModelState } from './model.ts'
import { rangesOf } from '../support/holes.ts'

/** The process of this session is no more. */
export class Died extends Error {}

/** The engine broke a promise. */
export class Broken extends Error {}

export interface SessionOptions {
  readonly durability?: Durability
  readonly tuning?: Partial<Tuning>
  readonly segmentSize?: number
  readonly memoryBudget?: number
  /** The file system can punch holes. */
  readonly holes?: boolean
}

/** Small enough that large frames, rolls and merges are met at once. Journals are retired when asked. */
export const SMALL: Partial<Tuning> = {
  journalFileSize: 1 << 20,
  journalLimit: 1 << 30,
  inlineLimit: 160,
  extentLimit: 512,
  manifestSlack: 512,
  tailExtents: 8192,
  loopSyncMs: 0,
  fillSize: 512,
  unprovenLimit: 4096,
  unmarkedLimit: 512,
  holeSize: 64,
  holesARecord: 4,
  reserveSize: 1024,
}

/** What the model knows of an open writer. */
export interface ModelWriter {
  readonly writer: Writer
  readonly channels: readonly string[]
  readonly autoCommit: boolean
  readonly durability: Durability
  /** By index channel: what was written and not committed; channel to samples, in order of time. */
  pending: Map<string, ReadonlyMap<string, readonly (readonly [bigint, string])[]>[]>
  /** By index channel. */
  readonly committedLast: Map<string, bigint>
}

/** Rows of one group: channel to samples, the index channel's own values are its times. */
export type Rows = ReadonlyMap<string, readonly (readonly [bigint, string])[]>

/** Which life a call belongs to. */
const LIFE_OF: Readonly<Record<string, Life>> = {
  create: 'channel edit',
  rename: 'channel edit',
  update: 'channel edit',
  remove: 'channel edit',
  delete: 'delete',
  'open a writer': 'commit',
  write: 'commit',
  commit: 'commit',
  'close a writer': 'commit',
  sync: 'sync',
  flush: 'flush',
  spill: 'spill',
  retire: 'retire',
  checkpoint: 'checkpoint',
  gc: 'collection',
  read: 'read',
  'open read-only': 'read-only open',
  close: 'close',
}

export class Session {
  machine: Machine
  readonly options: SessionOptions
  history: History
  /** Of each index channel: where the next rows of `rows` go. */
  readonly cursors: Map<string, bigint> = new Map()
  engine!: Engine
  flusher!: Flusher
  db!: Database
  isOpen = false
  /** Calls that were refused. */
  refusals = 0
  /** A refused call may have happened all the same: a sync failed. */
  isInDoubt = false
  /** Whether the fault of this run has been met. */
  hasBegun: () => boolean = () => false
  /** Whether it is over: nothing fails any more. */
  isOver: () => boolean = () => false
  /** Whether the fault may have kept the lease from being given back, when the call before was refused like this. */
  mayBeLocked: (refusal: unknown) => boolean = () => false
  /** Time that goes by before each call: so much that every one looks at the fence anew, or none. */
  pauseMs = 0
  /** What an opening is: of what was closed well, after a crash, or while another process has it. */
  opening: Life & ('open' | 'recovery' | 'take-over') = 'open'
  /** Told of every call that was refused. */
  onRefusal: (label: string, error: unknown) => void = () => {}
  #lastRefusal: unknown
  /** The last close was refused, or the recovery: what was promised to survive a kill is there, the rest perhaps not. */
  #wasNotClosed = false
  #values = 0

  private constructor(machine: Machine, options: SessionOptions, history: History) {
    this.machine = machine
    this.options = options
    this.history = history
  }

  /** A session of which nothing is open yet. */
  static on(machine: Machine, options: SessionOptions = {}, history: History = new History()): Session {
    return new Session(machine, options, history)
  }

  /** Opens the database and checks that it is as the history says. Undefined: it was refused. */
  async open(): Promise<boolean> {
    const open = (): ReturnType<typeof openEngine> => this.#openEngine()
    const opened = await this.#attempt('open', open)
    if (opened === undefined) return false
    this.engine = opened.engine
    this.flusher = opened.flusher
    this.db = new Database(opened.engine, opened.flusher)
    this.isOpen = true
    this.opening = 'open'
    if (this.#wasNotClosed) await this.#adopt('kill')
    this.#wasNotClosed = false
    return true
  }

  #openEngine(options: { readonly readOnly?: boolean } = {}): ReturnType<typeof openEngine> {
    const { segmentSize = 4096, memoryBudget = 256 * 1024, tuning, durability = 'batched' } = this.options
    const takeover = this.opening === 'take-over' && options.readOnly !== true
    const resolved = resolveOptions({ durability, syncInterval: '20d', takeover, ...options })
    const environment = this.machine.environment({ ...SMALL, ...tuning })
    return openEngine(environment, DIRECTORY, { ...resolved, segmentSize, memoryBudget })
  }

  /** The process stands still, and another one takes the database over. What is refused once is tried again. */
  async takeOver(): Promise<void> {
    await this.abandon()
    this.machine.leaveStanding()
    this.isOpen = false
    this.opening = 'take-over'
    this.#wasNotClosed = true
    for (let tries = 0; tries < 4 && !this.isOpen; tries++) {
      this.opening = 'take-over'
      await this.open()
    }
  }

  /** Opens it read-only beside, as another process does, and checks that it shows what was handed over. */
  async lookReadOnly(): Promise<void> {
    const seen = await this.#attempt('open read-only', async () => {
      const { engine, flusher } = await this.#openEngine({ readOnly: true })
      const db = new Database(engine, flusher)
      try {
        return textOf(await readAll(db))
      } finally {
        await db.close()
      }
    })
    if (seen === undefined) return
    const found = this.history.find(seen, 'kill')
    if (typeof found === 'string') throw new Broken(`a read-only process: ${found}`)
  }

  /** Reads everything, and checks that it is as the history says. */
  async look(): Promise<void> {
    const text = await this.#attempt('read', async () => textOf(await readAll(this.db)))
    if (text !== undefined && text !== this.history.text)
      throw new Broken(`a read shows\n${text}\n--- expected\n${this.history.text}`)
  }

  /** Nothing of this session runs any more, and nobody closed it. */
  async abandon(): Promise<void> {
    if (this.isOpen) this.engine.stopTimers()
    await rest()
    if (this.isOpen) this.engine.stopTimers()
    assertGuards()
  }

  /** Ends this process as `kind` says: what follows happens on the machine that this leaves. */
  async crash(kind: CrashKind, seed: number): Promise<void> {
    await this.abandon()
    this.machine = this.machine.after(kind, seed, this.machine.faults !== undefined)
    this.isOpen = false
    this.opening = 'recovery'
    this.history.crashed(kind)
  }

  /** Opens after a crash: from now on the history is what was found. What is refused once is tried again. */
  async recover(kind: CrashKind): Promise<void> {
    for (let tries = 0; tries < 4 && !this.isOpen; tries++) await this.open()
    if (this.isOpen) await this.#adopt(kind)
    else this.#wasNotClosed = true
  }

  /** What was found is all that there is. */
  async #adopt(kind: CrashKind): Promise<void> {
    const found = this.history.find(await this.text(), kind)
    if (typeof found === 'string') throw new Broken(found)
    this.history = new History(found)
  }

  // Calls that change what is there. Where an earlier one was refused they may make no sense, and are left out.

  /** Whether there is such a channel, as far as the history goes. */
  has(name: string): boolean {
    return this.history.state.some((channel) => channel.name === name)
  }

  /** Whether the index channel has a sample then. */
  isTaken(index: string, time: bigint): boolean {
    return !this.isOpen || this.#find(index).samples.has(time)
  }

  async create(definitions: readonly ChannelDefinition[]): Promise<void> {
    if (definitions.some(({ name }) => this.has(name))) return
    const added = definitions.map((definition): ModelChannel => {
      const { name, kind, metadata } = definition
      const isData = definition.kind === 'data'
      return {
        name,
        kind,
        type: isData ? definition.type : 'timestamp',
        index: isData ? definition.index : undefined,
        unit: isData ? definition.unit : undefined,
        metadata: metadata === undefined ? undefined : JSON.stringify(metadata),
        samples: new Map(),
      }
    })
    await this.#edit('create', [...this.history.state, ...added], () => this.db.channels.create(definitions))
  }

  async rename(name: string, to: string): Promise<void> {
    if (!this.has(name) || this.has(to)) return
    const next = this.history.state.map((channel) => ({
      ...channel,
      name: channel.name === name ? to : channel.name,
      index: channel.index === name ? to : channel.index,
    }))
    const cursor = this.cursors.get(name)
    if (cursor !== undefined) this.cursors.set(to, cursor)
    await this.#edit('rename', next, () => this.db.channels.rename(name, to))
  }

  async update(
    name: string,
    changes: { readonly unit?: string; readonly metadata?: { readonly [key: string]: string } },
  ): Promise<void> {
    if (!this.has(name)) return
    const { unit, metadata } = changes
    const next = this.history.state.map((channel) => {
      if (channel.name !== name) return channel
      return {
        ...channel,
        ...(unit === undefined ? {} : { unit }),
        ...(metadata === undefined ? {} : { metadata: JSON.stringify(metadata) }),
      }
    })
    await this.#edit('update', next, () => this.db.channels.update(name, changes))
  }

  async remove(names: readonly string[]): Promise<void> {
    const next = this.history.state.filter(({ name }) => !names.includes(name))
    const isWhole = next.every(({ index }) => index === undefined || next.some(({ name }) => name === index))
    if (!names.every((name) => this.has(name)) || !isWhole) return
    await this.#edit('remove', next, () => this.db.channels.remove(names))
  }

  async delete(names: readonly string[], start: bigint, end: bigint): Promise<void> {
    if (!names.every((name) => this.has(name))) return
    const next = withoutRange(this.history.state, names, start, end)
    await this.#edit('delete', next, () => this.db.delete(names, { start, end }))
  }

  async openWriter(
    channels: readonly string[],
    options: { readonly autoCommit?: boolean; readonly durability?: Durability } = {},
  ): Promise<ModelWriter | undefined> {
    const isWhole = (name: string): boolean =>
      this.has(name) && channels.includes(this.#find(name).index ?? name)
    if (!channels.every(isWhole)) return undefined
    const { autoCommit = true, durability = this.options.durability ?? 'batched' } = options
    const writer = await this.#attempt('open a writer', () =>
      this.db.openWriter({ channels, autoCommit, durability }),
    )
    if (writer === undefined) return undefined
    return { writer, channels, autoCommit, durability, pending: new Map(), committedLast: new Map() }
  }

  /** The next `count` rows of each of the writer's groups. */
  rows(writer: ModelWriter | undefined, count: number, groups?: readonly string[]): Rows {
    const rows = new Map<string, readonly (readonly [bigint, string])[]>()
    if (writer === undefined) return rows
    for (const channel of this.#channelsOf(writer)) {
      const index = channel.index ?? channel.name
      if (groups !== undefined && !groups.includes(index)) continue
      const first = this.cursors.get(index) ?? ORIGIN
      const samples: (readonly [bigint, string])[] = []
      for (let i = 0; i < count; i++) {
        const time = first + BigInt(i) * 1000n
        samples.push([time, channel.kind === 'index' ? String(time) : this.#valueFor(channel.type)])
      }
      rows.set(channel.name, samples)
    }
    for (const channel of this.#channelsOf(writer)) {
      if (channel.kind !== 'index' || !rows.has(channel.name)) continue
      this.cursors.set(channel.name, (this.cursors.get(channel.name) ?? ORIGIN) + BigInt(count) * 1000n)
    }
    return rows
  }

  async write(to: ModelWriter | undefined, rows: Rows): Promise<void> {
    if (to === undefined || rows.size === 0 || !this.isOpen) return
    const frame = Object.fromEntries([...rows].map(([name, samples]) => [name, this.#arrayOf(name, samples)]))
    const before = new Map(to.pending)
    for (const channel of this.#channelsOf(to)) {
      if (channel.kind !== 'index' || !rows.has(channel.name)) continue
      const own = [...rows].filter(
        ([name]) => name === channel.name || this.#find(name).index === channel.name,
      )
      to.pending.set(channel.name, [...(to.pending.get(channel.name) ?? []), new Map(own)])
    }
    if (!to.autoCommit) {
      if ((await this.#attempt('write', () => to.writer.write(frame))) === undefined) to.pending = before
      return
    }
    await this.#commit(to, 'write', () => to.writer.write(frame))
    to.pending = new Map()
  }

  async commit(to: ModelWriter | undefined): Promise<void> {
    if (to !== undefined && this.isOpen) await this.#commit(to, 'commit', () => to.writer.commit())
  }

  async closeWriter(to: ModelWriter | undefined): Promise<void> {
    if (to !== undefined) await this.#attempt('close a writer', () => to.writer.close())
  }

  // What leaves everything as it is.

  async sync(): Promise<void> {
    const { length } = this.history
    if ((await this.#attempt('sync', async () => (await this.db.sync(), true))) === true) {
      this.history.acknowledge(length - 1, 'power')
    }
  }

  async flush(): Promise<void> {
    await this.#attempt('flush', async () => (await this.flusher.flushAll(), true))
  }

  async spill(): Promise<void> {
    await this.#attempt('spill', async () => (await spillPending(this.engine), true))
  }

  /** Retires journal files, as long as one can go. */
  async retire(): Promise<void> {
    await this.#attempt('retire', async () => {
      while (await retireOldest(this.engine));
      return true
    })
  }

  async checkpoint(): Promise<void> {
    await this.#attempt('checkpoint', async () => (await checkpointNow(this.engine), true))
  }

  async gc(threshold = 0): Promise<void> {
    await this.#attempt('gc', () => this.db.gc({ threshold }))
  }

  /** Waits for what the engine does by itself. */
  async settle(): Promise<void> {
    await rest()
    this.#assertAlive()
  }

  async close(): Promise<boolean> {
    if (!this.isOpen) return false
    const closed = await this.#attempt('close', async () => (await this.db.close({ force: true }), true))
    this.isOpen = false
    if (closed === true) this.history.secure()
    else this.#wasNotClosed = true
    return closed === true
  }

  // What is there.

  /** What reads show, as text in the form of the model's. */
  async text(): Promise<string> {
    return textOf(await this.read())
  }

  /** A look at what is there is no call of the workload: where the fault still goes on, it looks again. */
  async read(): Promise<ModelState> {
    for (let tries = 1; ; tries++) {
      try {
        return await readAll(this.db)
      } catch (error) {
        const isFault = error instanceof RubidiumError && error.code === 'STORAGE' && this.hasBegun()
        if (tries === 4 || !isFault) throw error
      }
    }
  }

  /** Every file that is there is needed. To be asked right after an open. */
  assertNothingLeftOver(): void {
    const { engine, machine } = this
    const needed = new Set(['FENCE', `LEASE-${String(engine.epoch).padStart(6, '0')}`])
    for (const name of [engine.manifest?.name, engine.baseManifest?.name])
      if (name !== undefined) needed.add(name)
    for (const file of engine.journal?.files ?? []) needed.add(file.name)
    const optional = new Set<string>(['RESERVE'])
    for (const segment of engine.segments.all()) {
      const isLive = (engine.version.segments.get(segment.id)?.live ?? 0) + segment.tailLive > 0
      if (isLive) needed.add(segmentFile(segment.id))
      else optional.add(segmentFile(segment.id))
    }
    const prefix = `${DIRECTORY}/`
    const found = machine.disk
      .files()
      .map((path) => (path.startsWith(prefix) ? path.slice(prefix.length) : path))
    const left = found.filter((name) => !needed.has(name) && !optional.has(name))
    const missing = [...needed].filter((name) => !found.includes(name))
    if (left.length > 0) throw new Broken(`files are left over: ${left.join(', ')}`)
    if (missing.length > 0) throw new Broken(`files are missing: ${missing.join(', ')}`)
    for (const [id, { holes }] of engine.version.segments.entries()) {
      const name = segmentFile(id)
      const bytes = holes === undefined ? undefined : machine.disk.snapshotBytes(`${DIRECTORY}/${name}`)
      for (const { start, end } of rangesOf(holes))
        if (bytes!.subarray(start, end).some((byte) => byte !== 0))
          throw new Broken(`${name} from ${start} to ${end} was punched, the log says, and is no hole`)
    }
    for (const segment of engine.segments.all()) {
      if (
        engine.version.segments.get(segment.id) === undefined &&
        segment.tailLive === 0 &&
        segment !== engine.segments.active
      ) {
        throw new Broken(`${segmentFile(segment.id)} was kept and nothing names it`)
      }
    }
  }

  /** Files of the three kinds, for messages. */
  filesNow(): string {
    return this.machine.disk
      .files()
      .filter((path) =>
        [MANIFEST_DIRECTORY, JOURNAL_DIRECTORY, SEGMENT_DIRECTORY].some((folder) =>
          path.includes(`/${folder}/`),
        ),
      )
      .join(' ')
  }

  async assertSound(): Promise<void> {
    const report = await this.db.verify()
    if (!report.ok)
      throw new Broken(
        `verify: ${report.problems.map(({ what, file }) => `${what} (${file ?? ''})`).join('; ')}`,
      )
  }

  // How calls are made.

  async #edit(label: string, next: ModelState, call: () => Promise<unknown>): Promise<void> {
    const promised = this.options.durability === 'strict' ? 'power' : 'kill'
    await this.#change(label, next, promised, call)
  }

  async #commit(to: ModelWriter, label: string, call: () => Promise<unknown>): Promise<void> {
    const next = this.#committed(to)
    if (next === undefined) {
      await this.#attempt(label, call)
      return
    }
    const promised = ({ relaxed: 'nothing', batched: 'kill', strict: 'power' } as const)[to.durability]
    const done = await this.#change(label, next.state, promised, call)
    if (!done) return
    for (const [index, last] of next.last) to.committedLast.set(index, last)
    to.pending = new Map()
  }

  /** The state once the writer's pending rows are committed; undefined where it has none. */
  #committed(to: ModelWriter): { state: ModelState; last: Map<string, bigint> } | undefined {
    if (to.pending.size === 0) return undefined
    const { state } = this.history
    const added = new Map<string, Map<bigint, ModelSample>>()
    const last = new Map<string, bigint>()
    for (const [index, frames] of to.pending) {
      const before = to.committedLast.get(index)
      const goesOnInIndex = before !== undefined && this.#find(index).samples.has(before)
      for (const rows of frames) {
        for (const [name, samples] of rows) {
          const channel = added.get(name) ?? new Map<bigint, ModelSample>()
          for (const [time, value] of samples) {
            const goesOn = channel.size > 0 || (goesOnInIndex && this.#find(name).samples.has(before))
            channel.set(time, { value, goesOn })
            last.set(index, time)
          }
          added.set(name, channel)
        }
      }
    }
    return { state: withSamples(state, added), last }
  }

  /** A call that leads to another state. Returns whether it was acknowledged, or may have happened. */
  async #change(
    label: string,
    next: ModelState,
    promised: 'nothing' | 'kill' | 'power',
    call: () => Promise<unknown>,
  ): Promise<boolean> {
    if (!this.isOpen) return false
    if (textOf(next) === this.history.text) {
      // Nothing to do (a delete where nothing is): it promises nothing about what came before.
      await this.#attempt(label, call)
      return true
    }
    const failedBefore = this.engine.failure
    const entry = this.history.begin(next)
    const result = await this.#attempt(label, async () => ({ value: await call() }))
    if (result !== undefined) {
      if (failedBefore !== undefined)
        throw new Broken(`${label} was acknowledged, though writes are refused: ${failedBefore.message}`)
      this.history.acknowledge(entry, promised)
      return true
    }
    // A failed sync, and a failed look at the fence, come after the record was published: it is there, and may be lost.
    const hasFailed = failedBefore === undefined && this.engine.failure !== undefined
    const inDoubt = hasFailed && (await this.text()) === this.history.text
    if (!inDoubt) this.history.refuse(entry)
    else this.isInDoubt = true
    const text = await this.text()
    if (text !== this.history.text)
      throw new Broken(
        `${label} was refused, and changed what is there:\n--- found\n${text}\n--- expected\n${this.history.text}`,
      )
    return inDoubt
  }

  /** Makes a call. Undefined: it was refused, as the contract allows. @throws Died, Broken */
  async #attempt<T>(label: string, call: () => Promise<T>): Promise<T | undefined> {
    if (!this.isOpen && label !== 'open') return undefined
    const struckBefore = this.isOver()
    const failedBefore = this.isOpen ? this.engine.failure : undefined
    this.machine.pass(this.pauseMs)
    let result: T
    try {
      result = await during(label === 'open' ? this.opening : LIFE_OF[label], call)
    } catch (error) {
      this.#assertAlive()
      this.#judge(label, error, struckBefore, failedBefore)
      this.#lastRefusal = error
      this.refusals++
      this.onRefusal(label, error)
      return undefined
    }
    this.#assertAlive()
    return result
  }

  #judge(label: string, error: unknown, struckBefore: boolean, failedBefore: Error | undefined): void {
    if (!(error instanceof RubidiumError))
      throw new Broken(`${label} ended with a raw error: ${describe(error)}`, { cause: error })
    if (label === 'open' && error.code === 'DATABASE_LOCKED' && this.mayBeLocked(this.#lastRefusal)) {
      // It could not be given back: only the death of this process frees it.
      this.machine.nextProcess()
      return
    }
    if (error.code !== 'STORAGE') throw new Broken(`${label} ended with ${describe(error)}`, { cause: error })
    if (error.cause === undefined)
      throw new Broken(`${label}: the StorageError has no cause: ${describe(error)}`, { cause: error })
    if (failedBefore !== undefined && struckBefore) {
      if (!causesOf(error).includes(failedBefore))
        throw new Broken(`${label} was not refused with the first failure: ${describe(error)}`, {
          cause: error,
        })
    } else if (struckBefore && causesOf(error).some((cause) => hasCode(cause, 'ENOSPC'))) {
      // While something in the background makes use of the reserve, new data is refused with what it met (0006).
    } else if (struckBefore && !(this.isOpen && causesOf(error).includes(this.engine.failure ?? this))) {
      // (A sync that the background had begun may tell of its failure only now.)
      throw new Broken(`${label} failed after the fault was over: ${describe(error)}`, { cause: error })
    } else if (!this.hasBegun()) {
      throw new Broken(`${label} failed without a fault: ${describe(error)}`, { cause: error })
    }
  }

  #assertAlive(): void {
    if (this.machine.disk.isDead) throw new Died()
  }

  #find(name: string): ModelChannel {
    const found = this.history.state.find((channel) => channel.name === name)
    if (found === undefined) throw new Error(`the model has no channel "${name}"`)
    return found
  }

  #channelsOf(writer: ModelWriter): ModelChannel[] {
    return writer.channels.map((name) => this.#find(name))
  }

  #valueFor(type: string): string {
    const n = ++this.#values
    if (type === 'float64') return String(n + 0.5)
    if (type === 'boolean') return String(n % 2)
    return String(n % 100)
  }

  #arrayOf(name: string, samples: readonly (readonly [bigint, string])[]): bigint[] | number[] {
    const { type } = this.#find(name)
    if (type === 'timestamp' || type === 'int64') return samples.map(([, value]) => BigInt(value))
    return samples.map(([, value]) => Number(value))
  }
}

/** Everything that reads show. */
async function readAll(db: Database): Promise<ModelState> {
  const channels = db.channels.list()
  if (channels.length === 0) return []
  const frame = await db.read(
    channels.map(({ name }) => name),
    {},
    { timestamps: true },
  )
  return channels.map((channel): ModelChannel => {
    const samples = new Map<bigint, ModelSample>()
    for (const series of frame.series(channel.name)) {
      const times = series.timestamps
      for (let i = 0; i < series.length; i++)
        samples.set(times[i]!, { value: String(series.data[i]), goesOn: i > 0 })
    }
    if (samples.size !== frame.count(channel.name))
      throw new Broken(`"${channel.name}" has two samples at one time`)
    const { name, kind, type, index, unit, metadata } = channel
    return {
      name,
      kind,
      type,
      index,
      unit,
      metadata: metadata === undefined ? undefined : JSON.stringify(metadata),
      samples,
    }
  })
}

/** An error, its cause, and so on. */
function causesOf(error: unknown): unknown[] {
  return error instanceof Error ? [error, ...causesOf(error.cause)] : []
}

export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : ` <- ${describe(error.cause)}`
  return `${error.name}: ${error.message}${cause}`
}

/** A time of the workloads: the `n`th row of a group that begins at the origin. */
export function at(n: number): bigint {
  return ORIGIN + BigInt(n) * 1000n
}

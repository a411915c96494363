// What the clients of a race share: the database on a simulated disk whose every asynchronous operation waits for
// its turn, the schedule, the recorder, and what there is: groups and their channels, by names of the history's
// own, whatever they are called in the database by now. Called by play.ts, matrix.ts and closing.ts.

import { Database } from '../../src/index.ts'
import type { Environment, Tuning } from '../../src/database/environment.ts'
import { openEngine } from '../../src/database/opening/open.ts'
import { resolveOptions } from '../../src/database/options.ts'
import type { Durability } from '../../src/database/options.ts'
import { FaultyFileSystem } from '../../src/fs/faulty-file-system.ts'
import type { FaultRule } from '../../src/fs/faulty-file-system.ts'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import type { OrderCheck } from '../../src/guard/order-check.ts'
import type { Channel } from '../../src/index.ts'
import { Recorder } from './recorder.ts'
import type { Scheduling } from './schedule.ts'

export type Engine = Awaited<ReturnType<typeof openEngine>>['engine']
export type Flusher = Awaited<ReturnType<typeof openEngine>>['flusher']

/** How the database of a run is opened. Sizes in bytes. */
export interface Setting {
  readonly durability: Durability
  readonly segmentSize: number
  readonly memoryBudget: number
  readonly tuning: Partial<Tuning>
  /** The file system can punch holes. */
  readonly holes: boolean
}

/** A group as the history calls its channels. */
export interface Group {
  readonly index: string
  /** Those that are there now. */
  data: string[]
}

/** Where channels are looked up: the database, or a snapshot. */
export interface Catalogued {
  readonly channels: { find(key: number): Channel | undefined }
}

/** Sessions in a run at most: each has times of its own, so that none is ever used twice. */
const SESSIONS = 8192

/** Rows of one writer at most. */
const ROWS = 1_000_000

export class World {
  readonly schedule: Scheduling
  readonly recorder: Recorder = new Recorder()
  readonly groups: Group[] = []
  /** Newest slot that somebody wrote to, or tried. */
  end = 0
  /** Writers that were opened, or not. */
  sessions = 0
  #isClosing = false
  #mayFail = false
  /** Clients begin nothing more. */
  isOver = false
  readonly disk: MemoryFileSystem
  readonly faults: FaultyFileSystem
  db!: Database
  engine!: Engine
  flusher!: Flusher
  readonly #setting: Setting
  readonly #keys = new Map<string, number>()
  readonly #check: OrderCheck | undefined
  #pid = 0
  #ms = 0

  constructor(schedule: Scheduling, setting: Setting, check?: OrderCheck) {
    this.schedule = schedule
    this.#setting = setting
    this.#check = check
    this.disk = new MemoryFileSystem({ scheduler: schedule.turn, holes: setting.holes })
    this.faults = new FaultyFileSystem(this.disk)
  }

  /** A call may meet a closing database. */
  get isClosing(): boolean {
    return this.#isClosing
  }

  close(options: { readonly force: boolean }): Promise<void> {
    this.#isClosing = true
    this.isOver = true
    this.recorder.tolerated.push('CLOSED')
    return this.db.close(options)
  }

  /** Writes to the journal fail now and then. */
  get mayFail(): boolean {
    return this.#mayFail
  }

  failNowAndThen(rules: readonly FaultRule[]): void {
    this.#mayFail = true
    this.recorder.tolerated.push('STORAGE')
    for (const rule of rules) this.faults.addRule(rule)
  }

  /** Opens the database as a process that was not there before. */
  async open(): Promise<void> {
    const { engine, flusher } = await this.#open(false)
    this.engine = engine
    this.flusher = flusher
    this.db = new Database(engine, flusher)
  }

  /** Opens the database once more, as a read-only process beside the one that writes. */
  async openReader(): Promise<Database> {
    const { engine, flusher } = await this.#open(true)
    return new Database(engine, flusher)
  }

  #open(readOnly: boolean): ReturnType<typeof openEngine> {
    const { durability, segmentSize, memoryBudget } = this.#setting
    const given = resolveOptions({ durability, readOnly, syncInterval: '1h', lockTimeout: '1h' })
    return openEngine(this.#environment(), '/data', { ...given, segmentSize, memoryBudget })
  }

  #environment(): Environment {
    const pid = ++this.#pid
    return {
      files: this.faults,
      clock: { now: () => BigInt(this.#ms) * 1_000_000n, monotonicMs: () => this.#ms++ },
      identity: { host: 'race', bootId: 'boot', pidNamespace: 'pid', pid, startTime: String(pid) },
      // Nobody dies here.
      isAlive: () => 'alive',
      newId: () => new Uint8Array(16).fill(7),
      check: this.#check,
      tuning: { reserveSize: 0, fillSize: 0, loopSyncMs: 0, ...this.#setting.tuning },
    }
  }

  /** Makes a group: an index channel and data channels of different types. */
  async createGroup(number: number, data: readonly string[]): Promise<void> {
    const index = `t${number}`
    const names = data.map((each) => `${each}${number}`)
    const made = await this.db.channels.create([
      { name: index, kind: 'index' },
      ...names.map((name) => ({ name, kind: 'data' as const, type: typeOf(name), index })),
    ])
    for (const { name, key } of made) this.#keys.set(name, key)
    for (const name of [index, ...names]) this.recorder.channel(name, index)
    this.groups.push({ index, data: names })
  }

  /** Notes a channel that a client has made. */
  adopt(name: string, key: number, group: Group): void {
    this.#keys.set(name, key)
    this.recorder.channel(name, group.index)
    group.data.push(name)
  }

  /** What a channel is called now, or was at a snapshot's instant; undefined where there is none, or all is closed. */
  nameOf(channel: string, where: Catalogued = this.db): string | undefined {
    try {
      return where.channels.find(this.#keys.get(channel)!)?.name
    } catch (error) {
      if (this.isClosing) return undefined
      throw error
    }
  }

  /** All channels that are there. */
  channels(): string[] {
    return this.groups.flatMap(({ index, data }) => [index, ...data])
  }
}

/** `d` is wide, `b` narrow, so that channels of a group fill extents at different times. */
export function typeOf(channel: string): 'int32' | 'float64' {
  return channel.startsWith('b') ? 'int32' : 'float64'
}

/** The time of a slot that only this session uses. */
export function timeOf(session: number, slot: number): number {
  return slot * SESSIONS + session
}

/** What a writer's row says in a channel: who wrote it, and which row it is; other channels say it otherwise. */
export function valueOf(channel: string, writer: number, row: number): number {
  return writer * ROWS + row + (typeOf(channel) === 'int32' ? 0 : channel.startsWith('a') ? 0.5 : 0.25)
}

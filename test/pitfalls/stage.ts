// The stage that pitfalls are played on: one directory on a simulated disk whose operations can be held
// at a gate, a clock that stands still unless it is told to go, and processes that are killed or lose their
// power with everything they hold. Gives out the engine beside the database, so that a test can start a
// flush or a checkpoint at the very instant it is about. Called by the tests of this folder.

import { expect, onTestFinished } from 'vitest'
import { Database } from '../../src/index.ts'
import type { Engine } from '../../src/database/engine.ts'
import type { Tuning } from '../../src/database/environment.ts'
import type { Flusher } from '../../src/database/flusher.ts'
import { openEngine } from '../../src/database/opening/open.ts'
import { resolveOptions } from '../../src/database/options.ts'
import type { OpenOptions } from '../../src/database/options.ts'
import { FaultyFileSystem } from '../../src/fs/faulty-file-system.ts'
import type { FaultRule } from '../../src/fs/faulty-file-system.ts'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { assertGuards, guardCheck } from '../support/guard-check.ts'

const DIRECTORY = '/data'

/** Operations that wait. */
export interface Gate {
  /** Resolves when the first operation has come to the gate. */
  readonly reached: Promise<void>
  /** Lets them through, and all that follow. */
  open(): void
}

/** A process that has the database open. */
export interface Actor {
  readonly db: Database
  readonly engine: Engine
  readonly flusher: Flusher
}

export class Stage {
  disk: MemoryFileSystem
  /** Milliseconds since the stage was set. */
  elapsedMs = 0
  /** Faults of the process that was opened last. */
  faults: FaultyFileSystem
  readonly #gates = new Set<{ pattern: RegExp; came: () => void; opened: Promise<void> }>()
  readonly #options: OpenOptions
  readonly #tuning: Partial<Tuning>
  #actor: Actor | undefined
  #pid = 100
  #boot = 1
  #living = new Set<number>()

  constructor(options: OpenOptions = {}, tuning: Partial<Tuning> = {}) {
    this.#options = { syncInterval: '1h', ...options }
    // Syncs can be held only on their way to the pool.
    this.#tuning = { loopSyncMs: 0, reserveSize: 1024, ...tuning }
    this.disk = new MemoryFileSystem({ scheduler: (label) => this.#wait(label) })
    this.faults = new FaultyFileSystem(this.disk)
    onTestFinished(() => this.#end())
  }

  /** Opens the database as a new process of this machine. */
  async open(options: OpenOptions = {}): Promise<Actor> {
    const pid = ++this.#pid
    this.faults = new FaultyFileSystem(this.disk)
    const environment = {
      files: this.faults,
      clock: {
        now: (): bigint => BigInt(this.elapsedMs) * 1_000_000n,
        monotonicMs: (): number => this.elapsedMs,
      },
      identity: {
        host: 'stage',
        bootId: `boot-${this.#boot}`,
        pidNamespace: 'pid:[1]',
        pid,
        startTime: String(pid),
      },
      isAlive: (holder: { pid: number }): 'alive' | 'dead' =>
        this.#living.has(holder.pid) ? 'alive' : 'dead',
      newId: (): Uint8Array => new Uint8Array(16).fill(9),
      check: guardCheck,
      tuning: this.#tuning,
    }
    const resolved = resolveOptions({ ...this.#options, ...options })
    const { engine, flusher } = await openEngine(environment, DIRECTORY, resolved)
    const db = new Database(engine, flusher)
    if (!resolved.readOnly) {
      this.#living.add(pid)
      this.#actor = { db, engine, flusher }
    }
    return { db, engine, flusher }
  }

  /** Opens what is on a disk after a power loss, as a new process of the restarted machine. */
  adopt(disk: MemoryFileSystem): Promise<Actor> {
    this.disk = disk
    this.#pid += 1000
    this.#boot += 1000
    return this.open()
  }

  /** Resolves when nothing goes on in the background: retirement and flushes have ended. */
  async settled(engine: Engine): Promise<void> {
    for (let before = -1; before !== this.disk.operations;) {
      before = this.disk.operations
      for (let turn = 0; turn < 5; turn++) await engine.turns.next()
    }
  }

  /** From now on the holder looks dead to others, though it goes on. */
  forget(): void {
    this.#living.clear()
  }

  /** Closes and opens again. */
  async reopen(): Promise<Actor> {
    await this.#actor?.db.close({ force: true })
    this.#living.clear()
    return this.open()
  }

  /** The process dies; the next one finds what it has written. */
  kill(): Promise<Actor> {
    this.die()
    return this.open()
  }

  /** As `kill`, without opening again. */
  die(): void {
    this.#leave(this.disk.afterKill())
  }

  /** Power is lost; `seed` says what of the unsynced is left (0: nothing, 1: all). */
  losePower(seed: number): Promise<Actor> {
    this.goDark(seed)
    return this.open()
  }

  /** As `losePower`, without opening again. */
  goDark(seed: number): void {
    this.#leave(this.disk.afterPowerLoss(seed))
    this.#boot++
  }

  /** Holds asynchronous operations whose label ("write /data/...") matches, from now on. */
  hold(pattern: RegExp): Gate {
    let open = (): void => {}
    let came = (): void => {}
    const opened = new Promise<void>((resolve) => (open = resolve))
    const reached = new Promise<void>((resolve) => (came = resolve))
    const gate = { pattern, came, opened }
    this.#gates.add(gate)
    return {
      reached,
      open: () => {
        this.#gates.delete(gate)
        open()
      },
    }
  }

  /** The next matching operations fail. */
  fail(rule: FaultRule): FaultRule {
    return this.faults.addRule(rule)
  }

  async #wait(label: string): Promise<void> {
    for (const gate of this.#gates) {
      if (!gate.pattern.test(label)) continue
      gate.came()
      await gate.opened
    }
  }

  #leave(next: MemoryFileSystem): void {
    this.disk.killAt(1)
    this.#actor?.engine.stopTimers()
    this.#actor = undefined
    this.#living.clear()
    this.#gates.clear()
    this.disk = next
  }

  async #end(): Promise<void> {
    await this.#closeIfOpen()
    assertGuards()
  }

  async #closeIfOpen(): Promise<void> {
    if (this.#actor === undefined) return
    const { db, engine } = this.#actor
    if (engine.state !== 'open') return
    if (engine.failure === undefined) expect((await db.verify()).problems).toEqual([])
    await db.close({ force: true }).catch(() => {})
  }
}

/** Creates an index channel and float64 channels that it times. */
export async function createGroup(db: Database, index: string, data: readonly string[]): Promise<void> {
  await db.channels.create([
    { name: index, kind: 'index' },
    ...data.map((name) => ({ name, kind: 'data', type: 'float64', index }) as const),
  ])
}

/** `count` timestamps from `first` on, `step` ns apart. */
export function timesFrom(first: number, count: number, step = 1): BigInt64Array {
  return BigInt64Array.from({ length: count }, (_, i) => BigInt(first + i * step))
}

/** The value that every test writes at a time, so that what is read back tells whether it is the right one. */
export function valueAt(time: bigint): number {
  return Number(time) * 0.5
}

/** A frame of one group, with `valueAt` in every data channel. */
export function frameOf(
  index: string,
  data: readonly string[],
  times: BigInt64Array,
): Record<string, BigInt64Array | Float64Array> {
  const values = Float64Array.from(times, valueAt)
  return Object.fromEntries([[index, times], ...data.map((name) => [name, values] as const)])
}

/** A frame of the group `time` with the channel `a`: `count` samples from `first` on. */
export function rows(first: number, count: number): ReturnType<typeof frameOf> {
  return frameOf('time', ['a'], timesFrom(first, count))
}

/** A process that has created the group `time` with the channel `a`, on the disk. */
export async function begin(stage: Stage): Promise<Actor> {
  const actor = await stage.open()
  await createGroup(actor.db, 'time', ['a'])
  await actor.db.sync()
  return actor
}

/** Times of a channel's samples; fails where a value is not the one that belongs to its time. */
export async function timesOf(
  db: { read: Database['read'] },
  channel: string,
  isIndex = false,
): Promise<number[]> {
  const frame = await db.read(channel, {}, { timestamps: true })
  const times = frame.timestamps(channel)
  if (!isIndex) expect([...(frame.column(channel) as Float64Array)]).toEqual([...times].map(valueAt))
  return [...times].map(Number)
}

/** Whole numbers from `first` to `last`, both included. */
export function numbers(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}

// Several processes that share one simulated disk: one that writes, others that read, each of which can end
// without a word while the others go on. Their asynchronous operations wait as long as the scheduler says,
// or at gates. Called by the tests of read-only processes.

import { onTestFinished } from 'vitest'
import { Database } from '../../src/index.ts'
import type { Engine } from '../../src/database/engine.ts'
import type { Environment, Tuning } from '../../src/database/environment.ts'
import type { Flusher } from '../../src/database/flusher.ts'
import { openEngine } from '../../src/database/opening/open.ts'
import { resolveOptions } from '../../src/database/options.ts'
import type { OpenOptions } from '../../src/database/options.ts'
import type { FileSystem } from '../../src/fs/file-system.ts'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import type { OperationScheduler } from '../../src/fs/simulated-process.ts'
import type { Liveness } from '../../src/lease/lease.ts'

export const DIRECTORY = '/data'

/** A process that has the database open. */
export interface Process {
  readonly db: Database
  readonly engine: Engine
  readonly flusher: Flusher
  readonly pid: number
}

/** What a process is given; the rest is as the others have it. */
export interface ProcessSetting {
  /** What it sees of the disk. */
  readonly wrap?: (disk: FileSystem) => FileSystem
  readonly environment?: Partial<Environment>
  /** Turns of the loop that a wait takes. Default 1. */
  readonly patience?: number
  /** Limits below those that `open` allows. */
  readonly limits?: { readonly segmentSize?: number; readonly memoryBudget?: number }
}

export class Processes {
  readonly disk: MemoryFileSystem
  elapsedMs = 0
  readonly #tuning: Partial<Tuning>
  readonly #living = new Set<number>()
  readonly #open = new Set<Process>()
  #pid = 100

  constructor(scheduler?: OperationScheduler, tuning: Partial<Tuning> = {}) {
    this.disk = new MemoryFileSystem(scheduler === undefined ? {} : { scheduler })
    this.#tuning = { loopSyncMs: 0, reserveSize: 1024, ...tuning }
  }

  /** As `new Processes`; when the test ends all that is open is verified, and closed. */
  static ofTest(scheduler?: OperationScheduler, tuning: Partial<Tuning> = {}): Processes {
    const processes = new Processes(scheduler, tuning)
    onTestFinished(() => processes.end())
    return processes
  }

  /** Opens the database as a process of its own. */
  async open(options: OpenOptions = {}, setting: ProcessSetting = {}): Promise<Process> {
    const pid = ++this.#pid
    const { wrap, limits } = setting
    const environment: Environment = {
      files: wrap === undefined ? this.disk : wrap(this.disk),
      clock: {
        now: () => BigInt(Math.floor(this.elapsedMs)) * 1_000_000n,
        monotonicMs: () => this.elapsedMs,
      },
      identity: { host: 'here', bootId: 'boot', pidNamespace: 'pid:[1]', pid, startTime: String(pid) },
      isAlive: (holder): Liveness => {
        if (holder.host !== 'here') return 'unknown'
        return this.#living.has(holder.pid) ? 'alive' : 'dead'
      },
      wait: async (ms) => {
        this.elapsedMs += ms
        for (let turn = 0; turn < (setting.patience ?? 1); turn++)
          await new Promise((resolve) => setImmediate(resolve))
      },
      newId: () => new Uint8Array(16).fill(9),
      tuning: this.#tuning,
      ...setting.environment,
    }
    this.#living.add(pid)
    const resolved = { ...resolveOptions({ syncInterval: '1h', gc: false, ...options }), ...limits }
    try {
      const { engine, flusher } = await openEngine(environment, DIRECTORY, resolved)
      const process = { db: new Database(engine, flusher), engine, flusher, pid }
      this.#open.add(process)
      return process
    } catch (error) {
      this.#living.delete(pid)
      throw error
    }
  }

  /** It ends without a word: nothing that it has begun goes on. */
  abandon(process: Process): void {
    process.engine.stopTimers()
    this.#living.delete(process.pid)
    this.#open.delete(process)
  }

  /** As processes do: by force. */
  async close(process: Process): Promise<void> {
    await process.db.close({ force: true })
    this.#living.delete(process.pid)
    this.#open.delete(process)
  }

  /** Names in the folder of registrations. */
  get registrations(): string[] {
    return this.disk.files().filter((path) => path.startsWith(`${DIRECTORY}/readers/`))
  }

  /** Names of segment files. */
  get segments(): string[] {
    return this.disk.files().filter((path) => path.startsWith(`${DIRECTORY}/segments/`))
  }

  /** Verifies what is open, and closes it. @throws Error where something is not sound */
  async end(): Promise<void> {
    for (const { db, engine } of this.#open) {
      if (engine.state !== 'open') continue
      const { problems } = engine.failure === undefined ? await db.verify() : { problems: [] }
      await db.close({ force: true }).catch(() => {})
      if (problems.length > 0) throw new Error(`not sound: ${JSON.stringify(problems, undefined, 1)}`)
    }
    this.#open.clear()
  }
}

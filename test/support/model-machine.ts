// The machine that the model test's database runs on: a simulated disk, a clock that only the test moves,
// processes that die and are followed by others, a boot id that changes with every power loss.
// Everything is determined by the settings and the seeds. Called by the model test's harness.

import { Database } from '../../src/index.ts'
import type { Engine } from '../../src/database/engine.ts'
import type { Environment } from '../../src/database/environment.ts'
import type { Flusher } from '../../src/database/flusher.ts'
import { openEngine } from '../../src/database/opening/open.ts'
import { resolveOptions } from '../../src/database/options.ts'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import type { ModelSettings } from './model-operations.ts'
import { guardCheck } from './guard-check.ts'

export const DIRECTORY = '/data'

/** A database that is open, with its inner parts. */
export interface OpenDatabase {
  readonly db: Database
  readonly engine: Engine
  readonly flusher: Flusher
}

export class ModelMachine {
  disk: MemoryFileSystem
  readonly #settings: ModelSettings
  /** Processes that have not ended. */
  readonly #living = new Set<number>()
  #pid = 0
  #boot = 1
  #ms = 0

  constructor(settings: ModelSettings) {
    this.#settings = settings
    const scheduler = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
    this.disk = new MemoryFileSystem({
      holes: settings.holes === true,
      ...(settings.isSlow ? { scheduler } : {}),
    })
  }

  /** Lets time pass. */
  pass(ms: number): void {
    this.#ms += ms
  }

  /** Opens the database as a process that was not there before. */
  async open(readOnly = false): Promise<OpenDatabase> {
    const { durability, memoryBudget, segmentSize } = this.#settings
    const options = {
      ...resolveOptions({ durability, readOnly, syncInterval: '1h' }),
      memoryBudget,
      segmentSize,
    }
    const environment = this.#environment()
    this.#living.add(environment.identity.pid)
    const opened = await openEngine(environment, DIRECTORY, options)
    return { ...opened, db: new Database(opened.engine, opened.flusher) }
  }

  /** The process ends, and with it, maybe, the power. */
  die(isPowerLoss: boolean, seed: number): void {
    const left = isPowerLoss ? this.disk.afterPowerLoss(seed) : this.disk.afterKill()
    // Whatever of the old process still runs reaches nothing any more.
    if (!this.disk.isDead) this.disk.killAt(1)
    this.disk = left
    this.#living.clear()
    if (isPowerLoss) this.#boot++
  }

  /** The disk that is there dies at a mutation to come. */
  arm(after: number, isPowerLoss: boolean, seed: number): void {
    if (isPowerLoss) this.disk.cutPowerAt(after, seed)
    else this.disk.killAt(after, seed)
  }

  #environment(): Environment {
    const pid = ++this.#pid
    return {
      files: this.disk,
      clock: { now: () => BigInt(Math.round(this.#ms * 1e6)), monotonicMs: () => this.#ms },
      identity: {
        host: 'model',
        bootId: `boot-${this.#boot}`,
        pidNamespace: 'pid',
        pid,
        startTime: String(pid),
      },
      isAlive: ({ pid: holder }) => (this.#living.has(holder) ? 'alive' : 'dead'),
      newId: () => new Uint8Array(16).fill(7),
      check: guardCheck,
      tuning: { reserveSize: 1024, ...this.#settings.tuning },
    }
  }
}

// A simulated machine: a disk, a clock that nobody waits for, and processes that are started, killed and
// lose power. What a crash leaves is a machine of its own; the old one stays as it is. Everything is
// determined by the calls and the seeds.

import type { Environment, Tuning } from '../../src/database/environment.ts'
import { FaultyFileSystem } from '../../src/fs/faulty-file-system.ts'
import type { FileSystem } from '../../src/fs/file-system.ts'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { guardCheck } from '../support/guard-check.ts'
import type { CrashKind } from './model.ts'
import { ORIGIN } from './model.ts'

export const DIRECTORY = '/srv/data'

export class Machine {
  readonly disk: MemoryFileSystem
  readonly faults: FaultyFileSystem | undefined
  readonly #boot: number
  #pid: number
  /** Processes that stand still and may go on at any time. */
  readonly #standing = new Set<number>()
  #nowMs = 0

  constructor(disk: MemoryFileSystem = new MemoryFileSystem(), boot = 1, pid = 100, isFaulty = false) {
    this.disk = disk
    this.faults = isFaulty ? new FaultyFileSystem(disk) : undefined
    this.#boot = boot
    this.#pid = pid
  }

  /** A machine whose file system fails as its rules say, and can punch holes where it is asked for that. */
  static faulty({ holes = false }: { readonly holes?: boolean } = {}): Machine {
    return new Machine(new MemoryFileSystem({ holes }), 1, 100, true)
  }

  get files(): FileSystem {
    return this.faults ?? this.disk
  }

  /** Time goes by. */
  pass(ms: number): void {
    this.#nowMs += ms
  }

  /** The next process has another id; the one before it is dead. */
  nextProcess(): void {
    this.#pid++
  }

  /** The next process has another id; the one before it is alive, and stands still. */
  leaveStanding(): void {
    this.#standing.add(this.#pid)
    this.#pid++
  }

  /**
   * The machine after a kill, where the system has also let go of the pages that failed syncs left clean.
   * @param seed decides what the disk has of them
   */
  afterEviction(seed: number): Machine {
    return new Machine(this.disk.afterEviction(seed), this.#boot, this.#pid + 1)
  }

  /** This machine with another disk; without faults, if not `isFaulty`. */
  withDisk(disk: MemoryFileSystem, isFaulty = false): Machine {
    return new Machine(disk, this.#boot, this.#pid, isFaulty)
  }

  /**
   * The machine as the crash leaves it, with nobody running; without faults, if not `isFaulty`.
   * @param seed decides what a power loss takes
   */
  after(kind: CrashKind, seed: number, isFaulty = false): Machine {
    if (kind === 'kill') return new Machine(this.disk.afterKill(), this.#boot, this.#pid + 1, isFaulty)
    return new Machine(this.disk.afterPowerLoss(seed), this.#boot + 1, this.#pid + 1, isFaulty)
  }

  environment(tuning: Partial<Tuning>): Environment {
    const pid = this.#pid
    const bootId = `boot-${this.#boot}`
    const isRunning = (other: number): boolean => other === pid || this.#standing.has(other)
    return {
      files: this.files,
      clock: {
        now: () => ORIGIN + BigInt(Math.floor(this.#nowMs)) * 1_000_000n,
        // Slow enough that no loop is found to hold the event loop, fast enough that looks go stale.
        monotonicMs: () => (this.#nowMs += 0.01),
      },
      identity: { host: 'simulated', bootId, pidNamespace: 'pid:[1]', pid, startTime: String(pid) },
      isAlive: (holder) => (isRunning(holder.pid) && holder.bootId === bootId ? 'alive' : 'dead'),
      wait: async () => {},
      newId: () => new Uint8Array(16).fill(7),
      check: guardCheck,
      tuning,
    }
  }
}

/** Lets everything that goes on in the background come to rest. */
export async function rest(): Promise<void> {
  for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve))
}

// A simulated machine: a disk, a clock that nobody waits for, and processes that are started, killed and
// lose power. What a crash leaves is a machine of its own; the old one stays as it is. Everything is
// determined by the calls and the seeds.

import type { Environment, Tuning } from '../../src/database/environment.ts'
import { FaultyFileSystem } from '../../src/fs/faulty-file-system.ts'
import type { FileSystem } from '../../src/fs/file-system.ts'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import type { CrashKind } from './model.ts'
import { ORIGIN } from './model.ts'

export const DIRECTORY = '/srv/data'

export class Machine {
  readonly disk: MemoryFileSystem
  readonly faults: FaultyFileSystem | undefined
  readonly #boot: number
  #pid: number
  #nowMs = 0

  constructor(disk: MemoryFileSystem = new MemoryFileSystem(), boot = 1, pid = 100, isFaulty = false) {
    this.disk = disk
    this.faults = isFaulty ? new FaultyFileSystem(disk) : undefined
    this.#boot = boot
    this.#pid = pid
  }

  /** A machine whose file system fails as its rules say. */
  static faulty(): Machine {
    return new Machine(new MemoryFileSystem(), 1, 100, true)
  }

  get files(): FileSystem {
    return this.faults ?? this.disk
  }

  /** The next process has another id; the one before it is dead. */
  nextProcess(): void {
    this.#pid++
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
    return {
      files: this.files,
      clock: {
        now: () => ORIGIN + BigInt(Math.floor(this.#nowMs)) * 1_000_000n,
        // Slow enough that no loop is found to hold the event loop, fast enough that looks go stale.
        monotonicMs: () => (this.#nowMs += 0.01),
      },
      identity: { host: 'simulated', bootId, pidNamespace: 'pid:[1]', pid, startTime: String(pid) },
      isAlive: (holder) => (holder.pid === pid && holder.bootId === bootId ? 'alive' : 'dead'),
      newId: () => new Uint8Array(16).fill(7),
      tuning,
    }
  }
}

/** Lets everything that goes on in the background come to rest. */
export async function rest(): Promise<void> {
  for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve))
}

// The machine on which stores are made, damaged and opened: that of the crash tests, with an operating
// system's lock, so that there is a LOCK file, and a database id of the caller's, so that there can be
// another database of the same making. Used by stores.ts and examine.ts.

import type { Environment, Tuning } from '../../src/database/environment.ts'
import type { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { hasCode } from '../../src/fs/system-error.ts'
import type { Identity, Liveness } from '../../src/lease/lease.ts'
import type { OsLock } from '../../src/lease/os-lock.ts'
import type { CrashKind } from '../crash/model.ts'
import { Machine } from '../crash/machine.ts'

/** Who opens what was damaged: no process that ever wrote it. */
const OPENER_PID = 9000

/** A lock that everybody gets, and that leaves its file behind. */
function lockOf(disk: MemoryFileSystem): OsLock {
  return {
    tryLock: (path) => {
      let file
      try {
        file = disk.openNow(path, 'write')
      } catch (error) {
        if (!hasCode(error, 'ENOENT')) throw error
        file = disk.openNow(path, 'create')
      }
      const writeNote = (note: string): void => {
        file.truncateNow(0)
        file.writeNow(new TextEncoder().encode(note), 0)
      }
      let isHeld = true
      const release = (): void => {
        if (isHeld) file.closeNow()
        isHeld = false
      }
      return { outcome: 'held', lock: { writeNote, release } }
    },
  }
}

/** As the real one judges, for processes that are all dead. */
function livenessOf(holder: Identity, own: Identity): Liveness {
  if (holder.host !== own.host) return 'unknown'
  if (holder.bootId !== own.bootId) return 'dead'
  return holder.pidNamespace === own.pidNamespace ? 'dead' : 'unknown'
}

export class RotMachine extends Machine {
  readonly #id: number

  /** @param id the byte that a new database's id is made of */
  constructor(id: number, disk?: MemoryFileSystem, boot?: number, pid?: number) {
    super(disk, boot, pid)
    this.#id = id
  }

  override environment(tuning: Partial<Tuning>): Environment {
    return {
      ...super.environment(tuning),
      lock: lockOf(this.disk),
      isAlive: livenessOf,
      wait: () => Promise.resolve(),
      newId: () => new Uint8Array(16).fill(this.#id),
    }
  }

  /** @param seed of a power loss: 1, nothing is lost */
  override after(kind: CrashKind, seed: number): RotMachine {
    const boot = kind === 'kill' ? 1 : 2
    const disk = kind === 'kill' ? this.disk.afterKill() : this.disk.afterPowerLoss(seed)
    return new RotMachine(this.#id, disk, boot, OPENER_PID)
  }

  /** The next process on a disk that was found like this. */
  static opener(disk: MemoryFileSystem, isSameBoot: boolean): RotMachine {
    return new RotMachine(7, disk, isSameBoot ? 1 : 2, OPENER_PID)
  }
}

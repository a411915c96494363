// What the engine takes from outside: files, clock, who this process is. Production passes the real
// ones; tests a simulated disk, a machine that restarts, and limits small enough to be met.

import { randomBytes } from 'node:crypto'
import { systemClock } from '../clock.ts'
import type { Clock } from '../clock.ts'
import type { FileSystem } from '../fs/file-system.ts'
import { nodeFileSystem } from '../fs/node-file-system.ts'
import type { OrderCheck } from '../guard/order-check.ts'
import { readIdentity } from '../lease/identity.ts'
import type { Identity, Liveness } from '../lease/lease.ts'
import { loadOsLock } from '../lease/os-lock.ts'
import type { FileLocks, OsLock } from '../lease/os-lock.ts'

/** Limits that users do not set. Sizes in bytes. */
export interface Tuning {
  /** A journal file this long is followed by another. */
  readonly journalFileSize: number
  /** A journal longer than this is flushed and retired from its oldest file on. */
  readonly journalLimit: number
  /** A frame with this many bytes in its widest channel goes to a segment at once (bench/inline.ts). */
  readonly inlineLimit: number
  /** Most bytes of samples in one extent that a flush or a collection writes. */
  readonly extentLimit: number
  /** Archived edits may outgrow the checkpoint by this much before a new one is written. */
  readonly manifestSlack: number
  /** Tails that name more extents than this are flushed. */
  readonly tailExtents: number
  /**
   * Small syncs are made on the loop while they take less than this, in milliseconds; 0 for never
   * (bench/compare).
   */
  readonly loopSyncMs: number
  /**
   * Bytes of fill that are laid ahead of the journal's end where strict commits are waited for; 0 for none
   * (bench/compare).
   */
  readonly fillSize: number
  /**
   * More unproven bytes of segments than this are synced before the interval is over: a recovery copies them
   * (bench/scale.ts).
   */
  readonly unprovenLimit: number
  /**
   * More bytes of segments than this that were proven and that no record vouches for call for one that does.
   */
  readonly unmarkedLimit: number
  /** What the file system gives back at least: holes begin and end at multiples of it. */
  readonly holeSize: number
  /** Holes that one record tells of, and one sync: a step of a ms (bench/stalls.ts, dead). */
  readonly holesARecord: number
  /**
   * Dead places that are remembered between collections: some 50 to 130 bytes each. Beyond it the next one
   * searches for them.
   */
  readonly deadNotes: number
  /**
   * What a record frees is looked at in its own step, up to so many pointers and changes; beyond it in
   * slices.
   */
  readonly freedAtOnce: number
  /** Room on the disk that is kept for deletes, collections and recovery; 0 for none (0006). */
  readonly reserveSize: number
}

const MIB = 1024 * 1024

/** The limits of production for a memory budget. */
export function tuningFor(memoryBudget: number): Tuning {
  return {
    journalFileSize: Math.min(16 * MIB, Math.max(MIB, memoryBudget / 4)),
    journalLimit: Math.max(8 * MIB, Math.min(64 * MIB, memoryBudget)),
    inlineLimit: 4096,
    extentLimit: MIB,
    manifestSlack: MIB,
    tailExtents: 4096,
    loopSyncMs: 0.5,
    fillSize: MIB / 4,
    unprovenLimit: 32 * MIB,
    unmarkedLimit: MIB,
    holeSize: 4096,
    holesARecord: 4096,
    deadNotes: 128 * 1024,
    freedAtOnce: 1024,
    reserveSize: MIB,
  }
}

export interface Environment {
  readonly files: FileSystem
  readonly clock: Clock
  readonly identity: Identity
  /** The operating system's lock, where it can be had. */
  readonly lock?: OsLock | undefined
  /** The same for registrations of read-only processes, each of which locks its own. */
  readonly readerLocks?: FileLocks | undefined
  readonly isAlive?: ((holder: Identity, self: Identity) => Liveness) | undefined
  /** Waits that many ms; another one than a timer only in tests. */
  readonly wait?: ((ms: number) => Promise<void>) | undefined
  /** A new database's id: 16 bytes. */
  readonly newId: () => Uint8Array
  readonly check?: OrderCheck | undefined
  readonly tuning?: Partial<Tuning> | undefined
}

/** The machine that this process runs on. */
export async function systemEnvironment(): Promise<Environment> {
  const locks = await loadOsLock()
  return {
    files: nodeFileSystem,
    clock: systemClock,
    identity: readIdentity(Number(systemClock.now() / 1_000_000n)),
    lock: locks,
    readerLocks: locks,
    newId: () => new Uint8Array(randomBytes(16)),
  }
}

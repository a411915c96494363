// The lease by files of the database's folder: LEASE-<epoch>, won by an exclusive link, and FENCE (S6).
// The newest lease file says who holds; it is never removed, only superseded, so that a slow opener with
// an old listing cannot win an epoch that was there before. The operating system's lock, where there is
// one, refuses sooner and proves deaths that process ids cannot. Called by database/ when it opens.

import { randomUUID } from 'node:crypto'
import { CorruptionError, DatabaseLockedError, LeaseLostError } from '../errors.ts'
import type { RubidiumError } from '../errors.ts'
import type { FileSystem } from '../fs/file-system.ts'
import { FENCE, LOCK, MAX_SEGMENT_EPOCH, isTempName, join, leaseName, parseLease } from '../fs/layout.ts'
import { storageError } from '../fs/storage-error.ts'
import { Fence } from './fence.ts'
import { isAlive } from './identity.ts'
import { OwnLeaseFile, readLease } from './lease-file.ts'
import type { FoundLease, LeaseContent } from './lease-file.ts'
import type { Identity, Lease, Liveness } from './lease.ts'
import { removeIfThere } from './linked-file.ts'
import { heldByNote, lockedBy, noteOf } from './locked.ts'
import type { HeldOsLock, OsLock } from './os-lock.ts'

/** Writes that end within this many ms after a look began are covered by it (0.8 us saved each). */
const LOOK_COVERS_MS = 50

/** How long a taker lets the fence stand before it reads what a holder may still have covered by a look. */
const SETTLE_MS = 100

/** What the lease file and its names may take on a disk, in bytes. */
const MOST_ROOM = 4096

/** Lost races in a row after which something else must be wrong. */
const MAX_ATTEMPTS = 100

/** What `acquireLease` takes. */
export interface LeaseOptions {
  readonly files: FileSystem
  /** The database's folder, which exists. */
  readonly directory: string
  /** Noted in the lease file, where it is known already. */
  readonly databaseId?: string | undefined
  /** This process. */
  readonly identity: Identity
  readonly clock: { now(): bigint; monotonicMs(): number }
  /** Left out: the lease files alone decide. */
  readonly lock?: OsLock | undefined
  /** Whether a holder still runs; another one than `isAlive` only in tests. */
  readonly isAlive?: ((holder: Identity, own: Identity) => Liveness) | undefined
  /** Epochs in names of journals, manifests and segments: the new one is greater than all of them. */
  readonly epochsSeen: readonly number[]
  /** Take the lease also from a holder that is alive, or may be: the operator's decision. */
  readonly takeover?: boolean | undefined
  /** Waits that many ms; another one than a timer only in tests. */
  readonly wait?: ((ms: number) => Promise<void>) | undefined
}

/**
 * Takes the lease of a folder that nobody holds, or whose holder is dead.
 *
 * **Durable:** the new epoch: lease file, fence and their names.
 * @throws DatabaseLockedError (DATABASE_LOCKED) naming the holder, when it is alive, may be, or was faster.
 * CorruptionError (CORRUPTION) for a fence that holds no epoch. LeaseLostError (LEASE_LOST) when it was
 * taken over before this resolved. StorageError (STORAGE) for what the disk refuses.
 */
export async function acquireLease(options: LeaseOptions): Promise<Lease> {
  const { files, directory } = options
  let lock: HeldOsLock | undefined
  try {
    const attempt = options.lock?.tryLock(join(directory, LOCK))
    if (attempt?.outcome === 'busy' && options.takeover !== true) {
      const newest = await newestLease(files, directory)
      // Where the newest holder went on without the lock, whoever has it was overtaken: it says nothing any
      // more.
      if (newest?.content?.lock !== 'file') throw heldByNote(directory, attempt.note, newest)
    }
    if (attempt?.outcome === 'held') lock = attempt.lock
    const taker = new Taker(options, lock)
    lock?.writeNote(noteOf(taker.since, options.identity))
    return await taker.take()
  } catch (error) {
    lock?.release()
    throw storageError('The lease could not be taken', directory, error, MOST_ROOM)
  }
}

/** One attempt to take the lease, from the first listing to the fence. */
class Taker {
  readonly since: string
  readonly #options: LeaseOptions
  readonly #lock: HeldOsLock | undefined
  readonly #token = randomUUID()
  /** The newest epoch that the operator's decision is about: not those who come meanwhile. */
  #takeoverUpTo: number | undefined
  /** The newest epoch whose holder was found not to matter; who shows above it came meanwhile. */
  #judgedUpTo = 0
  /** A holder that may still run was passed over: what it covered by a look must be waited for. */
  #mustSettle = false

  constructor(options: LeaseOptions, lock: HeldOsLock | undefined) {
    this.#options = options
    this.#lock = lock
    this.since = new Date(Number(options.clock.now() / 1_000_000n)).toISOString()
  }

  async take(): Promise<Lease> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const epoch = await this.#nextEpoch()
      if (epoch === undefined) continue
      const own = await this.#link(epoch)
      if (own !== undefined) return this.#enforce(epoch, own)
    }
    const { directory } = this.#options
    throw new DatabaseLockedError(`"${directory}" is being opened by others all the time: try again`, {
      directory,
    })
  }

  // The epoch to try for, once nobody holds the lease; undefined when what was found is out of date already.
  async #nextEpoch(): Promise<number | undefined> {
    const { files, directory, epochsSeen } = this.#options
    // A listing is not one instant: it may miss a name that comes and one that goes meanwhile, the new
    // holder's and the old one's. The old one's goes only after the fence was raised, which shows.
    const before = this.#readFence()
    const epochs = await leaseEpochs(files, directory)
    const newest = epochs.at(-1)
    const inForce = this.#readFence()
    if (inForce !== before) return undefined
    this.#takeoverUpTo ??= newest ?? 0
    // Who is in force and has no name: somebody removed it, and nobody can tell whether it still runs.
    this.#mustSettle ||= inForce > 0 && !epochs.includes(inForce)
    for (const epoch of epochs.toReversed()) {
      const found = readLease(files, directory, epoch)
      if (found === undefined) return undefined
      this.#judge(found, inForce)
    }
    this.#judgedUpTo = newest ?? 0
    const epoch = 1 + epochsSeen.reduce((most, seen) => Math.max(most, seen), Math.max(newest ?? 0, inForce))
    if (epoch < MAX_SEGMENT_EPOCH) return epoch
    throw new CorruptionError(
      join(directory, FENCE),
      0,
      `there can be no epoch ${epoch} after those that names show`,
    )
  }

  #readFence(): number {
    const { files, directory } = this.#options
    const fence = Fence.open(files, directory)
    try {
      return fence?.read() ?? 0
    } finally {
      fence?.close()
    }
  }

  // Several names are there while somebody takes over, or after that was broken off: the one in force may
  // still hold the lease then, and one before it may still rely on its last look.
  #judge(found: FoundLease, inForce: number): void {
    const { directory, takeover } = this.#options
    if (found.isReleased) return
    const liveness = found.content === undefined ? 'unknown' : this.#livenessOf(found.content)
    if (liveness === 'dead') return
    const isDecided = takeover === true && found.epoch <= (this.#takeoverUpTo ?? 0)
    if (found.epoch >= inForce && !isDecided) throw lockedBy(directory, found, liveness)
    this.#mustSettle = true
  }

  #livenessOf(holder: LeaseContent): Liveness {
    const { identity } = this.#options
    const liveness = (this.#options.isAlive ?? isAlive)(holder, identity)
    // Who had the lock and has it no more is gone, unless it is seen to run: then LOCK was replaced.
    const hadLock = holder.lock === 'os' && holder.host === identity.host
    const isCertain = liveness === 'alive' && holder.startTime !== ''
    return this.#lock !== undefined && hadLock && !isCertain ? 'dead' : liveness
  }

  #link(epoch: number): Promise<OwnLeaseFile | undefined> {
    const { files, directory, identity, databaseId } = this.#options
    const { host, bootId, pidNamespace, pid, startTime } = identity
    const content: LeaseContent = {
      epoch,
      host,
      bootId,
      pidNamespace,
      pid,
      startTime,
      since: this.since,
      lock: this.#lock === undefined ? 'file' : 'os',
      ...(databaseId === undefined ? {} : { database: databaseId }),
    }
    return OwnLeaseFile.create(files, directory, content, this.#token)
  }

  // From the link on others see a holder: every way out either enforces the epoch or gives it back.
  async #enforce(epoch: number, own: OwnLeaseFile): Promise<Lease> {
    const { files, directory } = this.#options
    let fence: Fence | undefined
    try {
      await files.syncDirectory(directory)
      await this.#assertNoOther(epoch, this.#judgedUpTo)
      fence = await Fence.openOrCreate(files, directory, epoch, this.#token)
      if (!(await fence.raise(epoch))) throw await this.#overtaken(epoch)
      await files.syncDirectory(directory)
      // Who came with a smaller epoch after the first look has seen this one's name, and gives up.
      await this.#assertNoOther(epoch, epoch)
      // Before their names go: should this opener die meanwhile, the next one waits instead.
      if (this.#mustSettle) await (this.#options.wait ?? wait)(SETTLE_MS)
      await this.#removeOlder(epoch, fence)
      const lease = new LocalLease({
        epoch,
        directory,
        own,
        fence,
        lock: this.#lock,
        clock: this.#options.clock,
      })
      lease.lookNow()
      return lease
    } catch (error) {
      fence?.close()
      await own.giveBack().catch(() => undefined)
      throw error
    }
  }

  // Throws where a name above `beyond` shows another opener.
  async #assertNoOther(epoch: number, beyond: number): Promise<void> {
    const { files, directory } = this.#options
    const epochs = await leaseEpochs(files, directory)
    if (epochs.some((other) => other > beyond && other !== epoch)) throw await this.#overtaken(epoch)
  }

  // Somebody else came while this process stood still. This one's name goes, so that it does not hide the
  // other's: either a later name is there, or the epoch was never in force.
  async #overtaken(epoch: number): Promise<DatabaseLockedError> {
    const { files, directory } = this.#options
    const epochs = await leaseEpochs(files, directory)
    const newest = epochs.filter((other) => other > this.#judgedUpTo && other !== epoch).at(-1)
    if (newest === undefined) return lockedBy(directory, undefined, 'alive')
    await removeIfThere(files, join(directory, leaseName(epoch)))
    return lockedBy(directory, readLease(files, directory, newest), 'alive')
  }

  async #removeOlder(epoch: number, fence: Fence): Promise<void> {
    const { files, directory } = this.#options
    for (const name of await files.list(directory)) {
      const old = parseLease(name)
      if (!isTempName(name) && (old === undefined || old >= epoch)) continue
      // What is under construction may be a later holder's.
      if (fence.read() !== epoch) return
      await removeIfThere(files, join(directory, name))
    }
  }
}

interface LocalLeaseParts {
  readonly epoch: number
  readonly directory: string
  readonly own: OwnLeaseFile
  readonly fence: Fence
  readonly lock: HeldOsLock | undefined
  readonly clock: { monotonicMs(): number }
}

/** Why a lease is in force no more. */
interface Loss {
  readonly why: string
  readonly cause?: unknown
}

class LocalLease implements Lease {
  readonly epoch: number
  readonly directory: string
  readonly #parts: LocalLeaseParts
  #lookedAtMs = -Infinity
  #lost: Loss | undefined
  /** The first look that the disk did not answer. */
  #unanswered: RubidiumError | undefined
  #released: Promise<void> | undefined

  constructor(parts: LocalLeaseParts) {
    this.epoch = parts.epoch
    this.directory = parts.directory
    this.#parts = parts
  }

  look(): void {
    const nowMs = this.#parts.clock.monotonicMs()
    if (!this.#hasFailed && nowMs - this.#lookedAtMs <= LOOK_COVERS_MS) return
    this.#lookAt(nowMs)
  }

  lookNow(): void {
    this.#lookAt(this.#parts.clock.monotonicMs())
  }

  get #hasFailed(): boolean {
    return this.#lost !== undefined || this.#unanswered !== undefined
  }

  release(): Promise<void> {
    this.#lost ??= { why: 'was given back' }
    this.#released ??= this.#giveBack()
    return this.#released
  }

  // A look counts from before it was made: a stall between reading and dating it would stretch it.
  #lookAt(nowMs: number): void {
    this.#lost ??= this.#readFence()
    if (this.#lost !== undefined) {
      const { why, cause } = this.#lost
      throw new LeaseLostError(
        `The lease of "${this.directory}" (epoch ${this.epoch}) ${why}: nothing can be changed any more`,
        { cause },
      )
    }
    // What was not acknowledged for want of an answer is not acknowledged because of a later one.
    if (this.#unanswered !== undefined) throw this.#unanswered
    this.#lookedAtMs = nowMs
  }

  // A disk that does not answer says nothing of another holder: a later look may find one.
  #readFence(): Loss | undefined {
    try {
      const shown = this.#parts.fence.read()
      return shown === this.epoch ? undefined : { why: `was taken over (the fence shows epoch ${shown})` }
    } catch (cause) {
      if (cause instanceof CorruptionError)
        return { why: 'is in force no more (the fence holds no epoch)', cause }
      const action = `Cannot show that the lease of "${this.directory}" (epoch ${this.epoch}) is in force`
      this.#unanswered ??= storageError(action, join(this.directory, FENCE), cause)
      return undefined
    }
  }

  async #giveBack(): Promise<void> {
    const { own, fence, lock } = this.#parts
    try {
      await own.giveBack()
    } catch (error) {
      throw storageError(
        'The lease could not be given back',
        join(this.directory, leaseName(this.epoch)),
        error,
      )
    } finally {
      fence.close()
      lock?.release()
    }
  }
}

async function leaseEpochs(files: FileSystem, directory: string): Promise<number[]> {
  const epochs = (await files.list(directory)).map((name) => parseLease(name))
  return epochs.filter((epoch) => epoch !== undefined).sort((a, b) => a - b)
}

async function newestLease(files: FileSystem, directory: string): Promise<FoundLease | undefined> {
  const newest = (await leaseEpochs(files, directory)).at(-1)
  return newest === undefined ? undefined : readLease(files, directory, newest)
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

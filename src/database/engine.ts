// The head: the version and the tails after every record, and what all lives of the engine share. A
// record is checked, appended and published in one synchronous step here (0003-I2); who publishes an
// edit holds the guards for what its plan rested on. One engine per open database.

import { AssertionError } from '../assert.ts'
import { ClosedError, CorruptionError, ReadOnlyError, StorageError } from '../errors.ts'
import type { Clock } from '../clock.ts'
import { Group } from '../domain/group.ts'
import { PagePool } from '../domain/page-pool.ts'
import type { FreedBytes } from '../domain/tail-cut.ts'
import type { TailView } from '../domain/tail.ts'
import type { FileSystem } from '../fs/file-system.ts'
import { GuardSet } from '../guard/guard-set.ts'
import { unguarded } from '../guard/held.ts'
import type { Held, Mode } from '../guard/held.ts'
import type { Journal } from '../journal/journal.ts'
import { bytesOfRows } from '../journal/record.ts'
import type { CommitSection } from '../journal/record.ts'
import type { Lease } from '../lease/lease.ts'
import { lookAtReaders } from '../lease/registered-readers.ts'
import type { RegisteredReader } from '../lease/registered-readers.ts'
import type { Manifest } from '../manifest/manifest.ts'
import type { Segment, SegmentPool } from '../segment/segment-pool.ts'
import { join, READER_DIRECTORY } from '../fs/layout.ts'
import { storageError } from '../fs/storage-error.ts'
import { apply } from '../version/apply.ts'
import type { Edit } from '../version/edit.ts'
import type { Catalogue, Version } from '../version/version.ts'
import type { GroupView } from '../unary/channel-view.ts'
import type { TimeRange } from '../telem/time-range.ts'
import { catalogueOf } from '../version/version.ts'
import type { Environment, Tuning } from './environment.ts'
import { tuningFor } from './environment.ts'
import type { Durability, ResolvedOptions } from './options.ts'
import type { RecoveryReport } from './opening/believe.ts'
import { DeadSpace } from './collection/dead-space.ts'
import { Pins } from './pins.ts'
import type { PlannedChanges } from './planned-changes.ts'
import type { ShownState } from './opening/read-on.ts'
import type { Reader } from './reader.ts'
import { Reserve, useOf } from './reserve.ts'
import { Resources } from './resources.ts'
import { SmallExtents } from './collection/small-extents.ts'
import type { SnapshotState } from './snapshot-state.ts'
import { SyncSchedule } from './sync-schedule.ts'
import { Syncer } from './syncer.ts'
import { Turns } from './turns.ts'
import { writeUnsyncedMark } from './opening/unsynced-mark.ts'

/**
 * Where tails name this many times the extents that they are flushed at, who writes waits: some 20 MB
 * (0001-I9).
 */
const MOST_TAILS = 16

export interface EngineParts {
  readonly environment: Environment
  readonly directory: string
  readonly options: ResolvedOptions
  readonly databaseId: Uint8Array
  /** Of the lease held; that of the newest records for a read-only process. */
  readonly epoch: number
  readonly lease: Lease | undefined
  readonly segments: SegmentPool
  readonly version: Version
  readonly groups: Map<number, Group>
  /** LSN of the newest record that was recovered. */
  readonly lastLsn: number
  readonly recovery: RecoveryReport | undefined
  /** Of the logs, in bytes: of a read-only process. */
  readonly logBytes?: number
  /** Of a writing process. */
  readonly reserve?: Reserve
}

export class Engine {
  readonly environment: Environment
  readonly directory: string
  readonly options: ResolvedOptions
  readonly tuning: Tuning
  readonly databaseId: Uint8Array
  readonly epoch: number
  readonly lease: Lease | undefined
  readonly segments: SegmentPool
  readonly guards: GuardSet
  readonly pool: PagePool
  readonly syncer: Syncer
  /** Room for what must go on where the disk is full. */
  readonly reserve: Reserve
  readonly pins: Pins = new Pins()
  /** Where dead bytes lie, and small extents: what collections look at. */
  readonly deadSpace: DeadSpace
  readonly smallExtents: SmallExtents = new SmallExtents()
  /** Holes can be punched into segments, as far as is known. */
  canPunch = true
  readonly resources: Resources = new Resources()
  readonly snapshots: Set<SnapshotState> = new Set()
  readonly turns: Turns
  recovery: RecoveryReport | undefined
  groups: Map<number, Group>
  version: Version
  /** Of a read-only process: its registration, and how it moves forward. */
  reader: Reader | undefined
  /**
   * Of a read-only process: epoch that wrote the newest records that it shows, and bytes of the logs that it
   * has read.
   */
  epochShown: number
  logBytes: number
  journal: Journal | undefined
  /** The manifest that this epoch writes; undefined before its first checkpoint. */
  manifest: Manifest | undefined
  /**
   * The manifest of an earlier epoch that the version began with, and its bytes, until this epoch has one.
   */
  baseManifest: { readonly name: string; readonly size: number } | undefined
  /** Journal records up to this LSN are in the manifest, or were flushed. */
  covered = 0
  /** LSN of the record that the last retirement left behind the file that went; 0 for none. */
  leftBehind = 0
  /** LSN of the last checkpoint that was begun in this epoch. */
  checkpointTried = 0
  state: 'open' | 'closing' | 'closed' = 'open'
  /**
   * Segments that were dropped and whose files are still there, with the LSN of the record that dropped them.
   */
  readonly dropped: Map<Segment, number> = new Map()
  /** Long reads and verifications: a close lets them end, since their files go with it. */
  readonly underWay: Set<Promise<unknown>> = new Set()
  /** Extents that tails name. */
  tailExtents = 0
  /** Called when memory runs short or the journal grows long. */
  wantsFlush: () => void = () => {}
  /**
   * Resolves when a flush that memory or the journal asked for has ended, or has failed; set by the flusher.
   */
  whenFlushed: () => Promise<void> = () => Promise.resolve()
  /** Flushes all tails; set by the flusher. @throws StorageError */
  flushTails: () => Promise<void> = () => Promise.resolve()
  #failure: StorageError | undefined
  #lastLsn: number
  #nextStream = 1
  readonly #schedule: SyncSchedule
  #writeOutScheduled = false
  /** LSN of the newest strict commit. */
  #newestStrict = 0

  constructor(parts: EngineParts) {
    const { environment, options } = parts
    this.environment = environment
    this.directory = parts.directory
    this.options = options
    this.tuning = { ...tuningFor(options.memoryBudget), ...environment.tuning }
    this.deadSpace = new DeadSpace(this.tuning)
    this.databaseId = parts.databaseId
    this.epoch = parts.epoch
    this.lease = parts.lease
    this.segments = parts.segments
    this.version = parts.version
    this.groups = parts.groups
    this.recovery = parts.recovery
    this.reserve = parts.reserve ?? new Reserve(environment.files, parts.directory, 0)
    this.#lastLsn = parts.lastLsn
    this.epochShown = parts.epoch
    this.logBytes = parts.logBytes ?? 0
    this.guards = new GuardSet({ clock: environment.clock, check: environment.check })
    this.pool = new PagePool(options.memoryBudget, () => this.wantsFlush())
    this.turns = new Turns(environment.clock)
    this.syncer = new Syncer({
      files: environment.files,
      directory: parts.directory,
      segments: parts.segments,
      clock: environment.clock,
      loopSyncMs: this.tuning.loopSyncMs,
      failed: (error) => {
        this.fail(error)
        this.#markUnsynced()
      },
      proved: () => this.#markProven(),
    })
    this.#schedule = new SyncSchedule({
      clock: environment.clock,
      syncer: this.syncer,
      segments: parts.segments,
      syncIntervalMs: options.syncIntervalMs,
      tuning: this.tuning,
      lastLsn: () => this.lastLsn,
      // After a failed sync nothing can be proven any more; `fail` was told, and writes are refused.
      isOver: () => this.failure !== undefined || this.state === 'closed',
    })
  }

  get files(): FileSystem {
    return this.environment.files
  }

  get clock(): Clock {
    return this.environment.clock
  }

  /** LSN of the newest record. */
  get lastLsn(): number {
    return this.journal?.lastLsn ?? this.#lastLsn
  }

  get catalogue(): Catalogue {
    return catalogueOf(this.version)
  }

  nextStreamId(): number {
    return this.#nextStream++
  }

  /** The tail of a group, made when it is first asked for. */
  group(key: number): Group {
    let group = this.groups.get(key)
    if (group === undefined) {
      group = new Group(key)
      this.groups.set(key, group)
    }
    return group
  }

  /** The head's view of one group; of its tail what can hold samples of the range. */
  viewOf(groupKey: number, range?: TimeRange): GroupView {
    const tail: readonly TailView[] = this.groups.get(groupKey)?.views(range?.start, range?.end) ?? []
    return { pointers: this.version.pointers, tail, segments: this.segments }
  }

  /** @throws ClosedError */
  assertOpen(): void {
    if (this.state !== 'open') throw new ClosedError(`The database "${this.directory}" is closed`)
  }

  /**
   * Whoever was overtaken is told before anything of the call is recorded; the look before the
   * acknowledgement stays the one that counts.
   * @throws ClosedError, ReadOnlyError, StorageError (after a failed sync), LeaseLostError
   */
  assertWritable(): void {
    this.assertOpen()
    if (this.options.readOnly)
      throw new ReadOnlyError(`The database "${this.directory}" was opened read-only: open it for writing`)
    this.look()
    if (this.failure !== undefined) throw this.failure
  }

  /**
   * Why writes are refused: the first failure that does not pass, a journal's that cannot be appended to any
   * more included.
   */
  get failure(): StorageError | undefined {
    return this.#failure ?? this.journal?.refused
  }

  /**
   * Tells the next opener that what is not proven may not be on the disk, whatever the system shows of it.
   */
  #markUnsynced(): void {
    try {
      this.lookNow()
    } catch {
      // Whoever was overtaken leaves nothing behind.
      return
    }
    writeUnsyncedMark(this.files, this.directory, this.epoch)
  }

  /** Refuses writes from now on; reads go on. */
  fail(error: StorageError): void {
    this.#failure ??= this.failure ?? error
    this.pool.fail(error)
  }

  /** A close waits for this. */
  letEnd<T>(work: Promise<T>): Promise<T> {
    const ended = (): void => {
      this.underWay.delete(work)
    }
    this.underWay.add(work)
    work.then(ended, ended)
    return work
  }

  /** Guard rank 1: acquired first by everything that writes. */
  holdLease<M extends Mode>(mode: M, purpose: string, signal?: AbortSignal): Promise<Held<'lease', M>> {
    const timeoutMs = mode === 'shared' ? this.options.lockTimeoutMs : undefined
    return this.guards.acquire(unguarded, { rank: 'lease', mode, purpose, timeoutMs, signal })
  }

  /**
   * Applies an edit to the head and appends it, as one step; returns its LSN.
   *
   * **Guard:** whatever the edit's plan rests on. **Durable:** handed to the operating system.
   * On a full disk one that brings nothing new to keep may use the reserve.
   * @param planned its changes, where they were planned in slices
   * @throws StorageError, LeaseLostError, AssertionError (it does not fit the head); then nothing has changed
   */
  publishEdit(edit: Edit, planned?: PlannedChanges): number {
    const { journal } = this
    if (journal !== undefined) this.look()
    if (edit.kind === 'create' || edit.kind === 'redefine')
      this.reserve.assertWhole('Cannot change channels', 0)
    const lsn = (journal?.lastLsn ?? this.#lastLsn) + 1
    const next = apply(this.version, edit, lsn, planned?.ahead)
    if (journal === undefined) this.#lastLsn = lsn
    else {
      this.reserve.lendNow(useOf(edit), () => journal.appendEdit(edit, this.syncer.proven, planned?.encoded))
      this.#schedule.noteRecord()
    }
    const before = this.version
    this.version = next
    if (next.segments !== before.segments) this.#noteFreed(before.segments, next.segments, lsn)
    this.deadSpace.noteEdit(before, edit, lsn, planned?.ahead)
    return lsn
  }

  /**
   * Appends a commit; the caller publishes it to the tails in the same step. The reserve is not for commits.
   * @throws StorageError; then nothing has changed
   */
  appendCommit(sections: readonly CommitSection[], durability: Durability): number {
    const { journal, reserve } = this
    if (!reserve.isWhole) reserve.assertWhole('Cannot commit', bytesOfRows(sections))
    let lsn: number
    try {
      lsn = journal!.appendCommit(sections, this.syncer.proven, durability !== 'relaxed')
    } catch (error) {
      throw reserve.note(error)
    }
    this.#schedule.noteRecord()
    if (durability === 'relaxed') this.#scheduleWriteOut()
    else if (durability === 'strict') this.#newestStrict = lsn
    if (this.journal!.size > this.tuning.journalLimit || this.tailExtents > this.tuning.tailExtents)
      this.wantsFlush()
    return lsn
  }

  /**
   * What whoever wrote samples waits for before it goes on, if for anything: tails that name far too many
   * extents are flushed, the loop turns.
   */
  pace(): Promise<void> | undefined {
    if (this.tailExtents > MOST_TAILS * this.tuning.tailExtents) return this.whenFlushed()
    return this.turns.due()
  }

  /** Resolves when the record may be acknowledged. @throws StorageError, LeaseLostError */
  async acknowledge(lsn: number, durability: Durability): Promise<void> {
    if (durability === 'relaxed') return
    if (durability === 'strict') await this.syncer.reach(lsn)
    this.look()
    if (durability !== 'strict') return
    // Whoever syncs now and then needs no fill; nor may it take what the reserve wants.
    if (lsn <= this.#newestStrict && this.reserve.isWhole) this.journal?.fillAhead(this.syncer.proven)
    // A sync on the loop has not let it turn.
    await this.turns.due()
  }

  /**
   * Shows that what was written before the call was written under the lease.
   * @throws LeaseLostError; StorageError where the disk does not say: writes are refused from then on
   */
  look(): void {
    try {
      this.lease?.look()
    } catch (error) {
      throw this.#notShown(error)
    }
  }

  /** As `look`, before something is destroyed or archived. @throws LeaseLostError, StorageError */
  lookNow(): void {
    try {
      this.lease?.lookNow()
    } catch (error) {
      throw this.#notShown(error)
    }
  }

  #notShown(error: unknown): unknown {
    if (error instanceof StorageError) {
      this.fail(error)
      return this.failure
    }
    // Also after a failed sync: it is the last word, and no reopening by this process changes it.
    if (error instanceof Error) this.#failure = error as StorageError
    this.pool.fail(error)
    return error
  }

  /** What was freed in segments outside the version (tails), at an LSN. */
  noteTailFreed(freed: FreedBytes, lsn: number): void {
    for (const [id, bytes] of freed) {
      const segment = this.segments.get(id)
      segment.tailLive -= bytes
      if (bytes > 0) segment.freed = lsn
    }
  }

  #noteFreed(before: Version['segments'], after: Version['segments'], lsn: number): void {
    for (const [id, was, is] of before.changedIn(after)) {
      if (is === undefined || is.live >= was.live) continue
      const segment = this.segments.find(id)
      if (segment !== undefined) segment.freed = lsn
    }
  }

  /**
   * The oldest LSN that anybody may still need, registered read-only processes looked at now: to be asked
   * after the record that frees something was proven, and before that is destroyed (S2).
   * @throws StorageError where registrations cannot be listed: then nothing may be destroyed
   */
  async oldestPin(): Promise<number> {
    let oldest = Infinity
    for (const { pin } of await this.lookAtReaders()) oldest = Math.min(oldest, pin)
    this.pins.registered = oldest
    return this.pins.oldest
  }

  /**
   * What to tell of an error that an operation met. Of one that reading met see `Reader.judge`; here a later
   * holder may have punched what is read.
   */
  async judged(error: unknown): Promise<unknown> {
    if (error instanceof AssertionError) return this.#contradiction(error)
    if (this.reader !== undefined) return this.reader.judge(error)
    if (!(error instanceof CorruptionError)) return error
    try {
      this.lookNow()
      return error
    } catch (lost) {
      return lost
    }
  }

  /** A log whose records have right checksums and contradict each other looks like a fault of the library. */
  #contradiction(cause: AssertionError): StorageError {
    const path = this.directory
    const message =
      `The log of "${path}" contradicts itself, or this is a fault of Rubidium: look with db.verify(), save the data with ` +
      `"rubidium repair DIR TARGET", and report it with this text (${cause.message})`
    return new StorageError(message, { cause, path })
  }

  /**
   * Puts another state in the place of the one that a read-only process shows; snapshots stay what they are.
   */
  show(state: ShownState, recovery: RecoveryReport | undefined): void {
    this.version = state.version
    this.groups = state.groups
    this.#lastLsn = state.lastLsn
    this.epochShown = state.epoch
    this.logBytes = state.logBytes
    this.recovery = recovery
  }

  /** Read-only processes that are registered and not known to be dead. @throws StorageError */
  async lookAtReaders(): Promise<RegisteredReader[]> {
    const { files, identity, isAlive, readerLocks } = this.environment
    const { directory } = this
    const removesDead = !this.options.readOnly
    try {
      return await lookAtReaders({ files, directory, identity, isAlive, locks: readerLocks, removesDead })
    } catch (cause) {
      const path = join(directory, READER_DIRECTORY)
      throw storageError('Cannot list the registrations of read-only processes', path, cause)
    }
  }

  /**
   * The mark travels in records: where none follows a sync, a recovery would copy much that is proven, so one
   * is appended that changes nothing. That it is lost, or cannot be written, does no harm.
   */
  #markProven(): void {
    if (this.state !== 'open' || this.failure !== undefined || this.syncer.proven < this.lastLsn) return
    if (!this.#schedule.wantsMark || !this.reserve.isWhole) return
    try {
      this.publishEdit({ kind: 'drop', segments: [] })
    } catch {
      // The next record says why it cannot be appended.
    }
  }

  #scheduleWriteOut(): void {
    if (this.#writeOutScheduled) return
    this.#writeOutScheduled = true
    setImmediate(() => {
      this.#writeOutScheduled = false
      try {
        this.look()
        this.journal?.writeOut()
      } catch {
        // They stay pending: the next append tries again and says why it cannot.
      }
    })
  }

  /** No timer fires any more. */
  stopTimers(): void {
    this.#schedule.stop()
  }
}

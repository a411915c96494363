// Syncing (S1): notes the newest LSN, syncs the segments, then the journal's files from the oldest on,
// then the directories where names were added, and has then proven the log up to what it noted, no
// further. One at a time; whoever waits together shares one. After one failure nothing is ever proven
// again: pages that look clean may not be on the disk, and only reopening tells (S4).
//
// It syncs on the thread pool, so that the loop goes on meanwhile. Where one caller waits alone, for a few
// records, on a disk that has been quick of late, the way to the pool and back costs more than the sync:
// that one is made on the loop.

import type { Clock } from '../clock.ts'
import { StorageError } from '../errors.ts'
import { JOURNAL_DIRECTORY, join } from '../fs/layout.ts'
import type { FileSystem } from '../fs/file-system.ts'
import type { Journal, JournalFile } from '../journal/journal.ts'
import type { Segment, SegmentPool } from '../segment/segment-pool.ts'

interface Waiter {
  readonly lsn: number
  resolve(): void
  reject(error: unknown): void
}

export interface SyncerOptions {
  readonly files: FileSystem
  readonly directory: string
  readonly segments: SegmentPool
  readonly clock: Clock
  /** While syncs take less than this, in milliseconds, they may be made on the loop; 0 for never. */
  readonly loopSyncMs: number
  /** Called once, with the error that all later writes are refused with. */
  readonly failed: (error: StorageError) => void
  /** Called when a round of syncs has proven something, before those who waited for it go on. */
  readonly proved: () => void
}

/** What the latest sync counts for in the mean: one slow sync sends a few that follow to the pool. */
const LATEST_SHARE = 0.25

/** It counts as this many times `loopSyncMs` at most: a disk that was slow once is not slow for long. */
const MOST_TIMES = 4

export class Syncer {
  readonly #options: SyncerOptions
  #journal: Journal | undefined
  #proven = 0
  #provenBytes = 0
  readonly #waiters: Waiter[] = []
  #running = false
  #failure: StorageError | undefined
  /** How long syncs take of late; undefined before the first. */
  #meanMs: number | undefined

  constructor(options: SyncerOptions) {
    this.#options = options
  }

  /** From now on there is a journal to sync; everything up to `proven` is on disk already. */
  attach(journal: Journal, proven: number): void {
    this.#journal = journal
    this.#proven = proven
    this.#provenBytes = this.#options.segments.handedOut
  }

  /** Records up to this LSN are on disk, with every byte that they name. */
  get proven(): number {
    return this.#proven
  }

  /** Of the bytes that segments have handed out, how many the last sync that proved something found. */
  get provenBytes(): number {
    return this.#provenBytes
  }

  /** Why nothing can be proven any more. */
  get failure(): StorageError | undefined {
    return this.#failure
  }

  /**
   * Resolves when records up to `lsn` are proven.
   * @throws StorageError when a sync fails, or failed before
   */
  reach(lsn: number): Promise<void> {
    if (lsn <= this.#proven) return Promise.resolve()
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#waiters.push({ lsn, resolve, reject })
      if (!this.#running) void this.#run()
    })
  }

  /**
   * Resolves when what was written to segments before the call is on disk, whatever names it.
   * @throws StorageError
   */
  syncSegments(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      // Beyond every LSN there is: served by the next whole round.
      this.#waiters.push({ lsn: Number.MAX_SAFE_INTEGER, resolve, reject })
      if (!this.#running) void this.#run()
    })
  }

  /**
   * Syncs on the event loop, for callers that never let it turn. Proves nothing while another sync is
   * under way: that one may fail on pages which this one then finds clean.
   */
  syncNow(): void {
    if (this.#failure !== undefined || this.#journal === undefined || this.#writeOut() !== undefined) return
    try {
      const lsn = this.#journal.lastLsn
      const { handedOut } = this.#options.segments
      for (const segment of this.#options.segments.all()) {
        if (segment.dirty) segment.writer?.syncNow()
      }
      for (const file of this.#journal.files) {
        if (file.dirty) file.file.syncNow()
      }
      for (const path of this.#dirtyDirectories()) this.#options.files.syncDirectoryNow(path)
      if (this.#running) return
      this.#options.segments.takeDirty()
      for (const file of this.#journal.files) file.dirty = false
      this.#namesAreClean()
      this.#proven = Math.max(this.#proven, lsn)
      this.#provenBytes = handedOut
    } catch (cause) {
      this.#fail(cause)
    }
  }

  /** A sync that somebody made beside these has failed: nothing is proven any more. */
  refuse(cause: unknown): void {
    this.#fail(cause)
  }

  async #run(): Promise<void> {
    this.#running = true
    try {
      while (this.#waiters.length > 0) {
        // Whoever calls in the same step as the first joins it.
        if (this.#isQuick()) await Promise.resolve()
        const asked = this.#waiters.splice(0)
        const refusal = this.#writeOut()
        // Whoever waits for what the system has already is not concerned: others' records found no room.
        const written = this.#journal?.written ?? 0
        const waiters = refusal === undefined ? asked : asked.filter(({ lsn }) => lsn <= written)
        if (refusal !== undefined) for (const each of asked) if (each.lsn > written) each.reject(refusal)
        if (waiters.length === 0) continue
        const startedMs = this.#options.clock.monotonicMs()
        try {
          const file = waiters.length === 1 && this.#isQuick() ? this.#onlyDirtyFile() : undefined
          if (file === undefined) await this.#round(waiters)
          else this.#roundNow(waiters, file)
        } catch (cause) {
          const error = this.#fail(cause)
          for (const waiter of [...waiters, ...this.#waiters.splice(0)]) waiter.reject(error)
        }
        const { clock, loopSyncMs } = this.#options
        const tookMs = Math.min(clock.monotonicMs() - startedMs, MOST_TIMES * loopSyncMs)
        this.#meanMs = (this.#meanMs ?? tookMs) * (1 - LATEST_SHARE) + tookMs * LATEST_SHARE
      }
    } finally {
      this.#running = false
    }
  }

  async #round(waiters: readonly Waiter[]): Promise<void> {
    const { segments } = this.#options
    const journal = this.#journal
    const lsn = journal?.written ?? 0
    const { handedOut } = segments
    const dirtyFiles = (journal?.files ?? []).filter((file) => file.dirty)
    const directories = this.#dirtyDirectories()
    this.#namesAreClean()
    for (const file of dirtyFiles) file.dirty = false
    await Promise.all(segments.takeDirty().map(syncSegment))
    for (const file of dirtyFiles) {
      // One that was retired meanwhile needs no sync: retirement waited until it was proven.
      if (journal?.files.includes(file) === true) await file.file.sync()
    }
    for (const path of directories) await this.#options.files.syncDirectory(path)
    this.#prove(lsn, handedOut, waiters)
  }

  /** As `#round`, on the loop, where one journal file is all that there is to sync. */
  #roundNow(waiters: readonly Waiter[], file: JournalFile): void {
    const lsn = this.#journal!.written
    const { handedOut } = this.#options.segments
    file.dirty = false
    file.file.syncNow()
    this.#prove(lsn, handedOut, waiters)
  }

  #prove(lsn: number, handedOut: number, waiters: readonly Waiter[]): void {
    // One that failed on the loop meanwhile may have left pages that this one found clean.
    if (this.#failure !== undefined) throw this.#failure
    this.#proven = Math.max(this.#proven, lsn)
    this.#provenBytes = Math.max(this.#provenBytes, handedOut)
    this.#options.segments.closeSealed()
    this.#options.proved()
    for (const waiter of waiters) {
      if (waiter.lsn <= this.#proven || waiter.lsn === Number.MAX_SAFE_INTEGER) waiter.resolve()
      else this.#waiters.push(waiter)
    }
  }

  #isQuick(): boolean {
    return this.#meanMs !== undefined && this.#meanMs < this.#options.loopSyncMs
  }

  /** The journal file that is all there is to sync; undefined where there is more. */
  #onlyDirtyFile(): JournalFile | undefined {
    const dirty = (this.#journal?.files ?? []).filter((file) => file.dirty)
    if (dirty.length !== 1 || this.#dirtyDirectories().length > 0) return undefined
    return this.#options.segments.all().some((segment) => segment.dirty) ? undefined : dirty[0]
  }

  /**
   * Hands pending records to the operating system. What it refuses is no failed sync: they stay pending (S4).
   */
  #writeOut(): unknown {
    try {
      this.#journal?.writeOut()
      return undefined
    } catch (error) {
      return error
    }
  }

  #dirtyDirectories(): string[] {
    const { directory, segments } = this.#options
    const paths: string[] = []
    if (segments.namesDirty) paths.push(segments.path)
    if (this.#journal?.namesDirty === true) paths.push(join(directory, JOURNAL_DIRECTORY))
    return paths
  }

  #namesAreClean(): void {
    this.#options.segments.namesDirty = false
    if (this.#journal !== undefined) this.#journal.namesDirty = false
  }

  #fail(cause: unknown): StorageError {
    if (this.#failure === undefined) {
      const why = cause instanceof Error ? cause.message : String(cause)
      this.#failure = new StorageError(
        `A sync failed (${why}): what was written since may not be on the disk. Writes are refused until the database ` +
          'is closed and opened again; reads go on',
        { cause },
      )
      this.#options.failed(this.#failure)
    }
    return this.#failure
  }
}

async function syncSegment(segment: Segment): Promise<void> {
  await segment.writer?.sync()
}

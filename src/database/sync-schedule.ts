// When the log is synced though nobody waits for it: within the interval after the oldest record that is not
// proven, and once much was written to segments since the last sync. By the timer where the loop turns, else
// by the caller that keeps it. Kept by the engine, which tells of each record.

import type { Clock } from '../clock.ts'
import type { SegmentPool } from '../segment/segment-pool.ts'
import type { Tuning } from './environment.ts'
import type { Syncer } from './syncer.ts'

/** Node fires timers of more than this at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/**
 * The timer is due this much before the interval is over, in milliseconds, at most a quarter of it: who lets
 * the loop turn is in time.
 */
const TIMER_EARLY_MS = 100

export interface SyncScheduleOptions {
  readonly clock: Clock
  readonly syncer: Syncer
  readonly segments: SegmentPool
  readonly syncIntervalMs: number
  readonly tuning: Pick<Tuning, 'unprovenLimit' | 'unmarkedLimit'>
  /** LSN of the newest record. */
  readonly lastLsn: () => number
  /** Nothing is to be synced any more, or nothing can be proven. */
  readonly isOver: () => boolean
}

export class SyncSchedule {
  readonly #options: SyncScheduleOptions
  #timer: ReturnType<typeof setTimeout> | undefined
  #oldestUnprovenMs = 0
  /** Of the bytes that segments have handed out: how many the newest record's mark vouches for, ... */
  #markedBytes = 0
  /** ... and how many there were when a sync was last asked for because of them. */
  #askedBytes = 0

  constructor(options: SyncScheduleOptions) {
    this.#options = options
  }

  /** To be called for every record, right after it was appended. */
  noteRecord(): void {
    const { clock, syncer, segments, syncIntervalMs, tuning } = this.#options
    this.#markedBytes = syncer.provenBytes
    const { handedOut } = segments
    if (handedOut - Math.max(this.#askedBytes, syncer.provenBytes) > tuning.unprovenLimit) {
      this.#askedBytes = handedOut
      // Where it fails the syncer tells.
      syncer.reach(this.#options.lastLsn()).catch(() => {})
    }
    const nowMs = clock.monotonicMs()
    if (this.#timer === undefined) {
      this.#oldestUnprovenMs = nowMs
      this.#armTimer()
    } else if (nowMs - this.#oldestUnprovenMs > syncIntervalMs) {
      // The timer is long due and has not come: the caller does not let the loop turn.
      this.#oldestUnprovenMs = nowMs
      syncer.syncNow()
    }
  }

  /** More bytes are proven than the newest record says: a recovery would copy much of it. */
  get wantsMark(): boolean {
    const { syncer, tuning } = this.#options
    return syncer.provenBytes - this.#markedBytes > tuning.unmarkedLimit
  }

  /** No timer fires any more. */
  stop(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #armTimer(): void {
    const { clock, syncer, syncIntervalMs, lastLsn, isOver } = this.#options
    const delayMs = syncIntervalMs - Math.min(TIMER_EARLY_MS, syncIntervalMs / 4)
    this.#timer = setTimeout(
      () => {
        const startedMs = clock.monotonicMs()
        this.#timer = undefined
        const goOn = (): void => {
          if (this.#timer !== undefined || isOver() || syncer.proven >= lastLsn()) return
          this.#oldestUnprovenMs = startedMs
          this.#armTimer()
        }
        syncer.reach(lastLsn()).then(goOn, goOn)
      },
      Math.min(delayMs, LONGEST_TIMER_MS),
    )
    this.#timer.unref()
  }
}

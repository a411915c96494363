// What bench/scale.ts asks for and what the lives of its child say: constants that both need, and the
// messages between them. Times are in milliseconds, sizes in bytes.

import type { DeleteResult, GcReport, Stats } from '../src/index.ts'
import type { Rows } from './scale-data.ts'

/** Rows of the database: 20 million samples. */
export const ROWS = 2_000_000
/** Rows of a window. */
export const WINDOW = 1000
export const MEMORY_BUDGET: number = 32 * 1024 * 1024

/** The middle tenth, half a frame off, so that extents are cut in two at both ends. */
export const DELETED: Rows = { from: 900_500, to: 1_100_500 }

export interface WriteReport {
  readonly rssBefore: number
  /** After the warm-up: what growth is counted from. */
  readonly rssBase: number
  readonly rssPeak: number
  /** Most that `stats` said is held. */
  readonly heldPeak: number
  readonly writeMs: number
  /** Until all of it was synced, making the values included. */
  readonly syncedMs: number
  readonly plainWriteMs: number
  readonly plainSyncedMs: number
}

export interface WindowReport {
  readonly windows: number
  readonly windowMs: number
  readonly plainWindowMs: number
}

export interface ReadReport extends WindowReport {
  readonly openMs: number
  readonly crashed: boolean | undefined
  /** Of the first windows in this process. */
  readonly firstWindowMs: number
  readonly channelMs: number
  readonly plainChannelMs: number
  readonly rssBase: number
  readonly rssPeak: number
  readonly closeMs: number
}

export interface DeleteReport {
  readonly openMs: number
  readonly deleteMs: number
  readonly deleted: DeleteResult
  readonly logGrowth: number
  /** Names of segment files that were not what they were before the delete: other bytes, size, inode or time. */
  readonly touched: readonly string[]
  readonly gcMs: number
  readonly gc: GcReport
  readonly plainCopyMs: number
  readonly rssBase: number
  readonly rssPeak: number
  /** Dead bytes that were there before the delete: what an earlier recovery left. */
  readonly deadBefore: number
  /** Bytes of blocks that segment files took on disk. */
  readonly diskBefore: number
  readonly diskAfter: number
  readonly windowsAfter: WindowReport
  readonly channels: Stats['channels']
}

export interface LastReport extends WindowReport {
  readonly openMs: number
  readonly crashed: boolean | undefined
  readonly channels: Stats['channels']
}

/** What was acknowledged when the word went out; more may be there. */
export interface InterruptedReport {
  readonly rows: number
}

export interface RecoverReport {
  readonly openMs: number
  readonly crashed: boolean | undefined
  /** All of them checked. */
  readonly rows: number
  readonly rssBase: number
  readonly rssPeak: number
}

/** By life: what it says. */
export interface Reports {
  /** Writes everything, and is killed with the database open. */
  readonly write: WriteReport
  /** Opens after that kill, reads, and closes. */
  readonly read: ReadReport
  /** Opens after that close, deletes, collects, and is killed with the database open. */
  readonly delete: DeleteReport
  /** Opens after that kill, reads again, and closes. */
  readonly last: LastReport
  /** Writes, and is killed in the middle of it: nobody syncs but the engine. */
  readonly interrupted: InterruptedReport
  /** Opens after that kill, and reads all that is there. */
  readonly recover: RecoverReport
}

export type Report = Reports[keyof Reports]

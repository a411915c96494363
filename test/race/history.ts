// What concurrent clients called and saw, in the order of one counter: a history. It says nothing of how the
// engine does it, so that whoever checks it (checker.ts) knows nothing of that either. Every sample's time is
// used once in its group, so that a time that is read tells which commit it came with. Times and values are
// plain numbers. Made by the clients (client.ts), by the matrix, and by hand in tests.

/** How a call ended. `unknown`: it may have taken effect, now or later; `refused`: it has not, and will not. */
export type Outcome = 'done' | 'refused' | 'unknown'

interface Call {
  /** Its place in the history, from 0. */
  readonly id: number
  /** The counter when it was called. */
  readonly invoked: number
  /** The counter when it ended; Infinity while it has not. */
  readonly responded: number
  readonly outcome: Outcome
}

/** One group's part of a commit. */
export interface CommitPart {
  /** The index channel. */
  readonly index: string
  /** All channels written, the index channel first. */
  readonly channels: readonly string[]
  /** Strictly increasing. */
  readonly times: readonly number[]
  /** By channel, beside `times`; an index channel's values are the times. */
  readonly values: readonly (readonly number[])[]
}

/** A commit: all of it takes effect at one instant between call and end. */
export interface Commit extends Call {
  readonly kind: 'commit'
  /** Commits of one writer take effect in the order of the calls. */
  readonly writer: number
  readonly parts: readonly CommitPart[]
}

/** A delete of [start, end). */
export interface Delete extends Call {
  readonly kind: 'delete'
  readonly channels: readonly string[]
  readonly start: number
  readonly end: number
  /** By channel: how many samples it says it has removed; undefined where it never said. */
  readonly removed: Readonly<Record<string, number>> | undefined
}

/** The removal of channels with their samples. */
export interface Removal extends Call {
  readonly kind: 'remove'
  readonly channels: readonly string[]
}

/** What one channel showed. */
export interface Seen {
  readonly channel: string
  readonly times: readonly number[]
  readonly values: readonly number[]
  /** What `count`, `bounds` and `latest(1)`, called in the same instant and range, said; undefined where not asked. */
  readonly count?: number
  readonly bounds?: readonly [start: number, end: number] | undefined
  readonly latest?: number | undefined
}

/** A read of [start, end): of the head, of a snapshot, or all frames of a walk. It shows one instant. */
export interface Read {
  readonly kind: 'read'
  readonly id: number
  /** What was read: to say so. */
  readonly by: string
  /** The instant: the counter when the read was called, the snapshot taken, or the walk begun. */
  readonly at: number
  readonly start: number
  readonly end: number
  readonly seen: readonly Seen[]
}

/** What changes what reads see. */
export type Write = Commit | Delete | Removal

export interface History {
  /** By channel, those included that were made on the way: its index channel; an index channel's is itself. */
  readonly channels: ReadonlyMap<string, string>
  readonly operations: readonly (Write | Read)[]
  /** Calls that failed as no call may, in words. */
  readonly faults: readonly string[]
}

/** First and last time of a part of a commit. */
export function spanOf({ times }: CommitPart): { readonly first: number; readonly last: number } {
  return { first: times[0]!, last: times.at(-1)! }
}

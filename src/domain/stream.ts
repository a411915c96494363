// One writer in one group: where its next sample lies, the page that it fills, and what it has
// written but not committed. Plain state; the rules are in control/region.ts and database/commit.ts.

import type { ExtentPlace } from '../journal/record.ts'
import type { Shape } from '../journal/shape.ts'
import type { Strip } from './tail.ts'

/** Rows that were written and not committed: in a strip, or in extents that no record names yet. */
export type PendingRun =
  | { readonly kind: 'rows'; readonly strip: Strip; readonly from: number; to: number }
  | {
      readonly kind: 'extents'
      readonly count: number
      readonly first: bigint
      readonly last: bigint
      readonly places: readonly ExtentPlace[]
    }

export class Stream {
  /** Tells the streams of an epoch apart in the journal. */
  readonly id: number
  readonly shape: Shape
  /** Names of the channels, by ordinal of the shape, as the writer opened them. */
  readonly names: readonly string[]
  /** The writer's `start`: no sample may lie before it. */
  readonly start: bigint | undefined
  /** Last timestamp written, committed or not. */
  last: bigint | undefined
  /** Last timestamp committed by this stream. */
  committedLast: bigint | undefined
  /** Samples must stay before this: committed data, or the start of another writer. As of `generation`. */
  upper: bigint | undefined
  /** The group's generation that `upper` was found at; -1 where it must be found. */
  generation = -1
  /** The newest committed sample of the region is this stream's own last. As of `generation`. */
  goesOn = false
  /** Channels (keys) whose last committed sample of this stream was deleted since. */
  readonly broken: Set<number> = new Set()
  strip: Strip | undefined
  pending: PendingRun[] = []
  /** Bytes of the last page taken; pages double up to a bound. */
  pageSize = 0

  constructor(id: number, shape: Shape, names: readonly string[], start: bigint | undefined) {
    this.id = id
    this.shape = shape
    this.names = names
    this.start = start
  }

  /**
   * Where the next sample can lie at the earliest; undefined before the first of a writer without `start`.
   */
  get position(): bigint | undefined {
    return this.last === undefined ? this.start : this.last + 1n
  }

  /** Samples per channel that are written and not committed. */
  get pendingCount(): number {
    let count = 0
    for (const run of this.pending) count += run.kind === 'rows' ? run.to - run.from : run.count
    return count
  }

  /** First timestamp that is written and not committed; there must be one. */
  get pendingFirst(): bigint {
    const run = this.pending[0]!
    return run.kind === 'rows' ? run.strip.times[run.from]! : run.first
  }
}

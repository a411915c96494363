// A collection under way: what it was asked for, what it did up to now, and the accounts of the segments that
// it decides by. Made by collect.ts; its steps (drop, punch, rewrite) share it.

import { segmentFile } from '../../fs/layout.ts'
import { describeRoom } from '../../fs/storage-error.ts'
import { unguarded } from '../../guard/held.ts'
import type { Held } from '../../guard/held.ts'
import { FIRST_EXTENT } from '../../segment/segment-file.ts'
import type { Segment } from '../../segment/segment-pool.ts'
import type { Account } from './collect-plan.ts'
import type { Engine } from '../engine.ts'
import type { Flusher } from '../flusher.ts'
import type { GcProgress, GcReport } from './gc-report.ts'

export interface CollectOptions {
  /** A segment is collected when at least this share of it is dead: 0 to 1. */
  readonly threshold: number
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: GcProgress) => void) | undefined
}

/** Why pinned bytes are left where they are. */
export const STILL_NEEDED = 'a snapshot, a read or a read-only process still needs what was freed'

export class CollectRun {
  readonly engine: Engine
  readonly flusher: Flusher
  readonly options: CollectOptions
  segmentsRemoved = 0
  bytesReclaimed = 0
  bytesPunched = 0
  extentsMerged = 0
  /** There was no room for so many live bytes: nothing as large is tried. */
  noRoomFor: number = Infinity
  /** Collected or skipped: not to be rewritten again in this run. */
  readonly tried: Set<Segment> = new Set()
  readonly #collected = new Set<Segment>()
  readonly #skipped = new Map<string, string>()
  #scanned = 0
  readonly #waiting = new Set<Segment>()

  constructor(engine: Engine, flusher: Flusher, options: CollectOptions) {
    this.engine = engine
    this.flusher = flusher
    this.options = options
  }

  /** Segments that are there now, but for those that only wait to be removed. */
  get segments(): Segment[] {
    const { segments, dropped } = this.engine
    return segments.all().filter((segment) => !dropped.has(segment))
  }

  /** These were there when the run began; of `waiting` it has to do something about. */
  begin(segments: readonly Segment[], waiting: readonly Segment[]): void {
    this.#scanned = segments.length
    for (const segment of waiting) this.#waiting.add(segment)
  }

  /** Something was done about these, or nothing can be. @throws what `onProgress` throws */
  done(segments: Iterable<Segment>): void {
    for (const segment of segments) this.#waiting.delete(segment)
    const { bytesReclaimed } = this
    const [done, total] = [this.#scanned - this.#waiting.size, this.#scanned]
    this.options.onProgress?.({ done, total, bytesReclaimed })
  }

  /** What is left is not what it was: it needs nothing any more. @throws what `onProgress` throws */
  end(): void {
    if (this.#waiting.size > 0) this.done([...this.#waiting])
  }

  collected(segment: Segment): void {
    this.#collected.add(segment)
  }

  /** @param file name of a segment or a journal file */
  skip(file: string, reason: string): void {
    if (!this.#skipped.has(file)) this.#skipped.set(file, reason)
  }

  skipSegment(segment: Segment, reason: string): void {
    this.tried.add(segment)
    this.skip(segmentFile(segment.id), reason)
  }

  get report(): GcReport {
    return {
      segmentsScanned: this.#scanned,
      segmentsCollected: this.#collected.size,
      segmentsRemoved: this.segmentsRemoved,
      bytesReclaimed: this.bytesReclaimed,
      bytesPunched: this.bytesPunched,
      extentsMerged: this.extentsMerged,
      skipped: [...this.#skipped].map(([segment, reason]) => ({ segment, reason })),
    }
  }
}

/** What is what in a segment. */
export function accountOf({ version }: Engine, segment: Segment): Account {
  const entry = version.segments.get(segment.id)
  const live = entry?.live ?? 0
  return {
    size: segment.size - FIRST_EXTENT,
    live,
    needed: live + segment.tailLive + segment.reserved,
    punched: entry?.holes?.bytes ?? 0,
  }
}

/** Bytes of a segment that pointers reach. */
export function liveBytes(engine: Engine, segment: Segment): number {
  return accountOf(engine, segment).live
}

export function noRoom(needed: number): string {
  return `needs ${describeRoom(needed)} of room, which the disk has not`
}

/** Undefined where one of them is busy: the collector waits for nobody. */
export function tryHold(
  engine: Engine,
  segments: readonly Segment[],
): Held<'segment', 'exclusive'> | undefined {
  const keys = segments.map(({ id }) => id)
  return engine.guards.tryAcquire(unguarded, { rank: 'segment', mode: 'exclusive', keys, purpose: 'collect' })
}

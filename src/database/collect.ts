// A collection: gives the bytes of tombstones back without blocking a reader or a writer. Segments that
// are wholly dead are dropped, segments that are dead enough, or hold small extents with neighbours to be
// merged with, are rewritten and then dropped. Files go only when the record that dropped them is
// synced and every pin is at or past the LSN that freed them (S2, S6). On a full disk the journal is
// retired as well, and what has no room to be moved is left and reported.

import { CorruptionError } from '../errors.ts'
import { describeRoom, isDiskFull, neededBy, storageError } from '../fs/storage-error.ts'
import { segmentFile } from '../fs/layout.ts'
import { unguarded } from '../guard/held.ts'
import type { Held } from '../guard/held.ts'
import { FIRST_EXTENT } from '../segment/segment-file.ts'
import type { Segment } from '../segment/segment-pool.ts'
import type { Pointer } from '../version/pointer.ts'
import type { Engine } from './engine.ts'
import type { Flusher } from './flusher.ts'
import { relocate } from './relocate.ts'
import { retireOldest } from './retire.ts'
import { walkPointers } from './walk-pointers.ts'

/** What a collection did. */
export interface GcReport {
  /** Segments looked at. */
  readonly segmentsScanned: number
  /** Rewritten or removed. */
  readonly segmentsCollected: number
  /** Files removed. */
  readonly segmentsRemoved: number
  /** Bytes of removed files less those of the files written instead. */
  readonly bytesReclaimed: number
  /** Bytes given back in place. */
  readonly bytesPunched: number
  /** Extents that became part of a neighbour. */
  readonly extentsMerged: number
  /** Segments that were left as they were. */
  readonly skipped: readonly {
    /** Name of the file. */
    readonly segment: string
    /** Why, in words. */
    readonly reason: string
  }[]
}

/** How far a collection is. */
export interface GcProgress {
  /** Segments looked at, of `total`. */
  readonly done: number
  /** Segments that there were when the run began. */
  readonly total: number
  /** Bytes given back up to now. */
  readonly bytesReclaimed: number
}

export interface CollectOptions {
  /** A segment is collected when at least this share of it is dead: 0 to 1. */
  readonly threshold: number
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: GcProgress) => void) | undefined
}

/** Extents below this many bytes are small: worth merging with their neighbours (windows read from 8 KB extents at 0.55 to 0.77 of bare reads, RFC 0006). */
const SMALL_EXTENT = 16 * 1024

type Tally = { -readonly [K in keyof GcReport]: GcReport[K] } & {
  skipped: { segment: string; reason: string }[]
}

/** A collection under way. */
interface Run {
  readonly engine: Engine
  readonly flusher: Flusher
  readonly options: CollectOptions
  readonly tally: Tally
  /** There was no room for so many live bytes: nothing as large is tried. */
  noRoomFor: number
}

/** Runs one collection. @throws StorageError, LeaseLostError, the signal's reason; the database is consistent then */
export async function collect(engine: Engine, flusher: Flusher, options: CollectOptions): Promise<GcReport> {
  const tally: Tally = {
    segmentsScanned: 0,
    segmentsCollected: 0,
    segmentsRemoved: 0,
    bytesReclaimed: 0,
    bytesPunched: 0,
    extentsMerged: 0,
    skipped: [],
  }
  const run: Run = { engine, flusher, options, tally, noRoomFor: Infinity }
  await removeDropped(engine, tally)
  const segments = engine.segments.all().filter((segment) => !engine.dropped.has(segment))
  const mergeable = await planMerge(engine, segments)
  const wanted = segments.filter(
    (segment) => isDead(engine, segment, options.threshold) && !mergeable.includes(segment),
  )
  const dead = wanted.filter((segment) => neededBytes(engine, segment) === 0)
  tally.segmentsScanned = segments.length
  let done = segments.length - wanted.length - mergeable.length
  const collectAll = async (batches: readonly (readonly Segment[])[]): Promise<void> => {
    for (const batch of batches) {
      options.signal?.throwIfAborted()
      if (batch.length === 0) continue
      await collectBatch(run, batch)
      await removeDropped(engine, tally)
      done += batch.length
      options.onProgress?.({ done, total: segments.length, bytesReclaimed: tally.bytesReclaimed })
    }
  }
  // What gives room and takes none comes first, then what takes the least.
  await collectAll([dead])
  if (engine.reserve.wasFull) await retireJournal(run)
  const others = wanted.filter((segment) => !dead.includes(segment))
  await collectAll([...planBatches(engine, others), mergeable])
  if (engine.reserve.refill()) engine.reserve.wasFull = false
  return tally
}

/** On a full disk the journal is room too: what keeps its files is flushed, and they go, the oldest first. */
async function retireJournal({ engine, flusher, options, tally }: Run): Promise<void> {
  const { reserve } = engine
  for (const file of [...(engine.journal?.files ?? [])]) {
    options.signal?.throwIfAborted()
    const before = bytesOf(engine)
    try {
      await reserve.lend(() => flusher.flushKeeping(file))
      if (!(await retireOldest(engine))) return
    } catch (error) {
      if (!isDiskFull(error)) throw error
      tally.skipped.push({ segment: file.name, reason: noRoom(neededBy(error)) })
      return
    } finally {
      tally.bytesReclaimed += before - bytesOf(engine)
    }
  }
}

/** Bytes of all logs and segments. */
function bytesOf({ journal, manifest, segments }: Engine): number {
  const logs = (journal?.size ?? 0) + (manifest?.size ?? 0)
  return segments.all().reduce((sum, { size }) => sum + size, logs)
}

function noRoom(needed: number): string {
  return `needs ${describeRoom(needed)} of room, which the disk has not`
}

/** Bytes of a segment that pointers reach. */
function liveBytes(engine: Engine, { id }: Segment): number {
  return engine.version.segments[id]?.live ?? 0
}

/** The segments whose live bytes are the fewest come first. */
function byLiveBytes(engine: Engine, segments: readonly Segment[]): Segment[] {
  return segments.toSorted((a, b) => liveBytes(engine, a) - liveBytes(engine, b))
}

/** Bytes of a segment that something needs: pointers, runs of tails, what is on its way. */
function neededBytes(engine: Engine, segment: Segment): number {
  return liveBytes(engine, segment) + segment.tailLive + segment.reserved
}

function deadBytes(engine: Engine, segment: Segment): number {
  return segment.size - FIRST_EXTENT - neededBytes(engine, segment)
}

function isDead(engine: Engine, segment: Segment, threshold: number): boolean {
  const dead = deadBytes(engine, segment)
  const size = segment.size - FIRST_EXTENT
  if (size <= 0) return segment !== engine.segments.active
  return dead > 0 && dead >= threshold * size
}

/** Segments that are collected together, those with the least live bytes first: what lives in them fits into one new one. */
function planBatches(engine: Engine, wanted: readonly Segment[]): Segment[][] {
  const batches: Segment[][] = []
  let batch: Segment[] = []
  let live = 0
  for (const segment of byLiveBytes(engine, wanted)) {
    const own = liveBytes(engine, segment)
    if (batch.length > 0 && live + own > engine.options.segmentSize) {
      batches.push(batch)
      batch = []
      live = 0
    }
    batch.push(segment)
    live += own
  }
  if (batch.length > 0) batches.push(batch)
  return batches
}

/**
 * Segments most of whose pointers reach small extents with a neighbour to be merged with. One batch a
 * run, and only neighbours within it count: so whatever is rewritten does get merged, and not again.
 */
async function planMerge(engine: Engine, segments: readonly Segment[]): Promise<readonly Segment[]> {
  const joins = await findJoins(engine)
  let batch = segments
  for (let round = 0; round < 3; round++) {
    const candidates = new Set(batch.map(({ id }) => id))
    const found = batch.filter(({ id }) => isMergeable(joins.get(id), candidates))
    batch = planBatches(engine, found)[0] ?? []
    if (batch.length === 0) break
  }
  return batch
}

/** What a segment's pointers reach. */
interface Joins {
  /** Pointers into it. */
  all: number
  /** Those that reach small extents and go on where another small one ends, by the segment of that. */
  readonly small: Map<number, number>
}

async function findJoins({ version, turns }: Engine): Promise<Map<number, Joins>> {
  const found = new Map<number, Joins>()
  for (const [, table] of version.pointers.entries()) {
    let before: Pointer | undefined
    await walkPointers(turns, table, (pointer) => {
      const joins = found.get(pointer.segment) ?? { all: 0, small: new Map<number, number>() }
      found.set(pointer.segment, joins)
      joins.all++
      if (before !== undefined && pointer.joined && isSmall(pointer) && isSmall(before)) {
        joins.small.set(before.segment, (joins.small.get(before.segment) ?? 0) + 1)
      }
      before = pointer
    })
  }
  return found
}

function isSmall(pointer: Pointer): boolean {
  return pointer.length < SMALL_EXTENT
}

/** Whether most of a segment's pointers would be merged, were these segments rewritten together. */
function isMergeable(joins: Joins | undefined, candidates: ReadonlySet<number>): boolean {
  if (joins === undefined) return false
  let mergeable = 0
  for (const [segment, count] of joins.small) if (candidates.has(segment)) mergeable += count
  return mergeable * 2 > joins.all
}

/** Damage in one segment, or no room for it, keeps no other from being collected: what cannot be moved stays, and is told. */
async function collectBatch(run: Run, batch: readonly Segment[]): Promise<void> {
  const { engine, tally } = run
  const left = await tryBatch(run, batch)
  if (left === undefined) return
  const [only, ...others] = left.segments
  if (others.length > 0) {
    for (const segment of byLiveBytes(engine, left.segments)) await collectBatch(run, [segment])
    return
  }
  if (only === undefined) return
  const live = liveBytes(engine, only) + only.tailLive
  if (isDiskFull(left.error)) run.noRoomFor = Math.min(run.noRoomFor, live)
  const reason = isDiskFull(left.error) ? noRoom(live) : left.error.message
  tally.skipped.push({ segment: segmentFile(only.id), reason })
}

/** What a try has left as it was, and why: something in it is damaged, or the disk is full. */
interface Left {
  readonly segments: readonly Segment[]
  readonly error: Error
}

/** Collects what of a batch is free. Returns what was left for a reason that may lie in one segment alone. */
async function tryBatch(run: Run, batch: readonly Segment[]): Promise<Left | undefined> {
  const { engine, flusher, options, tally } = run
  const { reserve } = engine
  const fitting = batch.filter((segment) => {
    const live = liveBytes(engine, segment) + segment.tailLive
    if (live < run.noRoomFor) return true
    tally.skipped.push({ segment: segmentFile(segment.id), reason: noRoom(live) })
    return false
  })
  // Runs of tails stay where they are: they must be pointers before their segment can go.
  for (const segment of fitting) {
    if (segment.tailLive === 0) continue
    try {
      await reserve.lend(() => flusher.flushNaming(segment.id))
    } catch (error) {
      if (!isDiskFull(error)) throw error
      return { segments: fitting, error: error as Error }
    }
  }
  const free = fitting.filter((segment) => {
    const reason = reasonToSkip(engine, segment)
    if (reason !== undefined) tally.skipped.push({ segment: segmentFile(segment.id), reason })
    return reason === undefined
  })
  if (free.length === 0) return undefined
  using held = tryHold(engine, free)
  if (held === undefined) return undefined
  for (const segment of free) if (!segment.sealed) engine.segments.seal(segment)
  const ids = new Set(free.map(({ id }) => id))
  if (free.some((segment) => liveBytes(engine, segment) > 0)) {
    const report = { merged: 0, written: 0 }
    const isWanted = (pointer: Pointer): boolean => ids.has(pointer.segment)
    try {
      await reserve.lend(() => relocate(engine, held, isWanted, options.signal, report))
    } catch (error) {
      if (!(error instanceof CorruptionError) && !isDiskFull(error)) throw error
      return { segments: free, error: error as Error }
    } finally {
      // What was written before it ended counts too.
      tally.bytesReclaimed -= report.written
      tally.extentsMerged += report.merged
    }
  }
  const empty = free.filter((segment) => {
    if (neededBytes(engine, segment) === 0) return true
    tally.skipped.push({ segment: segmentFile(segment.id), reason: 'something in it could not be moved' })
    return false
  })
  dropSegments(engine, empty)
  tally.segmentsCollected += empty.length
  return undefined
}

/** Why a segment cannot be collected now. Checked in the step that takes its guard. */
function reasonToSkip(engine: Engine, segment: Segment): string | undefined {
  const held = tryHold(engine, [segment])
  if (held === undefined) return 'busy: something is appended to it'
  held.release()
  if (segment.reserved > 0) return 'samples that are not committed yet lie in it'
  if (segment.tailLive > 0) return 'commits that are not flushed yet lie in it'
  if (engine.pins.oldest < segment.freed) return 'a snapshot or a read still needs what was freed'
  return undefined
}

function tryHold(engine: Engine, segments: readonly Segment[]): Held<'segment', 'exclusive'> | undefined {
  const keys = segments.map(({ id }) => id)
  return engine.guards.tryAcquire(unguarded, { rank: 'segment', mode: 'exclusive', keys, purpose: 'collect' })
}

/** From now on no record names them; their files go when nobody needs them any more. */
function dropSegments(engine: Engine, segments: readonly Segment[]): void {
  const named = segments.map(({ id }) => id).filter((id) => engine.version.segments[id] !== undefined)
  const lsn = named.length === 0 ? engine.lastLsn : engine.publishEdit({ kind: 'drop', segments: named })
  for (const segment of segments) engine.dropped.set(segment, lsn)
}

/** Removes the files of dropped segments that nobody needs any more. @throws StorageError, LeaseLostError */
async function removeDropped(engine: Engine, tally: Tally): Promise<void> {
  for (const [segment, lsn] of [...engine.dropped]) {
    await engine.syncer.reach(lsn)
    if (engine.pins.oldest < segment.freed) {
      tally.skipped.push({ segment: segmentFile(segment.id), reason: 'a snapshot or a read still needs it' })
      continue
    }
    engine.lookNow()
    const { size } = segment
    try {
      await engine.segments.remove(segment)
    } catch (cause) {
      throw storageError('Cannot remove a segment', segmentFile(segment.id), cause)
    }
    engine.dropped.delete(segment)
    engine.reserve.refill()
    tally.segmentsRemoved++
    tally.bytesReclaimed += size
  }
}

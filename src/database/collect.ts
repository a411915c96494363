// A collection: gives the bytes of tombstones back without blocking a reader or a writer. Segments that
// are wholly dead are dropped, segments that are dead enough, or hold small extents with neighbours to be
// merged with, are rewritten and then dropped. Files go only when the record that dropped them is
// synced and every pin is at or past the LSN that freed them (S2, S6).

import { CorruptionError } from '../errors.ts'
import { storageError } from '../fs/storage-error.ts'
import { segmentFile } from '../fs/layout.ts'
import { unguarded } from '../guard/held.ts'
import type { Held } from '../guard/held.ts'
import { FIRST_EXTENT } from '../segment/segment-file.ts'
import type { Segment } from '../segment/segment-pool.ts'
import type { Pointer } from '../version/pointer.ts'
import type { Engine } from './engine.ts'
import type { Flusher } from './flusher.ts'
import { relocate } from './relocate.ts'

/** What a collection did. */
export interface GcReport {
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
  readonly skipped: readonly { readonly segment: string; readonly reason: string }[]
}

/** How far a collection is. */
export interface GcProgress {
  /** Segments looked at, of `total`. */
  readonly done: number
  readonly total: number
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
  await removeDropped(engine, tally)
  const segments = engine.segments.all().filter((segment) => !engine.dropped.has(segment))
  const wanted = segments.filter((segment) => isDead(engine, segment, options.threshold))
  const mergeable = planMerge(engine, segments)
  const batches = [
    ...planBatches(
      engine,
      wanted.filter((segment) => !mergeable.includes(segment)),
    ),
    mergeable,
  ]
  tally.segmentsScanned = segments.length
  let done = segments.length - batches.flat().length
  for (const batch of batches) {
    options.signal?.throwIfAborted()
    if (batch.length === 0) continue
    await collectBatch(engine, flusher, batch, options, tally)
    await removeDropped(engine, tally)
    done += batch.length
    options.onProgress?.({ done, total: segments.length, bytesReclaimed: tally.bytesReclaimed })
  }
  return tally
}

/** Bytes of a segment that something needs: pointers, runs of tails, what is on its way. */
function neededBytes(engine: Engine, segment: Segment): number {
  return (engine.version.segments[segment.id]?.live ?? 0) + segment.tailLive + segment.reserved
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

/** Segments that are collected together: what lives in them fits into one new one. */
function planBatches(engine: Engine, wanted: readonly Segment[]): Segment[][] {
  const batches: Segment[][] = []
  let batch: Segment[] = []
  let live = 0
  for (const segment of wanted) {
    const own = engine.version.segments[segment.id]?.live ?? 0
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
function planMerge(engine: Engine, segments: readonly Segment[]): Segment[] {
  let candidates = new Set(segments.map(({ id }) => id))
  let batch: Segment[] = []
  for (let round = 0; round < 3; round++) {
    const found = findMergeable(engine, candidates)
    batch =
      planBatches(
        engine,
        segments.filter(({ id }) => found.has(id)),
      )[0] ?? []
    if (batch.length === 0) return batch
    candidates = new Set(batch.map(({ id }) => id))
  }
  return batch
}

function findMergeable(engine: Engine, candidates: ReadonlySet<number>): Set<number> {
  const counts = new Map<number, { all: number; mergeable: number }>()
  for (const [, table] of engine.version.pointers.entries()) {
    let before: Pointer | undefined
    table.forEach(0, table.length, (pointer) => {
      const count = counts.get(pointer.segment) ?? { all: 0, mergeable: 0 }
      counts.set(pointer.segment, count)
      count.all++
      if (
        before !== undefined &&
        pointer.joined &&
        isSmall(pointer, candidates) &&
        isSmall(before, candidates)
      )
        count.mergeable++
      before = pointer
    })
  }
  const found = new Set<number>()
  for (const [segment, { all, mergeable }] of counts) if (mergeable * 2 > all) found.add(segment)
  return found
}

function isSmall(pointer: Pointer, candidates: ReadonlySet<number>): boolean {
  return pointer.length < SMALL_EXTENT && candidates.has(pointer.segment)
}

/** Damage in one segment keeps no other from being collected: what cannot be moved stays, and is told. */
async function collectBatch(
  engine: Engine,
  flusher: Flusher,
  batch: readonly Segment[],
  options: CollectOptions,
  tally: Tally,
): Promise<void> {
  const left = await tryBatch(engine, flusher, batch, options, tally)
  if (left === undefined) return
  const [only, ...others] = left.free
  if (others.length === 0 && only !== undefined) {
    tally.skipped.push({ segment: segmentFile(only.id), reason: left.damage.message })
    return
  }
  for (const segment of left.free) await collectBatch(engine, flusher, [segment], options, tally)
}

/** Collects what of a batch is free; where something in it is damaged, says which segments were left. */
async function tryBatch(
  engine: Engine,
  flusher: Flusher,
  batch: readonly Segment[],
  options: CollectOptions,
  tally: Tally,
): Promise<{ free: readonly Segment[]; damage: CorruptionError } | undefined> {
  // Runs of tails stay where they are: they must be pointers before their segment can go.
  for (const segment of batch) if (segment.tailLive > 0) await flusher.flushNaming(segment.id)
  const free = batch.filter((segment) => {
    const reason = reasonToSkip(engine, segment)
    if (reason !== undefined) tally.skipped.push({ segment: segmentFile(segment.id), reason })
    return reason === undefined
  })
  if (free.length === 0) return undefined
  using held = tryHold(engine, free)
  if (held === undefined) return undefined
  for (const segment of free) if (!segment.sealed) engine.segments.seal(segment)
  const ids = new Set(free.map(({ id }) => id))
  if (free.some(({ id }) => (engine.version.segments[id]?.live ?? 0) > 0)) {
    const report = { merged: 0, written: 0 }
    try {
      await relocate(engine, held, (pointer) => ids.has(pointer.segment), options.signal, report)
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error
      return { free, damage: error }
    } finally {
      // What was written before damage was met counts too.
      tally.bytesReclaimed -= report.written
      tally.extentsMerged += report.merged
    }
  }
  for (const segment of free) {
    if (neededBytes(engine, segment) > 0) {
      tally.skipped.push({ segment: segmentFile(segment.id), reason: 'something in it could not be moved' })
      continue
    }
    dropSegment(engine, segment)
    tally.segmentsCollected++
  }
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

/** From now on no record names it; its file goes when nobody needs it any more. */
function dropSegment(engine: Engine, segment: Segment): void {
  const lsn =
    engine.version.segments[segment.id] === undefined
      ? engine.lastLsn
      : engine.publishEdit({ kind: 'drop', segments: [segment.id] })
  engine.dropped.set(segment, lsn)
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
    tally.segmentsRemoved++
    tally.bytesReclaimed += size
  }
}

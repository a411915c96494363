// What a writing and a read-only opening put together alike: how the state is read off the disk, the pool
// of segments, and the accounts of what the tails of a state keep live in them. Called by open.ts,
// open-reader.ts and reader.ts.

import type { Group } from '../../domain/group.ts'
import { CorruptionError, UnsupportedVersionError } from '../../errors.ts'
import type { FileSystem } from '../../fs/file-system.ts'
import { join, segmentFile } from '../../fs/layout.ts'
import { storageError } from '../../fs/storage-error.ts'
import { hasCode } from '../../fs/system-error.ts'
import { FIRST_EXTENT, openSegment, segmentSeed } from '../../segment/segment-file.ts'
import { SegmentPool } from '../../segment/segment-pool.ts'
import type { SegmentPoolOptions } from '../../segment/segment-pool.ts'
import { TableCache } from '../../segment/table-cache.ts'
import { verifyExtent } from '../../segment/verify-extent.ts'
import type { Pointer } from '../../version/pointer.ts'
import type { Version } from '../../version/version.ts'
import type { Engine } from '../engine.ts'
import type { Environment } from '../environment.ts'
import { SLICE_MS, Turns } from '../turns.ts'
import type { LoadOptions } from './load.ts'
import type { ResolvedOptions } from '../options.ts'

/** How the state of a directory is read. */
export function loaderFor(environment: Environment, directory: string): LoadOptions {
  const { files, identity, clock } = environment
  return {
    files,
    directory,
    turns: new Turns(clock),
    bootId: identity.bootId,
    isSound: async (extent, owner, databaseId) => {
      try {
        const file = openSegment(files, directory, extent.segment, databaseId)
        try {
          const seed = segmentSeed(extent.segment, databaseId)
          const problems = await verifyExtent(file, seed, extent, owner, extent.live)
          for (const { refusal } of problems) if (refusal !== undefined) throw refusal
          return problems.length === 0
        } finally {
          file.closeNow()
        }
      } catch (error) {
        if (error instanceof CorruptionError || error instanceof UnsupportedVersionError) return false
        if (hasCode(error, 'ENOENT')) return false
        // What cannot be read just now may be there: nothing is cut for that.
        throw storageError('Cannot read a segment', join(directory, segmentFile(extent.segment)), error)
      }
    },
  }
}

export function makePool(
  environment: Environment,
  directory: string,
  options: ResolvedOptions,
  rest: Pick<SegmentPoolOptions, 'databaseId' | 'epoch' | 'lookNow'>,
): SegmentPool {
  const cache = new TableCache(options.cacheBudget)
  return new SegmentPool({
    files: environment.files,
    directory,
    segmentSize: options.segmentSize,
    cache,
    ...rest,
  })
}

/** What is there to be read: pointers, and what no pointer reaches yet. */
export interface Contents {
  readonly version: Version
  readonly groups: ReadonlyMap<number, Group>
}

/** What a state keeps of segments. */
export interface Accounts {
  /** Sizes in bytes of the segments that it names: of the file, or what the state says where that is more. */
  readonly sizes: ReadonlyMap<number, number>
  /** Bytes of segments that its tails alone keep live, by segment. */
  readonly tailLive: ReadonlyMap<number, number>
  /** Extents that its tails name. */
  readonly tailExtents: number
}

/**
 * Adds up what a state that nobody changes keeps of segments, in slices.
 * @param known sizes that need not be asked for
 */
export async function accountsOf(
  {
    files,
    directory,
    turns,
  }: { readonly files: FileSystem; readonly directory: string; readonly turns: Turns },
  { version, groups }: Contents,
  known: ReadonlyMap<number, number> = new Map(),
): Promise<Accounts> {
  const tailLive = new Map<number, number>()
  let tailExtents = 0
  for (const group of groups.values()) {
    for (const run of group.runs) {
      if (run.kind !== 'extents') continue
      tailExtents += run.shape.keys.length
      for (const list of run.pointers.values())
        for (const { segment, live } of list.pointers)
          tailLive.set(segment, (tailLive.get(segment) ?? 0) + live)
      const turn = turns.due(SLICE_MS)
      if (turn !== undefined) await turn
    }
  }
  const sizes = new Map<number, number>()
  for (const id of new Set([...version.segments.ids(), ...tailLive.keys()])) {
    const size = known.get(id) ?? (await files.stat(join(directory, segmentFile(id))))?.size ?? FIRST_EXTENT
    // One in which nothing lives may be gone already, beside a process that writes.
    sizes.set(id, Math.max(size, version.segments.get(id)?.size ?? 0))
  }
  return { sizes, tailLive, tailExtents }
}

/** Sizes of the segments that records up to a newer state have not named. */
export function sizesKept(
  { version, lastLsn, segments }: Engine,
  newer: Contents,
): ReadonlyMap<number, number> {
  const named = new Set<number>()
  for (const group of newer.groups.values()) {
    for (const run of group.runs) {
      if (run.kind !== 'extents' || run.lsn <= lastLsn) continue
      for (const list of run.pointers.values()) for (const { segment } of list.pointers) named.add(segment)
    }
  }
  const kept = new Map<number, number>()
  for (const { id, size } of segments.all())
    if (!named.has(id) && newer.version.segments.get(id) === version.segments.get(id)) kept.set(id, size)
  return kept
}

/** The segments in which something lives. */
export function neededSegments({ version, groups }: Contents): Set<number> {
  const needed = new Set<number>()
  for (const [id, { live }] of version.segments.entries()) if (live > 0) needed.add(id)
  for (const { segment } of tailPointers(groups)) needed.add(segment)
  return needed
}

/** The pointers of runs that are not flushed yet. */
export function* tailPointers(groups: Contents['groups']): Generator<Pointer, void, void> {
  for (const group of groups.values()) {
    for (const run of group.runs)
      if (run.kind === 'extents') for (const list of run.pointers.values()) yield* list.pointers
  }
}

/** Tells the pool of segments, and what the engine's tails keep live in them, in one step. */
export function accountFor(engine: Engine, { sizes, tailLive, tailExtents }: Accounts): void {
  const { segments } = engine
  for (const [id, size] of sizes) segments.adopt(id, size)
  for (const [id, live] of tailLive) segments.get(id).tailLive += live
  engine.tailExtents = tailExtents
}

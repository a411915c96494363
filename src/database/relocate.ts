// Moving live samples to other places: what a collection does with segments that are partly dead, and
// recovery with extents that only unproven records name. Samples are copied, neighbours of one domain
// merged, with no index guard held; then today's pointers, which deletes may have cut meanwhile, are
// moved by one edit for each channel (architecture 4). Pointers of tails stay where they are.

import { unguarded } from '../guard/held.ts'
import type { Held, HeldChain } from '../guard/held.ts'
import type { Segment } from '../segment/segment-pool.ts'
import { byteWidth } from '../telem/data-type.ts'
import type { Channel } from '../telem/channel.ts'
import { liveShare } from '../unary/time-search.ts'
import type { PointerChange } from '../version/edit.ts'
import type { Pointer } from '../version/pointer.ts'
import type { PointerTable } from '../version/pointer-table.ts'
import { groupOf } from '../version/version.ts'
import type { Engine } from './engine.ts'
import { ExtentBatch } from './extent-batch.ts'
import type { WrittenExtent } from './extent-batch.ts'

/** Samples [skip, skip + count) of an old extent, and where they went. */
interface Move {
  readonly skip: number
  readonly count: number
  readonly to: WrittenExtent
  /** Position in the new extent of sample `skip`. */
  readonly toSkip: number
}

/** What was copied: by extent (segment and offset). */
type Moves = Map<string, Move[]>

/** What was copied of one channel, and is moved nowhere yet. */
interface Copies {
  readonly channel: Channel
  readonly moves: Moves
  readonly batch: ExtentBatch
}

export interface RelocationReport {
  /** Pointers that were merged into the extent of a neighbour. */
  merged: number
  /** Bytes of the files that were written. */
  written: number
}

/**
 * Copies the samples of all pointers that `isWanted` and moves the pointers there.
 *
 * **Guard:** acquires index, under what the caller holds. **Durable:** the copies before the edit that names them.
 * @param held guards of lower ranks that the caller has
 * @param report added to as it goes, so that it holds what was done also where this throws
 * @throws StorageError, CorruptionError (what cannot be read stays where it is), the signal's reason
 */
export async function relocate(
  engine: Engine,
  held: Held<'segment', 'exclusive'> | undefined,
  isWanted: (pointer: Pointer) => boolean,
  signal?: AbortSignal,
  report: RelocationReport = { merged: 0, written: 0 },
): Promise<RelocationReport> {
  const made: Segment[] = []
  const create = (): Segment => {
    const segment = engine.segments.create()
    made.push(segment)
    return segment
  }
  let own: { segment: Segment; next: () => Segment } | undefined
  const target = (): { segment: Segment; next: () => Segment } => (own ??= { segment: create(), next: create })
  const copies: Copies[] = []
  const pin = engine.pins.pin(engine.lastLsn)
  let installed = 0
  try {
    // All is copied before anything is moved: where there is no room for all of it, none is taken.
    for (const channel of engine.catalogue.list) {
      signal?.throwIfAborted()
      await copyChannel(engine, channel, isWanted, target, copies, report, signal)
    }
    // While an epoch begins no record names them: its checkpoint does, and syncs them all before.
    if (copies.length > 0 && engine.journal !== undefined) await engine.syncer.syncSegments()
    for (const { channel, moves, batch } of copies) {
      signal?.throwIfAborted()
      await installMoves(engine, held, channel, moves, batch)
      installed++
    }
  } catch (error) {
    for (const { batch } of copies.toReversed()) batch.giveUp(error)
    if (installed === 0) await removeMade(engine, made)
    throw error
  } finally {
    engine.pins.release(pin)
    for (const { batch } of copies) batch.settle(engine.lastLsn, false)
    for (const segment of made) {
      if (engine.segments.find(segment.id) !== segment) continue
      report.written += segment.size
      engine.segments.seal(segment)
    }
  }
  return report
}

/** Nothing in these segments was ever named: nobody needs them. One that cannot be removed is left to the next collection. */
async function removeMade(engine: Engine, made: readonly Segment[]): Promise<void> {
  for (const segment of made) {
    engine.segments.seal(segment)
    await engine.segments.remove(segment).catch(() => {})
  }
}

/** Copies what is wanted of a channel; adds to `copies` before it begins. */
async function copyChannel(
  engine: Engine,
  channel: Channel,
  isWanted: (pointer: Pointer) => boolean,
  target: () => { segment: Segment; next: () => Segment },
  copies: Copies[],
  report: RelocationReport,
  signal: AbortSignal | undefined,
): Promise<void> {
  const table = engine.version.pointers.get(channel.key)
  const runs = runsToCopy(table, isWanted, engine.tuning.extentLimit / byteWidth(channel.type))
  if (runs.length === 0) return
  const batch = new ExtentBatch(engine, target())
  const moves: Moves = new Map()
  copies.push({ channel, moves, batch })
  // For every run in turn: arrays of their own, a mebibyte each, would be garbage faster than it is collected.
  const scratch = new Uint8Array(longest(runs) * byteWidth(channel.type))
  for (const run of runs) {
    signal?.throwIfAborted()
    await copyRun(engine, channel, run, batch, moves, scratch)
    report.merged += run.length - 1
  }
  await batch.finish()
}

/** Pointers that are wanted, in runs that one extent can hold: neighbours of one domain. */
function runsToCopy(table: PointerTable, isWanted: (pointer: Pointer) => boolean, most: number): Pointer[][] {
  const runs: Pointer[][] = []
  let run: Pointer[] = []
  let count = 0
  table.forEach(0, table.length, (pointer) => {
    const wanted = isWanted(pointer)
    if (run.length > 0 && (!wanted || !pointer.joined || count + pointer.count > most)) {
      runs.push(run)
      run = []
      count = 0
    }
    if (!wanted) return
    run.push(pointer)
    count += pointer.count
  })
  if (run.length > 0) runs.push(run)
  return runs
}

function longest(runs: readonly (readonly Pointer[])[]): number {
  return runs.reduce((most, run) => Math.max(most, samplesOf(run)), 0)
}

function samplesOf(run: readonly Pointer[]): number {
  return run.reduce((sum, pointer) => sum + pointer.count, 0)
}

/** Copies a run through `scratch`, which is free again afterwards. */
async function copyRun(
  engine: Engine,
  channel: Channel,
  run: readonly Pointer[],
  batch: ExtentBatch,
  moves: Moves,
  scratch: Uint8Array,
): Promise<void> {
  const width = byteWidth(channel.type)
  // Of the channel as it was found: it may be renamed or removed meanwhile, and its index channel too.
  const owner = { channel: channel.key, type: channel.type, isIndex: channel.kind === 'index' }
  const count = samplesOf(run)
  const bytes = scratch.subarray(0, count * width)
  let at = 0
  for (const pointer of run) {
    const part = bytes.subarray(at * width, (at + pointer.count) * width)
    await engine.segments
      .reader(pointer.segment)
      .readSamples(pointer, owner, pointer.skip, pointer.count, part)
    at += pointer.count
  }
  const to = await batch.add({
    ...owner,
    firstTime: run[0]!.start,
    lastTime: run.at(-1)!.end - 1n,
    count,
    sources: [bytes],
  })
  let toSkip = 0
  for (const { segment, offset, skip, count: moved } of run) {
    const key = `${segment}:${offset}`
    const move = { skip, count: moved, to, toSkip }
    const list = moves.get(key)
    if (list === undefined) moves.set(key, [move])
    else list.push(move)
    toSkip += moved
  }
}

/** Under the index guard, in one step: where do today's pointers into what was copied lie now? */
async function installMoves(
  engine: Engine,
  held: Held<'segment', 'exclusive'> | undefined,
  channel: Channel,
  moves: Moves,
  batch: ExtentBatch,
): Promise<void> {
  const current = engine.version.channels[channel.key]
  if (current === undefined) return
  const keys = [groupOf(engine.catalogue, current)]
  const under: HeldChain = held ?? unguarded
  using _index = await engine.guards.acquire(under as Held<'segment', 'exclusive'>, {
    rank: 'index',
    mode: 'exclusive',
    keys,
    purpose: 'collect',
  })
  if (engine.version.channels[channel.key] === undefined) return
  const changes = planMoves(channel.key, engine.version.pointers.get(channel.key), moves)
  if (changes.length > 0) engine.publishEdit({ kind: 'relocate', changes })
  // In the same step: bytes are live or reserved, never both.
  batch.settle(engine.lastLsn, false)
}

/** The splices that move every pointer into a copied extent; neighbours in one new extent become one pointer. */
export function planMoves(
  key: number,
  table: PointerTable,
  moves: ReadonlyMap<string, readonly Move[]>,
): PointerChange[] {
  const changes: PointerChange[] = []
  let going: Pointer[] = []
  let comes: Pointer[] = []
  const close = (): void => {
    const [first, last] = [going[0], going.at(-1)]
    if (first !== undefined && last !== undefined) {
      changes.push({ key, goes: { first: first.start, last: last.start, count: going.length }, comes })
    }
    going = []
    comes = []
  }
  table.forEach(0, table.length, (pointer) => {
    const moved = movedPointer(pointer, moves)
    if (moved === undefined) {
      close()
      return
    }
    going.push(pointer)
    const before = comes.at(-1)
    if (
      before !== undefined &&
      moved.joined &&
      sameExtent(before, moved) &&
      before.skip + before.count === moved.skip
    ) {
      comes[comes.length - 1] = {
        ...before,
        end: moved.end,
        count: before.count + moved.count,
        live: before.live + moved.live,
      }
    } else comes.push(moved)
  })
  close()
  return changes
}

function movedPointer(pointer: Pointer, moves: ReadonlyMap<string, readonly Move[]>): Pointer | undefined {
  const list = moves.get(`${pointer.segment}:${pointer.offset}`)
  const move = list?.find(
    ({ skip, count }) => pointer.skip >= skip && pointer.skip + pointer.count <= skip + count,
  )
  if (move === undefined) return undefined
  const { segment, offset, length, count } = move.to
  const skip = move.toSkip + pointer.skip - move.skip
  return {
    ...pointer,
    segment,
    offset,
    length,
    skip,
    live: liveShare(length, count, skip, skip + pointer.count),
  }
}

function sameExtent(a: Pointer, b: Pointer): boolean {
  return a.segment === b.segment && a.offset === b.offset
}

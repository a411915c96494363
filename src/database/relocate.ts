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
  const sealed: Segment[] = []
  let own: { segment: Segment; next: () => Segment } | undefined
  const target = (): { segment: Segment; next: () => Segment } => {
    own ??= {
      segment: engine.segments.create(),
      next: () => {
        sealed.push(own!.segment)
        return engine.segments.create()
      },
    }
    return own
  }
  try {
    for (const channel of engine.catalogue.list) {
      signal?.throwIfAborted()
      await relocateChannel(engine, held, channel, isWanted, target, report, signal)
    }
  } finally {
    if (own !== undefined) sealed.push(own.segment)
    for (const segment of sealed) {
      report.written += segment.size
      engine.segments.seal(segment)
    }
  }
  return report
}

async function relocateChannel(
  engine: Engine,
  held: Held<'segment', 'exclusive'> | undefined,
  channel: Channel,
  isWanted: (pointer: Pointer) => boolean,
  target: () => { segment: Segment; next: () => Segment },
  report: RelocationReport,
  signal: AbortSignal | undefined,
): Promise<void> {
  const table = engine.version.pointers.get(channel.key)
  const runs = runsToCopy(table, isWanted, engine.tuning.extentLimit / byteWidth(channel.type))
  if (runs.length === 0) return
  const batch = new ExtentBatch(engine, target())
  const moves: Moves = new Map()
  const pin = engine.pins.pin(engine.lastLsn)
  try {
    for (const run of runs) {
      signal?.throwIfAborted()
      await copyRun(engine, channel, run, batch, moves)
      report.merged += run.length - 1
    }
    await batch.finish()
    await engine.syncer.syncSegments()
    await installMoves(engine, held, channel, moves, batch)
  } finally {
    engine.pins.release(pin)
    batch.settle(engine.lastLsn, false)
  }
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

async function copyRun(
  engine: Engine,
  channel: Channel,
  run: readonly Pointer[],
  batch: ExtentBatch,
  moves: Moves,
): Promise<void> {
  const width = byteWidth(channel.type)
  // Of the channel as it was found: it may be renamed or removed meanwhile, and its index channel too.
  const owner = { channel: channel.key, type: channel.type, isIndex: channel.kind === 'index' }
  const count = run.reduce((sum, pointer) => sum + pointer.count, 0)
  const bytes = new Uint8Array(count * width)
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

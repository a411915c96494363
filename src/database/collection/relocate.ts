// Moving live samples to other places: what a collection does with segments that are partly dead and with
// small extents, and recovery with extents that only unproven records name. Samples are copied, neighbours of
// one domain merged, with no index guard held; then today's pointers, which deletes may have cut meanwhile,
// are moved by one edit for each channel (architecture 4), or by one for all where the disk is full. Pointers
// of tails stay where they are.

import { present } from '../../assert.ts'
import { CorruptionError } from '../../errors.ts'
import { unguarded } from '../../guard/held.ts'
import type { Held, HeldChain } from '../../guard/held.ts'
import { FIRST_EXTENT } from '../../segment/segment-file.ts'
import type { Segment } from '../../segment/segment-pool.ts'
import { byteWidth } from '../../telem/data-type.ts'
import type { Channel } from '../../telem/channel.ts'
import type { PointerChange } from '../../version/edit.ts'
import type { Pointer, SegmentId } from '../../version/pointer.ts'
import type { PointerTable } from '../../version/pointer-table.ts'
import type { Version } from '../../version/version.ts'
import { catalogueOf, groupOf } from '../../version/version.ts'
import { rankOf, slicePointer, timeOfRank } from '../../unary/time-search.ts'
import type { IndexSource } from '../../unary/time-search.ts'
import type { Engine } from '../engine.ts'
import { PlannedChanges } from '../planned-changes.ts'
import { ExtentBatch, planSettling } from '../extent-batch.ts'
import type { Settling, WrittenExtent } from '../extent-batch.ts'
import { Moves, planMoves } from './moves.ts'
import { SHORT_SLICE_MS, SLICE_MS } from '../turns.ts'
import type { Turns } from '../turns.ts'
import { stretchesReaching } from '../walk-pointers.ts'
import { channelRefOf } from '../../unary/channel-view.ts'

/** What was copied of one channel, and is moved nowhere yet. */
interface Copies {
  readonly channel: Channel
  readonly moves: Moves
  readonly extents: WrittenExtent[]
  /** Pointers that go on in the extent of a neighbour. */
  merged: number
}

/**
 * Bytes of samples copied between two syncs that nobody waits for: the disk is busy while the rest is copied.
 */
const SYNC_EVERY = 16 * 1024 * 1024

export interface RelocationReport {
  /** Pointers that were merged into the extent of a neighbour. */
  merged: number
  /** Bytes of the files that were written. */
  written: number
}

/**
 * Which samples of a channel are to be moved: pointers of its table, in order, in runs of neighbours of one
 * domain, each with at most so many samples, unless it is of one pointer alone. Each run becomes one extent;
 * one that is longer, several.
 */
export type Wanted = (
  key: number,
  table: PointerTable,
  most: number,
) => AsyncIterable<readonly Pointer[]> | Iterable<readonly Pointer[]>

export interface RelocationOptions {
  readonly signal?: AbortSignal | undefined
  /** Added to as it goes, so that it holds what was done also where this throws. */
  readonly report?: RelocationReport
  /** Appends to the active segment, not to segments of its own: little is moved. */
  readonly toActive?: boolean
}

/**
 * Copies the samples of all pointers that are wanted and moves the pointers there.
 *
 * **Guard:** acquires index, under what the caller holds. **Durable:** the copies before the edit that names
 * them.
 * @param held guards of lower ranks that the caller has
 * @throws StorageError, CorruptionError (what cannot be read stays where it is), the signal's reason
 */
export async function relocate(
  engine: Engine,
  held: Held<'segment', 'exclusive'> | undefined,
  wanted: Wanted,
  { signal, report = { merged: 0, written: 0 }, toActive = false }: RelocationOptions = {},
): Promise<RelocationReport> {
  const copying = new Copying(engine, wanted, signal, toActive)
  const pin = engine.pins.pin(engine.lastLsn)
  let installed = 0
  try {
    // All is copied before anything is moved: where there is no room for all of it, none is taken.
    for (const channel of engine.catalogue.list) {
      await copying.copyChannel(channel)
      // Nothing of most may be wanted.
      const turn = engine.turns.due(SLICE_MS)
      if (turn !== undefined) await turn
    }
    await copying.finish()
    // While an epoch begins no record names them: its checkpoint does, and syncs them all before.
    if (copying.copies.length > 0 && engine.journal !== undefined) await engine.syncer.syncSegments()
    // Where room is short by one record: some moved and some not would take room and give none back.
    const { copies } = copying
    for (const step of engine.reserve.isWhole ? copies.map((each) => [each]) : [copies]) {
      signal?.throwIfAborted()
      const changes = await installMoves(engine, held, step, copying.batch)
      installed++
      await engine.smallExtents.noteChanges(engine.turns, changes)
      await engine.deadSpace.catchUp(engine.turns)
      for (const { merged } of step) report.merged += merged
    }
  } catch (error) {
    await copying.idle()
    copying.batch.giveUp(error)
    if (installed === 0) await removeMade(engine, copying.made)
    throw error
  } finally {
    engine.pins.release(pin)
    await copying.settleRest()
    if (toActive && installed > 0) {
      for (const { offset, length } of copying.batch.extents)
        // The first one of a segment has brought its header along.
        report.written += length + (offset === FIRST_EXTENT ? FIRST_EXTENT : 0)
    }
    for (const segment of copying.made) {
      if (engine.segments.find(segment.id) !== segment) continue
      report.written += segment.size
      engine.segments.seal(segment)
    }
  }
  return report
}

/**
 * Nothing in these segments was ever named: nobody needs them. One that cannot be removed is left to the next
 * collection.
 */
async function removeMade(engine: Engine, made: readonly Segment[]): Promise<void> {
  for (const segment of made) {
    engine.segments.seal(segment)
    await engine.segments.remove(segment).catch(() => {})
    engine.deadSpace.forget(segment.id)
  }
}

/** Pointers that are moved as one, where they are many. */
const MANY = 1024

/** The first half of a relocation: everything is copied, nothing is moved. */
class Copying {
  readonly copies: Copies[] = []
  readonly made: Segment[] = []
  readonly batch: ExtentBatch
  readonly #engine: Engine
  readonly #wanted: Wanted
  readonly #signal: AbortSignal | undefined
  /**
   * For every run in turn: arrays of their own, a mebibyte each, would be garbage faster than it is
   * collected.
   */
  #scratch: Uint8Array = new Uint8Array(0)
  #unsynced = 0
  /** The newest sync that nobody waited for. */
  #syncing: Promise<void> = Promise.resolve()

  constructor(engine: Engine, wanted: Wanted, signal: AbortSignal | undefined, toActive: boolean) {
    this.#engine = engine
    this.#wanted = wanted
    this.#signal = signal
    const create = (): Segment => {
      const segment = engine.segments.create()
      this.made.push(segment)
      return segment
    }
    this.batch = toActive ? new ExtentBatch(engine) : new ExtentBatch(engine, create)
  }

  /** Copies what is wanted of a channel. @throws StorageError, CorruptionError, the signal's reason */
  async copyChannel(channel: Channel): Promise<void> {
    this.#signal?.throwIfAborted()
    const { version, tuning } = this.#engine
    const width = byteWidth(channel.type)
    const most = Math.max(1, Math.floor(tuning.extentLimit / width))
    let copies: Copies | undefined
    for await (const run of this.#wanted(channel.key, version.pointers.get(channel.key), most)) {
      this.#signal?.throwIfAborted()
      if (copies === undefined) {
        copies = { channel, moves: new Moves(), extents: [], merged: 0 }
        this.copies.push(copies)
      }
      const [first] = run
      if (run.length === 1 && first !== undefined && first.count > most)
        await this.#copyLong(first, most, copies, version)
      else await this.#copyRun(run, copies)
      copies.merged += run.length - 1
    }
  }

  /** Writes out what is gathered. @throws StorageError */
  async finish(): Promise<void> {
    await this.batch.finish()
    this.#scratch = new Uint8Array(0)
  }

  /** Ends the reservations that no record has ended: their channels were removed. */
  async settleRest(): Promise<void> {
    const settling = await planSettling(this.#engine.turns, [], [this.batch.extents])
    this.batch.settleAll(settling, this.#engine.lastLsn, false)
  }

  /**
   * Resolves when nothing is being written or synced, whatever became of it: files can be cut or closed then.
   */
  async idle(): Promise<void> {
    await this.batch.idle()
    await this.#syncing
  }

  /** One of more samples than an extent is to have, in pieces: neither memory nor a step holds all of it. */
  async #copyLong(pointer: Pointer, most: number, copies: Copies, version: Version): Promise<void> {
    for (const piece of await this.#piecesOf(pointer, most, copies.channel, version)) {
      this.#signal?.throwIfAborted()
      await this.#copyRun([piece], copies)
    }
  }

  /**
   * Pieces of about the same size; the whole, where the times between them cannot be read: its samples can
   * all the same.
   */
  async #piecesOf(pointer: Pointer, most: number, channel: Channel, version: Version): Promise<Pointer[]> {
    const { turns } = this.#engine
    const pieces: Pointer[] = []
    try {
      const index = indexOf(this.#engine, version, channel.key)
      const { rank } = rankOf(index, pointer.start, false)
      const count = Math.ceil(pointer.count / most)
      for (let from = 0; from < pointer.count;) {
        const to = Math.floor((pointer.count * (pieces.length + 1)) / count)
        const start = from === 0 ? pointer.start : timeOfRank(index, rank + from)
        const end = to === pointer.count ? pointer.end : timeOfRank(index, rank + to - 1) + 1n
        pieces.push(slicePointer(pointer, from, to, start, end, from > 0 || pointer.joined))
        from = to
        const turn = turns.due(SLICE_MS)
        if (turn !== undefined) await turn
      }
      return pieces
    } catch (error) {
      if (error instanceof CorruptionError) return [pointer]
      throw error
    }
  }

  async #copyRun(run: readonly Pointer[], { channel, moves, extents }: Copies): Promise<void> {
    const { segments, turns } = this.#engine
    const longestMs = run.length > MANY ? SHORT_SLICE_MS : SLICE_MS
    const width = byteWidth(channel.type)
    // Of the channel as it was found: it may be renamed or removed meanwhile, and its index channel too.
    const owner = { channel: channel.key, type: channel.type, isIndex: channel.kind === 'index' }
    const count = samplesOf(run)
    if (this.#scratch.length < count * width) {
      // A record may say anything: memory only for what the files can hold.
      for (const pointer of run) {
        segments.reader(pointer.segment).checkRoom(pointer, owner, pointer.count)
        const turn = turns.due(longestMs)
        if (turn !== undefined) await turn
      }
      this.#scratch = new Uint8Array(count * width)
    }
    const bytes = this.#scratch.subarray(0, count * width)
    let at = 0
    for (const pointer of run) {
      const part = bytes.subarray(at * width, (at + pointer.count) * width)
      await segments.reader(pointer.segment).readOnce(pointer, owner, pointer.skip, pointer.count, part)
      at += pointer.count
      const turn = turns.due(longestMs)
      if (turn !== undefined) await turn
    }
    const [first, last] = [run[0]!, run.at(-1)!]
    const to = await this.batch.add({
      ...owner,
      firstTime: first.start,
      lastTime: last.end - 1n,
      count,
      sources: [bytes],
    })
    extents.push(to)
    let toSkip = 0
    for (const pointer of run) {
      moves.add(pointer, to, toSkip)
      toSkip += pointer.count
      const turn = turns.due(longestMs)
      if (turn !== undefined) await turn
    }
    this.#unsynced += bytes.length
    if (this.#unsynced >= SYNC_EVERY) this.#syncBeside()
  }

  /** Begins a sync that nobody waits for; the one before the edits finds what this one found. */
  #syncBeside(): void {
    this.#unsynced = 0
    if (this.#engine.journal === undefined) return
    this.#syncing = this.#engine.syncer.syncSegments().catch(() => {})
  }
}

/** All pointers into these segments of which `isWanted` holds. */
export function wherever(
  turns: Turns,
  segments: ReadonlySet<SegmentId>,
  isWanted: (pointer: Pointer) => boolean = () => true,
): Wanted {
  return async function* (_key, table, most) {
    let run: Pointer[] = []
    let count = 0
    let next = 0
    for await (const { from, to } of stretchesReaching(turns, table, segments)) {
      const ended: Pointer[][] = []
      table.forEach(from, to, (pointer, position) => {
        if (!segments.has(pointer.segment) || !isWanted(pointer)) return
        const goesOn = position === next && pointer.joined && count + pointer.count <= most
        if (run.length > 0 && !goesOn) {
          ended.push(run)
          run = []
          count = 0
        }
        run.push(pointer)
        count += pointer.count
        next = position + 1
      })
      yield* ended
    }
    if (run.length > 0) yield run
  }
}

/** What times a channel's samples in a version. */
function indexOf({ segments }: Engine, version: Version, key: number): IndexSource {
  const channel = present(version.channels[key], 'a channel with pointers exists')
  const { index } = channelRefOf(catalogueOf(version), channel)
  return { list: version.pointers.get(index.key), owner: index.owner, segments }
}

function samplesOf(run: readonly Pointer[]): number {
  return run.reduce((sum, pointer) => sum + pointer.count, 0)
}

/** Under the index guards, in one step: where do today's pointers into what was copied lie now? */
async function installMoves(
  engine: Engine,
  held: Held<'segment', 'exclusive'> | undefined,
  copies: readonly Copies[],
  batch: ExtentBatch,
): Promise<readonly PointerChange[]> {
  // A channel may have been removed while it was copied, and while the guards are waited for.
  const present = (): Copies[] =>
    copies.filter(({ channel }) => engine.version.channels[channel.key] !== undefined)
  const keys = new Set(
    present().map(({ channel }) => groupOf(engine.catalogue, engine.version.channels[channel.key]!)),
  )
  if (keys.size === 0) return []
  const under: HeldChain = held ?? unguarded
  using _index = await engine.guards.acquire(under as Held<'segment', 'exclusive'>, {
    rank: 'index',
    mode: 'exclusive',
    keys,
    purpose: 'collect',
  })
  let planned = new PlannedChanges(engine.version)
  for (const { channel, moves } of present()) {
    const table = engine.version.pointers.get(channel.key)
    for (const change of await planMoves(engine.turns, channel.key, table, moves)) {
      planned.add(change)
      const turn = engine.turns.due(SLICE_MS)
      if (turn !== undefined) await turn
    }
  }
  const extents = copies.map((each) => each.extents)
  let settling: Settling | undefined = await planSettling(engine.turns, planned.list, extents)
  // A channel may have been removed between two slices; nobody else changes what the guards are of.
  const { channels } = engine.version
  if (planned.list.some(({ key }) => channels[key] === undefined)) {
    const left = planned.list.filter(({ key }) => channels[key] !== undefined)
    planned = new PlannedChanges(engine.version)
    for (const change of left) planned.add(change)
    settling = undefined
  }
  const changes = planned.list
  if (changes.length > 0) engine.publishEdit({ kind: 'relocate', changes }, planned)
  // In the same step: bytes are live or reserved, never both.
  if (settling === undefined) batch.settle(engine.lastLsn, false, changes, extents.flat())
  else batch.settleAll(settling, engine.lastLsn, false)
  return changes
}

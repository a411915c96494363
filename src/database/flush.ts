// A flush: what is left of the tails, and what an open snapshot still sees of them, is written as
// extents and synced with no guard held but that of the segment; then, under the index guards, one
// edit, planned again on the head, turns what the tails still hold into pointers (architecture 4).
// Commits and deletes go on meanwhile. One flush at a time; called by the flusher.

import type { Group } from '../domain/group.ts'
import { liveOfRun } from '../domain/group.ts'
import { visibleRows } from '../domain/tail.ts'
import type { ExtentsRun, Strip, StripView } from '../domain/tail.ts'
import { diskFull, isDiskFull } from '../fs/storage-error.ts'
import type { Held } from '../guard/held.ts'
import { unguarded } from '../guard/held.ts'
import { liveShare } from '../unary/time-search.ts'
import type { PointerChange } from '../version/edit.ts'
import type { Pointer } from '../version/pointer.ts'
import { releaseStrip } from './commit.ts'
import type { Engine } from './engine.ts'
import { ExtentBatch } from './extent-batch.ts'
import type { WrittenExtent } from './extent-batch.ts'

/** Rows [from, to) of one channel of a strip, and where a flush wrote them. */
interface Placement {
  readonly from: number
  readonly to: number
  readonly extent: WrittenExtent
  /** Position of row `from` in the extent. */
  readonly skip: number
}

/** What a flush captured of one group. */
interface Capture {
  readonly group: Group
  readonly strips: readonly StripView[]
  readonly extents: readonly ExtentsRun[]
}

/**
 * Flushes the tails of these groups. Nothing happens where they are empty.
 * @param lease held by a close, which lets nobody else in; acquired here otherwise
 * @throws StorageError; then the tails are as they were
 */
export async function flushGroups(
  engine: Engine,
  groups: readonly Group[],
  lease?: Held<'lease', 'exclusive'>,
): Promise<void> {
  const lsn = engine.lastLsn
  const captures = groups.filter((group) => group.runs.length > 0 || isBehind(engine, group)).map(capture)
  if (captures.length === 0) return
  const batch = new ExtentBatch(engine)
  try {
    const placements = await writeRows(engine, captures, batch)
    await batch.finish()
    if (batch.extents.length > 0) await engine.syncer.syncSegments()
    await underGuards(engine, captures, lease, () => {
      install(engine, captures, placements, lsn)
      // In the same step: bytes are live or reserved, never both.
      batch.settle(engine.lastLsn, engine.snapshots.size > 0)
    })
  } catch (error) {
    await batch.idle()
    batch.giveUp(error)
    if (!isDiskFull(error)) throw error
    throw diskFull('Cannot flush', engine.segments.path, error, neededRoom(captures))
  }
  releasePages(engine, captures)
}

/** Bytes of the samples that a flush writes: the least that it needs. */
function neededRoom(captures: readonly Capture[]): number {
  return captures
    .flatMap(({ strips }) => strips)
    .reduce((sum, { strip, from, to }) => sum + (to - from) * strip.shape.rowSize, 0)
}

/** Whether commits of a group wait for word that they are flushed: a delete may have taken all that they brought. */
function isBehind(engine: Engine, { key }: Group): boolean {
  const flushed = engine.version.flushed[key] ?? 0
  return engine.journal?.files.some(({ commits }) => (commits.get(key) ?? 0) > flushed) ?? false
}

function capture(group: Group): Capture {
  return {
    group,
    strips: group.runs.filter((run) => run.kind === 'strip').map((strip) => strip.view()),
    extents: group.runs.filter((run) => run.kind === 'extents'),
  }
}

async function underGuards(
  engine: Engine,
  captures: readonly Capture[],
  held: Held<'lease', 'exclusive'> | undefined,
  step: () => void,
): Promise<void> {
  const purpose = 'flush'
  const lease = held ?? (await engine.guards.acquire(unguarded, { rank: 'lease', mode: 'shared', purpose }))
  try {
    using catalog = await engine.guards.acquire(lease, { rank: 'catalog', mode: 'shared', purpose })
    const keys = captures.map(({ group }) => group.key)
    using _index = await engine.guards.acquire(catalog, { rank: 'index', mode: 'exclusive', keys, purpose })
    step()
  } finally {
    if (held === undefined) lease.release()
  }
}

/** By strip and channel key: where its rows were written, in order of rows. */
type Placements = Map<Strip, Map<number, Placement[]>>

/** Writes the rows that the captures see, and those that an open snapshot still sees. */
async function writeRows(
  engine: Engine,
  captures: readonly Capture[],
  batch: ExtentBatch,
): Promise<Placements> {
  const placements: Placements = new Map()
  for (const { group, strips } of captures) {
    const whole = new Set(strips.filter(({ strip }) => holdsCuts(engine, strip)).map(({ strip }) => strip))
    for (const key of channelsOf(engine, group, strips)) {
      const shared: Piece[] = []
      for (const view of strips) {
        const ordinal = view.strip.shape.ordinals.get(key)
        if (ordinal === undefined) continue
        if (whole.has(view.strip)) {
          // Rows that were cut may lie where others have been written since: an extent of their own.
          await writePieces(engine, batch, placements, key, [{ view, ordinal, from: view.from, to: view.to }])
        } else {
          for (const { from, to } of visibleRows(view, key)) shared.push({ view, ordinal, from, to })
        }
      }
      shared.sort((a, b) => (a.view.strip.times[a.from]! < b.view.strip.times[b.from]! ? -1 : 1))
      await writePieces(engine, batch, placements, key, shared)
    }
  }
  return placements
}

function holdsCuts(engine: Engine, strip: Strip): boolean {
  if (strip.cuts.size === 0) return false
  for (const snapshot of engine.snapshots) if (snapshot.holds(strip)) return true
  return false
}

/** Channels that are there, and those that an open snapshot still sees in these strips. */
function channelsOf(engine: Engine, group: Group, strips: readonly StripView[]): number[] {
  const keys = new Set(strips.flatMap(({ strip }) => strip.shape.keys))
  const seen = [...engine.snapshots].filter((snapshot) => strips.some(({ strip }) => snapshot.holds(strip)))
  const versions = [engine.version, ...seen.map(({ version }) => version)]
  return [...keys].filter(
    (key) => key === group.key || versions.some(({ channels }) => channels[key] !== undefined),
  )
}

interface Piece {
  readonly view: StripView
  readonly ordinal: number
  readonly from: number
  readonly to: number
}

/** Writes pieces of one channel, in order of time, as extents of bounded size. */
async function writePieces(
  engine: Engine,
  batch: ExtentBatch,
  placements: Placements,
  key: number,
  pieces: readonly Piece[],
): Promise<void> {
  if (pieces.length === 0) return
  const { shape } = pieces[0]!.view.strip
  const width = shape.widths[pieces[0]!.ordinal]!
  const most = Math.max(1, Math.floor(engine.tuning.extentLimit / width))
  let parts: Piece[] = []
  let count = 0
  const writeOut = async (): Promise<void> => {
    if (count > 0) await writeExtent(batch, placements, key, parts, count)
    parts = []
    count = 0
  }
  for (const piece of pieces) {
    for (let { from } = piece; from < piece.to;) {
      if (count === most) await writeOut()
      const to = Math.min(piece.to, from + most - count)
      parts.push({ ...piece, from, to })
      count += to - from
      from = to
    }
  }
  await writeOut()
}

async function writeExtent(
  batch: ExtentBatch,
  placements: Placements,
  key: number,
  parts: readonly Piece[],
  count: number,
): Promise<void> {
  const first = parts[0]!
  const last = parts.at(-1)!
  const { shape } = first.view.strip
  const extent = await batch.add({
    channel: key,
    type: shape.types[first.ordinal]!,
    isIndex: key === shape.index,
    firstTime: first.view.strip.times[first.from]!,
    lastTime: last.view.strip.times[last.to - 1]!,
    count,
    sources: parts.map(({ view, ordinal, from, to }) => {
      const { strip } = view
      const width = strip.shape.widths[ordinal]!
      return strip.page.bytes.subarray(
        strip.offsets[ordinal]! + from * width,
        strip.offsets[ordinal]! + to * width,
      )
    }),
  })
  let skip = 0
  for (const { view, from, to } of parts) {
    let byKey = placements.get(view.strip)
    if (byKey === undefined) placements.set(view.strip, (byKey = new Map()))
    const list = byKey.get(key)
    const placement = { from, to, extent, skip }
    if (list === undefined) byKey.set(key, [placement])
    else list.push(placement)
    skip += to - from
  }
}

/** Plans on the head and publishes: synchronous, under the index guards. */
function install(engine: Engine, captures: readonly Capture[], placements: Placements, lsn: number): void {
  const present = captures.filter(({ group }) => engine.groups.get(group.key) === group)
  const changes = present.flatMap((each) => planGroup(engine, each, placements))
  if (present.length === 0) return
  const groups = present.map(({ group }) => ({ key: group.key, lsn }))
  engine.publishEdit({ kind: 'flush', groups, changes })
  for (const { group, strips, extents } of present) {
    const flushed = new Map(strips.map((view) => [view.strip, view.to]))
    for (const snapshot of engine.snapshots) {
      snapshot.replaceRows(group.key, flushed, (strip, key, from, to, joined) =>
        pointersTo(placements, strip, key, from, to, joined),
      )
    }
    for (const [strip, to] of flushed) strip.flushTo(to)
    const left = new Set<unknown>(group.runs)
    for (const run of extents) {
      // One that a delete has taken whole meanwhile was counted off by it.
      if (left.has(run)) leaveTail(engine, run)
    }
    const gone = new Set<unknown>(extents)
    group.runs = group.runs.filter((run) => !gone.has(run))
    group.prune()
  }
}

/** Counts off a run whose extents are pointers now, or dead where their channel is gone. */
function leaveTail(engine: Engine, run: ExtentsRun): void {
  engine.tailExtents -= run.shape.keys.length
  for (const [id, bytes] of liveOfRun(run)) engine.segments.get(id).tailLive -= bytes
  for (const [key, list] of run.pointers) {
    if (engine.version.channels[key] !== undefined) continue
    for (const { segment } of list.pointers) engine.segments.get(segment).freed = engine.lastLsn
  }
}

/** The pointers that a group's captured tail has become, channel by channel, where they fit in. */
function planGroup(
  engine: Engine,
  { group, strips, extents }: Capture,
  placements: Placements,
): PointerChange[] {
  const byKey = new Map<number, Pointer[]>()
  const add = (key: number, pointers: readonly Pointer[]): void => {
    if (engine.version.channels[key] === undefined) return
    const list = byKey.get(key)
    if (list === undefined) byKey.set(key, [...pointers])
    else list.push(...pointers)
  }
  for (const captured of strips) {
    const { strip, to } = captured
    const now = { ...strip.view(), to }
    for (const key of strip.shape.keys) {
      if (engine.version.channels[key] === undefined) continue
      for (const rows of visibleRows(now, key)) {
        add(key, pointersTo(placements, strip, key, rows.from, rows.to, rows.joined))
      }
    }
  }
  for (const run of extents) {
    if (!group.runs.includes(run)) continue
    for (const [key, list] of run.pointers) add(key, list.pointers)
  }
  return [...byKey].flatMap(([key, pointers]) => insertions(engine, key, pointers))
}

/** Pointers to rows [from, to), through as many extents as they were written to. */
function pointersTo(
  placements: Placements,
  strip: Strip,
  key: number,
  from: number,
  to: number,
  joined: boolean,
): Pointer[] {
  const pointers: Pointer[] = []
  for (const placed of placements.get(strip)?.get(key) ?? []) {
    const first = Math.max(from, placed.from)
    const end = Math.min(to, placed.to)
    if (first >= end) continue
    const { extent } = placed
    const skip = placed.skip + first - placed.from
    const count = end - first
    pointers.push({
      start: strip.times[first]!,
      end: strip.times[end - 1]! + 1n,
      joined: first === from ? joined : true,
      segment: extent.segment,
      offset: extent.offset,
      length: extent.length,
      skip,
      count,
      live: liveShare(extent.length, extent.count, skip, skip + count),
    })
  }
  return pointers
}

/** Splits sorted pointers where pointers of the table lie between them; joins those that one extent holds side by side. */
function insertions(engine: Engine, key: number, pointers: Pointer[]): PointerChange[] {
  pointers.sort((a, b) => (a.start < b.start ? -1 : 1))
  const table = engine.version.pointers.get(key)
  const changes: PointerChange[] = []
  let comes: Pointer[] = []
  let position = -1
  for (const pointer of pointers) {
    const at = table.lowerBound(pointer.start)
    if (at !== position && comes.length > 0) {
      changes.push({ key, comes })
      comes = []
    }
    position = at
    const before = comes.at(-1)
    if (before !== undefined && pointer.joined && adjoins(before, pointer)) {
      const count = before.count + pointer.count
      comes[comes.length - 1] = { ...before, end: pointer.end, count, live: before.live + pointer.live }
    } else comes.push(pointer)
  }
  if (comes.length > 0) changes.push({ key, comes })
  return changes
}

function adjoins(a: Pointer, b: Pointer): boolean {
  return a.segment === b.segment && a.offset === b.offset && a.skip + a.count === b.skip
}

/** Gives back the pages in which nothing is left. */
function releasePages(engine: Engine, captures: readonly Capture[]): void {
  for (const { group, strips } of captures) {
    for (const { strip } of strips) {
      if (!strip.isSpent || strip.inTail) continue
      for (const stream of group.streams) if (stream.strip === strip) stream.strip = undefined
      releaseStrip(engine, undefined, strip)
    }
  }
}

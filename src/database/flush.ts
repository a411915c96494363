// A flush: what is left of the tails, and what an open snapshot still sees of them, is written as
// extents and synced with no guard held but that of the segment; then, under the index guards, what the
// tails still hold is turned into pointers (install.ts). Commits and deletes go on meanwhile. One flush at
// a time; called by the flusher.

import type { Group } from '../domain/group.ts'
import { visibleRows } from '../domain/tail.ts'
import type { Strip } from '../domain/tail.ts'
import { diskFull, isDiskFull } from '../fs/storage-error.ts'
import type { Held } from '../guard/held.ts'
import { unguarded } from '../guard/held.ts'
import { keysOf } from '../journal/shape.ts'
import type { PointerChange } from '../version/edit.ts'
import type { Version } from '../version/version.ts'
import { releaseStrip } from './commit.ts'
import type { Engine } from './engine.ts'
import { ExtentBatch, planSettling } from './extent-batch.ts'
import type { WrittenExtent } from './extent-batch.ts'
import { install, planInstall } from './install.ts'
import type { Capture } from './install.ts'
import { Placements } from './placements.ts'
import type { RowsToPlace } from './placements.ts'
import { SLICE_MS } from './turns.ts'

/** Lists of pointers that are installed in one step: some 5 ms (bench/stalls.ts). */
const INSTALLS_A_STEP = 1024

/**
 * Flushes the tails of these groups. Nothing happens where they are empty.
 * @param lease held by a close, which lets nobody else in; acquired here otherwise
 * @throws StorageError; then the tails of groups that were not installed yet are as they were
 */
export async function flushGroups(
  engine: Engine,
  groups: readonly Group[],
  lease?: Held<'lease', 'exclusive'>,
): Promise<void> {
  const captures = await captureAll(engine, groups)
  if (captures.length === 0) return
  const batch = new ExtentBatch(engine, undefined, lease)
  try {
    const placements = new Placements()
    const written = await writeRows(engine, captures, batch, placements)
    await batch.finish()
    if (batch.extents.length > 0) await engine.syncer.syncSegments()
    // In steps of bounded size: groups share nothing, so that each may be installed by itself.
    for (const some of inSteps(captures)) {
      let changes: readonly PointerChange[] = []
      await underGuards(engine, some, lease, async () => {
        const plan = await planInstall(engine, some, placements)
        changes = plan.changes.list
        const settling = await planSettling(
          engine.turns,
          changes,
          some.map((each) => written.get(each) ?? []),
        )
        await engine.turns.before(changes.length)
        install(engine, placements, plan)
        // In the same step: bytes are live or reserved, never both.
        batch.settleAll(settling, engine.lastLsn, engine.snapshots.size > 0)
      })
      releasePages(engine, some)
      await engine.smallExtents.noteChanges(engine.turns, changes)
      await engine.deadSpace.catchUp(engine.turns)
    }
  } catch (error) {
    await batch.idle()
    batch.giveUp(error)
    if (!isDiskFull(error)) throw error
    throw diskFull('Cannot flush', engine.segments.path, error, neededRoom(captures))
  }
}

/** Captures in portions of some `INSTALLS_A_STEP` lists of pointers; a group is never divided. */
function* inSteps(captures: readonly Capture[]): Generator<Capture[], void, void> {
  let some: Capture[] = []
  let lists = 0
  for (const each of captures) {
    let own = 1
    for (const { strip } of each.strips) own += strip.shape.keys.length
    for (const { shape } of each.extents) own += shape.keys.length
    if (some.length > 0 && lists + own > INSTALLS_A_STEP) {
      yield some
      some = []
      lists = 0
    }
    some.push(each)
    lists += own
  }
  yield some
}

/** Bytes of the samples that a flush writes: the least that it needs. */
function neededRoom(captures: readonly Capture[]): number {
  return captures
    .flatMap(({ strips }) => strips)
    .reduce((sum, { strip, from, to }) => sum + (to - from) * strip.shape.rowSize, 0)
}

/**
 * Whether commits of a group wait for word that they are flushed: a delete may have taken all that they
 * brought.
 */
function isBehind(engine: Engine, { key }: Group): boolean {
  const flushed = engine.version.flushed.get(key)
  return engine.journal?.files.some(({ commits }) => (commits.get(key) ?? 0) > flushed) ?? false
}

/** The tails of groups, each as it is in one step, with the record up to which it is whole. */
async function captureAll(engine: Engine, groups: readonly Group[]): Promise<Capture[]> {
  const captures: Capture[] = []
  for (const group of groups) {
    if (group.runs.length > 0 || isBehind(engine, group)) captures.push(capture(group, engine.lastLsn))
    const turn = engine.turns.due(SLICE_MS)
    if (turn !== undefined) await turn
  }
  return captures
}

function capture(group: Group, lsn: number): Capture {
  return {
    group,
    lsn,
    strips: group.runs.filter((run) => run.kind === 'strip').map((strip) => strip.view()),
    extents: group.runs.filter((run) => run.kind === 'extents'),
  }
}

async function underGuards(
  engine: Engine,
  captures: readonly Capture[],
  held: Held<'lease', 'exclusive'> | undefined,
  step: () => Promise<void>,
): Promise<void> {
  const purpose = 'flush'
  const lease = held ?? (await engine.guards.acquire(unguarded, { rank: 'lease', mode: 'shared', purpose }))
  try {
    using catalog = await engine.guards.acquire(lease, { rank: 'catalog', mode: 'shared', purpose })
    const keys = captures.map(({ group }) => group.key)
    using _index = await engine.guards.acquire(catalog, { rank: 'index', mode: 'exclusive', keys, purpose })
    await step()
  } finally {
    if (held === undefined) lease.release()
  }
}

/**
 * Writes the rows that the captures see, and those that an open snapshot still sees; says which extents are
 * whose.
 */
async function writeRows(
  engine: Engine,
  captures: readonly Capture[],
  batch: ExtentBatch,
  placements: Placements,
): Promise<Map<Capture, WrittenExtent[]>> {
  const written = new Map<Capture, WrittenExtent[]>()
  for (const capture of captures) {
    const { group, strips } = capture
    const before = batch.extents.length
    const seen = seenBySnapshots(engine, group)
    const whole = new Set(
      strips.map(({ strip }) => strip).filter((strip) => strip.cuts.size > 0 && seen.strips.has(strip)),
    )
    // Channels that are there, and those that an open snapshot still sees in these strips.
    const versions = [engine.version, ...seen.versions]
    const isThere = (key: number): boolean => versions.some(({ channels }) => channels[key] !== undefined)
    // Writers have pages by the dozen, and one shape.
    for (const key of keysOf(new Set(strips.map(({ strip }) => strip.shape)))) {
      if (key !== group.key && !isThere(key)) continue
      const shared: Piece[] = []
      for (const view of strips) {
        const { strip } = view
        const ordinal = strip.shape.ordinals.get(key)
        if (ordinal === undefined) continue
        if (whole.has(strip)) {
          // Rows that were cut may lie where others have been written since: an extent of their own.
          await writePieces(engine, batch, placements, key, [
            { strip, ordinal, from: view.from, to: view.to },
          ])
        } else {
          for (const { from, to } of visibleRows(view, key)) shared.push({ strip, ordinal, from, to })
        }
      }
      if (!shared.every((piece, i) => i === 0 || beginsBefore(shared[i - 1]!, piece)))
        shared.sort((a, b) => (beginsBefore(a, b) ? -1 : 1))
      await writePieces(engine, batch, placements, key, shared)
    }
    written.set(capture, batch.extents.slice(before))
  }
  return written
}

function beginsBefore(a: Piece, b: Piece): boolean {
  return a.strip.times[a.from]! < b.strip.times[b.from]!
}

/** Strips of a group of which open snapshots see rows, and the versions of those. */
function seenBySnapshots(engine: Engine, group: Group): { strips: Set<Strip>; versions: Version[] } {
  const seen = { strips: new Set<Strip>(), versions: [] as Version[] }
  for (const snapshot of engine.snapshots) {
    const strips = snapshot.stripsOf(group.key)
    for (const strip of strips) seen.strips.add(strip)
    if (strips.length > 0) seen.versions.push(snapshot.version)
  }
  return seen
}

interface Piece extends RowsToPlace {
  readonly ordinal: number
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
  const { shape } = pieces[0]!.strip
  const width = shape.widths[pieces[0]!.ordinal]!
  const most = Math.max(1, Math.floor(engine.tuning.extentLimit / width))
  let parts: Piece[] = []
  let count = 0
  const writeOut = async (): Promise<void> => {
    if (count > 0) await writeExtent(batch, placements, key, parts, count)
    parts = []
    count = 0
    const turn = engine.turns.due(SLICE_MS)
    if (turn !== undefined) await turn
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
  const { shape } = first.strip
  const extent = await batch.add({
    channel: key,
    type: shape.types[first.ordinal]!,
    isIndex: key === shape.index,
    firstTime: first.strip.times[first.from]!,
    lastTime: last.strip.times[last.to - 1]!,
    count,
    sources: parts.map(({ strip, ordinal, from, to }) => {
      const width = strip.shape.widths[ordinal]!
      return strip.page.bytes.subarray(
        strip.offsets[ordinal]! + from * width,
        strip.offsets[ordinal]! + to * width,
      )
    }),
  })
  placements.add(key, extent, parts)
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

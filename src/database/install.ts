// The second half of a flush: rows that were written, and extents that tails name, become pointers. Planned
// on the head in slices, under the index guards, and published in one step (0003-I2): what deletes have cut
// meanwhile becomes no pointer, and open snapshots are given the pointers in place of their rows (0003-I5).

import type { Group } from '../domain/group.ts'
import { visibleRows } from '../domain/tail.ts'
import type { ExtentsRun, Strip, StripView } from '../domain/tail.ts'
import { keysOf } from '../journal/shape.ts'
import type { Shape } from '../journal/shape.ts'
import type { PointerChange } from '../version/edit.ts'
import type { Pointer, SegmentId } from '../version/pointer.ts'
import type { PointerTable } from '../version/pointer-table.ts'
import type { Engine } from './engine.ts'
import type { FindPointers, Placements } from './placements.ts'
import { PlannedChanges } from './planned-changes.ts'
import type { FlushedRows } from './snapshot-state.ts'
import { SLICE_MS } from './turns.ts'

/** What a flush captured of one group. */
export interface Capture {
  readonly group: Group
  /** Of the newest record then. */
  readonly lsn: number
  readonly strips: readonly StripView[]
  readonly extents: readonly ExtentsRun[]
}

/** What leaves the tails with the record, where runs name extents. */
interface Leaving {
  /** Extents that tails name. */
  count: number
  /** What of segments only tails keep live. */
  readonly live: Map<SegmentId, number>
  /** Pointers of channels that are gone. */
  readonly gone: { readonly key: number; readonly pointer: Pointer }[]
}

/** What an install will publish. */
export interface InstallPlan {
  readonly present: readonly Capture[]
  readonly changes: PlannedChanges
  readonly leaving: Leaving
}

/**
 * Plans on the head, in slices. What it rests on stays as it is under the guards: which channels there are,
 * where their pointers lie, what deletes have cut. Commits only add to what was captured.
 */
export async function planInstall(
  engine: Engine,
  captures: readonly Capture[],
  placements: Placements,
): Promise<InstallPlan> {
  const present = captures.filter(({ group }) => engine.groups.get(group.key) === group)
  const changes = new PlannedChanges(engine.version)
  const leaving: Leaving = { count: 0, live: new Map(), gone: [] }
  for (const captured of present) {
    const runs = runsLeft(captured)
    const rows = rowsNow(captured, placements)
    for (const key of keysOf(shapesOf(captured))) {
      if (engine.version.channels[key] === undefined) continue
      const table = engine.version.pointers.get(key)
      for (const change of changesOf(table, key, rows, runs)) {
        if (change !== undefined) changes.add(change)
        const turn = engine.turns.due(SLICE_MS)
        if (turn !== undefined) await turn
      }
    }
    for (const run of runs) {
      leave(engine, leaving, run)
      const turn = engine.turns.due(SLICE_MS)
      if (turn !== undefined) await turn
    }
  }
  return { present, changes, leaving }
}

/** Publishes: synchronous, under the index guards. */
export function install(
  engine: Engine,
  placements: Placements,
  { present, changes, leaving }: InstallPlan,
): void {
  if (present.length === 0) return
  const groups = present.map(({ group, lsn }) => ({ key: group.key, lsn }))
  engine.publishEdit({ kind: 'flush', groups, changes: changes.list }, changes)
  for (const { group, strips, extents } of present) {
    if (engine.snapshots.size > 0) replaceInSnapshots(engine, group, strips, placements)
    for (const { strip, to } of strips) strip.flushTo(to)
    const gone = new Set<unknown>(extents)
    group.runs = group.runs.filter((run) => !gone.has(run))
    group.prune()
  }
  engine.tailExtents -= leaving.count
  for (const [segment, bytes] of leaving.live) engine.segments.get(segment).tailLive -= bytes
  for (const { key, pointer } of leaving.gone) {
    engine.segments.get(pointer.segment).freed = engine.lastLsn
    engine.deadSpace.noteGone(key, pointer, engine.lastLsn)
  }
}

/**
 * Snapshots that are open see pointers instead of the rows that were flushed. Their times outlive the pages.
 */
function replaceInSnapshots(
  engine: Engine,
  group: Group,
  strips: readonly StripView[],
  placements: Placements,
): void {
  const flushed = new Map<Strip, FlushedRows>()
  const seen = new Set([...engine.snapshots].flatMap((snapshot) => snapshot.stripsOf(group.key)))
  for (const { strip, to } of strips)
    if (seen.has(strip)) flushed.set(strip, { to, find: placements.findIn(strip, strip.times.slice(0, to)) })
  for (const snapshot of engine.snapshots) snapshot.replaceRows(group.key, flushed)
}

/** The captured runs that are left: one that a delete has taken whole meanwhile was counted off by it. */
function runsLeft({ group, extents }: Capture): readonly ExtentsRun[] {
  const left = new Set<unknown>(group.runs)
  return extents.filter((run) => left.has(run))
}

/** Counts a run whose extents will be pointers, or dead where their channel is gone. */
function leave(engine: Engine, leaving: Leaving, run: ExtentsRun): void {
  leaving.count += run.shape.keys.length
  for (const [key, list] of run.pointers) {
    const isGone = engine.version.channels[key] === undefined
    for (const pointer of list.pointers) {
      const { segment, live } = pointer
      leaving.live.set(segment, (leaving.live.get(segment) ?? 0) + live)
      if (isGone) leaving.gone.push({ key, pointer })
    }
  }
}

/** The channels that have something in a captured tail. */
function shapesOf({ strips, extents }: Capture): Set<Shape> {
  const shapes = new Set(strips.map(({ strip }) => strip.shape))
  for (const { shape } of extents) shapes.add(shape)
  return shapes
}

/** A strip that was captured, as it is now, and where its rows were written. */
interface RowsNow {
  readonly shape: Shape
  readonly now: StripView
  readonly find: FindPointers
}

function rowsNow({ strips }: Capture, placements: Placements): RowsNow[] {
  return strips.map((captured) => {
    const { strip, to } = captured
    const now = { ...strip.view(), to }
    return { shape: strip.shape, now, find: placements.findIn(strip, strip.times) }
  })
}

/** Pointers, or strips, that are looked at in one step: below a millisecond. */
const POINTERS_A_STEP = 1024
const STRIPS_A_STEP = 256

/** What a channel's captured tail changes of its table; undefined between two steps. */
function* changesOf(
  table: PointerTable,
  key: number,
  rows: readonly RowsNow[],
  runs: readonly ExtentsRun[],
): Generator<PointerChange | undefined, void, void> {
  const pointers: Pointer[] = []
  for (const [i, { shape, now, find }] of rows.entries()) {
    if (shape.ordinals.has(key))
      for (const { from, to, joined } of visibleRows(now, key)) pointers.push(...find(key, from, to, joined))
    if (i % STRIPS_A_STEP === STRIPS_A_STEP - 1) yield
  }
  for (const [i, run] of runs.entries()) {
    const list = run.pointers.get(key)
    if (list !== undefined) for (const pointer of list.pointers) pointers.push(pointer)
    if (i % POINTERS_A_STEP === POINTERS_A_STEP - 1) yield
  }
  if (!pointers.every((pointer, i) => i === 0 || pointers[i - 1]!.start < pointer.start))
    pointers.sort((a, b) => (a.start < b.start ? -1 : 1))
  yield* insertions(table, key, pointers)
}

/**
 * Splits sorted pointers where pointers of the table lie between them, and where they are many; joins those
 * that one extent holds side by side.
 */
function* insertions(
  table: PointerTable,
  key: number,
  pointers: readonly Pointer[],
): Generator<PointerChange, void, void> {
  let comes: Pointer[] = []
  let position = -1
  for (const pointer of pointers) {
    const at = table.lowerBound(pointer.start)
    const before = comes.at(-1)
    const isSame = before !== undefined && at === position && pointer.joined && adjoins(before, pointer)
    if (comes.length > 0 && (at !== position || (comes.length >= POINTERS_A_STEP && !isSame))) {
      yield { key, comes }
      comes = []
    }
    position = at
    if (isSame) {
      const count = before.count + pointer.count
      comes[comes.length - 1] = { ...before, end: pointer.end, count, live: before.live + pointer.live }
    } else comes.push(pointer)
  }
  if (comes.length > 0) yield { key, comes }
}

function adjoins(a: Pointer, b: Pointer): boolean {
  return a.segment === b.segment && a.offset === b.offset && a.skip + a.count === b.skip
}

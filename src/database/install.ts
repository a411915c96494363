// The second half of a flush: rows that were written, and extents that tails name, become pointers. Planned
// on the head in slices, under the index guards, and published in one step (0003-I2): what deletes have cut
// meanwhile becomes no pointer, and open snapshots are given the pointers in place of their rows (0003-I5).

import type { Group } from '../domain/group.ts'
import { liveOfRun } from '../domain/group.ts'
import { visibleRows } from '../domain/tail.ts'
import type { ExtentsRun, Strip, StripView } from '../domain/tail.ts'
import { liveShare } from '../unary/time-search.ts'
import { prepareChange } from '../version/apply.ts'
import type { PreparedChanges } from '../version/apply.ts'
import type { PointerChange } from '../version/edit.ts'
import type { Pointer } from '../version/pointer.ts'
import type { PointerTable } from '../version/pointer-table.ts'
import type { Engine } from './engine.ts'
import type { WrittenExtent } from './extent-batch.ts'

/** Rows [from, to) of one channel of a strip, and where a flush wrote them. */
export interface Placement {
  readonly from: number
  readonly to: number
  readonly extent: WrittenExtent
  /** Position of row `from` in the extent. */
  readonly skip: number
}

/** What a flush captured of one group. */
export interface Capture {
  readonly group: Group
  readonly strips: readonly StripView[]
  readonly extents: readonly ExtentsRun[]
}

/** By strip and channel key: where its rows were written, in order of rows. */
export type Placements = Map<Strip, Map<number, Placement[]>>

/** What an install will publish. */
export interface InstallPlan {
  readonly present: readonly Capture[]
  readonly changes: readonly PointerChange[]
  readonly prepared: PreparedChanges
}

/**
 * Plans on the head, in slices. What it rests on stays as it is under the guards: which channels there are, where
 * their pointers lie, what deletes have cut. Commits only add to what was captured.
 */
export async function planInstall(
  engine: Engine,
  captures: readonly Capture[],
  placements: Placements,
): Promise<InstallPlan> {
  const present = captures.filter(({ group }) => engine.groups.get(group.key) === group)
  const changes: PointerChange[] = []
  const prepared: PreparedChanges = new Map()
  for (const each of present) {
    const byKey = await planGroup(engine, each, placements)
    for (const [key, pointers] of byKey) {
      let table = engine.version.pointers.get(key)
      for (const change of insertions(table, key, pointers)) {
        table = prepareChange(prepared, table, change)
        changes.push(change)
      }
      const turn = engine.turns.due()
      if (turn !== undefined) await turn
    }
  }
  return { present, changes, prepared }
}

/** Publishes: synchronous, under the index guards. */
export function install(
  engine: Engine,
  placements: Placements,
  { present, changes, prepared }: InstallPlan,
  lsn: number,
): void {
  if (present.length === 0) return
  const groups = present.map(({ group }) => ({ key: group.key, lsn }))
  engine.publishEdit({ kind: 'flush', groups, changes }, prepared)
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
    for (const pointer of list.pointers) {
      engine.segments.get(pointer.segment).freed = engine.lastLsn
      engine.deadSpace.noteGone(key, pointer, engine.lastLsn)
    }
  }
}

/** The pointers that a group's captured tail has become, by channel; the loop turns in between. */
async function planGroup(
  engine: Engine,
  { group, strips, extents }: Capture,
  placements: Placements,
): Promise<Map<number, Pointer[]>> {
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
    const turn = engine.turns.due()
    if (turn !== undefined) await turn
  }
  const left = new Set<unknown>(group.runs)
  for (const run of extents) {
    if (!left.has(run)) continue
    for (const [key, list] of run.pointers) add(key, list.pointers)
    const turn = engine.turns.due()
    if (turn !== undefined) await turn
  }
  return byKey
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
function insertions(table: PointerTable, key: number, pointers: Pointer[]): PointerChange[] {
  pointers.sort((a, b) => (a.start < b.start ? -1 : 1))
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

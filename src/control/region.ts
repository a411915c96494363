// Where a writer may write: regions. A region is a gap in the committed data of a group's index
// channel; between the samples of a domain nobody can write, between two domains anybody can, but
// until control is shared out only one writer at a time (fine print: Regions). Pure look-ups over the
// head; the caller runs them in the same step as what rests on them.

import { present } from '../assert.ts'
import { WriteConflictError } from '../errors.ts'
import type { Group } from '../domain/group.ts'
import type { PointerList } from '../domain/pointer-list.ts'
import type { Stream } from '../domain/stream.ts'
import { visibleRows } from '../domain/tail.ts'
import { describeRange } from '../telem/time-range.ts'
import type { PointerTable } from '../version/pointer-table.ts'

/** Committed data around a time; ends exclusive. */
export interface Surroundings {
  /** The committed stretch that the time lies in. */
  readonly inside?: { readonly start: bigint; readonly end: bigint }
  /** That stretch goes on with committed data before it. */
  readonly goesBack?: boolean
  /** End of the newest committed data before the time. */
  readonly before?: bigint
  /** Start and end of the first committed data after the time. */
  readonly after?: { readonly start: bigint; readonly end: bigint }
}

interface Stretch {
  readonly start: bigint
  readonly end: bigint
  readonly joined: boolean
}

/** What is committed around `time` in a group's index channel, whose flushed pointers are `table`. */
export function surroundings(group: Group, table: PointerTable, time: bigint): Surroundings {
  let before: Stretch | undefined
  let after: Stretch | undefined
  let inside: Stretch | undefined
  const take = (stretch: Stretch): void => {
    if (stretch.end <= time) {
      if (before === undefined || stretch.end > before.end) before = stretch
    } else if (stretch.start > time) {
      if (after === undefined || stretch.start < after.start) after = stretch
    } else inside = stretch
  }
  takeAround(table, time, take)
  for (const view of group.views()) {
    if (view.kind === 'pointers') {
      const list = view.pointers.get(group.key)
      if (list !== undefined) takeAround(list, time, take)
      continue
    }
    const { times } = view.strip
    for (const { from, to, joined } of visibleRows(view, group.key))
      take({ start: times[from]!, end: times[to - 1]! + 1n, joined })
  }
  // A joined stretch goes on with the one before it: what lies between them is inside the domain.
  if (inside === undefined && after?.joined === true) {
    inside = { start: before?.start ?? after.start, end: after.end, joined: true }
  }
  return {
    ...(inside === undefined
      ? {}
      : { inside: { start: inside.start, end: inside.end }, goesBack: inside.joined }),
    ...(before === undefined ? {} : { before: before.end }),
    ...(after === undefined ? {} : { after: { start: after.start, end: after.end } }),
  }
}

/** Takes the pointers of a list that may hold a time, or lie next to it. */
function takeAround(list: PointerList, time: bigint, take: (stretch: Stretch) => void): void {
  const position = list.lowerBound(time)
  for (let p = Math.max(0, position - 1); p <= position + 1 && p < list.length; p++)
    take({ start: list.startAt(p), end: list.endAt(p), joined: list.joinedAt(p) })
}

/**
 * Finds where a stream that is to write at `time` must stop, and that nobody else writes in that region.
 * Returns the exclusive bound, undefined where there is none.
 * @throws WriteConflictError where the time lies inside committed data or in another writer's region
 */
export function claimRegion(
  group: Group,
  table: PointerTable,
  time: bigint,
  requested: { readonly start: bigint; readonly end?: bigint },
  self: { readonly name: string; readonly stream: Stream | undefined },
): bigint | undefined {
  const around = surroundings(group, table, time)
  if (around.inside !== undefined) throw overlap(self.name, requested, around.inside)
  const lower = around.before
  const dataUpper = around.after?.start
  let upper = dataUpper
  for (const other of group.streams) {
    const position = other.position
    if (other === self.stream || position === undefined) continue
    const { start } = other
    if (start !== undefined && other.committedLast === undefined && time < start) {
      if (upper === undefined || start < upper) upper = start
      continue
    }
    if ((lower !== undefined && position < lower) || (dataUpper !== undefined && position >= dataUpper))
      continue
    const existing = { start: other.start ?? (other.pending.length > 0 ? other.pendingFirst : position) }
    throw new WriteConflictError(
      `Cannot write "${self.name}" in ${describeRange(requested)}: another open writer has the region from ` +
        `${describeRange(existing)} on; close it first, or write elsewhere`,
      { channel: self.name, requested, existing },
    )
  }
  return upper
}

/** The region of a stream that has written or has a `start`, as it is now. */
export function regionOf(
  group: Group,
  table: PointerTable,
  stream: Stream,
): {
  /** The stream's samples must stay before this; undefined where nothing bounds them. */
  readonly upper: bigint | undefined
  /** What others have committed where the stream stood: it goes on behind that. */
  readonly passed?: { readonly start: bigint; readonly end: bigint }
  /** What it passed lies wholly behind it: the region behind that is one that it enters. */
  readonly enters?: boolean
  /** The newest committed sample before its next one is the stream's own last. */
  readonly goesOn: boolean
} {
  let position = present(stream.position, 'the stream has a region')
  let around = surroundings(group, table, position)
  let passed: { start: bigint; end: bigint } | undefined
  const enters = around.inside?.start === position && around.goesBack !== true
  while (around.inside !== undefined) {
    const { start, end } = around.inside
    passed = { start: passed?.start ?? start, end }
    position = end
    around = surroundings(group, table, position)
  }
  let upper = around.after?.start
  for (const other of group.streams) {
    if (other === stream || other.start === undefined || other.committedLast !== undefined) continue
    if (other.start > position && (upper === undefined || other.start < upper)) upper = other.start
  }
  if (passed !== undefined) return { upper, passed, ...(enters ? { enters } : {}), goesOn: false }
  return { upper, goesOn: stream.committedLast !== undefined && around.before === stream.committedLast + 1n }
}

/** The error for a write over committed data. */
export function overlap(
  channel: string,
  requested: { readonly start: bigint; readonly end?: bigint },
  existing: { readonly start: bigint; readonly end?: bigint },
  more = '',
): WriteConflictError {
  return new WriteConflictError(
    `Cannot write "${channel}" in ${describeRange(requested)}: ${describeRange(existing)} is there already${more}; ` +
      `stored data never overlaps, delete it first or write elsewhere`,
    { channel, requested, existing },
  )
}

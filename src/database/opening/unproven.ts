// Which extents only records beyond the mark name, and whether what is live of them at the end is there (S3).
// What it goes through it goes through in slices. Called by load.ts, and by what copies such extents.

import type { Group } from '../../domain/group.ts'
import type { ExtentPlace, JournalRecord } from '../../journal/record.ts'
import type { SampleRange } from '../../segment/dead-blocks.ts'
import type { ExtentOwner } from '../../segment/extent-header.ts'
import type { Pointer } from '../../version/pointer.ts'
import type { Version } from '../../version/version.ts'
import { inSlices, SLICE_MS } from '../turns.ts'
import type { Turns } from '../turns.ts'
import { walkPointers } from '../walk-pointers.ts'

/** Extents (segment:offset:length) that records beyond the mark name, with the first of these records. */
export function unprovenExtents(
  turns: Turns,
  records: readonly JournalRecord[],
  proven: number,
): Promise<Map<string, number>> {
  return inSlices(turns, unprovenSteps(records, proven), SLICE_MS)
}

/** Extents of a record that are a step: each is a text of its own. */
const EXTENTS_A_STEP = 256

function* unprovenSteps(
  records: readonly JournalRecord[],
  proven: number,
): Generator<void, Map<string, number>, void> {
  const extents = new Map<string, number>()
  function* add(lsn: number, some: readonly ExtentPlace[]): Generator<void, void, void> {
    for (const [position, extent] of some.entries()) {
      const key = extentKey(extent)
      if (!extents.has(key)) extents.set(key, lsn)
      if (position % EXTENTS_A_STEP === EXTENTS_A_STEP - 1) yield
    }
  }
  for (const record of records) {
    if (record.lsn <= proven) continue
    if (record.kind === 'commit') {
      for (const { runs } of record.sections) {
        for (const run of runs) if (run.kind === 'extents') yield* add(record.lsn, run.places)
      }
    } else if (record.edit.kind === 'flush' || record.edit.kind === 'relocate') {
      for (const { comes } of record.edit.changes) {
        yield* add(record.lsn, comes)
        yield
      }
    }
    yield
  }
  return extents
}

/** Identifies an extent: segment, offset, length. */
export function extentKey(extent: {
  readonly segment: number
  readonly offset: number
  readonly length: number
}): string {
  return `${extent.segment}:${extent.offset}:${extent.length}`
}

/** An extent, and what pointers reach of it. */
export interface ReachedExtent extends ExtentPlace {
  readonly live: readonly SampleRange[]
}

/** The first record beyond the mark that names an extent of which what is live at the end is not sound. */
export async function firstLost(
  turns: Turns,
  state: { readonly version: Version; readonly groups: ReadonlyMap<number, Group> },
  unproven: ReadonlyMap<string, number>,
  isSound: (extent: ReachedExtent, owner: ExtentOwner) => Promise<boolean>,
): Promise<number | undefined> {
  if (unproven.size === 0) return undefined
  const found = new Map<string, { lsn: number; extent: ReachedExtent; live: SampleRange[]; key: number }>()
  const look = (key: number, { segment, offset, length, skip, count }: Pointer): void => {
    const name = extentKey({ segment, offset, length })
    const lsn = unproven.get(name)
    if (lsn === undefined) return
    const part = { from: skip, to: skip + count }
    const known = found.get(name)
    if (known !== undefined) {
      known.live.push(part)
      return
    }
    const live = [part]
    found.set(name, { lsn, extent: { segment, offset, length, live }, live, key })
  }
  for (const [key, table] of state.version.pointers.entries())
    await walkPointers(turns, table, (pointer) => look(key, pointer))
  for (const group of state.groups.values()) {
    for (const run of group.runs) {
      if (run.kind === 'strip') continue
      for (const [key, list] of run.pointers) for (const pointer of list.pointers) look(key, pointer)
      const turn = turns.due(SLICE_MS)
      if (turn !== undefined) await turn
    }
  }
  const doubtful = [...found.values()].sort((a, b) => a.lsn - b.lsn)
  for (const { lsn, extent, key } of doubtful) {
    const channel = state.version.channels[key]
    if (channel === undefined) continue
    const owner = { channel: key, type: channel.type, isIndex: channel.kind === 'index' }
    if (!(await isSound(extent, owner))) return lsn
  }
  return undefined
}

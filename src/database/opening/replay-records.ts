// Replaying records on top of a manifest, by the functions that the live path runs (0003-I1), and which
// extents only unproven records name. Reads no segment.

import { assert } from '../../assert.ts'
import { CorruptionError } from '../../errors.ts'
import type { Group } from '../../domain/group.ts'
import { TailReplay } from '../../domain/tail-replay.ts'
import type { CommitSection, ExtentPlace, JournalRecord } from '../../journal/record.ts'
import type { Shape } from '../../journal/shape.ts'
import type { SampleRange } from '../../segment/dead-blocks.ts'
import type { ExtentOwner } from '../../segment/extent-header.ts'
import { apply } from '../../version/apply.ts'
import type { ChangesAhead } from '../../version/changes-ahead.ts'
import type { Edit } from '../../version/edit.ts'
import { catalogueOf, EMPTY_VERSION, groupOf as groupKeyOf } from '../../version/version.ts'
import type { Pointer } from '../../version/pointer.ts'
import type { Version } from '../../version/version.ts'
import type { FoundEpoch } from './find-epoch.ts'

/** A state that records led to. */
export interface Replayed {
  readonly version: Version
  readonly groups: Map<number, Group>
  /** What made the groups, to go on from. */
  readonly tails: TailReplay
}

/** The state after `records`, on top of the base. */
export function replayRecords(found: FoundEpoch, records: readonly JournalRecord[]): Replayed {
  const replay = new Replay(found.base?.contents.version ?? EMPTY_VERSION, new TailReplay(), records)
  for (const record of records) fitted(found, record, () => replay.take(record))
  return replay.end()
}

/** Applies records, one after another, to a version and to tails. */
export class Replay {
  #version: Version
  readonly #tails: TailReplay
  /** By index channel key: commits up to this LSN are pointers at the end of the records. */
  readonly #flushed: ReadonlyMap<number, number>
  /** Keys of channels that are gone at the end. */
  readonly #removed: ReadonlySet<number>
  readonly #checked = new Map<Shape, Version['channels']>()

  /** @param records all that will be taken, in order */
  constructor(version: Version, tails: TailReplay, records: readonly JournalRecord[]) {
    this.#version = version
    this.#tails = tails
    this.#flushed = flushedAtEnd(version, records)
    // First of all, as if they had never been there: rows that stay must not come to stand beside rows that go, with what
    // was between them, and is flushed as well, left out.
    for (const [key, lsn] of this.#flushed) if (lsn > (version.flushed[key] ?? 0)) tails.flush(key, lsn)
    this.#removed = new Set(
      records.flatMap((record) =>
        record.kind === 'edit' && record.edit.kind === 'remove' ? record.edit.keys : [],
      ),
    )
  }

  /** The version after the records that were taken. */
  get version(): Version {
    return this.#version
  }

  /**
   * @param ahead its changes, where they were applied to `version` already
   * @throws AssertionError where the record does not fit what came before
   */
  take(record: JournalRecord, ahead?: ChangesAhead): void {
    const { lsn } = record
    if (record.kind === 'edit') this.#edit(record.edit, lsn, ahead)
    else if (record.group === undefined || !this.#isGone(record.group, lsn))
      for (const section of record.sections) this.#commit(section, lsn)
  }

  end(): Replayed {
    const version = this.#version
    for (const key of this.#tails.groups.keys())
      if (version.channels[key] === undefined) this.#tails.drop(key)
    return { version, groups: this.#tails.groups, tails: this.#tails }
  }

  #commit(section: CommitSection, lsn: number): void {
    if (this.#isGone(section.shape.index, lsn)) return
    assertShape(this.#version, section.shape, this.#checked)
    this.#tails.commit(section, lsn)
  }

  /** Whether a commit's samples of a group are pointers at the end, or gone with the group. */
  #isGone(key: number, lsn: number): boolean {
    return lsn <= (this.#flushed.get(key) ?? 0) || this.#removed.has(key)
  }

  #edit(edit: Edit, lsn: number, ahead?: ChangesAhead): void {
    // Below the checkpoint, what an edit did to tails is applied again all the same.
    if (edit.kind === 'delete') this.#tails.cut(edit.tail)
    if (lsn > this.#version.lsn) this.#version = apply(this.#version, edit, lsn, ahead)
  }
}

/** What `step` makes of a record. @throws CorruptionError where the record does not fit what came before */
function fitted<T>(found: FoundEpoch, record: JournalRecord, step: () => T): T {
  try {
    return step()
  } catch (cause) {
    const path = found.journals.find((journal) => journal.records.includes(record))?.path ?? ''
    throw new CorruptionError(path, record.offset, `record ${record.lsn} does not fit the state before it`, {
      cause,
    })
  }
}

/** @throws AssertionError for a shape that is not one of the channels that it names, as far as they are there */
function assertShape(version: Version, shape: Shape, checked: Map<Shape, Version['channels']>): void {
  const { channels } = version
  if (checked.get(shape) === channels) return
  const catalogue = catalogueOf(version)
  for (const [ordinal, key] of shape.keys.entries()) {
    const channel = channels[key]
    if (channel === undefined) continue
    const fits = channel.type === shape.types[ordinal] && groupKeyOf(catalogue, channel) === shape.index
    assert(fits, `the samples of channel ${key} are of its type and its group`)
  }
  checked.set(shape, channels)
}

/** @throws CorruptionError for a state that no edits can have led to */
export function checkVersion(version: Version, path: string): void {
  try {
    const catalogue = catalogueOf(version)
    assert(catalogue.byName.size === catalogue.list.length, 'names are unique')
    for (const channel of catalogue.list) {
      const group = groupKeyOf(catalogue, channel)
      assert(version.channels[group]?.kind === 'index', `channel ${group} is an index channel`)
      assert(channel.key < version.nextKey, `channel key ${channel.key} was given out`)
    }
    for (const key of version.pointers.keys())
      assert(version.channels[key] !== undefined, `channel ${key} has pointers and is there`)
  } catch (cause) {
    throw new CorruptionError(path, 0, 'the state that it tells contradicts itself', { cause })
  }
}

/** By index channel key: the LSN up to which the whole log says that a group is flushed. */
function flushedAtEnd(version: Version, records: readonly JournalRecord[]): Map<number, number> {
  const flushed = new Map(Object.entries(version.flushed).map(([key, lsn]) => [Number(key), lsn]))
  for (const record of records) {
    if (record.kind !== 'edit' || record.edit.kind !== 'flush') continue
    for (const { key, lsn } of record.edit.groups) flushed.set(key, Math.max(lsn, flushed.get(key) ?? 0))
  }
  return flushed
}

/** Extents (segment:offset:length) that records beyond the mark name, with the first of these records. */
export function unprovenExtents(records: readonly JournalRecord[], proven: number): Map<string, number> {
  const extents = new Map<string, number>()
  const add = (lsn: number, extent: { segment: number; offset: number; length: number }): void => {
    const key = extentKey(extent)
    if (!extents.has(key)) extents.set(key, lsn)
  }
  for (const record of records) {
    if (record.lsn <= proven) continue
    if (record.kind === 'commit') {
      for (const { runs } of record.sections) {
        for (const run of runs)
          if (run.kind === 'extents') for (const place of run.places) add(record.lsn, place)
      }
    } else if (record.edit.kind === 'flush' || record.edit.kind === 'relocate') {
      for (const { comes } of record.edit.changes) for (const pointer of comes) add(record.lsn, pointer)
    }
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
    table.forEach(0, table.length, (pointer) => look(key, pointer))
  for (const group of state.groups.values()) {
    for (const run of group.runs) {
      if (run.kind === 'strip') continue
      for (const [key, list] of run.pointers) for (const pointer of list.pointers) look(key, pointer)
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

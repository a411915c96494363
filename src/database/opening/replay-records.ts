// Replaying records on top of a manifest, by the functions that the live path runs (0003-I1). Between two records,
// and while what a large edit makes of the tables is worked out, the loop may turn: nobody sees the state before it
// is whole. Reads no segment. Called by load.ts and read-on.ts.

import { assert } from '../../assert.ts'
import { CorruptionError } from '../../errors.ts'
import type { Group } from '../../domain/group.ts'
import { TailReplay } from '../../domain/tail-replay.ts'
import type { CommitSection, JournalRecord } from '../../journal/record.ts'
import type { Shape } from '../../journal/shape.ts'
import { apply } from '../../version/apply.ts'
import type { ChangesAhead } from '../../version/changes-ahead.ts'
import type { Edit } from '../../version/edit.ts'
import { aheadSteps, hasManyChanges } from '../../version/ahead-steps.ts'
import { catalogueOf, EMPTY_VERSION, groupOf as groupKeyOf } from '../../version/version.ts'
import type { Version } from '../../version/version.ts'
import { SLICE_MS, inSlices } from '../turns.ts'
import type { Turns } from '../turns.ts'
import type { FoundEpoch } from './find-epoch.ts'

/** A state that records led to. */
export interface Replayed {
  readonly version: Version
  readonly groups: Map<number, Group>
  /** What made the groups, to go on from. */
  readonly tails: TailReplay
}

/** The state after `records`, on top of the base; made in slices. @throws CorruptionError where a record does not fit what came before */
export async function replayRecords(
  turns: Turns,
  found: FoundEpoch,
  records: readonly JournalRecord[],
): Promise<Replayed> {
  const replay = new Replay(found.base?.contents.version ?? EMPTY_VERSION, new TailReplay(), records)
  let taken = 0
  try {
    for (; taken < records.length; taken++) {
      const slice = takeRecord(turns, replay, records[taken]!)
      if (slice !== undefined) await slice
    }
  } catch (cause) {
    const record = records[taken]!
    const path = found.journals.find((journal) => journal.records.includes(record))?.path ?? ''
    const what = `record ${record.lsn} does not fit the state before it`
    throw new CorruptionError(path, record.offset, what, { cause })
  }
  return replay.end()
}

/**
 * Takes one record; what there is to wait for before the next one, if anything.
 * @throws AssertionError, or rejects with it, where it does not fit what came before
 */
export function takeRecord(turns: Turns, replay: Replay, record: JournalRecord): Promise<void> | undefined {
  // Below the checkpoint nothing of it is applied to tables.
  if (record.kind === 'edit' && record.lsn > replay.version.lsn && hasManyChanges(record.edit))
    return takeAhead(turns, replay, record, record.edit)
  replay.take(record)
  return turns.due(SLICE_MS)
}

/** What it makes of the tables is worked out first, in slices. */
async function takeAhead(turns: Turns, replay: Replay, record: JournalRecord, edit: Edit): Promise<void> {
  replay.take(record, await inSlices(turns, aheadSteps(replay.version, edit)))
  await turns.due(SLICE_MS)
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
    for (const [key, lsn] of this.#flushed) if (lsn > version.flushed.get(key)) tails.flush(key, lsn)
    const removed = new Set<number>()
    for (const record of records)
      if (record.kind === 'edit' && record.edit.kind === 'remove')
        for (const key of record.edit.keys) removed.add(key)
    this.#removed = removed
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
export async function checkVersion(turns: Turns, version: Version, path: string): Promise<void> {
  try {
    const catalogue = catalogueOf(version)
    assert(catalogue.byName.size === catalogue.list.length, 'names are unique')
    for (const channel of catalogue.list) {
      const group = groupKeyOf(catalogue, channel)
      assert(version.channels[group]?.kind === 'index', `channel ${group} is an index channel`)
      assert(channel.key < version.nextKey, `channel key ${channel.key} was given out`)
      const turn = turns.due(SLICE_MS)
      if (turn !== undefined) await turn
    }
    for (const key of version.pointers.keys())
      assert(version.channels[key] !== undefined, `channel ${key} has pointers and is there`)
  } catch (cause) {
    throw new CorruptionError(path, 0, 'the state that it tells contradicts itself', { cause })
  }
}

/** By index channel key: the LSN up to which the whole log says that a group is flushed. */
function flushedAtEnd(version: Version, records: readonly JournalRecord[]): Map<number, number> {
  const flushed = new Map(version.flushed.entries())
  for (const record of records) {
    if (record.kind !== 'edit' || record.edit.kind !== 'flush') continue
    for (const { key, lsn } of record.edit.groups) flushed.set(key, Math.max(lsn, flushed.get(key) ?? 0))
  }
  return flushed
}

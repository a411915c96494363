// Replaying records on top of a manifest, by the functions that the live path runs (0003-I1). Between two
// records, and while what a large edit makes of the tables is worked out, the loop may turn: nobody sees the
// state before it is whole. Reads no segment. Called by load.ts and read-on.ts.

import { assert } from '../../assert.ts'
import { takeSteps } from '../../steps.ts'
import { CorruptionError } from '../../errors.ts'
import type { Group } from '../../domain/group.ts'
import { TailReplay } from '../../domain/tail-replay.ts'
import type { CommitSection, JournalRecord } from '../../journal/record.ts'
import type { Shape } from '../../journal/shape.ts'
import { apply } from '../../version/apply.ts'
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

/**
 * The state after `records`, on top of the base; made in slices.
 * @throws CorruptionError where a record does not fit what came before
 */
export async function replayRecords(
  turns: Turns,
  found: FoundEpoch,
  records: readonly JournalRecord[],
): Promise<Replayed> {
  const base = found.base?.contents.version ?? EMPTY_VERSION
  const replay = await inSlices(turns, Replay.begin(base, new TailReplay(), records), SLICE_MS)
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
  const steps = replay.take(record)
  return steps === undefined ? turns.due(SLICE_MS) : inSlices(turns, steps, SLICE_MS)
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

  private constructor(version: Version, tails: TailReplay, { flushed, removed }: AtEnd) {
    this.#version = version
    this.#tails = tails
    this.#flushed = flushed
    this.#removed = removed
  }

  /** In steps between which the loop may turn. @param records all that will be taken, in order */
  static *begin(
    version: Version,
    tails: TailReplay,
    records: readonly JournalRecord[],
  ): Generator<void, Replay, void> {
    const atEnd = yield* findAtEnd(version, records)
    // First of all, as if they had never been there: rows that stay must not come to stand beside rows that
    // go, with what was between them, and is flushed as well, left out.
    for (const [key, lsn] of atEnd.flushed) {
      if (lsn > version.flushed.get(key)) tails.flush(key, lsn)
      yield
    }
    return new Replay(version, tails, atEnd)
  }

  /** The version after the records that were taken. */
  get version(): Version {
    return this.#version
  }

  /**
   * Takes a record, or gives the steps that take it, where it says much.
   * @throws AssertionError where the record does not fit what came before; a step may too
   */
  take(record: JournalRecord): Generator<void, void, void> | undefined {
    const { lsn } = record
    if (record.kind === 'edit') {
      const steps = this.#editSteps(record.edit, lsn)
      if (isLong(record.edit)) return steps
      takeSteps(steps)
      return undefined
    }
    if (record.group !== undefined && this.#isGone(record.group, lsn)) return undefined
    const { sections } = record
    if (sections.some(({ shape }) => shape.keys.length > MANY)) return this.#commitSteps(sections, lsn)
    for (const section of sections) {
      if (this.#isGone(section.shape.index, lsn)) continue
      if (!this.#isChecked(section.shape)) takeSteps(this.#shapeSteps(section.shape))
      this.#tails.commit(section, lsn)
    }
    return undefined
  }

  end(): Replayed {
    const version = this.#version
    for (const key of this.#tails.groups.keys())
      if (version.channels[key] === undefined) this.#tails.drop(key)
    return { version, groups: this.#tails.groups, tails: this.#tails }
  }

  *#commitSteps(sections: readonly CommitSection[], lsn: number): Generator<void, void, void> {
    for (const section of sections) {
      if (this.#isGone(section.shape.index, lsn)) continue
      if (!this.#isChecked(section.shape)) yield* this.#shapeSteps(section.shape)
      this.#tails.commit(section, lsn)
      yield
    }
  }

  #isChecked(shape: Shape): boolean {
    return this.#checked.get(shape) === this.#version.channels
  }

  /**
   * @throws AssertionError for a shape that is not one of the channels that it names, as far as they are
   * there
   */
  *#shapeSteps(shape: Shape): Generator<void, void, void> {
    const { channels } = this.#version
    const catalogue = catalogueOf(this.#version)
    for (const [ordinal, key] of shape.keys.entries()) {
      if (ordinal % MANY === 0) yield
      const channel = channels[key]
      if (channel === undefined) continue
      const fits = channel.type === shape.types[ordinal] && groupKeyOf(catalogue, channel) === shape.index
      assert(fits, `the samples of channel ${key} are of its type and its group`)
    }
    this.#checked.set(shape, channels)
  }

  /** Whether a commit's samples of a group are pointers at the end, or gone with the group. */
  #isGone(key: number, lsn: number): boolean {
    return lsn <= (this.#flushed.get(key) ?? 0) || this.#removed.has(key)
  }

  *#editSteps(edit: Edit, lsn: number): Generator<void, void, void> {
    // Below the checkpoint, what an edit did to tails is applied again all the same.
    if (edit.kind === 'delete') yield* this.#tails.cut(edit.tail)
    // Below the checkpoint nothing of it is applied to tables.
    if (lsn <= this.#version.lsn) return
    const ahead = yield* aheadSteps(this.#version, edit)
    this.#version = apply(this.#version, edit, lsn, ahead)
    yield
  }
}

/** Channels, or changes, that are a step, or too few to be steps. */
const MANY = 64

/** Whether an edit is to be taken in steps. */
function isLong(edit: Edit): boolean {
  switch (edit.kind) {
    case 'delete': {
      const { keys, extents, parted } = edit.tail
      return hasManyChanges(edit) || keys.length + extents.length + parted.length > 0
    }
    case 'create':
    case 'redefine':
      return edit.channels.length > MANY
    default:
      return hasManyChanges(edit)
  }
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
    for (const key of version.pointers.keys()) {
      assert(version.channels[key] !== undefined, `channel ${key} has pointers and is there`)
      const turn = turns.due(SLICE_MS)
      if (turn !== undefined) await turn
    }
  } catch (cause) {
    throw new CorruptionError(path, 0, 'the state that it tells contradicts itself', { cause })
  }
}

/** What records say that is to be known before the first of them is taken. */
interface AtEnd {
  /** By index channel key: the LSN up to which the whole log says that a group is flushed. */
  readonly flushed: ReadonlyMap<number, number>
  /** Keys of channels that are removed. */
  readonly removed: ReadonlySet<number>
}

/** Records that are a step, where most are not looked into. */
const RECORDS_A_STEP = 8192

function* findAtEnd(version: Version, records: readonly JournalRecord[]): Generator<void, AtEnd, void> {
  const flushed = new Map(version.flushed.entries())
  const removed = new Set<number>()
  for (const [position, record] of records.entries()) {
    if (position % RECORDS_A_STEP === 0) yield
    if (record.kind !== 'edit') continue
    const { edit } = record
    if (edit.kind === 'remove') for (const key of edit.keys) removed.add(key)
    if (edit.kind !== 'flush') continue
    for (const { key, lsn } of edit.groups) flushed.set(key, Math.max(lsn, flushed.get(key) ?? 0))
  }
  return { flushed, removed }
}

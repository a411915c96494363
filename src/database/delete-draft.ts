// A delete in the making: the record and all that it changes, worked out channel by channel, run by run.
// Commits go on meanwhile, and only add: what they brought is taken by another round, until little is left
// for the delete's own step (delete.ts). Whatever was taken stays true until then (0003-I2): under the guards
// nobody else changes these pointers, nor cuts or flushes these tails. The steps are generators: their caller
// says when the loop turns.

import { assert } from '../assert.ts'
import type { Group } from '../domain/group.ts'
import { TailCuts } from '../domain/tail-cut.ts'
import type { Strip, TailRun } from '../domain/tail.ts'
import type { Held } from '../guard/held.ts'
import { assertHeld } from '../guard/held.ts'
import type { Channel } from '../telem/channel.ts'
import type { TimeRange } from '../telem/time-range.ts'
import { channelRefOf } from '../unary/channel-view.ts'
import type { ChannelRef } from '../unary/channel-view.ts'
import type { PointerChange, TailCut } from '../version/edit.ts'
import {
  canHold,
  cutList,
  firstOf,
  isBefore,
  isInRange,
  isLeftBehind,
  partOfExtents,
  partOfRows,
  partPointer,
  refuseDependent,
  takeOfTail,
} from './delete-plan.ts'
import type { TailPart, TailTake } from './delete-plan.ts'
import type { Engine } from './engine.ts'
import { PlannedChanges } from './planned-changes.ts'

/**
 * Pointers whose live bytes are added up, and runs of a tail in which a channel is looked for, in one step.
 */
const POINTERS_A_STEP = 16_384
const RUNS_A_STEP = 512

/** Channels that are named in one step. */
const CHANNELS_A_STEP = 1024

/** What is known of one channel so far. */
interface ChannelDraft {
  readonly ref: ChannelRef
  samples: number
  /** The record names it. */
  isNamed: boolean
  /** A piece of a cut pointer is left behind the range: it is parted by the cut itself. */
  isCutOff: boolean
  /** Timestamp of the first sample at or after the range's end, if there is any. */
  next: bigint | undefined
  /**
   * How that one is made to go on with nothing: it is in the tail, or its pointer changes; undefined where it
   * does so already.
   */
  part: 'inTail' | PointerChange | undefined
  /** Timestamp of the sample that was parted last. */
  partedAt: bigint | undefined
}

/** What is known of one group so far. */
interface GroupDraft {
  readonly group: Group
  readonly channels: ChannelDraft[]
  /** Where its index channel is named: its data channels that are not. */
  readonly dependents: readonly Channel[]
  /**
   * How many runs of its tail were looked at, and of the strips among them how many rows were committed then.
   */
  seen: number
  readonly strips: Map<Strip, number>
  /** What was found when it was last looked at: runs, and what of them is not wholly before the range. */
  runs: readonly TailRun[]
  parts: readonly TailPart[]
}

/** Taken in steps, between which the loop may turn. */
type Steps<T = void> = Generator<void, T, void>

/** Whether a tail got runs or rows since it was looked at. */
function hasMore({ seen, strips }: GroupDraft, runs: readonly TailRun[]): boolean {
  if (runs.length > seen) return true
  for (const [strip, count] of strips) if (strip.committed > count) return true
  return false
}

export class DeleteDraft {
  readonly #held: Held<'index', 'exclusive'>
  readonly #engine: Engine
  readonly #range: TimeRange
  readonly #channels: ChannelDraft[] = []
  readonly #groups = new Map<number, GroupDraft>()
  readonly #named = new Set<number>()
  #bytes = 0
  readonly changes: PlannedChanges
  readonly tailCuts: TailCuts

  /**
   * **Guard:** index, exclusive, for the groups of all channels that are taken, until the delete is done.
   */
  constructor(held: Held<'index', 'exclusive'>, engine: Engine, range: TimeRange) {
    this.#held = held
    this.#engine = engine
    this.#range = range
    this.changes = new PlannedChanges(engine.version)
    this.tailCuts = new TailCuts(range)
  }

  /** Samples that go, by the order of the channels. */
  samplesOf(position: number): number {
    return this.#channels[position]?.samples ?? 0
  }

  /** Bytes of segments that become tombstones. */
  get bytes(): number {
    return this.#bytes
  }

  /** What the record says of tails. */
  get tailCut(): TailCut {
    return this.changes.tailCut(this.#range)
  }

  /** The groups of its channels. */
  *groups(): Generator<Group, void, void> {
    for (const { group } of this.#groups.values()) yield group
  }

  /** @throws AssertionError where it was made under other guards, LockOrderError where they were released */
  assertUnder(held: Held<'index', 'exclusive'>): void {
    assert(held === this.#held, 'a delete is published under the guards that it was planned under')
    assertHeld(held)
  }

  /** Takes what goes of the channels now. @throws DependentDataError, StorageError, CorruptionError */
  *take(channels: readonly Channel[]): Steps {
    for (const [i, { key }] of channels.entries()) {
      this.#named.add(key)
      if (i % CHANNELS_A_STEP === CHANNELS_A_STEP - 1) yield
    }
    for (const channel of channels) yield* this.#takeChannel(channel)
    // What becomes of a tail is known once its channels are.
    for (const group of this.#groups.values()) yield* this.#takeRuns(group)
  }

  *#takeChannel(channel: Channel): Steps {
    const { catalogue } = this.#engine
    const { pointers } = this.#engine.version
    const { start, end } = this.#range
    const ref = channelRefOf(catalogue, channel)
    assertHeld(this.#held, ref.index.key)
    const group = yield* this.#groupOf(ref.index.key)
    const table = pointers.get(ref.key)
    const to = table.startBound(end)
    for (let from = table.lowerBound(start); to - from > POINTERS_A_STEP; from += POINTERS_A_STEP) {
      // The table keeps the sums of its leaves.
      table.liveIn(from, from + POINTERS_A_STEP)
      yield
    }
    const { change, samples, bytes } = cutList(
      this.#engine,
      ref,
      table,
      pointers.get(ref.index.key),
      this.#range,
    )
    const behind = to < table.length ? table.get(to) : undefined
    const draft: ChannelDraft = {
      ref,
      samples: 0,
      isNamed: false,
      isCutOff: change !== undefined && isLeftBehind(change, this.#range),
      next: behind?.start,
      part: behind?.joined === true ? partPointer(ref.key, behind) : undefined,
      partedAt: undefined,
    }
    if (change !== undefined) this.changes.add(change)
    this.#add(draft, samples, bytes)
    yield* this.#takeParts(draft, group)
    this.#channels.push(draft)
    group.channels.push(draft)
  }

  /**
   * Takes what was committed since the tails were looked at.
   * @returns how many channels were looked at for that
   * @throws DependentDataError, StorageError, CorruptionError
   */
  *takeSince(): Steps<number> {
    let count = 0
    for (const group of this.#groups.values()) {
      if (!this.#look(group)) continue
      if (!this.#concernsAny(group)) {
        // A commit parts its own first row in a strip of which rows before go.
        group.runs = group.runs.filter((run) => this.tailCuts.holds(run))
        yield* this.#takeRuns(group)
        continue
      }
      for (const data of group.dependents) {
        if (canHold(group.parts, data)) refuseDependent(this.#engine, data, this.#range)
        yield
      }
      for (const channel of group.channels) yield* this.#takeParts(channel, group)
      yield* this.#takeRuns(group)
      count += group.channels.length
    }
    return count
  }

  *#groupOf(key: number): Steps<GroupDraft> {
    const known = this.#groups.get(key)
    if (known !== undefined) return known
    const data = this.#named.has(key) ? (this.#engine.catalogue.dataOf.get(key) ?? []) : []
    const dependents = data.filter((channel) => !this.#named.has(channel.key))
    const group = {
      group: this.#engine.group(key),
      channels: [],
      dependents,
      seen: 0,
      strips: new Map<Strip, number>(),
      runs: [],
      parts: [],
    }
    this.#groups.set(key, group)
    this.#look(group)
    for (const channel of dependents) {
      refuseDependent(this.#engine, channel, this.#range)
      yield
    }
    return group
  }

  /**
   * Looks at what of a group's tail was not seen yet, in one step, as commits go on; false where that is
   * nothing.
   */
  #look(draft: GroupDraft): boolean {
    const { runs } = draft.group
    // Of ten thousand groups few have got anything since.
    if (!hasMore(draft, runs)) return false
    const found: TailRun[] = []
    const parts: TailPart[] = []
    const add = (run: TailRun, part: TailPart | undefined): void => {
      found.push(run)
      if (part !== undefined) parts.push(part)
    }
    for (const [strip, count] of draft.strips)
      if (strip.committed > count) add(strip, partOfRows(strip, count, this.#range))
    // Nobody else takes runs out, and commits add them at the end.
    for (let at = draft.seen; at < runs.length; at++) {
      const run = runs[at]!
      if (run.kind === 'strip') draft.strips.set(run, 0)
      add(run, run.kind === 'strip' ? partOfRows(run, 0, this.#range) : partOfExtents(run, this.#range))
    }
    for (const strip of draft.strips.keys()) draft.strips.set(strip, strip.committed)
    draft.seen = runs.length
    draft.runs = found
    draft.parts = parts
    return true
  }

  /**
   * Whether parts of a tail have samples in the range, or one that comes before what lies behind the range of
   * some channel.
   */
  #concernsAny({ channels, parts }: GroupDraft): boolean {
    if (parts.some(isInRange)) return true
    let first: bigint | undefined
    for (const part of parts) if (isBefore(firstOf(part), first)) first = firstOf(part)
    return first !== undefined && channels.some(({ isCutOff, next }) => !isCutOff && isBefore(first, next))
  }

  *#takeParts(channel: ChannelDraft, { parts }: GroupDraft): Steps {
    for (let at = 0; at < parts.length; at += RUNS_A_STEP) {
      const some = parts.length <= RUNS_A_STEP ? parts : parts.slice(at, at + RUNS_A_STEP)
      this.#takeOfTail(channel, takeOfTail(this.#engine, channel.ref, some, this.#range))
      yield
    }
    this.#part(channel)
    yield
  }

  *#takeRuns(group: GroupDraft): Steps {
    for (const run of group.runs) {
      yield* this.tailCuts.takeSteps(group.group, run)
      yield
    }
    group.runs = []
  }

  #takeOfTail(channel: ChannelDraft, { samples, bytes, changes, next }: TailTake): void {
    for (const change of changes) {
      this.changes.addExtents(change)
      this.tailCuts.addExtents(change)
      if (isLeftBehind(change, this.#range)) channel.isCutOff = true
    }
    if (isBefore(next, channel.next)) {
      channel.next = next
      channel.part = 'inTail'
    }
    this.#add(channel, samples, bytes)
  }

  #add(channel: ChannelDraft, samples: number, bytes: number): void {
    channel.samples += samples
    this.#bytes += bytes
    if (samples === 0 || channel.isNamed) return
    channel.isNamed = true
    this.changes.addKey(channel.ref.key)
    this.tailCuts.addKey(channel.ref.key)
  }

  /**
   * The first sample behind the range goes on with nothing, where it went on with what goes. One that was
   * parted before, and lies behind this one, went on with nothing all the time: nobody writes inside a
   * domain.
   */
  #part(channel: ChannelDraft): void {
    const { ref, isNamed, isCutOff, next, part, partedAt } = channel
    if (!isNamed || isCutOff || next === undefined || part === undefined || next === partedAt) return
    channel.partedAt = next
    if (part === 'inTail') {
      this.changes.addParted(ref.key, next)
      this.tailCuts.addParted(ref.key, next)
    } else this.changes.add(part)
  }
}

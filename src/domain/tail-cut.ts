// What a delete does to tails: the same functions live and at recovery, so that memory and replay cannot
// differ (0003-I1). What becomes of a run is worked out first and changes nothing, so that a delete can do it
// in slices for tails of any length; then all runs change in one synchronous step. Extents runs never grow; a
// strip that grew since it was taken is taken again: its new rows may be in the range, and their commit may
// have parted the first of them.

import { lowerBound } from '../binary-search.ts'
import { assert } from '../assert.ts'
import type { Shape } from '../journal/shape.ts'
import { takeSteps } from '../steps.ts'
import type { PointerChange, TailCut } from '../version/edit.ts'
import type { Pointer, SegmentId } from '../version/pointer.ts'
import type { Group } from './group.ts'
import { ShortPointerList } from './pointer-list.ts'
import type { RowCuts } from './row-cuts.ts'
import type { ExtentsRun, Strip, TailRun } from './tail.ts'

/** Bytes of segments that tails keep live no longer, by segment. */
export type FreedBytes = ReadonlyMap<SegmentId, number>

/** A pointer of a channel that goes out of a tail, and what comes in its place. */
export interface GoneFromTail {
  readonly key: number
  readonly gone: Pointer
  readonly comes: readonly Pointer[]
}

/** The pointers of an extents run. */
type Pointers = ExtentsRun['pointers']

/** A run that changes, what of it was there, and what will be. */
type RunChange =
  | { readonly run: Strip; readonly was: RowCuts; readonly is: RowCuts }
  /** Nothing is left of it where `is` is not said. */
  | { readonly run: ExtentsRun; readonly was: Pointers; readonly is: Pointers | undefined }

/** What is named of the channels of a shape. */
interface ShapeCut {
  /** How many keys and samples were named when it was found. */
  readonly of: number
  /** Channels that are named. */
  readonly ordinals: readonly number[]
  /** Channels (ordinals) of which samples are parted, by the list of their times. */
  readonly parted: ReadonlyMap<readonly bigint[], readonly number[]>
}

/** Channels of a shape that are looked at in one step: some 0.2 ms. */
const CHANNELS_A_STEP = 1024

/** One cut of many tails, from what it names to the step that makes it. */
export class TailCuts {
  readonly #start: bigint
  readonly #end: bigint
  readonly #keys = new Set<number>()
  /** Strips of a tail have few shapes. */
  readonly #found = new Map<Shape, ShapeCut>()
  /** How many keys and samples were named. */
  #count = 0
  /** By channel key; of a channel with several by the start of the first pointer that goes. */
  readonly #extents = new Map<number, PointerChange | Map<bigint, PointerChange>>()
  /** By channel key: times of samples that go on with nothing. */
  readonly #parted = new Map<number, readonly bigint[]>()
  /** Channels that are parted at the same time share a list. */
  readonly #partedAt = new Map<bigint, readonly bigint[]>()
  readonly #runs = new Map<TailRun, RunChange>()
  /** Of those that change. */
  readonly #groups = new Set<Group>()
  /** Those in which nothing is left, by group: found before, so that the step need not look for them. */
  readonly #emptied = new Map<Group, Set<ExtentsRun>>()
  readonly #freed = new Map<SegmentId, number>()
  readonly #gone: GoneFromTail[] = []

  /** @param range rows in it go, of channels that are named */
  constructor({ start, end }: { readonly start: bigint; readonly end: bigint }) {
    this.#start = start
    this.#end = end
  }

  /** What a record names, in steps between which the loop may turn. */
  static *of(cut: TailCut): Generator<void, TailCuts, void> {
    const cuts = new TailCuts(cut)
    let named = 0
    const isStep = (): boolean => ++named % NAMES_A_STEP === 0
    for (const key of cut.keys) {
      cuts.addKey(key)
      if (isStep()) yield
    }
    for (const change of cut.extents) {
      cuts.addExtents(change)
      if (isStep()) yield
    }
    for (const { key, at } of cut.parted) {
      cuts.addParted(key, at)
      if (isStep()) yield
    }
    return cuts
  }

  /** Names a channel whose rows go. */
  addKey(key: number): void {
    this.#count++
    this.#keys.add(key)
  }

  /** Names pointers of an extents run that go, and what comes. */
  addExtents(change: PointerChange): void {
    const { key, goes } = change
    if (goes === undefined) return
    const others = this.#extents.get(key)
    if (others === undefined) this.#extents.set(key, change)
    else if (others instanceof Map) others.set(goes.first, change)
    else
      this.#extents.set(
        key,
        new Map([
          [others.goes!.first, others],
          [goes.first, change],
        ]),
      )
  }

  /** Names a sample of a channel that goes on with nothing. */
  addParted(key: number, at: bigint): void {
    this.#count++
    let alone = this.#partedAt.get(at)
    if (alone === undefined) this.#partedAt.set(at, (alone = [at]))
    const others = this.#parted.get(key)
    this.#parted.set(key, others === undefined ? alone : [...others, at])
  }

  /**
   * Works out what becomes of a group's run, which changes with `apply` only. An extents run is taken once.
   */
  take(group: Group, run: TailRun): void {
    takeSteps(this.takeSteps(group, run))
  }

  /** As `take`, in steps between which the loop may turn where nobody changes the run meanwhile. */
  *takeSteps(group: Group, run: TailRun): Generator<void, void, void> {
    if (run.kind === 'strip') {
      yield* this.#find(run.shape)
      const change = this.#takeRows(run)
      if (change === undefined) this.#runs.delete(run)
      else this.#runs.set(run, change)
      return
    }
    const is = yield* this.#takeExtents(run)
    if (is === undefined) return
    this.#groups.add(group)
    const isLeft = hasPointers(is)
    this.#runs.set(run, { run, was: run.pointers, is: isLeft ? is : undefined })
    if (isLeft) return
    const emptied = this.#emptied.get(group)
    if (emptied === undefined) this.#emptied.set(group, new Set([run]))
    else emptied.add(run)
  }

  /** Whether a run changes. */
  holds(run: TailRun): boolean {
    return this.#runs.has(run)
  }

  /** What of segments the runs that were taken keep live no longer. */
  get freed(): FreedBytes {
    return this.#freed
  }

  /** Pointers that go out of the runs that were taken. */
  get gone(): readonly GoneFromTail[] {
    return this.#gone
  }

  /**
   * To be asked before the record is published.
   * @throws AssertionError where a run is another than when it was taken
   */
  check(): void {
    for (const change of this.#runs.values()) {
      const now = change.run.kind === 'strip' ? change.run.cuts : change.run.pointers
      assert(now === change.was, 'nobody else changes a tail that a delete has taken')
    }
  }

  /** Changes all runs that were taken, and drops those in which nothing is left. @returns what was dropped */
  apply(): readonly TailRun[] {
    for (const { run, is } of this.#runs.values()) {
      if (run.kind === 'strip') run.cuts = is as RowCuts
      else if (is !== undefined) run.pointers = is as Pointers
    }
    const dropped: TailRun[] = []
    for (const group of this.#groups)
      for (const run of group.prune(this.#emptied.get(group))) dropped.push(run)
    return dropped
  }

  #takeRows(strip: Strip): RunChange | undefined {
    const { shape, times, flushed, committed } = strip
    const { ordinals, parted } = takeSteps(this.#find(shape))
    let { cuts } = strip
    const from = lowerBound(times, this.#start, flushed, committed)
    const to = lowerBound(times, this.#end, from, committed)
    if (from < to) {
      if (ordinals.length > 0) cuts = cuts.with(shape, ordinals, from, to)
    }
    for (const [row, which] of this.#partedRows(strip, parted)) cuts = cuts.with(shape, which, row, row)
    return cuts === strip.cuts ? undefined : { run: strip, was: strip.cuts, is: cuts }
  }

  /** The rows of a strip that go on with nothing, and of which channels (ordinals). */
  #partedRows(strip: Strip, parted: ShapeCut['parted']): Map<number, readonly number[]> {
    const rows = new Map<number, readonly number[]>()
    for (const [times, ordinals] of parted) {
      for (const row of rowsAt(strip, times)) {
        const others = rows.get(row)
        rows.set(row, others === undefined ? ordinals : [...others, ...ordinals])
      }
    }
    return rows
  }

  /** What is named of a shape's channels, found in steps unless it is known. */
  *#find(shape: Shape): Generator<void, ShapeCut, void> {
    const known = this.#found.get(shape)
    if (known?.of === this.#count) return known
    const ordinals: number[] = []
    const parted = new Map<readonly bigint[], number[]>()
    const found = { of: this.#count, ordinals, parted }
    for (const [ordinal, key] of shape.keys.entries()) {
      if (this.#keys.has(key)) ordinals.push(ordinal)
      const times = this.#parted.get(key)
      if (times !== undefined) {
        const others = parted.get(times)
        if (others === undefined) parted.set(times, [ordinal])
        else others.push(ordinal)
      }
      if (ordinal % CHANNELS_A_STEP === CHANNELS_A_STEP - 1) yield
    }
    this.#found.set(shape, found)
    return found
  }

  *#takeExtents(run: ExtentsRun): Generator<void, Pointers | undefined, void> {
    let pointers: Map<number, ShortPointerList> | undefined
    const { keys } = run.shape
    for (let i = 0; i < keys.length; i++) {
      if (i > 0 && i % NAMES_A_STEP === 0) yield
      const key = keys[i]!
      const before = run.pointers.get(key)?.pointers
      if (before === undefined) continue
      const after = this.#withoutParted(key, this.#withoutGone(key, before))
      if (after === before) continue
      pointers ??= new Map(run.pointers)
      pointers.set(key, new ShortPointerList(after))
    }
    return pointers
  }

  /** Pointers of a run with what comes in place of what goes, where a change is about them. */
  #withoutGone(key: number, pointers: readonly Pointer[]): readonly Pointer[] {
    const named = this.#extents.get(key)
    if (named === undefined) return pointers
    const position = pointers.findIndex(({ start }) =>
      named instanceof Map ? named.has(start) : named.goes!.first === start,
    )
    if (position < 0) return pointers
    const { goes, comes } = named instanceof Map ? named.get(pointers[position]!.start)! : named
    const gone = pointers.slice(position, position + goes!.count)
    if (gone.at(-1)!.start !== goes!.last || gone.length !== goes!.count) return pointers
    for (const pointer of gone) {
      this.#free(pointer.segment, pointer.live)
      this.#gone.push({ key, gone: pointer, comes })
    }
    for (const { segment, live } of comes) this.#free(segment, -live)
    return [...pointers.slice(0, position), ...comes, ...pointers.slice(position + gone.length)]
  }

  #free(segment: SegmentId, bytes: number): void {
    this.#freed.set(segment, (this.#freed.get(segment) ?? 0) + bytes)
  }

  #withoutParted(key: number, pointers: readonly Pointer[]): readonly Pointer[] {
    const [first, ...others] = pointers
    if (first === undefined || this.#parted.get(key)?.includes(first.start) !== true) return pointers
    return [{ ...first, joined: false }, ...others]
  }
}

/** Takes out of the tails of groups what a record names, in steps between which nobody looks at them. */
export function* tailCutSteps(groups: readonly Group[], cut: TailCut): Generator<void, TailCuts, void> {
  const cuts = yield* TailCuts.of(cut)
  let taken = 0
  for (const group of groups) {
    for (const run of group.runs) {
      yield* cuts.takeSteps(group, run)
      if (++taken % RUNS_A_STEP === 0) yield
    }
  }
  yield
  cuts.apply()
  return cuts
}

/**
 * Channels that a record names, or that a run has, which are a step: below a ms also before the code is
 * compiled.
 */
const NAMES_A_STEP = 128

/** Runs of a few channels that are a step. */
const RUNS_A_STEP = 32

function hasPointers(pointers: Pointers): boolean {
  for (const list of pointers.values()) if (list.length > 0) return true
  return false
}

/** The unflushed rows of a strip at some times, as far as it has them. */
function rowsAt(strip: Strip, times: readonly bigint[]): number[] {
  return times.flatMap((at) => {
    const row = lowerBound(strip.times, at, strip.flushed, strip.committed)
    return row < strip.committed && strip.times[row] === at ? [row] : []
  })
}

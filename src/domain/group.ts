// A group's tail, and what commits do to it: the same functions live and at recovery, so that memory and
// replay cannot differ (0003-I1); what deletes do is in tail-cut.ts. Everything here is one synchronous step;
// nothing reads a disk.

import { partitionPoint } from '../binary-search.ts'
import type { ExtentsRun as RecordedExtents } from '../journal/record.ts'
import type { Shape } from '../journal/shape.ts'
import type { Pointer } from '../version/pointer.ts'
import { JoinedRuns } from './joined-runs.ts'
import { ShortPointerList } from './pointer-list.ts'
import type { Stream } from './stream.ts'
import { ExtentsRun } from './tail.ts'
import type { Strip, TailRun, TailView } from './tail.ts'

/** Up to so many runs that name extents are looked through one by one. */
const FEW_RUNS = 32

const NONE: ReadonlySet<ExtentsRun> = new Set()

/** The tail of one group: of an index channel and its data channels. */
export class Group {
  /** Key of the index channel. */
  readonly key: number
  /** The writers that are open in this group. */
  readonly streams: Set<Stream> = new Set()
  /**
   * Grows with whatever may change where a writer's next sample can lie: commits, deletes, writers that come
   * and go.
   */
  generation = 0
  #runs: TailRun[] = []
  /** The runs, by kind. */
  #strips: Strip[] = []
  #extents: ExtentsRun[] = []
  /** Those that name extents, where they are more than a few. */
  #joined: JoinedRuns | undefined
  /** Runs that were cut since something was last looked for in which nothing is left. */
  readonly #cut = new Set<ExtentsRun>()
  /** Runs that were cut since those that are joined were last asked for, and those that went. */
  readonly #changed = new Set<ExtentsRun>()
  #gone: readonly ReadonlySet<ExtentsRun>[] = []
  /** Each strip begins after the one before it has ended. */
  #isSorted = true

  constructor(key: number) {
    this.key = key
  }

  /** In the order in which their first rows were committed; to be looked at in one step. */
  get runs(): readonly TailRun[] {
    return this.#runs
  }

  set runs(runs: readonly TailRun[]) {
    this.#runs = [...runs]
    this.#strips = []
    this.#extents = []
    this.#separate()
    for (const run of runs) this.#sort(run)
  }

  /** The same tail, to be changed while this one stays what it is; without its writers. */
  copy(): Group {
    const copy = new Group(this.key)
    copy.runs = this.#runs.map((run) => run.copy())
    copy.generation = this.generation
    copy.#isSorted = this.#isSorted
    return copy
  }

  /** Adds a run of which something is committed. However many there are, it costs the same. */
  add(run: TailRun): void {
    this.#runs.push(run)
    if (run.kind === 'extents') this.#renewed()?.add(run)
    else {
      const before = this.#strips.at(-1)
      // Once two writers took turns, the strips are searched one by one until they are flushed.
      this.#isSorted = before === undefined || (this.#isSorted && before.last < run.first)
    }
    this.#sort(run)
    // From the first one on that is too many: not all at once when they are read.
    if (this.#extents.length > FEW_RUNS && this.#joined === undefined)
      this.#joined = new JoinedRuns(this.#extents)
  }

  #sort(run: TailRun): void {
    if (run.kind === 'strip') this.#strips.push(run)
    else {
      this.#extents.push(run)
      run.owner = this
    }
  }

  /** A strip's rows grew. */
  grew(strip: Strip): void {
    if (this.#strips.at(-1) !== strip) this.#isSorted = false
  }

  /** Other pointers came in the place of a run's. */
  noteCut(run: ExtentsRun): void {
    this.#cut.add(run)
    if (this.#joined !== undefined) this.#changed.add(run)
  }

  /**
   * Drops runs in which nothing is left, and returns them.
   * @param emptied more of them, known to go; never changed afterwards
   */
  prune(emptied: ReadonlySet<ExtentsRun> = NONE): readonly TailRun[] {
    const spent = new Set<TailRun>()
    for (const strip of this.#strips) {
      strip.inTail = strip.flushed < strip.committed
      if (!strip.inTail) spent.add(strip)
    }
    const cut = new Set<ExtentsRun>()
    for (const run of this.#cut) if (!emptied.has(run) && isEmpty(run)) cut.add(run)
    this.#cut.clear()
    if (spent.size + cut.size + emptied.size === 0) return []
    const isLeft = (run: TailRun): boolean =>
      run.kind === 'strip' ? !spent.has(run) : !emptied.has(run) && !cut.has(run)
    this.#runs = this.#runs.filter(isLeft)
    if (spent.size > 0) this.#strips = this.#strips.filter(isLeft)
    if (cut.size + emptied.size > 0) {
      this.#extents = this.#extents.filter(isLeft)
      if (this.#extents.length <= FEW_RUNS) this.#separate()
      else if (this.#joined !== undefined) this.#gone = [...this.#gone, cut, emptied]
    }
    return [...spent, ...cut, ...emptied]
  }

  /** They are few, or others: what was joined would keep those that went. */
  #separate(): void {
    this.#joined = undefined
    this.#changed.clear()
    this.#gone = []
  }

  /** Those that are joined, as they are now: the chunks of runs that changed are made anew. */
  #renewed(): JoinedRuns | undefined {
    if (this.#changed.size > 0 || this.#gone.length > 0) {
      const gone = new Set<ExtentsRun>()
      for (const some of this.#gone) for (const run of some) gone.add(run)
      for (const run of gone) this.#changed.add(run)
      this.#joined?.renew(this.#changed, gone)
    }
    this.#changed.clear()
    this.#gone = []
    return this.#joined
  }

  /**
   * What is committed and not flushed, as it is now; of strips that can hold samples in [start, end) only.
   */
  views(start?: bigint, end?: bigint): TailView[] {
    const shown = inRange(this.#strips, this.#isSorted, start, end)
    if (this.#extents.length <= FEW_RUNS) return [...shown, ...inRange(this.#extents, false, start, end)]
    this.#joined = this.#renewed() ?? new JoinedRuns(this.#extents)
    return [...shown, ...this.#joined.views(start, end)]
  }
}

/** What those runs show that can hold samples of [start, end). */
function inRange(
  runs: readonly TailRun[],
  isSorted: boolean,
  start: bigint | undefined,
  end: bigint | undefined,
): TailView[] {
  const shown: TailView[] = []
  const isBefore = (i: number): boolean => start !== undefined && runs[i]!.last < start
  for (let i = isSorted ? partitionPoint(0, runs.length, isBefore) : 0; i < runs.length; i++) {
    const run = runs[i]!
    if (end !== undefined && run.first >= end) {
      if (isSorted) break
      continue
    }
    if (!isBefore(i)) shown.push(run.view())
  }
  return shown
}

function isEmpty(run: ExtentsRun): boolean {
  for (const list of run.pointers.values()) if (list.length > 0) return false
  return true
}

/** The pointers of a run whose extents a commit names: one for each channel, reaching all of its extent. */
export function pointersOfRun(shape: Shape, run: RecordedExtents): ExtentsRun {
  const pointers = new Map<number, ShortPointerList>()
  const parted = new Set(run.parted)
  for (let i = 0; i < shape.keys.length; i++) {
    const key = shape.keys[i]!
    const pointer: Pointer = {
      start: run.first,
      end: run.last + 1n,
      joined: run.joined && !parted.has(key),
      ...run.places[i]!,
      skip: 0,
      count: run.count,
      live: run.places[i]!.length,
    }
    pointers.set(key, new ShortPointerList([pointer]))
  }
  const extents = new ExtentsRun(shape, pointers, run.first, run.last)
  if (parted.size === 0) extents.alike = { count: run.count, joined: run.joined }
  return extents
}

/**
 * Bytes of segments that a run of a tail keeps live, by segment.
 * @param live what others keep, which they are added to
 */
export function liveOfRun(run: ExtentsRun, live: Map<number, number> = new Map()): Map<number, number> {
  for (const list of run.pointers.values()) {
    for (const pointer of list.pointers)
      live.set(pointer.segment, (live.get(pointer.segment) ?? 0) + pointer.live)
  }
  return live
}

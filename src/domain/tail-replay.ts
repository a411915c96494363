// Tails as commits, deletes and flushes that a log holds make them: by the functions of the live path
// (0003-I1). One replay goes on from where another one ended and leaves that one's tails what they are: it
// copies a group before it changes it, so that what is shown changes in one step or not at all. Called by
// replay-records.ts.

import type { CommitSection, RowsRun } from '../journal/record.ts'
import type { Shape } from '../journal/shape.ts'
import type { TailCut } from '../version/edit.ts'
import { CommitEnds } from './commit-ends.ts'
import { Group, pointersOfRun } from './group.ts'
import { Strip, stripSize } from './tail.ts'
import { tailCutSteps } from './tail-cut.ts'
import type { TailRun } from './tail.ts'

/** Bytes of the first page that replay puts a writer's rows in, and of the largest: they double. */
const FIRST_REPLAY_PAGE = 1024
const LAST_REPLAY_PAGE = 64 * 1024

/** The tail of one group. */
interface Tail {
  readonly group: Group
  /** By stream: where its next rows go. */
  readonly strips: Map<number, Strip>
}

/** Builds tails from what a log holds. */
export class TailReplay {
  readonly #tails: Map<number, Tail>
  /** Those that may be changed: the others are of the replay that this one goes on from. */
  readonly #own = new Set<Tail>()

  /** @param before what this one goes on from: it stays what it is, and no other goes on from it */
  constructor(before?: TailReplay) {
    this.#tails = new Map(before === undefined ? [] : before.#tails)
  }

  /** By key of the index channel. */
  get groups(): Map<number, Group> {
    const groups = new Map<number, Group>()
    for (const [key, { group }] of this.#tails) groups.set(key, group)
    return groups
  }

  /** Adds one section of the commit `lsn` to its group's tail. */
  commit(section: CommitSection, lsn: number): void {
    const tail = this.#ownTail(section.shape.index)
    for (const run of section.runs) {
      if (run.kind === 'extents') {
        tail.strips.delete(section.stream)
        const extents = pointersOfRun(section.shape, run)
        extents.lsn = lsn
        tail.group.add(extents)
      } else {
        addRows(tail, section, run, lsn)
      }
    }
  }

  /** Takes out of the tails what a delete names, in steps between which the loop may turn. */
  *cut(cut: TailCut): Generator<void, void, void> {
    const keys = new Set(cut.keys)
    for (const [key, tail] of this.#tails)
      if (!this.#own.has(tail) && namesAny(tail.group.runs, keys)) this.#ownTail(key)
    yield* tailCutSteps(
      [...this.#own].map(({ group }) => group),
      cut,
    )
  }

  /** The commits of a group up to `lsn` are pointers now. */
  flush(key: number, lsn: number): void {
    const before = this.#tails.get(key)
    if (before === undefined || !before.group.runs.some((run) => isBegun(run, lsn))) return
    const { group, strips } = this.#ownTail(key)
    for (const run of group.runs) {
      const end = run.kind === 'strip' ? (run.commits?.endOf(lsn) ?? 0) : 0
      if (run.kind === 'strip' && end > run.flushed) run.flushTo(end)
    }
    group.runs = group.runs.filter((run) => run.kind === 'strip' || run.lsn > lsn)
    group.prune()
    for (const [stream, strip] of strips) if (!strip.inTail) strips.delete(stream)
  }

  /** A group's channels are gone. */
  drop(key: number): void {
    const tail = this.#tails.get(key)
    if (tail === undefined) return
    this.#own.delete(tail)
    this.#tails.delete(key)
  }

  /** The tail of a group, to be changed: made, or copied, when it is first asked for. */
  #ownTail(key: number): Tail {
    const before = this.#tails.get(key)
    if (before !== undefined && this.#own.has(before)) return before
    const tail = before === undefined ? { group: new Group(key), strips: new Map() } : copyOf(before)
    this.#tails.set(key, tail)
    this.#own.add(tail)
    return tail
  }
}

function copyOf({ group, strips }: Tail): Tail {
  const copy = group.copy()
  const tail: Tail = { group: copy, strips: new Map() }
  const streams = new Map<TailRun, number>([...strips].map(([stream, strip]) => [strip, stream]))
  for (const [i, run] of group.runs.entries()) {
    const stream = streams.get(run)
    const copied = copy.runs[i]!
    if (stream !== undefined && copied.kind === 'strip') tail.strips.set(stream, copied)
  }
  return tail
}

/** Whether runs have samples of any of these channels. */
function namesAny(runs: readonly TailRun[], keys: ReadonlySet<number>): boolean {
  let known: Shape | undefined
  return runs.some(({ shape }) => {
    // Runs of one writer have one shape, in each file of the log.
    if (shape === known) return false
    known = shape
    return shape.keys.some((key) => keys.has(key))
  })
}

/** Whether a run holds samples of commits up to `lsn` that are no pointers yet. */
function isBegun(run: TailRun, lsn: number): boolean {
  return run.kind === 'extents' ? run.lsn <= lsn : (run.commits?.endOf(lsn) ?? 0) > run.flushed
}

function addRows({ group, strips }: Tail, section: CommitSection, run: RowsRun, lsn: number): void {
  const { shape, stream } = section
  let strip = strips.get(stream)
  const fits =
    strip !== undefined && sameKeys(strip.shape, shape) && strip.committed + run.count <= strip.capacity
  if (!fits || strip === undefined || !run.joined) {
    const doubled = Math.max(FIRST_REPLAY_PAGE, 2 * (strip?.page.bytes.length ?? 0))
    const size = Math.max(Math.min(LAST_REPLAY_PAGE, doubled), stripSize(shape, run.count))
    strip = new Strip(shape, { bytes: new Uint8Array(size) })
    strip.joined = run.joined
    if (run.parted.length > 0) strip.part(run.parted)
    strip.commits = new CommitEnds()
    strips.set(stream, strip)
    // Its page is none of the pool's.
    strip.isReleased = true
  } else {
    if (run.parted.length > 0) strip.partAt(run.parted, strip.committed)
  }
  const { bytes } = strip.page
  const from = strip.committed
  for (let i = 0; i < shape.widths.length; i++) {
    const width = shape.widths[i]!
    copyBytes(
      run.bytes,
      run.offsets[i]! + run.from * width,
      run.count * width,
      bytes,
      strip.offsets[i]! + from * width,
    )
  }
  strip.written = strip.committed = from + run.count
  strip.commits?.note(lsn, from, strip.committed)
  if (strip.inTail) group.grew(strip)
  else {
    strip.inTail = true
    group.add(strip)
  }
}

/** Fewer bytes are copied one by one: views of them cost more. */
const FEW_BYTES = 32

function copyBytes(from: Uint8Array, begin: number, length: number, to: Uint8Array, at: number): void {
  if (length > FEW_BYTES) to.set(from.subarray(begin, begin + length), at)
  else for (let i = 0; i < length; i++) to[at + i] = from[begin + i]!
}

function sameKeys(a: Shape, b: Shape): boolean {
  return a === b || (a.keys.length === b.keys.length && a.keys.every((key, i) => key === b.keys[i]))
}

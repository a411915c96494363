// The runs of a tail that name extents, in order of time, in chunks: a fast writer of large frames commits
// tens of thousands of them before a flush comes, and who reads should search one list for a channel and not
// each of them. Kept as runs are added, so that no read begins with going over all: adding one behind the
// others costs the same however many there are, a list for a channel as much as there are chunks. What was
// shown stays what it is: what changes afterwards is copied, a chunk of it (0003-I3). Called by group.ts.

import { lastAtMost, partitionPoint } from '../binary-search.ts'
import type { LiveBytes } from '../version/pointer-branch.ts'
import type { Pointer } from '../version/pointer.ts'
import { liveBytesOf, startBoundOf } from './pointer-list.ts'
import type { PointerList } from './pointer-list.ts'
import { CHUNK_RUNS, RunChunk } from './run-chunk.ts'
import type { ExtentsRun, PointersByKey, PointersView } from './tail.ts'

export class JoinedRuns {
  /** In order of time, none empty. */
  #chunks: RunChunk[] = []
  /** Runs that lie in a hole that a delete left in another one: each is searched by itself. */
  #loose: ExtentsRun[] = []
  /** What was shown since the last change, and is not to be changed. */
  #shown: PointersView | undefined
  /** Chunks that were never shown: they are extended in place. */
  readonly #own = new Set<RunChunk>()

  constructor(runs: Iterable<ExtentsRun>) {
    for (const run of runs) this.add(run)
  }

  add(run: ExtentsRun): void {
    this.#unshow()
    const at = this.#chunks.length - 1
    if (at < 0 || this.#chunks[at]!.last < run.first) this.#pushTo(at, run)
    else this.#insert(run)
  }

  /** What the runs show now; of those by themselves what can hold samples of [start, end) only. */
  views(start: bigint | undefined, end: bigint | undefined): PointersView[] {
    this.#shown ??= { kind: 'pointers', pointers: new JoinedPointers(this.#chunks) }
    const loose = this.#loose.filter(
      (run) => (start === undefined || run.last >= start) && (end === undefined || run.first < end),
    )
    return [this.#shown, ...loose.map((run) => run.view())]
  }

  /**
   * Looks again at runs whose pointers were replaced, or that are no longer there: at their chunks.
   * @param gone those of them that are no longer there
   */
  renew(changed: ReadonlySet<ExtentsRun>, gone: ReadonlySet<ExtentsRun>): void {
    this.#unshow()
    if (gone.size > 0) this.#loose = this.#loose.filter((run) => !gone.has(run))
    const renewed = new Set<RunChunk>()
    for (const run of changed) {
      const chunk = this.#chunks[firstFrom(this.#chunks, run.first)]
      if (chunk !== undefined) renewed.add(chunk)
    }
    this.#chunks = this.#chunks.flatMap((chunk) => {
      if (!renewed.has(chunk)) return chunk
      const left = chunk.runs.filter((run) => !gone.has(run))
      return left.length === 0 ? [] : this.#made(left)
    })
  }

  /** What was shown is no longer what there is, and stays what it is. */
  #unshow(): void {
    if (this.#shown === undefined) return
    this.#shown = undefined
    this.#own.clear()
    this.#chunks = this.#chunks.slice()
  }

  /** Adds a run behind those of a chunk; there is none at -1. */
  #pushTo(at: number, run: ExtentsRun): void {
    const chunk = this.#chunks[at]
    if (chunk === undefined || chunk.length === CHUNK_RUNS) {
      this.#put(at + 1, 0, [run])
    } else if (this.#own.has(chunk)) chunk.push(run)
    else this.#put(at, 1, [...chunk.runs, run])
  }

  /** Adds a run before others: another writer's, or where a delete has made room. */
  #insert(run: ExtentsRun): void {
    const at = firstFrom(this.#chunks, run.first)
    const chunk = this.#chunks[at]!
    const position = chunk.runFrom(run.first)
    if (chunk.runs[position]!.first <= run.last) {
      this.#loose.push(run)
    } else if (position === 0 && at > 0 && this.#chunks[at - 1]!.length < CHUNK_RUNS) {
      this.#pushTo(at - 1, run)
    } else if (chunk.length < CHUNK_RUNS) {
      this.#put(at, 1, chunk.runs.toSpliced(position, 0, run))
    } else {
      // Whoever goes on here goes on behind this one.
      this.#put(at, 1, chunk.runs.slice(position))
      this.#put(at, 0, [...chunk.runs.slice(0, position), run])
    }
  }

  #put(at: number, remove: number, runs: readonly ExtentsRun[]): void {
    this.#chunks.splice(at, remove, this.#made(runs))
  }

  #made(runs: readonly ExtentsRun[]): RunChunk {
    const chunk = new RunChunk(runs)
    this.#own.add(chunk)
    return chunk
  }
}

/** Position of the first chunk that ends at or after `time`. */
function firstFrom(chunks: readonly RunChunk[], time: bigint): number {
  return partitionPoint(0, chunks.length, (at) => chunks[at]!.last < time)
}

class JoinedPointers implements PointersByKey {
  readonly #chunks: readonly RunChunk[]
  readonly #lists = new Map<number, JoinedList | undefined>()

  constructor(chunks: readonly RunChunk[]) {
    this.#chunks = chunks
  }

  get(key: number): PointerList | undefined {
    let list = this.#lists.get(key)
    if (list === undefined && !this.#lists.has(key)) {
      list = joinedList(this.#chunks, key)
      this.#lists.set(key, list)
    }
    return list
  }
}

function joinedList(all: readonly RunChunk[], key: number): JoinedList | undefined {
  const chunks: RunChunk[] = []
  const pointers: number[] = [0]
  const samples: number[] = [0]
  let domains = 0
  for (const chunk of all) {
    const sums = chunk.sumsOf(key)
    if (sums === undefined) continue
    const before = chunks.at(-1)
    const goesOn =
      before !== undefined &&
      !chunk.joinedAt(key, 0) &&
      before.endAt(key, pointers.at(-1)! - pointers.at(-2)! - 1) === chunk.startAt(key, 0)
    domains += sums.domains - (goesOn ? 1 : 0)
    chunks.push(chunk)
    pointers.push(pointers.at(-1)! + sums.length)
    samples.push(samples.at(-1)! + sums.samples)
  }
  return chunks.length === 0 ? undefined : new JoinedList(key, chunks, pointers, samples, domains)
}

/** A channel's pointers in chunks, none of which is without any. */
class JoinedList implements PointerList {
  readonly domains: number
  readonly #key: number
  readonly #chunks: readonly RunChunk[]
  /** Before each chunk, and behind the last. */
  readonly #pointers: readonly number[]
  readonly #samples: readonly number[]
  // The chunk that was found last and the position of its first pointer: accessors come in bursts.
  #at = 0
  #base = 0

  constructor(
    key: number,
    chunks: readonly RunChunk[],
    pointers: readonly number[],
    samples: readonly number[],
    domains: number,
  ) {
    this.#key = key
    this.#chunks = chunks
    this.#pointers = pointers
    this.#samples = samples
    this.domains = domains
  }

  get length(): number {
    return this.#pointers.at(-1)!
  }

  get samples(): number {
    return this.#samples.at(-1)!
  }

  get(position: number): Pointer {
    return this.#chunkOf(position).get(this.#key, position - this.#base)
  }

  startAt(position: number): bigint {
    return this.#chunkOf(position).startAt(this.#key, position - this.#base)
  }

  endAt(position: number): bigint {
    return this.#chunkOf(position).endAt(this.#key, position - this.#base)
  }

  joinedAt(position: number): boolean {
    return this.#chunkOf(position).joinedAt(this.#key, position - this.#base)
  }

  forEach(from: number, to: number, visit: (pointer: Pointer, position: number) => void): void {
    for (let position = from; position < to; position++) visit(this.get(position), position)
  }

  lowerBound(time: bigint): number {
    const { length } = this.#chunks
    const at = partitionPoint(0, length, (i) => {
      const last = this.#pointers[i + 1]! - this.#pointers[i]! - 1
      return this.#chunks[i]!.endAt(this.#key, last) <= time
    })
    const before = this.#pointers[at]!
    return at === length ? before : before + this.#chunks[at]!.lowerBound(this.#key, time)
  }

  startBound(time: bigint): number {
    return startBoundOf(this, time)
  }

  liveIn(from: number, to: number): LiveBytes {
    return liveBytesOf(this, from, to)
  }

  samplesBefore(position: number): number {
    if (position === this.length) return this.samples
    const within = this.#chunkOf(position).samplesBefore(this.#key, position - this.#base)
    return this.#samples[this.#at]! + within
  }

  positionOfSample(sample: number): { position: number; within: number } {
    const at = lastAtMost(this.#samples, this.#chunks.length, sample)
    const { position, within } = this.#chunks[at]!.positionOfSample(this.#key, sample - this.#samples[at]!)
    return { position: this.#pointers[at]! + position, within }
  }

  /** Makes the chunk of a position the one found last, which begins at `#base`. */
  #chunkOf(position: number): RunChunk {
    const pointers = this.#pointers
    if (position < this.#base || position >= pointers[this.#at + 1]!) {
      this.#at = lastAtMost(pointers, this.#chunks.length, position)
      this.#base = pointers[this.#at]!
    }
    return this.#chunks[this.#at]!
  }
}

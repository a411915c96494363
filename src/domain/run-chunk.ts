// Some runs that name extents, one behind the other in time. As a commit made them all channels of a run are
// alike: one pointer each, of as many samples from the same first to the same last. So of such runs sums are
// kept for all channels at once, with nothing looked at but the run; where a delete has cut one, or writers
// of several shapes took turns, a channel's pointers are put together when they are first asked for. Once it
// was shown a chunk is never changed (0003-I3). Made by joined-runs.ts.

import { lastAtMost, partitionPoint } from '../binary-search.ts'
import type { Shape } from '../journal/shape.ts'
import type { Pointer } from '../version/pointer.ts'
import { ShortPointerList } from './pointer-list.ts'
import type { ExtentsRun, PointersByKey } from './tail.ts'

/**
 * Most runs in a chunk: a copy of one costs about a microsecond, and a list of 65,536 runs has 256 of them.
 */
export const CHUNK_RUNS = 256

/** What of a channel lies in a chunk. */
export interface ChunkSums {
  readonly length: number
  readonly samples: number
  readonly domains: number
}

export class RunChunk {
  readonly #runs: ExtentsRun[] = []
  /** What the runs showed when they were added: a delete replaces it. */
  readonly #maps: PointersByKey[] = []
  /** The shape of all runs, where the channels of each are alike. */
  #shape: Shape | undefined
  /** Where they are: samples before each run and behind the last, and stretches that they form. */
  readonly #before: number[] = [0]
  #domains = 0
  /** Where they are not: a channel's pointers, once asked for; null for none. */
  readonly #lists = new Map<number, ShortPointerList | null>()

  /** @param runs at most `CHUNK_RUNS`, in order of time */
  constructor(runs: readonly ExtentsRun[]) {
    for (const run of runs) this.push(run)
  }

  get length(): number {
    return this.#runs.length
  }

  get runs(): readonly ExtentsRun[] {
    return this.#runs
  }

  /** First and last time of its runs when they were committed. */
  get first(): bigint {
    return this.#runs[0]!.first
  }

  get last(): bigint {
    return this.#runs.at(-1)!.last
  }

  /** Position of the first run that ends at or after `time`; `length` where none does. */
  runFrom(time: bigint): number {
    return partitionPoint(0, this.#runs.length, (position) => this.#runs[position]!.last < time)
  }

  /** Adds a run behind the others. Not to one that was shown. */
  push(run: ExtentsRun): void {
    const { alike, shape } = run
    const before = this.#runs.at(-1)
    if (before === undefined) this.#shape = alike === undefined ? undefined : shape
    else if (alike === undefined || shape !== this.#shape) this.#shape = undefined
    this.#runs.push(run)
    this.#maps.push(run.pointers)
    if (this.#shape === undefined) return
    const { count, joined } = alike!
    this.#before.push(this.#before.at(-1)! + count)
    if (!joined && (before === undefined || before.last + 1n !== run.first)) this.#domains++
  }

  /** What of a channel lies in it; undefined for nothing. */
  sumsOf(key: number): ChunkSums | undefined {
    if (this.#shape === undefined) return this.#listOf(key)
    if (!this.#shape.ordinals.has(key)) return undefined
    return { length: this.#runs.length, samples: this.#before.at(-1)!, domains: this.#domains }
  }

  /** A channel's pointer at a position below its length here. */
  get(key: number, position: number): Pointer {
    if (this.#shape === undefined) return this.#listOf(key)!.get(position)
    return this.#maps[position]!.get(key)!.get(0)
  }

  startAt(key: number, position: number): bigint {
    return this.#shape === undefined ? this.get(key, position).start : this.#runs[position]!.first
  }

  endAt(key: number, position: number): bigint {
    return this.#shape === undefined ? this.get(key, position).end : this.#runs[position]!.last + 1n
  }

  joinedAt(key: number, position: number): boolean {
    return this.get(key, position).joined
  }

  /** Position of a channel's first pointer that ends after `time`; its length here where none does. */
  lowerBound(key: number, time: bigint): number {
    return this.#shape === undefined ? this.#listOf(key)!.lowerBound(time) : this.runFrom(time)
  }

  /** Sum of the counts before a position of a channel's pointers. */
  samplesBefore(key: number, position: number): number {
    return this.#shape === undefined ? this.#listOf(key)!.samplesBefore(position) : this.#before[position]!
  }

  /** The channel's pointer that holds the sample of this number. */
  positionOfSample(key: number, sample: number): { readonly position: number; readonly within: number } {
    if (this.#shape === undefined) return this.#listOf(key)!.positionOfSample(sample)
    const position = lastAtMost(this.#before, this.#runs.length, sample)
    return { position, within: sample - this.#before[position]! }
  }

  #listOf(key: number): ShortPointerList | undefined {
    let list = this.#lists.get(key)
    if (list === undefined) {
      const pointers: Pointer[] = []
      for (const map of this.#maps) {
        const some = map.get(key)
        some?.forEach(0, some.length, (pointer) => pointers.push(pointer))
      }
      list = pointers.length === 0 ? null : new ShortPointerList(pointers)
      this.#lists.set(key, list)
    }
    return list ?? undefined
  }
}

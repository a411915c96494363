// The intervals between times, streamed: the typical one, and the gaps, which are those far longer. Keeps the
// times of the first intervals only, whatever the number that follows. Pure. Called by `info`.

/** A gap: an interval more than this many times as long as the typical one. */
export const GAP_FACTOR = 10n

/** Intervals of which the median is taken. */
const SAMPLE = 100_000

/** What there is to say about intervals. Times and spans in nanoseconds. */
export interface IntervalReport {
  /** The median of the first 100,000 intervals. */
  readonly typical: bigint
  /** How many intervals are longer than `GAP_FACTOR` times the typical one. */
  readonly gaps: number
  /** Where the longest gap is: the samples before and after it. Left out where there is none. */
  readonly longest?: { readonly from: bigint; readonly to: bigint }
}

/** Looks at times in order, in as many pieces as they come. */
export class IntervalWatch {
  readonly #first: BigInt64Array
  readonly #sample: number
  #count = 0
  #last: bigint | undefined
  #typical: bigint | undefined
  #gaps = 0
  #longest: { from: bigint; to: bigint } | undefined

  /** @param sample intervals of which the median is taken, from 1 on */
  constructor(sample: number = SAMPLE) {
    this.#sample = sample
    this.#first = new BigInt64Array(sample + 1)
  }

  /** Takes the next times: greater than all before, in order. */
  add(times: BigInt64Array): void {
    const room = this.#first.length - this.#count
    const kept = times.subarray(0, room)
    this.#first.set(kept, this.#count)
    this.#count += kept.length
    if (times.length < room) return
    this.#settle()
    this.#scan(times.subarray(kept.length))
  }

  /** What was seen; `undefined` for fewer than two times. */
  report(): IntervalReport | undefined {
    if (this.#count < 2) return undefined
    this.#settle()
    return {
      typical: this.#typical!,
      gaps: this.#gaps,
      ...(this.#longest === undefined ? {} : { longest: this.#longest }),
    }
  }

  /** Takes the median, and looks for gaps in what it was taken from. */
  #settle(): void {
    if (this.#typical !== undefined) return
    const times = this.#first.subarray(0, this.#count)
    const intervals = new BigInt64Array(Math.min(this.#sample, times.length - 1))
    for (let i = 0; i < intervals.length; i++) intervals[i] = times[i + 1]! - times[i]!
    intervals.sort()
    this.#typical = intervals[Math.floor((intervals.length - 1) / 2)]!
    this.#scan(times)
  }

  #scan(times: BigInt64Array): void {
    const limit = this.#typical! * GAP_FACTOR
    for (let i = 0; i < times.length; i++) {
      const from = i === 0 ? this.#last : times[i - 1]
      const to = times[i]!
      if (from === undefined || to - from <= limit) continue
      this.#gaps++
      if (this.#longest === undefined || to - from > this.#longest.to - this.#longest.from)
        this.#longest = { from, to }
    }
    this.#last = times.at(-1) ?? this.#last
  }
}

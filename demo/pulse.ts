// The pulse of the machine: how long one fixed piece of arithmetic takes, measured thousands of times a
// second. It is flat where nothing disturbs the core, and shows each time that something does. Collected
// in typed arrays, as a program would collect from a sensor that is faster than its own loop.

import { performance } from 'node:perf_hooks'
import { now } from '../src/index.ts'

/** Beats measured at each tick. */
export const BEATS_PER_TICK = 64
/** Rounds of arithmetic in one beat: a few microseconds. */
const ROUNDS = 3000

/** Beats not written yet. */
export class Pulse {
  readonly #times: BigInt64Array
  readonly #values: Float32Array
  #count = 0
  #last = 0n
  #sum = 1

  /** @param capacity most beats collected between two `take`s */
  constructor(capacity: number) {
    this.#times = new BigInt64Array(capacity)
    this.#values = new Float32Array(capacity)
  }

  /** Measures the beats of one tick. */
  beat(): void {
    for (let i = 0; i < BEATS_PER_TICK; i++) {
      const began = performance.now()
      for (let round = 0; round < ROUNDS; round++) this.#sum = Math.imul(this.#sum ^ round, 0x9e3779b1) | 1
      this.#values[this.#count] = (performance.now() - began) * 1000
      // Two beats may end within one step of the clock: times of an index channel strictly increase.
      const time = now()
      this.#last = time > this.#last ? time : this.#last + 1n
      this.#times[this.#count++] = this.#last
    }
  }

  get isFull(): boolean {
    return this.#count + BEATS_PER_TICK > this.#times.length
  }

  /** The beats collected since the last call; valid until the next `beat`. */
  take(): { times: BigInt64Array; values: Float32Array } {
    const count = this.#count
    this.#count = 0
    return { times: this.#times.subarray(0, count), values: this.#values.subarray(0, count) }
  }
}

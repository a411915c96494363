// A small deterministic generator for the simulated disk: the same seed always gives the same power
// loss, so that a counterexample can be run again. Not for anything that must be unpredictable.
// Called by the simulated file systems only.

/** A stream of pseudo-random numbers that depends on its seed alone. */
export class SeededRandom {
  #state: number

  /** @param seed any number; its low 32 bits count. */
  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** The next number, uniform in [0, 1). Algorithm: mulberry32 (Tommy Ettinger, public domain). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** The next integer in [0, limit). `limit` is an integer >= 1. */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  /** True with the given probability (0 to 1). */
  chance(probability: number): boolean {
    return this.next() < probability
  }
}

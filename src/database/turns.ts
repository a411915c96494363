// A writer's appends are synchronous and its promises resolved, so that a loop of awaited writes would
// never let the event loop turn: timers, sockets and the flush's own completions would starve. Whoever
// finds that the loop has not turned for a while resolves through a macrotask.

import type { Clock } from '../clock.ts'

/** How long a loop of awaited calls may keep the event loop, in milliseconds. */
const LONGEST_MS = 8

/** A record over so many channels takes a ms or two by itself. */
const MANY = 1024

/**
 * The same for what goes over ten thousand channels, or that nobody waits for: whoever shares the loop with
 * it has time to spare (bench/latency.ts).
 */
export const SLICE_MS = 4

/**
 * The same where very many objects are kept, as in a merge of a million extents: a pause of V8, which copies
 * them, takes 12 to 14 ms by itself, and comes on top.
 */
export const SHORT_SLICE_MS = 1

export class Turns {
  readonly #clock: Clock
  #lastMs: number
  #pending: Promise<void> | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.#lastMs = clock.monotonicMs()
  }

  /**
   * A promise to resolve through where the loop should turn first; undefined where it need not.
   * @param longestMs that it was kept for
   */
  due(longestMs: number = LONGEST_MS): Promise<void> | undefined {
    if (this.#pending !== undefined) return this.#pending
    return this.#clock.monotonicMs() - this.#lastMs > longestMs ? this.next() : undefined
  }

  /**
   * Before one step that goes over so many channels: where they are many, it has a turn of the loop for
   * itself.
   */
  async before(channels: number): Promise<void> {
    if (channels >= MANY) await this.next()
  }

  /** Resolves after the event loop has turned. */
  next(): Promise<void> {
    this.#pending ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#pending = undefined
        this.#lastMs = this.#clock.monotonicMs()
        resolve()
      })
    })
    return this.#pending
  }
}

/** Steps of well below a millisecond between two turns. */
const STEPS_A_TURN = 32

/**
 * As `inSlices`, for who has no clock: the loop turns after so many steps.
 * @param steps each of them short
 */
export async function inTurns<T>(steps: Generator<void, T, void>): Promise<T> {
  for (let taken = 1; ; taken++) {
    const step = steps.next()
    if (step.done === true) return step.value
    if (taken % STEPS_A_TURN === 0) await turnOfLoop()
  }
}

/** Resolves after the event loop has turned. */
export function turnOfLoop(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/**
 * Takes all steps of something; the loop turns between them where it is due.
 * @param longestMs as for `due`
 */
export async function inSlices<T>(
  turns: Pick<Turns, 'due'>,
  steps: Generator<void, T, void>,
  longestMs?: number,
): Promise<T> {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
    const turn = turns.due(longestMs)
    if (turn !== undefined) await turn
  }
}

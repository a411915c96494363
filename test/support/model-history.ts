// The history of a database as the model knows it: one state after every commit, delete and edit, and how
// far back a kill or a power loss may take it. Called by the model test's harness.

import type { Durability } from '../../src/database/options.ts'
import { EMPTY_STATE } from './model-store.ts'
import type { ModelState } from './model-store.ts'

export class ModelHistory {
  #states: ModelState[] = [EMPTY_STATE]
  /** Positions of the oldest states that a kill, a power loss may leave. */
  #safeFromKill = 0
  #safeFromPowerLoss = 0

  get newest(): ModelState {
    return this.#states.at(-1)!
  }

  /** A state that was acknowledged as this durability promises. */
  push(state: ModelState, durability: Durability): void {
    this.#states.push(state)
    const last = this.#states.length - 1
    if (durability !== 'relaxed') this.#safeFromKill = last
    if (durability === 'strict') this.#safeFromPowerLoss = last
  }

  /** Everything up to now is on disk. */
  proveAll(): void {
    this.#safeFromKill = this.#safeFromPowerLoss = this.#states.length - 1
  }

  /** What may be left: a prefix of history that reaches as far as was promised, with what was under way or without. */
  survivors(isPowerLoss: boolean, inFlight: readonly ModelState[]): ModelState[] {
    return [...this.#states.slice(isPowerLoss ? this.#safeFromPowerLoss : this.#safeFromKill), ...inFlight]
  }

  /** History goes on from a state that was recovered. */
  restart(state: ModelState): void {
    this.#states = [state]
    this.proveAll()
  }
}

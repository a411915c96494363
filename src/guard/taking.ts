// The guards of one request, from the first that is taken to the last that is given back: all or none
// (0004-I3). Guards of keys are made when they are first wanted and dropped when nobody holds them or
// waits for them, so that they do not gather. GuardSet makes one for each request; the Held that comes
// of it gives back through it.

import { Guard } from './guard.ts'
import type { Holding, WaitLimits } from './guard.ts'
import type { Held, HeldOwner, Mode } from './held.ts'
import { guardName } from './rank.ts'
import type { GuardKey, RankName } from './rank.ts'

/** Where the guards of one rank are: the only one, or those of keys that are in use. */
export type GuardsOfRank = Guard | Map<GuardKey, Guard>

/** What a taking is made of. */
export interface TakingParts {
  readonly rank: RankName
  readonly guards: GuardsOfRank
  /** Ascending, each once; undefined for ranks with one guard. */
  readonly keys: readonly GuardKey[] | undefined
  readonly mode: Mode
  readonly purpose: string
  /** Monotonic, in milliseconds: when it was asked for. */
  readonly nowMs: number
  /** Hears of the release, where somebody checks. */
  readonly onRelease: ((held: Held) => void) | undefined
}

/** The guards that one request takes. */
export class Taking implements Holding, HeldOwner {
  readonly mode: Mode
  readonly purpose: string
  readonly keys: readonly GuardKey[] | undefined
  readonly #rank: RankName
  readonly #guards: GuardsOfRank
  readonly #taken: Guard[] = []
  readonly #onRelease: ((held: Held) => void) | undefined
  #sinceMs: number

  constructor(parts: TakingParts) {
    this.mode = parts.mode
    this.purpose = parts.purpose
    this.keys = parts.keys
    this.#rank = parts.rank
    this.#guards = parts.guards
    this.#onRelease = parts.onRelease
    this.#sinceMs = parts.nowMs
  }

  /** When the first of the guards was taken: what keeps others waiting counts from there. */
  get sinceMs(): number {
    return this.#sinceMs
  }

  /** Takes what is free, in order; returns the first guard that is not, undefined when all are taken. */
  takeFree(): Guard | undefined {
    const count = this.keys === undefined ? 1 : this.keys.length
    while (this.#taken.length < count) {
      const guard = this.#at(this.#taken.length)
      if (!guard.tryTake(this)) return guard
      this.#taken.push(guard)
    }
    return undefined
  }

  /**
   * Takes the rest, waiting where somebody is in the way. When a wait fails, all is given back.
   * @throws what `Guard.wait` throws.
   */
  async takeRest(blocking: Guard, limits: WaitLimits): Promise<void> {
    const beganMs = limits.now()
    for (let next: Guard | undefined = blocking; next !== undefined; next = this.takeFree()) {
      const { timeoutMs } = limits
      const leftMs = timeoutMs === undefined ? undefined : timeoutMs - (limits.now() - beganMs)
      try {
        await next.wait(this, { ...limits, timeoutMs: leftMs })
      } catch (error) {
        // `next` itself is not ours to drop: whoever holds it does, and may have done so meanwhile.
        this.giveBackAll()
        throw error
      }
      if (this.#taken.length === 0) this.#sinceMs = limits.now()
      this.#taken.push(next)
    }
  }

  /** Gives back what was taken, the last first. */
  giveBackAll(): void {
    for (let guard = this.#taken.pop(); guard !== undefined; guard = this.#taken.pop()) {
      guard.giveBack(this)
      this.#drop(this.#taken.length, guard)
    }
  }

  giveBack(held: Held): void {
    this.#onRelease?.(held)
    this.giveBackAll()
  }

  #at(position: number): Guard {
    if (this.#guards instanceof Guard) return this.#guards
    const key = this.keys?.[position] ?? 0
    let guard = this.#guards.get(key)
    if (guard === undefined) {
      guard = new Guard(guardName(this.#rank, key))
      this.#guards.set(key, guard)
    }
    return guard
  }

  #drop(position: number, guard: Guard): void {
    const key = this.keys?.[position]
    if (key !== undefined && guard.isIdle && !(this.#guards instanceof Guard)) this.#guards.delete(key)
  }
}

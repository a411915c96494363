// Holding guards, as a value. Only a GuardSet makes one; internal functions demand it as their first
// parameter, typed by rank and mode, so that a call without the guard does not compile (0004-I2). A
// Held knows the chain it was acquired under, which is how an acquisition sees everything that its
// caller holds (0004-I1).

import { LockOrderError } from '../errors.ts'
import { guardName } from './rank.ts'
import type { GuardKey, NameBelow, RankName } from './rank.ts'

/** `shared`: beside other shared holders. `exclusive`: alone. */
export type Mode = 'shared' | 'exclusive'

/** What a shared holder may do. */
export interface SharedRights {
  readonly read: true
}

/** What an exclusive holder may do: all that a shared one may, and more. */
export interface ExclusiveRights extends SharedRights {
  readonly write: true
}

/** The rights that come with a mode. */
export type RightsOf<M extends Mode> = { shared: SharedRights; exclusive: ExclusiveRights }[M]

/**
 * Guards of rank `N`, held in mode `M`. One of mode `exclusive` is assignable where `shared` is
 * demanded, and not the other way round.
 */
export type Held<N extends RankName = RankName, M extends Mode = Mode> = HeldGuards<N, RightsOf<M>>

/** What gives the guards of a Held back; implemented by GuardSet. */
export interface HeldOwner {
  /** Called once for each Held, by its first `release`. */
  giveBack(held: Held): void
}

/** The start of every chain: nothing is held. */
export class Unguarded {
  readonly #brand = true

  /** For messages. */
  toString(): string {
    return this.#brand ? 'nothing' : ''
  }
}

/** Passed where an operation acquires its first guard. */
export const unguarded: Unguarded = new Unguarded()

/** What a caller holds when it asks for more: nothing, or a Held with those that it was acquired under. */
export type HeldChain = Unguarded | Held

/** What may be held when guards of rank `N` are asked for: nothing, or a Held of a lower rank. */
export type Under<N extends RankName> = Unguarded | Held<NameBelow<N>>

/** What a Held is made of. */
export interface HeldParts<N extends RankName> {
  readonly owner: HeldOwner
  readonly under: HeldChain
  readonly rank: N
  readonly mode: Mode
  /** Ascending, each once; undefined for ranks with one guard. */
  readonly keys: readonly GuardKey[] | undefined
  readonly purpose: string
  /** Milliseconds of the guard set's monotonic clock. */
  readonly sinceMs: number
}

/** More keys than this are looked up in a set: a call may hold those of thousands of groups. */
const FEW_KEYS = 8

/**
 * One or more guards of one rank, held in one mode until `release`.
 *
 * Works with `using`. Losing a Held without releasing it leaves its guards taken for ever.
 */
export class HeldGuards<N extends RankName, R extends SharedRights> {
  /** Known to the types alone. */
  declare readonly rights: R
  readonly rank: N
  readonly mode: Mode
  /** The keys held, ascending; undefined for ranks with one guard. */
  readonly keys: readonly GuardKey[] | undefined
  /** What the guards are held for, as time-outs of others name it. */
  readonly purpose: string
  /** When all of them were held, in milliseconds of the guard set's monotonic clock. */
  readonly sinceMs: number
  /** What was held already when this was acquired. */
  readonly under: HeldChain
  readonly #owner: HeldOwner
  #covered: ReadonlySet<GuardKey> | undefined
  #released = false

  /** Only GuardSet constructs these: a Held made elsewhere holds nothing. */
  constructor(parts: HeldParts<N>) {
    this.#owner = parts.owner
    this.under = parts.under
    this.rank = parts.rank
    this.mode = parts.mode
    this.keys = parts.keys
    this.purpose = parts.purpose
    this.sinceMs = parts.sinceMs
  }

  /** Whether `release` was called. */
  get isReleased(): boolean {
    return this.#released
  }

  /** Whether this holds the guard of `key`; without one, the rank's only guard. */
  covers(key?: GuardKey): boolean {
    if (this.#released) return false
    if (this.keys === undefined || key === undefined) return this.keys === key
    if (this.keys.length <= FEW_KEYS) return this.keys.includes(key)
    return (this.#covered ??= new Set(this.keys)).has(key)
  }

  /** Gives the guards back and wakes those who wait for them. Further calls do nothing. Never throws. */
  release(): void {
    if (this.#released) return
    this.#released = true
    this.#owner.giveBack(this)
  }

  [Symbol.dispose](): void {
    this.release()
  }

  /** For messages: `index 3, 7 (exclusive, "delete")`. */
  toString(): string {
    const keys = this.keys?.join(', ')
    return `${guardName(this.rank, keys)} (${this.mode}, "${this.purpose}")`
  }
}

/**
 * Shows that guards are still held, where a function is about to rely on them.
 * @throws LockOrderError (LOCK_ORDER) when they were released, or do not cover `key`.
 */
export function assertHeld(held: Held, key?: GuardKey): void {
  if (held.isReleased) throw new LockOrderError(`${held} was released before the call that relies on it`)
  if (key !== undefined && !held.covers(key)) {
    throw new LockOrderError(`${held} does not cover ${guardName(held.rank, key)}, which the call relies on`)
  }
}

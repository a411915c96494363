// All guards of one database, by rank and key, and the one way to acquire them. The order is kept
// twice here: the types of `acquire` admit only a Held of a lower rank, and the whole chain is compared
// again on every call (0004-I1). Several guards of one rank are taken in one call, in ascending key
// order, all or none (0004-I3). Called by database/ and the flusher; what lies below is handed a Held.

import { assert } from '../assert.ts'
import { LockOrderError } from '../errors.ts'
import { Guard } from './guard.ts'
import { HeldGuards } from './held.ts'
import type { Held, HeldChain, Mode, RightsOf, Under } from './held.ts'
import type { OrderCheck } from './order-check.ts'
import { guardName, isKeyed, rankOf } from './rank.ts'
import type { GuardKey, RankName } from './rank.ts'
import { Taking } from './taking.ts'
import type { GuardsOfRank } from './taking.ts'

/** Time that only goes forward, in milliseconds from any origin. */
export interface GuardClock {
  monotonicMs(): number
}

/** What is asked for. */
export interface GuardRequest<N extends RankName, M extends Mode> {
  readonly rank: N
  readonly mode: M
  /** Which guards of a rank that has several (`segment`, `index`), in any order; other ranks take none. */
  readonly keys?: Iterable<GuardKey> | undefined
  /** What for: others that time out meanwhile read it. */
  readonly purpose: string
  /** How long to wait for all of them together, in milliseconds; undefined: for ever. 0 does not wait. */
  readonly timeoutMs?: number | undefined
  /** Ends the wait; one that fires after the last guard was granted changes nothing. */
  readonly signal?: AbortSignal | undefined
}

/** What a guard set takes. */
export interface GuardSetOptions {
  readonly clock: GuardClock
  /** Follows asynchronous context in tests; left out in production. */
  readonly check?: OrderCheck | undefined
}

/** The guards of one database. */
export class GuardSet {
  readonly #clock: GuardClock
  readonly #now: () => number
  readonly #check: OrderCheck | undefined
  readonly #onRelease: ((held: Held) => void) | undefined
  readonly #segment = new Map<GuardKey, Guard>()
  readonly #index = new Map<GuardKey, Guard>()
  readonly #guards: Readonly<Record<RankName, GuardsOfRank>> = {
    lease: new Guard('lease'),
    catalog: new Guard('catalog'),
    segment: this.#segment,
    index: this.#index,
    journal: new Guard('journal'),
    manifest: new Guard('manifest'),
  }

  constructor(options: GuardSetOptions) {
    const { clock, check } = options
    this.#clock = clock
    this.#now = () => clock.monotonicMs()
    this.#check = check
    this.#onRelease = check === undefined ? undefined : (held) => check.onRelease(held)
  }

  /** How many guards of keys exist: those that somebody holds or waits for. */
  get keyedCount(): number {
    return this.#segment.size + this.#index.size
  }

  /**
   * Waits its turn for the guards of `request` and holds them until `release`. Resolves in a microtask
   * when they are free.
   * @param under what the caller holds: `unguarded`, or a Held of a lower rank
   * @throws LockOrderError (LOCK_ORDER) against the ranks or under a released Held.
   * LockTimeoutError (LOCK_TIMEOUT) naming the holders. Rejects with the signal's reason when aborted.
   * In each case none of the guards is held.
   */
  async acquire<N extends RankName, M extends Mode>(
    under: NoInfer<Under<N>>,
    request: GuardRequest<N, M>,
  ): Promise<Held<N, M>> {
    const taking = this.#begin(under, request)
    request.signal?.throwIfAborted()
    const blocking = taking.takeFree()
    if (blocking !== undefined) {
      const { timeoutMs, signal } = request
      await taking.takeRest(blocking, { timeoutMs, signal, now: this.#now })
      if (under instanceof HeldGuards && under.isReleased) {
        taking.giveBackAll()
        throw orderError(under, wanted(request, taking.keys), request.rank)
      }
    }
    return this.#end(taking, under, request)
  }

  /**
   * Takes the guards of `request` now, or none of them: undefined when a holder, or somebody who waits
   * already, is in the way.
   * @throws LockOrderError (LOCK_ORDER) against the ranks or under a released Held.
   */
  tryAcquire<N extends RankName, M extends Mode>(
    under: NoInfer<Under<N>>,
    request: Omit<GuardRequest<N, M>, 'timeoutMs' | 'signal'>,
  ): Held<N, M> | undefined {
    const taking = this.#begin(under, request)
    if (taking.takeFree() === undefined) return this.#end(taking, under, request)
    taking.giveBackAll()
    return undefined
  }

  /**
   * Runs work that its caller starts and does not wait for, a flush in the background: it holds nothing of
   * what the caller holds, and may hold on when that ends. Known to the check alone; without one the same as
   * calling `body`.
   */
  detached<T>(operation: string, body: () => Promise<T>): Promise<T> {
    return this.#check === undefined ? body() : this.#check.runDetached(operation, body)
  }

  #begin(under: HeldChain, request: GuardRequest<RankName, Mode>): Taking {
    const { rank, mode, purpose } = request
    assert(
      isKeyed(rank) === (request.keys !== undefined),
      `guards of rank ${rank} are asked for ${isKeyed(rank) ? 'by key' : 'without keys'}`,
    )
    const keys = request.keys === undefined ? undefined : ascending(request.keys)
    for (let above = under; above instanceof HeldGuards; above = above.under) {
      if (above.isReleased || rankOf[above.rank] >= rankOf[rank]) {
        throw orderError(above, wanted(request, keys), rank)
      }
    }
    this.#check?.onRequest(under, guardName(rank, keys?.join(', ')))
    return new Taking({
      rank,
      guards: this.#guards[rank],
      keys,
      mode,
      purpose,
      nowMs: this.#clock.monotonicMs(),
      onRelease: this.#onRelease,
    })
  }

  #end<N extends RankName, M extends Mode>(
    taking: Taking,
    under: HeldChain,
    request: GuardRequest<N, M>,
  ): Held<N, M> {
    const { rank, mode, purpose } = request
    const { keys, sinceMs } = taking
    const held = new HeldGuards<N, RightsOf<M>>({ owner: taking, under, rank, mode, keys, purpose, sinceMs })
    this.#check?.onAcquire(held)
    return held
  }
}

/**
 * Runs `body` with the guards of `request` held, and releases them on every path out of it.
 * @throws what `GuardSet.acquire` and `body` throw.
 */
export async function withGuards<N extends RankName, M extends Mode, T>(
  set: GuardSet,
  under: NoInfer<Under<N>>,
  request: GuardRequest<N, M>,
  body: (held: Held<N, M>) => T | Promise<T>,
): Promise<T> {
  const held = await set.acquire(under, request)
  try {
    return await body(held)
  } finally {
    held.release()
  }
}

// Numbers before strings, each once: one order for all callers, whatever they pass.
function ascending(keys: Iterable<GuardKey>): readonly GuardKey[] {
  const listed = [...keys]
  return listed.length < 2 ? listed : [...new Set(listed)].sort(compareKeys)
}

function compareKeys(a: GuardKey, b: GuardKey): number {
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1
  return a < b ? -1 : a > b ? 1 : 0
}

function wanted(request: GuardRequest<RankName, Mode>, keys: readonly GuardKey[] | undefined): string {
  return `${guardName(request.rank, keys?.join(', '))} (${request.mode}, "${request.purpose}")`
}

function orderError(above: Held, asked: string, rank: RankName): LockOrderError {
  if (above.isReleased) return new LockOrderError(`${asked} was asked for under ${above}, which was released`)
  if (above.rank === rank) {
    return new LockOrderError(
      `${asked} was asked for while ${above} is held: several of one rank are taken in one call`,
    )
  }
  return new LockOrderError(
    `${asked} was asked for while ${above} is held: ranks are acquired downwards only`,
  )
}

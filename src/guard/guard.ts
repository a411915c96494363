// One fair read/write lock between asynchronous operations of this process. First come, first served:
// a shared taker waits behind a queued exclusive one, neighbours in the queue that are both shared are
// granted together (0004-I4). A waiter that leaves wakes those that it kept waiting (0004-I5). Knows
// neither ranks nor Held values: GuardSet does, and is the only caller.

import { LockTimeoutError } from '../errors.ts'
import type { Mode } from './held.ts'

/** One holder or waiter, as the messages of others name it. */
export interface Holding {
  readonly mode: Mode
  readonly purpose: string
  /** Since when it holds, in milliseconds of the caller's monotonic clock. */
  readonly sinceMs: number
}

/** How long a waiter waits. */
export interface WaitLimits {
  /** In milliseconds; undefined: for ever. At most 0: refused at once. */
  readonly timeoutMs: number | undefined
  readonly signal: AbortSignal | undefined
  /** The monotonic clock that dates holdings, in milliseconds. */
  now(): number
}

interface Waiter {
  readonly holding: Holding
  grant(): void
}

// Node fires timers of more than 2^31 - 1 ms at once; nobody means "at once" by 25 days.
const longestTimerMs = 2 ** 31 - 1

/** A read/write lock. */
export class Guard {
  readonly name: string
  readonly #holders = new Set<Holding>()
  readonly #queue: Waiter[] = []
  #exclusive = false

  constructor(name: string) {
    this.name = name
  }

  /** Nobody holds it and nobody waits. */
  get isIdle(): boolean {
    return this.#holders.size === 0 && this.#queue.length === 0
  }

  /** Takes it without waiting, unless a holder or an earlier waiter is in the way. */
  tryTake(holding: Holding): boolean {
    if (this.#queue.length > 0 || !this.#admits(holding.mode)) return false
    this.#admit(holding)
    return true
  }

  /**
   * Queues up and resolves once `holding` holds it. Once granted, neither the time-out nor the signal
   * has any effect, even before the caller has seen the grant.
   * @throws LockTimeoutError naming the holders. Rejects with the signal's reason when aborted.
   */
  wait(holding: Holding, limits: WaitLimits): Promise<void> {
    const { timeoutMs, signal } = limits
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    if (timeoutMs !== undefined && timeoutMs <= 0) return Promise.reject(this.#timeOut(holding, limits, 0))
    return new Promise((resolve, reject) => {
      const beganMs = limits.now()
      let timer: ReturnType<typeof setTimeout> | undefined
      const stop = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
      }
      const waiter: Waiter = {
        holding,
        grant: () => {
          stop()
          resolve()
        },
      }
      const leave = (reason: unknown): void => {
        stop()
        this.#queue.splice(this.#queue.indexOf(waiter), 1)
        this.#wake()
        reject(reason)
      }
      const onAbort = (): void => leave(signal?.reason)
      signal?.addEventListener('abort', onAbort)
      if (timeoutMs !== undefined && timeoutMs <= longestTimerMs) {
        timer = setTimeout(() => leave(this.#timeOut(holding, limits, limits.now() - beganMs)), timeoutMs)
      }
      this.#queue.push(waiter)
    })
  }

  /** Gives it back and grants it to those who may have it now. A holding that is not there is no error. */
  giveBack(holding: Holding): void {
    if (!this.#holders.delete(holding)) return
    this.#exclusive = false
    if (this.#queue.length > 0) this.#wake()
  }

  #admits(mode: Mode): boolean {
    return mode === 'shared' ? !this.#exclusive : this.#holders.size === 0
  }

  #admit(holding: Holding): void {
    this.#holders.add(holding)
    this.#exclusive = holding.mode === 'exclusive'
  }

  #wake(): void {
    for (;;) {
      const first = this.#queue[0]
      if (first === undefined || !this.#admits(first.holding.mode)) return
      this.#queue.shift()
      this.#admit(first.holding)
      first.grant()
    }
  }

  #timeOut(wanted: Holding, limits: WaitLimits, waitedMs: number): LockTimeoutError {
    const now = limits.now()
    const holders = [...this.#holders].map(
      (held) => `"${held.purpose}" (${held.mode}, for ${Math.round(now - held.sinceMs)} ms)`,
    )
    const before: Holding[] = []
    for (const { holding } of this.#queue) {
      if (holding === wanted) break
      before.push(holding)
    }
    const queued = before.map((one) => `"${one.purpose}" (${one.mode})`)
    return new LockTimeoutError(
      `"${wanted.purpose}" waited ${Math.round(waitedMs)} ms for the guard ${this.name} (${wanted.mode})` +
        `, held by ${list(holders)}` +
        (queued.length === 0 ? '' : `; before it in the queue: ${list(queued)}`) +
        '. Try again, or raise lockTimeout',
    )
  }
}

// A crowd of readers must not make a message of megabytes.
function list(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(', ')
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown
}

// Writes a history down while it happens: one counter for all clients, a call's number when it is made, its
// outcome when it ends. Called by the clients and the matrix.

import type { CommitPart, History, Outcome, Read, Write } from './history.ts'

/** A call that has begun. */
export interface Begun {
  readonly id: number
  readonly invoked: number
}

/** Codes of errors of which nothing has happened, whatever is asked for. */
export type Codes = readonly string[]

export class Recorder {
  /** Codes of errors that any call may meet from now on. */
  readonly tolerated: string[] = []
  /** Codes of the errors that calls were refused with. */
  readonly refusals: string[] = []
  readonly #operations: (Write | Read)[] = []
  readonly #channels = new Map<string, string>()
  readonly #faults: string[] = []
  #now = 0
  #nextId = 0

  /** The next instant. */
  tick(): number {
    return this.#now++
  }

  begin(): Begun {
    return { id: this.#nextId++, invoked: this.tick() }
  }

  /** A channel that is there from now on, under a name of the history's own. */
  channel(name: string, index: string): void {
    this.#channels.set(name, index)
  }

  /** A call has ended, now or at an instant before. */
  end(call: Begun, outcome: Outcome, what: Unfinished, responded: number = this.tick()): void {
    this.#operations.push({ ...what, ...call, outcome, responded })
  }

  /** What a read of an instant has shown. */
  saw(read: Omit<Read, 'kind' | 'id'>): void {
    this.#operations.push({ ...read, kind: 'read', id: this.#nextId++ })
  }

  /** Something failed as it never may. */
  fault(text: string): void {
    this.#faults.push(text)
  }

  /**
   * The outcome of `work`; undefined where it was refused for one of the reasons that are `allowed`, or failed,
   * which is noted.
   */
  async attempt<T>(what: string, work: Promise<T>, allowed: Codes): Promise<{ readonly is: T } | undefined> {
    try {
      return { is: await work }
    } catch (error) {
      const { code } = error as { code?: unknown }
      if (typeof code === 'string' && [...allowed, ...this.tolerated].includes(code)) this.refusals.push(code)
      else this.fault(`${what} failed: ${String(error)}\n${String((error as Error).stack)}`)
      return undefined
    }
  }

  history(): History {
    return { channels: this.#channels, operations: this.#operations, faults: this.#faults }
  }
}

type Unfinished =
  | { readonly kind: 'commit'; readonly writer: number; readonly parts: readonly CommitPart[] }
  | {
      readonly kind: 'delete'
      readonly channels: readonly string[]
      readonly start: number
      readonly end: number
      readonly removed: Readonly<Record<string, number>> | undefined
    }
  | { readonly kind: 'remove'; readonly channels: readonly string[] }

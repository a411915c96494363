// The third proof of the guards' order, for tests (0004-I6): follows asynchronous context and reports
// what the Held chain does not show, an acquisition made beside the chain, and guards still held when
// an operation ends. Production passes no check to GuardSet and never loads this file.

import { AsyncLocalStorage } from 'node:async_hooks'
import { HeldGuards } from './held.ts'
import type { Held, HeldChain } from './held.ts'

interface Operation {
  readonly name: string
  /** The operation inside which this one runs, which goes on holding what it holds. */
  readonly inside: Operation | undefined
  readonly held: Set<Held>
}

/** Watches the guards of any number of guard sets. */
export class OrderCheck {
  /** What was found, one line each, oldest first. Empty is good. */
  readonly violations: string[] = []
  readonly #context = new AsyncLocalStorage<Operation>()
  readonly #operationOf = new Map<Held, Operation>()

  /**
   * Runs one operation; what it acquires must be released when it ends, and must name in its chain all
   * that the operation, or one around it, holds.
   */
  run<T>(operation: string, body: () => T | Promise<T>): Promise<T> {
    return this.#run({ name: operation, inside: this.#context.getStore(), held: new Set() }, body)
  }

  /** As `run`, for a call of which it is not known whether it waits: it returns what `body` returns. */
  watch<T>(operation: string, body: () => T): T {
    const watched = { name: operation, inside: this.#context.getStore(), held: new Set<Held>() }
    return this.#context.run(watched, () => {
      const end = (): void => this.#end(watched)
      let result: T
      try {
        result = body()
      } catch (error) {
        end()
        throw error
      }
      if (result instanceof Promise) result.then(end, end)
      else end()
      return result
    })
  }

  /**
   * As `run`, for work that an operation starts and does not wait for: what the starter holds is not
   * held by this one.
   */
  runDetached<T>(operation: string, body: () => T | Promise<T>): Promise<T> {
    return this.#run({ name: operation, inside: undefined, held: new Set() }, body)
  }

  /** Called by GuardSet before it takes or waits; `wanted` is a guard's name. */
  onRequest(under: HeldChain, wanted: string): void {
    const operation = this.#context.getStore()
    if (operation === undefined) return
    const chain = new Set<Held>()
    for (let above = under; above instanceof HeldGuards; above = above.under) chain.add(above)
    for (let around: Operation | undefined = operation; around !== undefined; around = around.inside) {
      for (const held of around.held) {
        if (chain.has(held)) continue
        this.violations.push(
          `${operation.name}: ${wanted} was asked for beside ${held}, which ${around.name} holds`,
        )
      }
    }
  }

  /** Called by GuardSet for each Held that it hands out. */
  onAcquire(held: Held): void {
    const operation = this.#context.getStore()
    if (operation === undefined) return
    operation.held.add(held)
    this.#operationOf.set(held, operation)
  }

  /** Called by GuardSet for each release, in whatever context it happens. */
  onRelease(held: Held): void {
    this.#operationOf.get(held)?.held.delete(held)
    this.#operationOf.delete(held)
  }

  #run<T>(operation: Operation, body: () => T | Promise<T>): Promise<T> {
    return this.#context.run(operation, async () => {
      try {
        return await body()
      } finally {
        this.#end(operation)
      }
    })
  }

  #end(operation: Operation): void {
    for (const held of operation.held)
      this.violations.push(`${operation.name}: ended with ${held} still held`)
  }
}

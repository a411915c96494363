// The process that uses a simulated disk: counts what it does, lets its asynchronous calls be
// scheduled, and dies at the operation that a crash test names. Invariant: once it is dead, nothing
// that it does reaches the disk any more. Called by MemoryFileSystem and its files.

import { assert } from '../assert.ts'
import type { MemoryInode } from './memory-inode.ts'
import type { OperationKind } from './operation-kind.ts'
import { SeededRandom } from './seeded-random.ts'
import { systemError } from './system-error.ts'

/** Code of the error that everything ends with after the death: power lost, or process killed. */
export type DeathCode = 'EPOWER' | 'EKILLED'

/** One operation, as a trace shows it. */
export interface TracedOperation {
  /** Number of the operation, from 1. */
  readonly n: number
  readonly kind: OperationKind
  readonly path: string
}

/** Decides when an asynchronous operation takes effect; `label` is its kind and path. */
export type OperationScheduler = (label: string) => Promise<void>

/** A write of which a death may leave a part. */
export interface PartialWrite {
  readonly inode: MemoryInode
  /**
   * Writes a part to `inode`, which is the file's own or that of a copy of the disk: `random` decides which
   * part, `code` says what kind of death it is.
   */
  readonly apply: (inode: MemoryInode, random: SeededRandom, code: DeathCode) => void
}

/** Told of every change and sync of a living process right before it happens. */
export type MutationObserver = (kind: OperationKind, path: string, part: PartialWrite | undefined) => void

/** Counters, fate and schedule of one process. */
export class SimulatedProcess {
  /** What was done so far; undefined where nobody asked for it. */
  readonly trace: TracedOperation[] | undefined
  readonly #schedule: OperationScheduler | undefined
  #operations = 0
  #mutations = 0
  #death: { readonly at: number; readonly code: DeathCode; readonly random: SeededRandom } | undefined
  #dead: DeathCode | undefined
  /** Who is told of changes to come; undefined: nobody. */
  observer: MutationObserver | undefined

  constructor(schedule: OperationScheduler | undefined, traced: boolean) {
    this.#schedule = schedule
    this.trace = traced ? [] : undefined
  }

  /** Operations that took effect or failed by themselves. */
  get operations(): number {
    return this.#operations
  }

  /** Changes and syncs. */
  get mutations(): number {
    return this.#mutations
  }

  /** How the process died; undefined while it lives. */
  get dead(): DeathCode | undefined {
    return this.#dead
  }

  /** Sets the death at the nth mutation from now (1: the next); replaces one that was set before. */
  dieAt(n: number, code: DeathCode, seed: number): void {
    assert(Number.isInteger(n) && n >= 1, 'a death is set at a mutation to come')
    this.#death = { at: this.#mutations + n, code, random: new SeededRandom(seed) }
  }

  /** Waits until an asynchronous operation may take effect: a microtask, or what the scheduler says. */
  async turn(kind: OperationKind, path: string): Promise<void> {
    this.assertAlive(kind, path)
    await this.#schedule?.(`${kind} ${path}`)
  }

  /** @throws SystemError EPOWER or EKILLED once the process is dead. */
  assertAlive(kind: OperationKind, path: string): void {
    if (this.#dead !== undefined) throw systemError(this.#dead, kind, path)
  }

  /**
   * Counts an operation that takes effect now.
   * @throws SystemError EPOWER or EKILLED once the process is dead.
   */
  operate(kind: OperationKind, path: string): void {
    this.assertAlive(kind, path)
    this.#operations += 1
    this.trace?.push({ n: this.#operations, kind, path })
  }

  /**
   * Counts and performs a change or a sync. If it is the one to die at, it happens in full, not at
   * all or, where `part` is given, in part.
   * @throws SystemError EPOWER or EKILLED where the process dies in it.
   */
  mutate(kind: OperationKind, path: string, whole: () => void, part?: PartialWrite): void {
    this.assertAlive(kind, path)
    this.observer?.(kind, path, part)
    this.#mutations += 1
    const death = this.#death
    if (death === undefined || this.#mutations !== death.at) {
      whole()
      return
    }
    const outcome = death.random.below(part === undefined ? 2 : 3)
    if (outcome === 1) whole()
    if (outcome === 2) part?.apply(part.inode, death.random, death.code)
    this.#dead = death.code
    throw systemError(death.code, kind, path)
  }
}

// One life of a database under the model test: what is open, what the model holds of it, and how calls
// are made, so that whoever compares sees either an outcome or that the process died. Shared by the
// operations (model-edits.ts, model-writers.ts, model-reads.ts) and the run (model-run.ts).

import { RubidiumError } from '../../src/errors.ts'
import type { Snapshot, Writer } from '../../src/index.ts'
import type { Durability } from '../../src/database/options.ts'
import { ModelHistory } from './model-history.ts'
import { ModelMachine } from './model-machine.ts'
import type { OpenDatabase } from './model-machine.ts'
import type { ModelSettings, PickedRange } from './model-operations.ts'
import type { ModelChannel, ModelState, ModelStream } from './model-store.ts'

/** A call that takes this long hangs. */
const LONGEST_MS = 10_000

export interface OpenWriter {
  readonly writer: Writer
  readonly streams: readonly ModelStream[]
  /** By key: the name that it was opened with. */
  readonly names: ReadonlyMap<number, string>
  readonly autoCommit: boolean
  readonly durability: Durability
}

export interface OpenSnapshot {
  readonly snapshot: Snapshot
  readonly state: ModelState
}

/** The process died in an operation; `next` are the states where it happened all the same, or some of it. */
export class Died extends Error {
  readonly next: readonly ModelState[]

  constructor(next: readonly ModelState[]) {
    super('the process died')
    this.next = next
  }
}

export type Outcome<T> = { readonly value: T } | { readonly error: unknown }
export type ErrorClass = abstract new (...args: never[]) => RubidiumError

/** What a run did, for those who want to know that it did anything. */
export interface ModelTally {
  operations: number
  crashes: number
  commits: number
  samples: number
}

export class ModelSession {
  readonly machine: ModelMachine
  readonly settings: ModelSettings
  readonly history: ModelHistory = new ModelHistory()
  readonly tally: ModelTally
  open!: OpenDatabase
  writers: OpenWriter[] = []
  snapshots: OpenSnapshot[] = []
  background: Promise<unknown>[] = []
  /** Makes the values of samples. */
  values = 0
  /** The key that the next channel gets. */
  nextKey = 1

  constructor(settings: ModelSettings, tally: ModelTally) {
    this.settings = settings
    this.machine = new ModelMachine(settings)
    this.tally = tally
  }

  get state(): ModelState {
    return this.history.newest
  }

  /** Calls the database; where the process died in it, the life goes on after recovery. */
  async call<T>(
    what: string,
    next: ModelState | readonly ModelState[] | undefined,
    call: () => Promise<T>,
  ): Promise<Outcome<T>> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${what} hangs`)), LONGEST_MS)
    })
    try {
      return { value: await Promise.race([call(), late]) }
    } catch (error) {
      // A dead process cannot even close its files, or look around; nobody hears of that.
      const isLast = ['close', 'stat'].includes(String((error as { syscall?: unknown }).syscall))
      if (!(error instanceof RubidiumError) && !isLast) throw error
      if (this.machine.disk.isDead)
        throw new Died(
          next === undefined ? [] : next instanceof Map ? [next] : (next as readonly ModelState[]),
        )
      return { error }
    } finally {
      clearTimeout(timer)
    }
  }

  /** The outcome must be an error of one of these classes, or a value where there is none. */
  expect<T>(what: string, outcome: Outcome<T>, wanted: readonly ErrorClass[]): T | undefined {
    if ('value' in outcome) {
      if (wanted.length === 0) return outcome.value
      throw new Error(`${what} succeeded: should be ${wanted.map(({ name }) => name).join(' or ')}`)
    }
    if (wanted.some((each) => outcome.error instanceof each)) return undefined
    throw new Error(
      `${what} failed: should be ${wanted.map(({ name }) => name).join(' or ') || 'a success'}`,
      { cause: outcome.error },
    )
  }

  get editDurability(): Durability {
    return this.settings.durability === 'strict' ? 'strict' : 'batched'
  }

  channel(pick: number): ModelChannel | undefined {
    const channels = [...this.state.values()]
    return channels[pick % channels.length]
  }

  writer(pick: number): OpenWriter | undefined {
    return this.writers[pick % Math.max(1, this.writers.length)]
  }

  /** A stretch of the time in which there are samples, and a little around it. */
  range({ from, length }: PickedRange): { start: bigint; end: bigint } {
    const newest = [...this.state.values()].reduce(
      (most, { samples }) => max(most, samples.at(-1)?.time ?? 0n),
      0n,
    )
    const whole = newest + 40n
    const start = (whole * BigInt(from)) / 1000n - 10n
    return { start, end: start + (whole * BigInt(length)) / 1000n }
  }

  hasOthers(groups: readonly number[], self: OpenWriter | undefined): boolean {
    return this.writers.some(
      (other) => other !== self && other.streams.some(({ group }) => groups.includes(group)),
    )
  }
}

export function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}

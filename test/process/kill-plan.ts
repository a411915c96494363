// What a process that is going to be killed is told, and what it says it found: the words that
// child-killed.ts and those who start it share.

import type { Durability } from '../../src/database/options.ts'
import type { StampedState } from './kill-steps.ts'

/** `mixed`: a strict, a batched and a relaxed writer in one database that is batched. */
export type Setting = Durability | 'mixed'

export const SETTINGS: readonly Setting[] = ['strict', 'batched', 'relaxed', 'mixed']

/** What a process can be in the middle of. */
export const PHASES: readonly string[] = [
  'open',
  'append',
  'sync',
  'flush',
  'roll',
  'retire',
  'checkpoint',
  'collect',
  'close',
]

export interface Plan {
  readonly directory: string
  readonly durability: Setting
  readonly seed: number
  /** The first stamp that nobody has used. */
  readonly stamp: number
  /** Its `syncInterval`. */
  readonly intervalMs: number
  /** The limits are those of production: hardly anything is synced but by the interval. */
  readonly isCalm: boolean
  /** Of the run of the machine that it is to believe in; undefined for the real one. */
  readonly bootId?: string
  /** It kills itself around the nth change that it makes in this phase. */
  readonly die?: { readonly phase: string; readonly nth: number; readonly at: 'before' | 'after' }
}

/** What was in the database. */
export interface Found {
  readonly text: string
  readonly state: StampedState
  /** Values that nobody wrote, and what `verify` found. */
  readonly problems: readonly unknown[]
}

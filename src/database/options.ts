// What `open` takes, validated and completed.

import type { Schema } from '../channel/schema.ts'
import { validateSchema } from '../channel/schema.ts'
import { ValidationError } from '../errors.ts'
import type { ChannelDefinition } from '../telem/channel.ts'
import { describeValue, isPlainObject, refuseUnknownKeys } from '../telem/input.ts'
import { positiveSpan } from '../telem/timestamp.ts'
import type { SpanLike } from '../telem/timestamp.ts'

/**
 * When a commit resolves. `relaxed`: visible in this process; written and synced within
 * `syncInterval`. `batched`: handed to the operating system (a killed process loses nothing), synced
 * within `syncInterval`. `strict`: synced (a power loss loses nothing).
 */
export type Durability = 'relaxed' | 'batched' | 'strict'

const MIB = 1024 * 1024

/** Options of `open`. Sizes in bytes. */
export interface OpenOptions<S extends Schema = Schema> {
  /**
   * Channels that must be there; missing ones are created. Types of reads and writes are inferred from it.
   */
  readonly channels?: S
  /** Open beside a writing process: sees what was committed when it opened. Default `false`. */
  readonly readOnly?: boolean
  /** Default `true`; else a missing database is a NotADatabaseError. */
  readonly createIfMissing?: boolean
  /** Default `'batched'`. */
  readonly durability?: Durability
  /** Longest time until a commit is synced. Default `'1s'`. */
  readonly syncInterval?: SpanLike
  /** Most bytes of samples held in memory; at least 1 MiB. Default 64 MiB. */
  readonly memoryBudget?: number
  /** A segment file is sealed once it is this large; at least 1 MiB. Default 256 MiB. */
  readonly segmentSize?: number
  /** Most bytes of block tables and blocks kept for reads. Default 32 MiB. */
  readonly cacheBudget?: number
  /**
   * Take the lease from a holder that seems alive: an operator's decision. What it was acknowledged is kept,
   * its next call is a LeaseLostError. Default `false`.
   */
  readonly takeover?: boolean
  /** Background collection is not built yet: `false` is the only value. Call `db.gc()`. */
  readonly gc?: false
  /** Longest wait for a guard. Default `'5s'`. */
  readonly lockTimeout?: SpanLike
}

/** Options with every default filled in. */
export interface ResolvedOptions {
  readonly channels: readonly ChannelDefinition[]
  readonly readOnly: boolean
  readonly createIfMissing: boolean
  readonly durability: Durability
  readonly syncIntervalMs: number
  readonly memoryBudget: number
  readonly segmentSize: number
  readonly cacheBudget: number
  readonly takeover: boolean
  readonly lockTimeoutMs: number
}

const KEYS = [
  'channels',
  'readOnly',
  'createIfMissing',
  'durability',
  'syncInterval',
  'memoryBudget',
  'segmentSize',
  'cacheBudget',
  'takeover',
  'gc',
  'lockTimeout',
]

/** @throws ValidationError naming the option */
export function resolveOptions(options: unknown): ResolvedOptions {
  if (options !== undefined && !isPlainObject(options))
    throw new ValidationError('Options of open must be an object')
  const given = options ?? {}
  refuseUnknownKeys(given, KEYS, 'options of open')
  if (given['gc'] !== undefined && given['gc'] !== false) {
    throw new ValidationError(
      'Option "gc" must be false: background collection is not built yet, call db.gc()',
    )
  }
  if (given['takeover'] === true && given['readOnly'] === true) {
    throw new ValidationError(
      'Option "takeover" is for writing: a read-only open takes no lease from anybody',
    )
  }
  return {
    channels: given['channels'] === undefined ? [] : validateSchema(given['channels']),
    readOnly: flag(given, 'readOnly', false),
    createIfMissing: flag(given, 'createIfMissing', true),
    durability: validateDurability(given['durability']) ?? 'batched',
    syncIntervalMs: milliseconds(given, 'syncInterval', '1s'),
    memoryBudget: size(given, 'memoryBudget', 64 * MIB, MIB),
    segmentSize: size(given, 'segmentSize', 256 * MIB, MIB),
    cacheBudget: size(given, 'cacheBudget', 32 * MIB, 0),
    takeover: flag(given, 'takeover', false),
    lockTimeoutMs: milliseconds(given, 'lockTimeout', '5s'),
  }
}

/** @throws ValidationError */
export function validateDurability(value: unknown): Durability | undefined {
  if (value === undefined || value === 'relaxed' || value === 'batched' || value === 'strict') return value
  throw new ValidationError(
    `Option "durability" must be 'relaxed', 'batched' or 'strict': got ${describeValue(value)}`,
  )
}

function flag(options: Record<string, unknown>, name: string, fallback: boolean): boolean {
  const value = options[name]
  if (value === undefined) return fallback
  if (typeof value !== 'boolean')
    throw new ValidationError(`Option "${name}" must be true or false: got ${describeValue(value)}`)
  return value
}

function milliseconds(options: Record<string, unknown>, name: string, fallback: SpanLike): number {
  const value = options[name]
  return Number(positiveSpan((value === undefined ? fallback : value) as SpanLike, `Option "${name}"`)) / 1e6
}

function size(options: Record<string, unknown>, name: string, fallback: number, least: number): number {
  const value = options[name]
  if (value === undefined) return fallback
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least) {
    throw new ValidationError(
      `Option "${name}" must be a whole number of bytes, at least ${least}: got ${describeValue(value)}`,
    )
  }
  return value
}

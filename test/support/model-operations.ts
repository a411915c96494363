// What the model test does to a database: operations as plain data, so that counterexamples shrink and
// can be pasted into a regression test. Numbers in them are picks, resolved against what is there when
// the operation runs; so any list of operations makes sense, and stays sensible with some left out.

import * as fc from 'fast-check'
import type { Durability } from '../../src/database/options.ts'
import type { Tuning } from '../../src/database/environment.ts'

/** How the database of one run is opened. Sizes in bytes. */
export interface ModelSettings {
  readonly durability: Durability
  readonly memoryBudget: number
  readonly segmentSize: number
  readonly tuning: Partial<Tuning>
  /** Asynchronous disk operations take a turn of the event loop, so that calls overlap. */
  readonly isSlow: boolean
  /** Holes can be punched into files. */
  readonly holes?: boolean
}

/** A stretch of time by picks: where it begins and how long it is, in thousandths of what there is. */
export interface PickedRange {
  readonly from: number
  readonly length: number
}

/** Where the first sample of a write lies. */
export type Placement = 'next' | 'hole' | 'anywhere'

export type Operation =
  | { readonly do: 'create'; readonly group: number; readonly types: readonly number[] }
  | { readonly do: 'rename'; readonly channel: number; readonly name: number }
  | { readonly do: 'update'; readonly channel: number; readonly note: number; readonly unit: boolean }
  | {
      readonly do: 'remove'
      readonly channel: number
      readonly whole: boolean
      readonly closeWriters: boolean
    }
  | {
      readonly do: 'openWriter'
      readonly groups: number
      readonly channels: number
      readonly start: number | undefined
      readonly autoCommit: boolean
      readonly durability: Durability | undefined
    }
  | {
      readonly do: 'write'
      readonly writer: number
      readonly groups: number
      readonly count: number
      readonly step: number
      readonly gap: number
      readonly place: Placement
      readonly pick: number
      readonly isBackwards: boolean
      /** How many such frames follow it, none awaited before the last is written. */
      readonly more: number
    }
  | { readonly do: 'commit' | 'closeWriter'; readonly writer: number }
  | {
      readonly do: 'delete'
      readonly group: number
      readonly channels: number
      readonly who: 'group' | 'data' | 'any'
      readonly range: PickedRange
    }
  | {
      readonly do: 'maintain'
      readonly what: Maintenance
      readonly threshold: number
      readonly wait: boolean
    }
  | { readonly do: 'settle' | 'sync' | 'turn' | 'wait' | 'snapshot' | 'check' | 'peek' | 'verify' }
  | { readonly do: 'closeSnapshot'; readonly snapshot: number }
  | {
      readonly do: 'read'
      readonly what: 'read' | 'latest' | 'count' | 'bounds' | 'hasData' | 'frames'
      /** 0: the head; else one of the open snapshots. */
      readonly snapshot: number
      readonly channels: number
      readonly range: PickedRange
      readonly timestamps: boolean
      readonly count: number
    }
  | { readonly do: 'reopen' }
  | { readonly do: 'crash'; readonly crash: Crash }
  | { readonly do: 'arm'; readonly after: number; readonly crash: Crash }

export type Maintenance = 'flush' | 'retire' | 'checkpoint' | 'gc'

/** How a process ends, and how often recovery dies as well before it gets through. */
export interface Crash {
  readonly isPowerLoss: boolean
  readonly seed: number
  /** By attempt to open: dies at that mutation. */
  readonly again: readonly { readonly after: number; readonly isPowerLoss: boolean; readonly seed: number }[]
}

const durability = fc.constantFrom<Durability[]>('relaxed', 'batched', 'strict')

export const settings: fc.Arbitrary<ModelSettings> = fc.record({
  durability,
  memoryBudget: fc.constantFrom(1024 * 1024, 1024 * 1024, 64 * 1024, 8 * 1024),
  segmentSize: fc.constantFrom(1024 * 1024, 16 * 1024, 4 * 1024),
  tuning: fc.record({
    journalFileSize: fc.constantFrom(512, 2048, 1024 * 1024),
    journalLimit: fc.constantFrom(1024, 8192, 1024 * 1024),
    inlineLimit: fc.constantFrom(128, 1024, 1024 * 1024),
    extentLimit: fc.constantFrom(64, 512, 1024 * 1024),
    manifestSlack: fc.constantFrom(0, 512, 1024 * 1024),
    tailExtents: fc.constantFrom(4, 8192),
    loopSyncMs: fc.constantFrom(0, 1),
    unprovenLimit: fc.constantFrom(512, 8192, 1024 * 1024),
    unmarkedLimit: fc.constantFrom(0, 1024, 1024 * 1024),
    holeSize: fc.constant(512),
    holesARecord: fc.constantFrom(1, 4096),
    deadNotes: fc.constantFrom(1, 1000),
    freedAtOnce: fc.constantFrom(0, 2, 1000),
  }),
  isSlow: fc.boolean(),
  holes: fc.boolean(),
})

const pick = fc.nat({ max: 1000 })
const bits = fc.nat({ max: 63 })
const range = fc.record({ from: pick, length: pick })
const few = fc.nat({ max: 7 })
const seed = fc.nat({ max: 1000 })
const after = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 60 }))

const crash: fc.Arbitrary<Crash> = fc.record({
  isPowerLoss: fc.boolean(),
  seed,
  again: fc.array(fc.record({ after: fc.integer({ min: 1, max: 40 }), isPowerLoss: fc.boolean(), seed }), {
    maxLength: 2,
  }),
})

const rows = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 6 }) },
  { weight: 3, arbitrary: fc.integer({ min: 10, max: 70 }) },
  { weight: 1, arbitrary: fc.integer({ min: 130, max: 600 }) },
)

/** Now and then so many that reads and writes leave the event loop. */
const rowsOrMany = fc.oneof({ weight: 300, arbitrary: rows }, { weight: 1, arbitrary: fc.constant(6000) })

const write = fc.record({
  do: fc.constant('write' as const),
  writer: few,
  groups: bits,
  count: rowsOrMany,
  step: fc.constantFrom(10, 3, 1),
  gap: fc.integer({ min: 1, max: 30 }),
  place: fc.constantFrom<Placement[]>('next', 'next', 'next', 'hole', 'anywhere'),
  pick,
  isBackwards: fc.integer({ min: 0, max: 19 }).map((n) => n === 19),
  more: fc.oneof(
    { weight: 5, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 6 }) },
  ),
})

const openWriter = fc.record({
  do: fc.constant('openWriter' as const),
  groups: bits,
  channels: bits,
  start: fc.option(pick, { freq: 3, nil: undefined }),
  autoCommit: fc.boolean(),
  durability: fc.option(durability, { nil: undefined }),
})

const deletion = fc.record({
  do: fc.constant('delete' as const),
  group: few,
  channels: bits,
  who: fc.constantFrom('group' as const, 'group' as const, 'data' as const, 'any' as const),
  range: fc.oneof(range, fc.record({ from: pick, length: fc.nat({ max: 60 }) })),
})

const maintain = fc.record({
  do: fc.constant('maintain' as const),
  what: fc.constantFrom<Maintenance[]>('flush', 'flush', 'retire', 'checkpoint', 'gc', 'gc'),
  threshold: fc.constantFrom(0, 0.2, 0.7),
  wait: fc.boolean(),
})

const read = fc.record({
  do: fc.constant('read' as const),
  what: fc.constantFrom(
    'read' as const,
    'read' as const,
    'latest' as const,
    'count' as const,
    'bounds' as const,
    'hasData' as const,
    'frames' as const,
  ),
  snapshot: few,
  channels: bits,
  range,
  timestamps: fc.boolean(),
  count: fc.integer({ min: 1, max: 40 }),
})

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 24, arbitrary: write },
  { weight: 7, arbitrary: openWriter },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('commit' as const), writer: few }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('closeWriter' as const), writer: few }) },
  { weight: 8, arbitrary: deletion },
  { weight: 9, arbitrary: maintain },
  { weight: 5, arbitrary: read },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('create' as const),
      group: few,
      types: fc.array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rename' as const), channel: few, name: few }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('update' as const), channel: few, note: few, unit: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('remove' as const),
      channel: few,
      whole: fc.boolean(),
      closeWriters: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'settle' as const,
        'sync' as const,
        'turn' as const,
        'wait' as const,
        'check' as const,
        'peek' as const,
        'verify' as const,
      ),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ do: 'snapshot' as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('closeSnapshot' as const), snapshot: few }) },
  { weight: 2, arbitrary: fc.constant({ do: 'reopen' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash' as const), crash }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('arm' as const), after, crash }) },
)

/** A life of a database. */
export function operations(most: number): fc.Arbitrary<Operation[]> {
  return fc.array(operation, { minLength: 1, maxLength: most, size: 'max' })
}

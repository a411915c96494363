// What bench/scale.ts writes and checks against: rows of an index channel (about 1 kHz, with jitter) and 9
// float64 channels. Every sample is a function of its row, so that any window can be checked bit for bit
// without keeping anything. Also used by test/scale, with fewer rows.

import type { Database, Frame } from '../src/index.ts'

export const DATA = 9

/** The index channel first; a channel's position in here is its column. */
export const NAMES: readonly string[] = ['time', ...Array.from({ length: DATA }, (_, i) => `c${i + 1}`)]

/** A column as the engine takes and gives it. */
export type Column = BigInt64Array | Float64Array

/** 2025-01-01. */
const BEGIN = 1_735_689_600_000_000_000n
const STEP = 1_000_000
const JITTER = 500_000

/** Timestamp of a row, in nanoseconds. */
export function timeOf(row: number): bigint {
  return BEGIN + BigInt(row * STEP + ((Math.imul(row, 0x9e3779b1) >>> 0) % JITTER))
}

function valueOf(column: number, row: number): number {
  const mixed = Math.imul(row ^ Math.imul(column, 0x9e3779b1), 0x85ebca6b)
  return (Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35) >>> 0) / 4096 + column
}

/** An empty column of `count` samples. */
export function newColumn(column: number, count: number): Column {
  return column === 0 ? new BigInt64Array(count) : new Float64Array(count)
}

/** Fills an array with the samples of a column from row `from` on. */
export function fillColumn(column: number, target: Column, from: number): void {
  if (target instanceof BigInt64Array) for (let i = 0; i < target.length; i++) target[i] = timeOf(from + i)
  else for (let i = 0; i < target.length; i++) target[i] = valueOf(column, from + i)
}

/** The bytes of a column, where they are. */
export function bytesOf(column: Column): Uint8Array {
  return new Uint8Array(column.buffer, column.byteOffset, column.byteLength)
}

/** Creates the channels. */
export async function createChannels(db: Database): Promise<void> {
  await db.channels.create(
    NAMES.map((name, i) =>
      i === 0
        ? ({ name, kind: 'index' } as const)
        : ({ name, kind: 'data', type: 'float64', index: 'time' } as const),
    ),
  )
}

/** Frames of `size` rows in one reused buffer, whose columns lie side by side: what a plain append writes whole. */
export class FrameBuffer {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** By name: the columns of the frame in hand. */
  readonly frame: Record<string, Column>
  readonly #columns: readonly Column[]

  constructor(size: number) {
    const buffer = new ArrayBuffer(NAMES.length * size * 8)
    this.bytes = new Uint8Array(buffer)
    this.#columns = NAMES.map((_, i) =>
      i === 0 ? new BigInt64Array(buffer, 0, size) : new Float64Array(buffer, i * size * 8, size),
    )
    this.frame = Object.fromEntries(NAMES.map((name, i) => [name, this.#columns[i]!]))
  }

  /** Puts rows from `from` on into the frame. */
  fill(from: number): void {
    for (let i = 0; i < this.#columns.length; i++) fillColumn(i, this.#columns[i]!, from)
  }
}

/** Rows [from, to). */
export interface Rows {
  readonly from: number
  readonly to: number
}

/** Which rows there are: all of `rows` but those that were deleted. Ordinals count the ones that are left. */
export class LiveRows {
  readonly #rows: number
  readonly #deleted: Rows

  constructor(rows: number, deleted: Rows = { from: rows, to: rows }) {
    this.#rows = rows
    this.#deleted = deleted
  }

  get count(): number {
    return this.#rows - this.#deleted.to + this.#deleted.from
  }

  /** The row with this ordinal. */
  rowAt(ordinal: number): number {
    const { from, to } = this.#deleted
    return ordinal < from ? ordinal : ordinal + to - from
  }

  /** The samples of `count` rows of a column from an ordinal on. */
  expected(column: number, ordinal: number, count: number): Column {
    const samples = newColumn(column, count)
    const before = Math.min(count, Math.max(0, this.#deleted.from - ordinal))
    fillColumn(column, samples.subarray(0, before), ordinal)
    fillColumn(column, samples.subarray(before), this.rowAt(ordinal + before))
    return samples
  }

  /** The range of time of `count` rows from an ordinal on. */
  rangeOf(ordinal: number, count: number): { start: bigint; end: bigint } {
    return { start: timeOf(this.rowAt(ordinal)), end: timeOf(this.rowAt(ordinal + count - 1)) + 1n }
  }

  /** @throws Error naming the first channel of a frame that is not bit for bit what was written */
  check(frame: Frame, columns: readonly number[], ordinal: number, count: number): void {
    for (const column of columns) {
      const name = NAMES[column]!
      const found = frame.column(name) as Column
      const { length } = found
      if (length !== count) throw new Error(`"${name}": ${length} samples of ${count} from row ${ordinal} on`)
      this.checkColumn(column, found, ordinal)
    }
  }

  /** @throws Error where the samples of a column from an ordinal on are not bit for bit what was written */
  checkColumn(column: number, found: Column, ordinal: number): void {
    if (Buffer.compare(bytesOf(found), bytesOf(this.expected(column, ordinal, found.length))) === 0) return
    throw new Error(`"${NAMES[column]!}" is not what was written from row ${ordinal} on`)
  }
}

/** Numbers in [0, below), the same in every run. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** Three different columns. */
export function threeColumns(random: (below: number) => number): number[] {
  const columns = new Set<number>()
  while (columns.size < 3) columns.add(random(NAMES.length))
  return [...columns]
}

// A database on a disk that fills up, and what must be in it: runs of rows whose values follow from their
// times, so that millions of samples can be compared without being kept. Called by full-rounds.ts.

import { channel, open } from '../../src/index.ts'
import type { Database, OpenOptions, Schema, Writer } from '../../src/index.ts'

const SCHEMA: Schema = {
  time: channel.index(),
  value: channel.float64({ index: 'time' }),
  small: channel.uint8({ index: 'time' }),
}

const CHANNELS = ['time', 'value', 'small'] as const

/** Rows [first, end), numbered by time in microseconds, written in one go. */
interface Run {
  readonly first: number
  readonly end: number
  readonly salt: number
}

function valueOf(row: number, salt: number): number {
  return ((row * 2654435761 + salt * 40503) % 1_000_003) / 8
}

export class FullStore {
  readonly directory: string
  readonly options: OpenOptions
  db!: Database
  /** In order of time. */
  #runs: Run[] = []
  #salt = 0
  /** Where the next row goes. */
  next = 0

  constructor(directory: string, options: OpenOptions) {
    this.directory = directory
    this.options = options
  }

  get rows(): number {
    return this.#runs.reduce((sum, { first, end }) => sum + end - first, 0)
  }

  async open(options: OpenOptions = {}): Promise<void> {
    this.db = await open(this.directory, { ...this.options, channels: SCHEMA, ...options })
  }

  /** Commits rows. What is refused is not in the model. */
  async write(writer: Writer, count: number): Promise<void> {
    const salt = ++this.#salt
    const first = this.next
    const time = new BigInt64Array(count)
    const value = new Float64Array(count)
    const small = new Uint8Array(count)
    for (let i = 0; i < count; i++) {
      time[i] = BigInt(first + i) * 1000n
      value[i] = valueOf(first + i, salt)
      small[i] = (first + i) % 256
    }
    await writer.write({ time, value, small })
    this.next = first + count
    this.#runs.push({ first, end: first + count, salt })
  }

  /** Deletes the rows [first, end). */
  async delete(first: number, end: number): Promise<void> {
    const expected = this.#runs.reduce(
      (sum, run) => sum + Math.max(0, Math.min(run.end, end) - Math.max(run.first, first)),
      0,
    )
    const range = { start: BigInt(first) * 1000n, end: BigInt(end) * 1000n }
    const { samples } = await this.db.delete([...CHANNELS], range)
    this.#runs = this.#runs.flatMap((run) => [
      ...(run.first < first ? [{ ...run, end: Math.min(run.end, first) }] : []),
      ...(run.end > end ? [{ ...run, first: Math.max(run.first, end) }] : []),
    ])
    for (const name of CHANNELS)
      if (samples[name] !== expected)
        throw new Error(`a delete of ${expected} rows took ${samples[name]} samples of "${name}"`)
  }

  /** Where the `share` of all rows that are there begins, 0 to 1. */
  rowAt(share: number): number {
    let left = Math.floor(this.rows * share)
    for (const { first, end } of this.#runs) {
      if (left < end - first) return first + left
      left -= end - first
    }
    return this.next
  }

  /** Compares every sample. @throws Error */
  async compare(db: Database = this.db): Promise<void> {
    const runs = [...this.#runs]
    let run = runs.shift()
    let row = run?.first ?? 0
    for await (const frame of db.frames([...CHANNELS], {}, { samples: 200_000 })) {
      const times = frame.column('time')
      const values = frame.column('value')
      const smalls = frame.column('small')
      for (let i = 0; i < times.length; i++) {
        if (run === undefined) throw new Error(`there is a sample at ${times[i]}, and none was expected`)
        const value = valueOf(row, run.salt)
        if (Number(times[i]) !== row * 1000 || values[i] !== value || smalls[i] !== row % 256) {
          const found = `${times[i]}: ${values[i]}, ${smalls[i]}`
          throw new Error(`found ${found} where ${row * 1000}: ${value}, ${row % 256} was acknowledged`)
        }
        row++
        if (row < run.end) continue
        run = runs.shift()
        row = run?.first ?? 0
      }
    }
    if (run !== undefined) throw new Error(`what was acknowledged from row ${row} on is not there`)
  }
}

// The frame that a writer has in hand: the caller's object, read once and whole before anything is touched,
// by columns. Kept by the writer, one for all its frames.

import type { Stream } from '../domain/stream.ts'
import { ValidationError } from '../errors.ts'
import { describeValue } from '../telem/input.ts'
import { sampleCount } from '../telem/sample.ts'

/** Where a channel's values go. */
interface Column {
  readonly name: string
  readonly stream: number
  readonly ordinal: number
  /** The name is a property of every object: only an own property counts. */
  readonly ownOnly: boolean
}

/**
 * Most bytes of one channel in one frame: an extent, its table included, stays far below its limit of 4 GiB.
 */
const MOST_BYTES = 2 ** 31

export class FrameValues {
  /** By column; undefined where the frame has nothing. */
  readonly values: unknown[]
  /** By stream: samples; -1 where the frame has none of its channels. */
  readonly counts: number[]
  readonly #streams: readonly Stream[]
  readonly #columns: readonly Column[]
  /** By stream: where its columns begin. */
  readonly #firstColumns: readonly number[]
  /** As the caller named them. */
  readonly #names: readonly string[]

  constructor(streams: readonly Stream[], names: readonly string[]) {
    this.#streams = streams
    this.#names = names
    this.#columns = streams.flatMap((stream, i) =>
      stream.names.map((name, ordinal) => ({ name, stream: i, ordinal, ownOnly: name in Object.prototype })),
    )
    this.#firstColumns = streams.map((_, i) => this.#columns.findIndex((column) => column.stream === i))
    this.values = new Array<unknown>(this.#columns.length).fill(undefined)
    this.counts = new Array<number>(streams.length).fill(0)
  }

  /** What the frame has of a channel of a stream. */
  of(stream: number, ordinal: number): unknown {
    return this.values[this.#firstColumns[stream]! + ordinal]
  }

  /**
   * Reads the caller's object, once and whole, which may run code of the caller's.
   * @throws ValidationError for what is no frame of these channels
   */
  take(frame: unknown): void {
    if (typeof frame !== 'object' || frame === null || Array.isArray(frame) || ArrayBuffer.isView(frame)) {
      throw new ValidationError(
        `A frame must be an object of channels and samples: got ${describeValue(frame)}`,
      )
    }
    const object = frame as Record<string, unknown>
    const columns = this.#columns
    let present = 0
    for (let i = 0; i < columns.length; i++) {
      const { name, ownOnly } = columns[i]!
      const value = ownOnly && !Object.hasOwn(object, name) ? undefined : object[name]
      this.values[i] = value
      if (value !== undefined) present++
    }
    const prototype: unknown = Object.getPrototypeOf(object)
    // What is inherited counts as present and is no key of its own: then the numbers alone say nothing.
    const isPlain = prototype === Object.prototype || prototype === null
    if (!isPlain || Object.keys(object).length !== present) this.#refuseUnknown(object)
    if (present === 0) throw new ValidationError('A frame must hold at least one channel: this one is empty')
  }

  #refuseUnknown(object: Record<string, unknown>): void {
    for (const key of Object.keys(object)) {
      if (this.#columns.some((column) => column.name === key)) continue
      if (object[key] === undefined) continue
      throw new ValidationError(
        `This writer did not open channel "${key}": its channels are ${this.#names.join(', ')}`,
        {
          channel: key,
        },
      )
    }
  }

  /**
   * Counts the samples of each stream.
   * @throws ValidationError where a stream's channels are not all there, or not equally long
   */
  count(): void {
    this.counts.fill(-1)
    let missing: Column | undefined
    let present: Column | undefined
    for (let i = 0; i < this.#columns.length; i++) {
      const column = this.#columns[i]!
      const value = this.values[i]
      if (column.ordinal === 0) missing = present = undefined
      if (value === undefined) missing ??= column
      else {
        present ??= column
        const stream = this.#streams[column.stream]!
        const count = sampleCount(stream.shape.types[column.ordinal]!, value, column.name)
        const expected = this.counts[column.stream]!
        if (expected >= 0 && count !== expected) {
          throw new ValidationError(
            `Channel "${column.name}" has ${count} samples where "${present.name}" has ${expected}: channels of one index go together`,
            { channel: column.name },
          )
        }
        if (count * stream.shape.widest > MOST_BYTES) {
          throw new ValidationError(
            `Channel "${column.name}" has ${count} samples in one frame, which is too much for an extent: write it in parts`,
            { channel: column.name },
          )
        }
        this.counts[column.stream] = count
      }
      if (missing !== undefined && present !== undefined) {
        throw new ValidationError(
          `Channel "${missing.name}" is missing: a frame holds all channels of the writer that share an index, or none`,
          { channel: missing.name },
        )
      }
    }
  }

  /** Another frame's, that had to wait. */
  put(values: readonly unknown[]): void {
    values.forEach((value, i) => (this.values[i] = value))
  }

  /** Lets go of the caller's arrays. */
  clear(): void {
    this.values.fill(undefined)
  }
}

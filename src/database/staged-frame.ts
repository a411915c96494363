// A stream's part of a frame, encoded: into the rows behind those of its page, or as whole arrays where it
// goes to a segment. Nothing counts as written by that. Called by the writer.

import type { Stream } from '../domain/stream.ts'
import { ValidationError } from '../errors.ts'
import type { ExtentPlace } from '../journal/record.ts'
import { createArray } from '../telem/data-type.ts'
import type { DataType, NumericArray } from '../telem/data-type.ts'
import { encodeSamples } from '../telem/sample.ts'

/** A stream's part of a frame, encoded and not yet taken into the stream. */
export interface Staged {
  readonly stream: Stream
  readonly count: number
  /** By ordinal, where the frame goes to a segment. */
  readonly arrays: readonly NumericArray[] | undefined
  readonly times: BigInt64Array
  /** Where the frame begins in `times`. */
  readonly from: number
  /** Where it was written to a segment. */
  places?: ExtentPlace[]
}

/** What a frame has of a stream's channel. */
type ValueOf = (ordinal: number) => unknown

/** Stages rows behind those of the stream's page, which has room for them. @throws ValidationError */
export function stageRows(stream: Stream, count: number, valueOf: ValueOf): Staged {
  const strip = stream.strip!
  const { columns, written } = strip
  for (let ordinal = 0; ordinal < columns.length; ordinal++)
    encode(stream, ordinal, valueOf(ordinal), columns[ordinal]!, written, count)
  return { stream, count, arrays: undefined, times: strip.times, from: written }
}

/** Stages arrays, the caller's own where they can be written as they are. @throws ValidationError */
export function stageArrays(stream: Stream, count: number, valueOf: ValueOf): Staged {
  const arrays = stream.shape.types.map((type, ordinal) => {
    const value = valueOf(ordinal)
    if (isNatural(type, value)) return value
    const array = createArray(type, count)
    encode(stream, ordinal, value, array, 0, count)
    return array
  })
  return { stream, count, arrays, times: arrays[0] as BigInt64Array, from: 0 }
}

function encode(
  stream: Stream,
  ordinal: number,
  value: unknown,
  target: NumericArray,
  at: number,
  count: number,
): void {
  const name = stream.names[ordinal]!
  const encoded = encodeSamples(name, stream.shape.types[ordinal]!, value, target, at)
  if (encoded !== count)
    throw new ValidationError(`Channel "${name}" changed its length while it was read`, { channel: name })
}

/** By type: the arrays that are written from where they are: any value of theirs is a sample. */
const NATURAL: Partial<Record<DataType, object>> = {
  float64: Float64Array.prototype,
  float32: Float32Array.prototype,
  int64: BigInt64Array.prototype,
  int32: Int32Array.prototype,
  int16: Int16Array.prototype,
  int8: Int8Array.prototype,
  uint64: BigUint64Array.prototype,
  uint32: Uint32Array.prototype,
  uint16: Uint16Array.prototype,
  uint8: Uint8Array.prototype,
}

/** Whether a value can be written as it is, in this very step; shared memory could change in it. */
function isNatural(type: DataType, value: unknown): value is NumericArray {
  const prototype = NATURAL[type]
  if (prototype === undefined || Object.getPrototypeOf(value) !== prototype) return false
  return !(
    typeof SharedArrayBuffer === 'function' && (value as NumericArray).buffer instanceof SharedArrayBuffer
  )
}

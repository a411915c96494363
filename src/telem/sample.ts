// Users' values on their way into arrays of a channel's type. What is stored is what was checked: each
// value is read once, by its position, and no method of a user's object runs. On an error the target
// holds some of the samples already; nobody may have been shown it yet. Called by the writer.

import { assert, present, unreachable } from '../assert.ts'
import { ValidationError } from '../errors.ts'
import { arrayName, type DataType, type NumericArray } from './data-type.ts'
import { describeValue } from './input.ts'
import { END_OF_TIME, isDate, MAX_TIMESTAMP, timestamp, toISO, type TimeLike } from './timestamp.ts'

// The getters of all typed arrays, taken once: a subclass that overrides them never runs.
const typedArrayPrototype: object = Object.getPrototypeOf(Uint8Array.prototype) as object
const classOf = getter(Symbol.toStringTag) as (this: unknown) => string | undefined
const lengthOf = getter('length') as (this: unknown) => number

/**
 * How many samples `input` holds, without converting any: the length of an array, 1 for a value.
 * @param channel the channel that an error names.
 * @throws ValidationError for what can be neither an array of samples nor one.
 */
export function sampleCount(type: DataType, input: unknown, channel?: string): number {
  if (typeof input === 'number' || typeof input === 'bigint') return 1
  if (typeof input === 'boolean' || typeof input === 'string') return 1
  if (typeof input === 'object' && input !== null) {
    if (classOf.call(input) !== undefined) return lengthOf.call(input)
    if (Array.isArray(input)) return listLength(channel, type, input)
    if (isDate(input)) return 1
  }
  return refuseInput(channel, type, input)
}

/**
 * Copies the samples of `input`, an array or a single value, to `target[at]` and on.
 * @param target the natural array of `type`; neither shared with the user nor yet visible to anyone.
 * @returns how many samples it were; what counts, whatever an earlier `sampleCount` said.
 * @throws ValidationError naming the channel, the position and the value that does not fit, or where
 * the samples are more than the target has room for: the input grew after it was counted.
 */
export function encodeSamples(
  channel: string,
  type: DataType,
  input: unknown,
  target: NumericArray,
  at: number,
): number {
  if (typeof input === 'object' && input !== null) {
    const className = classOf.call(input)
    if (className !== undefined)
      return encodeTyped(channel, type, className, input as NumericArray, target, at)
    if (Array.isArray(input)) return encodeList(channel, type, input, target, at)
  }
  if (at >= target.length) refuseRoom(channel, 1)
  storeSample(channel, type, input, target, at, 0)
  return 1
}

/**
 * Finds where the times at positions `from` to `to - 1` stop increasing strictly. The one at `from` is
 * only what the next is compared with.
 * @returns the position of the first that is not greater than the one before it, -1 where none is.
 */
export function assertIncreasing(channel: string, times: BigInt64Array, from: number, to: number): number {
  assert(from >= 0 && to <= times.length, `the times of channel "${channel}" lie inside their array`)
  // Elements are compared where they lie: a bigint kept in a variable costs an allocation each.
  for (let i = from + 1; i < to; i++) if (times[i - 1]! >= times[i]!) return i
  return -1
}

function encodeTyped(
  channel: string,
  type: DataType,
  className: string,
  input: NumericArray,
  target: NumericArray,
  at: number,
): number {
  const count = lengthOf.call(input)
  if (count > target.length - at) refuseRoom(channel, count)
  if (count === 0) return 0
  if (className === arrayName(type)) {
    copySamples(input, target, at)
    // The copy is checked, not the input: that may be shared with another thread.
    if (type === 'boolean') checkBooleans(channel, target as Uint8Array, at, count)
    else if (type === 'timestamp') checkTimestamps(channel, target as BigInt64Array, at, count)
    return count
  }
  const wide = className === 'BigInt64Array' || className === 'BigUint64Array'
  const narrowed = wide && isNarrowInteger(type)
  for (let i = 0; i < count; i++) {
    const value = input[i]
    // A number that far out of range need not be exact to be refused.
    storeSample(channel, type, narrowed ? Number(value) : value, target, at + i, i)
  }
  return count
}

function encodeList(
  channel: string,
  type: DataType,
  input: readonly unknown[],
  target: NumericArray,
  at: number,
): number {
  const count = listLength(channel, type, input)
  if (count > target.length - at) refuseRoom(channel, count)
  for (let i = 0; i < count; i++) storeSample(channel, type, input[i], target, at + i, i)
  return count
}

/** One call for all samples; both are of the same class. */
function copySamples(input: NumericArray, target: NumericArray, at: number): void {
  ;(target as Uint8Array).set(input as Uint8Array, at)
}

/**
 * Checks one value and stores it. Each type has a store of its own, so that the engine compiles each
 * for one kind of array.
 */
function storeSample(
  channel: string,
  type: DataType,
  value: unknown,
  target: NumericArray,
  at: number,
  position: number,
): void {
  switch (type) {
    case 'float64':
      if (typeof value !== 'number') refuse(channel, type, value, position)
      ;(target as Float64Array)[at] = value
      return
    case 'timestamp':
      ;(target as BigInt64Array)[at] = timeOf(channel, value, position)
      return
    case 'float32':
      if (typeof value !== 'number') refuse(channel, type, value, position)
      if (Number.isFinite(value) && !Number.isFinite(Math.fround(value)))
        refuse(channel, type, value, position)
      ;(target as Float32Array)[at] = value
      return
    case 'int64':
      if (typeof value === 'bigint' && BigInt.asIntN(64, value) === value)
        (target as BigInt64Array)[at] = value
      else if (Number.isSafeInteger(value)) (target as BigInt64Array)[at] = BigInt(value as number)
      else refuse(channel, type, value, position)
      return
    case 'uint64':
      if (typeof value === 'bigint' && BigInt.asUintN(64, value) === value)
        (target as BigUint64Array)[at] = value
      else if (Number.isSafeInteger(value) && (value as number) >= 0) {
        ;(target as BigUint64Array)[at] = BigInt(value as number)
      } else refuse(channel, type, value, position)
      return
    case 'int32':
      if (!isIntegerIn(value, -0x8000_0000, 0x7fff_ffff)) refuse(channel, type, value, position)
      ;(target as Int32Array)[at] = value
      return
    case 'int16':
      if (!isIntegerIn(value, -0x8000, 0x7fff)) refuse(channel, type, value, position)
      ;(target as Int16Array)[at] = value
      return
    case 'int8':
      if (!isIntegerIn(value, -0x80, 0x7f)) refuse(channel, type, value, position)
      ;(target as Int8Array)[at] = value
      return
    case 'uint32':
      if (!isIntegerIn(value, 0, 0xffff_ffff)) refuse(channel, type, value, position)
      ;(target as Uint32Array)[at] = value
      return
    case 'uint16':
      if (!isIntegerIn(value, 0, 0xffff)) refuse(channel, type, value, position)
      ;(target as Uint16Array)[at] = value
      return
    case 'uint8':
      if (!isIntegerIn(value, 0, 0xff)) refuse(channel, type, value, position)
      ;(target as Uint8Array)[at] = value
      return
    case 'boolean':
      if (value === true || value === 1) (target as Uint8Array)[at] = 1
      else if (value === false || value === 0) (target as Uint8Array)[at] = 0
      else refuse(channel, type, value, position)
      return
    default:
      unreachable(type)
  }
}

function timeOf(channel: string, value: unknown, position: number): bigint {
  let time: bigint
  try {
    time = timestamp(value as TimeLike)
  } catch (cause) {
    if (!(cause instanceof ValidationError)) throw cause
    throw new ValidationError(`Channel "${channel}", sample ${position}: ${cause.message}`, {
      channel,
      cause,
    })
  }
  if (time > MAX_TIMESTAMP) refuse(channel, 'timestamp', time, position)
  return time
}

function checkBooleans(channel: string, copy: Uint8Array, at: number, count: number): void {
  for (let i = 0; i < count; i++) if (copy[at + i]! > 1) refuse(channel, 'boolean', copy[at + i], i)
}

function checkTimestamps(channel: string, copy: BigInt64Array, at: number, count: number): void {
  // Only one value of an int64 is no time of a sample, and a native search for it beats comparing each.
  const position = copy.subarray(at, at + count).indexOf(END_OF_TIME)
  if (position >= 0) refuse(channel, 'timestamp', END_OF_TIME, position)
}

function isIntegerIn(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most
}

/** Integers of up to 32 bits, and booleans. */
function isNarrowInteger(type: DataType): boolean {
  switch (type) {
    case 'float64':
    case 'float32':
    case 'timestamp':
    case 'int64':
    case 'uint64':
      return false
    default:
      return true
  }
}

function listLength(channel: string | undefined, type: DataType, list: readonly unknown[]): number {
  const length: unknown = list.length
  // Only a proxy's length can be anything but a small integer.
  if (!Number.isSafeInteger(length) || (length as number) < 0) refuseInput(channel, type, list)
  return length as number
}

const TAKES: Readonly<Record<DataType, string>> = {
  timestamp: `times up to ${toISO(MAX_TIMESTAMP)}`,
  float64: 'numbers',
  float32: 'numbers that are not beyond what 32-bit floats reach (about 3.4e38)',
  int64: 'bigints and safe integers from -2^63 to 2^63 - 1',
  int32: 'whole numbers from -2147483648 to 2147483647',
  int16: 'whole numbers from -32768 to 32767',
  int8: 'whole numbers from -128 to 127',
  uint64: 'bigints and safe integers from 0 to 2^64 - 1',
  uint32: 'whole numbers from 0 to 4294967295',
  uint16: 'whole numbers from 0 to 65535',
  uint8: 'whole numbers from 0 to 255',
  boolean: 'true, false, 1 and 0',
}

function refuse(channel: string, type: DataType, value: unknown, position: number): never {
  const takes = `${type} takes ${TAKES[type]}`
  throw new ValidationError(
    `Channel "${channel}", sample ${position}: ${describeValue(value)} does not fit, ${takes}`,
    { channel },
  )
}

function refuseInput(channel: string | undefined, type: DataType, input: unknown): never {
  const where = channel === undefined ? 'A frame' : `Channel "${channel}"`
  throw new ValidationError(
    `${where}: ${describeValue(input)} holds no samples; give a typed array, an array or a single value ` +
      `(${type} takes ${TAKES[type]})`,
    channel === undefined ? {} : { channel },
  )
}

function refuseRoom(channel: string, count: number): never {
  throw new ValidationError(
    `Channel "${channel}": ${count} samples are more than there were when the frame was counted; ` +
      'leave arrays alone until write() returns',
    { channel },
  )
}

function getter(key: PropertyKey): (this: unknown) => unknown {
  const property = Object.getOwnPropertyDescriptor(typedArrayPrototype, key)
  // oxlint-disable-next-line typescript/unbound-method -- it is called with a `this` of its own
  return present(property?.get, `typed arrays have ${String(key)}`)
}

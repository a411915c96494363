// The types of samples: how wide each is, which typed array holds it, and its code on disk. Codes are
// part of the format: they never change meaning, new types take new ones. All types here have a fixed
// width; those of variable length will be told apart by a code of their own. Called by every layer
// that moves samples.

import { assert } from '../assert.ts'

/** The natural typed array of each type. */
export interface TypedArrays {
  /** Nanoseconds since 1970-01-01T00:00:00Z. */
  timestamp: BigInt64Array
  /** Double precision. */
  float64: Float64Array
  /** Single precision. */
  float32: Float32Array
  /** Signed, 8 bytes. */
  int64: BigInt64Array
  /** Signed, 4 bytes. */
  int32: Int32Array
  /** Signed, 2 bytes. */
  int16: Int16Array
  /** Signed, 1 byte. */
  int8: Int8Array
  /** Unsigned, 8 bytes. */
  uint64: BigUint64Array
  /** Unsigned, 4 bytes. */
  uint32: Uint32Array
  /** Unsigned, 2 bytes. */
  uint16: Uint16Array
  /** Unsigned, 1 byte. */
  uint8: Uint8Array
  /** 0 and 1. */
  boolean: Uint8Array
}

/** Name of a type of samples. */
export type DataType = keyof TypedArrays

/** The typed array that holds samples of type `T`. */
export type TypedArrayOf<T extends DataType> = TypedArrays[T]

/** What one sample of type `T` reads as: a bigint for the 64-bit integers and times, else a number. */
export type SampleOf<T extends DataType> = TypedArrayOf<T>[number]

/** Any array that holds samples. */
export type NumericArray = TypedArrays[DataType]

/** Bytes of one sample. */
export type ByteWidth = 1 | 2 | 4 | 8

interface TypeTraits {
  /** On disk; 0 is never a type. */
  readonly code: number
  readonly width: ByteWidth
  readonly array: {
    readonly name: string
    new (length: number): NumericArray
    new (buffer: ArrayBufferLike, byteOffset: number, length: number): NumericArray
  }
}

const TRAITS: Readonly<Record<DataType, TypeTraits>> = {
  timestamp: { code: 1, width: 8, array: BigInt64Array },
  float64: { code: 2, width: 8, array: Float64Array },
  float32: { code: 3, width: 4, array: Float32Array },
  int64: { code: 4, width: 8, array: BigInt64Array },
  int32: { code: 5, width: 4, array: Int32Array },
  int16: { code: 6, width: 2, array: Int16Array },
  int8: { code: 7, width: 1, array: Int8Array },
  uint64: { code: 8, width: 8, array: BigUint64Array },
  uint32: { code: 9, width: 4, array: Uint32Array },
  uint16: { code: 10, width: 2, array: Uint16Array },
  uint8: { code: 11, width: 1, array: Uint8Array },
  boolean: { code: 12, width: 1, array: Uint8Array },
}

// Samples go to disk as the typed arrays hold them, and the format is little-endian.
assert(new Uint8Array(Uint16Array.of(1).buffer)[0] === 1, 'the host is little-endian')

/** All types, in the order of their codes. */
export const DATA_TYPES: readonly DataType[] = Object.freeze(Object.keys(TRAITS) as DataType[])

/** Whether `value` names a type. */
export function isDataType(value: unknown): value is DataType {
  return typeof value === 'string' && Object.hasOwn(TRAITS, value)
}

/** Bytes of one sample of `type`. */
export function byteWidth(type: DataType): ByteWidth {
  return TRAITS[type].width
}

/** The code of `type` on disk: 1 to 12. */
export function typeCode(type: DataType): number {
  return TRAITS[type].code
}

/** The type whose code on disk is `code`, `undefined` where there is none (damage, or a newer format). */
export function typeOfCode(code: number): DataType | undefined {
  return DATA_TYPES.find((type) => TRAITS[type].code === code)
}

/** Name of the natural array's class, such as `Float64Array`. */
export function arrayName(type: DataType): string {
  return TRAITS[type].array.name
}

/** A new array of zeroes for `length` samples. */
export function createArray<T extends DataType>(type: T, length: number): TypedArrayOf<T> {
  return new TRAITS[type].array(length) as TypedArrayOf<T>
}

/**
 * A view of `length` samples that begin at byte `byteOffset` of `buffer`, which must be a multiple of
 * the type's width. @throws RangeError where it is not, or where the buffer is shorter.
 */
export function viewArray<T extends DataType>(
  type: T,
  buffer: ArrayBufferLike,
  byteOffset: number,
  length: number,
): TypedArrayOf<T> {
  return new TRAITS[type].array(buffer, byteOffset, length) as TypedArrayOf<T>
}

// Arrays that hold the samples of a type, as the library takes them. Pure.

import type { DataType, NumericArray } from '../../index.ts'

/** Bytes of a sample. */
export function widthOf(type: DataType): number {
  return arrayOf(type, 0).BYTES_PER_ELEMENT
}

/** An array for `length` samples of a type. */
export function arrayOf(type: DataType, length: number): NumericArray {
  switch (type) {
    case 'timestamp':
    case 'int64':
      return new BigInt64Array(length)
    case 'uint64':
      return new BigUint64Array(length)
    case 'float64':
      return new Float64Array(length)
    case 'float32':
      return new Float32Array(length)
    case 'int32':
      return new Int32Array(length)
    case 'int16':
      return new Int16Array(length)
    case 'int8':
      return new Int8Array(length)
    case 'uint32':
      return new Uint32Array(length)
    case 'uint16':
      return new Uint16Array(length)
    case 'uint8':
    case 'boolean':
      return new Uint8Array(length)
  }
}

import { describe, expect, it } from 'vitest'
import {
  arrayName,
  byteWidth,
  createArray,
  DATA_TYPES,
  isDataType,
  typeCode,
  typeOfCode,
  viewArray,
} from '../../../src/telem/data-type.ts'

describe('data types', () => {
  it('keep their codes on disk', () => {
    expect(Object.fromEntries(DATA_TYPES.map((type) => [type, typeCode(type)]))).toEqual({
      timestamp: 1,
      float64: 2,
      float32: 3,
      int64: 4,
      int32: 5,
      int16: 6,
      int8: 7,
      uint64: 8,
      uint32: 9,
      uint16: 10,
      uint8: 11,
      boolean: 12,
    })
  })

  it('are found by their code, and nothing by any other', () => {
    for (const type of DATA_TYPES) expect(typeOfCode(typeCode(type))).toBe(type)
    expect([0, 13, -1, 1.5, 255, Number.NaN].map((code) => typeOfCode(code))).toEqual(
      Array(6).fill(undefined),
    )
  })

  it('are told from other names', () => {
    expect(DATA_TYPES.every((type) => isDataType(type))).toBe(true)
    expect(['uuid', 'toString', '__proto__', '', null, 2].some((name) => isDataType(name))).toBe(false)
  })

  it.each([...DATA_TYPES])('%s has an array of its width', (type) => {
    const array = createArray(type, 3)
    expect(array.length).toBe(3)
    expect(array.BYTES_PER_ELEMENT).toBe(byteWidth(type))
    expect(array.constructor.name).toBe(arrayName(type))
    const buffer = new ArrayBuffer(64)
    const view = viewArray(type, buffer, 16, 4)
    expect([view.buffer, view.byteOffset, view.length]).toEqual([buffer, 16, 4])
    expect(view.constructor).toBe(array.constructor)
  })

  it('views no bytes beyond the buffer and none that are not aligned', () => {
    expect(() => viewArray('int32', new ArrayBuffer(8), 0, 3)).toThrow(RangeError)
    expect(() => viewArray('int32', new ArrayBuffer(8), 2, 1)).toThrow(RangeError)
  })
})

// The short list answers as the pointer table does.

import { describe, expect, it } from 'vitest'
import { AssertionError } from '../../../src/assert.ts'
import { ShortPointerList } from '../../../src/domain/pointer-list.ts'
import { PointerTable } from '../../../src/version/pointer-table.ts'
import { pointerTo } from '../../support/pointers.ts'

describe('a short pointer list', () => {
  it.each([
    ['few', [pointerTo(-5, 3), pointerTo(0, 1), pointerTo(1, 4, { joined: true }), pointerTo(100, 7)]],
    ['many', Array.from({ length: 20 }, (_, i) => pointerTo(5 * i, 1 + (i % 5)))],
  ])('answers as a pointer table of the same %s pointers', (_, pointers) => {
    const list = new ShortPointerList(pointers)
    const table = PointerTable.from(pointers)
    expect([list.length, list.samples]).toEqual([table.length, table.samples])
    for (let time = -7n; time < 110n; time++) expect(list.lowerBound(time)).toBe(table.lowerBound(time))
    for (let p = 0; p <= pointers.length; p++) expect(list.samplesBefore(p)).toBe(table.samplesBefore(p))
    for (let n = 0; n < list.samples; n++) expect(list.positionOfSample(n)).toEqual(table.positionOfSample(n))
    for (const beyond of [-1, list.samples])
      expect(() => list.positionOfSample(beyond)).toThrow(AssertionError)
    for (let p = 0; p < pointers.length; p++) {
      expect(list.get(p)).toEqual(table.get(p))
      expect([list.startAt(p), list.endAt(p)]).toEqual([table.startAt(p), table.endAt(p)])
    }
  })
})

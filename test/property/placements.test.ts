// Where a flush wrote rows, against a list of every single row: whatever strips they came from, however they were
// spread over extents, and however the layouts of channels are shared.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Placements } from '../../src/database/placements.ts'
import type { RowsToPlace } from '../../src/database/placements.ts'
import type { Strip } from '../../src/domain/tail.ts'
import { stripOf } from '../support/pointers.ts'
import { propertyOptions } from '../support/seeds.ts'

const ROWS = 12

/** Strip i has its rows from i * 100 on. */
function strips(count: number): Strip[] {
  return Array.from({ length: count }, (_, i) =>
    stripOf(Array.from({ length: ROWS }, (_, row) => i * 100 + 3 * row)),
  )
}

/** Pieces of a channel: of each strip the rows between cuts, and whether an extent ends behind each. */
const anyChannel = fc.array(
  fc.array(fc.record({ from: fc.nat(ROWS), to: fc.nat(ROWS), ends: fc.boolean() }), { maxLength: 3 }),
  { minLength: 12, maxLength: 12 },
)

interface Row {
  readonly offset: number
  readonly skip: number
}

describe('what a flush wrote', () => {
  it('is found for any rows of any channel', () => {
    fc.assert(
      fc.property(fc.array(anyChannel, { minLength: 1, maxLength: 3 }), fc.nat(3), (plans, likeBefore) => {
        const all = strips(12)
        const placements = new Placements()
        const rowsOf = new Map<string, Row>()
        let offset = 64
        // Channels that lie as others do share what is said of them.
        const channels = [...plans, ...plans.slice(0, likeBefore)]
        channels.forEach((plan, key) => {
          let pending: RowsToPlace[] = []
          const end = (): void => {
            if (pending.length === 0) return
            const count = pending.reduce((sum, { from, to }) => sum + to - from, 0)
            const extent = { segment: 1, offset, length: count * 8, count, settling: undefined }
            placements.add(key, extent, pending)
            let skip = 0
            for (const { strip, from, to } of pending)
              for (let row = from; row < to; row++)
                rowsOf.set(`${key}:${all.indexOf(strip)}:${row}`, { offset, skip: skip++ })
            offset += count * 8
            pending = []
          }
          plan.forEach((pieces, i) => {
            let cursor = 0
            for (const { from, to, ends } of pieces) {
              const begin = Math.max(cursor, from)
              if (begin < to) pending.push({ strip: all[i]!, from: begin, to })
              cursor = Math.max(cursor, to)
              if (ends) end()
            }
          })
          end()
        })
        channels.forEach((_, key) => {
          all.forEach((strip, i) => {
            for (const [from, to] of [
              [0, ROWS],
              [3, 8],
            ] as const) {
              const pointers = placements.findIn(strip, strip.times.slice())(key, from, to, false)
              const found = new Map<number, Row>()
              for (const { start, end, offset: at, skip, count } of pointers) {
                const first = strip.times.indexOf(start)
                expect(strip.times[first + count - 1]! + 1n).toBe(end)
                for (let n = 0; n < count; n++) found.set(first + n, { offset: at, skip: skip + n })
              }
              const expected = new Map<number, Row>()
              for (let row = from; row < to; row++) {
                const placed = rowsOf.get(`${key}:${i}:${row}`)
                if (placed !== undefined) expected.set(row, placed)
              }
              expect(found).toEqual(expected)
            }
          })
        })
      }),
      propertyOptions(100),
    )
  })

  it('says of the first row alone whether it goes on with what is before', () => {
    const [strip] = strips(1)
    const placements = new Placements()
    const extentAt = (offset: number): Parameters<Placements['add']>[1] => ({
      segment: 1,
      offset,
      length: 48,
      count: 6,
      settling: undefined,
    })
    placements.add(1, extentAt(64), [{ strip: strip!, from: 0, to: 6 }])
    placements.add(1, extentAt(112), [{ strip: strip!, from: 6, to: 12 }])
    const find = placements.findIn(strip!, strip!.times)
    expect(find(1, 2, 12, false).map(({ joined, count }) => [joined, count])).toEqual([
      [false, 4],
      [true, 6],
    ])
    expect(find(1, 2, 12, true).map(({ joined }) => joined)).toEqual([true, true])
  })
})

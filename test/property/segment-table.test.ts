// The segments of a version against a plain map: every version stays what it was, whatever becomes of the next.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AssertionError } from '../../src/assert.ts'
import { SegmentTable } from '../../src/version/segment-table.ts'
import type { SegmentEntry } from '../../src/version/segment-table.ts'
import { propertyOptions } from '../support/seeds.ts'

/** Of two epochs, as ids are. */
const id = fc
  .tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 0, max: 400 }))
  .map(([epoch, number]) => epoch * 2 ** 32 + number)

/** One edit: segments that come or change, or go, side by side as a log makes them. */
const stretch = fc
  .tuple(id, fc.integer({ min: 1, max: 200 }), fc.boolean())
  .map(([first, count, comes]) =>
    Array.from({ length: count }, (_, i): [number, boolean] => [first + i, comes]),
  )

const few = fc.array(fc.tuple(id, fc.boolean()), { maxLength: 5 })

const edits = fc.array(fc.oneof(few, stretch), { maxLength: 30 })

describe('the segments of a version', () => {
  // 0003-I3
  it('are what a map holds, in order, and no edit changes the version before it', () => {
    fc.assert(
      fc.property(edits, (lists) => {
        let table = SegmentTable.empty
        let model = new Map<number, SegmentEntry>()
        const kept: { table: SegmentTable; model: Map<number, SegmentEntry> }[] = []
        let live = 0
        for (const list of lists) {
          const changes = list.map(([segment, comes]): [number, SegmentEntry | undefined] => [
            segment,
            comes ? { size: 4096, live: live++ } : undefined,
          ])
          kept.push({ table, model })
          table = table.with(changes)
          model = new Map(model)
          for (const [segment, entry] of changes) {
            if (entry === undefined) model.delete(segment)
            else model.set(segment, entry)
          }
          table.check()
          expect(table.size).toBe(model.size)
          const sorted = [...model].sort(([a], [b]) => a - b)
          expect([...table.entries()]).toEqual(sorted)
          expect([...table.ids()]).toEqual(sorted.map(([segment]) => segment))
          for (const [segment] of list) {
            expect(table.get(segment)).toBe(model.get(segment))
            expect(table.get(segment + 1)).toBe(model.get(segment + 1))
          }
        }
        for (const old of kept) {
          expect([...old.table.entries()]).toEqual([...old.model].sort(([a], [b]) => a - b))
          const changed = [...old.model]
            .filter(([segment, entry]) => model.get(segment) !== entry)
            .sort(([a], [b]) => a - b)
            .map(([segment, entry]) => [segment, entry, model.get(segment)])
          expect([...old.table.changedIn(table)]).toEqual(changed)
        }
      }),
      propertyOptions(60),
    )
  })

  it('share what an edit does not touch', () => {
    const entry = { size: 4096, live: 0 }
    const table = SegmentTable.from(Array.from({ length: 4000 }, (_, i) => [i, entry]))
    const after = table.with([[2000, { size: 4096, live: 1 }]])
    // Where two differ is found without looking at what they share.
    expect([...table.changedIn(after)]).toEqual([[2000, entry, { size: 4096, live: 1 }]])
    expect(table.with([])).toBe(table)
    expect(table.with(Array.from({ length: 4000 }, (_, i) => [i, undefined]))).toBe(SegmentTable.empty)
  })

  it('have ids that are safe integers', () => {
    expect(() => SegmentTable.empty.with([[-1, { size: 1, live: 0 }]])).toThrow(AssertionError)
    expect(() => SegmentTable.empty.with([[0.5, undefined]])).toThrow(AssertionError)
  })
})

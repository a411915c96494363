// planMoves: where today's pointers into copied extents lie now. Pure: no disk.

import { describe, expect, it } from 'vitest'
import { Moves, planMoves } from '../../../src/database/collection/moves.ts'
import { apply } from '../../../src/version/apply.ts'
import type { Pointer } from '../../../src/version/pointer.ts'
import { pointerTo, versionWith } from '../../support/pointers.ts'

const TO = { segment: 9, offset: 64, length: 400, count: 20 }

/** Ten samples each of two extents of segment 1, copied side by side into one of segment 9. */
function moves(one: Pointer, two: Pointer): Moves {
  const made = new Moves()
  made.add(one, TO, 0)
  made.add(two, TO, 10)
  return made
}

function moved(pointers: readonly Pointer[], how: Moves): Pointer[] {
  const version = versionWith({ 1: pointers })
  const changes = planMoves(1, version.pointers.get(1), how)
  const table = (
    changes.length === 0 ? version : apply(version, { kind: 'relocate', changes }, 1)
  ).pointers.get(1)
  return [...table.slice(0, table.length)]
}

const one = pointerTo(0, 10)
const two = pointerTo(20, 10, { joined: true })
const other = pointerTo(40, 10, { segment: 5 })

describe('the plan of moves', () => {
  it('merges neighbours of one domain that lie side by side in the new extent', () => {
    expect(moved([one, two, other], moves(one, two))).toEqual([
      { ...pointerTo(0, 20), end: 30n, segment: 9, offset: 64, length: 400, skip: 0, live: 400 },
      other,
    ])
  })

  it('keeps apart what a delete has parted meanwhile', () => {
    const parted = { ...two, joined: false }
    expect(
      moved([one, parted], moves(one, two)).map(({ skip, count, joined }) => [skip, count, joined]),
    ).toEqual([
      [0, 10, false],
      [10, 10, false],
    ])
  })

  it('moves what deletes have left of a pointer, with its share of live bytes', () => {
    const left = { ...one, end: 4n, count: 4, live: 32 }
    const right = { ...two, start: 25n, skip: 5, count: 5, joined: false, live: 40 }
    expect(moved([left, right], moves(one, two))).toEqual([
      { ...left, segment: 9, offset: 64, length: 400, skip: 0, live: 80 },
      { ...right, segment: 9, offset: 64, length: 400, skip: 15, live: 100 },
    ])
  })

  it('leaves pointers that were not copied, also between others', () => {
    const refill = pointerTo(12, 2, { segment: 5 })
    const parted = { ...two, joined: false }
    const result = moved([one, refill, parted, other], moves(one, two))
    expect(result.map(({ segment, start }) => [segment, start])).toEqual([
      [9, 0n],
      [5, 12n],
      [9, 20n],
      [5, 40n],
    ])
  })

  it('looks only at pointers between the first and the last that was copied', () => {
    const last = pointerTo(60, 10)
    const table = versionWith({ 1: [one, two, other, last] }).pointers.get(1)
    expect(moves(two, other).within(table)).toEqual({ from: 1, to: 3 })
    expect(moves(other, two).within(table)).toEqual({ from: 1, to: 3 })
    expect(new Moves().within(table)).toEqual({ from: 0, to: 0 })
  })

  it('is empty where nothing is left to move', () => {
    expect(planMoves(1, versionWith({ 1: [other] }).pointers.get(1), moves(one, two))).toEqual([])
  })
})

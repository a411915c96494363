// planMoves: where today's pointers into copied extents lie now. Pure: no disk.

import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/clock.ts'
import { Moves, planMoves } from '../../../src/database/collection/moves.ts'
import { Turns } from '../../../src/database/turns.ts'
import { apply } from '../../../src/version/apply.ts'
import type { Pointer } from '../../../src/version/pointer.ts'
import { pointerTo, versionWith } from '../../support/pointers.ts'

const TO = { segment: 9, offset: 64, length: 400, count: 20, settling: undefined }

/** Ten samples each of two extents of segment 1, copied side by side into one of segment 9. */
function moves(one: Pointer, two: Pointer): Moves {
  const made = new Moves()
  made.add(one, TO, 0)
  made.add(two, TO, 10)
  return made
}

const turns = new Turns(systemClock)

async function moved(pointers: readonly Pointer[], how: Moves): Promise<Pointer[]> {
  const version = versionWith({ 1: pointers })
  const changes = await planMoves(turns, 1, version.pointers.get(1), how)
  const table = (
    changes.length === 0 ? version : apply(version, { kind: 'relocate', changes }, 1)
  ).pointers.get(1)
  return [...table.slice(0, table.length)]
}

/** Times of the samples that pointers reach in [start, end). */
function timesOf(pointers: readonly Pointer[], start: bigint, end: bigint): number[] {
  return pointers
    .filter((pointer) => pointer.start >= start && pointer.end <= end)
    .flatMap((pointer) => Array.from({ length: pointer.count }, (_, k) => Number(pointer.start) + k))
}

const one = pointerTo(0, 10)
const two = pointerTo(20, 10, { joined: true })
const other = pointerTo(40, 10, { segment: 5 })

describe('the plan of moves', () => {
  it('merges neighbours of one domain that lie side by side in the new extent', async () => {
    expect(await moved([one, two, other], moves(one, two))).toEqual([
      { ...pointerTo(0, 20), end: 30n, segment: 9, offset: 64, length: 400, skip: 0, live: 400 },
      other,
    ])
  })

  it('keeps apart what a delete has parted meanwhile', async () => {
    const parted = { ...two, joined: false }
    expect(
      (await moved([one, parted], moves(one, two))).map(({ skip, count, joined }) => [skip, count, joined]),
    ).toEqual([
      [0, 10, false],
      [10, 10, false],
    ])
  })

  it('moves what deletes have left of a pointer, with its share of live bytes', async () => {
    const left = { ...one, end: 4n, count: 4, live: 32 }
    const right = { ...two, start: 25n, skip: 5, count: 5, joined: false, live: 40 }
    expect(await moved([left, right], moves(one, two))).toEqual([
      { ...left, segment: 9, offset: 64, length: 400, skip: 0, live: 80 },
      { ...right, segment: 9, offset: 64, length: 400, skip: 15, live: 100 },
    ])
  })

  it('leaves pointers that were not copied, also between others', async () => {
    const refill = pointerTo(12, 2, { segment: 5 })
    const parted = { ...two, joined: false }
    const result = await moved([one, refill, parted, other], moves(one, two))
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
    expect(new Moves().within(table)).toEqual({ from: 0, to: 0 })
  })

  it('is empty where nothing is left to move', async () => {
    expect(await planMoves(turns, 1, versionWith({ 1: [other] }).pointers.get(1), moves(one, two))).toEqual(
      [],
    )
  })

  it('moves every sample to its own place, whatever was deleted and refilled meanwhile', async () => {
    const made = new Moves()
    /** By time: where each sample was copied to. */
    const places = new Map<number, readonly [offset: number, position: number]>()
    const today: Pointer[] = []
    for (let i = 0; i < 1000; i++) {
      const segment = 1 + (i % 40 < 20 ? 0 : i % 3)
      const old = pointerTo(20 * i, 10, { segment, joined: i % 100 > 0 })
      // Some are not copied: of another segment.
      const isCopied = segment !== 2
      const to = {
        segment: 9,
        offset: 64 + 8000 * Math.floor(i / 50),
        length: 8000,
        count: 500,
        settling: undefined,
      }
      if (isCopied) made.add(old, to, 10 * (i % 50))
      for (let k = 0; isCopied && k < 10; k++) places.set(20 * i + k, [to.offset, 10 * (i % 50) + k])
      if (i % 7 === 0) continue
      if (i % 5 === 0) {
        today.push({ ...old, end: BigInt(20 * i + 3), count: 3, live: 24 })
        today.push({ ...pointerTo(20 * i + 4, 2, { segment: 5 }), joined: false })
        const skip = { skip: 7, offset: old.offset, length: old.length }
        today.push({ ...pointerTo(20 * i + 7, 3, { segment }), ...skip, joined: false })
      } else today.push(old)
    }
    const result = await moved(today, made)
    expect(result.reduce((sum, { count }) => sum + count, 0)).toBe(
      today.reduce((sum, { count }) => sum + count, 0),
    )
    const stayed = result.filter(({ segment }) => segment !== 9)
    expect(stayed).toEqual(today.filter(({ segment }) => segment === 2 || segment === 5))
    const found = result.flatMap(({ segment, start, end, offset, skip }) =>
      segment === 9 ? timesOf(today, start, end).map((time, k) => [time, offset, skip + k]) : [],
    )
    expect(found.length).toBeGreaterThan(4000)
    expect(found).toEqual(found.map(([time]) => [time, ...places.get(time!)!]))
    const count = result.reduce((sum, pointer) => sum + (pointer.segment === 9 ? pointer.count : 0), 0)
    expect(found).toHaveLength(count)
  })

  it('moves what was copied in pieces to all of them, as far as deletes have left it', async () => {
    const whole = pointerTo(0, 30)
    const made = new Moves()
    for (const piece of [0, 1, 2]) {
      const to = { segment: 9, offset: 64 + 200 * piece, length: 200, count: 10, settling: undefined }
      const start = BigInt(10 * piece)
      made.add({ ...whole, start, end: start + 10n, skip: 10 * piece, count: 10, joined: piece > 0 }, to, 0)
    }
    const piecesOf = async (...pointers: Pointer[]): Promise<unknown[]> =>
      (await moved(pointers, made)).map((pointer) => [
        [pointer.start, pointer.end],
        [pointer.offset, pointer.skip, pointer.count, pointer.live],
        pointer.joined,
      ])
    expect(await piecesOf(whole)).toEqual([
      [[0n, 10n], [64, 0, 10, 200], false],
      [[10n, 20n], [264, 0, 10, 200], true],
      [[20n, 30n], [464, 0, 10, 200], true],
    ])
    const left = { ...whole, end: 4n, count: 4, live: 32 }
    const right = { ...whole, start: 15n, skip: 15, count: 15, live: 120 }
    expect(await piecesOf(left, right)).toEqual([
      [[0n, 4n], [64, 0, 4, 80], false],
      [[15n, 20n], [264, 5, 5, 100], false],
      [[20n, 30n], [464, 0, 10, 200], true],
    ])
    // Not all of it was copied: it stays where it is.
    expect(made.find({ ...whole, end: 31n, count: 31 })).toEqual([])
  })

  it('takes what was copied in order of time alone', () => {
    const made = new Moves()
    made.add(two, TO, 0)
    expect(() => made.add(one, TO, 10)).toThrow('in order of time')
  })
})

// What a record frees is noted in its step as far as that is short; the rest waits for a collection (0006-I9).

import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/clock.ts'
import { DeadSpace } from '../../../src/database/collection/dead-space.ts'
import { Turns } from '../../../src/database/turns.ts'
import { pointersOfRun } from '../../../src/domain/group.ts'
import type { Pointer } from '../../../src/version/pointer.ts'
import { PointerTableBuilder } from '../../../src/version/pointer-table.ts'
import { PointerTables } from '../../../src/version/pointer-tables.ts'
import { EMPTY_VERSION } from '../../../src/version/version.ts'
import type { Version } from '../../../src/version/version.ts'
import { deadRangesOf } from '../../support/dead-ranges.ts'
import { SHAPE } from '../../support/pointers.ts'
import { EXTENTS } from '../../support/tails.ts'

const SEGMENT = 2 ** 32 + 1
const LENGTH = 1000

function spaceFor(deadNotes: number): DeadSpace {
  return new DeadSpace({ deadNotes, freedAtOnce: 1024 })
}

/** Channels 1 to `keys`, each with `count` extents that lie behind each other. */
function versionOf(keys: number, count: number): Version {
  const tables = new Map<number, ReturnType<PointerTableBuilder['build']>>()
  for (let key = 1; key <= keys; key++) {
    const builder = new PointerTableBuilder()
    for (let i = 0; i < count; i++) builder.push(pointerAt(BigInt(i), ((key - 1) * count + i) * LENGTH))
    tables.set(key, builder.build())
  }
  return { ...EMPTY_VERSION, pointers: PointerTables.empty.setMany(tables) }
}

function pointerAt(start: bigint, offset: number): Pointer {
  const place = { segment: SEGMENT, offset, length: LENGTH, live: LENGTH }
  return { start, end: start + 1n, joined: false, ...place, skip: 0, count: 1 }
}

describe('what a record frees', () => {
  const keys = [1, 2, 3]
  const edits = {
    'a removal of channels': { kind: 'remove', keys },
    'a delete over channels': {
      kind: 'delete',
      changes: keys.map((key) => ({ key, goes: { first: 0n, last: 1999n, count: 2000 }, comes: [] })),
      tail: { start: 0n, end: 2000n, keys, extents: [], parted: [] },
    },
  } as const

  it.each(Object.entries(edits))('is looked at later where it is much in all: %s', async (_what, edit) => {
    const space = spaceFor(100_000)
    space.noteEdit(versionOf(3, 2000), edit, 7)
    expect(space.isBehind).toBe(true)
    await space.catchUp(new Turns(systemClock))
    expect(space.isBehind).toBe(false)
    expect(deadRangesOf(space, SEGMENT)).toEqual([{ start: 0, end: 6000 * LENGTH, lsn: 7 }])
  })

  it('is noted at once where it is little', () => {
    const space = spaceFor(100_000)
    space.noteEdit(versionOf(3, 500), { kind: 'remove', keys: [1, 3] }, 7)
    expect(space.isBehind).toBe(false)
    expect(deadRangesOf(space, SEGMENT).map(({ start, end }) => [start, end])).toEqual([
      [0, 500 * LENGTH],
      [1000 * LENGTH, 1500 * LENGTH],
    ])
  })

  it('is looked at once where two ask at once, and both wait for it', async () => {
    const space = spaceFor(100_000)
    space.noteEdit(versionOf(3, 2000), edits['a removal of channels'], 7)
    // Each look at the clock is 10 ms after the one before: the loop turns wherever it may.
    let ms = 0
    const turns = new Turns({ now: () => 0n, monotonicMs: () => (ms += 10) })
    const first = space.catchUp(turns)
    const second = space.catchUp(turns).then(() => space.isBehind)
    // What is published meanwhile is looked at as well, perhaps by another call.
    space.noteEdit(versionOf(3, 2000), { kind: 'remove', keys: [2] }, 9)
    await first
    expect(await second).toBe(false)
    expect(deadRangesOf(space, SEGMENT).reduce((sum, { start, end }) => sum + end - start, 0)).toBe(
      8000 * LENGTH,
    )
  })

  it('is in doubt or dead by what a delete left of extents in tails', async () => {
    const space = spaceFor(100_000)
    const cuts = Array.from({ length: 3000 }, (_, i) => {
      const gone = pointerAt(BigInt(i), i * LENGTH)
      return { key: 1 + (i % 3), gone, comes: i % 2 === 0 ? [] : [{ ...gone, live: 1 }] }
    })
    space.noteTailCuts(cuts, 7)
    expect(space.isBehind).toBe(true)
    await space.catchUp(new Turns(systemClock))
    expect(deadRangesOf(space, SEGMENT).map(({ start }) => start / LENGTH)).toEqual(
      cuts.flatMap((_, i) => (i % 2 === 0 ? [i] : [])),
    )
    expect(space.doubtsOf(SEGMENT)).toHaveLength(1500)
    expect(space.doubtAt(SEGMENT, LENGTH)).toEqual({ offset: LENGTH, length: LENGTH, channel: 2, lsn: 7 })
  })
})

describe('what lay in a long tail that is gone', () => {
  const places = (i: number): { segment: number; offset: number; length: number }[] =>
    [0, 1].map((k) => ({ segment: SEGMENT + k, offset: 2 * i * LENGTH, length: LENGTH }))
  const runs = Array.from({ length: 1500 }, (_, i) => {
    const first = BigInt(10 * i)
    return pointersOfRun(SHAPE, { ...EXTENTS, first, last: first + 9n, places: places(i) })
  })

  it('is found dead in slices', async () => {
    const space = spaceFor(100_000)
    space.noteTailDropped(runs, 7)
    expect(space.isBehind).toBe(true)
    expect(deadRangesOf(space, SEGMENT)).toEqual([])
    await space.catchUp(new Turns(systemClock))
    for (const segment of [SEGMENT, SEGMENT + 1])
      expect(deadRangesOf(space, segment)).toEqual(
        runs.map((_, i) => ({ start: 2 * i * LENGTH, end: (2 * i + 1) * LENGTH, lsn: 7 })),
      )
  })

  it('is searched for where it was forgotten before anybody looked', () => {
    const space = spaceFor(2999)
    space.noteTailDropped(runs, 7)
    expect(space.isBehind).toBe(false)
    expect([...space.unknown]).toEqual([
      [SEGMENT, 7],
      [SEGMENT + 1, 7],
    ])
  })
})

describe('what nobody collects', () => {
  const turns = new Turns(systemClock)
  const removal = { kind: 'remove', keys: [1] } as const

  it('is forgotten beyond a bound, but for where to search and up to which record', () => {
    const space = spaceFor(1000)
    for (let i = 0; i < 1000; i++) space.noteRange(SEGMENT, { start: 100 * i, end: 100 * i + 50, lsn: 5 + i })
    expect(deadRangesOf(space, SEGMENT)).toHaveLength(1000)
    expect(space.unknown.size).toBe(0)
    space.noteRange(SEGMENT, { start: 200_000, end: 200_050, lsn: 7 })
    expect(deadRangesOf(space, SEGMENT)).toEqual([])
    expect([...space.unknown]).toEqual([[SEGMENT, 1004]])
    // What comes from now on is noted again.
    space.noteRange(SEGMENT, { start: 300_000, end: 300_050, lsn: 2000 })
    expect(deadRangesOf(space, SEGMENT)).toHaveLength(1)
    expect([...space.unknown]).toEqual([[SEGMENT, 1004]])
  })

  it('counts doubts, and pointers of long records that were not looked at', () => {
    const doubts = spaceFor(10)
    for (let i = 0; i < 11; i++)
      doubts.raiseDoubt(1, { segment: SEGMENT + (i % 2), offset: i, length: 1 }, 3 + i)
    expect([...doubts.unknown]).toEqual([
      [SEGMENT, 13],
      [SEGMENT + 1, 12],
    ])
    expect([doubts.doubtsOf(SEGMENT), doubts.doubtsOf(SEGMENT + 1)]).toEqual([[], []])
    const long = spaceFor(5999)
    long.noteEdit(versionOf(3, 6000), removal, 7)
    expect(long.isBehind).toBe(false)
    expect([...long.unknown]).toEqual([[SEGMENT, 7]])
  })

  it('counts no more what is one range now, was settled, punched or dropped', async () => {
    const space = spaceFor(2000)
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 1500; i++)
        space.noteRange(SEGMENT, { start: 10 * i, end: 10 * i + 10, lsn: 1 + round })
      expect(deadRangesOf(space, SEGMENT)).toHaveLength(1)
      await space.take(SEGMENT, [{ start: 0, end: 15_000 }], turns)
      for (let i = 0; i < 1500; i++) space.raiseDoubt(1, { segment: SEGMENT, offset: i, length: 1 }, 3)
      for (let i = 0; i < 1500; i++) space.settleDoubt(SEGMENT, i)
      for (let i = 0; i < 1500; i++)
        space.noteRange(SEGMENT + 1, { start: 20 * i, end: 20 * i + 10, lsn: 1 + round })
      space.forget(SEGMENT + 1)
    }
    expect(space.unknown.size).toBe(0)
  })

  it('is kept while a collection uses it, and forgotten behind that', async () => {
    const space = spaceFor(1000)
    const use = space.use()
    space.noteEdit(versionOf(1, 6000), removal, 7)
    expect(space.isBehind).toBe(true)
    await space.catchUp(turns)
    expect(deadRangesOf(space, SEGMENT)).toEqual([{ start: 0, end: 6000 * LENGTH, lsn: 7 }])
    for (let i = 0; i < 1500; i++) space.noteRange(SEGMENT + 1, { start: 20 * i, end: 20 * i + 10, lsn: 8 })
    expect(deadRangesOf(space, SEGMENT + 1)).toHaveLength(1500)
    use[Symbol.dispose]()
    expect(new Map(space.unknown)).toEqual(
      new Map([
        [SEGMENT, 7],
        [SEGMENT + 1, 8],
      ]),
    )
  })
})

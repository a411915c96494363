// What a record frees is noted in its step as far as that is short; the rest waits for a collection (0006-I9).

import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/clock.ts'
import { DeadSpace } from '../../../src/database/collection/dead-space.ts'
import { Turns } from '../../../src/database/turns.ts'
import type { Pointer } from '../../../src/version/pointer.ts'
import { PointerTableBuilder } from '../../../src/version/pointer-table.ts'
import { PointerTables } from '../../../src/version/pointer-tables.ts'
import { EMPTY_VERSION } from '../../../src/version/version.ts'
import type { Version } from '../../../src/version/version.ts'

const SEGMENT = 2 ** 32 + 1
const LENGTH = 1000

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
    const space = new DeadSpace()
    space.noteEdit(versionOf(3, 2000), edit, 7)
    expect(space.isBehind).toBe(true)
    await space.catchUp(new Turns(systemClock))
    expect(space.isBehind).toBe(false)
    expect(space.deadOf(SEGMENT)).toEqual([{ start: 0, end: 6000 * LENGTH, lsn: 7 }])
  })

  it('is noted at once where it is little', () => {
    const space = new DeadSpace()
    space.noteEdit(versionOf(3, 1000), { kind: 'remove', keys: [1, 3] }, 7)
    expect(space.isBehind).toBe(false)
    expect(space.deadOf(SEGMENT).map(({ start, end }) => [start, end])).toEqual([
      [0, 1000 * LENGTH],
      [2000 * LENGTH, 3000 * LENGTH],
    ])
  })
})

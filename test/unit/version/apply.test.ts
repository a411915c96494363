// apply: what each edit does to a version, and what does not fit changes nothing.

import { describe, expect, it } from 'vitest'
import { AssertionError } from '../../../src/assert.ts'
import { apply } from '../../../src/version/apply.ts'
import type { Edit } from '../../../src/version/edit.ts'
import type { Pointer } from '../../../src/version/pointer.ts'
import { EMPTY_VERSION } from '../../../src/version/version.ts'
import type { Version } from '../../../src/version/version.ts'
import { DATA_CHANNEL, INDEX_CHANNEL, pointerTo, versionWith } from '../../support/pointers.ts'
import { rangesOf } from '../../support/holes.ts'

function pointers(version: Version, key: number): Pointer[] {
  const table = version.pointers.get(key)
  return [...table.slice(0, table.length)]
}

const THREE = [pointerTo(0, 4), pointerTo(10, 4), pointerTo(20, 4)]

describe('apply', () => {
  it('creates channels with new keys, redefines and removes them', () => {
    const created = apply(EMPTY_VERSION, { kind: 'create', channels: [INDEX_CHANNEL, DATA_CHANNEL] }, 1)
    expect(created).toMatchObject({ lsn: 1, nextKey: 3, channels: { 1: INDEX_CHANNEL, 2: DATA_CHANNEL } })
    const renamed = apply(created, { kind: 'redefine', channels: [{ ...DATA_CHANNEL, name: 'b' }] }, 2)
    expect(renamed.channels[2]?.name).toBe('b')
    const removed = apply(renamed, { kind: 'remove', keys: [2] }, 5)
    expect(removed).toMatchObject({ lsn: 5, nextKey: 3 })
    expect(Object.keys(removed.channels)).toEqual(['1'])
    expect(Object.keys(EMPTY_VERSION.channels)).toEqual([])
  })

  it('installs what a flush brings, and counts its segments', () => {
    const before = versionWith({ 1: THREE })
    const comes = [pointerTo(5, 2, { segment: 9, offset: 64, length: 100, live: 60 })]
    const after = apply(
      before,
      { kind: 'flush', groups: [{ key: 1, lsn: 8 }], changes: [{ key: 1, comes }] },
      9,
    )
    expect(pointers(after, 1)).toEqual([THREE[0], comes[0], THREE[1], THREE[2]])
    expect(after.segments.get(9)).toEqual({ size: 164, live: 60 })
    expect([...after.flushed.entries()]).toEqual([[1, 8]])
  })

  it('takes what a delete names, and keeps the balance of live bytes', () => {
    const before = versionWith({ 1: THREE })
    const goes = { first: 0n, last: 10n, count: 2 }
    const comes = [pointerTo(12, 2, { live: 16 })]
    const tail = { start: 0n, end: 0n, keys: [], extents: [], parted: [] }
    const after = apply(before, { kind: 'delete', changes: [{ key: 1, goes, comes }], tail }, 1)
    expect(pointers(after, 1)).toEqual([comes[0], THREE[2]])
    expect(after.segments.get(1)?.live).toBe(32 + 16)
  })

  // 0006-I8
  it('keeps what was punched, through everything that follows, until the segment is dropped', () => {
    const range = (start: number, end: number): { start: number; end: number } => ({ start, end })
    const punch = (...ranges: { start: number; end: number }[]): Edit => ({
      kind: 'punch',
      segments: [{ segment: 9, ranges }],
    })
    const comes = [pointerTo(5, 2, { segment: 9, offset: 64, length: 100, live: 100 })]
    const changes = [{ key: 1, comes }]
    let version = apply(versionWith({ 1: [] }), punch(range(4096, 8192)), 1)
    expect(version.segments.get(9)).toMatchObject({ size: 8192, live: 0, holes: { bytes: 4096 } })
    version = apply(version, { kind: 'flush', groups: [], changes }, 2)
    expect(version.segments.get(9)).toMatchObject({ size: 8192, live: 100, holes: { bytes: 4096 } })
    version = apply(version, punch(range(8192, 9000)), 3)
    expect(rangesOf(version.segments.get(9)!.holes)).toEqual([range(4096, 9000)])
    expect(() => apply(version, punch(range(8999, 9001)), 4)).toThrow('nothing is punched twice')
    version = apply(version, { kind: 'remove', keys: [1] }, 4)
    expect(version.segments.get(9)).toMatchObject({ live: 0, holes: { bytes: 4904 } })
    version = apply(version, { kind: 'drop', segments: [9] }, 5)
    expect(version.segments.get(9)).toBeUndefined()
    const full = apply(versionWith({ 1: [] }), { kind: 'flush', groups: [], changes }, 1)
    expect(() => apply(full, punch(range(0, 65)), 2)).toThrow('keeps a balance')
  })

  it('applies several changes of one channel in their order', () => {
    const before = versionWith({ 1: THREE })
    const changes = [
      { key: 1, goes: { first: 20n, last: 20n, count: 1 }, comes: [{ ...THREE[2]!, joined: true }] },
      { key: 1, goes: { first: 0n, last: 0n, count: 1 }, comes: [] },
    ]
    const after = apply(before, { kind: 'relocate', changes }, 1)
    expect(pointers(after, 1)).toEqual([THREE[1], { ...THREE[2], joined: true }])
  })

  it('frees what removed channels reached, and drops segments that are dead', () => {
    const before = versionWith({ 1: THREE, 2: [pointerTo(0, 4, { segment: 2 })] })
    const removed = apply(before, { kind: 'remove', keys: [2] }, 1)
    expect(removed.segments.get(2)?.live).toBe(0)
    const dropped = apply(removed, { kind: 'drop', segments: [2] }, 2)
    expect([...dropped.segments.ids()]).toEqual([1])
  })

  const tail = { start: 0n, end: 0n, keys: [], extents: [], parted: [] }
  it.each<{ what: string; edit: Edit }>([
    {
      what: 'a run of pointers that is not there',
      edit: {
        kind: 'delete',
        tail,
        changes: [{ key: 1, goes: { first: 1n, last: 1n, count: 1 }, comes: [] }],
      },
    },
    {
      what: 'a run with another end',
      edit: { kind: 'relocate', changes: [{ key: 1, goes: { first: 0n, last: 20n, count: 2 }, comes: [] }] },
    },
    {
      what: 'pointers over others',
      edit: { kind: 'flush', groups: [], changes: [{ key: 1, comes: [pointerTo(2, 3)] }] },
    },
    { what: 'a change of nothing', edit: { kind: 'relocate', changes: [{ key: 1, comes: [] }] } },
    { what: 'a key that was used', edit: { kind: 'create', channels: [INDEX_CHANNEL] } },
    { what: 'a channel that is not there', edit: { kind: 'remove', keys: [77] } },
    {
      what: 'another definition of no channel',
      edit: { kind: 'redefine', channels: [{ ...DATA_CHANNEL, key: 9 }] },
    },
    { what: 'a segment that lives', edit: { kind: 'drop', segments: [1] } },
  ])('refuses $what, and nothing has happened', ({ edit }) => {
    const before = versionWith({ 1: THREE })
    expect(() => apply(before, edit, 1)).toThrow(AssertionError)
    expect(pointers(before, 1)).toEqual(THREE)
    expect(before.lsn).toBe(0)
  })

  it('refuses an edit that is not newer than the version', () => {
    const version = apply(EMPTY_VERSION, { kind: 'drop', segments: [] }, 5)
    expect(() => apply(version, { kind: 'drop', segments: [] }, 5)).toThrow(AssertionError)
  })
})

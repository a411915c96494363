// The map from channel key to pointer table: persistence, growth in depth, pruning.

import { describe, expect, it } from 'vitest'
import { AssertionError } from '../../../src/assert.ts'
import { PointerTable } from '../../../src/version/pointer-table.ts'
import { PointerTables } from '../../../src/version/pointer-tables.ts'

function table(start: number): PointerTable {
  const end = BigInt(start) + 1n
  const place = { joined: false, segment: 0, offset: 0, length: 8, skip: 0, count: 1, live: 8 }
  return PointerTable.from([{ start: BigInt(start), end, ...place }])
}

const BORDERS = [1, 63, 64, 65, 4095, 4096, 262_143, 262_144, 2 ** 24, 2 ** 30 - 1]

describe('PointerTables', () => {
  it('gives the empty table for channels without pointers, however large the key', () => {
    for (const key of BORDERS) expect(PointerTables.empty.get(key)).toBe(PointerTable.empty)
    const one = PointerTables.empty.set(5, table(5))
    for (const key of BORDERS) expect(one.get(key)).toBe(PointerTable.empty)
  })

  it('keeps keys apart on both sides of every level, in whatever order they come', () => {
    for (const keys of [BORDERS, BORDERS.toReversed()]) {
      let map = PointerTables.empty
      for (const key of keys) map = map.set(key, table(key))
      for (const key of BORDERS) expect(map.get(key).startAt(0)).toBe(BigInt(key))
      expect([...map.keys()]).toEqual(BORDERS)
      expect([...map.entries()].map(([key, { length }]) => [key, length])).toEqual(
        BORDERS.map((key) => [key, 1]),
      )
      expect(map.size).toBe(BORDERS.length)
    }
  })

  it('leaves older versions as they were', () => {
    const versions = [PointerTables.empty]
    for (let key = 1; key <= 200; key++)
      versions.push((versions[key - 1] ?? PointerTables.empty).set(key, table(key)))
    const rewritten = (versions[200] ?? PointerTables.empty).setMany(
      Array.from({ length: 200 }, (_, i) => [i + 1, table(1000 + i)] as const),
    )
    for (const [size, version] of versions.entries()) {
      expect(version.size).toBe(size)
      expect([...version.keys()]).toEqual(Array.from({ length: size }, (_, i) => i + 1))
    }
    expect(versions[200]?.get(100).startAt(0)).toBe(100n)
    expect(rewritten.get(100).startAt(0)).toBe(1099n)
  })

  it('counts a key once, and takes the last of several tables for it', () => {
    const map = PointerTables.empty.setMany([
      [7, table(1)],
      [9, table(2)],
      [7, table(3)],
    ])
    expect(map.size).toBe(2)
    expect(map.get(7).startAt(0)).toBe(3n)
  })

  it('takes a map of changes, deletions among them, in one step', () => {
    const before = PointerTables.empty.setMany([
      [1, table(1)],
      [100, table(100)],
      [5000, table(5000)],
    ])
    const after = before.setMany(
      new Map([
        [1, PointerTable.empty],
        [2, table(2)],
        [5000, PointerTable.empty],
      ]),
    )
    expect([...after.keys()]).toEqual([2, 100])
    expect([...before.keys()]).toEqual([1, 100, 5000])
  })

  it('has no entry for a channel that lost its pointers, by delete or by an empty table', () => {
    const map = PointerTables.empty.set(1, table(1)).set(70, table(70))
    expect([...map.delete(70).keys()]).toEqual([1])
    expect([...map.set(1, PointerTable.empty).keys()]).toEqual([70])
    expect(map.delete(70).delete(1)).toBe(PointerTables.empty)
  })

  it('is itself where nothing changes', () => {
    const kept = table(1)
    const map = PointerTables.empty.set(1, kept)
    expect(map.set(1, kept)).toBe(map)
    expect(map.delete(2)).toBe(map)
    expect(map.delete(2 ** 29)).toBe(map)
    expect(map.setMany([])).toBe(map)
  })

  it('refuses keys that no channel has', () => {
    for (const key of [0, -1, 1.5, Number.NaN, 2 ** 30, 2 ** 40]) {
      expect(() => PointerTables.empty.get(key)).toThrow(AssertionError)
      expect(() => PointerTables.empty.set(key, table(1))).toThrow(AssertionError)
    }
  })
})

// walkPointers: a channel of many pointers does not hold the event loop.

import { describe, expect, it } from 'vitest'
import { Turns } from '../../../src/database/turns.ts'
import { stretchesReaching, walkPointers } from '../../../src/database/walk-pointers.ts'
import { PointerTable } from '../../../src/version/pointer-table.ts'
import { pointerTo } from '../../support/pointers.ts'

const table = PointerTable.from(Array.from({ length: 10_000 }, (_, i) => pointerTo(10 * i, 10)))

/** A clock by which every look takes this long. */
function turns(lookMs: number): Turns {
  let ms = 0
  return new Turns({ now: () => 0n, monotonicMs: () => (ms += lookMs) })
}

describe('a walk over the pointers of a channel', () => {
  it('visits every pointer in order', async () => {
    const starts: bigint[] = []
    await walkPointers(turns(0), table, ({ start }) => starts.push(start))
    expect(starts).toEqual(Array.from({ length: 10_000 }, (_, i) => BigInt(10 * i)))
  })

  it('lets the event loop turn where it is due', async () => {
    let turned = 0
    let visited = 0
    const seen: number[] = []
    const turn = (): void => {
      turned++
      seen.push(visited)
      if (visited < table.length) setImmediate(turn)
    }
    setImmediate(turn)
    await walkPointers(turns(10), table, () => visited++)
    expect(visited).toBe(10_000)
    expect(turned).toBeGreaterThan(1)
    expect(seen.some((count) => count > 0 && count < table.length)).toBe(true)
  })

  it('holds the loop for no turn where none is due', async () => {
    let turned = false
    setImmediate(() => (turned = true))
    await walkPointers(turns(0), table, () => {})
    expect(turned).toBe(false)
  })
})

describe('a walk over what reaches some segments', () => {
  // 100,000 pointers, 500 into each of 200 segments.
  const large = PointerTable.from(
    Array.from({ length: 100_000 }, (_, i) => pointerTo(10 * i, 10, { segment: 1 + Math.floor(i / 500) })),
  )

  it('looks at the leaves that reach them, however long the table is', async () => {
    const seen: number[] = []
    for await (const { from, to } of stretchesReaching(turns(0), large, new Set([7, 150])))
      for (let i = from; i < to; i++) seen.push(large.get(i).segment)
    expect(seen.filter((segment) => segment === 7)).toHaveLength(500)
    expect(seen.filter((segment) => segment === 150)).toHaveLength(500)
    // Leaves of 256.
    expect(seen.length).toBeLessThan(2 * (500 + 2 * 256))
  })

  it('stays within the positions that it is asked for', async () => {
    const seen: [number, number][] = []
    for await (const { from, to } of stretchesReaching(turns(0), large, new Set([7, 8]), 3100, 3900))
      seen.push([from, to])
    expect(seen[0]![0]).toBe(3100)
    expect(seen.at(-1)![1]).toBe(3900)
    expect(seen.every(([from, to]) => from < to)).toBe(true)
  })

  it('lets the event loop turn where it is due, also where it finds nothing', async () => {
    let turned = 0
    const turn = (): void => {
      if (++turned < 5) setImmediate(turn)
    }
    setImmediate(turn)
    let found = 0
    for await (const _stretch of stretchesReaching(turns(10), large, new Set([1000]))) found++
    expect(found).toBe(0)
    expect(turned).toBe(5)
  })
})

// walkPointers: a channel of many pointers does not hold the event loop.

import { describe, expect, it } from 'vitest'
import { Turns } from '../../../src/database/turns.ts'
import { walkPointers } from '../../../src/database/walk-pointers.ts'
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

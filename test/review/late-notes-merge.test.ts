// What a merge frees is given back by the collection that merged, however many pointers one record moved.

import { describe, expect, it } from 'vitest'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { openStore } from '../support/open-store.ts'
import { VITALS } from '../support/vitals.ts'

/** What a collection does with `count` frames of one row between large ones. */
async function collected(count: number): Promise<number> {
  const store = await openStore(
    { channels: VITALS },
    { disk: new MemoryFileSystem({ holes: true }), tuning: { inlineLimit: 1 } },
  )
  const fast = await store.db.openWriter(['time', 'pressure'])
  const slow = await store.db.openWriter(['slow', 'state'])
  for (let i = 0; i < count; i++) {
    if (i % 100 === 0) {
      const time = BigInt64Array.from({ length: 4000 }, (_, at) => BigInt(i * 4000 + at))
      await fast.write({ time, pressure: Float64Array.from(time, Number) })
    }
    await slow.write({ slow: [BigInt(i)], state: [i % 256] })
  }
  await fast.close()
  await slow.close()
  // Its tails are pointers then.
  const db = await store.reopen()
  const { bytesPunched } = await db.gc({ threshold: 0.05 })
  return bytesPunched
}

describe('a collection that merges small extents between large ones', () => {
  it.each([900, 1500])('punches what that has left: %i of a channel', async (count) => {
    expect(await collected(count)).toBeGreaterThan(100 * count)
  })
})

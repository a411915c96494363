// What a recovery copies is bounded (0005, "Proving"): a sync that proves many bytes of segments leaves word of it
// in the log, and many unproven ones are synced before the interval is over. Faults that the bench of scale
// showed: opening after a kill copied everything that was ever written since the last record.

import { describe, expect, it } from 'vitest'
import type { Store } from '../../support/open-store.ts'
import { openStore } from '../../support/open-store.ts'

const ROWS = 1000
const FRAME_BYTES = 2 * ROWS * 8

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function writeFrames({ db }: Store, count: number): Promise<void> {
  await db.channels.create([
    { name: 'time', kind: 'index' },
    { name: 'a', kind: 'data', type: 'float64', index: 'time' },
  ])
  const writer = await db.openWriter(['time', 'a'])
  for (let from = 0; from < count * ROWS; from += ROWS) {
    await writer.write({
      time: BigInt64Array.from({ length: ROWS }, (_, i) => BigInt(from + i)),
      a: Float64Array.from({ length: ROWS }, (_, i) => from + i),
    })
    await turn()
  }
}

/** Bytes that are dead since the recovery has copied them. */
async function copied({ db }: Store): Promise<number> {
  const { segments, recovery } = await db.stats()
  expect(recovery?.crashed).toBe(true)
  return segments.reduce((sum, { dead }) => sum + dead, 0)
}

async function expectWhole({ db }: Store, frames: number): Promise<void> {
  const found = await db.read(['a'])
  expect(found.column('a')).toEqual(Float64Array.from({ length: frames * ROWS }, (_, i) => i))
}

describe('a recovery after a kill', () => {
  it('copies nothing of what a sync had proven, though no commit came after it', async () => {
    const store = await openStore({ syncInterval: '1h' }, { tuning: { unmarkedLimit: FRAME_BYTES } })
    await writeFrames(store, 10)
    await store.db.sync()
    await store.kill()
    expect(await copied(store)).toBe(0)
    await expectWhole(store, 10)
  })

  it('copies what was proven where that is too little to be worth a record', async () => {
    const store = await openStore({ syncInterval: '1h' }, { tuning: { unmarkedLimit: 20 * FRAME_BYTES } })
    await writeFrames(store, 10)
    await store.db.sync()
    await store.kill()
    expect(await copied(store)).toBeGreaterThan(9 * FRAME_BYTES)
    await expectWhole(store, 10)
  })

  it('copies no more than a bounded part of what was written within a sync interval', async () => {
    const tuning = { unprovenLimit: 4 * FRAME_BYTES }
    const store = await openStore({ syncInterval: '1h' }, { tuning })
    await writeFrames(store, 50)
    await store.kill()
    expect(await copied(store)).toBeLessThan(12 * FRAME_BYTES)
    await expectWhole(store, 50)
  })

  it('believes a sync that was proven and marked, and loses nothing, when the power goes too', async () => {
    const store = await openStore({ syncInterval: '1h' }, { tuning: { unmarkedLimit: FRAME_BYTES } })
    await writeFrames(store, 10)
    await store.db.sync()
    await store.losePower(0)
    await expectWhole(store, 10)
  })
})

describe('a sync', () => {
  it('leaves one mark and no more while nothing is written', async () => {
    const store = await openStore({ syncInterval: '1h' }, { tuning: { unmarkedLimit: FRAME_BYTES } })
    await writeFrames(store, 10)
    const before = (await store.db.stats()).log.bytes
    await store.db.sync()
    const marked = (await store.db.stats()).log.bytes
    expect(marked).toBeGreaterThan(before)
    await store.db.sync()
    await store.db.sync()
    expect((await store.db.stats()).log.bytes).toBe(marked)
  })
})

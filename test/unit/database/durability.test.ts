// What survives: sync, and commits, deletes and channel edits in each durability (api.md 2, 8 and 10).

import { describe, expect, it } from 'vitest'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import { openStore } from '../../support/open-store.ts'
import { pressureWriter, timesOf, VITALS, writePressure } from '../../support/vitals.ts'

const MANY = BigInt64Array.from({ length: 20_000 }, (_, i) => BigInt(i))

describe('sync', () => {
  it.each(['relaxed', 'batched'] as const)(
    'puts all commits up to now on the disk (%s)',
    async (durability) => {
      const store = await openStore({ channels: VITALS, durability, syncInterval: '1d' })
      const { write } = await pressureWriter(store.db)
      await write(1, 2)
      await store.db.sync()
      await write(3)
      expect(await timesOf(await store.losePower(0))).toEqual([1, 2])
    },
  )

  it('of nothing is quick, and of many at once is one', async () => {
    const { db } = await openStore({ channels: VITALS })
    await Promise.all(Array.from({ length: 100 }, () => db.sync()))
    await writePressure(db, 1)
    await Promise.all(Array.from({ length: 100 }, () => db.sync()))
    expect(await timesOf(db)).toEqual([1])
  })
})

describe('durability', () => {
  it("of 'strict' survives a power loss, of commits, deletes and channels", async () => {
    const store = await openStore({ channels: VITALS, durability: 'strict', syncInterval: '1d' })
    const { write } = await pressureWriter(store.db)
    await write(1, 2, 3)
    await store.db.delete(['time', 'pressure'], { start: 2n, end: 3n })
    const { key } = await store.db.channels.create({ name: 'new', kind: 'index' })
    const db = await store.losePower(0)
    expect(await timesOf(db)).toEqual([1, 3])
    expect(db.channels.find('new')?.key).toBe(key)
  })

  it("of 'batched' survives a kill, and may be overridden by a writer either way", async () => {
    const store = await openStore({ channels: VITALS, syncInterval: '1d' })
    const { write } = await pressureWriter(store.db)
    const strict = await store.db.openWriter({ channels: ['slow', 'state'], durability: 'strict' })
    await write(1, 2)
    await strict.write({ slow: 1n, state: 1 })
    await write(3)
    expect(await timesOf(await store.losePower(0))).toEqual([1, 2])
    expect(await timesOf(store.db, 'state')).toEqual([1])
    await writePressure(store.db, 4)
    expect(await timesOf(await store.kill())).toEqual([1, 2, 4])
  })

  it("of 'relaxed' commits comes with the delete, edit or 'batched' commit behind them", async () => {
    const store = await openStore({ channels: VITALS, durability: 'relaxed', syncInterval: '1d' })
    const { write } = await pressureWriter(store.db)
    await write(1, 2)
    const batched = await store.db.openWriter({ channels: ['slow', 'state'], durability: 'batched' })
    await batched.write({ slow: 1n, state: 1 })
    expect(await timesOf(await store.kill())).toEqual([1, 2])
    await writePressure(store.db, 3)
    await store.db.delete('state', {})
    expect(await timesOf(await store.kill())).toEqual([1, 2, 3])
    await writePressure(store.db, 4)
    await store.db.channels.create({ name: 'new', kind: 'index' })
    expect(await timesOf(await store.kill())).toEqual([1, 2, 3, 4])
  })

  it('of a large frame in segments is no less', async () => {
    const store = await openStore({ channels: VITALS, durability: 'strict', syncInterval: '1d' })
    const writer = await store.db.openWriter(['time'])
    await writer.write({ time: MANY })
    expect(await (await store.losePower(0)).count('time')).toEqual({ time: MANY.length })
  })

  it("of 'strict' commits that wait together takes one sync for all", async () => {
    const disk = new MemoryFileSystem({ trace: true })
    const { db } = await openStore({ channels: VITALS, durability: 'strict', syncInterval: '1d' }, { disk })
    const { write } = await pressureWriter(db)
    const syncs = (): number =>
      disk.trace!.filter(({ kind, path }) => kind === 'sync' && path.includes('journal')).length
    const before = syncs()
    await Promise.all(Array.from({ length: 1000 }, (_, i) => write(i)))
    expect(syncs() - before).toBeLessThan(10)
    expect(await timesOf(db)).toHaveLength(1000)
  })

  it("of 'relaxed' is visible at once, and written without anybody asking", async () => {
    const disk = new MemoryFileSystem()
    const { db } = await openStore({ channels: VITALS, durability: 'relaxed', syncInterval: '1d' }, { disk })
    const { write } = await pressureWriter(db)
    const { mutations } = disk
    const written = write(1)
    expect(await timesOf(db)).toEqual([1])
    await written
    while (disk.mutations === mutations) await new Promise((resolve) => setImmediate(resolve))
    expect(disk.mutations).toBeGreaterThan(mutations)
  })

  it('is synced within the interval without anybody asking', async () => {
    const store = await openStore({ channels: VITALS, syncInterval: '5ms' })
    const { write } = await pressureWriter(store.db)
    await write(1)
    for (let seen: number[] = []; seen.length === 0;) {
      await new Promise((resolve) => setImmediate(resolve))
      const copy = await openStore({ channels: VITALS }, { disk: store.disk.afterPowerLoss(0) })
      seen = await timesOf(copy.db)
    }
    expect(await timesOf(await store.losePower(0))).toEqual([1])
  })
})

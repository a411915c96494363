// Faults that histories have shown, each by its name.

import { expect, it } from 'vitest'
import { FaultyFileSystem } from '../../src/fs/faulty-file-system.ts'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { retireOldest } from '../../src/database/retire.ts'
import { openStore } from '../support/open-store.ts'
import { Schedule } from './schedule.ts'
import { World } from './world.ts'
import { createGroup, frameOf, Stage, timesFrom } from '../pitfalls/stage.ts'

it("a strict commit that is written is acknowledged, though somebody else's relaxed one finds no room", async () => {
  let letGo = (): void => {}
  let isHeld = false
  const disk = new MemoryFileSystem({
    scheduler: (label) => {
      if (!isHeld || !label.startsWith('sync /data/journal')) return Promise.resolve()
      isHeld = false
      return new Promise((resolve) => (letGo = resolve))
    },
  })
  const faults = new FaultyFileSystem(disk)
  const { db } = await openStore(
    { durability: 'strict' },
    { disk, wrap: () => faults, tuning: { loopSyncMs: 0, fillSize: 0 } },
  )
  await db.channels.create([
    { name: 't', kind: 'index' },
    { name: 'u', kind: 'index' },
  ])
  const strict = await db.openWriter(['t'])
  const relaxed = await db.openWriter({ channels: ['u'], durability: 'relaxed' })
  await strict.write({ t: 1n })
  isHeld = true
  const first = strict.write({ t: 2n })
  // A sync is under way: the next commit waits for the one after it.
  await expect.poll(() => isHeld).toBe(false)
  const second = strict.write({ t: 3n })
  const third = relaxed.write({ u: 1n })
  const rule = faults.addRule({ kind: 'write', path: /journal/, times: Infinity, fault: { code: 'ENOSPC' } })
  letGo()
  expect(await first).toBe(true)
  expect(await second).toBe(true)
  expect(await third).toBe(true)
  expect(faults.struck(rule)).toBeGreaterThan(0)
  faults.clearRules()
  await db.sync()
  expect(await db.count(['t', 'u'])).toEqual({ t: 3, u: 1 })
})

it('a close ends, though a removal beside it flushes for an open snapshot', async () => {
  let letGo = (): void => {}
  let isHeld = false
  const disk = new MemoryFileSystem({
    scheduler: (label) => {
      if (!isHeld || !label.startsWith('sync /data/segments')) return Promise.resolve()
      isHeld = false
      return new Promise((resolve) => (letGo = resolve))
    },
  })
  const { db } = await openStore({}, { disk })
  await db.channels.create([
    { name: 't', kind: 'index' },
    { name: 'spare', kind: 'index' },
  ])
  const writer = await db.openWriter(['t'])
  await writer.write({ t: [1n, 2n] })
  db.snapshot()
  isHeld = true
  const removing = db.channels.remove('spare').catch((error: unknown) => (error as { code: string }).code)
  await expect.poll(() => isHeld).toBe(false)
  const closing = db.close({ force: true })
  // As far as it gets: it has the lease, or waits for the flush.
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  letGo()
  await closing
  expect([undefined, 'CLOSED']).toContain(await removing)
  expect(disk.openFiles).toEqual([])
})

it('a close beside a retirement that takes its file leaves nothing to recover', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const schedule = new Schedule(seed)
    const world = new World(schedule, {
      durability: 'batched',
      segmentSize: 4000,
      memoryBudget: 16 * 1024,
      tuning: {},
      holes: false,
    })
    await schedule.run(
      (async () => {
        await world.open()
        await world.createGroup(0, ['a'])
        const retiring = retireOldest(world.engine)
        await schedule.turn('close')
        await Promise.all([retiring, world.db.close()])
        await world.open()
        expect(world.engine.recovery?.crashed, `seed ${seed}`).not.toBe(true)
        await world.db.close()
      })(),
    )
  }
})

it('a delete between a commit and the next one, whose large frame comes first, parts the large frame alone', async () => {
  const { db } = await new Stage({}, { inlineLimit: 16 }).open()
  await createGroup(db, 't', ['a'])
  const writer = await db.openWriter({ channels: ['t', 'a'], autoCommit: false })
  await writer.write(frameOf('t', ['a'], timesFrom(0, 5)))
  await writer.commit()
  await writer.write(frameOf('t', ['a'], timesFrom(10, 5)))
  await writer.write(frameOf('t', ['a'], timesFrom(30, 1)))
  await db.delete(['t', 'a'], {})
  await writer.commit()
  expect((await db.verify()).problems).toEqual([])
  expect((await db.stats()).channels['a']).toMatchObject({ samples: 6, domains: 1 })
  await writer.close()
})

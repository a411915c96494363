// Faults found by reading: what counts as synced. Each test is named for the fault.

import { describe, expect, it, vi } from 'vitest'
import { createGroup, frameOf, numbers, Stage, timesFrom, timesOf } from '../pitfalls/stage.ts'

const WRITE_SEGMENT = /^write \/data\/segments/
const A_DAY_MS = 24 * 3600 * 1000

describe('bytes of a segment that are written while a sync begins', () => {
  it('a flush whose write was under way when another sync began is synced before its edit is proven', async () => {
    const stage = new Stage()
    const { db, engine, flusher } = await stage.open()
    await createGroup(db, 'time', ['a'])
    const writer = await db.openWriter(['time', 'a'])
    await writer.write(frameOf('time', ['a'], timesFrom(1, 100)))
    const gate = stage.hold(WRITE_SEGMENT)
    const flushed = flusher.flushAll()
    await gate.reached
    // Somebody syncs meanwhile: the segment is clean for it, and the write comes after.
    await db.sync()
    gate.open()
    await flushed
    await db.sync()
    // Carries the mark that the flush is proven.
    await writer.write(frameOf('time', ['a'], timesFrom(101, 1)))
    await db.sync()
    expect(engine.version.pointers.get(db.channels.get('a').key).length).toBe(1)
    const next = await stage.losePower(0)
    expect(await timesOf(next.db, 'a')).toEqual(numbers(1, 101))
  })
})

describe('a sync that fails beside another', () => {
  it('nothing is proven by a round that was under way when a sync on the loop failed', async () => {
    const stage = new Stage({ durability: 'strict' })
    const { db, engine } = await stage.open()
    await createGroup(db, 'time', ['a'])
    const writer = await db.openWriter(['time', 'a'])
    const proven = engine.syncer.proven
    const gate = stage.hold(/^sync \/data\/journal/)
    const written = writer.write(frameOf('time', ['a'], timesFrom(1, 1)))
    written.catch(() => {})
    await gate.reached
    const { journal } = engine
    for (const file of journal!.files) file.dirty = true
    stage.fail({ kind: 'sync', path: /journal/, fault: { failSync: true, cleanPages: true } })
    engine.syncer.syncNow()
    expect(engine.failure).toBeDefined()
    gate.open()
    await expect(written).rejects.toThrow(/sync failed/i)
    expect(engine.syncer.proven).toBe(proven)
  })
})

describe('a disk that is full for a while', () => {
  it('records that cannot be written out yet are no failed sync: they are written when there is room', async () => {
    const stage = new Stage({ durability: 'relaxed' })
    const { db, engine } = await stage.open()
    await createGroup(db, 'time', ['a'])
    const writer = await db.openWriter(['time', 'a'])
    await db.sync()
    await writer.write(frameOf('time', ['a'], timesFrom(1, 10)))
    const rule = stage.fail({ kind: 'write', path: /journal/, times: Infinity, fault: { code: 'ENOSPC' } })
    await expect(db.sync()).rejects.toThrow(/disk is full/)
    stage.faults.removeRule(rule)
    expect(engine.failure).toBeUndefined()
    await db.sync()
    await writer.write(frameOf('time', ['a'], timesFrom(11, 10)))
    await db.sync()
    const next = await stage.losePower(0)
    expect(await timesOf(next.db, 'a')).toEqual(numbers(1, 20))
  })
})

describe('an interval longer than a timer can wait', () => {
  it('does not sync all the time', async () => {
    const timers = vi.spyOn(globalThis, 'setTimeout')
    const stage = new Stage({ durability: 'batched', syncInterval: '60d' })
    const { db, engine } = await stage.open()
    await createGroup(db, 'time', ['a'])
    const writer = await db.openWriter(['time', 'a'])
    const proven = engine.syncer.proven
    await writer.write(frameOf('time', ['a'], timesFrom(1, 1)))
    const delays = timers.mock.calls.map(([, delayMs = 0]) => delayMs)
    timers.mockRestore()
    expect(engine.syncer.proven).toBe(proven)
    // One of more than 2^31 - 1 fires at once.
    expect(Math.max(...delays)).toBeGreaterThan(A_DAY_MS)
    expect(Math.max(...delays)).toBeLessThan(2 ** 31)
  })
})

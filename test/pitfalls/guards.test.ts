// The pitfalls of guards, by name, with the assembled engine: what test/unit/guard shows of the guards
// alone, here with the operations that hold them.

import { describe, expect, it } from 'vitest'
import { unguarded } from '../../src/guard/held.ts'
import { createGroup, frameOf, numbers, Stage, timesFrom, timesOf } from './stage.ts'
import { isExclusive } from '../support/guard-mode.ts'

/** Every guard is taken exclusively: see test/support/exclusive-guards.ts. */

describe('a read lock behind a queued write lock', () => {
  it('writers that wait for memory, a flush and channels that are created meanwhile all come to an end', async () => {
    const stage = new Stage({ memoryBudget: 1 << 20, lockTimeout: '200ms' }, { inlineLimit: 1 << 18 })
    const { db, engine } = await stage.open()
    await createGroup(db, 'time', ['a'])
    const writer = await db.openWriter(['time', 'a'])
    const gate = stage.hold(/^write \/data\/segments/)
    const writes = numbers(0, 199).map((i) =>
      writer.write(frameOf('time', ['a'], timesFrom(1 + i * 1000, 1000))),
    )
    await gate.reached
    const created = Promise.all(
      numbers(1, 5).map((i) => db.channels.create({ name: `more${i}`, kind: 'index' })),
    )
    const deleted = db.delete('a', { start: 1n, end: 10n })
    gate.open()
    expect(await Promise.all(writes)).toEqual(numbers(0, 199).map(() => true))
    expect(await created).toHaveLength(5)
    expect((await deleted).samples).toEqual({ a: 9 })
    expect(await db.count('a')).toEqual({ a: 200_000 - 9 })
    expect(engine.pool.held).toBeLessThanOrEqual(1 << 20)
  })

  it('close waits for a flush under way, and a flush never for the close', async () => {
    const stage = new Stage({ memoryBudget: 1 << 20 }, { inlineLimit: 1 << 18 })
    const { db } = await stage.open()
    await createGroup(db, 'time', ['a'])
    const writer = await db.openWriter(['time', 'a'])
    const gate = stage.hold(/^write \/data\/segments/)
    for (let i = 0; i < 40; i++) await writer.write(frameOf('time', ['a'], timesFrom(1 + i * 1000, 1000)))
    await gate.reached
    const closed = db.close({ force: true })
    gate.open()
    await closed
    stage.die()
    const next = await stage.open()
    expect(await next.db.count('a')).toEqual({ a: 40_000 })
    expect((await next.db.stats()).recovery).toMatchObject({ crashed: false })
  })
})

describe('against the ranks in secret', () => {
  it('collections, flushes, deletes and reads of the same segments at once come to an end and agree', async () => {
    const stage = new Stage({ lockTimeout: '10s' }, { inlineLimit: 2048 })
    const { db, flusher } = await stage.open()
    await createGroup(db, 'time', ['a'])
    const writer = await db.openWriter(['time', 'a'])
    const deleted = new Set<number>()
    for (let round = 0; round < 6; round++) {
      const first = 1 + round * 1000
      await writer.write(frameOf('time', ['a'], timesFrom(first, 500)))
      await writer.write(frameOf('time', ['a'], timesFrom(first + 500, 20)))
      const gate = stage.hold(/\/data\/segments/)
      const work = [
        flusher.flushAll(),
        db.gc({ threshold: 0 }),
        db.delete(['time', 'a'], { start: BigInt(first + 10), end: BigInt(first + 60) }),
        db.delete('a', { start: BigInt(first + 505), end: BigInt(first + 510) }),
        db.read('a', {}),
        db.verify(),
      ]
      for (let i = 10; i < 60; i++) deleted.add(first + i)
      for (let i = 505; i < 510; i++) deleted.add(first + i)
      await gate.reached
      gate.open()
      await Promise.all(work)
    }
    const expected = numbers(0, 5)
      .flatMap((round) => numbers(1 + round * 1000, 520 + round * 1000))
      .filter((time) => !deleted.has(time))
    expect(await timesOf(db, 'a')).toEqual(expected)
    await db.gc({ threshold: 0 })
    expect(await timesOf(db, 'a')).toEqual(expected)
    const next = await stage.kill()
    expect(await timesOf(next.db, 'a')).toEqual(expected)
  })
})

describe('the waiter that vanished', () => {
  // 0004-I5. It needs two who hold a guard at once.
  it.skipIf(isExclusive)(
    'a delete that is aborted or times out while it waits does nothing, and wakes those behind it',
    async () => {
      const stage = new Stage({ lockTimeout: '20ms' })
      const { db, engine } = await stage.open()
      await createGroup(db, 'time', ['a'])
      const writer = await db.openWriter(['time', 'a'])
      await writer.write(frameOf('time', ['a'], timesFrom(1, 10)))
      const keys = [db.channels.get('time').key]
      const held = await engine.guards.acquire(unguarded, {
        rank: 'index',
        mode: 'shared',
        keys,
        purpose: 'test',
      })
      const abort = new AbortController()
      const aborted = db.delete('a', { start: 1n, end: 3n }, { signal: abort.signal })
      await new Promise((resolve) => setImmediate(resolve))
      const behind = engine.guards.acquire(unguarded, {
        rank: 'index',
        mode: 'shared',
        keys,
        purpose: 'behind',
      })
      abort.abort(new Error('enough'))
      await expect(aborted).rejects.toThrow('enough')
      ;(await behind).release()
      await expect(db.delete('a', { start: 1n, end: 3n })).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' })
      expect(await db.count('a')).toEqual({ a: 10 })
      held.release()
      expect((await db.delete('a', { start: 1n, end: 3n })).samples).toEqual({ a: 2 })
    },
  )
})

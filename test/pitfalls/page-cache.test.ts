// The pitfalls of the page cache, by name: what a process reads back is not what the disk has, after a sync that
// failed, and of what another holder has written and not synced. Played on a simulated disk that forgets what
// was not synced, and what a failed sync has left looking clean.

import { describe, expect, it } from 'vitest'
import { checkpointNow } from '../../src/database/retire.ts'
import { LeaseLostError, StorageError } from '../../src/errors.ts'
import { begin, numbers, rows, Stage, timesOf } from './stage.ts'

const SMALL = { inlineLimit: 1024 }

describe('copied, but not its bytes', () => {
  // 0005-I7
  it('what recovery believed of a segment whose sync had failed is on the disk before anything is acknowledged', async () => {
    const stage = new Stage({}, SMALL)
    const { db } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    await writer.write(rows(1, 500))
    stage.fail({ kind: 'sync', path: /segments/, fault: { failSync: true, cleanPages: true } })
    await expect(db.sync()).rejects.toThrow(StorageError)
    const second = await stage.kill()
    // The pages are still there, though the disk has none of them.
    expect(await timesOf(second.db, 'a')).toEqual(numbers(1, 500))
    const strict = await second.db.openWriter({ channels: ['time', 'a'], durability: 'strict' })
    await strict.write(rows(1000, 1))
    const third = await stage.losePower(0)
    expect(await timesOf(third.db, 'a')).toEqual([...numbers(1, 500), 1000])
    expect((await third.db.verify()).problems).toEqual([])
  })
})

describe('whole, but only in the page cache', () => {
  /** A holder that stands still, taken for dead, with a checkpoint all written and nothing of it synced. */
  async function standing(stage: Stage): Promise<{ wake: () => void; checkpoint: Promise<unknown> }> {
    const { db, engine, flusher } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    await writer.write(rows(1, 10))
    await flusher.flushAll()
    await checkpointNow(engine)
    await writer.write(rows(11, 10))
    await flusher.flushAll()
    await db.sync()
    const gate = stage.hold(/^sync \/data\/manifest\/000001/)
    const checkpoint = checkpointNow(engine).catch((error: unknown) => error)
    await gate.reached
    stage.forget()
    return { wake: () => gate.open(), checkpoint }
  }

  it('a checkpoint of a holder that stands still is not relied on: the power may go at any operation of the opener', async () => {
    const stage = new Stage({ durability: 'strict' }, SMALL)
    const { wake, checkpoint } = await standing(stage)
    const left = stage.disk.clone()
    wake()
    await checkpoint
    let tries = 0
    for (let isOver = false; !isOver; tries++) {
      stage.die()
      stage.disk = left.clone()
      stage.disk.cutPowerAt(tries + 1, 0)
      await stage.open().catch(() => undefined)
      isOver = !stage.disk.isDead
      const next = await stage.losePower(0)
      expect(await timesOf(next.db, 'a')).toEqual(numbers(1, 20))
    }
    expect(tries).toBeGreaterThan(10)
  })

  it('the holder that wakes removes nothing for the sake of it', async () => {
    const stage = new Stage({ durability: 'strict' }, SMALL)
    const { wake, checkpoint } = await standing(stage)
    const taker = await stage.open()
    const there = stage.disk.files()
    stage.elapsedMs += 1000
    wake()
    expect(await checkpoint).toBeInstanceOf(LeaseLostError)
    expect(stage.disk.files()).toEqual(there)
    expect(await timesOf(taker.db, 'a')).toEqual(numbers(1, 20))
    const next = await stage.losePower(0)
    expect(await timesOf(next.db, 'a')).toEqual(numbers(1, 20))
  })
})

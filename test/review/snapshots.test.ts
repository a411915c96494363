// Faults found by reading: what a snapshot sees, and what goes on when the database is closed.

import { describe, expect, it } from 'vitest'
import { ClosedError } from '../../src/errors.ts'
import { createGroup, frameOf, numbers, Stage, timesFrom, timesOf } from '../pitfalls/stage.ts'

describe('a snapshot of a channel that is removed', () => {
  it('still sees its samples after a flush of the rest of its group', async () => {
    const stage = new Stage()
    const { db, flusher } = await stage.open()
    await createGroup(db, 'time', ['a', 'b'])
    const writer = await db.openWriter(['time', 'a', 'b'])
    await writer.write(frameOf('time', ['a', 'b'], timesFrom(1, 10)))
    await writer.close()
    const snapshot = db.snapshot()
    await db.channels.remove('b')
    expect(await timesOf(snapshot, 'b')).toEqual(numbers(1, 10))
    await flusher.flushAll()
    expect(await timesOf(snapshot, 'a')).toEqual(numbers(1, 10))
    expect(await timesOf(snapshot, 'b')).toEqual(numbers(1, 10))
    await db.gc({ threshold: 0 })
    expect(await timesOf(snapshot, 'b')).toEqual(numbers(1, 10))
    await snapshot.close()
  })
})

describe('an iteration that outlives the database', () => {
  it('ends with ClosedError and leaves no file open', async () => {
    const stage = new Stage()
    const { db, flusher } = await stage.open()
    await createGroup(db, 'time', ['a'])
    const writer = await db.openWriter(['time', 'a'])
    await writer.write(frameOf('time', ['a'], timesFrom(1, 1000)))
    await writer.close()
    await flusher.flushAll()
    const frames = db.frames('a', {}, { samples: 100 })
    expect((await frames.next()).value?.count('a')).toBe(100)
    await db.close({ force: true })
    await expect(frames.next()).rejects.toThrow(ClosedError)
    expect(stage.disk.openFiles).toEqual([])
  })

  it('so does a long read that is under way', async () => {
    const stage = new Stage()
    const { db, flusher } = await stage.open()
    await createGroup(db, 'time', ['a'])
    const writer = await db.openWriter(['time', 'a'])
    for (let i = 0; i < 8; i++) await writer.write(frameOf('time', ['a'], timesFrom(1 + i * 30_000, 30_000)))
    await writer.close()
    await flusher.flushAll()
    const reading = db.read('a')
    const closing = db.close()
    await Promise.allSettled([reading, closing])
    await closing
    expect(stage.disk.openFiles).toEqual([])
  })
})

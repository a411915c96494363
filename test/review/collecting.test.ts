// Faults found by reading: collections, flushes and what they count.

import { describe, expect, it } from 'vitest'
import { createGroup, frameOf, numbers, Stage, timesFrom, timesOf } from '../pitfalls/stage.ts'

describe('an index channel that is renamed while a collection copies', () => {
  it('does not stop the collection', async () => {
    const stage = new Stage()
    const { db, flusher } = await stage.open()
    await createGroup(db, 'time', ['a', 'b'])
    const writer = await db.openWriter(['time', 'a', 'b'])
    await writer.write(frameOf('time', ['a', 'b'], timesFrom(1, 20_000)))
    await flusher.flushAll()
    await db.delete(['time', 'a', 'b'], { start: 5n, end: 9000n })
    const gate = stage.hold(/^write \/data\/segments/)
    const collected = db.gc({ threshold: 0 })
    await gate.reached
    await db.channels.rename('time', 'clock')
    gate.open()
    expect((await collected).segmentsCollected).toBe(1)
    expect(await timesOf(db, 'a')).toEqual([1, 2, 3, 4, ...numbers(9000, 20_000)])
  })
})

describe('extents of tails that a delete takes whole', () => {
  it('are not counted any more', async () => {
    const stage = new Stage()
    const { db, engine } = await stage.open()
    await createGroup(db, 'time', ['a'])
    const writer = await db.openWriter(['time', 'a'])
    for (let i = 0; i < 3; i++) {
      await writer.write(frameOf('time', ['a'], timesFrom(1 + i * 1000, 1000)))
      await db.delete(['time', 'a'], {})
    }
    expect(engine.groups.get(db.channels.get('time').key)!.runs).toHaveLength(0)
    expect(engine.tailExtents).toBe(0)
  })

  it('are counted off once, also when a flush has captured them', async () => {
    const stage = new Stage()
    const { db, engine, flusher } = await stage.open()
    await createGroup(db, 'time', ['a'])
    const writer = await db.openWriter(['time', 'a'])
    await writer.write(frameOf('time', ['a'], timesFrom(1, 1000)))
    await writer.write(frameOf('time', ['a'], timesFrom(1001, 10)))
    const gate = stage.hold(/^write \/data\/segments/)
    const flushed = flusher.flushAll()
    await gate.reached
    await db.delete(['time', 'a'], { end: 1001n })
    gate.open()
    await flushed
    expect(engine.tailExtents).toBe(0)
    expect(await timesOf(db, 'a')).toEqual(numbers(1001, 1010))
  })
})

describe('a read of a segment whose descriptor is wanted by others', () => {
  it('goes on', async () => {
    const stage = new Stage({ segmentSize: 1024 * 1024, cacheBudget: 0 })
    const { db } = await stage.open()
    await createGroup(db, 'time', ['a'])
    const writer = await db.openWriter(['time', 'a'])
    // One segment for each channel's extent: 2 MiB of each frame.
    for (let i = 0; i < 70; i++) await writer.write(frameOf('time', ['a'], timesFrom(1 + i * 300_000, i === 0 ? 300_000 : 600)))
    for (let i = 1; i < 140; i++) await writer.write(frameOf('time', ['a'], timesFrom(30_000_000 + i * 200_000, 140_000)))
    await writer.close()
    const gate = stage.hold(/^read \/data\/segments/)
    const long = db.read('a', { end: 300_000n })
    await gate.reached
    for (let i = 1; i < 140; i++) await db.read('a', { start: BigInt(30_000_000 + i * 200_000), end: BigInt(30_000_000 + i * 200_000 + 5) })
    gate.open()
    expect((await long).count('a')).toBe(299_999)
  })
})

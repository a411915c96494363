// Faults found by reading: collections, flushes and what they count.

import { describe, expect, it } from 'vitest'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { encodeExtent, extentSize } from '../../src/segment/extent-writer.ts'
import { SegmentPool } from '../../src/segment/segment-pool.ts'
import { TableCache } from '../../src/segment/table-cache.ts'
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
  it('goes on through all of its chunks', async () => {
    let open = (): void => {}
    let reached = (): void => {}
    const came = new Promise<void>((resolve) => (reached = resolve))
    const gate = new Promise<void>((resolve) => (open = resolve))
    const scheduler = async (label: string): Promise<void> => {
      if (!label.startsWith('read')) return
      reached()
      await gate
    }
    const files = new MemoryFileSystem({ scheduler })
    await files.makeDirectory('/data/segments')
    const databaseId = new Uint8Array(16)
    const options = {
      files,
      directory: '/data',
      databaseId,
      epoch: 1,
      segmentSize: 1024,
      cache: new TableCache(0),
    }
    const pool = new SegmentPool(options)
    const count = 300_000
    const owner = { channel: 1, type: 'float64', isIndex: false } as const
    const length = extentSize('float64', count, false)
    const place = pool.reserve(length)
    const sources = new Uint8Array(count * 8).fill(3)
    const bytes = new Uint8Array(length)
    const times = { firstTime: 1n, lastTime: BigInt(count), epoch: 1, lsn: 1 }
    encodeExtent(bytes, 0, { ...owner, ...times, count, sources }, pool.get(place.segment).seed, place.offset)
    pool.writeNow(place, bytes)
    const target = new Uint8Array(count * 8)
    const reading = pool.reader(place.segment).readSamples(place, owner, 0, count, target)
    await came
    for (let i = 0; i < 300; i++) pool.reader(pool.create().id)
    open()
    await reading
    expect(Buffer.compare(target, sources)).toBe(0)
    pool.close()
    expect(files.openFiles).toEqual([])
  })
})

describe('extents of a removed channel that a snapshot sees', () => {
  it('stay until it is closed, also when a segment holds nothing else', async () => {
    const stage = new Stage({ segmentSize: 1024 * 1024 })
    const { db, engine, flusher } = await stage.open()
    await createGroup(db, 'time', ['a', 'b'])
    const writer = await db.openWriter(['time', 'a', 'b'])
    // Each channel's extent fills a segment.
    await writer.write(frameOf('time', ['a', 'b'], timesFrom(1, 130_000)))
    await writer.close()
    const snapshot = db.snapshot()
    await db.channels.remove('b')
    await flusher.flushAll()
    await db.gc({ threshold: 0 })
    expect(await timesOf(snapshot, 'b')).toHaveLength(130_000)
    await snapshot.close()
    const before = engine.segments.all().length
    await db.gc({ threshold: 0 })
    expect(engine.segments.all().length).toBeLessThan(before)
  })
})

// Faults found by reading: what a snapshot sees, and what goes on when the database is closed.

import { describe, expect, it } from 'vitest'
import { SnapshotState } from '../../src/database/snapshot-state.ts'
import { Strip, visibleRows } from '../../src/domain/tail.ts'
import { ClosedError } from '../../src/errors.ts'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { shapeOf } from '../../src/journal/shape.ts'
import { SegmentPool } from '../../src/segment/segment-pool.ts'
import { TableCache } from '../../src/segment/table-cache.ts'
import { EMPTY_VERSION } from '../../src/version/version.ts'
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

describe('a run that begins a domain of its own in the middle of a page', () => {
  it('stays apart for a snapshot where a flush ends just before it', () => {
    const shape = shapeOf([1, 2], ['timestamp', 'float64'])
    const strip = new Strip(shape, { bytes: new Uint8Array(1024) })
    strip.times.set([1n, 2n, 3n, 50n, 51n])
    strip.written = strip.committed = 5
    // The writer went on behind what somebody else has committed.
    strip.partAt(shape.keys, 3)
    const view = strip.view()
    const segments = new SegmentPool({
      files: new MemoryFileSystem(),
      directory: '/data',
      databaseId: new Uint8Array(16),
      epoch: 1,
      segmentSize: 1024,
      cache: new TableCache(0),
    })
    const state = new SnapshotState(EMPTY_VERSION, { lsn: 1 }, new Map([[1, [view]]]), segments)
    state.replaceRows(1, new Map([[strip, { to: 3, find: () => [] }]]))
    strip.flushTo(3)
    const rest = state.viewOf(1).tail.filter((each) => each.kind === 'strip')
    for (const key of shape.keys) {
      expect(rest.map((each) => visibleRows(each, key))).toEqual([[{ from: 3, to: 5, joined: false }]])
      expect(visibleRows(strip.view(), key)).toEqual([{ from: 3, to: 5, joined: false }])
    }
  })
})

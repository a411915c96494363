// The pitfalls of commits, deletes and flushes, by name: sequences that break an engine whose rules are a
// little weaker. Each is played on a simulated disk whose operations wait until the test says so.

import { describe, expect, it } from 'vitest'
import { WriteConflictError } from '../../src/errors.ts'
import { unguarded } from '../../src/guard/held.ts'
import { spillPending } from '../../src/database/spill.ts'
import { createGroup, frameOf, numbers, Stage, timesFrom, timesOf } from './stage.ts'
import type { Actor } from './stage.ts'

const WRITE_SEGMENT = /^write \/data\/segments/
const SYNC_JOURNAL = /^sync \/data\/journal/

async function begin(stage: Stage, data: readonly string[] = ['a']): Promise<Actor> {
  const actor = await stage.open()
  await createGroup(actor.db, 'time', data)
  return actor
}

describe('two commits, one gap', () => {
  // 0003-I2
  it('the second is checked against the first, which is appended and awaits its sync', async () => {
    const stage = new Stage({ durability: 'strict' })
    const { db } = await begin(stage)
    const early = await db.openWriter(['time', 'a'])
    await early.write(frameOf('time', ['a'], timesFrom(1, 99)))
    await db.delete(['time', 'a'], { start: 50n, end: 60n })
    const late = await db.openWriter({ channels: ['time', 'a'], autoCommit: false })
    await late.write(frameOf('time', ['a'], timesFrom(50, 5)))
    // Now both lie in one gap: [50, ...).
    await db.delete(['time', 'a'], { start: 60n, end: 100n })
    await late.write(frameOf('time', ['a'], timesFrom(55, 51)))
    const gate = stage.hold(SYNC_JOURNAL)
    const first = late.commit()
    await gate.reached
    await expect(early.write(frameOf('time', ['a'], timesFrom(100, 20)))).rejects.toThrow(WriteConflictError)
    gate.open()
    expect(await first).toBe(106n)
    expect(await early.write(frameOf('time', ['a'], timesFrom(106, 5)))).toBe(true)
    expect(await timesOf(db, 'a')).toEqual(numbers(1, 110))
  })

  it('a commit over what was committed meanwhile drops its samples, says how many, and leaves the writer usable', async () => {
    const stage = new Stage()
    const { db } = await begin(stage)
    const early = await db.openWriter({ channels: ['time', 'a'], autoCommit: false })
    await early.write(frameOf('time', ['a'], timesFrom(1, 99)))
    await early.commit()
    await db.delete(['time', 'a'], { start: 50n, end: 60n })
    const late = await db.openWriter({ channels: ['time', 'a'], autoCommit: false })
    await late.write(frameOf('time', ['a'], timesFrom(50, 5)))
    await db.delete(['time', 'a'], { start: 60n, end: 100n })
    await early.write(frameOf('time', ['a'], timesFrom(100, 10)))
    await late.write(frameOf('time', ['a'], timesFrom(55, 50)))
    await late.commit()
    await expect(early.commit()).rejects.toThrow(/20 samples were dropped/)
    expect(await early.write(frameOf('time', ['a'], timesFrom(105, 3)))).toBe(true)
    expect(await early.commit()).toBe(108n)
    expect(await timesOf(db, 'a')).toEqual(numbers(1, 107))
  })
})

describe('read, then half deleted', () => {
  // 0001-I6
  it('a delete that waited takes what was committed and read meanwhile, and nothing later', async () => {
    const stage = new Stage()
    const { db, engine } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    await writer.write(frameOf('time', ['a'], timesFrom(1, 9)))
    const key = db.channels.get('time').key
    const held = await engine.guards.acquire(unguarded, {
      rank: 'index',
      mode: 'exclusive',
      keys: [key],
      purpose: 'test',
    })
    const deleted = db.delete(['time', 'a'], { start: 1n, end: 100n })
    await writer.write(frameOf('time', ['a'], timesFrom(10, 1)))
    expect(await timesOf(db, 'a')).toEqual(numbers(1, 10))
    held.release()
    expect((await deleted).samples).toEqual({ time: 10, a: 10 })
    await writer.write(frameOf('time', ['a'], timesFrom(11, 1)))
    expect(await timesOf(db, 'a')).toEqual([11])
  })
})

describe('flush against delete', () => {
  it.each([
    { what: 'the middle', start: 4n, end: 7n },
    { what: 'the beginning', start: 1n, end: 5n },
    { what: 'the end', start: 7n, end: 50n },
    { what: 'everything', start: 0n, end: 50n },
  ])('what a delete cut while the flush wrote is not installed: $what', async ({ start, end }) => {
    const stage = new Stage()
    const { db, flusher } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    await writer.write(frameOf('time', ['a'], timesFrom(1, 10)))
    const before = db.snapshot()
    const gate = stage.hold(WRITE_SEGMENT)
    const flushed = flusher.flushAll()
    await gate.reached
    await db.delete(['time', 'a'], { start, end })
    const after = db.snapshot()
    await writer.write(frameOf('time', ['a'], timesFrom(11, 3)))
    gate.open()
    await flushed
    const left = numbers(1, 10).filter((time) => time < start || time >= end)
    expect(await timesOf(db, 'a')).toEqual([...left, 11, 12, 13])
    // What was captured before and after the cut stays what it was (0003-I3).
    expect(await timesOf(before, 'a')).toEqual(numbers(1, 10))
    expect(await timesOf(after, 'a')).toEqual(left)
    await before.close()
    await after.close()
    const next = await stage.kill()
    expect(await timesOf(next.db, 'a')).toEqual([...left, 11, 12, 13])
  })

  it('a delete of one channel while the flush writes leaves the others alone', async () => {
    const stage = new Stage()
    const { db, flusher } = await begin(stage, ['a', 'b'])
    const writer = await db.openWriter(['time', 'a', 'b'])
    await writer.write(frameOf('time', ['a', 'b'], timesFrom(1, 10)))
    const gate = stage.hold(WRITE_SEGMENT)
    const flushed = flusher.flushAll()
    await gate.reached
    await db.delete('a', { start: 3n, end: 6n })
    gate.open()
    await flushed
    expect(await timesOf(db, 'a')).toEqual([1, 2, 6, 7, 8, 9, 10])
    expect(await timesOf(db, 'b')).toEqual(numbers(1, 10))
    expect((await db.read('a', {})).series('a')).toHaveLength(2)
  })

  it('two flushes at once install nothing twice', async () => {
    const stage = new Stage()
    const { db, flusher } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    await writer.write(frameOf('time', ['a'], timesFrom(1, 10)))
    const gate = stage.hold(WRITE_SEGMENT)
    const flushes = [flusher.flushAll(), flusher.flushAll()]
    await gate.reached
    await writer.write(frameOf('time', ['a'], timesFrom(11, 5)))
    gate.open()
    await Promise.all(flushes)
    expect(await timesOf(db, 'a')).toEqual(numbers(1, 15))
    expect(await db.count(['time', 'a'])).toEqual({ time: 15, a: 15 })
  })

  it('channels removed while the flush writes are left out', async () => {
    const stage = new Stage()
    const { db, flusher } = await begin(stage, ['a', 'b'])
    const writer = await db.openWriter(['time', 'a', 'b'])
    await writer.write(frameOf('time', ['a', 'b'], timesFrom(1, 10)))
    await writer.close()
    const gate = stage.hold(WRITE_SEGMENT)
    const flushed = flusher.flushAll()
    await gate.reached
    await db.channels.remove('b')
    gate.open()
    await flushed
    expect(await timesOf(db, 'a')).toEqual(numbers(1, 10))
    const next = await stage.kill()
    expect(next.db.channels.list().map(({ name }) => name)).toEqual(['time', 'a'])
    expect(await timesOf(next.db, 'a')).toEqual(numbers(1, 10))
  })

  it('a group removed while the flush writes is left out', async () => {
    const stage = new Stage()
    const { db, flusher } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    await writer.write(frameOf('time', ['a'], timesFrom(1, 10)))
    await writer.close()
    const gate = stage.hold(WRITE_SEGMENT)
    const flushed = flusher.flushAll()
    await gate.reached
    await db.channels.remove(['time', 'a'])
    await createGroup(db, 'time', ['a'])
    gate.open()
    await flushed
    expect(await timesOf(db, 'a')).toEqual([])
    const next = await stage.kill()
    expect(await timesOf(next.db, 'a')).toEqual([])
  })
})

describe('half a commit', () => {
  // 0001-I6
  it('is seen by no read and no snapshot, whatever a flush is doing', async () => {
    const stage = new Stage({}, { inlineLimit: 256 })
    const { db, flusher } = await begin(stage)
    await createGroup(db, 'clock', ['b'])
    const writer = await db.openWriter(['time', 'a', 'clock', 'b'])
    const check = async (source: { count: typeof db.count }): Promise<void> => {
      const counts = Object.values(await source.count(['time', 'a', 'clock', 'b']))
      expect(new Set(counts).size).toBe(1)
    }
    let next = 1
    for (let round = 0; round < 8; round++) {
      const gate = stage.hold(WRITE_SEGMENT)
      const flushed = flusher.flushAll()
      for (const size of [1, 40, 3]) {
        const times = timesFrom(next, size)
        const written = writer.write({ ...frameOf('time', ['a'], times), ...frameOf('clock', ['b'], times) })
        const snapshot = db.snapshot()
        await check(db)
        await written
        await check(snapshot)
        await snapshot.close()
        next += size
      }
      gate.open()
      await flushed
      await check(db)
    }
    const later = await stage.kill()
    expect(await later.db.count(['time', 'clock'])).toEqual({ time: next - 1, clock: next - 1 })
  })

  it('a read over two groups sees one instant, though it reads for long', async () => {
    const stage = new Stage()
    const { db, flusher } = await begin(stage)
    await createGroup(db, 'clock', ['b'])
    const writer = await db.openWriter(['time', 'a', 'clock', 'b'])
    const times = timesFrom(1, 40_000)
    await writer.write({ ...frameOf('time', ['a'], times), ...frameOf('clock', ['b'], times) })
    await flusher.flushAll()
    const gate = stage.hold(/^read \/data\/segments/)
    const reading = db.read(['a', 'b'], {})
    await gate.reached
    const more = timesFrom(50_000, 10)
    await writer.write({ ...frameOf('time', ['a'], more), ...frameOf('clock', ['b'], more) })
    await db.delete(['b', 'clock'], {})
    gate.open()
    const frame = await reading
    expect([frame.count('a'), frame.count('b')]).toEqual([40_000, 40_000])
  })
})

describe('spilled, then collected', () => {
  it('uncommitted samples in a segment outlive a collection and are committed whole', async () => {
    const stage = new Stage({}, { inlineLimit: 1 << 20 })
    const { db, engine } = await begin(stage)
    const writer = await db.openWriter({ channels: ['time', 'a'], autoCommit: false })
    await writer.write(frameOf('time', ['a'], timesFrom(1, 100)))
    await spillPending(engine)
    await writer.write(frameOf('time', ['a'], timesFrom(101, 5)))
    const report = await db.gc({ threshold: 0 })
    expect(report.segmentsRemoved).toBe(0)
    expect(await timesOf(db, 'a')).toEqual([])
    expect(await writer.commit()).toBe(106n)
    expect(await timesOf(db, 'a')).toEqual(numbers(1, 105))
    const next = await stage.kill()
    expect(await timesOf(next.db, 'a')).toEqual(numbers(1, 105))
  })

  it('spilled samples that their writer drops are dead bytes, and collected', async () => {
    const stage = new Stage()
    const { db, engine } = await begin(stage)
    const writer = await db.openWriter({ channels: ['time', 'a'], autoCommit: false })
    await writer.write(frameOf('time', ['a'], timesFrom(1, 100)))
    await spillPending(engine)
    expect((await db.stats()).segments[0]?.dead).toBe(0)
    await writer.close()
    expect((await db.stats()).segments[0]?.dead).toBeGreaterThan(1600)
    expect((await db.gc({ threshold: 0 })).segmentsRemoved).toBe(1)
    expect((await db.stats()).segments).toEqual([])
  })

  it('what a flush has written and not installed yet outlives a collection', async () => {
    const stage = new Stage()
    const { db, flusher, engine } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    await writer.write(frameOf('time', ['a'], timesFrom(1, 100)))
    const gate = stage.hold(/^sync \/data\/segments/)
    const flushed = flusher.flushAll()
    await gate.reached
    const collected = db.gc({ threshold: 0 })
    gate.open()
    await flushed
    const report = await collected
    expect(report.segmentsRemoved).toBe(0)
    expect(await timesOf(db, 'a')).toEqual(numbers(1, 100))
    expect(engine.segments.all().every(({ reserved }) => reserved === 0)).toBe(true)
  })

  it('samples spilled while they are committed are written once', async () => {
    const stage = new Stage()
    const { db, engine } = await begin(stage)
    const writer = await db.openWriter({ channels: ['time', 'a'], autoCommit: false })
    await writer.write(frameOf('time', ['a'], timesFrom(1, 100)))
    const gate = stage.hold(WRITE_SEGMENT)
    const spilled = spillPending(engine)
    await gate.reached
    await writer.commit()
    await writer.write(frameOf('time', ['a'], timesFrom(101, 10)))
    gate.open()
    await spilled
    await writer.commit()
    expect(await timesOf(db, 'a')).toEqual(numbers(1, 110))
  })
})

describe('large between small', () => {
  it('inline rows, an extent and inline rows again are one domain in the order of time', async () => {
    const stage = new Stage({}, { inlineLimit: 1024 })
    const { db } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    await writer.write(frameOf('time', ['a'], timesFrom(10, 5, 10)))
    await writer.write(frameOf('time', ['a'], timesFrom(100, 1000)))
    await writer.write(frameOf('time', ['a'], timesFrom(2000, 1)))
    const expected = [10, 20, 30, 40, 50, ...numbers(100, 1099), 2000]
    const check = async ({ db: one }: Pick<Actor, 'db'>): Promise<void> => {
      expect(await timesOf(one, 'a')).toEqual(expected)
      expect((await one.read('a', {})).series('a')).toHaveLength(1)
      expect(await timesOf({ read: () => one.latest('a', 2, { timestamps: true }) } as never, 'a')).toEqual([
        1099, 2000,
      ])
    }
    await check({ db })
    await check(await stage.kill())
    await check(await stage.reopen())
    const { db: last } = await stage.kill()
    const again = await last.openWriter(['time', 'a'])
    await again.write(frameOf('time', ['a'], timesFrom(3000, 1)))
    expect((await last.read('a', {})).series('a')).toHaveLength(2)
  })
})

describe('refill after a cut', () => {
  it.each([{ flushed: true }, { flushed: false }])(
    'a hole behind a live writer is refilled up to just below what it goes on with (flushed: $flushed)',
    async ({ flushed }) => {
      const stage = new Stage()
      const { db, flusher } = await begin(stage)
      const writer = await db.openWriter(['time', 'a'])
      await writer.write(frameOf('time', ['a'], timesFrom(10, 99, 10)))
      if (flushed) await flusher.flushAll()
      await writer.write(frameOf('time', ['a'], timesFrom(1000, 5, 10)))
      await db.delete(['time', 'a'], { start: 950n, end: 1000n })
      await writer.write(frameOf('time', ['a'], timesFrom(1050, 1)))
      const refill = await db.openWriter(['time', 'a'])
      await refill.write(frameOf('time', ['a'], timesFrom(955, 45)))
      await expect(refill.write(frameOf('time', ['a'], timesFrom(1000, 1)))).rejects.toThrow(
        WriteConflictError,
      )
      const expected = [...timesFrom(10, 94, 10), ...timesFrom(955, 45), ...timesFrom(1000, 6, 10)].map(
        Number,
      )
      expect(await timesOf(db, 'a')).toEqual(expected)
      await flusher.flushAll()
      expect((await db.verify()).problems).toEqual([])
      // [..940] | [955..999][1000..]: the last two touch.
      expect((await db.read('a', {})).series('a').map(({ length }) => length)).toEqual([94, 51])
      const next = await stage.kill()
      expect(await timesOf(next.db, 'a')).toEqual(expected)
    },
  )
})

describe('one pointer a sample', () => {
  it('a slow channel beside a fast one does not keep a pointer for every sample', async () => {
    const stage = new Stage()
    const { db, engine, flusher } = await begin(stage)
    await createGroup(db, 'slow', ['b'])
    const fast = await db.openWriter(['time', 'a'])
    const slow = await db.openWriter(['slow', 'b'])
    const rounds = 40
    for (let i = 0; i < rounds; i++) {
      await fast.write(frameOf('time', ['a'], timesFrom(1 + i * 100, 100)))
      await slow.write(frameOf('slow', ['b'], timesFrom(1 + i * 100, 1)))
      await flusher.flushAll()
    }
    const table = (): number => engine.version.pointers.get(db.channels.get('b').key).length
    expect(table()).toBe(rounds)
    const report = await db.gc()
    expect(report.extentsMerged).toBeGreaterThan(0)
    expect(table()).toBeLessThan(rounds / 10)
    expect(await timesOf(db, 'b')).toEqual(numbers(0, rounds - 1).map((i) => 1 + i * 100))
    expect((await db.gc()).segmentsCollected).toBe(0)
  })
})

describe('a page each', () => {
  it('a one-row frame of 1,000 channels is held by the smallest budget', async () => {
    const stage = new Stage({ memoryBudget: 1 << 20 })
    const names = Array.from({ length: 1000 }, (_, i) => `c${i}`)
    const { db, engine } = await begin(stage, names)
    const writer = await db.openWriter(['time', ...names])
    for (let i = 1; i <= 20; i++) await writer.write(frameOf('time', names, timesFrom(i, 1)))
    expect(engine.pool.held).toBeLessThanOrEqual(1 << 20)
    expect(await timesOf(db, 'c999')).toEqual(numbers(1, 20))
  })

  // 0001-I9
  it('half each: frames that need most of the pool get all of their pages at once, one after the other', async () => {
    const stage = new Stage({ memoryBudget: 1 << 20 }, { inlineLimit: 1 << 21 })
    const { db, engine } = await begin(stage)
    await createGroup(db, 'clock', ['b'])
    await createGroup(db, 'other', ['c'])
    await createGroup(db, 'fourth', ['d'])
    // 16 bytes a row: 20,000 rows take a page of 512 KiB in each of two groups.
    const times = timesFrom(1, 20_000)
    const one = await db.openWriter(['time', 'a', 'clock', 'b'])
    const two = await db.openWriter(['other', 'c', 'fourth', 'd'])
    let most = 0
    const watch = setInterval(() => (most = Math.max(most, engine.pool.held)), 0)
    const writes = await Promise.all([
      one.write({ ...frameOf('time', ['a'], times), ...frameOf('clock', ['b'], times) }),
      two.write({ ...frameOf('other', ['c'], times), ...frameOf('fourth', ['d'], times) }),
    ])
    clearInterval(watch)
    expect(writes).toEqual([true, true])
    expect(most).toBeLessThanOrEqual(1 << 20)
    expect(await db.count(['a', 'b', 'c', 'd'])).toEqual({ a: 20_000, b: 20_000, c: 20_000, d: 20_000 })
  })

  it('nothing to flush: pages full of uncommitted samples are spilled', async () => {
    const stage = new Stage({ memoryBudget: 1 << 20 }, { inlineLimit: 1 << 16 })
    const { db, engine } = await begin(stage)
    const writer = await db.openWriter({ channels: ['time', 'a'], autoCommit: false })
    for (let i = 0; i < 200; i++) {
      await writer.write(frameOf('time', ['a'], timesFrom(1 + i * 1000, 1000)))
      expect(engine.pool.held).toBeLessThanOrEqual(1 << 20)
    }
    expect(await db.count('a')).toEqual({ a: 0 })
    expect(await writer.commit()).toBe(200_001n)
    expect(await db.count('a')).toEqual({ a: 200_000 })
    expect((await timesOf(db, 'a')).at(-1)).toBe(200_000)
  })
})

describe('a snapshot starves writers', () => {
  // 0003-I5, 0001-I10
  it('not: it is given pointers in place of pages, and sees what it saw', async () => {
    const stage = new Stage({ memoryBudget: 1 << 20 })
    const { db, engine } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    const snapshots = []
    for (let i = 0; i < 600; i++) {
      await writer.write(frameOf('time', ['a'], timesFrom(1 + i * 400, 400)))
      expect(engine.pool.held).toBeLessThanOrEqual(1 << 20)
      if (i % 100 === 50) snapshots.push({ at: (i + 1) * 400, snapshot: db.snapshot() })
    }
    for (const { at, snapshot } of snapshots) {
      expect(await snapshot.count('a')).toEqual({ a: at })
      expect((await timesOf(snapshot, 'a')).at(-1)).toBe(at)
      await snapshot.close()
    }
  })
})

describe('a loop that never turns', () => {
  it('a loop of awaited writes starves neither timers nor immediates', async () => {
    const stage = new Stage()
    const { db } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    let turns = 0
    const count = (): void => {
      turns++
      immediate = setImmediate(count)
    }
    let immediate = setImmediate(count)
    for (let i = 1; i <= 2000; i++) {
      stage.elapsedMs++
      await writer.write({ time: BigInt(i), a: i * 0.5 })
    }
    clearImmediate(immediate)
    // One turn for each 9 ms of a clock that goes on by 1 ms a write.
    expect(turns).toBeGreaterThan(200)
    expect(turns).toBeLessThan(300)
    expect(await timesOf(db, 'a')).toEqual(numbers(1, 2000))
  })
})

// Calls on one writer take effect in the order of the calls, whatever runs in the middle of them, and a
// loop of awaited writes lets the event loop turn (api.md 4 and 10, pitfalls "Users").

import { describe, expect, it } from 'vitest'
import { ClosedError, ValidationError } from '../../../src/errors.ts'
import { openStore } from '../../support/open-store.ts'
import { errorOf, expectError, expectRefused, wrong } from '../../support/refused.ts'
import { pressureWriter, timesOf, VITALS, writePressure } from '../../support/vitals.ts'

const range = (count: number, from = 0): number[] => Array.from({ length: count }, (_, i) => from + i)

describe('writes that are not awaited', () => {
  it.each(['relaxed', 'batched', 'strict'] as const)(
    'take effect in their order (%s)',
    async (durability) => {
      const store = await openStore({ channels: VITALS, durability })
      const { writer, write } = await pressureWriter(store.db)
      const writes = range(1000).map((time) => write(time))
      const end = writer.commit()
      expect(new Set(await Promise.all(writes))).toEqual(new Set([true]))
      expect(await end).toBe(1000n)
      expect(await timesOf(store.db)).toEqual(range(1000))
      expect(await timesOf(await store.reopen())).toEqual(range(1000))
    },
  )

  it('and commits between them group them as they were called', async () => {
    const { db } = await openStore({ channels: VITALS })
    const { writer, write } = await pressureWriter(db, { autoCommit: false })
    const calls = [write(1), writer.commit(), write(2), write(3), writer.commit(), write(4)]
    expect(await Promise.all(calls)).toEqual([true, 2n, true, true, 4n, true])
    expect(await timesOf(db)).toEqual([1, 2, 3])
  })

  it('that fail do not fail those behind them', async () => {
    const { db } = await openStore({ channels: VITALS })
    const { write } = await pressureWriter(db)
    const results = await Promise.allSettled([write(5), write(5), write(4), write(6)])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
    expect(await timesOf(db)).toEqual([5, 6])
  })

  it('in memory that runs short wait, in their order', async () => {
    const store = await openStore({ channels: VITALS, memoryBudget: 2 ** 20 })
    const { write } = await pressureWriter(store.db)
    // Each below the limit from which a frame goes to a segment at once, all together 4 MiB.
    const frames = range(1000).map((i) => write(...range(256, i * 256)))
    expect(new Set(await Promise.all(frames))).toEqual(new Set([true]))
    const times = await timesOf(store.db)
    expect(times).toEqual(range(256_000))
    expect(await store.db.count('pressure')).toEqual({ pressure: 256_000 })
  })

  it('before a close count, and behind it do not', async () => {
    const { db } = await openStore({ channels: VITALS })
    const { writer, write } = await pressureWriter(db)
    const outcome = await Promise.allSettled([write(1), writer.close(), write(2)])
    expect(outcome.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    expect(await timesOf(db)).toEqual([1])
  })
})

describe('a loop of awaited writes', () => {
  it.each(['relaxed', 'batched', 'strict'] as const)('starves no timer (%s)', async (durability) => {
    // A strict one, too, that is synced on the loop.
    const { db } = await openStore({ channels: VITALS, durability }, { tuning: { loopSyncMs: Infinity } })
    const { write } = await pressureWriter(db)
    let fired = false
    const timer = setTimeout(() => (fired = true), 1)
    for (let time = 0; !fired; time++) {
      await write(time)
      if (time > 5_000_000) throw new Error('The timer never fired')
    }
    clearTimeout(timer)
    expect(fired).toBe(true)
  })

  it('of refused frames, of empty frames, of commits and of reads starves none either', async () => {
    const { db } = await openStore({ channels: VITALS })
    const { writer, write } = await pressureWriter(db, { autoCommit: false })
    const refused = (): Promise<unknown> => writer.write(wrong({ time: 1n })).catch(() => {})
    const reads = [
      () => db.read('time'),
      () => db.latest('time'),
      () => db.count('time'),
      () => db.hasData('time', {}),
      () => db.bounds('time'),
    ]
    for (const call of [() => write(), () => writer.commit(), refused, ...reads]) {
      let fired = false
      setTimeout(() => (fired = true), 1)
      for (let i = 0; !fired; i++) {
        await call()
        if (i > 5_000_000) throw new Error('The timer never fired')
      }
      expect(fired).toBe(true)
    }
  })
})

describe('a frame that runs code', () => {
  it('may write to the same writer from a getter: that comes behind', async () => {
    const { db } = await openStore({ channels: VITALS })
    const { writer, write } = await pressureWriter(db)
    let inner: Promise<boolean> | undefined
    const frame = {
      time: 1n,
      get pressure(): number {
        inner ??= write(2)
        return 1
      },
    }
    expect(await writer.write(frame)).toBe(true)
    expect(await inner).toBe(true)
    expect(await timesOf(db)).toEqual([1, 2])
    expect([...(await db.read('pressure')).column('pressure')]).toEqual([1, 2])
  })

  it('may write to the same writer, or another, from an element of an array', async () => {
    const { db } = await openStore({ channels: VITALS })
    const { writer, write } = await pressureWriter(db)
    const other = await db.openWriter(['slow', 'state'])
    const inner: Promise<boolean>[] = []
    const samples = new Proxy([1, 2, 3], {
      get(target, key) {
        if (key === '1') inner.push(write(10), other.write({ slow: 1n, state: 1 }))
        return Reflect.get(target, key) as unknown
      },
    })
    expect(await writer.write({ time: [1n, 2n, 3n], pressure: samples })).toBe(true)
    expect(await Promise.all(inner)).toEqual([true, true])
    expect(await timesOf(db)).toEqual([1, 2, 3, 10])
    expect([...(await db.read('pressure')).column('pressure')]).toEqual([1, 2, 3, 10])
    expect(await timesOf(db, 'state')).toEqual([1])
  })

  it.each(['writer', 'database'] as const)(
    'may close the %s: the frame is whole all the same',
    async (which) => {
      const store = await openStore({ channels: VITALS })
      const { writer } = await pressureWriter(store.db)
      let closed: Promise<void> | undefined
      const frame = {
        time: 1n,
        get pressure(): number {
          closed = which === 'writer' ? writer.close() : store.db.close({ force: true })
          return 1
        },
      }
      const outcome = await errorOf(async () => {
        expect(await writer.write(frame)).toBe(true)
        throw new Error('done')
      })
      await closed
      const times = await timesOf(await store.reopen())
      if (outcome instanceof ClosedError) expect(times).toEqual([])
      else expect([String(outcome), times]).toEqual(['Error: done', [1]])
    },
  )

  it('may delete, read, snapshot and edit channels meanwhile', async () => {
    const { db } = await openStore({ channels: VITALS })
    await writePressure(db, 1, 2, 3)
    const { writer } = await pressureWriter(db)
    const calls: Promise<unknown>[] = []
    const frame = {
      get time(): bigint {
        calls.push(
          db.delete(['time', 'pressure'], {}),
          db.read('pressure'),
          db.channels.rename('valve', 'v'),
          db.gc(),
          db.verify(),
        )
        return 10n
      },
      pressure: 1,
    }
    expect(await writer.write(frame)).toBe(true)
    const [, read] = await Promise.all(calls)
    expect((read as { count(name: string): number }).count('pressure')).toBe(3)
    expect((await timesOf(db)).filter((time) => time !== 10)).toEqual([])
  })

  it('and throws fails the write with what was thrown, and records nothing', async () => {
    const { db } = await openStore({ channels: VITALS })
    const { writer, write } = await pressureWriter(db)
    const boom = new Error('boom')
    const frame = {
      time: 1n,
      get pressure(): number {
        throw boom
      },
    }
    expect(await errorOf(() => writer.write(frame))).toBe(boom)
    const samples = new Proxy([1, 2], {
      get(target, key) {
        if (key === '1') throw boom
        return Reflect.get(target, key) as unknown
      },
    })
    expect(await errorOf(() => writer.write({ time: [1n, 2n], pressure: samples }))).toBe(boom)
    expect(await write(1)).toBe(true)
    expect(await timesOf(db)).toEqual([1])
  })

  it('and changes lengths while it is read is refused', async () => {
    const { db } = await openStore({ channels: VITALS })
    const { writer, write } = await pressureWriter(db)
    const growing = [1, 2]
    const time = new Proxy([1n, 2n], {
      get(target, key) {
        if (key === '0') growing.push(3)
        return Reflect.get(target, key) as unknown
      },
    })
    await expectRefused(db, () => writer.write({ time, pressure: growing }), ValidationError, {
      channel: 'pressure',
    })
    growing.length = 2
    const shrinking = new Proxy([1n, 2n], {
      get(target, key) {
        if (key === '0') growing.length = 1
        return Reflect.get(target, key) as unknown
      },
    })
    await expectRefused(db, () => writer.write({ time: shrinking, pressure: growing }), ValidationError, {
      channel: 'pressure',
    })
    expect(await write(1, 2)).toBe(true)
  })

  it('is read once: each property a single time', async () => {
    const { db } = await openStore({ channels: VITALS })
    const { writer } = await pressureWriter(db)
    let reads = 0
    const frame = {
      time: 1n,
      get pressure(): number {
        return ++reads
      },
    }
    await writer.write(frame)
    expect(reads).toBe(1)
  })

  it('with a lying length is refused', async () => {
    const { db } = await openStore({ channels: VITALS })
    const { writer } = await pressureWriter(db)
    for (const length of [-1, 0.5, Number.POSITIVE_INFINITY, 2 ** 53, '2', null]) {
      const lying = new Proxy([1], {
        get: (target, key) => (key === 'length' ? length : (Reflect.get(target, key) as unknown)),
      })
      await expectError(() => writer.write({ time: [1n], pressure: lying }), ValidationError, {
        channel: 'pressure',
      })
    }
    expect(await timesOf(db)).toEqual([])
  })

  it('of a prototype, a class or without one works by its own properties', async () => {
    const { db } = await openStore({ channels: VITALS })
    const { writer } = await pressureWriter(db)
    const bare: object = Object.assign(Object.create(null) as object, { time: 1n, pressure: 1 })
    expect(await writer.write(wrong(bare))).toBe(true)
    expect(await timesOf(db)).toEqual([1])
  })
})

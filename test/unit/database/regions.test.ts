// Where a writer may write: gaps in committed data, one writer in each (api.md 4 and 10, Regions). What is
// stored never overlaps and strictly increases, in whatever order it was written (0001-I1, 0001-I3).

import { describe, expect, it } from 'vitest'
import { ValidationError, WriteConflictError } from '../../../src/errors.ts'
import { openStore } from '../../support/open-store.ts'
import { expectRefused } from '../../support/refused.ts'
import { pressureWriter, timesOf, VITALS, writePressure } from '../../support/vitals.ts'

const code = 'WRITE_CONFLICT' as const

describe('committed data', () => {
  it('is never overlapped: a start inside it is refused, naming both ranges', async () => {
    const { db } = await openStore({ channels: VITALS })
    await writePressure(db, 10, 20, 30)
    for (const start of [10n, 15n, 30n]) {
      const error = await expectRefused(db, () => pressureWriter(db, { start }), WriteConflictError, {
        code,
        channel: 'time',
      })
      expect(error.requested).toEqual({ start })
      expect(error.existing.start! <= start && error.existing.end! > start).toBe(true)
      expect(error.message).toContain('1970-01-01T00:00:00.000000010Z')
    }
    for (const start of [9n, 31n]) await (await pressureWriter(db, { start })).writer.close()
  })

  it('refuses a first timestamp that lies in it, also between the samples of a domain', async () => {
    const store = await openStore({ channels: VITALS })
    await writePressure(store.db, 10, 20, 30)
    for (const db of [store.db, await store.reopen()]) {
      if (db !== store.db) continue
      for (const first of [10, 11, 25, 30]) {
        const { writer, write } = await pressureWriter(db)
        const requested = { start: BigInt(first), end: 101n }
        await expectRefused(db, () => write(first, 100), WriteConflictError, {
          code,
          channel: 'time',
          requested,
        })
        expect(await write(40 + first)).toBe(true)
        await writer.close()
        await db.delete(['time', 'pressure'], { start: 31n })
      }
    }
  })

  it('ends the region before it: a writer never leaves its gap forwards', async () => {
    const { db } = await openStore({ channels: VITALS })
    await writePressure(db, 10, 11)
    const { write } = await pressureWriter(db)
    expect(await write(1, 8)).toBe(true)
    await expectRefused(db, () => write(10), WriteConflictError, {
      requested: { start: 10n, end: 11n },
      existing: { start: 10n },
    })
    await expectRefused(db, () => write(12), WriteConflictError)
    expect(await write(9)).toBe(true)
    await expectRefused(db, () => write(10), WriteConflictError)
    expect(await timesOf(db)).toEqual([1, 8, 9, 10, 11])
  })

  it('is not crossed by a frame that begins before it and ends behind it', async () => {
    const { db } = await openStore({ channels: VITALS })
    await writePressure(db, 10)
    const { write } = await pressureWriter(db)
    await expectRefused(db, () => write(8, 9, 10), WriteConflictError)
    await expectRefused(db, () => write(8, 20), WriteConflictError)
    expect(await write(8, 9)).toBe(true)
  })

  it('may be written between two domains, and before and behind all', async () => {
    const { db } = await openStore({ channels: VITALS })
    await writePressure(db, 10)
    await writePressure(db, 30)
    await writePressure(db, 20, 21)
    await writePressure(db, 1)
    await writePressure(db, 40)
    expect(await timesOf(db)).toEqual([1, 10, 20, 21, 30, 40])
    expect((await db.stats()).channels['time']!.domains).toBe(5)
  })

  it('of which a stretch was deleted can be refilled there, and only there', async () => {
    const store = await openStore({ channels: VITALS })
    await writePressure(store.db, 1, 2, 3, 4, 5, 6, 7)
    await store.db.delete(['time', 'pressure'], { start: 3n, end: 6n })
    const { db } = store
    await expectRefused(db, () => pressureWriter(db, { start: 2n }), WriteConflictError)
    const { writer, write } = await pressureWriter(db, { start: 3n })
    await expectRefused(db, () => write(3, 6), WriteConflictError)
    expect(await write(3, 5)).toBe(true)
    await writer.close()
    expect(await timesOf(db)).toEqual([1, 2, 3, 5, 6, 7])
    expect(await timesOf(await store.reopen())).toEqual([1, 2, 3, 5, 6, 7])
  })
})

describe('a second writer in a region', () => {
  it('is refused at open with a start, and stays away', async () => {
    const { db } = await openStore({ channels: VITALS })
    const { write } = await pressureWriter(db)
    await write(1, 2)
    await expectRefused(db, () => pressureWriter(db, { start: 5n }), WriteConflictError, {
      code,
      channel: 'time',
      requested: { start: 5n },
    })
    expect((await db.stats()).open.writers).toBe(1)
    expect(await write(5)).toBe(true)
  })

  it('is refused at its first write without one, and may go on when the first has closed', async () => {
    const { db } = await openStore({ channels: VITALS })
    const first = await pressureWriter(db)
    const second = await pressureWriter(db)
    await first.write(1, 2)
    await expectRefused(db, () => second.write(10), WriteConflictError, {
      code,
      requested: { start: 10n, end: 11n },
    })
    await first.writer.close()
    expect(await second.write(3)).toBe(true)
    expect((await db.read('time')).series('time')).toHaveLength(1)
  })

  it('is refused against one whose samples are not committed yet', async () => {
    const { db } = await openStore({ channels: VITALS })
    const first = await pressureWriter(db, { autoCommit: false })
    await first.write(10)
    const second = await pressureWriter(db)
    await expectRefused(db, () => second.write(20), WriteConflictError)
    await expectRefused(db, () => second.write(5), WriteConflictError)
    await first.writer.close()
    expect(await second.write(5)).toBe(true)
  })

  it('is welcome before the start of one that has not committed: that bounds it as data would', async () => {
    const { db } = await openStore({ channels: VITALS })
    const late = await pressureWriter(db, { start: 100n })
    const early = await pressureWriter(db)
    expect(await early.write(50)).toBe(true)
    await expectRefused(db, () => early.write(60, 100), WriteConflictError, { existing: { start: 100n } })
    expect(await early.write(99)).toBe(true)
    expect(await late.write(150)).toBe(true)
    await late.writer.close()
    await expectRefused(db, () => early.write(150), WriteConflictError)
    expect(await early.write(149)).toBe(true)
    expect(await timesOf(db)).toEqual([50, 99, 149, 150])
  })

  it('may go on behind a start whose writer closed without a commit', async () => {
    const { db } = await openStore({ channels: VITALS })
    const late = await pressureWriter(db, { start: 100n, autoCommit: false })
    const early = await pressureWriter(db)
    await early.write(50)
    await late.write(100)
    await expectRefused(db, () => early.write(100), WriteConflictError)
    await late.writer.close()
    expect(await early.write(100)).toBe(true)
  })

  it('with a start must lie wholly before that of another, and is bounded by it', async () => {
    const { db } = await openStore({ channels: VITALS })
    await pressureWriter(db, { start: 100n })
    for (const start of [100n, 150n]) {
      const details = { code, requested: { start }, existing: { start: 100n } }
      await expectRefused(db, () => pressureWriter(db, { start }), WriteConflictError, details)
    }
    const early = await pressureWriter(db, { start: 50n })
    await expectRefused(db, () => early.write(50, 100), WriteConflictError)
    await expectRefused(db, () => early.write(49), ValidationError, { channel: 'time' })
    expect(await early.write(50, 99)).toBe(true)
  })

  it('in other groups and other gaps is none', async () => {
    const { db } = await openStore({ channels: VITALS })
    await writePressure(db, 50)
    const before = await pressureWriter(db)
    const behind = await pressureWriter(db)
    const slow = await db.openWriter(['slow'])
    expect(await Promise.all([before.write(1), behind.write(60), slow.write({ slow: 1n })])).toEqual([
      true,
      true,
      true,
    ])
    expect(await Promise.all([before.write(49), behind.write(61), slow.write({ slow: 2n })])).toEqual([
      true,
      true,
      true,
    ])
    expect(await timesOf(db)).toEqual([1, 49, 50, 60, 61])
  })

  it('that is refused in one group records nothing in the other', async () => {
    const { db } = await openStore({ channels: VITALS })
    const first = await pressureWriter(db)
    await first.write(1)
    const both = await db.openWriter(['time', 'pressure', 'slow', 'state'])
    const frame = { slow: 1n, state: 1, time: 5n, pressure: 1 }
    await expectRefused(db, () => both.write(frame), WriteConflictError, { channel: 'time' })
    expect(await both.write({ slow: 1n, state: 1 })).toBe(true)
  })
})

describe('a delete under live writers', () => {
  it('leaves a hole behind one that others may refill meanwhile', async () => {
    const { db } = await openStore({ channels: VITALS })
    const live = await pressureWriter(db)
    await live.write(1, 2, 3, 4, 5)
    await db.delete(['time', 'pressure'], { start: 2n, end: 5n })
    const refill = await pressureWriter(db)
    expect(await refill.write(3)).toBe(true)
    await expectRefused(db, () => refill.write(5), WriteConflictError)
    expect(await live.write(6)).toBe(true)
    expect(await refill.write(4)).toBe(true)
    expect(await timesOf(db)).toEqual([1, 3, 4, 5, 6])
  })

  it('of the newest samples can be refilled from the next commit of the writer on', async () => {
    const { db } = await openStore({ channels: VITALS })
    const live = await pressureWriter(db)
    await live.write(1, 2, 3, 4, 5)
    await db.delete(['time', 'pressure'], { start: 3n })
    const refill = await pressureWriter(db)
    await expectRefused(db, () => refill.write(3), WriteConflictError)
    expect(await live.write(8)).toBe(true)
    expect(await refill.write(4, 6)).toBe(true)
    expect(await timesOf(db)).toEqual([1, 2, 4, 6, 8])
    // A delete came between: 8 does not go on with 2, nor with what was filled in.
    expect((await db.stats()).channels['time']!.domains).toBe(3)
  })

  it('that was refilled to the brim does not lead into the region of the live writer', async () => {
    const { db } = await openStore({ channels: VITALS })
    const live = await pressureWriter(db)
    await live.write(1, 2, 3, 4, 5)
    await db.delete(['time', 'pressure'], { start: 2n, end: 5n })
    const refill = await pressureWriter(db)
    expect(await refill.write(2, 3, 4)).toBe(true)
    await expectRefused(db, () => refill.write(6), WriteConflictError)
    await expectRefused(db, () => refill.write(100), WriteConflictError)
    expect(await live.write(6)).toBe(true)
  })

  it('does not let the writer go back', async () => {
    const { db } = await openStore({ channels: VITALS })
    const live = await pressureWriter(db)
    await live.write(1, 2, 3)
    await db.delete(['time', 'pressure'], {})
    await expectRefused(db, () => live.write(2), ValidationError, { channel: 'time' })
    expect(await live.write(4)).toBe(true)
    expect(await timesOf(db)).toEqual([4])
  })

  it('of the data that bounds a gap opens it', async () => {
    const { db } = await openStore({ channels: VITALS })
    await writePressure(db, 50)
    const live = await pressureWriter(db)
    await live.write(1)
    await expectRefused(db, () => live.write(60), WriteConflictError)
    await db.delete(['time', 'pressure'], { start: 50n })
    expect(await live.write(60)).toBe(true)
    expect((await db.read('time')).series('time')).toHaveLength(1)
  })
})

describe('whoever commits second over the same time', () => {
  it('gets the conflict, loses those samples, and goes on', async () => {
    const { db } = await openStore({ channels: VITALS })
    await writePressure(db, 50)
    const slow = await pressureWriter(db, { autoCommit: false })
    await slow.write(10)
    const quick = await pressureWriter(db)
    await quick.write(61)
    await db.delete(['time', 'pressure'], {})
    await slow.write(20, 100)
    await quick.write(70)
    const details = {
      code,
      channel: 'time',
      requested: { start: 10n, end: 101n },
      existing: { start: 70n, end: 71n },
    }
    const error = await expectRefused(db, () => slow.writer.commit(), WriteConflictError, details)
    expect(error.message).toContain('6 samples')
    expect(await slow.writer.commit()).toBeUndefined()
    expect(await slow.write(10, 15)).toBe(true)
    expect(await slow.writer.commit()).toBe(16n)
    expect(await timesOf(db)).toEqual([10, 15, 70])
  })

  it('without an overlap is no conflict', async () => {
    const { db } = await openStore({ channels: VITALS })
    await writePressure(db, 50)
    const slow = await pressureWriter(db, { autoCommit: false })
    await slow.write(10, 20)
    const quick = await pressureWriter(db)
    await quick.write(61)
    await db.delete(['time', 'pressure'], {})
    await quick.write(70)
    expect(await slow.writer.commit()).toBe(21n)
    expect(await timesOf(db)).toEqual([10, 20, 70])
  })

  it('in one of its groups commits nothing of the others', async () => {
    const { db } = await openStore({ channels: VITALS })
    await writePressure(db, 50)
    const slow = await db.openWriter({ channels: ['time', 'pressure', 'slow'], autoCommit: false })
    await slow.write({ time: 10n, pressure: 1, slow: 5n })
    const quick = await pressureWriter(db)
    await quick.write(61)
    await db.delete(['time', 'pressure'], {})
    await slow.write({ time: 100n, pressure: 1 })
    await quick.write(70)
    await expectRefused(db, () => slow.commit(), WriteConflictError)
    expect(await db.count('slow')).toEqual({ slow: 0 })
    expect(await slow.write({ slow: 5n })).toBe(true)
    expect(await slow.commit()).toBe(6n)
  })
})

describe('domains', () => {
  it('of one writer go on over its own gaps', async () => {
    const { db } = await openStore({ channels: VITALS })
    const { write } = await pressureWriter(db)
    await write(1)
    await write(1000)
    await write(2000, 3000)
    expect((await db.read('pressure', {}, { timestamps: true })).series('pressure')).toHaveLength(1)
  })

  it('that touch are one, whoever wrote them and in whatever order', async () => {
    const store = await openStore({ channels: VITALS })
    await writePressure(store.db, 3, 4)
    await writePressure(store.db, 1, 2)
    await writePressure(store.db, 5)
    await writePressure(store.db, 7)
    const check = async (db: typeof store.db): Promise<void> => {
      const series = (await db.read('pressure')).series('pressure')
      expect(series.map(({ timeRange }) => timeRange)).toEqual([
        { start: 1n, end: 6n },
        { start: 7n, end: 8n },
      ])
      expect((await db.stats()).channels['pressure']!.domains).toBe(2)
    }
    await check(store.db)
    await check(await store.reopen())
  })
})

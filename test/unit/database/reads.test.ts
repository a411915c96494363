// Reading: frames, series, times, rows, counts, the newest, bounds (api.md 5 and 10, Frames read).

import { describe, expect, it } from 'vitest'
import { ChannelNotFoundError, ValidationError } from '../../../src/errors.ts'
import type { Store } from '../../support/open-store.ts'
import { openStore } from '../../support/open-store.ts'
import { errorOf, expectRefused, wrong } from '../../support/refused.ts'
import { timesOf, VITALS, writePressure } from '../../support/vitals.ts'
import type { Vitals } from '../../support/vitals.ts'

/** Runs a check on samples in memory, in segments, after a kill, and through another process. */
async function everywhere(
  store: Store<Vitals>,
  check: (db: Store<Vitals>['db']) => Promise<void>,
): Promise<void> {
  await check(store.db)
  await check(await store.openAlso({ readOnly: true }))
  await check(await store.kill())
  await check(await store.reopen())
  await check(await store.openAlso({ readOnly: true }))
}

describe('read', () => {
  it('takes a name or a list, and any range', async () => {
    const store = await openStore({ channels: VITALS })
    await writePressure(store.db, 10, 20, 30)
    await everywhere(store, async (db) => {
      const read = async (range?: object): Promise<number[]> => [
        ...(await db.read('pressure', range)).column('pressure'),
      ]
      expect(await read()).toEqual([10, 20, 30])
      expect(await read({})).toEqual([10, 20, 30])
      expect(await read({ start: undefined, end: undefined })).toEqual([10, 20, 30])
      expect(await read({ start: 20n })).toEqual([20, 30])
      expect(await read({ end: 20n })).toEqual([10])
      expect(await read({ start: 10n, end: 30n })).toEqual([10, 20])
      expect(await read({ start: 11n, end: 20n })).toEqual([])
      expect(await read({ start: 20n, end: 20n })).toEqual([])
      expect(await read({ start: '1970-01-01T00:00:00.000000011Z', end: new Date(1) })).toEqual([20, 30])
      const frame = await db.read(['count', 'pressure', 'slow'])
      expect(frame.channels).toEqual(['count', 'pressure', 'slow'])
      expect([frame.count('count'), frame.count('pressure'), frame.count('slow'), frame.isEmpty]).toEqual([
        0,
        3,
        0,
        false,
      ])
      expect((await db.read('slow')).isEmpty).toBe(true)
    })
  })

  const invalid: [string, unknown[]][] = [
    ['null for channels', [null]],
    ['no channels', [[]]],
    ['a key instead of a name', [1]],
    ['a name twice', [['time', 'time']]],
    ['a null range', ['time', null]],
    ['a list for a range', ['time', [1n, 2n]]],
    ['an unknown key in a range', ['time', { from: 1n }]],
    ['a null side of a range', ['time', { start: null }]],
    ['a bare number in a range', ['time', { start: 1 }]],
    ['a range that ends before it starts', ['time', { start: 2n, end: 1n }]],
    ['null options', ['time', {}, null]],
    ['an unknown option', ['time', {}, { into: [] }]],
    ['null for timestamps', ['time', {}, { timestamps: null }]],
    ['timestamps that are no boolean', ['time', {}, { timestamps: 1 }]],
    ['a signal that is none', ['time', {}, { signal: { aborted: true } }]],
  ]
  it.each(invalid)('refuses %s', async (_, args) => {
    const { db } = await openStore({ channels: VITALS })
    await expectRefused(
      db,
      () => (db.read as (...all: unknown[]) => unknown).apply(db, args),
      ValidationError,
    )
  })

  it('refuses a channel that is not there', async () => {
    const { db } = await openStore({ channels: VITALS })
    for (const call of [
      () => db.read(wrong(['time', 'flow'])),
      () => db.latest(wrong('flow')),
      () => db.count(wrong('flow')),
      () => db.hasData(wrong('flow'), {}),
      () => db.bounds(wrong('flow')),
      () => db.frames(wrong('flow')).next(),
      () => db.delete(wrong('flow'), {}),
    ]) {
      await expectRefused(db, call, ChannelNotFoundError, { channel: 'flow', code: 'CHANNEL_NOT_FOUND' })
    }
  })

  it('rejects with the reason of a signal', async () => {
    const { db } = await openStore({ channels: VITALS })
    await writePressure(db, 1)
    const reason = new Error('enough')
    expect(await errorOf(() => db.read('time', {}, { signal: AbortSignal.abort(reason) }))).toBe(reason)
    const controller = new AbortController()
    expect((await db.read('time', {}, { signal: controller.signal })).count('time')).toBe(1)
    const writer = await db.openWriter(['slow'])
    await writer.write({ slow: BigInt64Array.from({ length: 200_000 }, (_, i) => BigInt(i)) })
    const read = db.read('slow', {}, { signal: controller.signal })
    controller.abort(reason)
    expect(await errorOf(() => read)).toBe(reason)
  })

  it('sees what was committed when it was called, and nothing later', async () => {
    const { db } = await openStore({ channels: VITALS }, { tuning: { inlineLimit: 512 } })
    const writer = await db.openWriter(['time'])
    const times = BigInt64Array.from({ length: 100_000 }, (_, i) => BigInt(i))
    await writer.write({ time: times })
    const read = db.read('time')
    const write = writer.write({ time: 200_000n })
    const deleted = db.delete('time', { start: 10n })
    await Promise.all([write, deleted, db.gc({ threshold: 0 })])
    expect((await read).column('time')).toEqual(times)
  })

  it('gives arrays that belong to the caller', async () => {
    const { db } = await openStore({ channels: VITALS })
    await writePressure(db, 1, 2)
    const frame = await db.read(['time', 'pressure'])
    frame.column('pressure').fill(9)
    frame.column('time').fill(9n)
    expect([...(await db.read('pressure')).column('pressure')]).toEqual([1, 2])
  })
})

describe('a frame that was read', () => {
  it('has one series per domain, tight and in order, views on the column', async () => {
    const store = await openStore({ channels: VITALS })
    await writePressure(store.db, 1, 2, 5)
    await writePressure(store.db, 10, 11)
    await everywhere(store, async (db) => {
      const frame = await db.read('pressure', {}, { timestamps: true })
      const series = frame.series('pressure')
      expect(
        series.map(({ timeRange, length, channel, type }) => ({ ...timeRange, length, channel, type })),
      ).toEqual([
        { start: 1n, end: 6n, length: 3, channel: 'pressure', type: 'float64' },
        { start: 10n, end: 12n, length: 2, channel: 'pressure', type: 'float64' },
      ])
      expect(series[1]!.data.buffer).toBe(frame.column('pressure').buffer)
      expect([...series[1]!.timestamps]).toEqual([10n, 11n])
      expect([series[0]!.at(2), series[0]!.at(3), series[0]!.at(-1)]).toEqual([5, undefined, undefined])
      const cut = await db.read('pressure', { start: 2n, end: 11n })
      expect(cut.series('pressure').map(({ timeRange }) => timeRange)).toEqual([
        { start: 2n, end: 6n },
        { start: 10n, end: 11n },
      ])
    })
  })

  it('has no times where none were read', async () => {
    const { db } = await openStore({ channels: VITALS })
    await writePressure(db, 1)
    const frame = await db.read(['pressure', 'slow'])
    await expectRefused(db, () => frame.timestamps('pressure'), ValidationError, { channel: 'pressure' })
    await expectRefused(db, () => frame.rows(), ValidationError, { channel: 'pressure' })
    await expectRefused(db, () => frame.series('pressure')[0]!.timestamps, ValidationError, {
      channel: 'pressure',
    })
    expect([...frame.timestamps('slow')]).toEqual([])
    for (const call of [
      () => frame.column(wrong('x')),
      () => frame.timestamps(wrong('x')),
      () => frame.series(wrong('x')),
      () => frame.count(wrong('x')),
    ]) {
      await expectRefused(db, call, ChannelNotFoundError, { channel: 'x' })
    }
  })

  it('pairs values with their own times, also where a channel lacks samples', async () => {
    const store = await openStore({ channels: VITALS })
    const writer = await store.db.openWriter(['time', 'pressure', 'valve'])
    await writer.write({ time: [1n, 2n, 3n, 4n], pressure: [1, 2, 3, 4], valve: [true, false, true, 0] })
    await store.db.delete('pressure', { start: 2n, end: 4n })
    await everywhere(store, async (db) => {
      for (const frame of [
        await db.read(['time', 'pressure', 'valve']),
        await db.read(['pressure', 'valve', 'time'], {}, { timestamps: true }),
      ]) {
        expect([...frame.timestamps('pressure')]).toEqual([1n, 4n])
        expect([...frame.column('pressure')]).toEqual([1, 4])
        expect([...frame.timestamps('valve')]).toEqual([1n, 2n, 3n, 4n])
        expect([...frame.rows()].map((row) => [row.time, row.pressure, row.valve])).toEqual([
          [1n, 1, 1],
          [2n, undefined, 0],
          [3n, undefined, 1],
          [4n, 4, 0],
        ])
      }
      const alone = await db.read('pressure', {}, { timestamps: true })
      expect(alone.channels).toEqual(['pressure'])
      expect([...alone.rows()]).toEqual([{ pressure: 1 }, { pressure: 4 }])
      expect(alone.series('pressure')).toHaveLength(2)
    })
  })

  it('merges rows by time over all indexes, with a key for every channel', async () => {
    const { db } = await openStore({ channels: VITALS })
    await writePressure(db, 1, 3)
    const writer = await db.openWriter(['slow', 'state'])
    await writer.write({ slow: [2n, 3n], state: [7, 8] })
    const frame = await db.read(['state', 'pressure'], {}, { timestamps: true })
    const rows = [...frame.rows()]
    expect(rows.map((row) => Object.entries(row))).toEqual([
      [
        ['state', undefined],
        ['pressure', 1],
      ],
      [
        ['state', 7],
        ['pressure', undefined],
      ],
      [
        ['state', 8],
        ['pressure', 3],
      ],
    ])
  })

  it('survives JSON.stringify', async () => {
    const { db } = await openStore()
    await db.channels.create([
      { name: 't', kind: 'index' },
      ...(['int64', 'uint64', 'float64', 'boolean', 'timestamp'] as const).map(
        (type) => ({ name: type, kind: 'data', type, index: 't' }) as const,
      ),
    ])
    const writer = await db.openWriter(['t', 'int64', 'uint64', 'float64', 'boolean', 'timestamp'])
    await writer.write({
      t: 1n,
      int64: -5n,
      uint64: 2n ** 64n - 1n,
      float64: Number.NaN,
      boolean: true,
      timestamp: 0n,
    })
    expect(
      JSON.parse(JSON.stringify(await db.read(['t', 'int64', 'uint64', 'float64', 'boolean', 'timestamp']))),
    ).toEqual({
      t: ['1970-01-01T00:00:00.000000001Z'],
      int64: ['-5'],
      uint64: ['18446744073709551615'],
      float64: [null],
      boolean: [1],
      timestamp: ['1970-01-01T00:00:00.000000000Z'],
    })
  })
})

describe('latest', () => {
  it('is the newest of each channel, at or before a time', async () => {
    const store = await openStore({ channels: VITALS })
    await writePressure(store.db, 1, 2, 3, 10, 20)
    await store.db.delete('pressure', { start: 10n, end: 21n })
    await everywhere(store, async (db) => {
      const newest = async (count?: number, at?: bigint): Promise<number[][]> => {
        const frame = await db.latest(['time', 'pressure'], count, wrong(at === undefined ? {} : { at }))
        return [
          [...frame.column('time')].map(Number),
          [...frame.timestamps('pressure')].map(Number),
          [...frame.column('pressure')],
        ]
      }
      expect(await newest()).toEqual([[20], [3], [3]])
      expect(await newest(2)).toEqual([
        [10, 20],
        [2, 3],
        [2, 3],
      ])
      expect(await newest(100)).toEqual([
        [1, 2, 3, 10, 20],
        [1, 2, 3],
        [1, 2, 3],
      ])
      expect(await newest(1, 2n)).toEqual([[2], [2], [2]])
      expect(await newest(2, 9n)).toEqual([
        [2, 3],
        [2, 3],
        [2, 3],
      ])
      expect(await newest(1, 0n)).toEqual([[], [], []])
      const frame = await db.latest('pressure', 1, { at: 2n ** 63n - 1n, timestamps: true })
      expect([...frame.timestamps('pressure')]).toEqual([3n])
    })
  })

  const invalid: [string, unknown[]][] = [
    ['a count of 0', ['time', 0]],
    ['a negative count', ['time', -1]],
    ['a fraction', ['time', 1.5]],
    ['null for a count', ['time', null]],
    ['a bigint for a count', ['time', 1n]],
    ['null options', ['time', 1, null]],
    ['null for at', ['time', 1, { at: null }]],
    ['a bare number for at', ['time', 1, { at: 5 }]],
    ['an unknown option', ['time', 1, { before: 1n }]],
  ]
  it.each(invalid)('refuses %s', async (_, args) => {
    const { db } = await openStore({ channels: VITALS })
    await writePressure(db, 1)
    await expectRefused(
      db,
      () => (db.latest as (...all: unknown[]) => unknown).apply(db, args),
      ValidationError,
    )
  })
})

describe('count, hasData and bounds', () => {
  it('agree with what is read', async () => {
    const store = await openStore({ channels: VITALS })
    await writePressure(store.db, 10, 20, 30)
    await writePressure(store.db, 50)
    await store.db.delete('pressure', { start: 20n, end: 31n })
    await everywhere(store, async (db) => {
      expect(await db.count(['time', 'pressure', 'slow'])).toEqual({ time: 4, pressure: 2, slow: 0 })
      expect(await db.count('time', { start: 11n, end: 50n })).toEqual({ time: 2 })
      expect(await db.count('time', { start: 20n, end: 20n })).toEqual({ time: 0 })
      expect(await db.hasData('pressure', { start: 11n, end: 50n })).toBe(false)
      expect(await db.hasData(['pressure', 'time'], { start: 11n, end: 50n })).toBe(true)
      expect(await db.hasData(['count', 'slow'], {})).toBe(false)
      expect(await db.bounds('pressure')).toEqual({ start: 10n, end: 51n })
      expect(await db.bounds('slow')).toBeUndefined()
      expect(await timesOf(db, 'pressure')).toEqual([10, 50])
    })
  })

  it('refuse what is no range, no list of names, no name', async () => {
    const { db } = await openStore({ channels: VITALS })
    for (const call of [
      () => db.count('time', wrong(null)),
      () => db.count(wrong([])),
      () => db.count(['time', 'time']),
      () => db.hasData('time', wrong(null)),
      () => db.hasData(wrong(null), {}),
      () => db.bounds(wrong(null)),
      () => db.bounds(wrong(['time'])),
    ]) {
      await expectRefused(db, call, ValidationError)
    }
  })
})

// What a writer takes: its options, the shape of frames, values and times (api.md 4).

import { describe, expect, it } from 'vitest'
import {
  ChannelNotFoundError,
  ClosedError,
  ValidationError,
  WriteConflictError,
} from '../../../src/errors.ts'
import { byteWidth, createArray, DATA_TYPES } from '../../../src/telem/data-type.ts'
import type { DataType } from '../../../src/telem/data-type.ts'
import { openStore } from '../../support/open-store.ts'
import { expectError, expectRefused, wrong } from '../../support/refused.ts'
import { pressureWriter, timesOf, VITALS, writePressure } from '../../support/vitals.ts'

describe('openWriter', () => {
  const invalid: [string, unknown][] = [
    ['null', null],
    ['a name', 'time'],
    ['no channels', []],
    ['options without channels', {}],
    ['null for channels', { channels: null }],
    ['a name that is no string', [5]],
    ['a name twice', ['time', 'pressure', 'time']],
    ['an unknown option', { channels: ['time'], begin: 1n }],
    ['autoIndex, which is not built yet', { channels: ['time'], autoIndex: true }],
    ['an authority, which is not built yet', { channels: ['time'], authority: 1 }],
    ['a bare number for start', { channels: ['time'], start: 1 }],
    ['a null start', { channels: ['time'], start: null }],
    ['a null autoCommit', { channels: ['time'], autoCommit: null }],
    ['an autoCommit that is no boolean', { channels: ['time'], autoCommit: 0 }],
    ['an unknown durability', { channels: ['time'], durability: 'never' }],
    ['a null durability', { channels: ['time'], durability: null }],
    ['data without its index', ['pressure']],
    ['data of one group beside another', ['time', 'state']],
  ]
  it.each(invalid)('refuses %s', async (_, options) => {
    const { db } = await openStore({ channels: VITALS })
    await expectRefused(db, () => db.openWriter(wrong(options)), ValidationError)
  })

  it('refuses a channel that is not there', async () => {
    const { db } = await openStore({ channels: VITALS })
    await expectRefused(db, () => db.openWriter(wrong(['time', 'flow'])), ChannelNotFoundError, {
      channel: 'flow',
    })
  })

  it('takes undefined as left out, channels in any order, and every kind of start', async () => {
    const { db } = await openStore({ channels: VITALS })
    for (const start of [undefined, 5n, new Date(0), '1970-01-01T00:00:00.000000007Z']) {
      const writer = await db.openWriter(
        wrong({
          channels: ['valve', 'pressure', 'time'],
          start,
          autoCommit: undefined,
          durability: undefined,
        }),
      )
      await writer.close()
    }
    expect((await db.stats()).open.writers).toBe(0)
  })

  it('leaves other writers their regions when it is refused', async () => {
    const { db } = await openStore({ channels: VITALS })
    await writePressure(db, 10)
    await expectRefused(
      db,
      () => db.openWriter({ channels: ['slow', 'time'], start: 10n }),
      WriteConflictError,
    )
    const writer = await db.openWriter(['slow'])
    expect(await writer.write({ slow: 1n })).toBe(true)
  })
})

describe('a frame', () => {
  it('takes typed arrays, plain arrays and single values, of each type', async () => {
    const { db, reopen } = await openStore()
    const data = DATA_TYPES.map((type) => ({ name: type, kind: 'data', type, index: 't' }) as const)
    await db.channels.create([{ name: 't', kind: 'index' }, ...data])
    const writer = await db.openWriter(['t', ...DATA_TYPES])
    const frame = (t: unknown, value: (type: DataType) => unknown): never =>
      wrong({ t, ...Object.fromEntries(DATA_TYPES.map((type) => [type, value(type)])) })
    const one = (type: DataType): unknown => (byteWidth(type) === 8 && type !== 'float64' ? 1n : 1)
    const zero = (type: DataType): unknown => (byteWidth(type) === 8 && type !== 'float64' ? 0n : 0)
    await writer.write(frame(1n, one))
    await writer.write(frame([2n, 3n], (type) => [zero(type), one(type)]))
    await writer.write(
      frame(new BigInt64Array([4n, 5n]), (type) => createArray(type, 2).fill(wrong(one(type)))),
    )
    await writer.close()
    const check = async (database: typeof db): Promise<void> => {
      const read = await database.read(DATA_TYPES)
      for (const type of DATA_TYPES) {
        expect([...read.column(type)].map(Number)).toEqual([1, 0, 1, 1, 1])
        expect(read.column(type).constructor).toBe(createArray(type, 0).constructor)
      }
    }
    await check(db)
    await check(await reopen())
  })

  it('takes other typed arrays where every value fits, safe integers for 64 bits, and any TimeLike', async () => {
    const { db } = await openStore({ channels: VITALS })
    const writer = await db.openWriter(['time', 'count', 'pressure'])
    await writer.write({
      time: ['1970-01-01T00:00:00Z', new Date(1), 2_000_000n],
      count: wrong(new Float64Array([1, -2, 3])),
      pressure: wrong(new Uint8Array([7, 8, 9])),
    })
    expect([...(await db.read('count')).column('count')]).toEqual([1, -2, 3])
    expect(await timesOf(db)).toEqual([0, 1e6, 2e6])
  })

  it('is copied before the write resolves', async () => {
    const { db } = await openStore({ channels: VITALS })
    const { writer } = await pressureWriter(db)
    const frame = { time: [1n, 2n], pressure: new Float64Array([1, 2]) }
    await writer.write(frame)
    frame.time[0] = 9n
    frame.pressure.fill(9)
    expect([...(await db.read('pressure')).column('pressure')]).toEqual([1, 2])
  })

  it('may leave groups out, and begins each group at its own first timestamp', async () => {
    const { db } = await openStore({ channels: VITALS })
    const writer = await db.openWriter(['time', 'pressure', 'slow', 'state'])
    await writer.write({ time: [100n, 101n], pressure: [1, 2] })
    await writer.write({ slow: 5n, state: 1 })
    await writer.write({ time: 102n, pressure: 3, slow: [6n, 7n, 8n], state: [2, 3, 4] })
    await writer.write({ time: 103n, pressure: 4, slow: undefined, state: undefined })
    expect(await timesOf(db)).toEqual([100, 101, 102, 103])
    expect(await timesOf(db, 'state')).toEqual([5, 6, 7, 8])
  })

  it('of zero samples is a no-op that resolves to true, and claims nothing', async () => {
    const { db } = await openStore({ channels: VITALS })
    const { writer } = await pressureWriter(db)
    const { log } = await db.stats()
    expect(await writer.write({ time: [], pressure: new Float64Array(0) })).toBe(true)
    expect(await writer.commit()).toBeUndefined()
    expect((await db.stats()).log).toEqual(log)
    await writePressure(db, 1)
    expect(await timesOf(db)).toEqual([1])
  })

  const time = 20n
  const frames: [string, string | undefined, unknown][] = [
    ['null', undefined, null],
    ['undefined', undefined, undefined],
    ['an array', undefined, []],
    ['a typed array', undefined, new Float64Array(2)],
    ['a string', undefined, 'time'],
    ['no channel at all', undefined, {}],
    ['only undefined', undefined, { time: undefined, pressure: undefined }],
    ['a channel forgotten', 'count', { time, pressure: 1 }],
    ['the index forgotten', 'time', { pressure: 1, count: 1 }],
    ['null samples', 'count', { time, pressure: 1, count: null }],
    ['half of another group', 'state', { time, pressure: 1, count: 1, slow: 1n }],
    ['different lengths', undefined, { time: [time, 21n], pressure: [1], count: [1, 2] }],
    ['an empty column beside others', undefined, { time, pressure: 1, count: [] }],
    ['a channel that the writer did not open', 'valve', { time, pressure: 1, count: 1, valve: true }],
    ['a channel that is nowhere', 'flow', { time, pressure: 1, count: 1, flow: 1 }],
    ['null for a channel that is nowhere', 'flow', { time, pressure: 1, count: 1, flow: null }],
    ['a number out of range', 'count', { time, pressure: 1, count: 2 ** 31 }],
    ['a fraction for an integer', 'count', { time, pressure: 1, count: 0.5 }],
    ['NaN for an integer', 'count', { time, pressure: 1, count: Number.NaN }],
    ['a bigint for an int32', 'count', { time, pressure: 1, count: 1n }],
    ['a string for a number', 'pressure', { time, pressure: '1', count: 1 }],
    ['a boolean for a number', 'pressure', { time, pressure: true, count: 1 }],
    ['null among samples', 'pressure', { time: [time, 21n], pressure: [1, null], count: [1, 2] }],
    // oxlint-disable-next-line no-sparse-arrays -- the hole is the point
    ['a hole', 'pressure', { time: [time, 21n], pressure: [1, ,], count: [1, 2] }],
    ['an object for a column', 'pressure', { time, pressure: {}, count: 1 }],
    ['an ArrayBuffer', 'pressure', { time, pressure: new ArrayBuffer(8), count: 1 }],
    ['a DataView', 'pressure', { time, pressure: new DataView(new ArrayBuffer(8)), count: 1 }],
    ['a bare number for a time', 'time', { time: 20, pressure: 1, count: 1 }],
    ['a Float64Array for times', 'time', { time: new Float64Array([20]), pressure: [1], count: [1] }],
    ['a date that is none', 'time', { time: new Date(Number.NaN), pressure: 1, count: 1 }],
    ['a time without an offset', 'time', { time: '2024-01-01T00:00:00', pressure: 1, count: 1 }],
    ['a time of 2^63 - 1', 'time', { time: 2n ** 63n - 1n, pressure: 1, count: 1 }],
    ['a time beyond int64', 'time', { time: 2n ** 64n, pressure: 1, count: 1 }],
    ['equal times', 'time', { time: [time, time], pressure: [1, 2], count: [1, 2] }],
    ['falling times', 'time', { time: [21n, time], pressure: [1, 2], count: [1, 2] }],
    ['the time of the frame before', 'time', { time: 10n, pressure: 1, count: 1 }],
    ['a time before the frame before', 'time', { time: [9n, 20n], pressure: [1, 2], count: [1, 2] }],
    ['a time before the start', 'time', { time: [1n, 20n], pressure: [1, 2], count: [1, 2] }],
  ]
  it.each(frames)('with %s is refused and leaves the writer usable', async (_, name, frame) => {
    const { db } = await openStore({ channels: VITALS })
    const writer = await db.openWriter({
      channels: ['time', 'pressure', 'count', 'slow', 'state'],
      start: 5n,
    })
    await writer.write({ time: 10n, pressure: 0, count: 0, slow: 5n, state: 0 })
    const details = name === undefined ? {} : { channel: name }
    await expectRefused(db, () => writer.write(wrong(frame)), ValidationError, details)
    expect(await writer.write({ time: [11n, 20n], pressure: [1, 2], count: [1, 2] })).toBe(true)
    expect(await timesOf(db)).toEqual([10, 11, 20])
    expect([...(await db.read('count')).column('count')]).toEqual([0, 1, 2])
  })

  it('that is refused records nothing of any of its groups, small or large', async () => {
    const { db } = await openStore({ channels: VITALS }, { tuning: { inlineLimit: 64 } })
    const writer = await db.openWriter(['time', 'pressure', 'slow', 'state'])
    const many = Array.from({ length: 100 }, (_, i) => BigInt(i))
    await expectRefused(
      db,
      () => writer.write({ time: many, pressure: many.map(Number), slow: [2n, 1n], state: [1, 2] }),
      ValidationError,
      { channel: 'slow' },
    )
    await expectRefused(
      db,
      () => writer.write({ slow: many, state: many.map(() => 1), time: [1n, 2n], pressure: wrong([1, 'x']) }),
      ValidationError,
      { channel: 'pressure' },
    )
    expect(await writer.write({ time: 0n, pressure: 1, slow: 0n, state: 1 })).toBe(true)
    expect(await db.count(['time', 'state'])).toEqual({ time: 1, state: 1 })
  })

  it('may lie in shared memory, and in views of larger buffers', async () => {
    const { db } = await openStore({ channels: VITALS })
    const { writer } = await pressureWriter(db)
    const time = new BigInt64Array(new SharedArrayBuffer(24), 8, 2)
    time.set([5n, 6n])
    const pressure = new Float64Array([0, 1, 2, 3]).subarray(1, 3)
    await writer.write(wrong({ time, pressure }))
    expect([await timesOf(db), [...(await db.read('pressure')).column('pressure')]]).toEqual([
      [5, 6],
      [1, 2],
    ])
  })

  it('is refused for an unknown channel, whatever it inherits', async () => {
    const { db } = await openStore({ channels: VITALS })
    const { writer } = await pressureWriter(db)
    const frame: object = Object.assign(Object.create({ pressure: 1 }) as object, { time: 1n, flow: 1 })
    await expectRefused(db, () => writer.write(wrong(frame)), ValidationError, { channel: 'flow' })
  })

  it('may hold times up to 2^63 - 2 and down to -2^63', async () => {
    const store = await openStore({ channels: VITALS })
    const writer = await store.db.openWriter(['time'])
    const [first, last] = [-(2n ** 63n), 2n ** 63n - 2n]
    await writer.write({ time: [first, last] })
    expect(await writer.commit()).toBe(last + 1n)
    await expectRefused(store.db, () => writer.write({ time: last }), ValidationError, { channel: 'time' })
    const db = await store.reopen()
    expect([...(await db.read('time')).column('time')]).toEqual([first, last])
    expect(await db.bounds('time')).toEqual({ start: first, end: last + 1n })
  })

  it('may use names that objects have already', async () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
    const { db, reopen } = await openStore()
    await db.channels.create([
      { name: 'valueOf', kind: 'index' },
      ...names.map((name) => ({ name, kind: 'data', type: 'int8', index: 'valueOf' }) as const),
    ])
    const writer = await db.openWriter(['valueOf', ...names])
    await expectRefused(db, () => writer.write(wrong({ valueOf: 1n })), ValidationError, {
      channel: '__proto__',
    })
    await expectRefused(db, () => writer.write({}), ValidationError)
    const frame = Object.fromEntries([['valueOf', 1n], ...names.map((name, i) => [name, i])])
    expect(await writer.write(wrong(frame))).toBe(true)
    await writer.close()
    const check = async (database: typeof db): Promise<void> => {
      const read = await database.read(['valueOf', ...names])
      for (const [i, name] of names.entries()) expect([...read.column(name)]).toEqual([i])
      const [row] = read.rows()
      expect(Object.keys(row!)).toEqual(['valueOf', ...names])
      expect(JSON.parse(JSON.stringify(read))).toEqual(
        Object.fromEntries([
          ['valueOf', ['1970-01-01T00:00:00.000000001Z']],
          ...names.map((name, i) => [name, [i]]),
        ]),
      )
      expect(Object.entries(await database.count(names))).toEqual(names.map((name) => [name, 1]))
      expect(Object.keys((await database.stats()).channels)).toEqual(['valueOf', ...names])
    }
    await check(db)
    await check(await reopen())
    const { samples } = await (await reopen()).delete(['__proto__'], {})
    expect(Object.entries(samples)).toEqual([['__proto__', 1]])
  })
})

describe('commit and close', () => {
  it('commits nothing before it is told to, and then all groups at once', async () => {
    const { db } = await openStore({ channels: VITALS })
    const writer = await db.openWriter({ channels: ['time', 'slow'], autoCommit: false })
    expect(await writer.commit()).toBeUndefined()
    await writer.write({ time: [1n, 2n] })
    await writer.write({ slow: 50n })
    expect(await db.count(['time', 'slow'])).toEqual({ time: 0, slow: 0 })
    expect(await writer.commit()).toBe(51n)
    expect(await db.count(['time', 'slow'])).toEqual({ time: 2, slow: 1 })
    expect(await writer.commit()).toBe(51n)
    await writer.write({ time: 3n })
    expect(await writer.commit()).toBe(51n)
  })

  it('of autoCommit resolve to the end of what is committed', async () => {
    const { db } = await openStore({ channels: VITALS })
    const writer = await db.openWriter(['time'])
    await writer.write({ time: [1n, 7n] })
    expect(await writer.commit()).toBe(8n)
  })

  it('drops on close what was not committed; that time can be written again', async () => {
    const { db } = await openStore({ channels: VITALS })
    const { writer, write } = await pressureWriter(db, { autoCommit: false })
    await write(1, 2)
    await writer.commit()
    await write(3, 4)
    await writer.close()
    await writer.close()
    expect(await timesOf(db)).toEqual([1, 2])
    await writePressure(db, 3)
    expect(await timesOf(db)).toEqual([1, 2, 3])
  })

  it('are refused after close', async () => {
    const { db } = await openStore({ channels: VITALS })
    const { writer, write } = await pressureWriter(db)
    await writer.close()
    await expectRefused(db, () => write(1), ClosedError, { code: 'CLOSED' })
    await expectRefused(db, () => writer.commit(), ClosedError)
    const second = await db.openWriter(['time'])
    const closing = second.close()
    await expectError(() => second.write({ time: 1n }), ClosedError)
    await closing
  })
})

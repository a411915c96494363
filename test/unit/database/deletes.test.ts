// Deletes: atomic over their channels, of what was committed before (api.md 6 and 10; 0006-I3). Each
// store is verified at its end: data pointers stay beside their timestamps (0001-I2, 0003-I4).

import { describe, expect, it } from 'vitest'
import { DependentDataError, ValidationError } from '../../../src/errors.ts'
import type { Store } from '../../support/open-store.ts'
import { openStore } from '../../support/open-store.ts'
import { errorOf, expectRefused, wrong } from '../../support/refused.ts'
import { pressureWriter, timesOf, VITALS, writePressure } from '../../support/vitals.ts'
import type { Vitals } from '../../support/vitals.ts'

const BOTH = ['time', 'pressure'] as const

/** Where the samples lie: in pages, in extents of a tail, behind pointers, half and half. */
const PLACES = ['pages', 'extents', 'pointers', 'pointers and pages'] as const

const SMALL = { journalFileSize: 4096, journalLimit: 8192 }

/** Lets the journal outgrow its limit, so that what is in the tails is flushed. */
async function flushed(store: Store<Vitals>): Promise<void> {
  const writer = await store.db.openWriter(['slow', 'state'])
  for (let i = 0; store.disk.files().some((path) => path.endsWith('journal/000001-000000000001')); i++) {
    await writer.write({
      slow: Array.from({ length: 100 }, (_, at) => BigInt(i * 100 + at)),
      state: new Uint8Array(100),
    })
    await new Promise((resolve) => setImmediate(resolve))
  }
  await writer.close()
}

async function filled(place: (typeof PLACES)[number], count = 10): Promise<Store<Vitals>> {
  const store = await openStore(
    { channels: VITALS },
    { tuning: { inlineLimit: place === 'extents' ? 1 : 2 ** 20 } },
  )
  const times = Array.from({ length: count }, (_, i) => (i + 1) * 10)
  if (place === 'pointers and pages') {
    await writePressure(store.db, ...times.slice(0, count / 2))
    await store.reopen()
    await writePressure(store.db, ...times.slice(count / 2))
  } else await writePressure(store.db, ...times)
  if (place === 'pointers') await store.reopen()
  return store
}

describe.each(PLACES)('a delete of samples in %s', (place) => {
  it('takes what lies in the half-open range, and says how much', async () => {
    const store = await filled(place)
    const { samples, bytes } = await store.db.delete(['pressure', 'time', 'slow'], { start: 30n, end: 70n })
    expect(samples).toEqual({ pressure: 4, time: 4, slow: 0 })
    expect(Object.keys(samples)).toEqual(['pressure', 'time', 'slow'])
    expect(bytes > 0).toBe(place !== 'pages')
    const left = [10, 20, 70, 80, 90, 100]
    expect(await timesOf(store.db)).toEqual(left)
    for (const again of [() => store.kill(), () => store.reopen(), () => store.losePower(1)]) {
      const db = await again()
      expect(await timesOf(db)).toEqual(left)
      expect([...(await db.read('pressure')).column('pressure')]).toEqual(left)
      expect((await db.verify()).problems).toEqual([])
    }
  })

  it('of one channel leaves its index and the others', async () => {
    const store = await filled(place)
    expect((await store.db.delete('pressure', { start: 15n, end: 35n })).samples).toEqual({ pressure: 2 })
    expect(await timesOf(store.db, 'pressure')).toEqual([10, 40, 50, 60, 70, 80, 90, 100])
    expect((await store.db.count('time'))['time']).toBe(10)
    const db = await store.reopen()
    expect(
      (await db.read('pressure', {}, { timestamps: true }))
        .series('pressure')
        .map(({ length }) => length)
        .reduce((a, b) => a + b),
    ).toBe(8)
  })

  it('between samples, of an empty range, or beside all takes nothing and leaves no trace', async () => {
    const { db } = await filled(place)
    const { log } = await db.stats()
    for (const range of [{ start: 31n, end: 40n }, { start: 30n, end: 30n }, { start: 101n }, { end: 10n }]) {
      expect(await db.delete(BOTH, range)).toEqual({ samples: { time: 0, pressure: 0 }, bytes: 0 })
    }
    expect((await db.stats()).log).toEqual(log)
    expect((await db.stats()).channels['time']).toMatchObject({ samples: 10 })
  })

  it('takes everything for {}, one side, and repeated', async () => {
    const store = await filled(place)
    expect((await store.db.delete(BOTH, { end: 31n })).samples).toEqual({ time: 3, pressure: 3 })
    expect((await store.db.delete(BOTH, { start: 100n })).samples).toEqual({ time: 1, pressure: 1 })
    expect((await store.db.delete(BOTH, {})).samples).toEqual({ time: 6, pressure: 6 })
    expect((await store.db.delete(BOTH, {})).samples).toEqual({ time: 0, pressure: 0 })
    expect(await timesOf(await store.reopen())).toEqual([])
  })

  it('splits a domain where it took samples', async () => {
    const store = await filled(place)
    const before = (await store.db.read('time')).series('time').length
    await store.db.delete(BOTH, { start: 20n, end: 21n })
    expect((await store.db.read('time')).series('time')).toHaveLength(before + 1)
    await store.kill()
    expect((await store.db.read('time')).series('time')).toHaveLength(before + 1)
  })

  it('frees time that can be written again', async () => {
    const store = await filled(place)
    await store.db.delete(BOTH, { start: 30n, end: 51n })
    await writePressure(store.db, 30, 31, 59)
    expect(await timesOf(store.db)).toEqual([10, 20, 30, 31, 59, 60, 70, 80, 90, 100])
    expect(await timesOf(await store.reopen())).toEqual([10, 20, 30, 31, 59, 60, 70, 80, 90, 100])
  })

  it('ends the domain of a channel that a live writer goes on with, and of no other', async () => {
    const store = await openStore(
      { channels: VITALS },
      { tuning: { inlineLimit: place === 'extents' ? 1 : 2 ** 20, ...SMALL } },
    )
    const writer = await store.db.openWriter(['time', 'pressure', 'count'])
    const write = (...times: number[]): Promise<boolean> =>
      writer.write({ time: times.map(BigInt), pressure: times, count: times })
    await write(10, 20)
    if (place === 'pointers and pages') await flushed(store)
    await write(30)
    if (place === 'pointers') await flushed(store)
    await store.db.delete('pressure', { start: 30n, end: 31n })
    await write(40, 50)
    const series = async (name: 'time' | 'pressure' | 'count'): Promise<number[][]> =>
      (await store.db.read(name, {}, { timestamps: true }))
        .series(name)
        .map((each) => [...each.timestamps].map(Number))
    const check = async (): Promise<void> => {
      expect(await series('pressure')).toEqual([
        [10, 20],
        [40, 50],
      ])
      expect(await series('time')).toEqual([[10, 20, 30, 40, 50]])
      expect(await series('count')).toEqual([[10, 20, 30, 40, 50]])
    }
    await check()
    await store.kill()
    await check()
    await store.reopen()
    await check()
  })

  it('comes before the removal of a channel, whose bytes the next collection takes', async () => {
    const store = await filled(place, 1000)
    await store.db.delete('pressure', { start: 100n, end: 200n })
    await store.db.channels.remove('pressure')
    expect((await store.db.verify()).problems).toEqual([])
    await store.kill({})
    expect(await store.db.count('time')).toEqual({ time: 1000 })
    await store.db.channels.remove(['time', 'count', 'valve'])
    expect((await store.db.verify()).problems).toEqual([])
    await store.db.gc({ threshold: 0 })
    expect((await store.db.stats()).segments.filter(({ live, dead }) => live + dead > 0)).toEqual([])
    await store.kill({})
    expect(store.db.channels.list().map(({ name }) => name)).toEqual(['slow', 'state'])
  })

  it('of an index is refused where data outside the call has samples there', async () => {
    const { db } = await filled(place)
    const details = { channel: 'pressure', code: 'DEPENDENT_DATA' as const }
    await expectRefused(db, () => db.delete('time', { start: 30n, end: 31n }), DependentDataError, details)
    await expectRefused(db, () => db.delete(['slow', 'time', 'valve'], {}), DependentDataError, details)
    expect((await db.delete('time', { start: 31n, end: 40n })).samples).toEqual({ time: 0 })
    await db.delete('pressure', { start: 30n, end: 51n })
    expect((await db.delete('time', { start: 30n, end: 51n })).samples).toEqual({ time: 3 })
    await expectRefused(db, () => db.delete('time', { start: 50n, end: 61n }), DependentDataError, details)
  })
})

describe('a delete', () => {
  it('takes what was committed before it; what is committed later stays', async () => {
    const { db } = await openStore({ channels: VITALS })
    const { writer, write } = await pressureWriter(db, { autoCommit: false })
    await write(1, 2)
    await writer.commit()
    await write(3, 4)
    expect((await db.delete(BOTH, {})).samples).toEqual({ time: 2, pressure: 2 })
    expect(await writer.commit()).toBe(5n)
    expect(await timesOf(db)).toEqual([3, 4])
  })

  it('runs beside a writer, atomically: its counts add up', async () => {
    const { db } = await openStore(
      { channels: VITALS, memoryBudget: 2 ** 20 },
      { tuning: { journalFileSize: 8192, journalLimit: 16_384 } },
    )
    const { write } = await pressureWriter(db)
    let written = 0
    let deleted = 0
    for (let round = 0; round < 60; round++) {
      const writes = Array.from({ length: 20 }, () => write(...Array.from({ length: 20 }, () => written++)))
      const [{ samples }] = await Promise.all([
        db.delete(BOTH, { start: BigInt(round * 100), end: BigInt(written) }),
        ...writes,
      ])
      expect(samples['time']).toBe(samples['pressure'])
      deleted += samples['time']!
    }
    const counts = await db.count(BOTH)
    expect(counts).toEqual({ time: written - deleted, pressure: written - deleted })
  })

  it('at once with others takes each sample once', async () => {
    const { db } = await filled('pointers and pages')
    const results = await Promise.all(Array.from({ length: 5 }, () => db.delete(BOTH, { end: 81n })))
    expect(results.reduce((sum, { samples }) => sum + samples['time']!, 0)).toBe(8)
    expect(await timesOf(db)).toEqual([90, 100])
  })

  it('over several groups is one step', async () => {
    const store = await openStore({ channels: VITALS })
    const writer = await store.db.openWriter(['time', 'pressure', 'slow', 'state'])
    await writer.write({ time: [1n, 2n], pressure: [1, 2], slow: [1n, 2n], state: [1, 2] })
    const { samples } = await store.db.delete([...BOTH, 'state'], { start: 2n })
    expect(samples).toEqual({ time: 1, pressure: 1, state: 1 })
    await expectRefused(store.db, () => store.db.delete([...BOTH, 'slow'], {}), DependentDataError, {
      channel: 'state',
    })
    expect(await store.db.count(['time', 'slow', 'state'])).toEqual({ time: 1, slow: 2, state: 1 })
  })

  it('rejects with the reason of a signal and has done nothing, or completes', async () => {
    const { db } = await filled('pages')
    const reason = new Error('enough')
    expect(await errorOf(() => db.delete(BOTH, {}, { signal: AbortSignal.abort(reason) }))).toBe(reason)
    expect(await timesOf(db)).toHaveLength(10)
    const controller = new AbortController()
    const deleting = db.delete(BOTH, {}, { signal: controller.signal })
    controller.abort(reason)
    const outcome = await deleting.catch((error: unknown) => error)
    expect(await timesOf(db)).toHaveLength(outcome === reason ? 10 : 0)
  })

  const invalid: [string, unknown[]][] = [
    ['no range', ['time']],
    ['a null range', ['time', null]],
    ['a range that ends before it starts', ['time', { start: 2n, end: 1n }]],
    ['an unknown key in a range', ['time', { to: 1n }]],
    ['no channels', [[], {}]],
    ['null for channels', [null, {}]],
    ['a name twice', [['time', 'time'], {}]],
    ['null options', ['time', {}, null]],
    ['an unknown option', ['time', {}, { force: true }]],
    ['a signal that is none', ['time', {}, { signal: 1 }]],
  ]
  it.each(invalid)('refuses %s', async (_, args) => {
    const { db } = await filled('pages')
    await expectRefused(
      db,
      () => (db.delete as (...all: unknown[]) => unknown).apply(db, args),
      ValidationError,
    )
  })

  it('takes undefined options as left out', async () => {
    const { db } = await filled('pages')
    expect((await db.delete(BOTH, {}, wrong(undefined))).samples).toEqual({ time: 10, pressure: 10 })
  })
})

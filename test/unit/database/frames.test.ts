// Walking over a range in frames of bounded size, at the instant of the first `next` (api.md 5 and 10).

import { describe, expect, it } from 'vitest'
import { ClosedError, ValidationError } from '../../../src/errors.ts'
import type { FramesOptions } from '../../../src/index.ts'
import { openStore } from '../../support/open-store.ts'
import { errorOf, expectError, expectRefused, wrong } from '../../support/refused.ts'
import type { Store } from '../../support/open-store.ts'
import { pressureWriter, VITALS, writePressure } from '../../support/vitals.ts'
import type { Vitals } from '../../support/vitals.ts'

async function walk(db: Store<Vitals>['db'], range: object, options: FramesOptions): Promise<number[][]> {
  const frames: number[][] = []
  for await (const frame of db.frames('pressure', range, options)) frames.push([...frame.column('pressure')])
  return frames
}

describe('frames', () => {
  it('end at as many samples of the longest channel', async () => {
    const store = await openStore({ channels: VITALS })
    await writePressure(store.db, 1, 2, 3, 4, 5, 6, 7)
    await store.db.delete('pressure', { start: 2n, end: 4n })
    for (const db of [store.db, await store.openAlso({ readOnly: true })]) {
      const frames: unknown[] = []
      for await (const frame of db.frames(['pressure', 'time'], {}, { samples: 3 })) {
        frames.push([
          [...frame.column('time')].map(Number),
          [...frame.column('pressure')],
          [...frame.timestamps('pressure')].map(Number),
        ])
      }
      expect(frames).toEqual([
        [[1, 2, 3], [1], [1]],
        [
          [4, 5, 6],
          [4, 5, 6],
          [4, 5, 6],
        ],
        [[7], [7], [7]],
      ])
    }
  })

  it('end after a span, cut at the range, without empty ones', async () => {
    const { db } = await openStore({ channels: VITALS })
    await writePressure(db, 10, 11, 15, 29, 1000, 1001)
    expect(await walk(db, { start: 10n }, { span: 10n })).toEqual([[10, 11, 15], [29], [1000, 1001]])
    expect(await walk(db, { start: 5n, end: 1001n }, { span: '10ns' })).toEqual([
      [10, 11],
      [15],
      [29],
      [1000],
    ])
    expect(await walk(db, { start: 12n, end: 14n }, { span: 1n })).toEqual([])
  })

  it('end at whichever of span and samples comes first', async () => {
    const { db } = await openStore({ channels: VITALS })
    await writePressure(db, 0, 1, 2, 3, 10, 11, 25)
    expect(await walk(db, { start: 0n }, { span: 10n, samples: 3 })).toEqual([[0, 1, 2], [3, 10, 11], [25]])
  })

  it('hold 100,000 samples where nothing is said, whatever they are stored in', async () => {
    const store = await openStore({ channels: VITALS })
    const writer = await store.db.openWriter(['time', 'pressure'])
    for (let i = 0; i < 3; i++) {
      const time = BigInt64Array.from({ length: 70_000 }, (_, at) => BigInt(i * 70_000 + at))
      await writer.write({ time, pressure: Float64Array.from(time, Number) })
    }
    for (const db of [store.db, await store.reopen()]) {
      const sizes: number[] = []
      let next = 0
      if (db === store.db) {
        for await (const frame of db.frames('pressure')) {
          sizes.push(frame.count('pressure'))
          for (const value of frame.column('pressure'))
            if (value !== next++) throw new Error(`${value} is out of order`)
        }
        expect(sizes).toEqual([100_000, 100_000, 10_000])
      }
    }
  })

  it('see the instant of the first next, whatever happens then', async () => {
    const { db } = await openStore({ channels: VITALS })
    await writePressure(db, 1, 2, 3, 4)
    const early = db.frames('pressure', {}, { samples: 1 })
    const late = db.frames('pressure')
    expect((await early.next()).value!.column('pressure')[0]).toBe(1)
    await db.delete(['time', 'pressure'], {})
    await writePressure(db, 3)
    await db.gc({ threshold: 0 })
    const rest: number[] = []
    for await (const frame of early) rest.push(...frame.column('pressure'))
    expect(rest).toEqual([2, 3, 4])
    expect((await late.next()).value!.column('pressure')).toEqual(new Float64Array([3]))
    await late.return()
  })

  it('begin anew with each call, end for good, and let go of what they pinned', async () => {
    const { db } = await openStore({ channels: VITALS })
    await writePressure(db, 1, 2, 3)
    const frames = db.frames('time', {}, { samples: 1 })
    for await (const frame of frames) {
      expect(frame.count('time')).toBe(1)
      break
    }
    expect(await frames.next()).toEqual({ value: undefined, done: true })
    expect((await db.stats()).open.snapshots).toBe(0)
    await db.close()
  })

  it('that are empty yield none', async () => {
    const { db } = await openStore({ channels: VITALS })
    expect(await walk(db, {}, {})).toEqual([])
    await writePressure(db, 5)
    expect(await walk(db, { start: 5n, end: 5n }, { span: 5n })).toEqual([])
  })

  it('in the middle of a walk end with the database', async () => {
    const { db } = await openStore({ channels: VITALS })
    await writePressure(db, 1, 2, 3)
    const frames = db.frames('time', {}, { samples: 1 })
    await frames.next()
    await db.close({ force: true })
    await expectError(() => frames.next(), ClosedError)
  })

  const invalid: [string, unknown[]][] = [
    ['a span of nothing', [{}, { span: 0n }]],
    ['a negative span', [{}, { span: -1n }]],
    ['a number for a span', [{}, { span: 5 }]],
    ['a null span', [{}, { span: null }]],
    ['no samples', [{}, { samples: 0 }]],
    ['a fraction of samples', [{}, { samples: 1.5 }]],
    ['null for samples', [{}, { samples: null }]],
    ['an unknown option', [{}, { chunkSize: 5 }]],
    ['null options', [{}, null]],
    ['a null range', [null]],
  ]
  it.each(invalid)('refuse %s', async (_, args) => {
    const { db } = await openStore({ channels: VITALS })
    const [range, options] = args
    await expectRefused(db, () => db.frames('time', wrong(range), wrong(options)).next(), ValidationError)
    await using snapshot = db.snapshot()
    await expectError(() => snapshot.frames('time', wrong(range), wrong(options)).next(), ValidationError)
  })
})

describe('a snapshot', () => {
  it('reads one instant, whatever is written, deleted, flushed, collected, renamed or removed since', async () => {
    const { db } = await openStore(
      { channels: VITALS, memoryBudget: 2 ** 20 },
      { tuning: { journalFileSize: 4096, journalLimit: 8192 } },
    )
    const { writer, write } = await pressureWriter(db)
    await write(1, 2, 3)
    const snapshot = db.snapshot()
    const check = async (): Promise<void> => {
      const frame = await snapshot.read(['time', 'pressure'])
      expect([[...frame.column('time')].map(Number), [...frame.column('pressure')]]).toEqual([
        [1, 2, 3],
        [1, 2, 3],
      ])
      expect(frame.series('time')).toHaveLength(1)
      expect(await snapshot.count(['time', 'slow'])).toEqual({ time: 3, slow: 0 })
      expect(await snapshot.bounds('time')).toEqual({ start: 1n, end: 4n })
      expect(await snapshot.hasData('time', { start: 4n })).toBe(false)
      expect((await snapshot.latest('pressure', 2, { at: 2n })).column('pressure')).toEqual(
        new Float64Array([1, 2]),
      )
      const frames: number[] = []
      for await (const each of snapshot.frames('pressure', {}, { samples: 2 }))
        frames.push(each.count('pressure'))
      expect(frames).toEqual([2, 1])
      expect(snapshot.channels.list().map(({ name }) => name)).toEqual(Object.keys(VITALS))
      expect(snapshot.channels.get('pressure').key).toBe(2)
      expect(snapshot.channels.find('p2')).toBeUndefined()
    }
    await check()
    await write(4)
    await check()
    await db.delete(['time', 'pressure'], { end: 3n })
    await check()
    for (let i = 0; i < 100; i++) await write(...Array.from({ length: 50 }, (_, at) => 100 + i * 50 + at))
    await check()
    await writer.close()
    await db.channels.rename('pressure', 'p2')
    await check()
    await db.gc({ threshold: 0 })
    await check()
    await db.channels.remove(['time', 'p2', 'count', 'valve'])
    await db.gc({ threshold: 0 })
    await check()
    await snapshot.close()
    await snapshot.close()
    await expectError(() => snapshot.read('time'), ClosedError, { code: 'CLOSED' })
    await expectError(() => snapshot.channels, ClosedError)
  })

  it('does not see what is not committed', async () => {
    const { db } = await openStore({ channels: VITALS })
    const { writer, write } = await pressureWriter(db, { autoCommit: false })
    await write(1)
    await using before = db.snapshot()
    await writer.commit()
    await using behind = db.snapshot()
    expect([await before.count('time'), await behind.count('time')]).toEqual([{ time: 0 }, { time: 1 }])
  })

  it('refuses what reads of the database refuse', async () => {
    const { db } = await openStore({ channels: VITALS })
    await using snapshot = db.snapshot()
    for (const call of [
      () => snapshot.read(wrong(null)),
      () => snapshot.read('time', wrong({ from: 1n })),
      () => snapshot.latest('time', 0),
      () => snapshot.count(['time', 'time']),
      () => snapshot.channels.get(wrong(null)),
    ]) {
      await expectRefused(db, call, ValidationError)
    }
    const reason = new Error('enough')
    expect(await errorOf(() => snapshot.read('time', {}, { signal: AbortSignal.abort(reason) }))).toBe(reason)
  })

  it('holds no memory that writers wait for', async () => {
    const { db } = await openStore({ channels: VITALS, memoryBudget: 2 ** 20 })
    const { write } = await pressureWriter(db)
    const snapshots: [number, Awaited<ReturnType<typeof db.snapshot>>][] = []
    for (let i = 0; i < 1000; i++) {
      await write(...Array.from({ length: 200 }, (_, at) => i * 200 + at))
      if (i % 100 === 0) snapshots.push([(i + 1) * 200, db.snapshot()])
    }
    for (const [count, snapshot] of snapshots) {
      expect(await snapshot.count('pressure')).toEqual({ pressure: count })
      const values = (await snapshot.read('pressure')).column('pressure')
      expect(values.every((value, i) => value === i)).toBe(true)
      await snapshot.close()
    }
  })
})

// Closing, force, and what every call says afterwards; read-only databases (api.md 2, 9).

import { describe, expect, it } from 'vitest'
import type { Database, Snapshot } from '../../../src/index.ts'
import { open } from '../../../src/database/public.ts'
import { ClosedError, ReadOnlyError, ResourceOpenError, ValidationError } from '../../../src/errors.ts'
import { openStore } from '../../support/open-store.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { expectError, expectRefused, wrong } from '../../support/refused.ts'
import { timesOf, VITALS, writePressure } from '../../support/vitals.ts'
import type { Vitals } from '../../support/vitals.ts'

type Db = Database<Vitals>

const READS: [string, (db: Db) => unknown][] = [
  ['channels.get', (db) => db.channels.get('time')],
  ['channels.find', (db) => db.channels.find('time')],
  ['channels.list', (db) => db.channels.list()],
  ['read', (db) => db.read('time')],
  ['latest', (db) => db.latest('time')],
  ['count', (db) => db.count('time')],
  ['hasData', (db) => db.hasData('time', {})],
  ['bounds', (db) => db.bounds('time')],
  ['frames', (db) => db.frames('time').next()],
  ['snapshot', (db) => db.snapshot()],
  ['stats', (db) => db.stats()],
  ['verify', (db) => db.verify()],
]

const WRITES: [string, (db: Db) => unknown][] = [
  ['channels.create', (db) => db.channels.create({ name: 'new', kind: 'index' })],
  ['channels.create of none', (db) => db.channels.create([])],
  ['channels.rename', (db) => db.channels.rename('time', 'other')],
  ['channels.update', (db) => db.channels.update('time', {})],
  ['channels.remove', (db) => db.channels.remove('state')],
  ['openWriter', (db) => db.openWriter(['time'])],
  ['delete', (db) => db.delete('pressure', {})],
  ['gc', (db) => db.gc()],
  ['sync', (db) => db.sync()],
]

describe('after a close', () => {
  it.each([...READS, ...WRITES])('%s is a ClosedError', async (_, call) => {
    const { db } = await openStore({ channels: VITALS })
    await writePressure(db, 1)
    await db.close()
    await expectError(() => call(db), ClosedError, { code: 'CLOSED' })
  })

  it('writers and snapshots are closed too', async () => {
    const { db } = await openStore({ channels: VITALS })
    const writer = await db.openWriter(['time'])
    const snapshot = db.snapshot()
    await db.close({ force: true })
    await expectError(() => writer.write({ time: 1n }), ClosedError)
    await expectError(() => writer.commit(), ClosedError)
    await expectError(() => snapshot.read('time'), ClosedError)
    await writer.close()
    await snapshot.close()
  })

  it('a second close is a no-op, at once or later', async () => {
    const { db } = await openStore({ channels: VITALS })
    await Promise.all([db.close(), db.close(), db.close({ force: true })])
    await expect(db.close()).resolves.toBeUndefined()
  })

  it('everything is found again, and nothing is left to recover', async () => {
    const store = await openStore({ channels: VITALS })
    await writePressure(store.db, 1, 2, 3)
    await store.db.close()
    expect(store.disk.openFiles).toEqual([])
    expect(store.disk.files().filter((path) => path.includes('/journal/'))).toEqual([])
    await store.reopen()
    expect(await timesOf(store.db)).toEqual([1, 2, 3])
    expect((await store.db.stats()).recovery?.crashed ?? false).toBe(false)
  })
})

describe('a close', () => {
  it('is refused while something is open, lists it, and leaves the database open', async () => {
    const { db } = await openStore({ channels: VITALS })
    const writer = await db.openWriter(['time', 'pressure'])
    const snapshot = db.snapshot()
    const error = await expectRefused(db, () => db.close(), ResourceOpenError, { code: 'RESOURCE_OPEN' })
    expect(error.resources).toHaveLength(2)
    expect(error.resources[0]).toContain('pressure')
    expect(error.message).toContain('force')
    expect(await writer.write({ time: 1n, pressure: 1 })).toBe(true)
    await writer.close()
    await expectRefused(db, () => db.close(), ResourceOpenError)
    await snapshot.close()
    await db.close()
    await expectError(() => db.channels.list(), ClosedError)
  })

  it('by force drops what was not committed, and keeps what was', async () => {
    const store = await openStore({ channels: VITALS })
    const writer = await store.db.openWriter({ channels: ['time'], autoCommit: false })
    await writer.write({ time: 1n })
    await writer.commit()
    await writer.write({ time: 2n })
    await store.db.close({ force: true })
    expect(await timesOf(await store.reopen())).toEqual([1])
  })

  it('finishes writes and commits that were called before it', async () => {
    const store = await openStore({ channels: VITALS, durability: 'strict' })
    const writer = await store.db.openWriter(['time'])
    const writes = [1n, 2n, 3n].map((time) => writer.write({ time }))
    const closed = store.db.close({ force: true })
    expect(await Promise.all(writes)).toEqual([true, true, true])
    await closed
    expect(await timesOf(await store.reopen())).toEqual([1, 2, 3])
  })

  it('lets a long read, a delete and a collection under way end well', async () => {
    const store = await openStore({ channels: VITALS })
    const times = BigInt64Array.from({ length: 50_000 }, (_, i) => BigInt(i))
    const writer = await store.db.openWriter(['time'])
    await writer.write({ time: times })
    await writer.close()
    const read = store.db.read('time')
    const deleted = store.db.delete('time', { start: 40_000n })
    const verified = store.db.verify()
    const outcome = await Promise.allSettled([read, deleted, store.db.gc(), store.db.close(), verified])
    expect(store.disk.openFiles).toEqual([])
    expect(outcome[0]).toMatchObject({ status: 'fulfilled' })
    expect(outcome[3]).toMatchObject({ status: 'fulfilled' })
    const left = await timesOf(await store.reopen())
    expect(left.length).toBe(outcome[1].status === 'fulfilled' ? 40_000 : 50_000)
  })

  it.each([null, { forced: true }, { force: 1 }, { force: null }])(
    'refuses the options %o',
    async (options) => {
      const { db } = await openStore({ channels: VITALS })
      await expectRefused(db, () => db.close(wrong(options)), ValidationError)
    },
  )

  it('comes by force at the end of await using', async () => {
    const directory = temporaryDirectory()
    let left: Database<Vitals>
    {
      await using db = await open(directory, { channels: VITALS })
      left = db
      await using writer = await db.openWriter(['time'])
      await writer.write({ time: 1n })
      db.snapshot()
      await db.openWriter(['slow'])
    }
    await expectError(() => left.read('time'), ClosedError)
    await using again = await open(directory, { channels: VITALS })
    expect(await timesOf(again)).toEqual([1])
  })

  it('ends snapshots and writers of await using alone', async () => {
    const { db } = await openStore({ channels: VITALS })
    let left: Snapshot<Vitals>
    {
      await using snapshot = db.snapshot()
      await using writer = await db.openWriter(['time'])
      await writer.write({ time: 5n })
      left = snapshot
    }
    await expectError(() => left.count('time'), ClosedError)
    expect((await db.stats()).open).toEqual({ writers: 0, iterators: 0, streamers: 0, snapshots: 0 })
  })
})

describe('a read-only database', () => {
  it.each(WRITES)('%s is a ReadOnlyError', async (_, call) => {
    const store = await openStore({ channels: VITALS })
    await writePressure(store.db, 1, 2)
    const db = await store.openAlso({ readOnly: true })
    await expectRefused(db, () => call(db), ReadOnlyError, { code: 'READ_ONLY' })
  })

  it.each(READS)('%s works', async (_, call) => {
    const store = await openStore({ channels: VITALS })
    await writePressure(store.db, 1, 2)
    const db = await store.openAlso({ readOnly: true })
    const result = await call(db)
    expect(result).toBeDefined()
    if (typeof result === 'object' && result !== null && 'close' in result) await (result as Snapshot).close()
  })

  it('sees what was committed when it opened, and nothing later', async () => {
    const store = await openStore({ channels: VITALS })
    await writePressure(store.db, 1, 2)
    const first = await store.openAlso({ readOnly: true })
    await writePressure(store.db, 3)
    await store.db.delete(['time', 'pressure'], { end: 2n })
    await store.db.gc({ threshold: 0 })
    const second = await store.openAlso({ readOnly: true })
    expect(await timesOf(first)).toEqual([1, 2])
    expect(await timesOf(second)).toEqual([2, 3])
  })

  it("sees 'relaxed' commits once they are written", async () => {
    const store = await openStore({ channels: VITALS, durability: 'relaxed' })
    await writePressure(store.db, 1, 2)
    await store.db.sync()
    expect(await timesOf(await store.openAlso({ readOnly: true }))).toEqual([1, 2])
  })

  it('leaves the disk as it was when it closes', async () => {
    const store = await openStore({ channels: VITALS })
    await writePressure(store.db, 1)
    await store.db.close()
    const contents = (): [string, Uint8Array][] =>
      store.disk.files().map((path) => [path, store.disk.snapshotBytes(path)])
    const before = contents()
    const db = await store.openAlso({ readOnly: true })
    expect(await timesOf(db)).toEqual([1])
    await db.close()
    expect(contents()).toEqual(before)
    await expectError(() => db.read('time'), ClosedError)
  })
})

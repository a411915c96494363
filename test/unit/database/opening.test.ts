// Opening: options, what is a database and what is not, the schema, the lock (api.md 2).

import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { open } from '../../../src/database/public.ts'
import {
  ChannelMismatchError,
  ChannelNotFoundError,
  DatabaseLockedError,
  NotADatabaseError,
  StorageError,
  UnsupportedVersionError,
  ValidationError,
} from '../../../src/errors.ts'
import { channel } from '../../../src/telem/channel.ts'
import { openStore } from '../../support/open-store.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { contentsOf, expectError, wrong } from '../../support/refused.ts'
import { VITALS, writePressure } from '../../support/vitals.ts'

describe('options of open', () => {
  const cases: [string, object][] = [
    ['an unknown option', { chanels: {} }],
    ['a takeover that is no flag', { takeover: 'yes' }],
    ['a takeover to read', { takeover: true, readOnly: true }],
    ['a gc that is not false', { gc: { interval: '30s' } }],
    ['an unknown durability', { durability: 'eventual' }],
    ['a syncInterval that is a number', { syncInterval: 1000 }],
    ['a syncInterval of nothing', { syncInterval: '0s' }],
    ['a negative syncInterval', { syncInterval: -1n }],
    ['a lockTimeout that is no span', { lockTimeout: 'soon' }],
    ['a memoryBudget below 1 MiB', { memoryBudget: 1024 * 1024 - 1 }],
    ['a memoryBudget that is no whole number', { memoryBudget: 2 ** 21 + 0.5 }],
    ['a segmentSize below 1 MiB', { segmentSize: 1024 }],
    ['a negative cacheBudget', { cacheBudget: -1 }],
    ['a bigint for bytes', { memoryBudget: 2n ** 21n }],
    ['readOnly that is no boolean', { readOnly: 1 }],
    ['createIfMissing that is no boolean', { createIfMissing: 'yes' }],
    ['channels that are a list', { channels: [] }],
  ]
  it.each(cases)('refuses %s and makes nothing', async (_, options) => {
    const directory = join(temporaryDirectory(), 'db')
    await expectError(() => open(directory, wrong(options)), ValidationError, { code: 'VALIDATION' })
    await expect(readdir(directory)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  const names = [
    'channels',
    'readOnly',
    'createIfMissing',
    'durability',
    'syncInterval',
    'memoryBudget',
    'segmentSize',
    'cacheBudget',
    'gc',
    'lockTimeout',
  ]
  it.each(names)('refuses null for %s, and takes undefined as left out', async (name) => {
    const directory = join(temporaryDirectory(), 'db')
    await expectError(() => open(directory, wrong({ [name]: null })), ValidationError)
    await using db = await open(directory, wrong({ [name]: undefined }))
    expect(db.channels.list()).toEqual([])
  })

  it.each([null, [], 'options', new Map(), 5])('refuses %s in the place of options', async (options) => {
    const directory = join(temporaryDirectory(), 'db')
    await expectError(() => open(directory, wrong(options)), ValidationError)
  })

  it.each([undefined, null, '', 5, {}, 'a\0b'])('refuses %s as a directory', async (directory) => {
    await expectError(() => open(wrong(directory)), ValidationError)
  })

  it('takes the least budgets and a span as a bigint', async () => {
    const { db } = await openStore({
      memoryBudget: 2 ** 20,
      segmentSize: 2 ** 20,
      cacheBudget: 0,
      syncInterval: 5_000_000n,
      gc: false,
    })
    expect((await db.stats()).memory.budget).toBe(2 ** 20)
  })
})

describe('what is a database', () => {
  it('makes parents', async () => {
    const directory = join(temporaryDirectory(), 'a', 'b', 'c')
    await using db = await open(directory)
    expect(db.directory).toBe(directory)
    expect(await readdir(directory)).toContain('segments')
  })

  it('takes an empty directory for a database to be', async () => {
    await using db = await open(temporaryDirectory())
    expect(db.channels.list()).toEqual([])
  })

  it('refuses a directory with other files, and leaves them alone', async () => {
    const directory = temporaryDirectory()
    await writeFile(join(directory, 'photo.jpg'), 'x')
    await expectError(() => open(directory), NotADatabaseError, { directory, code: 'NOT_A_DATABASE' })
    await expectError(() => open(directory, { readOnly: true }), NotADatabaseError)
    expect(await readdir(directory)).toEqual(['photo.jpg'])
  })

  it('refuses a path that is a file; one that leads through a file is an error of the storage', async () => {
    const directory = join(temporaryDirectory(), 'file')
    await writeFile(directory, 'x')
    await expectError(() => open(directory), NotADatabaseError, { directory })
    await expectError(() => open(join(directory, 'db')), StorageError)
  })

  it.each([{ readOnly: true }, { createIfMissing: false }, { readOnly: true, createIfMissing: true }])(
    'never creates with %o',
    async (options) => {
      const parent = temporaryDirectory()
      await mkdir(join(parent, 'empty'))
      for (const name of ['missing', 'empty']) {
        await expectError(() => open(join(parent, name), options), NotADatabaseError)
      }
      expect(await readdir(parent)).toEqual(['empty'])
      expect(await readdir(join(parent, 'empty'))).toEqual([])
    },
  )

  // 0002-I4
  it('says that a newer format needs a newer library, and changes nothing', async () => {
    const store = await openStore()
    await store.db.close()
    const [manifest] = store.disk.files().filter((path) => path.includes('/manifest/'))
    const journals = store.disk.files().filter((path) => path.includes('/journal/'))
    const path = manifest ?? journals[0]!
    const head = store.disk.snapshotBytes(path).slice(0, 64)
    head[8] = 99
    new DataView(head.buffer).setUint32(60, crc32(head.subarray(0, 60)), true)
    for (const at of [8, 60, 61, 62, 63]) store.disk.corrupt(path, at, () => head[at]!)
    const files = store.disk.files()
    const details = { code: 'UNSUPPORTED_VERSION' as const, found: 99, supported: 0 }
    await expectError(() => store.openAlso(), UnsupportedVersionError, details)
    await expectError(() => store.openAlso({ readOnly: true }), UnsupportedVersionError, details)
    expect(store.disk.files()).toEqual(files)
  })
})

describe('the schema of open', () => {
  it('creates what is missing and leaves what is there', async () => {
    const store = await openStore({ channels: { time: channel.index() } })
    const time = store.db.channels.get('time')
    const db = await store.reopen(wrong({ channels: VITALS }))
    expect(db.channels.get('time')).toEqual(time)
    expect(new Set(db.channels.list().map(({ name }) => name))).toEqual(new Set(Object.keys(VITALS)))
  })

  it('takes data channels before their index, in any order', async () => {
    const { db } = await openStore({ channels: { p: channel.float64({ index: 't' }), t: channel.index() } })
    expect(db.channels.list().map(({ name }) => name)).toEqual(['p', 't'])
  })

  const mismatches: [string, object][] = [
    ['kind', { pressure: channel.index() }],
    ['type', { pressure: channel.float32({ index: 'time' }) }],
    ['index', { pressure: channel.float64({ index: 'slow' }) }],
    ['unit', { pressure: channel.float64({ index: 'time', unit: 'psi' }) }],
  ]
  it.each(mismatches)('refuses another %s, creates nothing and gives the lock back', async (what, schema) => {
    const store = await openStore({ channels: VITALS })
    await store.db.close()
    const error = await expectError(
      () => store.openAlso(wrong({ channels: { other: channel.index(), ...schema } })),
      ChannelMismatchError,
      {
        channel: 'pressure',
        code: 'CHANNEL_MISMATCH',
      },
    )
    expect(error.message).toContain(what)
    const db = await store.reopen()
    expect(db.channels.find('other')).toBeUndefined()
  })

  it('compares concurrency, exclusive where none is named', async () => {
    const store = await openStore({ channels: { time: channel.index({ concurrency: 'exclusive' }) } })
    await store.reopen({ channels: { time: channel.index() } })
    await store.db.close()
    const shared = { time: channel.index({ concurrency: 'shared' }) }
    await expectError(() => store.openAlso({ channels: shared }), ChannelMismatchError, { channel: 'time' })
  })

  it('does not compare units where one names none, nor metadata', async () => {
    const store = await openStore({ channels: VITALS })
    const channels = { pressure: channel.float64({ index: 'time', metadata: { rack: 1 } }) }
    const db = await store.reopen(wrong({ channels }))
    expect(db.channels.get('pressure').unit).toBe('bar')
    expect(db.channels.get('pressure').metadata).toBeUndefined()
  })

  it('refuses an index that is nowhere, and creates nothing', async () => {
    const store = await openStore()
    await store.db.close()
    const channels = { a: channel.index(), p: channel.float64({ index: 'nowhere' }) }
    await expectError(() => store.openAlso(wrong({ channels })), ChannelNotFoundError, { channel: 'nowhere' })
    expect((await store.reopen()).channels.list()).toEqual([])
  })

  it('is not created read-only', async () => {
    const store = await openStore({ channels: { time: channel.index() } })
    await expectError(() => store.openAlso(wrong({ channels: VITALS, readOnly: true })), ChannelNotFoundError)
    expect(store.db.channels.list()).toHaveLength(1)
  })
})

describe('the lock', () => {
  it.each([true, false])('is refused at once, naming the holder (real directory: %s)', async (onDisk) => {
    const store = await openStore({ channels: VITALS }, { onDisk })
    await writePressure(store.db, 1, 2, 3)
    const before = await contentsOf(store.db)
    const error = await expectError(() => store.openAlso({ lockTimeout: '1d' }), DatabaseLockedError, {
      code: 'DATABASE_LOCKED',
      directory: store.directory,
    })
    expect(error.host).toEqual(expect.any(String))
    expect(error.since).toBe(new Date(error.since!).toISOString())
    if (onDisk) expect(error.pid).toBe(process.pid)
    expect(error.message).toContain(String(error.pid))
    expect(await contentsOf(store.db)).toEqual(before)
  })

  it('is given back by a close', async () => {
    const store = await openStore({ channels: VITALS }, { onDisk: true })
    for (let i = 0; i < 3; i++) await store.reopen()
    expect(store.db.channels.list()).toHaveLength(6)
  })

  it('does not keep readers out, nor they a writer', async () => {
    const store = await openStore({ channels: VITALS }, { onDisk: true })
    await using reader = await store.openAlso({ readOnly: true })
    await store.reopen()
    expect(reader.channels.list()).toEqual(store.db.channels.list())
  })
})

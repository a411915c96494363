// The channels of a database: create, get, find, list, rename, update, remove (api.md 3).

import { describe, expect, it } from 'vitest'
import {
  ChannelExistsError,
  ChannelNotFoundError,
  DependentChannelError,
  ResourceOpenError,
  ValidationError,
} from '../../../src/errors.ts'
import type { Database } from '../../../src/index.ts'
import type { ChannelDefinition } from '../../../src/telem/channel.ts'
import { openStore } from '../../support/open-store.ts'
import { expectRefused, wrong } from '../../support/refused.ts'
import { timesOf, VITALS, writePressure } from '../../support/vitals.ts'
import type { Vitals } from '../../support/vitals.ts'

const TIME: ChannelDefinition = { name: 'time', kind: 'index' }
const P: ChannelDefinition = { name: 'p', kind: 'data', type: 'float64', index: 'time' }

describe('create', () => {
  it('returns a channel for a definition, and a list for a list, in its order', async () => {
    const { db } = await openStore()
    const time = await db.channels.create({ ...TIME, metadata: { rack: [1, null] } })
    expect(time).toEqual({
      key: 1,
      name: 'time',
      kind: 'index',
      type: 'timestamp',
      concurrency: 'exclusive',
      metadata: { rack: [1, null] },
    })
    const made = await db.channels.create([
      { ...P, unit: 'bar' },
      { ...P, name: 'b', type: 'boolean' },
    ])
    expect(made).toEqual([
      { key: 2, name: 'p', kind: 'data', type: 'float64', index: 'time', unit: 'bar' },
      { key: 3, name: 'b', kind: 'data', type: 'boolean', index: 'time' },
    ])
    expect(
      Object.isFrozen(time) && Object.isFrozen(time.metadata) && made.every((each) => Object.isFrozen(each)),
    ).toBe(true)
    expect(db.channels.list()).toEqual([time, ...made])
  })

  it('keeps a copy of metadata', async () => {
    const { db } = await openStore()
    const metadata = { tags: ['a'] }
    await db.channels.create({ ...TIME, metadata })
    metadata.tags.push('b')
    expect(db.channels.get('time').metadata).toEqual({ tags: ['a'] })
  })

  it('survives reopening, all of it', async () => {
    const store = await openStore()
    await store.db.channels.create([P, { ...TIME, concurrency: 'shared', metadata: 'm' }])
    const list = store.db.channels.list()
    expect((await store.reopen()).channels.list()).toEqual(list)
    expect((await store.kill()).channels.list()).toEqual(list)
  })

  it('of an empty list makes nothing', async () => {
    const { db } = await openStore()
    expect(await db.channels.create([])).toEqual([])
    expect(db.channels.list()).toEqual([])
  })

  it('takes names of 255 bytes of UTF-8, and names that objects have already', async () => {
    const { db } = await openStore()
    const names = ['é'.repeat(127) + 'x', '__proto__', 'constructor', 'toString', '0', ' ', '🚀']
    await db.channels.create(names.map((name) => ({ name, kind: 'index' })))
    for (const name of names) expect(db.channels.get(name).name).toBe(name)
    expect(db.channels.find('hasOwnProperty')).toBeUndefined()
  })

  const invalid: [string, object | null][] = [
    ['null', null],
    ['no name', { kind: 'index' }],
    ['an empty name', { ...TIME, name: '' }],
    ['a name of 256 bytes', { ...TIME, name: 'é'.repeat(128) }],
    ['a name that is no string', { ...TIME, name: 5 }],
    ['half a surrogate pair', { ...TIME, name: 'a\ud800' }],
    ['an unknown kind', { ...TIME, kind: 'virtual' }],
    ['no kind', { name: 'x' }],
    ['an unknown key', { ...TIME, tyep: 'x' }],
    ['compression, which is not built yet', { ...P, compression: 'auto' }],
    ['a type for an index', { ...TIME, type: 'timestamp' }],
    ['an unknown type', { ...P, type: 'float16' }],
    ['a type of variable length', { ...P, type: 'string' }],
    ['no index', { name: 'p', kind: 'data', type: 'int8' }],
    ['itself as its index', { ...P, index: 'p' }],
    ['an unknown concurrency', { ...TIME, concurrency: 'both' }],
    ['another concurrency than its index', { ...P, concurrency: 'shared' }],
    ['an index that is a data channel', { ...P, name: 'q', index: 'taken' }],
    ['a null unit', { ...P, unit: null }],
    ['null metadata', { ...TIME, metadata: null }],
    ['metadata that JSON cannot hold', { ...TIME, metadata: { n: 1n } }],
    ['metadata of more than 64 KiB', { ...TIME, metadata: 'x'.repeat(64 * 1024) }],
  ]
  it.each(invalid)('refuses %s, and then makes none of the call', async (_, definition) => {
    const { db } = await openStore()
    await db.channels.create([
      { name: 'base', kind: 'index' },
      { ...P, name: 'taken', index: 'base' },
    ])
    const list = [
      { name: 'other', kind: 'index' },
      ...(definition === null || 'kind' in definition ? [] : [TIME]),
      definition,
    ]
    const withTime =
      definition !== null && (definition as { kind?: string }).kind === 'data' ? [TIME, ...list] : list
    await expectRefused(db, () => db.channels.create(wrong(withTime)), ValidationError)
    if (list.length === 2 && withTime === list)
      await expectRefused(db, () => db.channels.create(wrong(definition)), ValidationError)
  })

  it('names the channel that is at fault', async () => {
    const { db } = await openStore()
    await expectRefused(db, () => db.channels.create(wrong([TIME, { ...P, type: 'x' }])), ValidationError, {
      channel: 'p',
    })
  })

  it('lets a data channel repeat the concurrency of its index', async () => {
    const { db } = await openStore()
    const shared = { concurrency: 'shared' } as const
    const [, data] = await db.channels.create([
      { ...TIME, ...shared },
      { ...P, ...shared },
    ])
    expect(data).toMatchObject(shared)
    await expectRefused(
      db,
      () => db.channels.create({ ...P, name: 'q', concurrency: 'exclusive' }),
      ValidationError,
      { channel: 'q' },
    )
  })

  it('refuses names that exist, or come twice, and then makes none of the call', async () => {
    const { db } = await openStore({ channels: VITALS })
    const call = (...names: string[]) => db.channels.create(names.map((name) => ({ name, kind: 'index' })))
    await expectRefused(db, () => call('new', 'time'), ChannelExistsError, {
      channel: 'time',
      code: 'CHANNEL_EXISTS',
    })
    await expectRefused(db, () => call('new', 'newer', 'new'), ChannelExistsError, { channel: 'new' })
  })

  it('refuses an index that is nowhere', async () => {
    const { db } = await openStore()
    await expectRefused(db, () => db.channels.create([P]), ChannelNotFoundError, {
      channel: 'time',
      code: 'CHANNEL_NOT_FOUND',
    })
  })

  it('of the same name at once makes one', async () => {
    const { db } = await openStore()
    const made = await Promise.allSettled([1, 2, 3].map(() => db.channels.create(TIME)))
    expect(made.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected'])
    expect(db.channels.list()).toHaveLength(1)
  })
})

describe('get, find and list', () => {
  it('go by name and by key', async () => {
    const { db } = await openStore({ channels: VITALS })
    const pressure = db.channels.get('pressure')
    expect(db.channels.get(pressure.key)).toBe(pressure)
    expect(db.channels.find(pressure.key)).toBe(pressure)
    expect(db.channels.find(999)).toBeUndefined()
    expect(db.channels.find('')).toBeUndefined()
    expect(db.channels.list().map(({ key }) => key)).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('refuse what is not there, and what is no name', async () => {
    const { db } = await openStore({ channels: VITALS })
    await expectRefused(db, () => db.channels.get('flow'), ChannelNotFoundError, { channel: 'flow' })
    await expectRefused(db, () => db.channels.get(77), ChannelNotFoundError)
    await expectRefused(db, () => db.channels.get(wrong(null)), ValidationError)
    await expectRefused(db, () => db.channels.find(wrong({})), ValidationError)
  })

  it('hand out a list that callers may change', async () => {
    const { db } = await openStore({ channels: VITALS })
    db.channels.list().pop()
    expect(db.channels.list()).toHaveLength(6)
  })
})

describe('rename', () => {
  it('keeps key, definition and samples, and data channels follow their index', async () => {
    const store = await openStore({ channels: VITALS })
    await writePressure(store.db, 1, 2)
    const before = store.db.channels.get('time')
    const renamed = await store.db.channels.rename('time', 'clock')
    expect(renamed).toEqual({ ...before, name: 'clock' })
    const check = async (db: Database<Vitals>): Promise<void> => {
      expect(db.channels.get('pressure').index).toBe('clock')
      expect(db.channels.find('time')).toBeUndefined()
      expect([...(await db.read(wrong('clock'))).column(wrong('clock'))]).toEqual([1n, 2n])
    }
    await check(store.db)
    await check(await store.reopen({}))
    await check(await store.kill({}))
  })

  it('to its own name is a no-op', async () => {
    const { db } = await openStore({ channels: VITALS })
    const { log } = await db.stats()
    expect(await db.channels.rename('time', 'time')).toEqual(db.channels.get('time'))
    expect((await db.stats()).log).toEqual(log)
  })

  it('refuses a name that is taken or none, and a channel that is not there', async () => {
    const { db } = await openStore({ channels: VITALS })
    await expectRefused(db, () => db.channels.rename('time', 'slow'), ChannelExistsError, { channel: 'slow' })
    await expectRefused(db, () => db.channels.rename('time', ''), ValidationError)
    await expectRefused(db, () => db.channels.rename('time', wrong(null)), ValidationError)
    await expectRefused(db, () => db.channels.rename('flow', 'x'), ChannelNotFoundError, { channel: 'flow' })
  })

  it('frees the old name at once', async () => {
    const { db } = await openStore({ channels: VITALS })
    await db.channels.rename('slow', 'slower')
    const made = await db.channels.create({ name: 'slow', kind: 'index' })
    expect(made.key).toBe(7)
    expect(db.channels.get('state').index).toBe('slower')
  })

  it('of a channel in use leaves the writer with the name that it opened', async () => {
    const { db } = await openStore({ channels: VITALS })
    const writer = await db.openWriter(['time', 'pressure'])
    await writer.write({ time: 1n, pressure: 1 })
    await db.channels.rename('pressure', 'p2')
    expect(await writer.write({ time: 2n, pressure: 2 })).toBe(true)
    await expectRefused(db, () => writer.write(wrong({ time: 3n, p2: 2 })), ValidationError, {
      channel: 'p2',
    })
    expect([...(await db.read(wrong('p2'))).column(wrong('p2'))]).toEqual([1, 2])
  })
})

describe('update', () => {
  it('changes unit and metadata, and leaves out what is undefined', async () => {
    const store = await openStore({ channels: VITALS })
    const updated = await store.db.channels.update('pressure', { unit: 'psi', metadata: { a: [1] } })
    expect(updated).toMatchObject({ unit: 'psi', metadata: { a: [1] } })
    expect(Object.isFrozen(updated)).toBe(true)
    expect(await store.db.channels.update(updated.key, wrong({ unit: undefined }))).toEqual(updated)
    expect((await store.reopen({})).channels.get('pressure')).toEqual(updated)
  })

  const cases: [string, object | null][] = [
    ['null', null],
    ['a null unit', { unit: null }],
    ['null metadata', { metadata: null }],
    ['an unknown key', { name: 'x' }],
    ['compression, which is not built yet', { compression: 'none' }],
    ['a unit that is no string', { unit: 5 }],
    ['too much metadata', { metadata: 'x'.repeat(70_000) }],
  ]
  it.each(cases)('refuses %s', async (_, changes) => {
    const { db } = await openStore({ channels: VITALS })
    await expectRefused(db, () => db.channels.update('pressure', wrong(changes)), ValidationError)
  })

  it('refuses a unit for an index channel, and a channel that is not there', async () => {
    const { db } = await openStore({ channels: VITALS })
    await expectRefused(db, () => db.channels.update('time', { unit: 's' }), ValidationError, {
      channel: 'time',
    })
    await expectRefused(db, () => db.channels.update('flow', { unit: 's' }), ChannelNotFoundError)
  })
})

describe('remove', () => {
  it('takes channels with their data, and never uses their keys again', async () => {
    const store = await openStore({ channels: VITALS })
    await writePressure(store.db, 1, 2, 3)
    await store.db.channels.remove(['time', 'pressure', 'count', 'valve'])
    await store.db.channels.create([TIME, { ...P, name: 'pressure' }])
    const check = async (db: Database<Vitals>): Promise<void> => {
      expect(db.channels.list().map(({ key }) => key)).toEqual([5, 6, 7, 8])
      expect(await db.count(wrong(['time', 'pressure']))).toEqual({ time: 0, pressure: 0 })
    }
    await check(store.db)
    await check(await store.reopen({}))
    await check(await store.kill({}))
    await store.db.channels.remove(7 + 1)
    await store.reopen({})
    expect((await store.db.channels.create({ ...P, name: 'pressure' })).key).toBe(9)
  })

  it('of a data channel leaves its group', async () => {
    const { db } = await openStore({ channels: VITALS })
    await writePressure(db, 1, 2, 3)
    await db.channels.remove('pressure')
    await expectRefused(db, () => db.read('pressure'), ChannelNotFoundError)
    expect(await timesOf(db)).toEqual([1, 2, 3])
  })

  it('refuses an index whose data channels stay, naming one', async () => {
    const { db } = await openStore({ channels: VITALS })
    const details = { channel: 'state', code: 'DEPENDENT_CHANNEL' as const }
    await expectRefused(db, () => db.channels.remove('slow'), DependentChannelError, details)
    await expectRefused(db, () => db.channels.remove(['slow', 'pressure']), DependentChannelError, details)
  })

  it('refuses the whole call for one that is not there, or named twice', async () => {
    const { db } = await openStore({ channels: VITALS })
    const { key } = db.channels.get('state')
    await expectRefused(db, () => db.channels.remove(['state', 'flow']), ChannelNotFoundError, {
      channel: 'flow',
    })
    await expectRefused(db, () => db.channels.remove(['state', key]), ValidationError, { channel: 'state' })
    await expectRefused(db, () => db.channels.remove(wrong(null)), ValidationError)
    await expectRefused(db, () => db.channels.remove(wrong([null])), ValidationError)
  })

  it('refuses channels that a writer has open, until it is closed', async () => {
    const { db } = await openStore({ channels: VITALS })
    const writer = await db.openWriter(['time', 'pressure'])
    const error = await expectRefused(
      db,
      () => db.channels.remove(['pressure', 'state']),
      ResourceOpenError,
      { code: 'RESOURCE_OPEN' },
    )
    expect(error.resources).toEqual([expect.stringContaining('pressure')])
    await db.channels.remove(['state'])
    await writer.close()
    await db.channels.remove('pressure')
    expect(db.channels.find('pressure')).toBeUndefined()
  })

  it('of nothing is a no-op', async () => {
    const { db } = await openStore({ channels: VITALS })
    await db.channels.remove([])
    expect(db.channels.list()).toHaveLength(6)
  })
})

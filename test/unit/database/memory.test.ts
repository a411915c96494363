// The memory budget: past it writers wait, they never fail, and the process does not grow (api.md 2
// and 10, Memory; 0001-I9, 0006-I1).

import { describe, expect, it } from 'vitest'
import { StorageError } from '../../../src/errors.ts'
import { FaultyFileSystem } from '../../../src/fs/faulty-file-system.ts'
import type { ChannelDefinition } from '../../../src/telem/channel.ts'
import { openStore } from '../../support/open-store.ts'
import { expectError, wrong } from '../../support/refused.ts'
import { pressureWriter, timesOf, VITALS } from '../../support/vitals.ts'

const MIB = 2 ** 20

/** Frames of 200 samples: below the size from which a frame goes to a segment at once. */
const frameOf = (i: number): number[] => Array.from({ length: 200 }, (_, at) => i * 200 + at)

describe('with 1 MiB of memory', () => {
  it('4 MiB of uncommitted samples are spilled, and committed as one', async () => {
    const store = await openStore({ channels: VITALS, memoryBudget: MIB })
    const { writer, write } = await pressureWriter(store.db, { autoCommit: false })
    let most = 0
    for (let i = 0; i < 1300; i++) {
      await write(...frameOf(i))
      if (i % 10 === 0) most = Math.max(most, (await store.db.stats()).memory.held)
    }
    expect(most).toBeLessThanOrEqual(MIB)
    expect(await store.db.count('time')).toEqual({ time: 0 })
    // Nobody takes them for dead.
    await store.db.gc({ threshold: 0 })
    expect(await writer.commit()).toBe(260_000n)
    const check = async (db: typeof store.db): Promise<void> => {
      const frame = await db.read(['time', 'pressure'])
      expect(frame.count('time')).toBe(260_000)
      expect(frame.series('pressure')).toHaveLength(1)
      expect(frame.column('pressure').every((value, i) => value === i)).toBe(true)
    }
    await check(store.db)
    await check(await store.kill())
    await check(await store.reopen())
  })

  it('and spilled samples that are given up leave nothing', async () => {
    const store = await openStore({ channels: VITALS, memoryBudget: MIB })
    const { writer, write } = await pressureWriter(store.db, { autoCommit: false })
    for (let i = 0; i < 1000; i++) await write(...frameOf(i))
    await writer.close()
    expect(await timesOf(store.db)).toEqual([])
    const { segments } = await store.db.stats()
    expect(segments.length).toBeGreaterThan(0)
    expect(segments.every(({ live }) => live === 0)).toBe(true)
    await store.db.gc({ threshold: 0 })
    expect((await store.db.stats()).segments).toEqual([])
    expect((await store.db.stats()).memory.held).toBeLessThan(MIB / 4)
  })

  it('ten writers that hold uncommitted samples all get on', async () => {
    const names = Array.from({ length: 10 }, (_, i) => `t${i}`)
    const { db } = await openStore({ memoryBudget: MIB })
    await db.channels.create(names.map((name) => ({ name, kind: 'index' })))
    const writers = await Promise.all(
      names.map((name) => db.openWriter({ channels: [name], autoCommit: false })),
    )
    await Promise.all(
      writers.map(async (writer, w) => {
        for (let i = 0; i < 200; i++) await writer.write({ [names[w]!]: frameOf(i).map(BigInt) })
      }),
    )
    expect((await db.stats()).memory.held).toBeLessThanOrEqual(MIB)
    expect(await Promise.all(writers.map((writer) => writer.commit()))).toEqual(names.map(() => 40_000n))
    expect(await db.count(names)).toEqual(Object.fromEntries(names.map((name) => [name, 40_000])))
  })

  it('a frame that the budget cannot hold goes straight to a segment', async () => {
    const { db } = await openStore({ channels: VITALS, memoryBudget: MIB })
    const writer = await db.openWriter(['time', 'pressure'])
    const time = BigInt64Array.from({ length: 500_000 }, (_, i) => BigInt(i))
    await writer.write({ time, pressure: Float64Array.from(time, Number) })
    expect((await db.stats()).memory.held).toBeLessThan(MIB)
    const frame = await db.read(['time', 'pressure'])
    expect(frame.column('time')).toEqual(time)
    expect(frame.column('pressure').every((value, i) => value === i)).toBe(true)
  })

  it('a frame over 300 index groups is written row by row, and takes no more room than it should', async () => {
    const groups = Array.from({ length: 300 }, (_, i) => i)
    const definitions = groups.flatMap((i): ChannelDefinition[] => [
      { name: `t${i}`, kind: 'index' },
      { name: `v${i}`, kind: 'data', type: 'float64', index: `t${i}` },
    ])
    const store = await openStore({ memoryBudget: MIB })
    await store.db.channels.create(definitions)
    const writer = await store.db.openWriter(definitions.map(({ name }) => name))
    const rows = 400
    for (let row = 0; row < rows; row++) {
      const frame = Object.fromEntries(
        groups.flatMap((i) => [
          [`t${i}`, BigInt(row * 1000 + i)],
          [`v${i}`, row],
        ]),
      )
      expect(await writer.write(wrong(frame))).toBe(true)
    }
    expect((await store.db.stats()).memory.held).toBeLessThanOrEqual(MIB)
    await writer.close()
    const db = await store.reopen()
    const counts = await db.count(groups.map((i) => `v${i}`))
    expect(new Set(Object.values(counts))).toEqual(new Set([rows]))
    const { column, timestamps } = { column: await db.read('v299'), timestamps: await db.read('t299') }
    expect([...column.column('v299')]).toEqual(Array.from({ length: rows }, (_, row) => row))
    expect([...timestamps.column('t299')]).toEqual(
      Array.from({ length: rows }, (_, row) => BigInt(row * 1000 + 299)),
    )
    // 16 bytes a row and group; an extent for each row would be more than ten times that.
    const total = (await db.stats()).segments.reduce((sum, segment) => sum + segment.total, 0)
    expect(total).toBeLessThan(5 * 16 * rows * groups.length)
  }, 60_000)

  it('1,000 channels of one index are held row by row', async () => {
    const names = Array.from({ length: 1000 }, (_, i) => `c${i}`)
    const store = await openStore({ memoryBudget: MIB })
    await store.db.channels.create([
      { name: 'time', kind: 'index' },
      ...names.map((name) => ({ name, kind: 'data', type: 'float64', index: 'time' }) as const),
    ])
    const writer = await store.db.openWriter(['time', ...names])
    for (let row = 0; row < 300; row++) {
      await writer.write({
        time: BigInt(row),
        ...Object.fromEntries(names.map((name, i) => [name, row * i])),
      })
    }
    await writer.close()
    const db = await store.reopen()
    expect(await db.count(['time', 'c999'])).toEqual({ time: 300, c999: 300 })
    expect([...(await db.read('c999')).column('c999')]).toEqual(
      Array.from({ length: 300 }, (_, row) => row * 999),
    )
  })

  it('a slow channel beside a fast one costs neither pointers nor files without end', async () => {
    const tuning = { journalFileSize: 16_384, journalLimit: 65_536 }
    const store = await openStore({ channels: VITALS, memoryBudget: MIB }, { tuning })
    const fast = await pressureWriter(store.db)
    const slow = await store.db.openWriter(['slow', 'state'])
    for (let i = 0; i < 1000; i++) {
      await fast.write(...frameOf(i))
      if (i % 10 === 0) await slow.write({ slow: BigInt(i), state: i % 256 })
    }
    const { log, memory } = await store.db.stats()
    expect(log.bytes).toBeLessThan(2 * MIB)
    expect(memory.held).toBeLessThanOrEqual(MIB)
    expect(await store.db.count(['time', 'slow'])).toEqual({ time: 200_000, slow: 100 })
    const { channels } = await store.db.stats()
    expect([channels['time']!.domains, channels['slow']!.domains]).toEqual([1, 1])
    await store.kill()
    expect(await store.db.count(['time', 'slow'])).toEqual({ time: 200_000, slow: 100 })
    await store.reopen()
    expect(store.disk.files().length).toBeLessThan(15)
    expect((await store.db.stats()).segments.every(({ live, dead }) => dead <= live)).toBe(true)
  })
})

// 0005-I4
describe('a full disk', () => {
  it('is a StorageError for those who write and wait, loses nothing, and is over when there is room', async () => {
    let faulty: FaultyFileSystem | undefined
    const store = await openStore(
      { channels: VITALS, memoryBudget: MIB },
      { wrap: (disk) => (faulty = new FaultyFileSystem(disk)) },
    )
    const { writer, write } = await pressureWriter(store.db, { autoCommit: false })
    const rule = faulty!.addRule({
      kind: 'write',
      path: /segments/,
      times: Infinity,
      fault: { code: 'ENOSPC' },
    })
    let written = 0
    const error = await expectError(
      async () => {
        for (;;) {
          await write(...frameOf(written))
          written++
          if (written > 5000) break
        }
      },
      StorageError,
      { code: 'STORAGE' },
    )
    expect(error.cause).toBeDefined()
    expect(written).toBeGreaterThan(100)
    expect(await store.db.count('time')).toEqual({ time: 0 })
    faulty!.removeRule(rule)
    expect(await write(...frameOf(written))).toBe(true)
    expect(await writer.commit()).toBe(BigInt(written + 1) * 200n)
    expect((await timesOf(store.db)).length).toBe((written + 1) * 200)
    expect((await timesOf(await store.kill())).length).toBe((written + 1) * 200)
  })

  it('refuses commits, deletes and channel edits whole, and goes on afterwards', async () => {
    let faulty: FaultyFileSystem | undefined
    const store = await openStore(
      { channels: VITALS },
      { wrap: (disk) => (faulty = new FaultyFileSystem(disk)) },
    )
    const { write } = await pressureWriter(store.db)
    await write(1, 2, 3)
    const rule = faulty!.addRule({
      kind: 'write',
      path: /journal/,
      times: Infinity,
      fault: { code: 'ENOSPC' },
    })
    await expectError(() => write(4), StorageError)
    await expectError(() => store.db.delete(['time', 'pressure'], {}), StorageError)
    await expectError(() => store.db.channels.create({ name: 'new', kind: 'index' }), StorageError)
    await expectError(() => store.db.channels.rename('time', 'clock'), StorageError)
    expect(await timesOf(store.db)).toEqual([1, 2, 3])
    expect(store.db.channels.list()).toHaveLength(6)
    faulty!.removeRule(rule)
    expect(await write(4)).toBe(true)
    expect((await store.db.delete('pressure', { end: 2n })).samples).toEqual({ pressure: 1 })
    expect(await timesOf(await store.kill())).toEqual([1, 2, 3, 4])
  })

  it('a failed sync refuses writes and not reads until the database is opened again', async () => {
    let faulty: FaultyFileSystem | undefined
    const store = await openStore(
      { channels: VITALS, durability: 'strict' },
      { wrap: (disk) => (faulty = new FaultyFileSystem(disk)), verify: false },
    )
    const { write } = await pressureWriter(store.db)
    await write(1, 2)
    faulty!.addRule({ path: /journal/, fault: { failSync: true, cleanPages: true } })
    const error = await expectError(() => write(3), StorageError)
    expect(error.cause).toMatchObject({ code: 'EIO' })
    for (const call of [
      () => write(4),
      () => store.db.delete('pressure', {}),
      () => store.db.gc(),
      () => store.db.sync(),
    ]) {
      await expectError(call, StorageError)
    }
    expect((await timesOf(store.db)).slice(0, 2)).toEqual([1, 2])
    expect((await store.db.stats()).failed).toContain('sync')
    await expectError(() => store.db.close({ force: true }), StorageError)
    await store.db.close()
    await store.reopen()
    expect((await timesOf(store.db)).slice(0, 2)).toEqual([1, 2])
    const { writer } = await pressureWriter(store.db)
    expect(await writer.write({ time: 10n, pressure: 1 })).toBe(true)
  })
})

describe('a removed group that an open snapshot sees', () => {
  // 0001-I9
  it('keeps no page, and the snapshot reads on', async () => {
    const { db } = await openStore()
    const snapshots = []
    for (let round = 0; round < 5; round++) {
      await db.channels.create([
        { name: 'time', kind: 'index' },
        { name: 'a', kind: 'data', type: 'float64', index: 'time' },
      ])
      const writer = await db.openWriter(['time', 'a'])
      for (let i = 0; i < 100; i++) await writer.write({ time: BigInt(i), a: round })
      await writer.close()
      snapshots.push(db.snapshot())
      await db.channels.remove(['time', 'a'])
      const { memory } = await db.stats()
      expect(memory.held).toBe(0)
    }
    for (const [round, snapshot] of snapshots.entries()) {
      expect((await snapshot.read('a')).column('a')).toEqual(new Float64Array(100).fill(round))
      await snapshot.close()
    }
  })
})

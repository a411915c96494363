// A full disk, seen from outside (0006): commits are refused with an error that says so, what is there is
// read, deletes work, a collection gives back what it can and says what it left, and writing goes on.

import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/clock.ts'
import { channel, StorageError } from '../../../src/index.ts'
import type { Database } from '../../../src/index.ts'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import { openStore } from '../../support/open-store.ts'
import type { Store, StoreSetting } from '../../support/open-store.ts'

const SCHEMA = {
  time: channel.index(),
  value: channel.float64({ index: 'time' }),
  other: channel.index(),
  count: channel.int16({ index: 'other' }),
}

type Full = Store<typeof SCHEMA>

async function openFull(setting: StoreSetting = {}, memoryBudget?: number): Promise<Full> {
  const disk = new MemoryFileSystem()
  const options = { channels: SCHEMA, ...(memoryBudget === undefined ? {} : { memoryBudget }) }
  return openStore<typeof SCHEMA>(options, { disk, ...setting })
}

/** So many free bytes are left. */
function leave(store: Full, bytes: number): void {
  store.disk.capacity = store.disk.used + bytes
}

function frame(first: number, count: number): { time: bigint[]; value: number[] } {
  const rows = Array.from({ length: count }, (_, i) => first + i)
  return { time: rows.map((row) => BigInt(row) * 1000n), value: rows.map((row) => row + 0.5) }
}

async function write(db: Database<typeof SCHEMA>, first: number, count: number): Promise<void> {
  const writer = await db.openWriter(['time', 'value'])
  await writer.write(frame(first, count))
  await writer.close()
}

async function values(db: Database<typeof SCHEMA>): Promise<number[]> {
  return [...(await db.read('value')).column('value')]
}

function upTo(count: number): number[] {
  return frame(0, count).value
}

/** So many segments of 60,000 rows each. */
async function openSegments(count: number): Promise<Full> {
  const store = await openStore<typeof SCHEMA>(
    { channels: SCHEMA, segmentSize: 1 << 20 },
    { disk: new MemoryFileSystem(), tuning: { inlineLimit: 512 } },
  )
  const writer = await store.db.openWriter(['time', 'value'])
  for (let i = 0; i < count; i++) {
    await writer.write(frame(i * 60_000, 60_000))
    await store.db.sync()
  }
  await writer.close()
  expect((await store.db.stats()).segments).toHaveLength(count)
  return store
}

async function deleteRows(store: Full, first: number, end: number): Promise<void> {
  await store.db.delete(['time', 'value'], { start: BigInt(first) * 1000n, end: BigInt(end) * 1000n })
}

async function refusal(call: Promise<unknown>): Promise<StorageError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(StorageError)
  expect((error as StorageError).message).toMatch(/the disk is full, .* of room are needed/)
  expect((error as StorageError).needed).toBeGreaterThan(0)
  return error as StorageError
}

function count(store: Full, folder: string): number {
  return store.disk.files().filter((path) => path.includes(`/${folder}/`)).length
}

const LARGE = { tuning: { inlineLimit: 512 } }

describe('on a full disk', () => {
  it.each(['batched', 'strict'] as const)(
    'a commit (%s) is refused with what it needs, and leaves nothing',
    async (durability) => {
      const store = await openFull()
      await write(store.db, 0, 10)
      leave(store, 0)
      const writer = await store.db.openWriter({ channels: ['time', 'value'], durability })
      const error = await refusal(writer.write(frame(10, 400)))
      expect(error.needed).toBeGreaterThanOrEqual(400 * 16)
      expect(error.cause).toMatchObject({ code: 'ENOSPC' })
      expect(await values(store.db)).toEqual(upTo(10))
      store.disk.capacity = Infinity
      await writer.write(frame(10, 400))
      await writer.close()
      expect(await values(store.db)).toEqual(upTo(410))
    },
  )

  it('what was acknowledged before it was written is written all the same', async () => {
    const store = await openFull()
    const writer = await store.db.openWriter({ channels: ['time', 'value'], durability: 'relaxed' })
    leave(store, 0)
    let written = 0
    const error = await refusal(
      (async () => {
        for (;;) {
          await writer.write(frame(written, 10))
          written += 10
          await new Promise((resolve) => setImmediate(resolve))
        }
      })(),
    )
    expect(error.message).toContain('Cannot commit')
    expect(written).toBeGreaterThan(0)
    const { capacity } = store.disk
    expect(await values(await store.kill())).toEqual(upTo(written))
    expect(store.disk.capacity).toBe(capacity)
  })

  it('a large frame that finds no room for all of itself takes none, however often it is tried', async () => {
    const store = await openFull(LARGE)
    await write(store.db, 0, 200)
    leave(store, 5000)
    const writer = await store.db.openWriter(['time', 'value'])
    const { used } = store.disk
    for (let tries = 0; tries < 20; tries++) {
      const error = await refusal(writer.write(frame(200, 1000)))
      expect(error.needed).toBeGreaterThanOrEqual(16_000)
    }
    expect(store.disk.used).toBe(used)
    expect(count(store, 'segments')).toBe(1)
    await writer.write(frame(200, 100))
    await writer.close()
    expect(await values(store.db)).toEqual(upTo(300))
  })

  it('a segment that cannot be begun takes no name for each try', async () => {
    const store = await openFull(LARGE)
    leave(store, 0)
    const writer = await store.db.openWriter(['time', 'value'])
    for (let tries = 0; tries < 20; tries++) await refusal(writer.write(frame(0, 1000)))
    expect(count(store, 'segments')).toBeLessThanOrEqual(1)
    store.disk.capacity = Infinity
    await writer.write(frame(0, 1000))
    await writer.close()
    expect(await values(store.db)).toEqual(upTo(1000))
  })

  it('channels are removed and not created', async () => {
    const store = await openFull()
    await write(store.db, 0, 10)
    leave(store, 0)
    const metadata = { text: 'x'.repeat(5000) }
    await refusal(store.db.channels.create({ name: 'more', kind: 'index', metadata }))
    await store.db.channels.remove(['other', 'count'])
    expect(store.db.channels.list().map(({ name }) => name)).toEqual(['time', 'value'])
    expect(await values(await store.kill({}))).toEqual(upTo(10))
  })

  it('deletes work one after the other, long after the room for all their records is used up', async () => {
    const store = await openFull({ tuning: { inlineLimit: 512, reserveSize: 65_536 } })
    await write(store.db, 0, 2000)
    leave(store, 0)
    for (let row = 0; row < 600; row++) {
      const range = { start: BigInt(row) * 1000n, end: BigInt(row + 1) * 1000n }
      expect((await store.db.delete('value', range)).samples).toEqual({ value: 1 })
    }
    expect(await values(store.db)).toEqual(upTo(2000).slice(600))
    await store.kill()
    expect(await values(store.db)).toEqual(upTo(2000).slice(600))
  })

  it('commits stay refused while the reserve is used, and go on once a collection has given room', async () => {
    const store = await openFull(LARGE)
    await write(store.db, 0, 2000)
    leave(store, 0)
    // A delete that needs the reserve: its record fills up the last block of the journal.
    let row = 0
    const reserve = (): number => store.disk.snapshotBytes('/data/RESERVE').length
    while (reserve() === 4096) {
      await store.db.delete('value', { start: BigInt(row) * 1000n, end: BigInt(row + 1) * 1000n })
      row += 2
    }
    const error = await refusal(write(store.db, 2000, 1))
    expect(error.path).toBe('/data/RESERVE')
    await store.db.delete(['time', 'value'], {})
    const report = await store.db.gc()
    expect(report.segmentsRemoved).toBe(1)
    expect(report.bytesReclaimed).toBeGreaterThan(30_000)
    expect(reserve()).toBe(4096)
    await write(store.db, 0, 1000)
    expect(await values(store.db)).toEqual(upTo(1000))
  })

  it('a collection leaves what it has no room to move, and says how much that needs', async () => {
    const store = await openSegments(3)
    // Of the first and the second segment a tenth stays, of the third a half.
    await deleteRows(store, 0, 54_000)
    await deleteRows(store, 60_000, 114_000)
    await deleteRows(store, 120_000, 150_000)
    leave(store, 0)
    const before = await store.db.stats()
    const { used } = store.disk
    const report = await store.db.gc()
    expect(report.skipped).toHaveLength(3)
    for (const { reason } of report.skipped)
      expect(reason).toMatch(/^needs \d+\.\d KiB of room, which the disk has not$/)
    expect(report).toMatchObject({ segmentsCollected: 0, segmentsRemoved: 0, bytesReclaimed: 0 })
    expect((await store.db.stats()).segments).toEqual(before.segments)
    expect(store.disk.used).toBe(used)
    store.disk.capacity = Infinity
    expect(await store.db.gc()).toMatchObject({ segmentsCollected: 3, skipped: [] })
    expect(await values(store.db)).toHaveLength(42_000)
  })

  it('a collection drops dead segments first, and has room for the others then, smallest first', async () => {
    const store = await openSegments(4)
    await deleteRows(store, 0, 58_000)
    await deleteRows(store, 60_000, 120_000)
    await deleteRows(store, 120_000, 150_000)
    await deleteRows(store, 180_000, 234_000)
    leave(store, 0)
    const report = await store.db.gc()
    expect(report).toMatchObject({ segmentsCollected: 4, skipped: [] })
    expect(report.bytesReclaimed).toBeGreaterThan(3_000_000)
    const expected = [
      ...frame(58_000, 2000).value,
      ...frame(150_000, 30_000).value,
      ...frame(234_000, 6000).value,
    ]
    expect(await values(store.db)).toEqual(expected)
    expect(await values(await store.kill())).toEqual(expected)
  })

  it('a collection retires the journal, where what was deleted was never flushed', async () => {
    const store = await openFull()
    await write(store.db, 0, 200)
    leave(store, 0)
    const writer = await store.db.openWriter(['time', 'value'])
    await refusal(writer.write(frame(200, 200)))
    await store.db.delete(['time', 'value'], {})
    const report = await store.db.gc()
    expect(report.bytesReclaimed).toBeGreaterThan(2000)
    await writer.write(frame(200, 100))
    await writer.close()
    expect(await values(store.db)).toEqual(frame(200, 100).value)
    expect(await values(await store.kill())).toEqual(frame(200, 100).value)
  })

  it('while a collection has what was kept, a delete finds room for its record and a commit does not', async () => {
    let met: (() => void) | undefined
    let goOn: (() => void) | undefined
    const atSync = new Promise<void>((resolve) => (met = resolve))
    const gate = new Promise<void>((resolve) => (goOn = resolve))
    let isArmed = false
    const disk = new MemoryFileSystem({
      // The copies are written, and not synced yet.
      scheduler: async (label) => {
        if (!isArmed || !label.startsWith('sync /data/segments')) return
        isArmed = false
        met?.()
        await gate
      },
    })
    const store = await openFull({ disk, tuning: { inlineLimit: 512, reserveSize: 16_384, loopSyncMs: 0 } })
    await write(store.db, 0, 2000)
    await store.db.sync()
    await deleteRows(store, 0, 1400)
    leave(store, 0)
    isArmed = true
    const collecting = store.db.gc()
    await atSync
    expect(disk.capacity - disk.used).toBeLessThan(3000)
    await refusal(write(store.db, 2000, 1))
    await deleteRows(store, 1400, 1500)
    goOn?.()
    expect(await collecting).toMatchObject({ segmentsCollected: 1, segmentsRemoved: 1 })
    await write(store.db, 2000, 10)
    expect(await values(store.db)).toEqual(frame(1500, 510).value)
  })

  it('writers that wait for memory are told, and nothing that was committed is lost', async () => {
    const store = await openFull({ tuning: { inlineLimit: 1 << 20 } }, 1 << 20)
    const writer = await store.db.openWriter(['time', 'value'])
    await writer.write(frame(0, 1000))
    leave(store, 1_100_000)
    let written = 1000
    await refusal(
      (async () => {
        for (;;) {
          await writer.write(frame(written, 1000))
          written += 1000
        }
      })(),
    )
    expect(written).toBeGreaterThan(20_000)
    expect(await values(store.db)).toEqual(upTo(written))
    store.disk.capacity = Infinity
    await writer.write(frame(written, 1000))
    await writer.close()
    expect(await values(await store.kill())).toEqual(upTo(written + 1000))
  })

  it('a flush that finds no room for all of its extents takes none, however often it is tried', async () => {
    // A clock that stands still: no turn is due, so that what a flush has captured does not depend on the machine.
    const clock = { ...systemClock, monotonicMs: () => 0 }
    const store = await openFull({ tuning: { inlineLimit: 1 << 20 }, clock }, 1 << 20)
    await write(store.db, 0, 1000)
    const writer = await store.db.openWriter(['time', 'value'])
    leave(store, 1_000_000)
    const fill = async (): Promise<never> => {
      for (let first = 1000 + (await store.db.count('time'))['time']!; ; first += 1000)
        await writer.write(frame(first, 1000))
    }
    await refusal(fill())
    const { used } = store.disk
    for (let tries = 0; tries < 5; tries++) await refusal(fill())
    expect(store.disk.used - used).toBeLessThan(20_000)
    expect(count(store, 'segments')).toBeLessThanOrEqual(1)
    await writer.close()
    store.disk.capacity = Infinity
  })

  it('a close flushes with what was kept', async () => {
    const store = await openFull()
    await write(store.db, 0, 30)
    leave(store, 0)
    await store.db.close()
    const names = store.disk.files().map((path) => path.slice('/data/'.length))
    expect(names.filter((name) => name.startsWith('journal/'))).toEqual([])
    expect(names).toContain('CLEAN-000001')
    store.disk.capacity = Infinity
    expect(await values(await store.reopen())).toEqual(upTo(30))
  })

  it('a database that was killed opens with what was kept', async () => {
    const store = await openFull()
    await write(store.db, 0, 30)
    leave(store, 0)
    expect(await values(await store.kill())).toEqual(upTo(30))
    await refusal(write(store.db, 30, 200))
    expect((await store.db.delete('value', {})).samples).toEqual({ value: 30 })
  })

  it('one that needs more than that says how much, can be read, and leaves nothing behind at each try', async () => {
    const store = await openFull({ verify: false })
    await write(store.db, 0, 2000)
    leave(store, 0)
    const error = await refusal(store.kill())
    expect(error.message).toContain('Cannot open the database for writing (readOnly takes no room)')
    expect(error.needed).toBeGreaterThanOrEqual(32_000)
    const { used } = store.disk
    for (let tries = 0; tries < 10; tries++) await refusal(store.openAlso())
    expect(store.disk.used).toBe(used)
    // The one that the large frame went to.
    expect(count(store, 'segments')).toBe(1)
    expect(await values(await store.openAlso({ readOnly: true }))).toEqual(upTo(2000))
    store.disk.capacity = Infinity
    const db = await store.openAlso()
    expect(await values(db)).toEqual(upTo(2000))
    expect((await db.verify()).problems).toEqual([])
    await db.close()
  })
})

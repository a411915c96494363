// Openings after a crash, on a disk that has no free block: whatever a recovery copies, and however much of the
// reserve that takes, an open database has room for deletes (0006-I7), and an opening that cannot have it so leaves
// the disk as it was. Every size of what is to be copied around that of the reserve.

import { describe, expect, it } from 'vitest'
import { StorageError } from '../../src/errors.ts'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { isDiskFull } from '../../src/fs/storage-error.ts'
import { channel } from '../../src/index.ts'
import type { Database } from '../../src/index.ts'
import { openStore } from '../support/open-store.ts'
import type { Store } from '../support/open-store.ts'
import { BLOCK } from './sweep.ts'

const SCHEMA = { time: channel.index(), value: channel.float64({ index: 'time' }) }

type Full = Store<typeof SCHEMA>

const RESERVE_SIZE = 128 * BLOCK

/** Shares of the reserve that recovery is to copy: from half of it to more than all. */
const SHARES = Array.from({ length: 16 }, (_, i) => 0.5 + i * 0.04)

/** Deletes whose records take more than the block that the journal has begun. */
const DELETES = 12

/** Bytes of a row of the schema. */
const ROW = 16

/** About what a flush writes for a channel of one sample. */
const CHANNEL = 300

/** Limits under which frames of more rows than this go to segments. */
const LARGE = { reserveSize: RESERVE_SIZE, inlineLimit: 256 }
const INLINE = { reserveSize: RESERVE_SIZE, inlineLimit: 1 << 20 }

async function write(db: Database<typeof SCHEMA>, first: number, count: number): Promise<void> {
  const writer = await db.openWriter(['time', 'value'])
  const time = BigInt64Array.from({ length: count }, (_, i) => BigInt(first + i) * 1000n)
  await writer.write({ time, value: Float64Array.from(time, Number) })
  await writer.close()
}

interface Case {
  readonly what: string
  readonly tuning: { readonly reserveSize: number; readonly inlineLimit: number }
  /** Commits so many bytes, which recovery is to copy. */
  readonly prepare: (store: Full, bytes: number) => Promise<void>
  /** What was copied can go as a whole: the reserve is left but for some blocks. */
  readonly isGivenBack?: boolean
  /** A sample of its own for each delete. */
  readonly sample: (i: number) => { readonly name: string; readonly row: number }
}

const IN_ONE = (i: number): { name: string; row: number } => ({ name: 'value', row: 2 * i })

const CASES: readonly Case[] = [
  {
    what: 'unproven extents in a segment that holds others',
    tuning: LARGE,
    prepare: async ({ db }, bytes) => {
      await write(db, 0, 100)
      await db.sync()
      await write(db, 100, Math.round(bytes / ROW))
    },
    sample: IN_ONE,
  },
  {
    what: 'unproven extents that have a segment to themselves',
    tuning: LARGE,
    prepare: ({ db }, bytes) => write(db, 0, Math.round(bytes / ROW)),
    isGivenBack: true,
    sample: IN_ONE,
  },
  {
    what: 'rows in the journal',
    tuning: INLINE,
    prepare: ({ db }, bytes) => write(db, 0, Math.round(bytes / ROW)),
    sample: IN_ONE,
  },
  {
    what: 'rows in the journal, a record each',
    tuning: INLINE,
    prepare: async ({ db }, bytes) => {
      const writer = await db.openWriter(['time', 'value'])
      for (let row = 0; row < bytes / ROW; row++)
        await writer.write({ time: BigInt(row) * 1000n, value: row })
      await writer.close()
    },
    sample: IN_ONE,
  },
  {
    what: 'one row of many channels',
    tuning: INLINE,
    prepare: async ({ db }, bytes) => {
      const names = Array.from({ length: Math.round(bytes / CHANNEL) }, (_, i) => `c${i}`)
      await db.channels.create(
        names.map((name) => ({ name, kind: 'data' as const, type: 'uint8' as const, index: 'time' })),
      )
      const loose = db as unknown as Database
      const writer = await loose.openWriter(['time', ...names])
      await writer.write(Object.fromEntries([['time', 0n], ...names.map((name) => [name, 1])]))
      await writer.close()
    },
    sample: (i) => ({ name: `c${i}`, row: 0 }),
  },
]

/** Samples of all channels. */
async function total(db: Database<typeof SCHEMA>): Promise<number> {
  const names = db.channels.list().map(({ name }) => name)
  const counts = await (db as unknown as Database).count(names)
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

/** What the disk refused; undefined where it refused nothing. */
async function refusal(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (error: unknown) => error,
  )
}

async function prepared({ tuning, prepare }: Case, share: number): Promise<Full> {
  const store = await openStore<typeof SCHEMA>(
    { channels: SCHEMA },
    { disk: new MemoryFileSystem(), tuning, verify: false },
  )
  await prepare(store, RESERVE_SIZE * share)
  store.disk.capacity = store.disk.used
  return store
}

async function expectDeletes(db: Database<typeof SCHEMA>, { sample }: Case): Promise<void> {
  for (let i = 0; i < DELETES; i++) {
    const { name, row } = sample(i)
    const range = { start: BigInt(row) * 1000n, end: BigInt(row + 1) * 1000n }
    expect((await (db as unknown as Database).delete(name, range)).samples).toEqual({ [name]: 1 })
  }
}

async function expectUnchanged(store: Full, count: number): Promise<void> {
  // Tries without end take nothing: with room the database is what it was.
  const { used } = store.disk
  for (let tries = 0; tries < 3; tries++) {
    const error = await refusal(store.openAlso({}))
    expect(error).toBeInstanceOf(StorageError)
    expect(isDiskFull(error)).toBe(true)
    expect((error as StorageError).needed).toBeGreaterThan(0)
  }
  expect(store.disk.used).toBe(used)
  store.disk.capacity += 8 * RESERVE_SIZE
  const db = await store.openAlso({})
  expect(await total(db)).toBe(count)
  await db.close()
}

describe.each(CASES)('a recovery that copies $what', (each) => {
  it('leaves room for deletes, or leaves everything as it was and says what it needs', async () => {
    let [opened, refused] = [0, 0]
    for (const share of SHARES) {
      const store = await prepared(each, share)
      const count = await total(store.db)
      if ((await refusal(store.kill({}))) === undefined) {
        opened++
        const reserve = store.disk.snapshotBytes('/data/RESERVE').length
        if (each.isGivenBack === true) expect(reserve).toBeGreaterThan(0.95 * RESERVE_SIZE)
        await expectDeletes(store.db, each)
        expect(await total(store.db)).toBe(count - DELETES)
        expect(await refusal(store.db.close())).toBe(undefined)
      } else {
        refused++
        await expectUnchanged(store, count)
      }
    }
    expect(opened).toBeGreaterThan(0)
    expect(refused).toBeGreaterThan(0)
  })
})

describe.each(CASES)('a close that flushes $what', (each) => {
  it('leaves the next opening room for deletes', async () => {
    for (const share of SHARES) {
      const store = await prepared(each, share)
      const count = await total(store.db)
      const closing = await refusal(store.db.close())
      if (closing !== undefined) {
        expect(isDiskFull(closing)).toBe(true)
        continue
      }
      const db = await store.openAlso({})
      await expectDeletes(db, each)
      expect(await total(db)).toBe(count - DELETES)
      expect(await refusal(db.close())).toBe(undefined)
    }
  })
})

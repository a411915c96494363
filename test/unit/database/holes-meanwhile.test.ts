// Holes beside what happens meanwhile: deletes and removals while a collection looks for what is dead. What died
// last of an extent says when its bytes may go (0006-I9, invariant 10, S2).

import { AsyncResource } from 'node:async_hooks'
import { describe, expect, it } from 'vitest'
import { FaultyFileSystem } from '../../../src/fs/faulty-file-system.ts'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import { systemClock } from '../../../src/clock.ts'
import type { Clock } from '../../../src/clock.ts'
import { openStore } from '../../support/open-store.ts'
import type { Store } from '../../support/open-store.ts'
import { VITALS } from '../../support/vitals.ts'
import type { Vitals } from '../../support/vitals.ts'

const BOTH = ['time', 'pressure'] as const

/** A store, and what it sees of its disk. */
interface Watched {
  readonly store: Store<Vitals>
  readonly files: FaultyFileSystem
}

/** With `count` samples of `time` and `pressure`, in frames of `rows`, each an extent of its own. */
async function filled(count: number, rows: number, clock: Clock = systemClock): Promise<Watched> {
  const disk = new MemoryFileSystem({ holes: true })
  const files = new FaultyFileSystem(disk)
  const wrap = (seen: unknown): FaultyFileSystem =>
    seen === disk ? files : new FaultyFileSystem(seen as MemoryFileSystem)
  const store = await openStore({ channels: VITALS }, { disk, wrap, clock })
  const writer = await store.db.openWriter(BOTH)
  for (let from = 0; from < count; from += rows) {
    const time = BigInt64Array.from({ length: rows }, (_, i) => BigInt(from + i))
    await writer.write({ time, pressure: Float64Array.from(time, Number) })
  }
  await writer.close()
  return { store, files }
}

/** Tells of every operation on the disk: several may listen. */
function listen(files: FaultyFileSystem, told: (kind: string, path: string) => void): void {
  const before = files.observer
  files.observer = (kind, path) => {
    before?.(kind, path)
    told(kind, path)
  }
}

/** Deletes all when a segment is read the next time. */
function deleteMeanwhile({ store: { db }, files }: Watched): Promise<unknown> {
  const isRead = new Promise<void>((resolve) => {
    listen(files, (kind, path) => {
      if (kind === 'read' && path.includes('/segments/')) resolve()
    })
  })
  return isRead.then(() => db.delete(BOTH, {}))
}

/** Collects, and loses the power when holes are on the disk and their record is not written; else behind it. */
async function losePowerBehindHoles({ store, files }: Watched): Promise<void> {
  const { db } = store
  let isPunched = false
  let lost: Promise<unknown> | undefined
  // What comes after it is no part of the collection, whose guards die with its process.
  const losePower = AsyncResource.bind(() => store.losePower(0))
  listen(files, (kind, path) => {
    if (kind === 'punch') isPunched = true
    if (isPunched && kind === 'write' && path.includes('/journal/')) lost ??= losePower()
  })
  await db.gc({ threshold: 0 })
  await (lost ?? store.losePower(0))
  await db.close({ force: true })
}

/** A commit that is on the disk, behind everything. */
async function commitLast({ store: { db } }: Watched): Promise<void> {
  const writer = await db.openWriter(['slow', 'state'])
  await writer.write({ slow: [1n], state: [1] })
  await writer.close()
  await db.sync()
}

/** Every look at it finds that the loop has not turned for long. */
function impatientClock(): Clock {
  let ms = 0
  return { now: () => systemClock.now(), monotonicMs: () => (ms += 9) }
}

describe('a channel that is removed after a delete, and not flushed', () => {
  /** Extents that the tail names: of the first one a delete has taken a part. */
  async function prepared(): Promise<Watched> {
    const made = await filled(20_000, 10_000)
    await made.store.db.delete('pressure', { start: 1_000n, end: 9_000n })
    return made
  }

  it('keeps what a read-only process sees of it', async () => {
    const { store } = await prepared()
    const reader = await store.openAlso({ channels: VITALS, readOnly: true })
    await store.db.channels.remove('pressure')
    await store.db.gc({ threshold: 0 })
    expect((await reader.read('pressure')).column('pressure')).toHaveLength(12_000)
    expect((await store.db.verify()).problems).toEqual([])
    await reader.close()
    await store.db.gc({ threshold: 0 })
    for (const { dead } of (await store.db.stats()).segments) expect(dead).toBeLessThan(2 * 4096)
  })

  it('is whole where a power loss takes its removal back', async () => {
    const made = await prepared()
    const { key } = made.store.db.channels.get('pressure')
    await commitLast(made)
    await made.store.db.channels.remove('pressure')
    await losePowerBehindHoles(made)
    const { db } = made.store
    const { length } = (await db.read('pressure')).column('pressure')
    expect(length).toBe(db.channels.get('pressure').key === key ? 12_000 : 0)
    expect(await db.count(['time', 'state'])).toEqual({ time: 20_000, state: 1 })
  })
})

describe('an extent whose rest a delete takes while doubts are settled', () => {
  const LIVE = 90_000

  /** Of every extent a delete has taken the first half. */
  async function prepared(): Promise<Watched> {
    const made = await filled(2 * 100_000, 2_000, impatientClock())
    for (let from = 0n; from < 200_000n; from += 2_000n)
      await made.store.db.delete(BOTH, { start: from, end: from + 1_100n })
    return made
  }

  it('stays while a snapshot sees it', async () => {
    const made = await prepared()
    const { store } = made
    const snapshot = store.db.snapshot()
    const deleted = deleteMeanwhile(made)
    await store.db.gc({ threshold: 0 })
    expect(await deleted).toMatchObject({ samples: { time: LIVE } })
    expect((await snapshot.read('pressure')).column('pressure')).toHaveLength(LIVE)
    await snapshot.close()
  })

  it('stays until that delete is on the disk', async () => {
    const made = await prepared()
    await commitLast(made)
    const deleted = deleteMeanwhile(made)
    await losePowerBehindHoles(made)
    expect(await deleted).toMatchObject({ samples: { time: LIVE } })
    const { db } = made.store
    const { length } = (await db.read('pressure')).column('pressure')
    expect([0, LIVE]).toContain(length)
    expect(await db.count(['time', 'state'])).toEqual({ time: length, state: 1 })
  })
})

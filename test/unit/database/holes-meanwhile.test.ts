// Holes beside what happens meanwhile: deletes and removals while a collection looks for what is dead. What died
// last of an extent says when its bytes may go (0006-I9, invariant 10).

import { describe, expect, it } from 'vitest'
import { FaultyFileSystem } from '../../../src/fs/faulty-file-system.ts'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import { systemClock } from '../../../src/clock.ts'
import type { Clock } from '../../../src/clock.ts'
import { errorOf } from '../../support/refused.ts'
import { openStore } from '../../support/open-store.ts'
import type { Store } from '../../support/open-store.ts'
import { VITALS } from '../../support/vitals.ts'
import type { Vitals } from '../../support/vitals.ts'

const BOTH = ['time', 'pressure'] as const

/** A store with `count` samples of `time` and `pressure`, in frames of `rows`, each an extent of its own. */
async function filled(
  count: number,
  rows: number,
  clock: Clock = systemClock,
): Promise<{ store: Store<Vitals>; files: FaultyFileSystem }> {
  const disk = new MemoryFileSystem({ holes: true })
  const files = new FaultyFileSystem(disk)
  const store = await openStore({ channels: VITALS }, { disk, wrap: () => files, clock })
  const writer = await store.db.openWriter(BOTH)
  for (let from = 0; from < count; from += rows) {
    const time = BigInt64Array.from({ length: rows }, (_, i) => BigInt(from + i))
    await writer.write({ time, pressure: Float64Array.from(time, Number) })
  }
  await writer.close()
  return { store, files }
}

/** Resolves when a segment is read the next time. */
function firstRead(files: FaultyFileSystem): Promise<void> {
  return new Promise((resolve) => {
    files.observer = (kind, path) => {
      if (kind !== 'read' || !path.includes('/segments/')) return
      files.observer = undefined
      resolve()
    }
  })
}

/** Every look at it finds that the loop has not turned for long. */
function impatientClock(): Clock {
  let ms = 0
  return { now: () => systemClock.now(), monotonicMs: () => (ms += 100) }
}

describe('a channel that was removed after a delete, and is not flushed', () => {
  /** Extents that the tail names: of the first one a delete has taken a part. */
  async function prepared(): Promise<{ store: Store<Vitals>; files: FaultyFileSystem }> {
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

  it('comes back whole where a power loss takes its removal', async () => {
    const made = await prepared()
    const { store } = made
    await store.db.sync()
    await store.db.channels.remove('pressure')
    const rule = made.files.addRule({ kind: 'write', path: /journal/, fault: { code: 'EIO' } })
    console.log('GC', await errorOf(() => store.db.gc({ threshold: 0.1 })), made.files.struck(rule))
    made.files.removeRule(rule)
    await store.losePower(0)
    console.log('CH', store.db.channels.list().map((c) => `${c.key}:${c.name}`), (await store.db.stats()).recovery)
    expect((await store.db.read('pressure')).column('pressure')).toHaveLength(12_000)
  })
})

describe('an extent whose rest a delete takes while doubts are settled', () => {
  const LIVE = 90_000

  /** Of every extent a delete has taken the first half. */
  async function prepared(): Promise<{
    store: Store<Vitals>
    files: FaultyFileSystem
    deleteMeanwhile: () => Promise<unknown>
  }> {
    const { store, files } = await filled(2 * 100_000, 2_000, impatientClock())
    for (let from = 0n; from < 200_000n; from += 2_000n)
      await store.db.delete(BOTH, { start: from, end: from + 1_100n })
    return { store, files, deleteMeanwhile: () => firstRead(files).then(() => store.db.delete(BOTH, {})) }
  }

  it('stays while a snapshot sees it', async () => {
    const { store, deleteMeanwhile } = await prepared()
    const snapshot = store.db.snapshot()
    const deleted = deleteMeanwhile()
    await store.db.gc({ threshold: 0 })
    expect(await deleted).toMatchObject({ samples: { time: LIVE } })
    expect((await snapshot.read('pressure')).column('pressure')).toHaveLength(LIVE)
    await snapshot.close()
  })

  it('stays where a power loss takes that delete', async () => {
    const { store, files, deleteMeanwhile } = await prepared()
    await store.db.sync()
    const deleted = deleteMeanwhile()
    // The delete's is the first, that of the holes the second.
    files.addRule({ kind: 'write', path: /journal/, nth: 2, fault: { code: 'EIO' } })
    await store.db.gc({ threshold: 0 }).catch(() => {})
    expect(await deleted).toMatchObject({ samples: { time: LIVE } })
    files.clearRules()
    await store.losePower(0)
    expect((await store.db.verify()).problems).toEqual([])
    const { length } = (await store.db.read('pressure')).column('pressure')
    console.log("AFTER", length)
    expect([0, LIVE]).toContain(length)
  })
})

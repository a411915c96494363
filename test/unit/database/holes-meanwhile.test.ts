// Holes beside what happens meanwhile: deletes and removals while a collection looks for what is dead. What died
// last of an extent says when its bytes may go (0006-I9, invariant 10).

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

describe('a collection that punches holes', () => {
  it('leaves what a snapshot sees of a channel that was removed after a delete, and is not flushed', async () => {
    const { store } = await filled(20_000, 10_000)
    await store.db.delete('pressure', { start: 1_000n, end: 9_000n })
    const snapshot = store.db.snapshot()
    await store.db.channels.remove('pressure')
    console.log(await store.db.gc({ threshold: 0 }), (await store.db.stats()).segments, (await store.db.stats()).memory)
    const values = (await snapshot.read('pressure')).column('pressure')
    expect(values).toHaveLength(12_000)
    expect((await store.db.verify()).problems).toEqual([])
    await snapshot.close()
    await store.db.gc({ threshold: 0 })
    for (const { dead } of (await store.db.stats()).segments) expect(dead).toBe(0)
  })

  it('leaves what a snapshot sees of an extent whose rest a delete takes while doubts are settled', async () => {
    const { store, files } = await filled(200_000, 2_000, impatientClock())
    for (let from = 0n; from < 200_000n; from += 2_000n)
      await store.db.delete(BOTH, { start: from, end: from + 1_100n })
    const snapshot = store.db.snapshot()
    const deleted = firstRead(files).then(() => store.db.delete(BOTH, {}))
    await store.db.gc({ threshold: 0 })
    expect(await deleted).toMatchObject({ samples: { time: 90_000 } })
    const values = (await snapshot.read('pressure')).column('pressure')
    expect(values).toHaveLength(90_000)
    await snapshot.close()
  })
})

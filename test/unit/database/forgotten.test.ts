// Dead bytes that nobody collected are forgotten beyond a bound: the next collection searches for them, and takes no byte
// that is live, reserved or pinned (0006-I1, 0006-I9, invariant 10).

import { describe, expect, it } from 'vitest'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import { systemClock } from '../../../src/clock.ts'
import type { Clock } from '../../../src/clock.ts'
import { openStore } from '../../support/open-store.ts'
import type { Store } from '../../support/open-store.ts'
import { contentsOf } from '../../support/refused.ts'
import { VITALS } from '../../support/vitals.ts'
import type { Vitals } from '../../support/vitals.ts'

const BOTH = ['time', 'pressure'] as const
const ROWS = 2500
const FRAMES = 40

/** Frames of `time` and `pressure`, each an extent of 20 KB a channel, not small, in segments of 1 MiB; whatever dies is forgotten. */
async function filled(clock: Clock = systemClock): Promise<Store<Vitals>> {
  const disk = new MemoryFileSystem({ holes: true })
  const store = await openStore(
    { channels: VITALS, segmentSize: 2 ** 20 },
    { disk, clock, tuning: { deadNotes: 0 } },
  )
  const writer = await store.db.openWriter(BOTH)
  for (let i = 0; i < FRAMES; i++) await writer.write(frame(i * ROWS))
  await writer.close()
  // What was dead at an opening is known.
  await store.db.gc()
  return store
}

function frame(from: number): { time: BigInt64Array; pressure: Float64Array } {
  const time = BigInt64Array.from({ length: ROWS }, (_, i) => BigInt(from + i))
  return { time, pressure: Float64Array.from(time, Number) }
}

const deadOf = async ({ db }: Store<Vitals>): Promise<number> =>
  (await db.stats()).segments.reduce((sum, { dead }) => sum + dead, 0)

/** Deletes every other frame, each by a call of its own. */
async function deleteEveryOther({ db }: Store<Vitals>, from = 0, to = FRAMES): Promise<void> {
  for (let i = from; i < to; i += 2)
    await db.delete(BOTH, { start: BigInt(i * ROWS), end: BigInt((i + 1) * ROWS) })
}

const samplesOf = async ({ db }: Store<Vitals>): Promise<unknown> =>
  ((await contentsOf(db)) as { samples: unknown }).samples

describe('what was forgotten', () => {
  it.each(['in tails', 'flushed'])(
    'is found by the next collection, and given back once: %s',
    async (where) => {
      const store = await filled()
      if (where === 'flushed') await store.reopen()
      await store.db.gc()
      await deleteEveryOther(store)
      const [samples, dead] = [await samplesOf(store), await deadOf(store)]
      expect(dead).toBeGreaterThan((FRAMES / 2) * ROWS * 16)
      const { bytesPunched, skipped } = await store.db.gc()
      expect(bytesPunched).toBeGreaterThan(0.7 * dead)
      expect(skipped).toEqual([])
      expect(await samplesOf(store)).toEqual(samples)
      expect(await store.db.gc()).toMatchObject({ bytesReclaimed: 0 })
      // Also where a delete takes a part of an extent.
      await store.db.delete(BOTH, { start: BigInt(ROWS), end: BigInt(ROWS + 1500) })
      await store.db.delete(BOTH, { start: BigInt(3 * ROWS), end: BigInt(4 * ROWS) })
      expect((await store.db.gc({ threshold: 0.01 })).bytesReclaimed).toBeGreaterThan(2 * 16_000)
      expect((await store.db.verify()).problems).toEqual([])
    },
  )

  it('is not taken for dead while it is reserved: samples that are committed later', async () => {
    const store = await filled()
    const writer = await store.db.openWriter({ channels: BOTH, autoCommit: false })
    await writer.write(frame(FRAMES * ROWS))
    await deleteEveryOther(store)
    const first = await store.db.gc({ threshold: 0.01 })
    expect(first.bytesReclaimed).toBeGreaterThan(0)
    await writer.commit()
    await writer.close()
    const { samples } = (await contentsOf(store.db)) as { samples: unknown }
    expect(await store.db.count('time')).toEqual({ time: (FRAMES / 2 + 1) * ROWS })
    // What died beside them was left, and is found now.
    const dead = await deadOf(store)
    await store.db.gc({ threshold: 0 })
    expect(await deadOf(store)).toBeLessThan(dead)
    expect(await samplesOf(store)).toEqual(samples)
    expect((await store.db.verify()).problems).toEqual([])
  })

  it('stays as long as a snapshot sees it', async () => {
    const store = await filled()
    await store.reopen()
    await store.db.gc()
    await deleteEveryOther(store, 0, 10)
    const snapshot = store.db.snapshot()
    await deleteEveryOther(store, 10)
    const isWhole = async (): Promise<boolean> => {
      const values = (await snapshot.read('pressure')).column('pressure')
      return values.length === (FRAMES - 5) * ROWS && values.every((value, i) => value === expected(i))
    }
    const expected = (i: number): number =>
      i < 5 * ROWS ? i + ROWS * (1 + Math.floor(i / ROWS)) : i + 5 * ROWS
    await store.db.gc({ threshold: 0.01 })
    expect(await isWhole()).toBe(true)
    await snapshot.close()
    const dead = await deadOf(store)
    expect((await store.db.gc({ threshold: 0.01 })).bytesReclaimed).toBeGreaterThan(0.7 * dead)
  })

  it('is searched for while deletes and commits go on, and none of theirs is taken', async () => {
    // Every look at the clock is a turn of the loop.
    let ms = 0
    const store = await filled({ ...systemClock, monotonicMs: () => (ms += 10) })
    await store.reopen()
    const writer = await store.db.openWriter(BOTH)
    const frames = new Set(Array.from({ length: FRAMES }, (_, i) => i))
    let [next, found] = [FRAMES, 0]
    const remove = (i: number): Promise<unknown> => {
      frames.delete(i)
      return store.db.delete(BOTH, { start: BigInt(i * ROWS), end: BigInt((i + 1) * ROWS) })
    }
    const add = (): Promise<unknown> => {
      frames.add(next)
      return writer.write(frame(next++ * ROWS))
    }
    for (let round = 0; round < 5; round++) {
      await add()
      await add()
      // Of a pointer, and of the segment that is appended to.
      await remove(Math.min(...frames))
      await remove(next - 2)
      let isDone = false
      const work: Promise<unknown>[] = []
      const collecting = store.db.gc({ threshold: 0.01 }).finally(() => (isDone = true))
      while (!isDone && work.length < 40) {
        await new Promise((resolve) => {
          setImmediate(resolve)
        })
        work.push(remove(Math.min(...frames)), add())
      }
      await Promise.all(work)
      found += (await collecting).bytesReclaimed
      const expected = [...frames].flatMap((i) => [...frame(i * ROWS).pressure])
      const values = (await store.db.read('pressure')).column('pressure')
      expect(values.length === expected.length && expected.every((value, i) => value === values[i])).toBe(
        true,
      )
      expect((await store.db.verify()).problems).toEqual([])
    }
    await writer.close()
    expect(next).toBeGreaterThan(FRAMES + 10)
    expect(found).toBeGreaterThan(10 * 40_000)
  })
})

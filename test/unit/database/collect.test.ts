// Collections: dead bytes go back to the file system, and nobody notices (api.md 7 and 10).

import { describe, expect, it } from 'vitest'
import { ValidationError } from '../../../src/errors.ts'
import type { Store } from '../../support/open-store.ts'
import { openStore } from '../../support/open-store.ts'
import { contentsOf, errorOf, expectRefused, wrong } from '../../support/refused.ts'
import { pressureWriter, VITALS } from '../../support/vitals.ts'
import type { Vitals } from '../../support/vitals.ts'

const BOTH = ['time', 'pressure'] as const
const COUNT = 100_000

/** A store whose samples lie in segments of 1 MiB: about 1.6 MB of `time` and `pressure`. */
async function filled(): Promise<Store<Vitals>> {
  const store = await openStore({ channels: VITALS, segmentSize: 2 ** 20 })
  const writer = await store.db.openWriter(BOTH)
  for (let from = 0; from < COUNT; from += 10_000) {
    const time = BigInt64Array.from({ length: 10_000 }, (_, i) => BigInt(from + i))
    await writer.write({ time, pressure: Float64Array.from(time, Number) })
  }
  await writer.close()
  return store
}

const sizeOf = (store: Store<Vitals>): number =>
  store.disk
    .files()
    .filter((path) => path.includes('/segments/'))
    .reduce((sum, path) => sum + store.disk.snapshotBytes(path).length, 0)

describe('gc', () => {
  it('removes what is wholly dead, and says so', async () => {
    const store = await filled()
    const before = sizeOf(store)
    expect(before).toBeGreaterThan(COUNT * 16)
    const { bytes } = await store.db.delete(BOTH, {})
    expect(bytes).toBeGreaterThan(COUNT * 16)
    const report = await store.db.gc()
    expect(report.segmentsScanned).toBeGreaterThan(1)
    expect(report).toMatchObject({
      segmentsCollected: report.segmentsScanned,
      segmentsRemoved: report.segmentsScanned,
      skipped: [],
    })
    expect(report.bytesReclaimed).toBe(before)
    expect(sizeOf(store)).toBe(0)
    expect((await store.db.stats()).segments).toEqual([])
    await store.reopen()
    expect(await store.db.count('time')).toEqual({ time: 0 })
  })

  // 0006-I4
  it('rewrites what is partly dead, and every sample stays', async () => {
    const store = await filled()
    const before = sizeOf(store)
    for (let from = 0; from < COUNT; from += 10_000)
      await store.db.delete(BOTH, { start: BigInt(from), end: BigInt(from + 6000) })
    const contents = await contentsOf(store.db)
    const dead = (await store.db.stats()).segments.reduce((sum, segment) => sum + segment.dead, 0)
    expect(dead).toBeGreaterThan(COUNT * 16 * 0.6)
    const report = await store.db.gc()
    expect(report.bytesReclaimed).toBe(before - sizeOf(store))
    expect(report.bytesReclaimed).toBeGreaterThan(before * 0.5)
    const { samples, counts, channels } = contents as { samples: unknown; counts: unknown; channels: unknown }
    expect(await contentsOf(store.db)).toMatchObject({ samples, counts, channels })
    expect((await store.db.verify()).problems).toEqual([])
    expect(await contentsOf(await store.reopen())).toMatchObject({ samples, counts, channels })
    expect(await contentsOf(await store.losePower(0))).toMatchObject({ samples, counts, channels })
  })

  it('collects from its threshold on: 0 any dead byte, 1 only what is wholly dead', async () => {
    const store = await filled()
    await store.db.gc()
    await store.db.delete(BOTH, { start: 0n, end: 5n })
    const before = sizeOf(store)
    expect(await store.db.gc({ threshold: 1 })).toMatchObject({ segmentsCollected: 0, bytesReclaimed: 0 })
    expect(await store.db.gc()).toMatchObject({ segmentsCollected: 0 })
    expect(sizeOf(store)).toBe(before)
    const report = await store.db.gc({ threshold: 0 })
    expect(report.segmentsCollected).toBeGreaterThan(0)
    expect((await store.db.stats()).segments.every(({ dead }) => dead === 0)).toBe(true)
    expect(await store.db.gc({ threshold: 0 })).toMatchObject({ segmentsCollected: 0, bytesReclaimed: 0 })
  })

  it('of nothing does nothing, over and over', async () => {
    const store = await filled()
    await store.db.gc()
    const { mutations } = store.disk
    for (let i = 0; i < 3; i++)
      expect(await store.db.gc()).toMatchObject({
        segmentsCollected: 0,
        segmentsRemoved: 0,
        bytesReclaimed: 0,
      })
    expect(store.disk.mutations - mutations).toBe(0)
    const { db } = await openStore()
    expect(await db.gc()).toMatchObject({
      segmentsScanned: 0,
      bytesPunched: 0,
      extentsMerged: 0,
      skipped: [],
    })
  })

  // 0006-I5
  it('leaves what a snapshot pins, and takes it in the first run after', async () => {
    const store = await filled()
    const snapshot = store.db.snapshot()
    await store.db.delete(BOTH, {})
    const before = sizeOf(store)
    const pinned = await store.db.gc({ threshold: 0 })
    expect(pinned).toMatchObject({ segmentsRemoved: 0, bytesReclaimed: 0 })
    expect(pinned.skipped.length).toBeGreaterThan(0)
    expect(pinned.skipped[0]).toEqual({
      segment: expect.stringMatching(/^segments\//),
      reason: expect.any(String),
    })
    const values = (await snapshot.read('pressure')).column('pressure')
    expect(values.length === COUNT && values.every((value, i) => value === i)).toBe(true)
    await snapshot.close()
    const report = await store.db.gc()
    expect(report).toMatchObject({ bytesReclaimed: before, skipped: [] })
    expect(sizeOf(store)).toBe(0)
  })

  it('takes what a snapshot pinned while it rewrote, in the first run after', async () => {
    const store = await filled()
    await store.db.delete(BOTH, { start: 0n, end: 60_000n })
    const snapshot = store.db.snapshot()
    const before = sizeOf(store)
    await store.db.gc({ threshold: 0 })
    expect((await snapshot.read('pressure')).count('pressure')).toBe(40_000)
    await snapshot.close()
    await store.db.gc({ threshold: 0 })
    expect(sizeOf(store)).toBeLessThan(before * 0.5)
    expect((await store.db.stats()).segments.every(({ dead }) => dead === 0)).toBe(true)
  })

  it('leaves alone what a writer has not committed yet, and what it commits meanwhile', async () => {
    const store = await openStore({ channels: VITALS })
    const writer = await store.db.openWriter({ channels: BOTH, autoCommit: false })
    const frame = (
      from: number,
    ): { time: BigInt64Array<ArrayBuffer>; pressure: Float64Array<ArrayBuffer> } => {
      const time = BigInt64Array.from({ length: 5000 }, (_, i) => BigInt(from + i))
      return { time, pressure: Float64Array.from(time, Number) }
    }
    await writer.write(frame(0))
    expect(await store.db.gc({ threshold: 0 })).toMatchObject({ segmentsRemoved: 0 })
    const [segment] = (await store.db.stats()).segments
    expect(segment).toMatchObject({ live: 0, dead: 0 })
    const [report] = await Promise.all([
      store.db.gc({ threshold: 0 }),
      writer.commit(),
      writer.write(frame(5000)),
      writer.commit(),
    ])
    expect(report.segmentsRemoved).toBe(0)
    await store.db.delete(BOTH, { start: 100n, end: 6000n })
    await Promise.all([
      store.db.gc({ threshold: 0 }),
      writer.write(frame(10_000)),
      writer.commit(),
      store.db.gc({ threshold: 0 }),
    ])
    expect(await store.db.count(BOTH)).toEqual({ time: 9100, pressure: 9100 })
    expect(await (await store.reopen()).count('time')).toEqual({ time: 9100 })
  })

  it('gives back what a writer wrote and gave up', async () => {
    const store = await openStore({ channels: VITALS })
    const writer = await store.db.openWriter({ channels: ['time'], autoCommit: false })
    await writer.write({ time: BigInt64Array.from({ length: 5000 }, (_, i) => BigInt(i)) })
    await writer.close()
    expect(sizeOf(store)).toBeGreaterThan(40_000)
    expect((await store.db.stats()).segments[0]!.dead).toBeGreaterThan(40_000)
    await store.db.gc()
    expect(sizeOf(store)).toBe(0)
  })

  it('joins a run that is under way', async () => {
    const store = await filled()
    await store.db.delete(BOTH, {})
    const [first, second] = await Promise.all([store.db.gc(), store.db.gc({ threshold: 1 })])
    expect(second).toBe(first)
    expect((await store.db.gc()).segmentsRemoved).toBe(0)
  })

  it('goes on alone where the run that it joined is ended by whoever began it', async () => {
    const store = await filled()
    const reason = new Error('enough')
    for (const end of [25_000n, 50_000n]) {
      await store.db.delete(BOTH, { end })
      const controller = new AbortController()
      const boom = new Error('boom')
      const first = store.db.gc({
        threshold: 0,
        signal: controller.signal,
        onProgress: () => {
          throw boom
        },
      })
      const joined = store.db.gc({ threshold: 0 })
      if (end === 25_000n) controller.abort(reason)
      expect(await errorOf(() => first)).toBe(end === 25_000n ? reason : boom)
      expect((await joined).segmentsScanned).toBeGreaterThan(0)
    }
    expect(await store.db.count('time')).toEqual({ time: 50_000 })
    expect((await store.db.gc({ threshold: 0 })).bytesReclaimed).toBe(0)
  })

  it('leaves a run that it joined to the others where its own signal is aborted', async () => {
    const store = await filled()
    await store.db.delete(BOTH, { end: 50_000n })
    const first = store.db.gc({ threshold: 0 })
    const controller = new AbortController()
    const joined = store.db.gc({ signal: controller.signal })
    const reason = new Error('enough')
    controller.abort(reason)
    expect(await errorOf(() => joined)).toBe(reason)
    expect((await first).bytesReclaimed).toBeGreaterThan(0)
  })

  it('runs beside writers, readers and deletes', async () => {
    const store = await filled()
    const writer = await store.db.openWriter(['slow'])
    for (let round = 0; round < 5; round++) {
      const start = BigInt(round * 20_000)
      const [, , read] = await Promise.all([
        store.db.delete(BOTH, { start, end: start + 10_000n }),
        store.db.gc({ threshold: 0 }),
        store.db.read(BOTH),
        writer.write({ slow: BigInt64Array.from({ length: 3000 }, (_, i) => BigInt(round * 3000 + i)) }),
      ])
      const times = read.column('time')
      expect(read.column('pressure').every((value, i) => BigInt(value) === times[i])).toBe(true)
    }
    expect(await store.db.count([...BOTH, 'slow'])).toEqual({ time: 50_000, pressure: 50_000, slow: 15_000 })
    expect((await store.db.verify()).problems).toEqual([])
  })

  it('runs on a real disk beside snapshots, read-only databases and verifications', async () => {
    const store = await openStore(
      { channels: VITALS, memoryBudget: 2 ** 20, segmentSize: 2 ** 20 },
      { onDisk: true },
    )
    const { write } = await pressureWriter(store.db)
    let next = 0
    for (let round = 0; round < 8; round++) {
      for (let i = 0; i < 30; i++) await write(...Array.from({ length: 200 }, () => next++))
      const reader = await store.openAlso({ readOnly: true })
      const snapshot = store.db.snapshot()
      const { time } = await snapshot.count('time')
      const range = { start: BigInt(next - 5000), end: BigInt(next - 2000) }
      await Promise.all([store.db.delete(BOTH, range), store.db.gc({ threshold: 0 }), store.db.verify()])
      expect((await snapshot.read('time')).count('time')).toBe(time)
      expect((await reader.read('time')).count('time')).toBe(time)
      await reader.close()
      await snapshot.close()
      expect((await store.db.gc({ threshold: 0 })).skipped).toEqual([])
    }
    expect(await store.db.count('time')).toEqual({ time: 8 * 3000 })
  })

  it('merges small extents of a slow channel', async () => {
    const store = await openStore({ channels: VITALS })
    const writer = await store.db.openWriter(['slow', 'state'])
    for (let i = 0; i < 40; i++) {
      await writer.write({ slow: BigInt(i), state: i })
      await store.db.sync()
    }
    await writer.close()
    for (let i = 40; i < 60; i++) {
      const again = await (await store.reopen()).openWriter(['slow', 'state'])
      await again.write({ slow: BigInt(i), state: i })
      await again.close()
    }
    const before = (await store.db.stats()).segments.length
    await store.db.gc()
    expect((await store.db.stats()).segments.length).toBeLessThanOrEqual(before)
    const values = (await store.db.read('state')).column('state')
    expect([...values]).toEqual(Array.from({ length: 60 }, (_, i) => i))
  })

  it('reports its progress, and is rejected by what onProgress throws', async () => {
    const store = await filled()
    await store.db.delete(BOTH, { end: 50_000n })
    const seen: number[] = []
    const boom = new Error('boom')
    expect(
      await errorOf(() =>
        store.db.gc({
          onProgress: ({ done, total }) => {
            seen.push(done, total)
            throw boom
          },
        }),
      ),
    ).toBe(boom)
    expect(seen).toHaveLength(2)
    expect((await store.db.verify()).problems).toEqual([])
    const last = { done: 0, total: 0 }
    await store.db.gc({ threshold: 0, onProgress: (progress) => Object.assign(last, progress) })
    expect(last.done).toBe(last.total)
    expect(await store.db.count('time')).toEqual({ time: 50_000 })
  })

  it('is rejected with the reason of a signal, and leaves a sound database', async () => {
    const store = await filled()
    await store.db.delete(BOTH, { end: 50_000n })
    const reason = new Error('enough')
    expect(await errorOf(() => store.db.gc({ signal: AbortSignal.abort(reason) }))).toBe(reason)
    const controller = new AbortController()
    const run = store.db.gc({ threshold: 0, signal: controller.signal })
    controller.abort(reason)
    expect(await errorOf(() => run)).toBe(reason)
    expect((await store.db.verify()).problems).toEqual([])
    expect(await store.db.count(BOTH)).toEqual({ time: 50_000, pressure: 50_000 })
    expect((await store.db.gc()).bytesReclaimed).toBeGreaterThan(0)
  })

  const invalid = [
    null,
    { threshold: -0.1 },
    { threshold: 1.1 },
    { threshold: Number.NaN },
    { threshold: '0' },
    { threshold: null },
    { onProgress: 1 },
    { signal: {} },
    { treshold: 0 },
  ]
  it.each(invalid)('refuses %o', async (options) => {
    const { db } = await openStore({ channels: VITALS })
    await expectRefused(db, () => db.gc(wrong(options)), ValidationError)
  })
})

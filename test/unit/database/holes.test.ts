// Collections by holes: dead bytes go back to the file system in place, no bytes move, and nobody notices
// (architecture 4, invariants 5 and 10; 0006-I8).

import { statSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import type { MemoryFileSystemOptions } from '../../../src/fs/memory-file-system.ts'
import { FaultyFileSystem } from '../../../src/fs/faulty-file-system.ts'
import type { FileSystem } from '../../../src/fs/file-system.ts'
import { nodeFileSystem } from '../../../src/fs/node-file-system.ts'
import { join } from '../../../src/fs/layout.ts'
import type { Store } from '../../support/open-store.ts'
import { openStore } from '../../support/open-store.ts'
import { contentsOf, errorOf } from '../../support/refused.ts'
import { VITALS } from '../../support/vitals.ts'
import type { Vitals } from '../../support/vitals.ts'

const BOTH = ['time', 'pressure'] as const
const COUNT = 100_000

const withHoles = (): MemoryFileSystem => new MemoryFileSystem({ holes: true })

/**
 * A store whose samples lie in segments of 1 MiB: about 1.6 MB of `time` and `pressure`, in frames of `rows`.
 * @param files what it sees of `disk`; of the disks that come after that one it sees themselves
 */
async function filled(disk = withHoles(), rows = 10_000, files: FileSystem = disk): Promise<Store<Vitals>> {
  const wrap = (seen: FileSystem): FileSystem => (seen === disk ? files : seen)
  const store = await openStore({ channels: VITALS, segmentSize: 2 ** 20 }, { disk, wrap })
  const writer = await store.db.openWriter(BOTH)
  for (let from = 0; from < COUNT; from += rows) await writer.write(frame(from, rows))
  await writer.close()
  return store
}

function frame(from: number, rows: number): { time: BigInt64Array; pressure: Float64Array } {
  const time = BigInt64Array.from({ length: rows }, (_, i) => BigInt(from + i))
  return { time, pressure: Float64Array.from(time, Number) }
}

const segmentPaths = (store: Store<Vitals>): string[] =>
  store.disk.files().filter((path) => path.includes('/segments/'))

const sizeOf = (store: Store<Vitals>): number =>
  segmentPaths(store).reduce((sum, path) => sum + store.disk.snapshotBytes(path).length, 0)

/** Bytes of blocks of 4,096 in which nothing is but zeros: no sample and no table leaves one. */
function bytesOfZeros(store: Store<Vitals>): number {
  let bytes = 0
  for (const path of segmentPaths(store)) {
    const all = store.disk.snapshotBytes(path)
    for (let at = 0; at + 4096 <= all.length; at += 4096)
      if (all.subarray(at, at + 4096).every((byte) => byte === 0)) bytes += 4096
  }
  return bytes
}

async function samplesOf(store: Store<Vitals>): Promise<unknown> {
  const { samples, counts } = (await contentsOf(store.db)) as { samples: unknown; counts: unknown }
  return { samples, counts }
}

const deadOf = async (store: Store<Vitals>): Promise<number> =>
  (await store.db.stats()).segments.reduce((sum, { dead }) => sum + dead, 0)

describe('a collection where holes can be punched', () => {
  it('gives dead extents back in place: files stay as long, and take less', async () => {
    const store = await filled()
    for (let from = 0; from < COUNT; from += 20_000)
      await store.db.delete(BOTH, { start: BigInt(from), end: BigInt(from + 10_000) })
    const samples = await samplesOf(store)
    const [size, used, dead] = [sizeOf(store), store.disk.used, await deadOf(store)]
    const report = await store.db.gc()
    expect(report.bytesPunched).toBeGreaterThan(0.95 * dead)
    expect(report).toMatchObject({ bytesReclaimed: report.bytesPunched, segmentsRemoved: 0, skipped: [] })
    expect(report.segmentsCollected).toBe((await store.db.stats()).segments.length)
    expect(sizeOf(store)).toBe(size)
    expect(used - store.disk.used).toBeGreaterThan(0.95 * dead)
    expect(await samplesOf(store)).toEqual(samples)
    expect((await store.db.verify()).problems).toEqual([])
  })

  // 0006-I8
  it('counts what it punched neither as live nor as dead, and never punches it again', async () => {
    const store = await filled()
    await store.db.delete(BOTH, { start: 10_000n, end: 40_000n })
    const before = (await store.db.stats()).segments
    const { bytesPunched } = await store.db.gc()
    const total = (segments: typeof before): number => segments.reduce((sum, each) => sum + each.total, 0)
    for (const reopen of [false, true]) {
      if (reopen) await store.reopen()
      const { segments } = await store.db.stats()
      expect(total(before) - total(segments)).toBe(bytesPunched)
      for (const { live, dead, total } of segments) expect(live + dead).toBe(total - 64)
      const { mutations } = store.disk
      expect(await store.db.gc()).toMatchObject({ bytesPunched: 0, bytesReclaimed: 0, segmentsCollected: 0 })
      expect(store.disk.mutations).toBe(mutations)
    }
    expect(await (await store.kill()).count('time')).toEqual({ time: 70_000 })
    expect(await store.db.gc()).toMatchObject({ bytesPunched: 0 })
    expect(await (await store.losePower(0)).count('time')).toEqual({ time: 70_000 })
    expect(await store.db.gc()).toMatchObject({ bytesPunched: 0 })
  })

  // 0006-I8
  it('leaves holes where its record says so, or dead bytes where that is lost with the power', async () => {
    for (const isSynced of [true, false]) {
      const store = await filled()
      await store.db.delete(BOTH, { start: 10_000n, end: 40_000n })
      // Pointers, and proven: a recovery has nothing to copy.
      await store.reopen()
      const dead = await deadOf(store)
      const { bytesPunched } = await store.db.gc()
      expect(bytesPunched).toBeGreaterThan(30_000 * 16 * 0.9)
      if (isSynced) await store.db.sync()
      // Nothing is left of what was not synced.
      await store.losePower(0)
      expect(await deadOf(store)).toBe(isSynced ? dead - bytesPunched : dead)
      expect(bytesOfZeros(store)).toBe(bytesPunched)
      expect(await store.db.gc()).toMatchObject({ bytesPunched: isSynced ? 0 : bytesPunched })
      expect(bytesOfZeros(store)).toBe(bytesPunched)
      expect(await store.db.count('time')).toEqual({ time: 70_000 })
    }
  })

  it('gives back whole dead blocks of extents that are partly live', async () => {
    const store = await filled(withHoles(), COUNT / 2)
    await store.db.delete(BOTH, { start: 5000n, end: 45_000n })
    await store.db.delete(BOTH, { start: 60_000n, end: 95_000n })
    const samples = await samplesOf(store)
    const { bytesPunched } = await store.db.gc()
    expect(bytesPunched).toBeGreaterThan(75_000 * 16 * 0.9)
    expect(await samplesOf(store)).toEqual(samples)
    expect((await store.db.verify()).problems).toEqual([])
    expect(await samplesOf(await reopened(store))).toEqual(samples)
    // What is left dies too: the rest of these extents.
    await store.db.delete(BOTH, { start: 0n, end: 47_000n })
    await store.db.gc()
    expect(await store.db.count('time')).toEqual({ time: 18_000 })
    expect((await store.db.verify()).problems).toEqual([])
  })

  // Invariant 10
  it('leaves what a snapshot pins, and what was freed before it is given back', async () => {
    const store = await filled()
    await store.db.delete(BOTH, { start: 0n, end: 20_000n })
    const snapshot = store.db.snapshot()
    await store.db.delete(BOTH, { start: 20_000n, end: 50_000n })
    const first = await store.db.gc()
    expect(first.bytesPunched).toBeGreaterThan(20_000 * 16 * 0.9)
    expect(first.bytesPunched).toBeLessThan(20_000 * 16 * 1.1)
    const values = (await snapshot.read('pressure')).column('pressure')
    expect(values.length === 80_000 && values.every((value, i) => value === i + 20_000)).toBe(true)
    await snapshot.close()
    expect((await store.db.gc()).bytesPunched).toBeGreaterThan(30_000 * 16 * 0.9)
  })

  it('finds what was dead before the database was opened', async () => {
    const store = await filled()
    await store.db.delete(BOTH, { start: 10_000n, end: 40_000n })
    await store.reopen()
    expect((await store.db.gc()).bytesPunched).toBeGreaterThan(30_000 * 16 * 0.9)
    expect(await store.db.count('pressure')).toEqual({ pressure: 70_000 })
  })

  it('gives back what a writer gave up and what a removed channel had', async () => {
    const store = await filled()
    // Of a removed channel tails keep what they name until they are flushed.
    await store.reopen()
    const writer = await store.db.openWriter({ channels: ['slow'], autoCommit: false })
    await writer.write({ slow: BigInt64Array.from({ length: 20_000 }, (_, i) => BigInt(i)) })
    await writer.close()
    await store.db.channels.remove('pressure')
    const dead = await deadOf(store)
    expect(dead).toBeGreaterThan(COUNT * 8 + 20_000 * 8)
    const { bytesPunched, bytesReclaimed } = await store.db.gc({ threshold: 0.01 })
    expect(bytesReclaimed).toBeGreaterThan(0.95 * dead)
    expect(bytesPunched).toBeGreaterThan(0)
    expect((await store.db.read('time')).count('time')).toBe(COUNT)
  })

  it('rewrites what stays fragmented, and takes any dead byte for threshold 0', async () => {
    const store = await filled()
    for (let from = 0; from < COUNT; from += 200)
      await store.db.delete(BOTH, { start: BigInt(from), end: BigInt(from + 150) })
    const samples = await samplesOf(store)
    const report = await store.db.gc({ threshold: 0 })
    expect(report.bytesReclaimed).toBeGreaterThan(COUNT * 16 * 0.6)
    expect(report.segmentsRemoved).toBeGreaterThan(0)
    expect(await deadOf(store)).toBe(0)
    expect(await samplesOf(store)).toEqual(samples)
  })

  it('forms whole blocks of what died at different times', async () => {
    const store = await filled(withHoles(), 1000)
    for (const start of [1000n, 11_000n, 21_000n]) {
      await store.db.delete(BOTH, { start, end: start + 10_000n })
      expect((await store.db.gc({ threshold: 0.1 })).bytesPunched).toBeGreaterThan(10_000 * 16 * 0.9)
      // The ends of one range, however often it grew.
      expect(await deadOf(store)).toBeLessThan(2 * 4096)
    }
    expect((await store.db.verify()).problems).toEqual([])
  })

  it('is done without room, where the disk is full', async () => {
    const store = await filled()
    await store.db.delete(BOTH, { start: 10_000n, end: 40_000n })
    store.disk.capacity = store.disk.used
    const writer = await store.db.openWriter(BOTH)
    await errorOf(() => writer.write(frame(COUNT, 10_000)))
    const { bytesPunched, segmentsRemoved } = await store.db.gc()
    expect(bytesPunched).toBeGreaterThan(30_000 * 16 * 0.9)
    expect(segmentsRemoved).toBe(0)
    await writer.write(frame(COUNT, 10_000))
    await writer.close()
    expect(await store.db.count('time')).toEqual({ time: 80_000 })
  })

  it('stops where its signal says so, and remembers what it punched', async () => {
    const store = await filled()
    for (let from = 0; from < COUNT; from += 20_000)
      await store.db.delete(BOTH, { start: BigInt(from), end: BigInt(from + 10_000) })
    const controller = new AbortController()
    const reason = new Error('enough')
    let punches = 0
    store.disk.observeMutations(({ kind }) => {
      if (kind === 'punch' && ++punches === 2) controller.abort(reason)
    })
    expect(await errorOf(() => store.db.gc({ signal: controller.signal }))).toBe(reason)
    store.disk.observeMutations(undefined)
    expect(punches).toBe(2)
    const { live, dead, total } = (await store.db.stats()).segments[0]!
    expect(live + dead).toBe(total - 64)
    const { bytesPunched } = await store.db.gc()
    expect(bytesPunched).toBeGreaterThan(0)
    expect(await store.db.gc()).toMatchObject({ bytesPunched: 0 })
  })

  it('goes on after a hole that failed', async () => {
    const disk = withHoles()
    const faults = new FaultyFileSystem(disk)
    const store = await filled(disk, 10_000, faults)
    await store.db.delete(BOTH, { start: 10_000n, end: 40_000n })
    faults.addRule({ kind: 'punch', fault: { code: 'EIO' } })
    expect(await errorOf(() => store.db.gc())).toMatchObject({ code: 'STORAGE' })
    const report = await store.db.gc()
    expect(report.bytesPunched).toBeGreaterThan(30_000 * 16 * 0.9)
    expect(await store.db.count('time')).toEqual({ time: 70_000 })
  })

  it('believes nothing any more after the sync of a hole has failed', async () => {
    const disk = withHoles()
    const faults = new FaultyFileSystem(disk)
    const store = await filled(disk, 10_000, faults)
    await store.db.delete(BOTH, { start: 10_000n, end: 40_000n })
    await store.db.sync()
    faults.addRule({ kind: 'sync', path: /segments/, fault: { failSync: true, cleanPages: false } })
    expect(await errorOf(() => store.db.gc())).toMatchObject({ code: 'STORAGE' })
    expect(await errorOf(() => store.db.delete(BOTH, {}))).toMatchObject({ code: 'STORAGE' })
    expect(await store.db.count('time')).toEqual({ time: 70_000 })
    await store.kill()
    expect(await store.db.count('time')).toEqual({ time: 70_000 })
  })
})

describe('a collection where holes cannot be punched', () => {
  const options: MemoryFileSystemOptions = {}
  it('finds out once, and rewrites instead, in the same run', async () => {
    const disk = new MemoryFileSystem({ ...options, trace: true })
    const store = await filled(disk)
    await store.db.delete(BOTH, { start: 10_000n, end: 40_000n })
    const report = await store.db.gc()
    expect(report).toMatchObject({ bytesPunched: 0 })
    expect(report.bytesReclaimed).toBeGreaterThan(30_000 * 16 * 0.9)
    await store.db.delete(BOTH, { start: 50_000n, end: 90_000n })
    await store.db.gc()
    expect(disk.trace!.filter(({ kind }) => kind === 'punch')).toHaveLength(1)
  })
})

describe('on a real disk', () => {
  it('holes take no room', async (context) => {
    const store = await openStore({ channels: VITALS, segmentSize: 2 ** 20 }, { onDisk: true })
    const writer = await store.db.openWriter(BOTH)
    for (let from = 0; from < COUNT; from += 10_000) await writer.write(frame(from, 10_000))
    await writer.close()
    await store.db.delete(BOTH, { start: 10_000n, end: 40_000n })
    await store.db.sync()
    const used = async (): Promise<number> => {
      const folder = join(store.directory, 'segments')
      const names = await nodeFileSystem.list(folder)
      return names.reduce((sum, name) => sum + 512 * statSync(join(folder, name)).blocks, 0)
    }
    const before = await used()
    const { bytesPunched } = await store.db.gc()
    // Rewritten instead.
    context.skip(bytesPunched === 0, 'this machine, or its file system, punches no holes')
    expect(bytesPunched).toBeGreaterThan(30_000 * 16 * 0.9)
    expect(before - (await used())).toBeGreaterThanOrEqual(bytesPunched - 4096)
    const values = (await store.db.read('pressure')).column('pressure')
    expect(
      values.length === 70_000 && values.every((value, i) => value === (i < 10_000 ? i : i + 30_000)),
    ).toBe(true)
  })
})

async function reopened(store: Store<Vitals>): Promise<Store<Vitals>> {
  await store.reopen()
  return store
}

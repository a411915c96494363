// The syncer: one sync at a time, proving what was noted and no more, and nothing ever again after one
// failed (S1, S4).

import { describe, expect, it } from 'vitest'
import { Syncer } from '../../../src/database/syncer.ts'
import { StorageError } from '../../../src/errors.ts'
import { FaultyFileSystem } from '../../../src/fs/faulty-file-system.ts'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import { Journal } from '../../../src/journal/journal.ts'
import { SegmentPool } from '../../../src/segment/segment-pool.ts'
import { TableCache } from '../../../src/segment/table-cache.ts'

const databaseId = new Uint8Array(16).fill(3)

interface Setup {
  readonly disk: MemoryFileSystem
  readonly files: FaultyFileSystem
  readonly journal: Journal
  readonly segments: SegmentPool
  readonly syncer: Syncer
  readonly failures: StorageError[]
  readonly labels: string[]
  /** Operations that match wait until `open` is called. */
  gate: { pattern: RegExp; opened: Promise<void>; open: () => void } | undefined
  append(): number
}

/** @param loopSyncMs on a disk whose syncs take `ms` of the clock */
async function setup(loopSyncMs = 0, ms: { sync: number } = { sync: 0 }): Promise<Setup> {
  const labels: string[] = []
  const at: Pick<Setup, 'gate'> = { gate: undefined }
  const disk = new MemoryFileSystem({
    scheduler: async (label) => {
      labels.push(label)
      if (at.gate?.pattern.test(label) === true) await at.gate.opened
    },
  })
  await disk.makeDirectory('db/journal')
  await disk.makeDirectory('db/segments')
  for (const path of ['/', 'db']) await disk.syncDirectory(path)
  const files = new FaultyFileSystem(disk)
  const journal = new Journal({ files, directory: 'db', epoch: 1, databaseId, firstLsn: 1, rollSize: 4096 })
  const options = {
    files,
    directory: 'db',
    databaseId,
    epoch: 1,
    segmentSize: 1 << 20,
    cache: new TableCache(1 << 16),
  }
  const segments = new SegmentPool(options)
  const failures: StorageError[] = []
  let looks = 0
  let nowMs = 0
  const syncer = new Syncer({
    files,
    directory: 'db',
    segments,
    // It is looked at before and after each round.
    clock: { now: () => 0n, monotonicMs: () => (nowMs += (looks++ % 2) * ms.sync) },
    loopSyncMs,
    failed: (error) => failures.push(error),
    proved: () => {},
  })
  syncer.attach(journal, 0)
  const append = (): number => journal.appendEdit({ kind: 'drop', segments: [] }, syncer.proven)
  return Object.assign(at, { disk, files, journal, segments, syncer, failures, labels, append })
}

function hold(on: Setup, pattern: RegExp): () => void {
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  on.gate = { pattern, opened, open }
  return () => {
    on.gate = undefined
    open()
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('a sync', () => {
  it('syncs segments, then journal files from the oldest on, then names, and proves what it noted', async () => {
    const on = await setup()
    on.append()
    on.journal.roll()
    const lsn = on.append()
    const place = on.segments.reserve(64)
    on.segments.writeNow(place, new Uint8Array(64))
    on.labels.length = 0
    await on.syncer.reach(lsn)
    expect(on.syncer.proven).toBe(2)
    expect(on.labels).toEqual([
      'sync db/segments/000001-000000000001',
      'sync db/journal/000001-000000000001',
      'sync db/journal/000001-000000000002',
      'syncDirectory db/segments',
      'syncDirectory db/journal',
    ])
    expect(on.disk.afterPowerLoss(0).files()).toHaveLength(3)
    on.labels.length = 0
    await on.syncer.reach(lsn)
    expect(on.labels).toEqual([])
  })

  it('does not prove what is appended while it is under way', async () => {
    const on = await setup()
    const first = on.append()
    const open = hold(on, /^sync /)
    const reached = on.syncer.reach(first)
    await turn()
    const second = on.append()
    open()
    await reached
    expect(on.syncer.proven).toBe(first)
    await on.syncer.reach(second)
    expect(on.syncer.proven).toBe(second)
  })

  it('is one at a time; whoever waits together shares the next', async () => {
    const on = await setup()
    const first = on.append()
    const open = hold(on, /^sync /)
    on.labels.length = 0
    const waits = [on.syncer.reach(first)]
    await turn()
    for (let i = 0; i < 10; i++) waits.push(on.syncer.reach(on.append()))
    await turn()
    expect(on.labels).toHaveLength(1)
    open()
    await Promise.all(waits)
    expect(on.labels.filter((label) => label.startsWith('sync '))).toHaveLength(2)
    expect(on.syncer.proven).toBe(11)
  })

  it('of segments alone waits for what was written before, also without records', async () => {
    const on = await setup()
    const place = on.segments.reserve(64)
    on.segments.writeNow(place, new Uint8Array(64).fill(7))
    await on.syncer.syncSegments()
    const after = on.disk.afterPowerLoss(0)
    expect(after.snapshotBytes('db/segments/000001-000000000001').subarray(64)).toEqual(
      new Uint8Array(64).fill(7),
    )
  })
})

describe('a sync that holds the loop', () => {
  it('proves at once, pending records included', async () => {
    const on = await setup()
    const lsn = on.append()
    on.syncer.syncNow()
    expect(on.syncer.proven).toBe(lsn)
    expect(on.disk.afterPowerLoss(0).files()).toHaveLength(1)
  })

  it('proves nothing while another is under way, which may have lost pages', async () => {
    const on = await setup()
    const lsn = on.append()
    on.files.addRule({ kind: 'sync', fault: { failSync: true, cleanPages: true } })
    const reached = on.syncer.reach(lsn).catch((error: unknown) => error)
    on.syncer.syncNow()
    expect(on.syncer.proven).toBe(0)
    expect(await reached).toBeInstanceOf(StorageError)
    expect(on.syncer.proven).toBe(0)
  })
})

describe('a small sync on a quick disk', () => {
  const syncs = (on: Setup): string[] => on.labels.filter((label) => label.startsWith('sync '))

  async function quick(ms = { sync: 0.1 }): Promise<Setup> {
    const on = await setup(0.5, ms)
    await on.syncer.reach(on.append())
    on.labels.length = 0
    return on
  }

  it('is made on the loop once one has shown that the disk is quick', async () => {
    const on = await quick()
    const lsn = on.append()
    await on.syncer.reach(lsn)
    expect(on.syncer.proven).toBe(lsn)
    expect(syncs(on)).toEqual([])
    const after = on.disk.afterPowerLoss(0)
    expect(after.snapshotBytes('db/journal/000001-000000000001')).toHaveLength(on.journal.size)
  })

  it('is shared on the pool by all who call in the same step', async () => {
    const on = await quick()
    await Promise.all(Array.from({ length: 10 }, () => on.syncer.reach(on.append())))
    expect(on.syncer.proven).toBe(11)
    expect(syncs(on)).toHaveLength(1)
  })

  it('goes to the pool while syncs take long, and comes back', async () => {
    const ms = { sync: 5 }
    const on = await quick(ms)
    await on.syncer.reach(on.append())
    expect(syncs(on)).toHaveLength(1)
    ms.sync = 0.1
    for (let i = 0; i < 20; i++) await on.syncer.reach(on.append())
    const before = syncs(on).length
    expect(before).toBeLessThan(20)
    await on.syncer.reach(on.append())
    expect(syncs(on)).toHaveLength(before)
  })

  it('is back on the loop soon after one that took very long', async () => {
    const ms = { sync: 1000 }
    const on = await quick(ms)
    ms.sync = 0.1
    for (let i = 0; i < 10; i++) await on.syncer.reach(on.append())
    const before = syncs(on).length
    expect(before).toBeGreaterThan(0)
    expect(before).toBeLessThan(10)
    await on.syncer.reach(on.append())
    expect(syncs(on)).toHaveLength(before)
  })

  it.each(['a segment', 'a second journal file'])('goes to the pool with %s', async (what) => {
    const on = await quick()
    if (what === 'a segment') on.segments.writeNow(on.segments.reserve(64), new Uint8Array(64))
    else {
      on.append()
      on.journal.roll()
    }
    const lsn = on.append()
    await on.syncer.reach(lsn)
    expect(on.syncer.proven).toBe(lsn)
    expect(syncs(on)).toHaveLength(2)
  })

  it('that fails refuses everybody, now and later', async () => {
    const on = await quick()
    on.files.addRule({ kind: 'sync', path: /journal/, fault: { failSync: true, cleanPages: true } })
    const lsn = on.append()
    await expect(on.syncer.reach(lsn)).rejects.toThrow(/A sync failed/)
    expect(on.failures).toHaveLength(1)
    expect(on.syncer.proven).toBe(lsn - 1)
    await expect(on.syncer.reach(on.append())).rejects.toBe(on.failures[0])
  })
})

describe('a failed sync', () => {
  it.each([
    { what: 'a journal file', kind: 'sync', path: /journal/ },
    { what: 'a segment', kind: 'sync', path: /segments/ },
    { what: 'a directory', kind: 'syncDirectory', path: /journal/ },
  ] as const)('of $what refuses everybody, now and later, and is told once', async ({ kind, path }) => {
    const on = await setup()
    const place = on.segments.reserve(64)
    on.segments.writeNow(place, new Uint8Array(64))
    const lsn = on.append()
    on.files.addRule({ kind, path, fault: { failSync: true, cleanPages: false } })
    const waits = [on.syncer.reach(lsn), on.syncer.reach(lsn), on.syncer.syncSegments()]
    for (const wait of waits) await expect(wait).rejects.toThrow(/A sync failed/)
    expect(on.failures).toHaveLength(1)
    expect(on.syncer.failure).toBe(on.failures[0])
    await expect(on.syncer.reach(on.append())).rejects.toBe(on.failures[0])
    await expect(on.syncer.syncSegments()).rejects.toBe(on.failures[0])
    on.syncer.syncNow()
    expect(on.syncer.proven).toBe(0)
  })
})

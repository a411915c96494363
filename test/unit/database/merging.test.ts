// Merging: channels that came in drops read back as one piece, and leave few pointers and few files (0006; pitfall
// "one pointer a sample").

import { describe, expect, it } from 'vitest'
import type { Engine } from '../../../src/database/engine.ts'
import { openEngine } from '../../../src/database/opening/open.ts'
import { resolveOptions } from '../../../src/database/options.ts'
import type { OpenOptions } from '../../../src/database/options.ts'
import { FaultyFileSystem } from '../../../src/fs/faulty-file-system.ts'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import { Database } from '../../../src/index.ts'
import { Machine } from '../../crash/machine.ts'
import { SMALL } from '../../crash/session.ts'

const SLOW = ['slow', 'state']
const FAST = ['fast', 'value']

interface Opened {
  readonly engine: Engine
  readonly db: Database
  /** One sample of the slow channels, some of the fast ones, flushed by themselves. */
  readonly drop: (fast: number) => Promise<void>
}

async function opened(machine: Machine, options: OpenOptions = {}): Promise<Opened> {
  const tuning = { ...SMALL, extentLimit: 1 << 20, inlineLimit: 4096, holeSize: 512 }
  const { engine, flusher } = await openEngine(machine.environment(tuning), '/data', resolveOptions(options))
  const db = new Database(engine, flusher)
  await db.channels.create([
    { name: 'slow', kind: 'index' },
    { name: 'state', kind: 'data', type: 'int32', index: 'slow' },
    { name: 'fast', kind: 'index' },
    { name: 'value', kind: 'data', type: 'float64', index: 'fast' },
  ])
  const slow = await db.openWriter(SLOW)
  const fast = await db.openWriter(FAST)
  let [drops, rows] = [0, 0]
  const drop = async (count: number): Promise<void> => {
    await slow.write({ slow: BigInt(drops) * 1000n, state: drops++ })
    if (count > 0) {
      const times = BigInt64Array.from({ length: count }, (_, i) => BigInt(rows + i))
      await fast.write({ fast: times, value: Float64Array.from(times, Number) })
      rows += count
    }
    await engine.flushTails()
  }
  return { engine, db, drop }
}

const pointersOf = ({ engine }: Opened): number[] =>
  engine.catalogue.list.map(({ key }) => engine.version.pointers.get(key).length)

async function expectWhole({ db }: Opened, drops: number): Promise<void> {
  const states = (await db.read('state')).column('state')
  expect(states.length === drops && states.every((value, i) => value === i)).toBe(true)
  const values = (await db.read('value')).column('value')
  expect(values.every((value, i) => value === i)).toBe(true)
  expect((await db.verify()).problems).toEqual([])
}

describe.each([
  { name: 'with holes', holes: true },
  { name: 'without holes', holes: false },
])('a channel that came in one sample at a time, $name', ({ holes }) => {
  const machine = (): Machine => new Machine(new MemoryFileSystem({ holes }))

  it('is one extent after a collection', async () => {
    const store = await opened(machine())
    for (let i = 0; i < 600; i++) await store.drop(0)
    expect(pointersOf(store)).toEqual([600, 600, 0, 0])
    const report = await store.db.gc()
    expect(report.extentsMerged).toBe(2 * 599)
    expect(pointersOf(store)).toEqual([1, 1, 0, 0])
    await expectWhole(store, 600)
    await store.db.close({ force: true })
  })

  it('ends up with few pointers beside a fast one, whenever collections come', async () => {
    const store = await opened(machine())
    for (let i = 0; i < 300; i++) {
      await store.drop(200)
      if (i % 7 === 0) await store.db.gc()
    }
    await store.db.gc()
    const [slow, state, fast, value] = pointersOf(store)
    expect(Math.max(slow!, state!)).toBeLessThan(12)
    // 60,000 samples of 8 bytes in extents that are not small.
    expect(Math.max(fast!, value!)).toBeLessThan(40)
    const { segments } = await store.db.stats()
    expect(segments.length).toBeLessThan(40)
    const sum = (of: (segment: (typeof segments)[0]) => number): number =>
      segments.reduce((a, b) => a + of(b), 0)
    expect(sum(({ dead }) => dead)).toBeLessThan(0.3 * sum(({ total }) => total))
    await expectWhole(store, 300)
    await store.db.close({ force: true })
  })

  it('is merged where a delete left it, and across openings', async () => {
    const first = machine()
    let store = await opened(first)
    for (let i = 0; i < 300; i++) await store.drop(0)
    await store.db.delete(SLOW, { start: 100_000n, end: 200_000n })
    await store.db.close({ force: true })
    first.nextProcess()
    const tuning = { ...SMALL, extentLimit: 1 << 20, holeSize: 512 }
    const again = await openEngine(first.environment(tuning), '/data', resolveOptions({}))
    store = { ...store, engine: again.engine, db: new Database(again.engine, again.flusher) }
    await store.db.gc()
    expect(pointersOf(store)).toEqual([2, 2, 0, 0])
    const states = (await store.db.read('state')).column('state')
    expect([...states]).toEqual(Array.from({ length: 200 }, (_, i) => (i < 100 ? i : i + 100)))
    expect((await store.db.verify()).problems).toEqual([])
    await store.db.close()
  })

  it('is merged although a snapshot sees what it was, and what it was goes after', async () => {
    const store = await opened(machine())
    for (let i = 0; i < 200; i++) await store.drop(0)
    const snapshot = store.db.snapshot()
    await store.db.gc()
    expect(pointersOf(store)).toEqual([1, 1, 0, 0])
    expect((await snapshot.read('state')).count('state')).toBe(200)
    await snapshot.close()
    await store.db.gc({ threshold: 0 })
    expect((await store.db.stats()).segments.reduce((sum, { dead }) => sum + dead, 0)).toBe(0)
    await expectWhole(store, 200)
    await store.db.close({ force: true })
  })
})

it('damage in one small extent keeps no other from being merged, and is told', async () => {
  const machine = new Machine(new MemoryFileSystem({ holes: true }))
  const store = await opened(machine)
  for (let i = 0; i < 64; i++) await store.drop(i % 8 === 0 ? 1 : 0)
  const table = store.engine.version.pointers.get(2)
  const { offset } = table.get(20)
  machine.disk.corrupt('/data/segments/000001-000000000001', offset + 64, 1)
  const before = pointersOf(store).reduce((sum, count) => sum + count)
  const report = await store.db.gc()
  // Copies of tries that met the damage count for nothing.
  expect(report.extentsMerged).toBe(before - pointersOf(store).reduce((sum, count) => sum + count))
  expect(report.skipped).toEqual([
    { segment: 'segments/000001-000000000001', reason: expect.stringContaining(`offset ${offset + 64}`) },
  ])
  expect(pointersOf(store)[0]).toBe(1)
  expect(pointersOf(store)[3]).toBe(1)
  expect((await store.db.read('slow')).count('slow')).toBe(64)
  await store.db.close({ force: true })
})

it('a merge that is refused is tried again by the next collection', async () => {
  const disk = new MemoryFileSystem()
  const faults = new FaultyFileSystem(disk)
  const machine = new Machine(disk)
  const environment = machine.environment(SMALL)
  const store = await opened({ environment: () => ({ ...environment, files: faults }) } as unknown as Machine)
  for (let i = 0; i < 50; i++) await store.drop(0)
  faults.addRule({ kind: 'write', path: /segments/, fault: { code: 'EIO' } })
  await expect(store.db.gc()).rejects.toMatchObject({ code: 'STORAGE' })
  expect(pointersOf(store)).toEqual([50, 50, 0, 0])
  await store.db.gc()
  expect(pointersOf(store)).toEqual([1, 1, 0, 0])
  await expectWhole(store, 50)
  await store.db.close({ force: true })
})

it('a merge that had no room is tried again by the next collection', async () => {
  const machine = new Machine(new MemoryFileSystem())
  const store = await opened(machine)
  for (let i = 0; i < 50; i++) await store.drop(0)
  machine.disk.capacity = machine.disk.used
  const report = await store.db.gc()
  expect(report).toMatchObject({ extentsMerged: 0, skipped: [{ reason: expect.stringContaining('room') }] })
  machine.disk.capacity = Infinity
  await store.db.gc()
  expect(pointersOf(store)).toEqual([1, 1, 0, 0])
  await expectWhole(store, 50)
  await store.db.close({ force: true })
})

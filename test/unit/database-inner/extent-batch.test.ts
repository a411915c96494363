// Extents on their way to a segment: gathered, rolled over, reserved until they are settled (0006-I1).

import { describe, expect, it } from 'vitest'
import { ExtentBatch, Settling } from '../../../src/database/extent-batch.ts'
import type { Engine } from '../../../src/database/engine.ts'
import { StorageError } from '../../../src/errors.ts'
import { segmentFile } from '../../../src/fs/layout.ts'
import { FIRST_EXTENT } from '../../../src/segment/segment-file.ts'
import type { Segment } from '../../../src/segment/segment-pool.ts'
import { Stage } from '../../pitfalls/stage.ts'
import { deadRangesOf } from '../../support/dead-ranges.ts'
import { isExclusive } from '../../support/guard-mode.ts'
import { pointerTo } from '../../support/pointers.ts'

function extent(count: number, first = 0): Parameters<ExtentBatch['add']>[0] {
  const times = BigInt64Array.from({ length: count }, (_, i) => BigInt(first + i))
  return {
    channel: 1,
    type: 'timestamp',
    isIndex: true,
    firstTime: times[0]!,
    lastTime: times.at(-1)!,
    count,
    sources: [new Uint8Array(times.buffer)],
  }
}

const OWNER = { channel: 1, type: 'timestamp', isIndex: true } as const

function timesAt(
  engine: Engine,
  place: { segment: number; offset: number; length: number },
  count: number,
): bigint[] {
  const times = new BigInt64Array(count)
  engine.segments.reader(place.segment).readSamplesNow(place, OWNER, 0, count, new Uint8Array(times.buffer))
  return [...times]
}

describe('a batch of extents', () => {
  it('reads back, side by side in one segment, and is reserved until it is settled', async () => {
    const { engine } = await new Stage().open()
    const batch = new ExtentBatch(engine)
    const places = [
      await batch.add(extent(3)),
      await batch.add(extent(5, 100)),
      await batch.add(extent(200, 1000)),
    ]
    const segment = engine.segments.get(places[0]!.segment)
    expect(segment.reserved).toBe(places.reduce((sum, { length }) => sum + length, 0))
    await batch.finish()
    expect(timesAt(engine, places[1]!, 5)).toEqual([100n, 101n, 102n, 103n, 104n])
    expect(timesAt(engine, places[2]!, 200)[199]).toBe(1199n)
    batch.settle(engine.lastLsn, false, [])
    batch.settle(engine.lastLsn, false, [])
    expect(segment.reserved).toBe(0)
  })

  it('larger than its slice, or rolling into further segments, reads back too', async () => {
    const { engine } = await new Stage({ segmentSize: 1 << 20 }).open()
    const batch = new ExtentBatch(engine)
    const places = []
    for (const count of [50_000, 90_000, 10, 200_000, 10]) places.push(await batch.add(extent(count, 7)))
    await batch.finish()
    expect(new Set(places.map(({ segment }) => segment)).size).toBeGreaterThan(2)
    for (const place of places)
      expect(timesAt(engine, place, place.count).at(-1)).toBe(BigInt(6 + place.count))
    batch.settle(engine.lastLsn, false, [])
    expect(engine.segments.all().every(({ reserved }) => reserved === 0)).toBe(true)
  })

  it.skipIf(isExclusive)('that two write at once into one segment does not mix', async () => {
    const stage = new Stage()
    const { engine } = await stage.open()
    const [one, two] = [new ExtentBatch(engine), new ExtentBatch(engine)]
    const gate = stage.hold(/^write \/data\/segments/)
    const a = [await one.add(extent(10, 0))]
    const b = [await two.add(extent(20, 100))]
    const adding = Promise.all([one.add(extent(10, 200)), two.add(extent(20, 300))])
    await gate.reached
    gate.open()
    const [a2, b2] = await adding
    await Promise.all([one.finish(), two.finish()])
    expect(timesAt(engine, a[0]!, 10)[0]).toBe(0n)
    expect(timesAt(engine, b[0]!, 20)[0]).toBe(100n)
    expect(timesAt(engine, a2, 10)[9]).toBe(209n)
    expect(timesAt(engine, b2, 20)[19]).toBe(319n)
    one.settle(engine.lastLsn, false, [])
    two.settle(engine.lastLsn, false, [])
  })

  it('is settled once, whatever was added up how often beforehand', async () => {
    const { engine } = await new Stage().open()
    const batch = new ExtentBatch(engine)
    const places = [
      await batch.add(extent(3)),
      await batch.add(extent(5, 100)),
      await batch.add(extent(7, 200)),
    ]
    await batch.finish()
    const segment = engine.segments.get(places[0]!.segment)
    const settling = new Settling()
    const { segment: id, offset, length } = places[1]!
    const comes = [{ ...pointerTo(100, 5), segment: id, offset, length }]
    settling.name({ key: 1, comes })
    for (const place of places.slice(0, 2)) settling.add(place)
    expect(settling.dead).toEqual([places[0]])
    expect(segment.reserved).toBe(places.reduce((sum, place) => sum + place.length, 0))
    batch.settleAll(settling, engine.lastLsn, false)
    expect(segment.reserved).toBe(places[2]!.length)
    batch.giveUp(new Error('enough'))
    batch.settle(engine.lastLsn, false, [])
    expect(segment.reserved).toBe(0)
    expect(deadRangesOf(engine.deadSpace, id).map(({ start, end }) => [start, end])).toEqual([
      [places[0]!.offset, places[0]!.offset + places[0]!.length],
      [places[2]!.offset, places[2]!.offset + places[2]!.length],
    ])
  })

  it('that fails gives everything back when it is settled', async () => {
    const stage = new Stage()
    const { engine } = await stage.open()
    stage.fail({ kind: 'write', path: /segments/, nth: 2, fault: { code: 'ENOSPC' } })
    const batch = new ExtentBatch(engine)
    await batch.add(extent(10))
    await expect(batch.finish()).rejects.toThrow(StorageError)
    batch.settle(engine.lastLsn, false, [])
    expect(engine.segments.all().every(({ reserved }) => reserved === 0)).toBe(true)
  })

  it('into segments of its own rolls over, and is settled part by part', async () => {
    const { engine } = await new Stage({ segmentSize: 1 << 20 }).open()
    const made: Segment[] = []
    const batch = new ExtentBatch(engine, () => {
      made.push(engine.segments.create())
      return made.at(-1)!
    })
    const places = []
    for (const count of [50_000, 90_000, 10, 200_000, 10]) places.push(await batch.add(extent(count, 7)))
    await batch.finish()
    expect(new Set(places.map(({ segment }) => segment))).toEqual(new Set(made.map(({ id }) => id)))
    expect(made.length).toBeGreaterThan(2)
    for (const place of places)
      expect(timesAt(engine, place, place.count).at(-1)).toBe(BigInt(6 + place.count))
    const reserved = (): number => made.reduce((sum, segment) => sum + segment.reserved, 0)
    const all = places.reduce((sum, { length }) => sum + length, 0)
    batch.settle(engine.lastLsn, false, [], places.slice(0, 2))
    expect(reserved()).toBe(all - places[0]!.length - places[1]!.length)
    batch.settle(engine.lastLsn, false, [])
    expect(reserved()).toBe(0)
  })

  it('into segments of its own takes the next slice while the one before is written', async () => {
    const stage = new Stage()
    const { engine } = await stage.open()
    const batch = new ExtentBatch(engine, () => engine.segments.create())
    const gate = stage.hold(/^write \/data\/segments/)
    const first = await batch.add(extent(100_000))
    const second = await batch.add(extent(100_000, 100_000))
    await gate.reached
    const waits = batch.add(extent(100_000, 200_000))
    gate.open()
    const third = await waits
    await batch.finish()
    expect([first, second, third].map((place) => timesAt(engine, place, 1)[0])).toEqual([
      0n,
      100_000n,
      200_000n,
    ])
    batch.settle(engine.lastLsn, false, [])
  })

  it('tells of a write that failed beside it when it goes on, and can be given up then', async () => {
    const stage = new Stage()
    const { engine } = await stage.open()
    const segment = engine.segments.create()
    stage.fail({ kind: 'write', path: /segments/, fault: { code: 'ENOSPC' } })
    const batch = new ExtentBatch(engine, () => segment)
    await batch.add(extent(100_000))
    await batch.add(extent(100_000))
    const failed = await batch.finish().then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(failed).toBeInstanceOf(StorageError)
    await batch.idle()
    batch.giveUp(failed)
    expect(segment.reserved).toBe(0)
    expect(segment.size).toBe(FIRST_EXTENT)
    expect(stage.disk.snapshotBytes(`/data/${segmentFile(segment.id)}`).length).toBe(FIRST_EXTENT)
  })
})

// What is left of an extent in doubt is found in slices, of one instant: what is freed of it meanwhile raises the doubt anew,
// and that one stays (0006-I9).

import { describe, expect, it, vi } from 'vitest'
import { settleDoubts } from '../../../src/database/collection/settle-doubts.ts'
import type { Doubt } from '../../../src/database/collection/dead-space.ts'
import type { Engine } from '../../../src/database/engine.ts'
import type { Segment } from '../../../src/segment/segment-pool.ts'
import { Stage } from '../../pitfalls/stage.ts'
import { deadRangesOf } from '../../support/dead-ranges.ts'

const WIDTH = 8
const BLOCK = 1024
const CUTS = 700

interface Cut {
  readonly engine: Engine
  readonly segment: Segment
  /** Key of the data channel. */
  readonly key: number
  readonly doubt: Doubt
}

/** Two channels with one extent each, of which one block is dead, and many single samples in the others. */
async function cut(): Promise<Cut> {
  const { db, engine } = await new Stage({}, { extentLimit: 1 << 20 }).open({ gc: false })
  await db.channels.create([
    { name: 'time', kind: 'index' },
    { name: 'pressure', kind: 'data', type: 'float64', index: 'time' },
  ])
  const writer = await db.openWriter(['time', 'pressure'])
  const time = BigInt64Array.from({ length: 8 * BLOCK }, (_, i) => BigInt(i))
  await writer.write({ time, pressure: Float64Array.from(time, Number) })
  await writer.close()
  await engine.flushTails()
  await db.delete('pressure', { start: BigInt(BLOCK), end: BigInt(2 * BLOCK) })
  for (let i = 0; i < CUTS; i++) {
    const start = BigInt(2 * BLOCK + 4 * i)
    await db.delete('pressure', { start, end: start + 1n })
  }
  const [segment] = engine.segments.all()
  const { key } = engine.catalogue.byName.get('pressure')!
  const [offset] = engine.deadSpace.doubtsOf(segment!.id)
  const doubt = engine.deadSpace.doubtAt(segment!.id, offset!)
  expect(doubt?.channel).toBe(key)
  return { engine, segment: segment!, key, doubt: doubt! }
}

const deadBlockOf = ({ doubt }: Cut): unknown => ({
  start: doubt.offset + 64 + BLOCK * WIDTH,
  end: doubt.offset + 64 + 2 * BLOCK * WIDTH,
  lsn: doubt.lsn,
})

describe('an extent in doubt', () => {
  it('is looked at in slices, and then in doubt no longer', async () => {
    const made = await cut()
    const { engine, segment } = made
    const { turns } = engine
    const due = vi.spyOn(turns, 'due')
    await settleDoubts(engine, segment)
    expect(due.mock.calls.length).toBeGreaterThanOrEqual(Math.ceil(CUTS / 512))
    expect(deadRangesOf(engine.deadSpace, segment.id)).toEqual([deadBlockOf(made)])
    expect(engine.deadSpace.doubtsOf(segment.id)).toEqual([])
  })

  it('stays in the doubt that is raised while it is looked at', async () => {
    const made = await cut()
    const { engine, segment, key, doubt } = made
    const { turns, deadSpace } = engine
    vi.spyOn(turns, 'due').mockImplementationOnce(() => {
      deadSpace.raiseDoubt(key, { ...doubt, segment: segment.id }, doubt.lsn + 1)
      return turns.next()
    })
    await settleDoubts(engine, segment)
    expect(deadRangesOf(deadSpace, segment.id)).toEqual([deadBlockOf(made)])
    expect(deadSpace.doubtAt(segment.id, doubt.offset)?.lsn).toBe(doubt.lsn + 1)
    await settleDoubts(engine, segment)
    // Nothing more is dead, and no byte is noted twice.
    expect(deadRangesOf(deadSpace, segment.id)).toEqual([deadBlockOf(made)])
    expect(deadSpace.doubtsOf(segment.id)).toEqual([])
  })
})

import { describe, expect, it } from 'vitest'
import type { Database } from '../../../src/index.ts'
import { openStore } from '../../support/open-store.ts'

const ROWS = 60_000

/** Bytes of all segments, what was handed out and never written included. */
async function segmentBytes(db: Database): Promise<number> {
  const { segments } = await db.stats()
  return segments.reduce((sum, { total }) => sum + total, 0)
}

describe('a collection that meets damage', () => {
  it('leaves the damaged segment, says so, and collects the others', async () => {
    const store = await openStore({ segmentSize: 1024 * 1024 }, { verify: false })
    const { db, disk } = store
    await db.channels.create([
      { name: 'time', kind: 'index' },
      { name: 'a', kind: 'data', type: 'float64', index: 'time' },
    ])
    const writer = await db.openWriter(['time', 'a'])
    for (let frame = 0; frame < 4; frame++) {
      await writer.write({
        time: BigInt64Array.from({ length: ROWS }, (_, i) => BigInt(frame * ROWS + i)),
        a: Float64Array.from({ length: ROWS }, (_, i) => i),
      })
    }
    await writer.close()
    for (let frame = 0; frame < 4; frame++) {
      await db.delete(['time', 'a'], { start: BigInt(frame * ROWS), end: BigInt(frame * ROWS + 100) })
    }
    const segments = disk.files().filter((path) => path.includes('/segments/'))
    expect(segments.length).toBeGreaterThan(2)
    const damaged = segments[1]!
    disk.corrupt(damaged, 100_000, 1)

    const before = await segmentBytes(db)
    const report = await db.gc({ threshold: 0 })
    expect(report.bytesReclaimed).toBe(before - (await segmentBytes(db)))
    expect(report.skipped.filter(({ reason }) => reason.includes('Corruption'))).toHaveLength(1)
    expect(report.segmentsRemoved).toBe(segments.length - 1)
    expect(disk.files()).toContain(damaged)
    expect(await db.count('a')).toEqual({ a: 4 * (ROWS - 100) })
  })
})

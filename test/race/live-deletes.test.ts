// Deletes behind a live writer, for a moment, on a simulated disk; for longer, on a real one: soak.ts.

import { expect, it } from 'vitest'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { openStore } from '../support/open-store.ts'
import { writeAndRetain } from './live-deletes.ts'

/** Least that `open` takes. */
const SEGMENT_SIZE = 1 << 20

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

it.each([false, true])(
  'retention behind a writer at full speed: nothing fails, every read is exact, disk use is bounded (holes: %s)',
  async (holes) => {
    const disk = new MemoryFileSystem({ scheduler: turn, holes })
    const { db } = await openStore({ segmentSize: SEGMENT_SIZE, memoryBudget: 1 << 20 }, { disk })
    const tally = await writeAndRetain(db, SEGMENT_SIZE, turn, (rows) => rows >= 1_500_000)
    expect(tally.most).toBeLessThanOrEqual(tally.bound)
    // More was written than ever was there.
    expect(tally.rows * 24).toBeGreaterThan(tally.most)
    for (const count of [tally.deletes, tally.collections, tally.reads]) expect(count).toBeGreaterThan(2)
  },
  120_000,
)

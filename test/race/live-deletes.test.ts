// Deletes behind a live writer, for a moment, on a simulated disk; for longer, on a real one: soak.ts.

import { expect, it } from 'vitest'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { openStore } from '../support/open-store.ts'
import { writeAndRetain } from './live-deletes.ts'

/** Least that `open` takes. */
const SEGMENT_SIZE = 1 << 20

const ROWS = 1_500_000

/** With the window of the retention, a third of what is written, dead bytes and spare segments included. */
const LEAD = 200_000

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

it.each([false, true])(
  'retention behind a writer at full speed: nothing fails, every read is exact, disk use is bounded (holes: %s)',
  async (holes) => {
    const disk = new MemoryFileSystem({ scheduler: turn, holes })
    const { db } = await openStore({ segmentSize: SEGMENT_SIZE, memoryBudget: 1 << 20 }, { disk })
    const tally = await writeAndRetain(db, SEGMENT_SIZE, turn, (rows) => rows >= ROWS, LEAD)
    expect(tally.most).toBeLessThanOrEqual(tally.bound)
    // Far more was written than ever was there, or may be: the bound is none that grows with the run.
    expect(tally.rows * 24).toBeGreaterThan(2 * tally.bound)
    for (const count of [tally.deletes, tally.collections, tally.reads]) expect(count).toBeGreaterThan(2)
  },
  120_000,
)

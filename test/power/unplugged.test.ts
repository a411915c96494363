// A disk that is away for a moment while the machine runs on: what was not synced is gone as after a power loss, but
// the boot id says that nothing can be. Simulated, so that every seed shows the same again. RUBIDIUM_RUNS is the
// number of losses.

import { describe, expect, it } from 'vitest'
import type { Database } from '../../src/index.ts'
import { openIn } from '../../src/database/public.ts'
import { CorruptionError } from '../../src/errors.ts'
import type { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { DIRECTORY, Machine } from '../crash/machine.ts'
import { settle } from '../process/kill-account.ts'
import { readState, stampedValue, textOf } from '../process/kill-steps.ts'
import type { Step } from '../process/kill-steps.ts'
import { propertyOptions } from '../support/seeds.ts'
import { isExplained, readReadable } from './unplugged.ts'

const TUNING = { journalFileSize: 2048, inlineLimit: 512, extentLimit: 4096, manifestSlack: 1024 }

interface Written {
  readonly disk: MemoryFileSystem
  readonly steps: readonly Step[]
  /** Steps up to the newest strict one. */
  readonly promised: number
}

function open(disk: MemoryFileSystem, boot: number): Promise<Database> {
  return openIn(new Machine(disk, boot, 101).environment(TUNING), DIRECTORY, { syncInterval: '1h' })
}

/** Small frames and large ones, some of them strict, and the disk as it is when it goes away. */
async function write(seed: number): Promise<Written> {
  const random = new SeededRandom(seed)
  const machine = new Machine()
  const db = await openIn(machine.environment(TUNING), DIRECTORY, { syncInterval: '1h' })
  const channels = [
    { name: 't', kind: 'index' },
    { name: 'v', kind: 'data', type: 'float64', index: 't' },
  ] as const
  await db.channels.create([...channels])
  const steps: Step[] = [{ do: 'create', channels, by: 'batched' }]
  let promised = 0
  let from = 1
  for (let burst = 0; burst < 4; burst++) {
    const by = (['strict', 'batched'] as const)[random.below(2)]!
    const writer = await db.openWriter({ channels: ['t', 'v'], durability: by })
    for (let left = 1 + random.below(3); left > 0; left--) {
      const to = from + (random.below(2) === 0 ? 1 + random.below(8) : 64 + random.below(100))
      const times = Array.from({ length: to - from }, (_, i) => from + i)
      const stamp = steps.length
      await writer.write({
        t: times.map(BigInt),
        v: times.map((time) => Number(stampedValue('float64', time, stamp))),
      })
      steps.push({ do: 'write', index: 't', from, to, stamp, by })
      if (by === 'strict') promised = steps.length
      from = to
    }
    await writer.close()
  }
  const disk = machine.disk.afterPowerLoss(seed)
  await db.close({ force: true })
  return { disk, steps, promised }
}

describe('a disk that was away while the machine ran on', () => {
  it('opens with all that was promised, or is a CorruptionError until the machine is restarted', async () => {
    const { numRuns, seed = 1 } = propertyOptions(60)
    const outcomes = { opened: 0, gaps: 0, refused: 0 }
    for (let i = 0; i < numRuns; i++) {
      const where = `seed ${seed + i}`
      const { disk, steps, promised } = await write(seed + i)
      try {
        await using db = await open(disk, 1)
        const read = await readReadable(db, steps)
        expect(read.wrong, where).toEqual([])
        expect(isExplained([], steps, promised, read), where).toBe(true)
        expect((await db.verify()).ok, where).toBe(read.gaps.length === 0)
        if (read.gaps.length > 0) outcomes.gaps++
        else outcomes.opened++
      } catch (error) {
        if (!(error instanceof CorruptionError)) throw error
        outcomes.refused++
        await using db = await open(disk, 2)
        const { state, wrong } = await readState(db)
        expect([...wrong, ...(await db.verify()).problems], where).toEqual([])
        expect(() => settle([], steps, promised, textOf(state)), where).not.toThrow()
      }
    }
    // Each of the three does happen.
    expect(Object.values(outcomes).filter((count) => count === 0)).toEqual([])
  }, 60_000)
})

// Real power cuts on a real disk, a few of them, wherever such a disk can be made: one is skipped loudly where
// it cannot. RUBIDIUM_RUNS is the number of cuts on each disk; the soak is power-soak.ts.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { propertyOptions } from '../support/seeds.ts'
import { RealDisk, whyNoDisk } from './disk.ts'
import { newTally, PowerLane } from './power-rounds.ts'

const why = await whyNoDisk()
if (why !== undefined) process.stderr.write(`SKIPPED, no power is cut on a real disk: ${why}\n`)

// 0001-I7
it.skipIf(why !== undefined)(
  `a power cut of a real disk takes nothing that was promised${why === undefined ? '' : ` (skipped: ${why})`}`,
  async () => {
    const { numRuns, seed = Date.now() % 1_000_000 } = propertyOptions(1)
    const scratch = mkdtempSync(join(tmpdir(), 'rubidium-'))
    for (const [kind, setting] of [
      ['ext4', 'mixed'],
      ['xfs', 'batched'],
    ] as const) {
      const tally = newTally()
      const disk = await RealDisk.up(kind, `test-${kind}`)
      try {
        const lane = new PowerLane({ disk, scratch, setting, seed }, tally)
        // A cut may come before the first step: there is more to see then.
        const isDone = (): boolean =>
          tally.cuts >= numRuns && tally.images >= numRuns && tally.acknowledged > 0
        for (let rounds = 0; rounds < 20 * numRuns && !isDone(); rounds++) await lane.round()
        await lane.finish()
      } finally {
        await disk.down()
      }
      expect([tally.cuts >= numRuns, tally.images >= numRuns, tally.acknowledged > 0]).toEqual([
        true,
        true,
        true,
      ])
    }
    rmSync(scratch, { recursive: true })
  },
  600_000,
)

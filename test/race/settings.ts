// How the databases of histories are opened: so small that everything is met often. Called by play.ts and closing.ts.

import type { SeededRandom } from '../../src/fs/seeded-random.ts'
import type { Setting } from './world.ts'

/** Everything is met often: journals roll, segments fill, memory is short. */
export function smallSetting(random: SeededRandom): Setting {
  const durability = (['relaxed', 'batched', 'strict'] as const)[random.below(3)]!
  const segmentSize = 1000 + random.below(8000)
  return {
    durability,
    segmentSize,
    memoryBudget: 1024 * 2 ** (2 + random.below(6)),
    tuning: {
      journalFileSize: 600 + random.below(3000),
      journalLimit: 2000 + random.below(20_000),
      inlineLimit: 80 + random.below(400),
      extentLimit: 160 + random.below(1000),
      manifestSlack: 300 + random.below(3000),
      tailExtents: 4 + random.below(30),
      unprovenLimit: 2000 + random.below(20_000),
      unmarkedLimit: 300 + random.below(3000),
      loopSyncMs: random.chance(0.3) ? 2 : 0,
      holeSize: 64,
      holesARecord: 3,
      // What is dead is forgotten before anybody asks, in every other.
      deadNotes: segmentSize % 2 === 0 ? 2 : 1000,
      freedAtOnce: segmentSize % 3,
    },
    holes: random.chance(0.5),
  }
}

/** Reads are long enough to go on beside everything else, and collections copy for long. */
export function largeSetting(random: SeededRandom): Setting {
  return {
    durability: 'batched',
    segmentSize: 200_000 + random.below(400_000),
    memoryBudget: 256 * 1024,
    tuning: {
      inlineLimit: 4096,
      extentLimit: 20_000 + random.below(60_000),
      journalLimit: 300_000,
      loopSyncMs: 0,
    },
    holes: random.chance(0.5),
  }
}

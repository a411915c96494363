// Counterexamples of the model test, each named for the fault that it showed. Run as they were found,
// shrunk; see test/support/model-run.ts for what is compared.

import { describe, expect, it } from 'vitest'
import type { ModelSettings, Operation } from '../support/model-operations.ts'
import { runModel } from '../support/model-run.ts'

const SMALL: ModelSettings = {
  durability: 'relaxed',
  memoryBudget: 1024 * 1024,
  segmentSize: 1024 * 1024,
  tuning: {
    journalFileSize: 512,
    journalLimit: 1024,
    inlineLimit: 128,
    extentLimit: 64,
    manifestSlack: 0,
    tailExtents: 4,
  },
  isSlow: false,
}

const NO_TIME = { from: 0, length: 0 }

function openWriter(more: Partial<Operation & { do: 'openWriter' }> = {}): Operation {
  return {
    do: 'openWriter',
    groups: 0,
    channels: 0,
    start: undefined,
    autoCommit: true,
    durability: undefined,
    ...more,
  }
}

function write(count: number, more: Partial<Operation & { do: 'write' }> = {}): Operation {
  return {
    do: 'write',
    writer: 0,
    groups: 0,
    count,
    step: 10,
    gap: 1,
    place: 'next',
    pick: 0,
    isBackwards: false,
    more: 0,
    ...more,
  }
}

function crash(isPowerLoss: boolean, seed: number): Operation {
  return { do: 'crash', crash: { isPowerLoss, seed, again: [] } }
}

function background(what: 'flush' | 'retire' | 'gc'): Operation {
  return { do: 'maintain', what, threshold: 0, wait: false }
}

async function agrees(
  operations: readonly Operation[],
  settings: Partial<ModelSettings> = {},
): Promise<void> {
  await expect(runModel({ ...SMALL, ...settings }, operations)).resolves.toBeUndefined()
}

describe('verify', () => {
  it('takes no bytes for live and reserved at once while a flush ends', async () => {
    const tuning = { ...SMALL.tuning, journalFileSize: 1024 * 1024 }
    const list: Operation[] = [
      { do: 'create', group: 0, types: [0, 0] },
      openWriter({ channels: 6 }),
      write(1),
      { do: 'delete', group: 0, channels: 0, who: 'group', range: NO_TIME },
      { do: 'commit', writer: 0 },
      { do: 'sync' },
      { do: 'verify' },
      { do: 'delete', group: 0, channels: 0, who: 'group', range: NO_TIME },
    ]
    await agrees(list, { tuning })
  })

  it('compares the tails of one instant, whatever is flushed while it reads the logs', async () => {
    for (let turns = 0; turns < 8; turns++) {
      const wait = Array.from({ length: turns }, (): Operation => ({ do: 'turn' }))
      await agrees([openWriter(), write(10), background('flush'), ...wait, { do: 'verify' }], {
        isSlow: true,
        tuning: { ...SMALL.tuning, journalLimit: 1024 * 1024 },
      })
    }
  })

  it('does not mind in which order the properties of a channel came to it', async () => {
    await agrees([
      { do: 'update', channel: 2, note: 0, unit: false },
      { do: 'update', channel: 2, note: 0, unit: true },
      { do: 'snapshot' },
    ])
  })
})

describe('a writer with uncommitted samples', () => {
  it('is not let past what others have committed right behind them', async () => {
    await agrees([
      openWriter(),
      write(1),
      { do: 'closeWriter', writer: 0 },
      openWriter({ autoCommit: false }),
      write(1, { place: 'hole' }),
      write(1, { gap: 2 }),
    ])
  })
})

describe('recovery', () => {
  it('opens where a power loss cut the first write of an epoch inside the header', async () => {
    await agrees([
      { do: 'maintain', what: 'retire', threshold: 0, wait: true },
      crash(false, 0),
      { do: 'arm', after: 25, crash: { isPowerLoss: true, seed: 85, again: [] } },
      { do: 'remove', channel: 0, whole: false, closeWriters: false },
    ])
  })

  it('finds the records that flushed what a retired journal file held', async () => {
    await agrees([
      crash(false, 0),
      { do: 'arm', after: 38, crash: { isPowerLoss: true, seed: 194, again: [] } },
      openWriter(),
      write(1),
      { do: 'create', group: 0, types: [0] },
      { do: 'create', group: 2, types: [0] },
      { do: 'maintain', what: 'flush', threshold: 0, wait: true },
      write(10),
      { do: 'delete', group: 0, channels: 0, who: 'group', range: NO_TIME },
      { do: 'snapshot' },
      write(10, { place: 'hole' }),
      write(5),
      write(3),
      write(4),
      { do: 'delete', group: 0, channels: 0, who: 'group', range: { from: 9, length: 45 } },
    ])
  })
})

describe('recovery from a power loss in the middle of retirement', () => {
  it('minds no names of retired journal files that came back without those between', async () => {
    for (const again of [1, 6]) {
      for (const after of [18, 19, 20, 21, 22]) {
        await agrees(
          [
            openWriter(),
            write(1),
            write(10),
            write(10),
            background('flush'),
            write(1, { place: 'hole' }),
            {
              do: 'arm',
              after,
              crash: { isPowerLoss: false, seed: 3, again: [{ after: again, isPowerLoss: true, seed: 3 }] },
            },
            { do: 'create', group: 0, types: [0] },
            { do: 'reopen' },
            write(1),
          ],
          { tuning: { ...SMALL.tuning, journalLimit: 8192 } },
        )
      }
    }
  })
})

describe('a snapshot', () => {
  it('keeps domains apart where a flush takes only what lies before their border', async () => {
    await agrees([
      openWriter(),
      write(130),
      { do: 'closeWriter', writer: 0 },
      write(130, { groups: 26, place: 'anywhere', pick: 154 }),
      { do: 'reopen' },
      write(1, { groups: 6, gap: 15, place: 'hole', pick: 451, more: 1 }),
      { do: 'reopen' },
      write(2, { groups: 54, step: 3, gap: 18, place: 'hole', pick: 56 }),
      background('flush'),
      write(10, { gap: 3 }),
      { do: 'snapshot' },
      { do: 'maintain', what: 'flush', threshold: 0, wait: true },
    ])
  })
})

describe('a collection', () => {
  it('forgets a dead segment whose file a power loss took', async () => {
    await agrees([
      openWriter({ autoCommit: false }),
      write(16),
      { do: 'commit', writer: 0 },
      background('flush'),
      { do: 'remove', channel: 0, whole: true, closeWriters: true },
      {
        do: 'arm',
        after: 1,
        crash: { isPowerLoss: false, seed: 0, again: [{ after: 16, isPowerLoss: true, seed: 0 }] },
      },
      write(1),
    ])
  })
})

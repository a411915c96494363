// Fairness, measured (0004-I4): 100,000 acquisitions of one guard under random loads of readers and writers, some of
// whom give up. First come, first served: whoever is granted before somebody who asked earlier was not in his way, and
// nobody waits for more than those who asked before him.

import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { GuardSet } from '../../src/guard/guard-set.ts'
import { unguarded } from '../../src/guard/held.ts'
import type { Held, Mode } from '../../src/guard/held.ts'
import { propertyOptions } from '../support/seeds.ts'

const ACQUISITIONS = 100_000

interface Load {
  readonly what: string
  readonly readers: number
  readonly writers: number
  /** Share of the acquisitions that are aborted while they may still wait. */
  readonly leave: number
}

const LOADS: readonly Load[] = [
  { what: 'many readers, one writer', readers: 31, writers: 1, leave: 0 },
  { what: 'one reader, many writers', readers: 1, writers: 31, leave: 0 },
  { what: 'as many of each', readers: 8, writers: 8, leave: 0 },
  { what: 'as many of each, a tenth of whom give up', readers: 8, writers: 8, leave: 0.1 },
]

interface Client {
  readonly mode: Mode
  /** Acquisitions that were granted. */
  granted: number
  /** Most acquisitions by others that were granted between asking and getting. */
  longest: number
}

interface Outcome {
  readonly clients: readonly Client[]
  /** Grants of somebody who had asked later, to one of whom is exclusive, while the earlier one still waited. */
  readonly overtakings: number
  readonly granted: number
  readonly left: number
}

async function run({ readers, writers, leave }: Load, random: SeededRandom, count: number): Promise<Outcome> {
  const set = new GuardSet({ clock: { monotonicMs: () => 0 } })
  /** Who waits, in the order of asking. */
  const waiting = new Map<number, Mode>()
  let [asked, granted, left, overtakings] = [0, 0, 0, 0]
  const turn = async (most: number): Promise<void> => {
    for (let turns = random.below(most); turns > 0; turns--) await Promise.resolve()
  }
  const work = async (client: Client): Promise<void> => {
    while (asked < count) {
      await turn(4)
      const number = asked++
      const before = granted
      waiting.set(number, client.mode)
      const abort = new AbortController()
      const wanted = set.acquire(unguarded, {
        rank: 'catalog',
        mode: client.mode,
        purpose: 'load',
        signal: abort.signal,
      })
      if (random.chance(leave)) void turn(6).then(() => abort.abort())
      let held: Held<'catalog', Mode>
      try {
        held = await wanted
      } catch {
        left++
        waiting.delete(number)
        continue
      }
      waiting.delete(number)
      for (const [earlier, mode] of waiting) {
        if (earlier > number) break
        // Two shared neighbours are granted in one step, and hear of it one after the other.
        if (mode === 'exclusive' || client.mode === 'exclusive') overtakings++
      }
      client.granted++
      client.longest = Math.max(client.longest, granted - before)
      granted++
      await turn(4)
      held.release()
    }
  }
  const clients = [
    ...Array.from({ length: readers }, () => ({ mode: 'shared' as const, granted: 0, longest: 0 })),
    ...Array.from({ length: writers }, () => ({ mode: 'exclusive' as const, granted: 0, longest: 0 })),
  ]
  await Promise.all(clients.map(work))
  expect(set.tryAcquire(unguarded, { rank: 'catalog', mode: 'exclusive', purpose: 'end' })).toBeDefined()
  return { clients, overtakings, granted, left }
}

describe('a guard under 100,000 acquisitions', () => {
  it.each(LOADS)('serves who comes first, and starves nobody: $what', async (load) => {
    const { seed = 1 } = propertyOptions(1)
    const count = ACQUISITIONS / LOADS.length
    const { clients, overtakings, granted, left } = await run(load, new SeededRandom(seed), count)
    expect(granted + left).toBeGreaterThanOrEqual(count)
    expect(left > 0).toBe(load.leave > 0)
    expect(overtakings).toBe(0)
    for (const { granted: own, longest } of clients) {
      // Each other client asks again only behind him.
      expect(longest).toBeLessThan(clients.length)
      expect(own).toBeGreaterThan((0.5 * granted) / clients.length)
    }
  })
})

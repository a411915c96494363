// Closing in the middle of everything: it ends, keeps what it accepted, refuses what comes later, leaves nothing open.
// On a simulated disk at random instants (RUBIDIUM_RUNS, RUBIDIUM_SEED), and on a real one.

import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { open } from '../../src/index.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { propertyOptions } from '../support/seeds.ts'
import { closeAmid } from './closing.ts'

it('a close at any instant ends, keeps what was accepted, refuses the rest, and leaves nothing open', async () => {
  const { numRuns, seed = 1 } = propertyOptions(20)
  for (let run = 0; run < numRuns; run++)
    expect(await closeAmid(seed + run), `RUBIDIUM_SEED=${seed + run} RUBIDIUM_RUNS=1`).toBeUndefined()
}, 120_000)

/** Descriptors of this process below a directory. */
function descriptorsBelow(directory: string, links: (path: string) => string[]): string[] {
  return links('/proc/self/fd').filter((path) => path.startsWith(directory))
}

describe('on a real disk', () => {
  it.each([true, false])('nothing is left open, by force: %s', async (force) => {
    const directory = temporaryDirectory()
    const db = await open(directory, { durability: 'strict', segmentSize: 1 << 20, memoryBudget: 1 << 20 })
    await db.channels.create([
      { name: 't', kind: 'index' },
      { name: 'a', kind: 'data', type: 'float64', index: 't' },
    ])
    const writer = await db.openWriter(['t', 'a'])
    const frame = (from: number): { t: BigInt64Array; a: Float64Array } => ({
      t: BigInt64Array.from({ length: 1000 }, (_, i) => BigInt(from + i)),
      a: new Float64Array(1000).fill(from),
    })
    const accepted: Promise<unknown>[] = []
    for (let i = 0; i < 20; i++) accepted.push(writer.write(frame(i * 1000)))
    if (!force) await writer.close()
    accepted.push(db.delete(['t', 'a'], { start: 0n, end: 5000n }), db.gc({ threshold: 0 }), db.sync())
    const ended = Promise.allSettled(accepted)
    await db.close({ force })
    for (const [i, { status }] of (await ended).entries())
      if (i < 20) expect(status, `write ${i}`).toBe('fulfilled')
    expect(await db.read('t').catch((error: unknown) => (error as { code: string }).code)).toBe('CLOSED')
    if (process.platform === 'linux') {
      const { readlinkSync } = await import('node:fs')
      const links = (path: string): string[] =>
        readdirSync(path).flatMap((name) => {
          try {
            return [readlinkSync(`${path}/${name}`)]
          } catch {
            // The one that lists the directory is gone.
            return []
          }
        })
      expect(descriptorsBelow(directory, links)).toEqual([])
    } else process.stderr.write('SKIPPED: open descriptors are looked at on Linux only\n')
    const again = await open(directory)
    const [deleted, rows] = [await again.count('t', { end: 5000n }), await again.count(['t', 'a'])]
    expect(deleted['t'] === 0 ? 15_000 : 20_000).toBe(rows['t'])
    expect(rows['a']).toBe(rows['t'])
    expect((await again.verify()).problems).toEqual([])
    await again.close()
  })
})

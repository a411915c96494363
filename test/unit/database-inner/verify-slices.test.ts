// A verification puts the tails of a head in words while the loop turns, so that flushes may come in between: what is told
// then is what was there at the instant, or nothing.

import { describe, expect, it } from 'vitest'
import { takeSnapshot, releaseSnapshot } from '../../../src/database/snapshots.ts'
import { tailsOfHead } from '../../../src/database/verify/replay.ts'
import { Stage } from '../../pitfalls/stage.ts'
import type { Actor } from '../../pitfalls/stage.ts'

const NAMES = Array.from({ length: 200 }, (_, i) => `c${i}`)

/** Ten rows of 200 channels that no flush has come to. */
async function filled(): Promise<Actor> {
  const actor = await new Stage().open()
  await actor.db.channels.create([
    { name: 't', kind: 'index' },
    ...NAMES.map((name) => ({ name, kind: 'data', type: 'int8', index: 't' }) as const),
  ])
  const writer = await actor.db.openWriter({ channels: ['t', ...NAMES], durability: 'relaxed' })
  for (let row = 0n; row < 10n; row++)
    await writer.write({ t: row, ...Object.fromEntries(NAMES.map((name, i) => [name, i % 100])) })
  await writer.close()
  return actor
}

/** What happens in the first wait, and how many there were. */
function turnsWith(meanwhile: () => Promise<void>): { due: () => Promise<void>; taken: () => number } {
  let taken = 0
  return { due: () => (taken++ === 0 ? meanwhile() : Promise.resolve()), taken: () => taken }
}

describe('the tails of a head in words', () => {
  it('are the same in slices, beside commits and deletes, as in one step', async () => {
    const { db, engine } = await filled()
    const state = takeSnapshot(engine)
    const atOnce = await tailsOfHead(engine, state, undefined)
    expect([atOnce?.size, atOnce?.get('c7')?.startsWith('10 samples from 1970')]).toEqual([201, true])
    const turns = turnsWith(async () => {
      await db.delete(NAMES, { start: 2n, end: 4n })
      const writer = await db.openWriter({ channels: ['t', ...NAMES], durability: 'relaxed' })
      await writer.write({ t: 20n, ...Object.fromEntries(NAMES.map((name) => [name, 1])) })
      await writer.close()
    })
    expect(await tailsOfHead(engine, state, turns)).toEqual(atOnce)
    expect(turns.taken()).toBeGreaterThan(2)
    releaseSnapshot(engine, state)
  })

  it('are not told where a flush has given back what they were read from', async () => {
    const { db, engine } = await filled()
    const state = takeSnapshot(engine)
    expect(
      await tailsOfHead(
        engine,
        state,
        turnsWith(() => engine.flushTails()),
      ),
    ).toBeUndefined()
    releaseSnapshot(engine, state)
    expect((await db.verify()).problems).toEqual([])
  })
})

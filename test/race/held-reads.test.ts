// A long read goes in slices on an instant of its own (0003, Slices): who closes the snapshot that it was asked
// of takes nothing from it, and neither does a flush that gives back the pages which it was to copy from.
// The clock moves on with every look at it, so that a turn is due wherever one is taken at all.

import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Actor } from '../pitfalls/stage.ts'
import { createGroup, frameOf, numbers, Stage, timesFrom } from '../pitfalls/stage.ts'

const NAMES = numbers(0, 299).map((i) => `c${i}`)

function sliding(): Stage {
  const stage = new Stage({}, { inlineLimit: 2 ** 30 })
  let looks = 0
  Object.defineProperty(stage, 'elapsedMs', { get: () => ++looks * 10 })
  return stage
}

async function written(stage: Stage, first: number): Promise<Actor> {
  const actor = await stage.open()
  await createGroup(actor.db, 't', NAMES)
  await write(actor, first)
  return actor
}

async function write({ db }: Actor, first: number): Promise<void> {
  const writer = await db.openWriter(['t', ...NAMES])
  await writer.write(frameOf('t', NAMES, timesFrom(first, 10)))
  await writer.close()
}

describe('a long read of a snapshot', () => {
  it.each([0, 1, 5, 50])(
    'that is closed after %i turns shows its instant, though its pages hold other rows',
    async (turns) => {
      const stage = sliding()
      const actor = await written(stage, 0)
      const { db, engine } = actor
      const snapshot = db.snapshot()
      const reading = snapshot.read(['t', ...NAMES])
      for (let i = 0; i < turns; i++) await turn()
      await snapshot.close()
      await engine.flushTails()
      // The pages that were given back are filled again.
      await write(actor, 1000)
      const frame = await reading
      const wrong = NAMES.filter((name) => {
        const values = frame.column(name) as Float64Array
        return values.length !== 10 || values.some((value, i) => value !== i * 0.5)
      })
      expect(wrong).toEqual([])
      expect([...(frame.column('t') as BigInt64Array)].map(Number)).toEqual(numbers(0, 9))
      expect(engine.snapshots.size).toBe(0)
      expect(engine.pins.own).toBe(Infinity)
    },
  )

  it('whose database is closed by force ends, right, before its files do', async () => {
    const stage = sliding()
    const { db } = await written(stage, 0)
    const snapshot = db.snapshot()
    const reading = snapshot.read(['t', ...NAMES])
    await turn()
    const closing = db.close({ force: true })
    const frame = await reading
    await closing
    expect(NAMES.filter((name) => (frame.column(name) as Float64Array)[9] !== 4.5)).toEqual([])
  })
})

describe('a long read of nothing', () => {
  it('lets the loop turn too, and is aborted in between', async () => {
    const stage = sliding()
    const { db } = await stage.open()
    await createGroup(db, 't', NAMES)
    const abort = new AbortController()
    const reading = db.read(NAMES, {}, { signal: abort.signal })
    for (let i = 0; i < 3; i++) await turn()
    abort.abort(new Error('enough'))
    await expect(reading).rejects.toThrow('enough')
  })
})

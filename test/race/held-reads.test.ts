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

/** Many channels whose samples lie in segments, which take a read many turns, and one group whose rows lie in memory. */
async function written(stage: Stage): Promise<Actor> {
  const actor = await stage.open()
  const { db, engine } = actor
  await createGroup(db, 't', NAMES)
  await createGroup(db, 'u', ['b'])
  await write(actor, 't', NAMES, 0)
  await engine.flushTails()
  await write(actor, 'u', ['b'], 0)
  return actor
}

async function write({ db }: Actor, index: string, data: readonly string[], first: number): Promise<void> {
  const writer = await db.openWriter([index, ...data])
  await writer.write(frameOf(index, data, timesFrom(first, 10)))
  await writer.close()
}

function expectFirstRows(frame: { column(name: string): unknown }): void {
  for (const index of ['t', 'u'])
    expect([...(frame.column(index) as BigInt64Array)].map(Number)).toEqual(numbers(0, 9))
  const wrong = [...NAMES, 'b'].filter((name) => {
    const values = frame.column(name) as Float64Array
    return values.length !== 10 || values.some((value, i) => value !== i * 0.5)
  })
  expect(wrong).toEqual([])
}

describe('a long read of a snapshot', () => {
  it.each([0, 5])(
    'that is closed after %i turns shows its instant, though its pages hold other rows',
    async (turns) => {
      const actor = await written(sliding())
      const { db, engine } = actor
      const snapshot = db.snapshot()
      let isDone = false
      const reading = snapshot.read([...NAMES, 't', 'u', 'b'], {}, { timestamps: true })
      const ended = reading.finally(() => (isDone = true))
      for (let i = 0; i < turns; i++) await turn()
      await snapshot.close()
      await engine.flushTails()
      // The page that was given back is filled again.
      await write(actor, 'u', ['b'], 1000)
      expect(isDone).toBe(false)
      const frame = await ended
      expectFirstRows(frame)
      expect([...frame.timestamps('b')].map(Number)).toEqual(numbers(0, 9))
      expect(engine.snapshots.size).toBe(0)
      expect(engine.pins.own).toBe(Infinity)
    },
  )

  it('whose database is closed by force ends, right, before its files do', async () => {
    const { db } = await written(sliding())
    const reading = db.snapshot().read([...NAMES, 't', 'u', 'b'])
    await turn()
    const closing = db.close({ force: true })
    expectFirstRows(await reading)
    await closing
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

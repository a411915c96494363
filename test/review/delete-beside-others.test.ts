// A delete beside what others publish while it is worked out (0003, Slices), and what it frees beside a collection (0006-I9).

import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { DeadSpace } from '../../src/database/collection/dead-space.ts'
import { Turns } from '../../src/database/turns.ts'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { createGroup, frameOf, numbers, Stage, timesFrom, timesOf } from '../pitfalls/stage.ts'
import type { Actor } from '../pitfalls/stage.ts'
import { pointerTo, versionWith } from '../support/pointers.ts'

/** A stage on which a turn of the loop is due wherever one is taken at all. */
function sliding(tuning: ConstructorParameters<typeof Stage>[1]): Stage {
  const stage = new Stage({}, tuning)
  let looks = 0
  Object.defineProperty(stage, 'elapsedMs', { get: () => ++looks * 10 })
  return stage
}

/** A group of an index channel and one of data with extents of `size` samples, as pointers. */
async function filled({ db, engine }: Actor, index: string, data: string, size: number): Promise<void> {
  await createGroup(db, index, [data])
  const writer = await db.openWriter([index, data])
  for (let i = 0; i < 20; i++) await writer.write(frameOf(index, [data], timesFrom(i * size, size)))
  await writer.close()
  await engine.flushTails()
}

describe('deletes of two groups at once', () => {
  it('take what each of them names', async () => {
    const actor = await sliding({ inlineLimit: 8 }).open()
    const { db } = actor
    await filled(actor, 't', 'a', 5)
    await filled(actor, 'u', 'b', 5)
    await Promise.all([
      db.delete(['t', 'a'], { start: 5n, end: 95n }),
      db.delete(['u', 'b'], { start: 15n, end: 85n }),
    ])
    expect(await timesOf(db, 'a')).toEqual([...numbers(0, 4), ...numbers(95, 99)])
    expect(await timesOf(db, 'b')).toEqual([...numbers(0, 14), ...numbers(85, 99)])
  })
})

describe('what a delete frees that is looked at later', () => {
  // A doubt was settled by the pointers of now with the LSN of before.
  it.each([0, 1, 2, 3])(
    'is not punched under a snapshot, by a collection that is %i turns old',
    async (turns) => {
      const stage = sliding({ inlineLimit: 8, freedAtOnce: 0, holeSize: 64 })
      stage.disk = new MemoryFileSystem({ holes: true })
      const actor = await stage.open()
      const { db } = actor
      await filled(actor, 't', 'a', 3000)
      for (let i = 0; i < 20; i++)
        await db.delete(['t', 'a'], { start: BigInt(i * 3000), end: BigInt(i * 3000 + 1100) })
      const snapshot = db.snapshot()
      const before = await timesOf(snapshot, 'a')
      const collecting = db.gc({ threshold: 0 })
      for (let i = 0; i < turns; i++) await turn()
      await db.delete(['t', 'a'], {})
      await collecting
      expect(await timesOf(snapshot, 'a')).toEqual(before)
      await snapshot.close()
    },
  )

  it('has the LSN of the newer record, which was looked at before', async () => {
    const space = new DeadSpace({ deadNotes: 1000, freedAtOnce: 3 })
    const whole = pointerTo(0, 4)
    const [head, last] = [
      { ...whole, live: 20, count: 3 },
      { ...whole, live: 10, count: 2 },
    ]
    const goes = { first: 0n, last: 0n, count: 1 }
    const others = [2, 3, 4].map((key) => ({ key, comes: [pointerTo(0, 4)] }))
    space.noteEdit(
      versionWith({ 1: [whole] }),
      { kind: 'relocate', changes: [{ key: 1, goes, comes: [head] }, ...others] },
      7,
    )
    space.noteEdit(
      versionWith({ 1: [head] }),
      { kind: 'relocate', changes: [{ key: 1, goes, comes: [last] }] },
      9,
    )
    expect(space.isBehind).toBe(true)
    await space.catchUp(new Turns(systemClock))
    expect(space.doubtAt(whole.segment, whole.offset)?.lsn).toBe(9)
  })
})

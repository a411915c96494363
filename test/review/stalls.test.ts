// Faults found by reading: what keeps the event loop, or looks at everything to find a little.

import { describe, expect, it, vi } from 'vitest'
import type { Actor } from '../pitfalls/stage.ts'
import { createGroup, frameOf, Stage, timesFrom } from '../pitfalls/stage.ts'
import { systemClock } from '../../src/clock.ts'
import type { Pointer } from '../../src/version/pointer.ts'
import { PointerTable } from '../../src/version/pointer-table.ts'
import { PointerTables } from '../../src/version/pointer-tables.ts'
import { timeOfNth } from '../../src/unary/sample-count.ts'
import type { ChannelRef } from '../../src/unary/channel-view.ts'

/** How often the loop turned while `work` went on. */
async function turnsOf(work: Promise<unknown>): Promise<number> {
  let turns = 0
  let isOver = false
  const count = (): void => {
    turns++
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  await work
  isOver = true
  return turns
}

/** A slow channel: each sample in an extent of its own. */
async function slowChannel(samples: number): Promise<Actor> {
  const stage = new Stage()
  const actor = await stage.open()
  await createGroup(actor.db, 'time', ['a'])
  for (let i = 0; i < samples; i++) {
    const writer = await actor.db.openWriter(['time', 'a'])
    await writer.write(frameOf('time', ['a'], timesFrom(1 + i * 10, 1)))
    await writer.close()
    await actor.flusher.flushAll()
  }
  return actor
}

describe('a slow channel with an extent for each sample', () => {
  it('is read without keeping the loop', async () => {
    const { db } = await slowChannel(300)
    expect(await turnsOf(db.read('a'))).toBeGreaterThan(5)
    const frame = await db.read('a', {}, { timestamps: true })
    expect(frame.count('a')).toBe(300)
    expect([...frame.timestamps('a')].map(Number)).toEqual(Array.from({ length: 300 }, (_, i) => 1 + i * 10))
  })

  it('is verified without keeping the loop', async () => {
    const { db, engine } = await slowChannel(100)
    // The clock of the stage stands still: here the loop is late all the time.
    let now = 0
    vi.spyOn(engine.clock, 'monotonicMs').mockImplementation(() => (now += 10))
    expect(await turnsOf(db.verify())).toBeGreaterThan(100)
    expect((await db.verify()).problems).toEqual([])
    expect(systemClock.monotonicMs()).toBeGreaterThan(0)
  })
})

describe('the first sample of a channel with many pointers', () => {
  it('is found without looking at all of them', () => {
    const pointers: Pointer[] = Array.from({ length: 10_000 }, (_, i) => ({
      start: BigInt(i * 10),
      end: BigInt(i * 10 + 1),
      joined: false,
      segment: 1,
      offset: 64 + i * 64,
      length: 64,
      skip: 0,
      count: 1,
      live: 64,
    }))
    const table = PointerTable.from(pointers)
    const owner = { channel: 1, type: 'timestamp', isIndex: true } as const
    const ref: ChannelRef = { key: 1, name: 'time', type: 'timestamp', owner, index: { key: 1, owner } }
    const segments = {
      reader: (): never => {
        throw new Error('nothing is read')
      },
    }
    const view = { pointers: PointerTables.empty.set(1, table), tail: [], segments }
    const looks = vi.spyOn(PointerTable.prototype, 'get')
    expect(timeOfNth(view, ref, -(2n ** 63n), 0)).toBe(0n)
    expect(timeOfNth(view, ref, 501n, 10)).toBe(610n)
    expect(looks.mock.calls.length).toBeLessThan(20)
    expect(timeOfNth(view, ref, 0n, 9_999)).toBe(99_990n)
    expect(timeOfNth(view, ref, 0n, 10_000)).toBeUndefined()
    looks.mockRestore()
  })
})

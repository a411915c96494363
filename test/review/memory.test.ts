// Faults found by reading: memory that is waited for, or taken without need.

import { describe, expect, it } from 'vitest'
import { TailReplay } from '../../src/domain/tail-replay.ts'
import { shapeOf } from '../../src/journal/shape.ts'
import { createGroup, frameOf, numbers, Stage, timesFrom, timesOf } from '../pitfalls/stage.ts'

const MIB = 1024 * 1024

describe('somebody who begins to wait for memory just when the flusher goes to sleep', () => {
  it.each(numbers(0, 8))('is served: %i ticks after the turn', async (ticks) => {
    const stage = new Stage({ memoryBudget: MIB })
    const { db, engine } = await stage.open()
    await createGroup(db, 'time', ['a'])
    const writer = await db.openWriter(['time', 'a'])
    await writer.write(frameOf('time', ['a'], timesFrom(1, 1)))
    engine.wantsFlush()
    await engine.turns.next()
    for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
    let isServed = false
    const taken = engine.pool.take([MIB]).then((pages) => {
      isServed = true
      engine.pool.give(pages)
    })
    for (let turn = 0; turn < 50 && !isServed; turn++) await engine.turns.next()
    expect(isServed).toBe(true)
    await taken
  })
})

describe('replay of many writers with a row each', () => {
  it('takes about as much memory as their rows took', () => {
    const shape = shapeOf([1, 2], ['timestamp', 'float64'])
    const replay = new TailReplay()
    const bytes = new Uint8Array(16)
    for (let stream = 0; stream < 100; stream++) {
      new DataView(bytes.buffer).setBigInt64(0, BigInt(stream), true)
      const run = {
        kind: 'rows',
        count: 1,
        joined: false,
        parted: [],
        bytes,
        offsets: [0, 8],
        from: 0,
      } as const
      replay.commit({ stream, shape, runs: [run] }, 1 + stream)
    }
    const group = replay.groups.get(1)!
    let held = 0
    for (const run of group.runs) if (run.kind === 'strip') held += run.page.bytes.length
    expect(group.runs).toHaveLength(100)
    expect(held).toBeLessThanOrEqual(100 * 1024)
  })

  it('gives a busy writer pages that grow', async () => {
    const stage = new Stage()
    const { db } = await stage.open()
    await createGroup(db, 'time', ['a'])
    const writer = await db.openWriter(['time', 'a'])
    for (let i = 0; i < 100; i++) await writer.write(frameOf('time', ['a'], timesFrom(1 + i * 100, 100)))
    const next = await stage.kill()
    expect(await timesOf(next.db, 'a')).toEqual(numbers(1, 10_000))
  })
})

// A tail that two writers of a group filled in turn, each in a region of its own: many lists of extents, which go on in time
// from none to the next. A long read looks them up once, however often the loop turns meanwhile.

import { expect, it, vi } from 'vitest'
import type * as ChannelView from '../../../src/unary/channel-view.ts'
import { createGroup, frameOf, numbers, Stage, timesFrom } from '../../pitfalls/stage.ts'

const counted = vi.hoisted(() => ({ lookups: 0 }))

vi.mock('../../../src/unary/channel-view.ts', async (original) => {
  const module = await original<typeof ChannelView>()
  const partsFrom: typeof module.partsFrom = (...args) => {
    counted.lookups++
    return module.partsFrom(...args)
  }
  return { ...module, partsFrom }
})

const FRAMES = 1100
const FAR = 1_000_000

it('a tail that two writers filled in turn is looked up once for a read, however often the loop turns', async () => {
  const stage = new Stage({}, { inlineLimit: 16, tailExtents: 1_000_000 })
  let elapsedMs = 0
  let stepMs = 0
  // A turn is due wherever one is taken at all, as beside a busy writer.
  Object.defineProperty(stage, 'elapsedMs', { get: () => (elapsedMs += stepMs) })
  const { db } = await stage.open()
  await createGroup(db, 't', ['a'])
  const open = (start: number): ReturnType<typeof db.openWriter> =>
    db.openWriter({ channels: ['t', 'a'], start: BigInt(start), durability: 'relaxed' })
  const far = await open(FAR)
  await far.write(frameOf('t', ['a'], timesFrom(FAR, 2)))
  const near = await open(0)
  for (let i = 1; i <= FRAMES; i++) {
    await near.write(frameOf('t', ['a'], timesFrom(10 * i, 2)))
    await far.write(frameOf('t', ['a'], timesFrom(FAR + 10 * i, 2)))
  }
  stepMs = 10
  counted.lookups = 0
  const found = [...(await db.read(['t', 'a'])).timestamps('a')].map(Number)
  stepMs = 0
  const pairs = numbers(1, FRAMES).flatMap((i) => [10 * i, 10 * i + 1])
  expect(found).toEqual([...pairs, FAR, FAR + 1, ...pairs.map((time) => FAR + time)])
  expect(counted.lookups).toBeGreaterThan(0)
  expect(counted.lookups).toBeLessThan(5)
  await near.close()
  await far.close()
})

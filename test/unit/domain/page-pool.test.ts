// The page pool: a budget that holds, first come, first served, all pages or none (0001-I9).

import { describe, expect, it } from 'vitest'
import { PagePool } from '../../../src/domain/page-pool.ts'

function pool(budget = 4096): { pool: PagePool; pressed: () => number } {
  let pressed = 0
  return { pool: new PagePool(budget, () => pressed++), pressed: () => pressed }
}

/** What has settled of some promises, once the microtasks have run. */
async function settled(promises: readonly Promise<unknown>[]): Promise<number[]> {
  const done: number[] = []
  promises.forEach((promise, i) => void promise.then(() => done.push(i)).catch(() => done.push(-i)))
  await new Promise((resolve) => setImmediate(resolve))
  return done
}

describe('the page pool', () => {
  it('gives pages of the sizes asked for, all or none', () => {
    const { pool: pages } = pool()
    expect(pages.tryTake([1024, 2048])?.map(({ bytes }) => bytes.length)).toEqual([1024, 2048])
    expect(pages.held).toBe(3072)
    expect(pages.tryTake([1024, 1024])).toBeUndefined()
    expect(pages.held).toBe(3072)
    expect(pages.tryTake([1024])).toHaveLength(1)
  })

  it('hands pages that were given back out again, and never holds more than its budget', () => {
    const { pool: pages } = pool()
    const first = pages.tryTake([1024, 1024])!
    pages.give(first)
    expect(first).toContain(pages.tryTake([1024])![0])
    pages.tryTake([2048])
    expect(pages.tryTake([2048])).toBeUndefined()
    expect(pages.returned).toBe(2048)
  })

  it('serves those who wait first come, first served: a small wish does not overtake a large one', async () => {
    const { pool: pages } = pool()
    const all = pages.tryTake([1024, 1024, 1024, 1024])!
    const waits = [pages.take([2048, 1024]), pages.take([1024])]
    expect(pages.hasWaiters).toBe(true)
    expect(pages.tryTake([1024])).toBeUndefined()
    pages.give(all.slice(0, 2))
    expect(await settled(waits)).toEqual([])
    pages.give(all.slice(2))
    expect(await settled(waits)).toEqual([0, 1])
    expect(pages.held).toBe(4096)
    expect(pages.hasWaiters).toBe(false)
  })

  it('gets a flush going when somebody waits, and when half of it is used', () => {
    const { pool: pages, pressed } = pool()
    pages.tryTake([2048])
    expect([pages.isPressed, pressed()]).toEqual([false, 0])
    pages.tryTake([1024])
    expect([pages.isPressed, pressed()]).toEqual([true, 1])
    void pages.take([2048])
    expect(pressed()).toBe(2)
  })

  it('tells everybody who waits when nothing will come, and goes on afterwards', async () => {
    const { pool: pages } = pool()
    const all = pages.tryTake([4096])!
    const waits = [pages.take([1024]), pages.take([2048])]
    pages.fail(new Error('disk full'))
    await expect(waits[0]).rejects.toThrow('disk full')
    await expect(waits[1]).rejects.toThrow('disk full')
    pages.give(all)
    expect(pages.held).toBe(0)
    expect(await pages.take([4096])).toHaveLength(1)
  })

  it('counts forgotten pages no more, serves with their room, and never hands them out', async () => {
    const { pool: pages } = pool()
    const all = pages.tryTake([4096])!
    const wait = pages.take([4096])
    pages.forget(all)
    expect(await wait).not.toContain(all[0])
    expect(pages.held).toBe(4096)
  })
})

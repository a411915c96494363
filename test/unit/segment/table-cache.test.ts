import { describe, expect, it } from 'vitest'
import type { CachedValue } from '../../../src/segment/table-cache.ts'
import { TableCache } from '../../../src/segment/table-cache.ts'

function value(bytes: number): CachedValue {
  return { kind: 'times', times: new BigInt64Array(0), bytes }
}

describe('TableCache', () => {
  it('keeps values by segment and offset', () => {
    const cache = new TableCache(100)
    const [a, b] = [value(10), value(10)]
    cache.put(1, 64, a)
    cache.put(2, 64, b)
    expect(cache.get(1, 64)).toBe(a)
    expect(cache.get(2, 64)).toBe(b)
    expect(cache.get(1, 72)).toBeUndefined()
    expect(cache.bytes).toBe(20)
  })

  it('lets what was used least recently go first, and never passes its budget', () => {
    const cache = new TableCache(30)
    cache.put(1, 0, value(10))
    cache.put(1, 8, value(10))
    cache.put(2, 0, value(10))
    cache.get(1, 0)
    cache.put(2, 8, value(15))
    expect([cache.get(1, 8), cache.get(2, 0)]).toEqual([undefined, undefined])
    expect(cache.get(1, 0)).toBeDefined()
    expect(cache.get(2, 8)).toBeDefined()
    expect(cache.bytes).toBe(25)
  })

  it('does not keep what is larger than all of its budget, nor let others go for it', () => {
    const cache = new TableCache(30)
    cache.put(1, 0, value(30))
    cache.put(1, 8, value(31))
    expect(cache.get(1, 8)).toBeUndefined()
    expect(cache.get(1, 0)).toBeDefined()
  })

  it('replaces a value without counting both', () => {
    const cache = new TableCache(30)
    cache.put(1, 0, value(20))
    const newer = value(25)
    cache.put(1, 0, newer)
    expect(cache.get(1, 0)).toBe(newer)
    expect(cache.bytes).toBe(25)
  })

  it('forgets a segment and keeps the others', () => {
    const cache = new TableCache(100)
    for (let offset = 0; offset < 40; offset += 8) cache.put(1, offset, value(5))
    cache.put(2, 0, value(5))
    cache.forget(1)
    cache.forget(3)
    expect(cache.bytes).toBe(5)
    expect(cache.get(1, 8)).toBeUndefined()
    expect(cache.get(2, 0)).toBeDefined()
  })

  it('keeps nothing with a budget of 0', () => {
    const cache = new TableCache(0)
    cache.put(1, 0, value(1))
    expect(cache.get(1, 0)).toBeUndefined()
    expect(cache.bytes).toBe(0)
  })

  it('agrees with a slow cache over a long mixed use', () => {
    const cache = new TableCache(100)
    let slow: { key: number; value: CachedValue }[] = []
    for (let step = 0; step < 5000; step++) {
      const key = (step * 7919 + ((step * step) >> 3)) % 23
      const found = slow.find((entry) => entry.key === key)
      expect(cache.get(key % 3, key)).toBe(found?.value)
      slow = slow.filter((entry) => entry !== found)
      const entry = found ?? { key, value: value(1 + ((step * 31) % 40)) }
      if (found === undefined) cache.put(key % 3, key, entry.value)
      slow.push(entry)
      while (slow.reduce((sum, kept) => sum + kept.value.bytes, 0) > 100) slow.shift()
      expect(cache.bytes).toBe(slow.reduce((sum, kept) => sum + kept.value.bytes, 0))
    }
  })
})

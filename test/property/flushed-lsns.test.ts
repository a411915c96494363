// Up to which LSN groups are flushed, against a plain map; no change shows in those before it.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AssertionError } from '../../src/assert.ts'
import { FlushedLsns } from '../../src/version/flushed-lsns.ts'
import { propertyOptions } from '../support/seeds.ts'

const entry = fc.tuple(
  fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 500, max: 3000 })),
  fc.integer({ min: 0, max: 5 }),
)

describe('flushed LSNs', () => {
  it('are those of a plain map, in order of the keys, and stay what they were', () => {
    fc.assert(
      fc.property(fc.array(fc.array(entry, { maxLength: 8 }), { maxLength: 12 }), (changes) => {
        let lsns = FlushedLsns.empty
        const plain = new Map<number, number>()
        const kept: { lsns: FlushedLsns; told: [number, number][] }[] = []
        for (const entries of changes) {
          kept.push({ lsns, told: [...lsns.entries()] })
          const before = new Map(plain)
          for (const [key, lsn] of entries) {
            if (lsn === 0) plain.delete(key)
            else plain.set(key, lsn)
          }
          const next = lsns.with(entries)
          if (entries.every(([key, lsn]) => (before.get(key) ?? 0) === lsn)) expect(next).toBe(lsns)
          lsns = next
          expect([...lsns.entries()]).toEqual([...plain].sort((a, b) => a[0] - b[0]))
          for (const key of [1, 12, 511, 512, 513, 2999, 9000])
            expect(lsns.get(key)).toBe(plain.get(key) ?? 0)
        }
        for (const { lsns: old, told } of kept) expect([...old.entries()]).toEqual(told)
      }),
      propertyOptions(100),
    )
  })

  it('refuse what is no key, and no LSN', () => {
    for (const wrong of [
      [0, 1],
      [-1, 1],
      [1.5, 1],
      [2 ** 30, 1],
      [1, -1],
      [1, 0.5],
    ] as const)
      expect(() => FlushedLsns.of([wrong])).toThrow(AssertionError)
  })
})

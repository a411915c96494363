// Laws of the pointer table (invariant 1): whatever is spliced, on whatever version, every version says
// what a plain array says that was changed the same way, then and after all later changes.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PointerTable } from '../../src/version/pointer-table.ts'
import { PointerTables } from '../../src/version/pointer-tables.ts'
import type { Pointer } from '../../src/version/pointer.ts'
import { pointerTo } from '../support/pointers.ts'
import { propertyOptions } from '../support/seeds.ts'

const GAP = 2n ** 40n

/** Where an insert in front of everything may begin. */
const FIRST = -(2n ** 62n)

/** One change: places are fractions, so that they fit whatever the table has become. */
interface Change {
  readonly kind: 'append' | 'middle' | 'cut tail' | 'truncate'
  /** Which version it is made on: mostly the newest. */
  readonly version: number
  readonly at: number
  readonly remove: number
  readonly insert: number
  readonly seed: number
}

interface Version {
  readonly table: PointerTable
  readonly pointers: readonly Pointer[]
}

// Sizes on both sides of leaf (256) and node (16,384) borders, small ones most often.
const size = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 10 }) },
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 600 }) },
  { weight: 1, arbitrary: fc.constantFrom(255, 256, 257, 4_096, 16_384, 16_385, 20_000) },
)
const fraction = fc.double({ min: 0, max: 1, noNaN: true })

const change: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom('append', 'append', 'middle', 'middle', 'cut tail', 'truncate'),
  version: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fraction }),
  at: fraction,
  remove: size,
  insert: size,
  seed: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
})

/** Up to `count` pointers between two times; fewer where there is no room. Some touch, some are joined. */
function between(low: bigint, high: bigint, count: number, seed: number): Pointer[] {
  const room = (high - low) / BigInt(count + 1)
  if (room < 4n) return []
  return Array.from({ length: count }, (_, i) => {
    const mixed = Math.imul(i + seed, 0x9e3779b1) >>> 0
    const start = low + room * BigInt(i) + (mixed % 3 === 0 ? 0n : 1n)
    return {
      start,
      end: low + room * BigInt(i + 1) - (mixed % 4 === 0 ? 0n : 1n),
      joined: mixed % 5 === 0,
      segment: (mixed % 3) * 2 ** 32 + (mixed % 7),
      offset: mixed * 1_000,
      length: mixed,
      skip: mixed % 1_024,
      count: 1 + (mixed % 1_000),
      live: 1 + (mixed % 100_000),
    }
  })
}

function apply(version: Version, step: Change): Version {
  const { table, pointers } = version
  const { length } = pointers
  let position = Math.floor(step.at * length)
  let remove = Math.min(step.remove, length - position)
  if (step.kind === 'append') [position, remove] = [length, 0]
  if (step.kind === 'truncate') remove = length - position
  if (step.kind === 'cut tail') {
    remove = Math.min(step.remove, length)
    position = length - remove
  }
  const low = pointers[position - 1]?.end ?? FIRST
  const high = pointers[position + remove]?.start ?? low + GAP * BigInt(step.insert + 1)
  const insert = between(low, high, step.kind === 'truncate' ? 0 : step.insert, step.seed)
  return {
    table: table.splice(position, remove, insert),
    pointers: [...pointers.slice(0, position), ...insert, ...pointers.slice(position + remove)],
  }
}

/** Compares everything at every position without an `expect` each, which would be most of the time. */
function expectSame({ table, pointers }: Version): void {
  table.check()
  let samples = 0
  let domains = 0
  const wrong: string[] = []
  const claim = (holds: boolean, what: string): void => {
    if (!holds && wrong.length < 5) wrong.push(what)
  }
  for (const [position, pointer] of pointers.entries()) {
    claim(table.startAt(position) === pointer.start, `start at ${position}`)
    claim(table.endAt(position) === pointer.end, `end at ${position}`)
    claim(table.countAt(position) === pointer.count, `count at ${position}`)
    claim(table.joinedAt(position) === pointer.joined, `joined at ${position}`)
    claim(same(table.get(position), pointer), `pointer at ${position}`)
    claim(table.samplesBefore(position) === samples, `samples before ${position}`)
    samples += pointer.count
    if (!pointer.joined && pointer.start !== pointers[position - 1]?.end) domains++
  }
  let position = 0
  for (const pointer of table.slice()) claim(same(pointer, pointers[position++]), `slice at ${position - 1}`)
  expect(wrong).toEqual([])
  expect(position).toBe(pointers.length)
  expect([table.length, table.samples, table.domains]).toEqual([pointers.length, samples, domains])
}

function liveOf(pointers: readonly Pointer[]): Map<number, number> {
  const sums = new Map<number, number>()
  for (const { segment, live } of pointers) sums.set(segment, (sums.get(segment) ?? 0) + live)
  return sums
}

function same(one: Pointer, other: Pointer | undefined): boolean {
  return (
    other !== undefined &&
    one.start === other.start &&
    one.end === other.end &&
    one.joined === other.joined &&
    one.segment === other.segment &&
    one.offset === other.offset &&
    one.length === other.length &&
    one.skip === other.skip &&
    one.count === other.count &&
    one.live === other.live
  )
}

/** All versions that a history of changes makes, the first one built in bulk. */
function versionsOf(first: number, changes: readonly Change[]): Version[] {
  const pointers = between(0n, GAP * BigInt(first + 1), first, 1)
  const versions: Version[] = [{ table: PointerTable.from(pointers), pointers }]
  for (const step of changes) {
    const from = versions[Math.round(step.version * (versions.length - 1))]
    if (from !== undefined) versions.push(apply(from, step))
  }
  return versions
}

describe('a pointer table', () => {
  it('equals a plain array after any splices, in every version, also after later changes', () => {
    fc.assert(
      fc.property(size, fc.array(change, { maxLength: 25 }), (first, changes) => {
        for (const version of versionsOf(first, changes)) expectSame(version)
      }),
      propertyOptions(60),
    )
  })

  it('finds times as a scan of the array does', () => {
    fc.assert(
      fc.property(
        size,
        fc.array(change, { maxLength: 8 }),
        fc.array(fraction, { minLength: 1 }),
        (first, changes, at) => {
          for (const { table, pointers } of versionsOf(first, changes).slice(-2)) {
            for (const part of at) {
              const near = pointers[Math.floor(part * pointers.length)] ?? { start: 0n, end: 1n }
              for (const time of [
                near.start - 1n,
                near.start,
                near.start + 1n,
                near.end - 1n,
                near.end,
                near.end + 1n,
              ]) {
                const ending = pointers.findIndex((pointer) => pointer.end > time)
                const starting = pointers.findIndex((pointer) => pointer.start >= time)
                expect(table.lowerBound(time)).toBe(ending < 0 ? pointers.length : ending)
                expect(table.startBound(time)).toBe(starting < 0 ? pointers.length : starting)
              }
            }
          }
        },
      ),
      propertyOptions(40),
    )
  })

  it('finds samples as a scan of the array does', () => {
    fc.assert(
      fc.property(
        size,
        fc.array(change, { maxLength: 8 }),
        fc.array(fraction, { minLength: 1 }),
        (first, changes, at) => {
          for (const { table, pointers } of versionsOf(first, changes).slice(-2)) {
            if (table.samples === 0) continue
            for (const part of at) {
              const sample = Math.min(table.samples - 1, Math.floor(part * table.samples))
              let within = sample
              let position = 0
              for (const pointer of pointers) {
                if (within < pointer.count) break
                within -= pointer.count
                position++
              }
              expect(table.positionOfSample(sample)).toEqual({ position, within })
            }
          }
        },
      ),
      propertyOptions(40),
    )
  })

  it('gives the pointers of any range, by slice and by forEach', () => {
    fc.assert(
      fc.property(
        size,
        fc.array(change, { maxLength: 8 }),
        fraction,
        fraction,
        (first, changes, one, other) => {
          for (const { table, pointers } of versionsOf(first, changes).slice(-2)) {
            const from = Math.floor(Math.min(one, other) * pointers.length)
            const to = Math.floor(Math.max(one, other) * pointers.length)
            const visited: Pointer[] = []
            const positions: number[] = []
            table.forEach(from, to, (pointer, position) => {
              visited.push(pointer)
              positions.push(position)
            })
            const expected = pointers.slice(from, to)
            expect(new Map(table.liveIn(from, to))).toEqual(new Map(liveOf(expected)))
            expect(visited.length).toBe(expected.length)
            expect(
              visited.every((pointer, i) => same(pointer, expected[i]) && positions[i] === from + i),
            ).toBe(true)
            expect(Array.from(table.slice(from, to)).every((pointer, i) => same(pointer, expected[i]))).toBe(
              true,
            )
          }
        },
      ),
      propertyOptions(40),
    )
  })
})

describe('where the pointers into some segments are', () => {
  // What was written together lies together.
  const stretches = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 900 })), {
    maxLength: 60,
  })

  it('is found, whole and in order, by leaves that reach them alone', () => {
    fc.assert(
      fc.property(
        stretches,
        fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { maxLength: 4 }),
        fc.tuple(fraction, fc.integer({ min: 0, max: 3_000 })),
        (lists, ids, [at, count]) => {
          let n = 0
          const pointers = lists.flatMap(([segment, length]) =>
            Array.from({ length }, () => pointerTo(10 * n++, 10, { segment })),
          )
          const position = Math.floor(at * pointers.length)
          const table = PointerTable.from(pointers).splice(
            position,
            pointers.splice(position, count).length,
            [],
          )
          const segments = new Set(ids)
          const reaching: number[] = []
          let before = 0
          for (let next = 0; next < table.length;) {
            const { from, to } = table.stretchReaching(segments, next)
            expect(from >= next && from <= to && to > before).toBe(true)
            const own = [...table.slice(from, to)].map(({ segment }) => segments.has(segment))
            own.forEach((isOwn, i) => isOwn && reaching.push(from + i))
            // At most a leaf, which has one of them: it is asked for from its beginning here.
            expect(to - from).toBeLessThanOrEqual(256)
            expect(from === to || own.includes(true)).toBe(true)
            next = before = to
          }
          const expected = pointers.flatMap(({ segment }, i) => (segments.has(segment) ? [i] : []))
          expect(reaching).toEqual(expected)
        },
      ),
      propertyOptions(40),
    )
  })
})

describe('the tables of all channels', () => {
  const filled = PointerTable.from(between(0n, GAP, 3, 1))
  const other = PointerTable.from(between(0n, GAP, 5, 2))
  const key = fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 300_000 }))
  const table = fc.constantFrom(filled, other, PointerTable.empty)

  it('equal a plain map after any changes, in every version', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.tuple(key, table), { maxLength: 20 }), { maxLength: 20 }), (steps) => {
        const versions: [PointerTables, Map<number, PointerTable>][] = [[PointerTables.empty, new Map()]]
        for (const step of steps) {
          const [before, plain] = versions.at(-1) ?? [PointerTables.empty, new Map()]
          const next = new Map(plain)
          for (const [changed, value] of step) {
            if (value.length === 0) next.delete(changed)
            else next.set(changed, value)
          }
          versions.push([before.setMany(step), next])
        }
        for (const [tables, plain] of versions) {
          const sorted = [...plain].toSorted(([one], [two]) => one - two)
          expect(tables.size).toBe(plain.size)
          expect([...tables.keys()]).toEqual(sorted.map(([changed]) => changed))
          expect([...tables.entries()].every(([changed, value]) => plain.get(changed) === value)).toBe(true)
          for (const [changed] of steps.flat()) {
            expect(tables.get(changed)).toBe(plain.get(changed) ?? PointerTable.empty)
          }
        }
      }),
      propertyOptions(60),
    )
  })
})

// The runs of a tail that name extents, shown as one, against plain sorted lists: however they were added (in order, by
// writers in turn, into holes), cut and taken away, what was shown at any instant stays what it was (0003-I3).

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Group, pointersOfRun } from '../../src/domain/group.ts'
import type { PointerList } from '../../src/domain/pointer-list.ts'
import { ShortPointerList } from '../../src/domain/pointer-list.ts'
import type { ExtentsRun, TailView } from '../../src/domain/tail.ts'
import { shapeOf } from '../../src/journal/shape.ts'
import type { Pointer } from '../../src/version/pointer.ts'
import { PointerTable } from '../../src/version/pointer-table.ts'
import { propertyOptions } from '../support/seeds.ts'

/** Writers, the shape of each, and where its runs begin; the third one writes fewer channels. */
const WRITERS = [
  { shape: shapeOf([1, 2, 3], ['timestamp', 'float64', 'float64']), base: 0 },
  { shape: shapeOf([1, 2, 3], ['timestamp', 'float64', 'float64']), base: 10_000_000 },
  { shape: shapeOf([1, 3], ['timestamp', 'float64']), base: 5_000_000 },
]

const operation = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('add' as const), writer: fc.nat(2), runs: fc.nat(150) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('in turn' as const), runs: fc.nat(150) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cut' as const), at: fc.nat(), keeps: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('refill' as const), at: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('take away' as const), at: fc.nat(), runs: fc.nat(300) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('drop' as const),
      at: fc.nat(),
      runs: fc.nat(300),
      keeps: fc.nat(9),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('show' as const) }) },
)

type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never

/** A tail, and what it is to show. */
class Tail {
  readonly group = new Group(1)
  readonly #next = WRITERS.map(({ base }) => base)
  #extent = 0

  take(step: Operation): void {
    const { group } = this
    const run =
      'at' in step ? (group.runs[step.at % Math.max(1, group.runs.length)] as ExtentsRun) : undefined
    switch (step.do) {
      case 'add':
        for (let i = 0; i < step.runs; i++) this.#write(step.writer)
        break
      case 'in turn':
        for (let i = 0; i < step.runs; i++) this.#write(i % 3)
        break
      case 'cut':
        if (run !== undefined) cut(run, step.keeps)
        group.prune()
        break
      case 'refill':
        // Behind the first three samples of one whose others go.
        if (run === undefined || run.last - run.first < 6n) break
        cut(run, 3)
        this.#add(step.at % 2, Number(run.first) + 5, 1)
        break
      case 'take away':
        group.runs = group.runs.toSpliced(step.at % (group.runs.length + 1), step.runs)
        break
      case 'drop': {
        // As a delete of a stretch: those inside it are known to go, the one at its edge is cut.
        const from = step.at % (group.runs.length + 1)
        const emptied = new Set(group.runs.slice(from, from + step.runs) as ExtentsRun[])
        if (run !== undefined && !emptied.has(run)) cut(run, step.keeps)
        const left = group.runs.filter((each) => !emptied.has(each as ExtentsRun))
        const dropped = group.prune(emptied)
        expect(dropped.filter((each) => emptied.has(each as ExtentsRun))).toHaveLength(emptied.size)
        expect(group.runs).toEqual(left.filter((each) => !dropped.includes(each)))
        break
      }
      case 'show':
    }
  }

  #write(writer: number): void {
    const start = this.#next[writer]!
    // Some touch the one before, some have but one sample.
    const count = 1 + (start % 9)
    this.#next[writer] = start + count + (start % 4)
    this.#add(writer, start, count)
  }

  #add(writer: number, start: number, count: number): void {
    const { shape } = WRITERS[writer]!
    this.group.add(
      pointersOfRun(shape, {
        kind: 'extents',
        count,
        joined: start % 5 < 2,
        parted: start % 67 === 0 ? [3] : [],
        first: BigInt(start),
        last: BigInt(start + count - 1),
        places: shape.keys.map(() => ({
          segment: 1 + (start % 3),
          offset: 64 * ++this.#extent,
          length: 8 * count,
        })),
      }),
    )
  }

  /** By channel, in order of time. */
  expected(): Map<number, Pointer[]> {
    return new Map(
      [1, 2, 3].map((key) => {
        const pointers = this.group.runs.flatMap((run) =>
          run.kind === 'extents' ? (run.pointers.get(key)?.pointers ?? []) : [],
        )
        return [key, pointers.toSorted(byStart)]
      }),
    )
  }
}

/** Leaves the first samples of a run, of one channel or of all. */
function cut(run: ExtentsRun, keeps: number): void {
  const keys = keeps % 2 === 0 ? [3] : [...run.pointers.keys()]
  const pointers = new Map(run.pointers)
  for (const key of keys) {
    const [first] = run.pointers.get(key)!.pointers
    const count = Math.min(keeps, first?.count ?? 0)
    const left =
      first === undefined || count === 0 ? [] : [{ ...first, count, end: first.start + BigInt(count) }]
    pointers.set(key, new ShortPointerList(left))
  }
  run.pointers = pointers
}

function byStart(a: Pointer, b: Pointer): number {
  return a.start < b.start ? -1 : 1
}

function listsOf(views: readonly TailView[], key: number): PointerList[] {
  return views.flatMap((view) => (view.kind === 'pointers' ? (view.pointers.get(key) ?? []) : []))
}

function all(list: PointerList): Pointer[] {
  const pointers: Pointer[] = []
  list.forEach(0, list.length, (pointer, position) => (pointers[position] = pointer))
  return pointers
}

/** Asks a list all that can be asked, at some of its positions and at its ends. */
function expectAsTable(list: PointerList, of: readonly Pointer[]): void {
  const table = PointerTable.from(of)
  expect([list.length, list.samples, list.domains]).toEqual([table.length, table.samples, table.domains])
  const step = Math.max(1, Math.floor(of.length / 12))
  for (let p = 0; p < of.length; p += step) {
    expect(list.get(p)).toEqual(of[p])
    expect([list.startAt(p), list.endAt(p), list.joinedAt(p)]).toEqual([
      table.startAt(p),
      table.endAt(p),
      table.joinedAt(p),
    ])
    expect(list.samplesBefore(p)).toBe(table.samplesBefore(p))
    for (const time of [of[p]!.start - 1n, of[p]!.start, of[p]!.end - 1n, of[p]!.end]) {
      expect(list.lowerBound(time)).toBe(table.lowerBound(time))
      expect(list.startBound(time)).toBe(table.startBound(time))
    }
    const sample = table.samplesBefore(p) + of[p]!.count - 1
    expect(list.positionOfSample(sample)).toEqual(table.positionOfSample(sample))
    expect(list.liveIn(p, Math.min(of.length, p + step))).toEqual(
      table.liveIn(p, Math.min(of.length, p + step)),
    )
  }
  expect(list.samplesBefore(of.length)).toBe(table.samples)
  expect(list.lowerBound(2n ** 62n)).toBe(of.length)
}

describe('runs that name extents, shown as one', () => {
  it('are the plain list of their pointers, at each instant and for ever', () => {
    fc.assert(
      fc.property(fc.array(operation, { minLength: 5, maxLength: 20 }), (steps) => {
        const tail = new Tail()
        const seen: { views: TailView[]; expected: Map<number, Pointer[]> }[] = []
        for (const step of steps) {
          tail.take(step)
          if (step.do === 'show') seen.push({ views: tail.group.views(), expected: tail.expected() })
        }
        seen.push({ views: tail.group.views(), expected: tail.expected() })
        for (const { views, expected } of seen) {
          for (const [key, pointers] of expected) {
            const lists = listsOf(views, key)
            expect(lists.flatMap(all).toSorted(byStart)).toEqual(pointers)
            for (const list of lists) if (!(list instanceof ShortPointerList)) expectAsTable(list, all(list))
          }
        }
      }),
      propertyOptions(20),
    )
  })

  it('are one list where each run has a time of its own, whoever has written it', () => {
    const tail = new Tail()
    tail.take({ do: 'in turn', runs: 3000 })
    tail.take({ do: 'add', writer: 0, runs: 700 })
    expect(tail.group.views()).toHaveLength(1)
    expect(listsOf(tail.group.views(), 2)[0]!.length).toBe(2700)
  })

  it('are made of what is there once: to show them again costs nothing, to add one the copy of a chunk', () => {
    const tail = new Tail()
    tail.take({ do: 'add', writer: 0, runs: 5000 })
    const [first] = tail.group.views()
    expect(tail.group.views(3n, 4n)[0]).toBe(first)
    const list = listsOf([first!], 2)[0]!
    let looks = 0
    for (const run of tail.group.runs) {
      const get = run.kind === 'extents' ? run.pointers.get.bind(run.pointers) : undefined
      Object.defineProperty((run as ExtentsRun).pointers, 'get', {
        value: (key: number) => (looks++, get!(key)),
      })
    }
    tail.take({ do: 'add', writer: 0, runs: 1 })
    const again = listsOf(tail.group.views(), 2)[0]!
    expect([list.length, again.length]).toEqual([5000, 5001])
    expect([list.samples < again.samples, again.domains >= list.domains]).toEqual([true, true])
    expect(again.lowerBound(again.startAt(4321))).toBe(4321)
    // Of 5,001 runs, none of which a delete has cut.
    expect(looks).toBeLessThan(1000)
  })
})

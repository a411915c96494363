// A delete cuts the tails of all its groups in one go, by channel and by row. It must do what taking one
// channel, one change and one parted sample after the other does: live and replay both rest on it (0003-I1).

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { takeSteps } from '../../src/steps.ts'
import { Group } from '../../src/domain/group.ts'
import { tailCutSteps } from '../../src/domain/tail-cut.ts'
import { ShortPointerList } from '../../src/domain/pointer-list.ts'
import { ExtentsRun, Strip, stripSize, visibleRows } from '../../src/domain/tail.ts'
import { shapeOf } from '../../src/journal/shape.ts'
import type { Shape } from '../../src/journal/shape.ts'
import type { PointerChange, TailCut } from '../../src/version/edit.ts'
import type { Pointer } from '../../src/version/pointer.ts'
import { pointerTo } from '../support/pointers.ts'
import { propertyOptions } from '../support/seeds.ts'

const SHAPES: readonly Shape[] = [
  shapeOf([1, 2, 3], ['timestamp', 'float64', 'uint8']),
  shapeOf([11, 12], ['timestamp', 'int16']),
]
const KEYS = SHAPES.flatMap(({ keys }) => keys)

/** Samples of a run of a tail: as many lists of pointers as `breaks` says, where it is one of extents. */
interface RunModel {
  readonly isStrip: boolean
  readonly rows: number
  readonly breaks: number
  /** Of the rows. */
  readonly flushed: number
  readonly cut: { readonly key: number; readonly from: number; readonly count: number }
}

/** What a delete takes of one list of pointers. */
interface Taken {
  readonly from: number
  readonly count: number
  readonly leaves: 'nothing' | 'head' | 'tail'
}

const run: fc.Arbitrary<RunModel> = fc.record({
  isStrip: fc.boolean(),
  rows: fc.integer({ min: 1, max: 12 }),
  breaks: fc.integer({ min: 1, max: 4 }),
  flushed: fc.integer({ min: 0, max: 11 }),
  cut: fc.record({
    key: fc.constantFrom(...KEYS),
    from: fc.integer({ min: 0, max: 11 }),
    count: fc.integer({ min: 0, max: 5 }),
  }),
})

const taken: fc.Arbitrary<Taken | undefined> = fc.option(
  fc.record({
    from: fc.integer({ min: 0, max: 3 }),
    count: fc.integer({ min: 1, max: 4 }),
    leaves: fc.constantFrom('nothing', 'head', 'tail'),
  }),
  { nil: undefined },
)

/** Every run begins 20 ns after the one before it; its samples are 1 ns apart. */
function groupOf(shape: Shape, models: readonly RunModel[]): Group {
  const group = new Group(shape.index)
  models.forEach((model, i) => {
    const first = 20 * i
    if (model.isStrip) group.add(stripOf(shape, first, model))
    else group.add(extentsOf(shape, first, model))
  })
  return group
}

function stripOf(shape: Shape, first: number, { rows, flushed, cut }: RunModel): Strip {
  const strip = new Strip(shape, { bytes: new Uint8Array(stripSize(shape, rows)) })
  for (let row = 0; row < rows; row++) strip.times[row] = BigInt(first + row)
  strip.written = strip.committed = rows
  strip.flushed = Math.min(flushed, rows - 1)
  strip.inTail = strip.joined = true
  const [from, to] = [Math.min(cut.from, rows), Math.min(cut.from + cut.count, rows)]
  if (shape.keys.includes(cut.key)) strip.cut([cut.key], from, to)
  return strip
}

function extentsOf(shape: Shape, first: number, { rows, breaks }: RunModel): ExtentsRun {
  const lists = shape.keys.map((key): [number, ShortPointerList] => {
    const pointers: Pointer[] = []
    const size = Math.ceil(rows / breaks)
    for (let at = 0; at < rows; at += size) {
      const place = { joined: true, segment: 1 + (at % 3), offset: 64 + 1000 * key + first + at }
      pointers.push(pointerTo(first + at, Math.min(size, rows - at), place))
    }
    return [key, new ShortPointerList(pointers)]
  })
  return new ExtentsRun(shape, new Map(lists), BigInt(first), BigInt(first + rows - 1))
}

/** At most one change for each list, as a delete makes them. */
function changesOf(groups: readonly Group[], wanted: readonly (Taken | undefined)[]): PointerChange[] {
  const changes: PointerChange[] = []
  let next = 0
  for (const group of groups) {
    for (const each of group.runs) {
      if (each.kind === 'strip') continue
      for (const [key, { pointers }] of each.pointers) {
        const take = wanted[next++ % wanted.length]
        const gone = take === undefined ? [] : pointers.slice(take.from, take.from + take.count)
        const [first, last] = [gone[0], gone.at(-1)]
        if (take === undefined || first === undefined || last === undefined) continue
        const left = take.leaves === 'head' ? first : last
        const comes = take.leaves === 'nothing' ? [] : [{ ...left, joined: false, live: left.live >> 1 }]
        changes.push({ key, goes: { first: first.start, last: last.start, count: gone.length }, comes })
      }
    }
  }
  return changes
}

/** Everything that a tail says of itself. */
function told(groups: readonly Group[]): unknown {
  return groups.map(({ runs }) =>
    runs.map((each) =>
      each.kind === 'strip'
        ? {
            rows: each.shape.keys.map((key) => visibleRows(each.view(), key)),
            cuts: each.shape.keys.map((key) => each.cuts.get(key)),
          }
        : [...each.pointers].map(([key, { pointers }]) => [key, pointers]),
    ),
  )
}

/** One channel, one change, one parted sample after the other. */
function oneByOne(groups: readonly Group[], cut: TailCut, tell: (gone: string) => void): Map<number, number> {
  const freed = new Map<number, number>()
  const nothing = { start: 0n, end: 0n, keys: [], extents: [], parted: [] }
  const singles = [
    ...cut.keys.map((key) => ({ ...cut, keys: [key], extents: [], parted: [] })),
    ...cut.extents.map((change) => ({ ...nothing, extents: [change] })),
    ...cut.parted.map((parted) => ({ ...nothing, parted: [parted] })),
  ]
  for (const single of singles) {
    for (const group of groups) {
      const some = takeSteps(tailCutSteps([group], single))
      for (const { key, gone } of some.gone) tell(`${key}:${gone.start}`)
      for (const [segment, bytes] of some.freed) freed.set(segment, (freed.get(segment) ?? 0) + bytes)
    }
  }
  return freed
}

describe('a cut of many tails at once', () => {
  it('is what cutting them one by one is, channel by channel', () => {
    fc.assert(
      fc.property(
        fc.tuple(fc.array(run, { maxLength: 5 }), fc.array(run, { maxLength: 5 })),
        fc.array(taken, { minLength: 1, maxLength: 12 }),
        fc.tuple(fc.integer({ min: -5, max: 100 }), fc.integer({ min: 0, max: 60 })),
        fc.uniqueArray(fc.constantFrom(...KEYS)),
        fc.array(
          fc.record({ keys: fc.uniqueArray(fc.constantFrom(...KEYS)), at: fc.integer({ max: 95, min: 0 }) }),
          {
            maxLength: 4,
          },
        ),
        (models, wanted, [start, length], keys, partedAt) => {
          const parted = partedAt.flatMap(({ keys: some, at }) =>
            some.map((key) => ({ key, at: BigInt(at) })),
          )
          const build = (): Group[] => SHAPES.map((shape, i) => groupOf(shape, models[i]!))
          const [together, apart] = [build(), build()]
          const extents = changesOf(together, wanted)
          const cut = { start: BigInt(start), end: BigInt(start + length), keys, extents, parted }
          const goneApart: string[] = []
          const cuts = takeSteps(tailCutSteps(together, cut))
          const goneTogether = cuts.gone.map(({ key, gone }) => `${key}:${gone.start}`)
          const freedApart = oneByOne(apart, cut, (gone) => goneApart.push(gone))
          expect(told(together)).toEqual(told(apart))
          expect(Object.fromEntries(cuts.freed)).toEqual(Object.fromEntries(freedApart))
          expect(goneTogether.sort()).toEqual(goneApart.sort())
        },
      ),
      propertyOptions(300),
    )
  })
})

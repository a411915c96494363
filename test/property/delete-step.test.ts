// A delete is planned in slices, and commits go on meanwhile: whatever is committed between its plan and its step, it
// does what it would have done right after them. The same calls one after the other, on a second store, say what that is.

import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RubidiumError } from '../../src/errors.ts'
import { createGroup, frameOf, Stage, timesFrom } from '../pitfalls/stage.ts'
import type { Actor } from '../pitfalls/stage.ts'
import { propertyOptions } from '../support/seeds.ts'

const GROUPS = [
  ['t', 'a', 'b', 'c'],
  ['u', 'd'],
] as const
const NAMES = GROUPS.flat()

/** Without samples, and named last: the plan goes on with them for as many turns of the loop. */
const FILLERS = Array.from({ length: 20 }, (_, i) => `filler${i}`)

/** Frames of this many rows and more go to extents of their own. */
const LARGE = 5

interface Frame {
  readonly group: number
  readonly gap: number
  readonly count: number
}

type Before =
  | ({ readonly kind: 'write' } & Frame)
  | { readonly kind: 'flush' }
  | {
      readonly kind: 'delete'
      readonly names: readonly string[]
      readonly from: number
      readonly width: number
    }

const frame = {
  group: fc.integer({ min: 0, max: 1 }),
  gap: fc.nat({ max: 4 }),
  count: fc.integer({ min: 1, max: LARGE + 3 }),
}

const range = {
  names: fc.subarray(NAMES, { minLength: 1 }),
  from: fc.nat({ max: 60 }),
  width: fc.integer({ min: 1, max: 60 }),
}

const before: fc.Arbitrary<Before> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('write' as const), ...frame }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('flush' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), ...range }) },
)

/** A store with an open writer of each group, which goes on where its last frame ended. */
class Store {
  readonly #actor: Actor
  readonly #writers: Awaited<ReturnType<Actor['db']['openWriter']>>[] = []
  readonly #next = [0, 0]

  constructor(actor: Actor) {
    this.#actor = actor
  }

  async begin(): Promise<void> {
    const { db } = this.#actor
    for (const [index, ...data] of GROUPS) {
      await createGroup(db, index, data)
      this.#writers.push(await db.openWriter([index, ...data]))
    }
    await createGroup(db, 'fillers', FILLERS)
  }

  write({ group, gap, count }: Frame): Promise<boolean> {
    const [index, ...data] = GROUPS[group]!
    const start = this.#next[group]! + gap
    this.#next[group] = start + count
    return this.#writers[group]!.write(frameOf(index, data, timesFrom(start, count)))
  }

  async flush(): Promise<void> {
    await this.#actor.engine.flushTails()
  }

  /** What a delete tells, or why it was refused. */
  async delete(names: readonly string[], from: number, width: number): Promise<unknown> {
    try {
      const bounds = { start: BigInt(from), end: BigInt(from + width) }
      return await this.#actor.db.delete([...names, ...FILLERS], bounds)
    } catch (error) {
      if (error instanceof RubidiumError) return error.code
      throw error
    }
  }

  /** Times, and where domains begin, of every channel. */
  async told(): Promise<unknown> {
    const frames = await this.#actor.db.read(NAMES, {}, { timestamps: true })
    return NAMES.map((name) => [
      [...frames.timestamps(name)],
      frames.series(name).map(({ length, timeRange }) => [length, timeRange.start]),
    ])
  }

  async end(): Promise<unknown> {
    for (const writer of this.#writers) await writer.close()
    const { db } = this.#actor
    const { problems } = await db.verify()
    await db.close()
    return problems
  }
}

async function storeOf(stage: Stage): Promise<Store> {
  const store = new Store(await stage.open())
  await store.begin()
  return store
}

/** A stage on which a turn of the loop is due wherever one is taken at all. */
function sliding(tuning: { inlineLimit: number }): Stage {
  const stage = new Stage({}, tuning)
  let looks = 0
  Object.defineProperty(stage, 'elapsedMs', { get: () => ++looks * 10 })
  return stage
}

describe('a delete between whose plan and step others commit', () => {
  // 0003-I2
  it('does what it does right after them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(before, { maxLength: 10 }),
        fc.record(range),
        fc.array(fc.record(frame), { minLength: 1, maxLength: 4 }),
        fc.array(fc.record(frame), { maxLength: 3 }),
        async (actions, { names, from, width }, meanwhile, after) => {
          const tuning = { inlineLimit: 8 * LARGE }
          const [store, serial] = [await storeOf(sliding(tuning)), await storeOf(new Stage({}, tuning))]
          for (const each of [store, serial]) {
            for (const action of actions) {
              if (action.kind === 'write') await each.write(action)
              else if (action.kind === 'flush') await each.flush()
              else await each.delete(action.names, action.from, action.width)
            }
          }
          const deleting = store.delete(names, from, width)
          // It has its guards and has planned the first of them; the rest takes more turns than there are writes.
          await turn()
          await turn()
          for (const each of meanwhile) await store.write(each)
          for (const each of meanwhile) await serial.write(each)
          const result = await serial.delete(names, from, width)
          expect(await deleting).toEqual(result)
          for (const each of [store, serial]) {
            for (const frames of after) await each.write(frames)
          }
          const told = await serial.told()
          expect(await store.told()).toEqual(told)
          await store.flush()
          expect(await store.told()).toEqual(told)
          expect([await store.end(), await serial.end()]).toEqual([[], []])
        },
      ),
      propertyOptions(40),
    )
  })
})

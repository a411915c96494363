// A delete is planned in slices, and commits go on meanwhile: whatever is committed between its plan and its step, it
// does what it would have done right after them. The same calls one after the other, on a second store, say what that is.

import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type * as Delete from '../../src/database/delete.ts'
import { RubidiumError } from '../../src/errors.ts'
import { createGroup, frameOf, Stage, timesFrom } from '../pitfalls/stage.ts'
import type { Actor } from '../pitfalls/stage.ts'
import { propertyOptions } from '../support/seeds.ts'

const step = vi.hoisted(() => ({ count: 0, before: (): void => {} }))

vi.mock('../../src/database/delete.ts', async (original) => {
  const module = await original<typeof Delete>()
  const deleteUnder: typeof module.deleteUnder = (...args) => {
    step.count++
    step.before()
    return module.deleteUnder(...args)
  }
  return { ...module, deleteUnder }
})

const GROUPS = [
  ['t', 'a', 'b', 'c'],
  ['u', 'd'],
] as const
const NAMES = GROUPS.flat()

/** Without samples, and named last: the plan goes on with them for as many turns of the loop. */
const FILLERS = Array.from({ length: 20 }, (_, i) => `filler${i}`)

/** Frames of this many rows and more go to extents of their own. */
const LARGE = 5

/** Where the region of each group's second writer begins. */
const FAR = 60

interface Frame {
  readonly group: number
  /** Of the group's two. */
  readonly writer: number
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
  writer: fc.integer({ min: 0, max: 1 }),
  gap: fc.nat({ max: 4 }),
  count: fc.integer({ min: 1, max: LARGE + 3 }),
}

const range = {
  names: fc.subarray(NAMES, { minLength: 1 }),
  from: fc.oneof(fc.nat({ max: 9 }), fc.nat({ max: 110 })),
  width: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 110 })),
}

const before: fc.Arbitrary<Before> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('write' as const), ...frame }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('flush' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), ...range }) },
)

type Writer = Awaited<ReturnType<Actor['db']['openWriter']>>

/** A store with two open writers of each group, each of which goes on where its last frame ended. */
class Store {
  readonly #stage: Stage
  #actor: Actor
  readonly #writers: { readonly writer: Writer; next: number }[][] = []

  constructor(stage: Stage, actor: Actor) {
    this.#stage = stage
    this.#actor = actor
  }

  async begin(): Promise<void> {
    const { db } = this.#actor
    for (const [index, ...data] of GROUPS) {
      await createGroup(db, index, data)
      const channels = [index, ...data]
      const far = await db.openWriter({ channels, start: BigInt(FAR) })
      const near = await db.openWriter({ channels, start: 0n })
      this.#writers.push([
        { writer: near, next: 0 },
        { writer: far, next: FAR },
      ])
    }
    await createGroup(db, 'fillers', FILLERS)
  }

  /** Whether a write was made: one that runs into another's region is refused, here as there. */
  async write({ group, writer: which, gap, count }: Frame): Promise<boolean> {
    const [index, ...data] = GROUPS[group]!
    const open = this.#writers[group]![which]!
    const start = open.next + gap
    try {
      await open.writer.write(frameOf(index, data, timesFrom(start, count)))
      open.next = start + count
      return true
    } catch (error) {
      if (error instanceof RubidiumError && error.code === 'WRITE_CONFLICT') return false
      throw error
    }
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

  /** The process dies, and the next one opens what it left. */
  async kill(): Promise<void> {
    this.#writers.length = 0
    this.#actor = await this.#stage.kill()
  }

  async end(): Promise<unknown> {
    for (const { writer } of this.#writers.flat()) await writer.close()
    const { db } = this.#actor
    const { problems } = await db.verify()
    await db.close()
    return problems
  }
}

async function storeOf(stage: Stage): Promise<Store> {
  const store = new Store(stage, await stage.open())
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

const rows = { group: 0, writer: 0, gap: 0, count: 4 } as const

/** What is committed at the last moment goes on with nothing, and says so in the page of which rows go. */
const AFTER_ONE_THAT_PARTS: [
  Before[],
  { names: (typeof NAMES)[number][]; from: number; width: number },
  (Frame & { turns: number })[],
  Frame[],
  { last: Frame | null; isKilled: boolean },
] = [
  [
    { kind: 'write', ...rows },
    { kind: 'write', ...rows },
    { kind: 'delete', names: GROUPS[0], from: 7, width: 1 },
  ],
  { names: [...GROUPS[0]], from: 0, width: 2 },
  [],
  [],
  { last: rows, isKilled: true },
]

/** What comes while the delete is worked out lies nearer behind the range than what was to be parted. */
const NEARER: typeof AFTER_ONE_THAT_PARTS = [
  [
    { kind: 'write', ...rows },
    { kind: 'write', ...rows, writer: 1 },
  ],
  { names: [...GROUPS[0]], from: 2, width: 4 },
  [{ ...rows, gap: 3, count: LARGE + 3, turns: 5 }],
  [],
  { last: null, isKilled: true },
]

describe('a delete between whose plan and step others commit', () => {
  // 0003-I2
  it('does what it does right after them', async () => {
    let met = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(before, { maxLength: 10 }),
        fc.record(range),
        fc.array(fc.record({ ...frame, turns: fc.oneof(fc.constant(0), fc.nat({ max: 90 })) }), {
          maxLength: 4,
        }),
        fc.array(fc.record(frame), { maxLength: 3 }),
        fc.record({ last: fc.option(fc.record(frame)), isKilled: fc.boolean() }),
        async (actions, { names, from, width }, meanwhile, after, { last, isKilled }) => {
          const tuning = { inlineLimit: 8 * LARGE }
          const [store, serial] = [await storeOf(sliding(tuning)), await storeOf(new Stage({}, tuning))]
          for (const each of [store, serial]) {
            for (const action of actions) {
              if (action.kind === 'write') await each.write(action)
              else if (action.kind === 'flush') await each.flush()
              else await each.delete(action.names, action.from, action.width)
            }
          }
          const before = step.count
          let lastWrite: Promise<boolean> | undefined
          // Its commit is made before it waits for anything.
          step.before = () => {
            lastWrite = last === null ? undefined : store.write(last)
          }
          const deleting = store.delete(names, from, width)
          await turn()
          for (const { turns, ...each } of meanwhile) {
            for (let i = 0; i < turns; i++) await turn()
            // What is committed after its step, the delete does not take.
            if (step.count > before) break
            const isWritten = await store.write(each)
            // Large frames wait for their bytes: which of the two came first nobody knows.
            if (step.count > before) {
              await deleting
              return
            }
            met++
            expect(await serial.write(each)).toBe(isWritten)
          }
          const told = await deleting
          step.before = () => {}
          // A delete that was refused may not have come to its step.
          if (lastWrite !== undefined) expect(await serial.write(last!)).toBe(await lastWrite)
          const result = await serial.delete(names, from, width)
          expect(told).toEqual(result)
          for (const each of [store, serial]) {
            for (const frames of after) await each.write(frames)
          }
          const shown = await serial.told()
          expect(await store.told()).toEqual(shown)
          await (isKilled ? store.kill() : store.flush())
          expect(await store.told()).toEqual(shown)
          expect([await store.end(), await serial.end()]).toEqual([[], []])
        },
      ),
      { ...propertyOptions(60), examples: [AFTER_ONE_THAT_PARTS, NEARER] },
    )
    expect(met).toBeGreaterThan(0)
  })
})

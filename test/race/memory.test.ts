// Memory with many at once (0001-I9): ten thousand channels, most of them idle, snapshots that stay open, and
// a disk that is slow. Nobody fails, waits for ever, or holds more than the budget and a frame; who has nothing
// to keep holds nothing. What is held is looked at after every frame, and at every operation of the disk.

import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Database, Writer } from '../../src/index.ts'
import type { Actor, Gate } from '../pitfalls/stage.ts'
import { createGroup, numbers, Stage, timesFrom, timesOf } from '../pitfalls/stage.ts'

const MIB = 2 ** 20
const BUDGET = 8 * MIB
const GROUPS = 1000
/** Data channels of a group. */
const WIDTH = 9
/** Groups that go on writing while the others are idle. */
const ACTIVE = 20

const index = (group: number): string => `t${group}`
const data = (group: number, i = 0): string => `v${group}.${i}`
const channelsOf = (group: number): string[] => [
  index(group),
  ...Array.from({ length: WIDTH }, (_, i) => data(group, i)),
]

/** Rows from `first` on of channels of one group: times and values are the row's number. */
function rowsOf(
  [times, ...values]: readonly string[],
  first: number,
  count: number,
): Record<string, BigInt64Array | Float64Array> {
  const rows = timesFrom(first, count)
  const numbersOf = Float64Array.from(rows, Number)
  return { [times!]: rows, ...Object.fromEntries(values.map((name) => [name, numbersOf])) }
}

/** Watches what is held; the most of it up to now. */
class Watch {
  most = 0
  readonly #actor: Actor

  constructor(actor: Actor) {
    this.#actor = actor
  }

  look(): void {
    this.most = Math.max(this.most, this.#actor.engine.pool.held)
  }

  /** As users see it. */
  async held(): Promise<number> {
    this.look()
    const { held } = (await this.#actor.db.stats()).memory
    expect(held).toBe(this.#actor.engine.pool.held)
    return held
  }
}

async function manyGroups(actor: Actor): Promise<void> {
  await actor.db.channels.create(
    Array.from({ length: GROUPS }, (_, group) => {
      const [times, ...values] = channelsOf(group)
      return [
        { name: times!, kind: 'index' } as const,
        ...values.map((name) => ({ name, kind: 'data', type: 'float64', index: times! }) as const),
      ]
    }).flat(),
  )
}

describe('10,000 channels of which most are idle, in 8 MiB', () => {
  it('stay within it beside a few that write on, and the idle ones hold no page', async () => {
    const stage = new Stage({ memoryBudget: BUDGET })
    const actor = await stage.open()
    const { db, engine } = actor
    const watch = new Watch(actor)
    await manyGroups(actor)
    const writers: Writer[] = []
    // Every other one commits only at the end.
    const isCommitting = (group: number): boolean => group % 2 === 0
    for (let group = 0; group < GROUPS; group++) {
      const options = { channels: channelsOf(group), autoCommit: isCommitting(group) }
      writers.push(await db.openWriter({ ...options, durability: 'relaxed' }))
    }
    expect(await watch.held()).toBe(0)
    for (const [group, writer] of writers.entries()) {
      expect(await writer.write(rowsOf(channelsOf(group), 0, 1))).toBe(true)
      watch.look()
    }
    expect(watch.most).toBeGreaterThanOrEqual(GROUPS * 1024)
    const FRAME = 200
    const frames = Math.ceil((2 * BUDGET) / (ACTIVE * FRAME * 8 * (1 + WIDTH)))
    for (let i = 0; i < frames; i++) {
      for (let group = 0; group < ACTIVE; group++) {
        expect(await writers[group]!.write(rowsOf(channelsOf(group), 1 + i * FRAME, FRAME))).toBe(true)
        watch.look()
      }
      await turn()
    }
    expect(watch.most).toBeLessThanOrEqual(BUDGET)
    await stage.settled(engine)
    const idle = [...engine.groups.values()]
      .slice(ACTIVE)
      .flatMap(({ streams }) => [...streams])
      .filter(({ strip }) => strip !== undefined)
    expect(idle).toEqual([])
    for (const [group, writer] of writers.entries()) if (!isCommitting(group)) await writer.commit()
    expect(await watch.held()).toBeLessThanOrEqual(BUDGET)
    const rows = 1 + frames * FRAME
    const [first, second] = [GROUPS - 2, GROUPS - 1]
    expect(await db.count([data(0), data(ACTIVE - 1), data(first), data(second)])).toEqual({
      [data(0)]: rows,
      [data(ACTIVE - 1)]: rows,
      [data(first)]: 1,
      [data(second)]: 1,
    })
    const last = await db.read(data(ACTIVE - 1, WIDTH - 1))
    expect(last.column(data(ACTIVE - 1, WIDTH - 1)).every((value, row) => value === row)).toBe(true)
    await Promise.all(writers.map((writer) => writer.close()))
    await engine.flushTails()
    expect(await watch.held()).toBe(0)
  }, 60_000)
})

describe('snapshots that stay open for long', () => {
  it('hold no page of those that write on, and show what they showed', async () => {
    const stage = new Stage({ memoryBudget: MIB })
    const actor = await stage.open()
    const { db, engine } = actor
    const watch = new Watch(actor)
    await createGroup(db, index(0), [data(0)])
    const writer = await db.openWriter([index(0), data(0)])
    const snapshots: { snapshot: ReturnType<Database['snapshot']>; rows: number }[] = []
    const FRAME = 200
    for (let i = 0; i * FRAME * 16 < 4 * MIB; i++) {
      await writer.write(rowsOf([index(0), data(0)], i * FRAME, FRAME))
      watch.look()
      if (i % 50 === 0) snapshots.push({ snapshot: db.snapshot(), rows: (i + 1) * FRAME })
      if (i % 100 === 99)
        await db.delete([index(0), data(0)], { start: BigInt((i - 10) * FRAME), end: BigInt(i * FRAME) })
      if (i % 10 === 0) await turn()
    }
    expect(watch.most).toBeLessThanOrEqual(MIB)
    await engine.flushTails()
    await writer.close()
    expect(await watch.held()).toBe(0)
    for (const { snapshot, rows } of snapshots) {
      const frame = await snapshot.read([index(0), data(0)])
      const times = frame.column(index(0)) as BigInt64Array
      const values = frame.column(data(0)) as Float64Array
      expect(Number(times.at(-1))).toBe(rows - 1)
      expect(values.every((value, row) => value === Number(times[row]))).toBe(true)
      await snapshot.close()
    }
    expect(snapshots.length).toBeGreaterThan(10)
  })

  it('of a read that is under way neither: a flush gives back the pages that it sees', async () => {
    const stage = new Stage({ memoryBudget: MIB })
    const actor = await stage.open()
    const { db, engine } = actor
    await createGroup(db, index(0), [data(0)])
    const writer = await db.openWriter([index(0), data(0)])
    for (let i = 0; i < 100; i++) await writer.write(rowsOf([index(0), data(0)], i * 200, 200))
    await writer.close()
    expect(engine.pool.held).toBeGreaterThan(100 * 200 * 16)
    const frames = db.frames([index(0), data(0)], {}, { samples: 1000 })
    const first = await frames[Symbol.asyncIterator]().next()
    expect((first.value as { count(name: string): number }).count(data(0))).toBe(1000)
    await engine.flushTails()
    expect(engine.pool.held).toBe(0)
    let rows = 1000
    for await (const frame of frames) {
      const values = frame.column(data(0)) as Float64Array
      const from = rows
      expect(values.every((value, i) => value === from + i)).toBe(true)
      rows += values.length
    }
    expect(rows).toBe(20_000)
  })
})

describe('large frames', () => {
  interface Seen {
    most: number
    frames: number
  }
  const FLUSHED_AT = 16
  const small = { inlineLimit: 1, tailExtents: FLUSHED_AT, journalFileSize: 4096, journalLimit: 4096 }

  /** Writes rows of their own extents until there are `frames`, or a write fails. */
  async function writeLarge({ db, engine }: Actor, frames: number, seen: Seen): Promise<void> {
    const writer = await db.openWriter({ channels: [index(0), data(0)], durability: 'relaxed' })
    for (; seen.frames < frames; seen.frames++) {
      await writer.write(rowsOf([index(0), data(0)], seen.frames, 1))
      seen.most = Math.max(seen.most, engine.tailExtents)
      if (seen.frames % 10 === 0) await turn()
    }
    await writer.close()
  }

  /** Writes large frames into a stage whose retirement hangs, so that no flush comes behind it, until nothing goes on. */
  async function stuck(): Promise<{
    stage: Stage
    actor: Actor
    gate: Gate
    seen: Seen
    all: Promise<void>
  }> {
    const stage = new Stage({}, small)
    const actor = await stage.open()
    await createGroup(actor.db, index(0), [data(0)])
    const gate = stage.hold(/^sync /)
    const seen = { most: 0, frames: 0 }
    const all = writeLarge(actor, 2000, seen)
    await gate.reached
    await standStill(seen)
    return { stage, actor, gate, seen, all }
  }

  async function standStill(seen: { frames: number }): Promise<void> {
    for (let before = -1; before !== seen.frames;) {
      before = seen.frames
      for (let i = 0; i < 100; i++) await turn()
    }
  }

  it('wait once tails name far too many of their extents, and go on when they are flushed', async () => {
    const { actor, gate, seen, all } = await stuck()
    expect(seen.frames).toBeLessThan(2000)
    expect(seen.most).toBeGreaterThan(FLUSHED_AT)
    // Reads and deletes do not wait.
    expect(await actor.db.count(data(0))).toEqual({ [data(0)]: seen.frames + 1 })
    gate.open()
    await all
    expect(seen.most).toBeLessThanOrEqual(16 * FLUSHED_AT + 2)
    expect(await actor.db.count(data(0))).toEqual({ [data(0)]: 2000 })
  })

  it('that wait are let go where the flush fails, and where the database is closed', async () => {
    const { stage, gate, seen, all } = await stuck()
    stage.fail({ fault: { failSync: true, cleanPages: false }, times: Infinity })
    gate.open()
    await expect(all).rejects.toThrow(/sync failed/)
    const next = await stage.kill()
    const again = stage.hold(/^sync /)
    const seenNext = { most: 0, frames: seen.frames + 10 }
    const rest = writeLarge(next, seenNext.frames + 2000, seenNext)
    await again.reached
    await standStill(seenNext)
    const closing = next.db.close({ force: true })
    again.open()
    await expect(rest).rejects.toThrow(/closed/)
    await closing
  })
})

describe('a slow disk', () => {
  it('makes writers wait, not fail: none goes on while nothing is written, all when it is', async () => {
    const stage = new Stage({ memoryBudget: MIB })
    const actor = await stage.open()
    const { db, engine } = actor
    const watch = new Watch(actor)
    const WRITERS = 4
    for (let group = 0; group < WRITERS; group++) await createGroup(db, index(group), [data(group)])
    const gate = stage.hold(/^(write|sync) .*segments/)
    const FRAME = 100
    const FRAMES = Math.ceil((2 * MIB) / (FRAME * 16))
    let frames = 0
    const all = Promise.all(
      Array.from({ length: WRITERS }, async (_, group) => {
        const writer = await db.openWriter([index(group), data(group)])
        for (let i = 0; i < FRAMES; i++) {
          expect(await writer.write(rowsOf([index(group), data(group)], i * FRAME, FRAME))).toBe(true)
          frames++
          watch.look()
        }
        await writer.close()
      }),
    )
    await gate.reached
    // They stand still once the budget is used up, and not before.
    for (let before = -1; before !== frames;) {
      before = frames
      for (let i = 0; i < 20; i++) await turn()
    }
    expect(frames).toBeLessThan(WRITERS * FRAMES)
    expect(engine.pool.hasWaiters).toBe(true)
    expect(watch.most).toBeGreaterThan(MIB / 2)
    // Whoever reads does not wait.
    expect((await db.latest(data(0))).count(data(0))).toBe(1)
    gate.open()
    await all
    expect(watch.most).toBeLessThanOrEqual(MIB)
    for (let group = 0; group < WRITERS; group++)
      expect(await db.count(data(group))).toEqual({ [data(group)]: FRAMES * FRAME })
  })

  it('whose every write comes late, seen from everybody: nobody fails and the budget holds', async () => {
    const stage = new Stage({ memoryBudget: MIB })
    const actor = await stage.open()
    const { db } = actor
    const watch = new Watch(actor)
    await createGroup(db, index(0), [data(0)])
    await createGroup(db, index(1), [data(1)])
    let writing = true
    const lateness = (async (): Promise<void> => {
      while (writing) {
        const gate = stage.hold(/^(write|sync|read) /)
        for (let i = 0; i < 25; i++) await turn()
        gate.open()
        await turn()
        watch.look()
      }
    })()
    const FRAME = 100
    const FRAMES = Math.ceil(MIB / (FRAME * 16))
    const write = async (group: number, autoCommit: boolean): Promise<void> => {
      const writer = await db.openWriter({ channels: [index(group), data(group)], autoCommit })
      for (let i = 0; i < FRAMES; i++) {
        await writer.write(rowsOf([index(group), data(group)], i * FRAME, FRAME))
        watch.look()
      }
      await writer.commit()
      await writer.close()
    }
    await Promise.all([write(0, true), write(1, false)])
    await db.delete([index(0), data(0)], { start: 10n, end: 20n })
    await db.gc({ threshold: 0 })
    writing = false
    await lateness
    expect(watch.most).toBeLessThanOrEqual(MIB)
    expect(await timesOf({ read: async () => db.read(index(0), { end: 100n }) }, index(0), true)).toEqual([
      ...numbers(0, 9),
      ...numbers(20, 99),
    ])
    expect(await db.count(data(1))).toEqual({ [data(1)]: FRAMES * FRAME })
  })
})

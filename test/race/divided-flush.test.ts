// A flush of many groups is installed by a few edits, and anything may come between two of them (0003, Slices):
// deletes over groups of both, commits, snapshots, a kill, a power loss, an append that fails. Here
// the second edit waits for a guard until all that has happened.

import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { unguarded } from '../../src/guard/held.ts'
import type { Actor } from '../pitfalls/stage.ts'
import { numbers, Stage, timesFrom } from '../pitfalls/stage.ts'
import { isExclusive } from '../support/guard-mode.ts'

/** What goes on in between shares the lease and the catalogue with the flush: see test/support/exclusive-guards.ts. */

/** Of one channel each: 512 of them are a step. */
const GROUPS = 600
const FIRST_OF_SECOND = 512
const name = (group: number): string => `t${group}`
/** Some of the first edit and some of the second, with what is left in them after `between`. */
const CUT = [0, 511, 550]
const WHOLE = [1, FIRST_OF_SECOND, 599]

type Reader = Pick<Actor['db'], 'read'>

async function timesIn(db: Reader, group: number): Promise<number[]> {
  const frame = await db.read(name(group))
  return [...(frame.column(name(group)) as BigInt64Array)].map(Number)
}

async function write({ db }: Actor, groups: readonly number[], first: number, count: number): Promise<void> {
  const writer = await db.openWriter(groups.map(name))
  await writer.write(Object.fromEntries(groups.map((group) => [name(group), timesFrom(first, count)])))
  await writer.close()
}

interface Between {
  readonly stage: Stage
  readonly actor: Actor
  /** As it was when the first edit had been made, and when everything else had. */
  readonly snapshots: readonly [ReturnType<Actor['db']['snapshot']>, ReturnType<Actor['db']['snapshot']>]
  /** Lets the second edit come; how the flush ends. */
  goOn(): Promise<unknown>
}

/** Stops between the two edits of a flush, and lets others do what they like there. */
async function between(): Promise<Between> {
  const stage = new Stage()
  const actor = await stage.open()
  const { db, engine } = actor
  await db.channels.create(numbers(0, GROUPS - 1).map((i) => ({ name: name(i), kind: 'index' }) as const))
  for (let group = 0; group < GROUPS; group++) await write(actor, [group], 0, 4)
  const keyOf = (group: number): number => db.channels.get(name(group)).key
  const held = await engine.guards.acquire(unguarded, {
    rank: 'index',
    mode: 'exclusive',
    keys: [keyOf(FIRST_OF_SECOND)],
    purpose: 'test',
  })
  const flushed = engine.flushTails().then(
    () => 'flushed',
    (error: unknown) => error,
  )
  while (engine.version.flushed.get(keyOf(0)) === 0) await turn()
  expect(engine.version.flushed.get(keyOf(FIRST_OF_SECOND - 1))).toBeGreaterThan(0)
  expect(engine.version.flushed.get(keyOf(FIRST_OF_SECOND))).toBe(0)
  const first = db.snapshot()
  await db.delete(CUT.map(name), { start: 1n, end: 3n })
  await write(actor, CUT, 10, 2)
  await db.delete(CUT.map(name), { start: 11n, end: 12n })
  const goOn = (): Promise<unknown> => {
    held.release()
    return flushed
  }
  return { stage, actor, snapshots: [first, db.snapshot()], goOn }
}

async function expectHead(db: Reader): Promise<void> {
  for (const group of CUT) expect(await timesIn(db, group)).toEqual([0, 3, 10])
  for (const group of WHOLE) expect(await timesIn(db, group)).toEqual([0, 1, 2, 3])
}

async function expectSnapshots({ snapshots: [first, second] }: Between): Promise<void> {
  for (const group of [...CUT, ...WHOLE]) expect(await timesIn(first, group)).toEqual([0, 1, 2, 3])
  await expectHead(second)
}

describe.skipIf(isExclusive)('between two edits of one flush', () => {
  it('deletes, commits and snapshots see all of it, and stay what they are behind the second', async () => {
    const scene = await between()
    const { actor, stage, snapshots } = scene
    await expectHead(actor.db)
    await expectSnapshots(scene)
    expect(await scene.goOn()).toBe('flushed')
    await expectHead(actor.db)
    await expectSnapshots(scene)
    await actor.engine.flushTails()
    await actor.db.gc({ threshold: 0 })
    await expectSnapshots(scene)
    for (const snapshot of snapshots) await snapshot.close()
    expect(actor.engine.pool.held).toBe(0)
    expect(actor.engine.segments.all().reduce((sum, { reserved }) => sum + reserved, 0)).toBe(0)
    const next = await stage.reopen()
    await expectHead(next.db)
  })

  it('a kill leaves what was acknowledged', async () => {
    const scene = await between()
    const next = await scene.stage.kill()
    void scene.goOn()
    await expectHead(next.db)
    await next.engine.flushTails()
    await expectHead(next.db)
    await expectHead((await scene.stage.reopen()).db)
  })

  it.each([0, 42])('a power loss leaves what was proven (seed %i)', async (seed) => {
    const scene = await between()
    await scene.actor.db.sync()
    const next = await scene.stage.losePower(seed)
    void scene.goOn()
    await expectHead(next.db)
    await expectHead((await scene.stage.reopen()).db)
  })

  it('and where the second cannot be appended, its groups keep their tails until the next', async () => {
    const scene = await between()
    const { actor, stage } = scene
    stage.fail({ kind: 'write', path: /journal/, fault: { code: 'EIO' } })
    expect(await scene.goOn()).toMatchObject({ code: 'STORAGE' })
    await expectHead(actor.db)
    await expectSnapshots(scene)
    await actor.engine.flushTails()
    await expectHead(actor.db)
    await expectSnapshots(scene)
    expect(actor.engine.pool.held).toBe(0)
    expect(actor.engine.segments.all().reduce((sum, { reserved }) => sum + reserved, 0)).toBe(0)
    expect((await actor.db.verify()).problems).toEqual([])
    await expectHead((await stage.reopen()).db)
  })
})

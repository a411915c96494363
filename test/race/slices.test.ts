// Long work goes in slices (0003, Slices): a read, a delete, a flush, a report of thousands of pointers lets the
// loop turn again and again, and what goes on in between shows in none of them. The clock of these tests
// moves on with every look at it, so that a turn is due wherever one is taken at all.

import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Actor } from '../pitfalls/stage.ts'
import { createGroup, frameOf, numbers, Stage, timesFrom, timesOf } from '../pitfalls/stage.ts'

const FRAMES = 1500
const CHANNELS = ['a', 'b']

/** A stage whose clock is a long time later at every look. */
function sliding(): Stage {
  const stage = new Stage({}, { inlineLimit: 1, tailExtents: 1_000_000 })
  let looks = 0
  Object.defineProperty(stage, 'elapsedMs', { get: () => ++looks * 10 })
  return stage
}

/** One sample and pointer a frame, in the version; some more in the tail. */
async function filled(stage: Stage): Promise<Actor> {
  const actor = await stage.open()
  await createGroup(actor.db, 't', CHANNELS)
  const writer = await actor.db.openWriter({ channels: ['t', ...CHANNELS], durability: 'relaxed' })
  for (let i = 0; i < FRAMES; i++) await writer.write(frameOf('t', CHANNELS, timesFrom(i, 1)))
  await actor.engine.flushTails()
  for (let i = FRAMES; i < FRAMES + 50; i++) await writer.write(frameOf('t', CHANNELS, timesFrom(i, 1)))
  await writer.close()
  return actor
}

/** Counts the turns of the loop until `work` has ended. */
async function turnsOf<T>(work: Promise<T>): Promise<{ turns: number; result: T }> {
  let turns = 0
  let isDone = false
  const counting = (async (): Promise<void> => {
    while (!isDone) {
      await turn()
      turns++
    }
  })()
  try {
    return { result: await work, turns }
  } finally {
    isDone = true
    await counting
  }
}

describe('a long read', () => {
  it('lets the loop turn, and shows its instant whatever is deleted, flushed, collected and written meanwhile', async () => {
    const { db, engine } = await filled(sliding())
    const reading = turnsOf(db.read(['t', ...CHANNELS]))
    const newest = db.latest(CHANNELS, FRAMES)
    for (let i = 0; i < 5; i++) await turn()
    await db.delete(['t', ...CHANNELS], { start: 100n, end: 2000n })
    await engine.flushTails()
    const writer = await db.openWriter(['t', ...CHANNELS])
    await writer.write(frameOf('t', CHANNELS, timesFrom(500, 10)))
    await writer.close()
    await db.gc({ threshold: 0 })
    const { result, turns } = await reading
    expect(turns).toBeGreaterThan(FRAMES / 4)
    expect([...(result.column('t') as BigInt64Array)].map(Number)).toEqual(numbers(0, FRAMES + 49))
    expect(await timesOf({ read: async () => newest as never }, 'a').catch(() => 'no times')).toBe('no times')
    expect((await newest).count('b')).toBe(FRAMES)
    expect([...((await newest).column('b') as Float64Array)].slice(0, 2)).toEqual([25, 25.5])
    expect(result.series('a')).toHaveLength(1)
    expect(await timesOf(db, 'a')).toEqual([
      ...numbers(0, 99),
      ...numbers(500, 509),
      ...numbers(2000, FRAMES + 49),
    ])
  })

  it('of many channels goes channel by channel', async () => {
    const stage = sliding()
    const { db } = await stage.open()
    const names = Array.from({ length: 300 }, (_, i) => `c${i}`)
    await createGroup(db, 't', names)
    const writer = await db.openWriter(['t', ...names])
    await writer.write(frameOf('t', names, timesFrom(0, 3)))
    await writer.close()
    const reading = turnsOf(db.read(names, {}, { timestamps: true }))
    await turn()
    await db.delete(['t', ...names], { end: 2n })
    const { result, turns } = await reading
    expect(turns).toBeGreaterThan(100)
    expect(names.filter((name) => result.timestamps(name).length !== 3)).toEqual([])
    expect((await turnsOf(db.latest(names))).turns).toBeGreaterThan(100)
  })

  it('is aborted between two slices', async () => {
    const { db } = await filled(sliding())
    const abort = new AbortController()
    const reading = db.read(['t', ...CHANNELS], {}, { signal: abort.signal })
    await turn()
    abort.abort(new Error('enough'))
    await expect(reading).rejects.toThrow('enough')
  })
})

/** A group of 300 channels with rows at 0 ... 9 in memory, or in extents. */
async function wide(stage: Stage, isFlushed: boolean): Promise<Actor & { readonly names: string[] }> {
  const actor = await stage.open()
  const names = Array.from({ length: 300 }, (_, i) => `c${i}`)
  await createGroup(actor.db, 't', names)
  await rows(actor, names, 0, 10)
  if (isFlushed) await actor.engine.flushTails()
  return { ...actor, names }
}

async function rows({ db }: Actor, names: readonly string[], first: number, count: number): Promise<void> {
  const writer = await db.openWriter(['t', ...names])
  await writer.write(frameOf('t', names, timesFrom(first, count)))
  await writer.close()
}

describe('many channels of little each', () => {
  it('are read in slices, though none of them takes one by itself and no turn is due', async () => {
    // The clock stands still: it is what was read that asks for the turns.
    const { db, names } = await wide(new Stage(), true)
    const { result, turns } = await turnsOf(db.read(names))
    expect(turns).toBeGreaterThan(5)
    expect(names.filter((name) => result.count(name as never) !== 10)).toEqual([])
  })

  it.each([true, false])(
    'are counted in slices, at the instant of the call (flushed: %s)',
    async (isFlushed) => {
      const actor = await wide(sliding(), isFlushed)
      const { db, engine, names } = actor
      const counting = turnsOf(db.count(names, { start: 2n }))
      const looking = turnsOf(db.hasData(names, { start: 100n, end: 200n }))
      await turn()
      await db.delete(['t', ...names], { start: 4n })
      await rows(actor, names, 100, 5)
      await engine.flushTails()
      const { result, turns } = await counting
      expect(turns).toBeGreaterThan(100)
      expect(Object.values(result)).toEqual(names.map(() => 8))
      expect(await looking).toMatchObject({ result: false })
      expect((await looking).turns).toBeGreaterThan(100)
      expect(engine.snapshots.size).toBe(0)
      expect(engine.pins.own).toBe(Infinity)
      expect((await turnsOf(db.hasData(names, { end: 1n }))).turns).toBeLessThan(20)
    },
  )

  it('are counted of a snapshot that is closed meanwhile', async () => {
    const actor = await wide(sliding(), false)
    const snapshot = actor.db.snapshot()
    const counting = snapshot.count(actor.names)
    await turn()
    await snapshot.close()
    await actor.engine.flushTails()
    await rows(actor, actor.names, 1000, 3)
    expect(Object.values(await counting)).toEqual(actor.names.map(() => 10))
  })

  it('are counted to the end where the database is closed meanwhile', async () => {
    const { db, names } = await wide(sliding(), true)
    const counting = db.count(names, { start: 3n })
    await turn()
    await db.close({ force: true })
    expect(Object.values(await counting)).toEqual(names.map(() => 7))
  })

  it('come in frames that are cut in slices, at the instant of the first', async () => {
    const actor = await wide(sliding(), true)
    const { db, engine, names } = actor
    const walk = db.frames(['t', ...names], {}, { samples: 4 })
    const first = turnsOf(walk.next())
    await turn()
    await db.delete(['t', ...names], {})
    await rows(actor, names, 3, 20)
    await engine.flushTails()
    expect((await first).turns).toBeGreaterThan(200)
    const frames = [(await first).result.value!]
    for await (const frame of walk) frames.push(frame)
    const times = frames.map((frame) => [...(frame.column('t') as BigInt64Array)].map(Number))
    expect(times).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ])
    expect(frames.map((frame) => frame.column('c299' as never))).toEqual(
      times.map((some) => Float64Array.from(some, (time) => time / 2)),
    )
    expect(engine.snapshots.size).toBe(0)
  })

  it('come in a frame that is whole where its snapshot is closed while it is cut', async () => {
    const actor = await wide(sliding(), false)
    const { db, engine, names } = actor
    const snapshot = db.snapshot()
    const walk = snapshot.frames(names, {}, { samples: 6, timestamps: true })
    const frame = walk.next()
    await turn()
    await snapshot.close()
    await engine.flushTails()
    await rows(actor, names, 1000, 10)
    const { value } = await frame
    expect([...value!.timestamps('c299')].map(Number)).toEqual(numbers(0, 5))
    await expect(walk.next()).rejects.toMatchObject({ code: 'CLOSED' })
    expect(engine.pins.own).toBe(Infinity)
  })
})

describe('a long delete', () => {
  it('of many channels lets the loop turn, and takes what was committed up to its step', async () => {
    const stage = sliding()
    const { db } = await stage.open()
    const names = Array.from({ length: 300 }, (_, i) => `c${i}`)
    await createGroup(db, 't', names)
    const writer = await db.openWriter(['t', ...names])
    await writer.write(frameOf('t', names, timesFrom(0, 10)))
    const deleting = turnsOf(db.delete(['t', ...names], { start: 5n }))
    await turn()
    // Between the plan and the step: seen by a read, so that the delete must take it.
    await writer.write(frameOf('t', names, timesFrom(10, 5)))
    expect((await db.latest('c299')).column('c299')[0]).toBe(7)
    const { result, turns } = await deleting
    expect(turns).toBeGreaterThan(100)
    expect(result.samples['c299']).toBe(10)
    await writer.write(frameOf('t', names, timesFrom(20, 1)))
    await writer.close()
    expect(await timesOf(db, 'c299')).toEqual([0, 1, 2, 3, 4, 20])
  })
})

describe('a long flush', () => {
  it('installs groups step by step; reads and snapshots in between show all of them', async () => {
    const stage = sliding()
    const { db, engine } = await stage.open()
    const groups = numbers(0, 1499)
    await db.channels.create(groups.map((group) => ({ name: `t${group}`, kind: 'index' }) as const))
    for (const group of groups) {
      const writer = await db.openWriter([`t${group}`])
      await writer.write({ [`t${group}`]: timesFrom(group, 2) })
      await writer.close()
    }
    const names = groups.map((group) => `t${group}`)
    const edits = engine.version.lsn
    const flushing = turnsOf(engine.flushTails())
    const snapshots: ReturnType<typeof db.snapshot>[] = []
    let isDone = false
    const looking = (async (): Promise<void> => {
      while (!isDone) {
        await turn()
        const counts = await db.count([names[0]!, names[700]!, names[1499]!])
        expect(Object.values(counts)).toEqual([2, 2, 2])
        if (snapshots.length < 10) snapshots.push(db.snapshot())
      }
    })()
    const { turns } = await flushing
    isDone = true
    await looking
    expect(turns).toBeGreaterThan(100)
    // More than one record.
    expect(engine.version.lsn - edits).toBeGreaterThan(1)
    expect(engine.pool.held).toBe(0)
    for (const snapshot of snapshots) {
      for (const name of [names[0]!, names[700]!, names[1499]!])
        expect((await snapshot.read(name)).column(name)).toHaveLength(2)
      await snapshot.close()
    }
  })
})

describe('a read of more channels than are looked up in one step', () => {
  const data = numbers(0, 1499).map((i) => `c${i}`)
  const all = ['t', ...data]
  const SLOW = { timeout: 60_000 }

  async function many(): Promise<Actor> {
    const actor = await sliding().open()
    await createGroup(actor.db, 't', data)
    const writer = await actor.db.openWriter(all)
    await writer.write(frameOf('t', data, timesFrom(0, 4)))
    await writer.close()
    return actor
  }

  it(
    'shows the instant of the call, whatever is renamed, deleted, flushed and written meanwhile',
    SLOW,
    async () => {
      const { db, engine } = await many()
      const snapshot = db.snapshot()
      const named = [...all]
      const reading = turnsOf(db.read(named, {}, { timestamps: true }))
      const others = [
        db.count(named),
        snapshot.count(named),
        db.latest(named).then((frame) => ({ t: frame.column('t').length })),
      ]
      const isThere = db.hasData(named, { start: 3n })
      // Whose list it is, it was copied.
      named.length = 1
      await snapshot.close()
      await db.delete(all, { start: 1n, end: 3n })
      await engine.flushTails()
      await db.channels.rename('c7', 'renamed')
      await db.channels.remove(['c1400'])
      const { result, turns } = await reading
      expect(turns).toBeGreaterThan(100)
      for (const name of ['t', 'c7', 'c1400', 'c1499']) expect(result.column(name)).toHaveLength(4)
      const [head, old, newest] = await Promise.all(others)
      for (const counts of [head, old]) {
        expect(Object.keys(counts!)).toEqual(all)
        expect(new Set(Object.values(counts!))).toEqual(new Set([4]))
      }
      expect(newest).toEqual({ t: 1 })
      expect(await isThere).toBe(true)
      expect(engine.snapshots.size).toBe(0)
    },
  )

  it('is refused for names that are there twice, or no channels, and holds nothing then', SLOW, async () => {
    const { db, engine } = await many()
    const frames = async (names: string[]): Promise<void> => {
      for await (const _ of db.frames(names));
    }
    for (const [name, code] of [
      ['c3', 'VALIDATION'],
      ['nobody', 'CHANNEL_NOT_FOUND'],
    ] as const) {
      const names = [...all, name]
      for (const read of [
        db.read(names),
        db.latest(names),
        db.count(names),
        db.hasData(names, {}),
        frames(names),
        db.delete(names, {}),
      ])
        await expect(read).rejects.toMatchObject({ code })
    }
    expect(engine.snapshots.size).toBe(0)
    expect(await db.count('c3')).toEqual({ c3: 4 })
  })

  it('is finished by a close that comes meanwhile', SLOW, async () => {
    const { db } = await many()
    const reading = db.read(all)
    await turn()
    await db.close()
    expect((await reading).column('c1499')).toHaveLength(4)
  })
})

describe('a flush of groups that are captured one after the other', () => {
  it('makes pointers of what was committed in between, and recovery finds it once', async () => {
    const stage = sliding()
    const { db, engine } = await stage.open()
    const names = numbers(0, 19).map((group) => `t${group}`)
    await db.channels.create(names.map((name) => ({ name, kind: 'index' }) as const))
    const writer = await db.openWriter(names)
    const write = async (from: number): Promise<unknown> =>
      writer.write(Object.fromEntries(names.map((name) => [name, timesFrom(from, 2)])))
    await write(0)
    const flushing = turnsOf(engine.flushTails())
    // One record over all groups, some of which were captured before it.
    let rows = 2
    for (; rows < 20; rows += 2) {
      await turn()
      await write(rows)
    }
    expect((await flushing).turns).toBeGreaterThan(20)
    const lengths = names.map((name) => engine.version.pointers.get(db.channels.get(name).key).samples)
    expect(new Set(lengths).size).toBeGreaterThan(3)
    const next = await stage.kill()
    for (const name of names) expect((await next.db.read(name)).column(name)).toEqual(timesFrom(0, rows))
    expect((await next.db.verify()).problems).toEqual([])
  })
})

describe('a flush of many channels of one group', () => {
  it('leaves to snapshots what they saw, cut or not, when the pages hold other rows', async () => {
    const actor = await wide(sliding(), false)
    const { db, engine, names } = actor
    const whole = db.snapshot()
    await db.delete(names.slice(0, 150), { start: 3n, end: 6n })
    const cut = db.snapshot()
    const flushing = turnsOf(engine.flushTails())
    await turn()
    // Between the capture and the step: its rows are written all the same, and become no pointers.
    await db.delete(names.slice(100, 200), { start: 8n })
    const late = db.snapshot()
    expect((await flushing).turns).toBeGreaterThan(300)
    expect(engine.pool.held).toBe(0)
    expect(engine.segments.all().reduce((sum, { reserved }) => sum + reserved, 0)).toBe(0)
    await rows(actor, names, 1000, 10)
    const [before, middle, after] = [numbers(0, 9), [0, 1, 2, 6, 7, 8, 9], [0, 1, 2, 6, 7]]
    for (const [snapshot, expected] of [
      [whole, [before, before, before, before]],
      [cut, [middle, middle, before, before]],
      [late, [middle, after, numbers(0, 7), before]],
    ] as const) {
      for (const [i, name] of ['c0', 'c149', 'c150', 'c299'].entries())
        expect(await timesOf(snapshot, name)).toEqual(expected[i])
      expect(Object.values(await snapshot.count(['c0', 'c299'])).length).toBe(2)
    }
    for (const snapshot of [whole, cut, late]) await snapshot.close()
    expect(await timesOf(db, 'c149')).toEqual([...after, ...numbers(1000, 1009)])
    await engine.flushTails()
    await db.gc({ threshold: 0 })
    expect((await db.verify()).problems).toEqual([])
  })
})

describe('a report', () => {
  it('of many channels lets the loop turn, and is of one instant', async () => {
    const { db } = await filled(sliding())
    await db.channels.create(numbers(0, 299).map((i) => ({ name: `x${i}`, kind: 'index' }) as const))
    const reporting = turnsOf(db.stats())
    await db.delete(['t', ...CHANNELS], {})
    const { result, turns } = await reporting
    expect(turns).toBeGreaterThan(100)
    for (const name of ['t', ...CHANNELS])
      expect(result.channels[name]).toMatchObject({ samples: FRAMES + 50, domains: 1 })
  })
})

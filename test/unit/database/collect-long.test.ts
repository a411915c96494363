// Collections of an extent that is longer than an extent is to be: it is copied in pieces, so that neither memory nor
// a step holds all of it (0006, A rewrite; 0003, Slices).

import { describe, expect, it } from 'vitest'
import { Stage } from '../../pitfalls/stage.ts'
import type { Actor } from '../../pitfalls/stage.ts'

const BOTH = ['time', 'pressure'] as const
const ROWS = 20_000
const LIMIT = 4096
/** Uneven steps; the frame leaves gaps, and is one domain. */
const TIMES = BigInt64Array.from({ length: ROWS }, (_, i) => BigInt(10 * i + (i % 3)))

/** One frame that goes to a segment at once: an extent of 160 KB for each of the two channels. */
async function filled(stage: Stage): Promise<Actor> {
  const actor = await stage.open({ gc: false })
  const { db } = actor
  await db.channels.create([
    { name: 'time', kind: 'index' },
    { name: 'pressure', kind: 'data', type: 'float64', index: 'time' },
  ])
  const writer = await db.openWriter(BOTH)
  await writer.write({ time: TIMES, pressure: Float64Array.from(TIMES, Number) })
  await writer.close()
  return actor
}

async function expectLeft({ db }: Actor, isLeft: (time: bigint) => boolean, domains: number): Promise<void> {
  const left = TIMES.filter(isLeft)
  const frame = await db.read([...BOTH])
  expect(frame.column('time')).toEqual(left)
  expect(frame.column('pressure')).toEqual(Float64Array.from(left, Number))
  expect(frame.series('pressure')).toHaveLength(domains)
  expect((await db.verify()).problems).toEqual([])
}

/** The most samples that a pointer of a channel reaches, and how many pointers there are. */
function pointersOf({ engine }: Actor, name: string): { readonly count: number; readonly most: number } {
  const table = engine.version.pointers.get(engine.catalogue.byName.get(name)!.key)
  const counts = [...table.slice(0, table.length)].map(({ count }) => count)
  return { count: counts.length, most: Math.max(...counts) }
}

describe('a collection of an extent that is too long', () => {
  it('writes it as several, without a sample or a domain more or less', async () => {
    const stage = new Stage({}, { extentLimit: LIMIT })
    const actor = await filled(stage)
    await actor.db.delete([...BOTH], { start: 50_000n, end: 90_000n })
    const isLeft = (time: bigint): boolean => time < 50_000n || time >= 90_000n
    const { skipped } = await actor.db.gc({ threshold: 0 })
    expect(skipped).toEqual([])
    for (const name of BOTH) expect(pointersOf(actor, name)).toEqual({ count: 10 + 22, most: 500 })
    await expectLeft(actor, isLeft, 2)
    await expectLeft(await stage.losePower(0), isLeft, 2)
  })

  it('moves what deletes have left of it while it was copied', async () => {
    const stage = new Stage({}, { extentLimit: LIMIT })
    const actor = await filled(stage)
    await actor.db.delete([...BOTH], { start: 50_000n, end: 90_000n })
    await actor.db.sync()
    const gate = stage.hold(/^write \/data\/segments/)
    const run = actor.db.gc({ threshold: 0 })
    await gate.reached
    // Inside a piece, over several, and of one channel alone.
    await actor.db.delete([...BOTH], { start: 100n, end: 200n })
    await actor.db.delete([...BOTH], { start: 100_001n, end: 130_001n })
    await actor.db.delete('pressure', { start: 150_000n, end: 150_100n })
    gate.open()
    await run
    const isLeft = (time: bigint): boolean =>
      !(time >= 50_000n && time < 90_000n) &&
      !(time >= 100n && time < 200n) &&
      !(time >= 100_001n && time < 130_001n)
    const frame = await actor.db.read([...BOTH], {}, { timestamps: true })
    expect(frame.column('time')).toEqual(TIMES.filter(isLeft))
    const left = TIMES.filter((time) => isLeft(time) && !(time >= 150_000n && time < 150_100n))
    expect(frame.column('pressure')).toEqual(Float64Array.from(left, Number))
    expect(frame.timestamps('pressure')).toEqual(left)
    expect((await actor.db.verify()).problems).toEqual([])
    const again = await stage.losePower(0)
    expect((await again.db.read('pressure')).column('pressure')).toEqual(Float64Array.from(left, Number))
    expect((await again.db.verify()).problems).toEqual([])
  })
})

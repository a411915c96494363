// A tail of hundreds of large frames that no flush has come to yet: reads search one list of their extents (domain/
// joined-runs), and see what was committed and deleted as they do elsewhere.

import { describe, expect, it } from 'vitest'
import type { Actor } from '../../pitfalls/stage.ts'
import { createGroup, frameOf, numbers, Stage, timesFrom, timesOf } from '../../pitfalls/stage.ts'

const FRAMES = 150

/** Frames of two rows, at 10, 11, 20, 21 ...; every fortieth is a small one, in memory. */
async function filled(): Promise<Actor & { readonly times: number[] }> {
  const actor = await new Stage({}, { inlineLimit: 16, tailExtents: 1_000_000 }).open()
  const { db } = actor
  await createGroup(db, 't', ['a', 'b'])
  const writer = await db.openWriter({ channels: ['t', 'a', 'b'], durability: 'relaxed' })
  const times: number[] = []
  for (let i = 1; i <= FRAMES; i++) {
    const rows = i % 40 === 0 ? 1 : 2
    await writer.write(frameOf('t', ['a', 'b'], timesFrom(10 * i, rows)))
    times.push(...numbers(10 * i, 10 * i + rows - 1))
  }
  await writer.close()
  return { ...actor, times }
}

describe('a tail of hundreds of large frames', () => {
  it('reads, counts and is walked through as it was written', async () => {
    const { db, times, engine } = await filled()
    expect(engine.version.pointers.size).toBe(0)
    expect(await timesOf(db, 'a')).toEqual(times)
    for (const [start, end] of [
      [0, 5000],
      [11, 1401],
      [395, 421],
      [700, 701],
    ] as const) {
      const expected = times.filter((time) => time >= start && time < end)
      expect(await db.count(['t', 'b'], { start: BigInt(start), end: BigInt(end) })).toEqual({
        t: expected.length,
        b: expected.length,
      })
      const frame = await db.read('a', { start: BigInt(start), end: BigInt(end) }, { timestamps: true })
      expect([...frame.timestamps('a')].map(Number)).toEqual(expected)
    }
    expect((await db.latest('a', 5)).column('a')).toEqual(
      Float64Array.from(times.slice(-5), (time) => time / 2),
    )
    const walked: number[] = []
    for await (const frame of db.frames('a', {}, { samples: 33 }))
      walked.push(...(frame.column('a') as Float64Array))
    expect(walked).toEqual(times.map((time) => time / 2))
    expect((await db.stats()).channels['b']).toMatchObject({ samples: times.length, domains: 1 })
  })

  it('stays for a snapshot what it was, through deletes and a flush', async () => {
    const { db, engine, times } = await filled()
    const before = db.snapshot()
    await db.delete('a', { start: 21n, end: 801n })
    await db.delete(['t', 'a', 'b'], { start: 1001n, end: 1101n })
    const between = db.snapshot()
    const left = times.filter((time) => time < 1001 || time >= 1101)
    const ofA = left.filter((time) => time < 21 || time >= 801)
    const expectAll = async (): Promise<void> => {
      expect(await timesOf(before, 'a')).toEqual(times)
      for (const each of [between, db]) {
        expect(await timesOf(each, 'a')).toEqual(ofA)
        expect(await timesOf(each, 't', true)).toEqual(left)
        expect((await each.latest('a', ofA.length - 3)).column('a')[0]).toBe(ofA[3]! / 2)
      }
      expect((await db.stats()).channels['a']).toMatchObject({ samples: ofA.length, domains: 3 })
    }
    await expectAll()
    await engine.flushTails()
    expect(engine.tailExtents).toBe(0)
    expect(engine.segments.all().every(({ tailLive, reserved }) => tailLive === 0 && reserved === 0)).toBe(
      true,
    )
    await expectAll()
    await before.close()
    await between.close()
    await db.gc({ threshold: 0 })
    expect((await db.verify()).problems).toEqual([])
  })
})

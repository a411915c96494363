// What a long record freed is looked at later: a segment may be nobody's by then. Of one that is gone nothing is
// remembered (memory stays bounded by what is there, and notes of others are not forgotten for it).

import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { DeadSpace } from '../../src/database/collection/dead-space.ts'
import { Turns } from '../../src/database/turns.ts'
import { begin, rows, Stage } from '../pitfalls/stage.ts'
import type { Actor } from '../pitfalls/stage.ts'
import { deadRangesOf } from '../support/dead-ranges.ts'
import { pointerTo, versionWith } from '../support/pointers.ts'

/** Extents of 100 samples, half of which are deleted. */
async function fill({ db, engine }: Actor): Promise<void> {
  const writer = await db.openWriter(['time', 'a'])
  for (let first = 0; first < 4000; first += 100) await writer.write(rows(first, 100))
  await writer.close()
  await engine.flushTails()
  await db.delete(['time', 'a'], { start: 1050n, end: 3050n })
}

describe('what a long record freed in a segment that was dropped before anybody looked', () => {
  it('is not remembered', async () => {
    const space = new DeadSpace({ deadNotes: 1000, freedAtOnce: 0 })
    const gone = pointerTo(0, 4)
    space.noteEdit(versionWith({ 1: [gone] }), { kind: 'remove', keys: [1] }, 7)
    space.noteEdit(versionWith({}), { kind: 'drop', segments: [gone.segment] }, 8)
    await space.catchUp(new Turns(systemClock))
    expect([deadRangesOf(space, gone.segment), space.doubtsOf(gone.segment)]).toEqual([[], []])
  })

  it('is not remembered after a collection that rewrote it', async () => {
    const stage = new Stage({}, { inlineLimit: 8, freedAtOnce: 0 })
    const actor = await begin(stage)
    const { db, engine } = actor
    await fill(actor)
    const before = engine.segments.all().map(({ id }) => id)
    expect(await db.gc({ threshold: 0 })).toMatchObject({ segmentsRemoved: before.length, skipped: [] })
    // As the next delete or flush does.
    await db.delete(['time', 'a'], { start: 0n, end: 1n })
    const left = before.flatMap((id) => [
      ...deadRangesOf(engine.deadSpace, id),
      ...engine.deadSpace.doubtsOf(id),
    ])
    expect(left).toEqual([])
  })

  it('keeps no tables in memory once the collection that published it has ended', async () => {
    const stage = new Stage({}, { inlineLimit: 8, freedAtOnce: 0 })
    const actor = await begin(stage)
    const { db, engine } = actor
    await fill(actor)
    await db.gc({ threshold: 0 })
    expect(engine.deadSpace.isBehind).toBe(false)
  })
})

describe('what is noted later', () => {
  it('is looked at by whoever asks, also right after somebody else has ended', async () => {
    const space = new DeadSpace({ deadNotes: 1000, freedAtOnce: 0 })
    const [first, second] = [pointerTo(0, 4), pointerTo(10, 4)]
    // The loop is never due to turn: it ends before the call returns.
    const turns = new Turns({ now: () => 0n, monotonicMs: () => 0 })
    space.noteEdit(versionWith({ 1: [first] }), { kind: 'remove', keys: [1] }, 7)
    const ended = space.catchUp(turns)
    space.noteEdit(versionWith({ 2: [second] }), { kind: 'remove', keys: [2] }, 9)
    await space.catchUp(turns)
    await ended
    expect(space.isBehind).toBe(false)
  })

  it('makes nothing be forgotten where it frees nothing', () => {
    const space = new DeadSpace({ deadNotes: 10, freedAtOnce: 0 })
    for (let i = 0; i < 8; i++) space.noteRange(1, { start: 100 * i, end: 100 * i + 50, lsn: 5 })
    const changes = [1, 2, 3].map((key) => ({ key, comes: [pointerTo(0, 4)] }))
    space.noteEdit(versionWith({}), { kind: 'flush', groups: [], changes }, 7)
    expect(space.unknown.size).toBe(0)
    expect(deadRangesOf(space, 1)).toHaveLength(8)
  })
})

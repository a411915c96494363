// A collection that is broken off while it copies: what was not moved stays where it is, and no file of the
// try is left behind (0006, Failure). The rest of a collection's promises: collect.test.ts.

import { describe, expect, it, vi } from 'vitest'
import { errorOf } from '../../support/refused.ts'
import { Stage } from '../../pitfalls/stage.ts'
import type { Actor } from '../../pitfalls/stage.ts'

const BOTH = ['time', 'pressure'] as const
const FRAME = 20_000

/** Opens the stage with so many frames of `time` and `pressure`, of which a stretch of 1,000 rows is deleted. */
async function filled(stage: Stage, frames: number): Promise<Actor> {
  const actor = await stage.open()
  const { db } = actor
  await db.channels.create([
    { name: 'time', kind: 'index' },
    { name: 'pressure', kind: 'data', type: 'float64', index: 'time' },
  ])
  const writer = await db.openWriter(BOTH)
  for (let from = 0; from < frames * FRAME; from += FRAME) {
    const time = BigInt64Array.from({ length: FRAME }, (_, i) => BigInt(from + i))
    await writer.write({ time, pressure: Float64Array.from(time, Number) })
  }
  await writer.close()
  await db.delete(BOTH, { start: 5000n, end: 6000n })
  await db.sync()
  return actor
}

async function expectWhole({ db }: Actor, frames: number): Promise<void> {
  const count = frames * FRAME - 1000
  expect(await db.count(BOTH)).toEqual({ time: count, pressure: count })
  const { problems } = await db.verify()
  expect(problems).toEqual([])
}

const segmentsOf = (stage: Stage): string[] =>
  stage.disk.files().filter((path) => path.includes('/segments/'))

describe('a collection that is broken off', () => {
  it('by its signal while it writes leaves everything where it was, and no file', async () => {
    const stage = new Stage()
    const actor = await filled(stage, 10)
    const before = segmentsOf(stage)
    const reason = new Error('enough')
    const controller = new AbortController()
    const gate = stage.hold(/^write \/data\/segments/)
    const run = actor.db.gc({ threshold: 0, signal: controller.signal })
    await gate.reached
    controller.abort(reason)
    gate.open()
    expect(await errorOf(() => run)).toBe(reason)
    expect(segmentsOf(stage)).toEqual(before)
    await expectWhole(actor, 10)
    await expectWhole(await stage.losePower(0), 10)
  })

  it('by its signal between two channels leaves the first where it was copied to, the other where it was', async () => {
    const stage = new Stage()
    const actor = await filled(stage, 3)
    const [old] = segmentsOf(stage)
    const reason = new Error('enough')
    const controller = new AbortController()
    const publish = actor.engine.publishEdit.bind(actor.engine)
    const kinds: string[] = []
    const publishing = vi.spyOn(actor.engine, 'publishEdit').mockImplementation((edit) => {
      kinds.push(edit.kind)
      if (edit.kind === 'relocate') controller.abort(reason)
      return publish(edit)
    })
    expect(await errorOf(() => actor.db.gc({ threshold: 0, signal: controller.signal }))).toBe(reason)
    expect(kinds.filter((kind) => kind === 'relocate')).toHaveLength(1)
    publishing.mockRestore()
    expect(segmentsOf(stage)).toHaveLength(2)
    await expectWhole(actor, 3)
    await actor.db.gc({ threshold: 0 })
    expect(segmentsOf(stage)).not.toContain(old)
    await expectWhole(actor, 3)
    await expectWhole(await stage.losePower(0), 3)
  })

  it('by a write that fails beside the copying leaves everything where it was, and no file', async () => {
    const stage = new Stage()
    const actor = await filled(stage, 10)
    const before = segmentsOf(stage)
    stage.fail({ kind: 'write', path: /segments/, nth: 2, fault: { code: 'EIO' } })
    expect(await errorOf(() => actor.db.gc({ threshold: 0 }))).toMatchObject({ code: 'STORAGE' })
    expect(segmentsOf(stage)).toEqual(before)
    await expectWhole(actor, 10)
    await actor.db.gc({ threshold: 0 })
    await expectWhole(actor, 10)
  })

  it('has begun to sync before all is copied, and moves nothing when that sync fails', async () => {
    const frames = 60
    const stage = new Stage()
    const actor = await filled(stage, frames)
    const operations: string[] = []
    const watch = (): void => {
      stage.faults.observer = (kind, path) => {
        if (path.includes('segments/')) operations.push(kind)
      }
    }
    watch()
    stage.fail({ kind: 'sync', path: /segments/, fault: { code: 'EIO' } })
    expect(await errorOf(() => actor.db.gc({ threshold: 0 }))).toMatchObject({ code: 'STORAGE' })
    expect(operations.indexOf('sync')).toBeGreaterThan(0)
    expect(operations.indexOf('sync')).toBeLessThan(operations.lastIndexOf('write'))
    const again = await stage.losePower(0)
    await expectWhole(again, frames)
    expect((await again.db.gc({ threshold: 0 })).segmentsCollected).toBe(1)
    await expectWhole(again, frames)
  })
})

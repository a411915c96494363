// Holes, of which there are more than one record names: they are made, synced and told portion by portion (0006, Holes), and
// no step goes over all of them (0003, Slices).

import { describe, expect, it, vi } from 'vitest'
import { tryHold } from '../../../src/database/collection/collect-run.ts'
import { findDead } from '../../../src/database/collection/find-dead.ts'
import { punchSegment } from '../../../src/database/collection/punch.ts'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import type { Edit } from '../../../src/version/edit.ts'
import { errorOf } from '../../support/refused.ts'
import { Stage } from '../../pitfalls/stage.ts'
import type { Actor } from '../../pitfalls/stage.ts'

/** Every row is an extent of 120 bytes of each channel, that of the one beside that of the other. */
const ROWS = 200
const A_RECORD = 64
const TUNING = { inlineLimit: 1, holeSize: 8, holesARecord: A_RECORD }

async function prepared(stage: Stage): Promise<Actor> {
  const actor = await stage.adopt(new MemoryFileSystem({ holes: true }))
  const { db } = actor
  await db.channels.create([
    { name: 'time', kind: 'index' },
    { name: 'pressure', kind: 'data', type: 'float64', index: 'time' },
  ])
  const writer = await db.openWriter(['time', 'pressure'])
  for (let i = 0; i < ROWS; i++) await writer.write({ time: BigInt(i), pressure: i })
  await writer.close()
  await actor.engine.flushTails()
  await db.delete('pressure', {})
  await db.sync()
  return actor
}

/** What each record says was punched. */
function recordsOf({ engine }: Actor, told: () => void = () => {}): number[] {
  const counts: number[] = []
  const publish = engine.publishEdit.bind(engine)
  vi.spyOn(engine, 'publishEdit').mockImplementation((edit: Edit, ...more) => {
    if (edit.kind === 'punch') {
      for (const { ranges } of edit.segments) counts.push(ranges.length)
      told()
    }
    return publish(edit, ...more)
  })
  return counts
}

const deadOf = async ({ db }: Actor): Promise<number> =>
  (await db.stats()).segments.reduce((sum, { dead }) => sum + dead, 0)

const punchedOf = ({ engine }: Actor): number =>
  engine.segments.all().reduce((sum, { id }) => sum + (engine.version.segments.get(id)?.holes?.bytes ?? 0), 0)

async function expectTimes({ db }: Actor): Promise<void> {
  expect(await db.count(['time', 'pressure'])).toEqual({ time: ROWS, pressure: 0 })
  expect((await db.verify()).problems).toEqual([])
}

/** Collects by holes alone: nothing is merged or rewritten. Returns the bytes that were given back. */
async function punch({ engine }: Actor, signal?: AbortSignal): Promise<number> {
  using _known = engine.deadSpace.use()
  await findDead(engine)
  let bytes = 0
  for (const segment of engine.segments.all()) {
    using _held = tryHold(engine, [segment])
    bytes += await punchSegment(engine, segment, signal)
  }
  return bytes
}

describe('a segment with more holes than a record names', () => {
  it('gives them back by several records, each of what is on the disk', async () => {
    const stage = new Stage({}, TUNING)
    const actor = await prepared(stage)
    const records = recordsOf(actor)
    const dead = await deadOf(actor)
    const bytes = await punch(actor)
    expect(records).toEqual([A_RECORD, A_RECORD, A_RECORD, ROWS - 3 * A_RECORD])
    expect(bytes).toBe(dead)
    await expectTimes(actor)
    await expectTimes(await stage.losePower(0))
  })

  it('keeps what is told where it is aborted behind a record, and goes on in the next run', async () => {
    const stage = new Stage({}, TUNING)
    const actor = await prepared(stage)
    const controller = new AbortController()
    const records = recordsOf(actor, () => controller.abort(new Error('enough')))
    const dead = await deadOf(actor)
    expect(await errorOf(() => punch(actor, controller.signal))).toBe(controller.signal.reason)
    expect(records).toEqual([A_RECORD])
    const punched = punchedOf(actor)
    expect(await deadOf(actor)).toBe(dead - punched)
    vi.restoreAllMocks()
    expect(await punch(actor)).toBe(dead - punched)
    await expectTimes(actor)
  })

  it('is punched again behind the last record that a power loss left', async () => {
    const stage = new Stage({}, TUNING)
    const actor = await prepared(stage)
    const dead = await deadOf(actor)
    let syncs = 0
    stage.faults.observer = (kind, path) => {
      if (kind === 'sync' && path.includes('/segments/')) syncs++
    }
    // The second portion is made, and its sync fails.
    stage.fail({ kind: 'sync', path: /segments/, nth: 2, fault: { code: 'EIO' } })
    expect(await errorOf(() => punch(actor))).toMatchObject({ code: 'STORAGE' })
    expect(syncs).toBe(2)
    const again = await stage.losePower(1)
    const punched = punchedOf(again)
    expect([0, dead]).not.toContain(punched)
    expect(await punch(again)).toBe(dead - punched)
    await expectTimes(again)
  })
})

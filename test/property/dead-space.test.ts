// What the engine knows of dead bytes is what is dead (0006-I9): after anything that workloads do, the noted places
// are those that no pointer, no run of a tail and no hole covers, found here the slow way; and in no state at or behind
// the record that a note names did anything reach them. Also where most of it was forgotten.

import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { Engine } from '../../src/database/engine.ts'
import type { DeadRange } from '../../src/database/collection/dead-ranges.ts'
import { findDead } from '../../src/database/collection/find-dead.ts'
import { settleDoubts } from '../../src/database/collection/settle-doubts.ts'
import { deadBlocks } from '../../src/segment/dead-blocks.ts'
import type { SampleRange } from '../../src/segment/dead-blocks.ts'
import { EXTENT_HEADER_SIZE } from '../../src/segment/extent-layout.ts'
import { FIRST_EXTENT } from '../../src/segment/segment-file.ts'
import { byteWidth } from '../../src/telem/data-type.ts'
import { complement, subtract, unite } from '../../src/version/byte-ranges.ts'
import type { ByteRange } from '../../src/version/byte-ranges.ts'
import type { Pointer } from '../../src/version/pointer.ts'
import { Machine } from '../crash/machine.ts'
import { anything } from '../crash/random-workload.ts'
import { Session } from '../crash/session.ts'
import { WORKLOADS } from '../crash/workloads.ts'
import type { Workload } from '../crash/workloads.ts'
import { deadRangesOf } from '../support/dead-ranges.ts'
import { propertyOptions } from '../support/seeds.ts'
import { rangesOf } from '../support/holes.ts'

interface Reached {
  readonly pointer: Pointer
  readonly key: number
  readonly live: SampleRange[]
}

/** By segment and offset: extents that anything reaches. */
function reachedIn(engine: Engine): Map<string, Reached> {
  const found = new Map<string, Reached>()
  const add = (key: number, pointer: Pointer): void => {
    const place = `${pointer.segment}:${pointer.offset}`
    const known = found.get(place) ?? { pointer, key, live: [] }
    known.live.push({ from: pointer.skip, to: pointer.skip + pointer.count })
    found.set(place, known)
  }
  for (const [key, table] of engine.version.pointers.entries())
    table.forEach(0, table.length, (pointer) => add(key, pointer))
  for (const { runs } of engine.groups.values())
    for (const run of runs)
      if (run.kind === 'extents')
        for (const [key, { pointers }] of run.pointers) for (const pointer of pointers) add(key, pointer)
  return found
}

/** What is dead in each segment that nobody is writing to, and not punched. */
function deadIn(engine: Engine): Map<number, ByteRange[]> {
  const reached = [...reachedIn(engine).values()]
  const dead = new Map<number, ByteRange[]>()
  for (const segment of engine.segments.all()) {
    if (segment.reserved > 0 || engine.dropped.has(segment)) continue
    const own = reached.filter(({ pointer }) => pointer.segment === segment.id)
    const live = own.map(({ pointer: { offset, length } }) => ({ start: offset, end: offset + length }))
    const blocks = own.flatMap(({ pointer, key, live: samples }) => {
      const { type } = engine.version.channels[key] ?? {}
      if (type === undefined) return []
      const { count } = engine.segments.reader(segment.id).headerNow(pointer, key)
      return [...deadBlocks(pointer.offset, count, byteWidth(type), samples)]
    })
    const all = unite([...complement(unite(live), FIRST_EXTENT, segment.size), ...blocks])
    dead.set(segment.id, subtract(all, rangesOf(engine.version.segments.get(segment.id)?.holes)))
  }
  return dead
}

/** What was live when the newest record was `lsn`: bytes that a pointer or a run of a tail reaches, by segment. */
interface Sample {
  readonly lsn: number
  readonly live: ReadonlyMap<number, readonly ByteRange[]>
}

/** A sample of the state before each edit: whatever that frees is live in it. */
function samplesBeforeEdits(): Map<Engine, Sample[]> {
  const samples = new Map<Engine, Sample[]>()
  // oxlint-disable-next-line typescript/unbound-method -- called with the engine it was called on
  const publish = Engine.prototype.publishEdit
  vi.spyOn(Engine.prototype, 'publishEdit').mockImplementation(function (this: Engine, ...edit) {
    const list = samples.get(this) ?? []
    samples.set(this, list)
    list.push({ lsn: this.lastLsn, live: liveIn(this) })
    return publish.apply(this, edit)
  })
  return samples
}

function liveIn(engine: Engine): Map<number, ByteRange[]> {
  const live = new Map<number, ByteRange[]>()
  for (const { pointer, key, live: samples } of reachedIn(engine).values()) {
    const { segment, offset, length } = pointer
    const type = engine.version.channels[key]?.type
    // What a removed channel left in a tail is nobody's.
    if (type === undefined) continue
    const width = byteWidth(type)
    const ranges =
      pointer.live === length
        ? [{ start: offset, end: offset + length }]
        : samples.map(({ from, to }) => ({
            start: offset + EXTENT_HEADER_SIZE + from * width,
            end: offset + EXTENT_HEADER_SIZE + to * width,
          }))
    live.set(segment, [...(live.get(segment) ?? []), ...ranges])
  }
  return live
}

/** No note says that bytes were freed before they were: a pin that needs them would not keep them. */
function expectNotFreedBefore(
  known: ReadonlyMap<number, readonly DeadRange[]>,
  samples: readonly Sample[],
): void {
  for (const [id, ranges] of known) {
    for (const { lsn, live } of samples) {
      const claimed = unite(ranges.filter((range) => range.lsn <= lsn))
      const lively = unite(live.get(id) ?? [])
      expect({ lsn, early: subtract(claimed, subtract(claimed, lively)) }).toEqual({ lsn, early: [] })
    }
  }
}

async function expectKnown(workload: Workload, deadNotes = 1000, freedAtOnce = 1000): Promise<void> {
  const options = {
    ...workload.options,
    tuning: { ...workload.options?.tuning, deadNotes, freedAtOnce },
  }
  const session = Session.on(Machine.faulty(options), options)
  const samples = samplesBeforeEdits()
  try {
    await workload.prepare(session)
    await workload.run(session)
    if (!session.isOpen) return
    const { engine } = session
    using _used = engine.deadSpace.use()
    await findDead(engine)
    // A flush in the background had reserved something: what lies beside it is searched for another time.
    if (engine.deadSpace.unknown.size > 0) await findDead(engine)
    for (const segment of engine.segments.all()) await settleDoubts(engine, segment)
    const all = new Map(engine.segments.all().map(({ id }) => [id, deadRangesOf(engine.deadSpace, id)]))
    expectNotFreedBefore(all, samples.get(engine) ?? [])
    for (const [id, dead] of deadIn(engine)) {
      if (engine.deadSpace.unknown.has(id)) continue
      const known = all.get(id)!
      expect(unite(known)).toEqual(dead)
      // Each byte once: else it would be punched twice.
      expect(known.every(({ start }, i) => i === 0 || known[i - 1]!.end <= start)).toBe(true)
    }
  } finally {
    vi.restoreAllMocks()
    await session.abandon()
  }
}

const SOUND = WORKLOADS.filter(({ isFaulty }) => isFaulty !== true)

describe('what is known to be dead is what nothing reaches, and was freed no later than it says', () => {
  it.each(SOUND)('after: $name', (workload) => expectKnown(workload))

  it.each(SOUND)('after it was looked at later: $name', (workload) => expectKnown(workload, 1000, 0))

  // Nearly all has to be searched for.
  it.each(SOUND)('after it was forgotten: $name', (workload) => expectKnown(workload, 1))

  // A search for what was forgotten took an extent in doubt for dead, by an older record than the doubt's.
  it.each([
    [29, 3],
    [14, 10],
  ])('after an extent in doubt went while other dead bytes were forgotten: %i', (seed, most) =>
    expectKnown(anything(seed), most),
  )

  it('after anything', { timeout: 600_000 }, async () => {
    const notes = fc.constantFrom(0, 1, 3, 10, 1000)
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 2 ** 31 - 1 }),
        notes,
        fc.constantFrom(0, 2, 1000),
        (seed, most, atOnce) => expectKnown(anything(seed), most, atOnce),
      ),
      propertyOptions(40),
    )
  })
})

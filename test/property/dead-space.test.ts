// What the engine knows of dead bytes is what is dead (0006-I9): after anything that workloads do, the noted places
// are those that no pointer, no run of a tail and no hole covers, found here the slow way.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Engine } from '../../src/database/engine.ts'
import { findDead, settleDoubts } from '../../src/database/collection/find-dead.ts'
import { deadBlocks } from '../../src/segment/dead-blocks.ts'
import type { SampleRange } from '../../src/segment/dead-blocks.ts'
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
import { propertyOptions } from '../support/seeds.ts'

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
      return deadBlocks(pointer.offset, count, byteWidth(type), samples)
    })
    const all = unite([...complement(unite(live), FIRST_EXTENT, segment.size), ...blocks])
    dead.set(segment.id, subtract(all, engine.version.segments.get(segment.id)?.holes?.ranges ?? []))
  }
  return dead
}

async function expectKnown(workload: Workload): Promise<void> {
  const session = Session.on(Machine.faulty(workload.options), workload.options)
  try {
    await workload.prepare(session)
    await workload.run(session)
    if (!session.isOpen) return
    const { engine } = session
    await findDead(engine)
    for (const segment of engine.segments.all()) await settleDoubts(engine, segment)
    for (const [id, dead] of deadIn(engine)) {
      const known = engine.deadSpace.deadOf(id)
      expect(unite(known)).toEqual(dead)
      // Each byte once: else it would be punched twice.
      expect(known.every(({ start }, i) => i === 0 || known[i - 1]!.end <= start)).toBe(true)
    }
  } finally {
    await session.abandon()
  }
}

describe('what is known to be dead is what nothing reaches', () => {
  it.each(WORKLOADS.filter(({ isFaulty }) => isFaulty !== true))('after: $name', expectKnown)

  it('after anything', { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 - 1 }), (seed) => expectKnown(anything(seed))),
      propertyOptions(40),
    )
  })
})

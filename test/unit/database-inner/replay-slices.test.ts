// A replay lets the loop turn between any two records, and while it works out what a large edit makes of the tables.

import { describe, expect, it } from 'vitest'
import type { FoundEpoch } from '../../../src/database/opening/find-epoch.ts'
import { replayRecords } from '../../../src/database/opening/replay-records.ts'
import { unprovenExtents } from '../../../src/database/opening/unproven.ts'
import { Turns } from '../../../src/database/turns.ts'
import { CorruptionError } from '../../../src/errors.ts'
import type { ExtentsRun } from '../../../src/domain/tail.ts'
import type { JournalRecord } from '../../../src/journal/record.ts'
import { shapeOf } from '../../../src/journal/shape.ts'
import type { Edit } from '../../../src/version/edit.ts'
import { cutOf, EXTENTS } from '../../support/tails.ts'
import { DATA_CHANNEL, INDEX_CHANNEL, pointerTo, SHAPE } from '../../support/pointers.ts'

const FOUND: FoundEpoch = {
  epoch: 1,
  databaseId: new Uint8Array(16),
  base: undefined,
  journals: [],
  sizes: new Map(),
  notWhole: [],
  bootId: 'a',
}

/** Turns that are always due, and how many were taken. */
function countedTurns(): { turns: Turns; taken: () => number } {
  let taken = 0
  let nowMs = 0
  class Counted extends Turns {
    override next(): Promise<void> {
      taken++
      return super.next()
    }
  }
  return { turns: new Counted({ now: () => 0n, monotonicMs: () => (nowMs += 1000) }), taken: () => taken }
}

function edit(lsn: number, edit: Edit): JournalRecord {
  return { kind: 'edit', lsn, proven: 0, offset: 64 * lsn, edit }
}

/** One run of extents, ten samples from 100 lsn on. */
function commit(lsn: number): JournalRecord {
  const first = BigInt(100 * lsn)
  const run = { ...EXTENTS, first, last: first + 9n }
  const sections = [{ stream: 1, shape: SHAPE, runs: [run] }]
  return { kind: 'commit', lsn, proven: 0, offset: 64 * lsn, sections }
}

const CREATED = edit(1, { kind: 'create', channels: [INDEX_CHANNEL, DATA_CHANNEL] })

/** As many pointers of one channel, by one edit. */
function relocated(lsn: number, count: number): JournalRecord {
  const changes = Array.from({ length: count }, (_, i) => ({ key: 1, comes: [pointerTo(10 * i, 5)] }))
  return edit(lsn, { kind: 'relocate', changes })
}

describe('a replay', () => {
  it('lets the loop turn after each record, and every 64 changes of an edit with many', async () => {
    const { turns, taken } = countedTurns()
    const records = [CREATED, ...Array.from({ length: 50 }, (_, i) => commit(i + 2)), relocated(60, 640)]
    const { version, groups } = await replayRecords(turns, FOUND, records)
    expect([version.lsn, version.pointers.get(1).length, groups.get(1)!.runs.length]).toEqual([60, 640, 50])
    expect(taken()).toBeGreaterThan(55)
    const before = taken()
    const extents = await unprovenExtents(turns, records, 30)
    // The runs name the same two, the pointers one each; only what is beyond the mark.
    expect([extents.size, extents.get('7:64:200')]).toEqual([642, 31])
    expect(taken() - before).toBeGreaterThan(20)
  })

  it.each([
    ['of few changes', 1],
    ['of many, worked out in slices', 100],
  ])('refuses an edit %s that does not fit, with its place', async (_, count) => {
    const records = [CREATED, commit(2), relocated(3, count), relocated(4, count)]
    const failed: unknown = await replayRecords(countedTurns().turns, FOUND, records).catch((error) => error)
    expect(failed).toBeInstanceOf(CorruptionError)
    expect(failed).toMatchObject({ offset: 256, message: expect.stringContaining('record 4 does not fit') })
  })

  it('lets the loop turn within a commit of many channels, and within a delete of what tails name', async () => {
    const keys = Array.from({ length: 1000 }, (_, i) => i + 1)
    const channels = keys.map((key) =>
      key === 1 ? INDEX_CHANNEL : { ...DATA_CHANNEL, key, name: `c${key}` },
    )
    const shape = shapeOf(
      keys,
      channels.map(({ type }) => type),
    )
    const places = keys.map((key) => ({ segment: 7, offset: 64 * key, length: 64 }))
    const sections = [{ stream: 1, shape, runs: [{ ...EXTENTS, parted: [], places }] }]
    const wide: JournalRecord = { kind: 'commit', lsn: 2, proven: 0, offset: 128, sections }
    const goes = { first: 100n, last: 100n, count: 1 }
    const extents = keys.slice(1).map((key) => ({ key, goes, comes: [] }))
    const cut = edit(3, { kind: 'delete', changes: [], tail: cutOf(100, 110, { extents }) })
    const records = [edit(1, { kind: 'create', channels }), wide]
    const alone = countedTurns()
    await replayRecords(alone.turns, FOUND, records)
    expect(alone.taken()).toBeGreaterThan(15)
    const { turns, taken } = countedTurns()
    const { groups } = await replayRecords(turns, FOUND, [...records, cut])
    expect(taken() - alone.taken()).toBeGreaterThan(15)
    const [run] = groups.get(1)!.runs as ExtentsRun[]
    expect(keys.filter((key) => run!.pointers.get(key)!.length > 0)).toEqual([1])
  })

  it('does to tails what was done to them, with turns in between', async () => {
    const goes = { first: 200n, last: 200n, count: 1 }
    const cut = cutOf(200, 210, { extents: [1, 2].map((key) => ({ key, goes, comes: [] })) })
    const records = [CREATED, commit(2), commit(3), edit(4, { kind: 'delete', changes: [], tail: cut })]
    const { groups } = await replayRecords(countedTurns().turns, FOUND, records)
    expect(groups.get(1)!.runs.map((run) => run.first)).toEqual([300n])
  })
})

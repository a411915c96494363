// bench/scale.ts in small, on a real directory: what it claims besides times. 200,000 rows of an index channel and
// 9 float64 channels, in frames that go straight to a segment and in frames that pass through a memory budget
// which holds a sixteenth of them: memory, windows, a delete that writes to no segment, a collection, and
// the same again after reopening.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import {
  createChannels,
  FrameBuffer,
  LiveRows,
  NAMES,
  randomNumbers,
  threeColumns,
  timeOf,
} from '../../bench/scale-data.ts'
import type { Rows } from '../../bench/scale-data.ts'
import type { Database } from '../../src/index.ts'
import { openStore } from '../support/open-store.ts'
import type { Store } from '../support/open-store.ts'

const ROWS = 200_000
const WINDOW = 1000
const MEMORY_BUDGET = 1024 * 1024
/** The middle tenth, off the frames at both ends. */
const DELETED: Rows = { from: 90_050, to: 110_050 }
const OPTIONS = { memoryBudget: MEMORY_BUDGET, segmentSize: 4 * 1024 * 1024 }

interface Written {
  readonly store: Store
  /** Most bytes that `stats` said are held. */
  readonly heldPeak: number
  readonly frameBytes: number
}

async function write(frameRows: number): Promise<Written> {
  const store = await openStore(OPTIONS, { onDisk: true })
  const { db } = store
  await createChannels(db)
  const writer = await db.openWriter(NAMES)
  const buffer = new FrameBuffer(frameRows)
  let heldPeak = 0
  for (let row = 0; row < ROWS; row += frameRows) {
    buffer.fill(row)
    await writer.write(buffer.frame)
    if (row % 5000 === 0) heldPeak = Math.max(heldPeak, (await db.stats()).memory.held)
  }
  await writer.close()
  return { store, heldPeak, frameBytes: buffer.bytes.length }
}

/** Reads windows of 3 channels at random places; each is exact or this throws. Returns how many. */
async function readWindows(db: Database, live: LiveRows, count: number): Promise<number> {
  const random = randomNumbers(count)
  for (let i = 0; i < count; i++) {
    const columns = threeColumns(random)
    const at = random(live.count - WINDOW + 1)
    const names = columns.map((column) => NAMES[column]!)
    live.check(await db.read(names, live.rangeOf(at, WINDOW)), columns, at, WINDOW)
  }
  return count
}

/** Reads all channels from before the deleted stretch to behind it, exact or this throws; returns the series of each. */
async function seriesAcross(db: Database, live: LiveRows): Promise<number[]> {
  const at = DELETED.from - WINDOW / 2
  const frame = await db.read([...NAMES], live.rangeOf(at, WINDOW))
  const columns = NAMES.map((_, i) => i)
  live.check(frame, columns, at, WINDOW)
  return NAMES.map((name) => frame.series(name).length)
}

function segmentFiles({ directory }: Store): string[] {
  const folder = join(directory, 'segments')
  return readdirSync(folder).map((name) => join(folder, name))
}

/** What of the segment files would change if anything were written to them. */
function fingerprints(store: Store): string[] {
  return segmentFiles(store).map((path) => {
    const { ino, size, mtimeNs } = statSync(path, { bigint: true })
    return `${path} ${ino} ${size} ${mtimeNs} ${crc32(readFileSync(path))}`
  })
}

function sizeOf(store: Store): number {
  return segmentFiles(store).reduce((sum, path) => sum + statSync(path).size, 0)
}

function deleteMiddle(db: Database): ReturnType<Database['delete']> {
  return db.delete([...NAMES], { start: timeOf(DELETED.from), end: timeOf(DELETED.to) })
}

const everyChannel = (value: number): Record<string, number> =>
  Object.fromEntries(NAMES.map((name) => [name, value]))

describe.each([
  ['that go straight to a segment', 1000],
  ['that pass through memory', 100],
])('2 million samples in frames %s', (_, frameRows) => {
  it('never hold more memory than the budget and a frame, and read back exactly', async () => {
    const { store, heldPeak, frameBytes } = await write(frameRows)
    expect(heldPeak).toBeLessThanOrEqual(MEMORY_BUDGET + frameBytes)
    // Where they pass through memory it was used, so that the bound means something.
    expect(heldPeak > MEMORY_BUDGET / 8).toBe(frameRows === 100)
    expect(await store.db.count(NAMES)).toEqual(everyChannel(ROWS))
    expect(await readWindows(store.db, new LiveRows(ROWS), 200)).toBe(200)
  })

  it('lose their middle tenth without a byte of a segment being written', async () => {
    const { store } = await write(frameRows)
    // What is in memory still is flushed by a close: from here on only the delete could write.
    const db = await store.reopen()
    const before = fingerprints(store)
    const { samples } = await deleteMiddle(db)
    expect(samples).toEqual(everyChannel(DELETED.to - DELETED.from))
    expect(fingerprints(store)).toEqual(before)
    const live = new LiveRows(ROWS, DELETED)
    expect(await db.count(NAMES)).toEqual(everyChannel(live.count))
    expect(await seriesAcross(db, live)).toEqual(NAMES.map(() => 2))
  })

  it('give at least 95 % of the deleted bytes back to the disk, and stay what they are', async () => {
    const { store } = await write(frameRows)
    let db = await store.reopen()
    const live = new LiveRows(ROWS, DELETED)
    const { bytes } = await deleteMiddle(db)
    expect(bytes).toBeGreaterThan((DELETED.to - DELETED.from) * NAMES.length * 8 * 0.99)
    const before = sizeOf(store)
    const { bytesReclaimed, skipped } = await db.gc({ threshold: 0 })
    expect(skipped).toEqual([])
    expect(bytesReclaimed).toBeGreaterThanOrEqual(0.95 * bytes)
    expect(before - sizeOf(store)).toBe(bytesReclaimed)
    expect(await readWindows(db, live, 100)).toBe(100)

    const { channels, segments } = await db.stats()
    db = await store.reopen()
    const reopened = await db.stats()
    expect(reopened.channels).toEqual(channels)
    expect(reopened.segments).toEqual(segments)
    expect(await readWindows(db, live, 100)).toBe(100)
    expect(await seriesAcross(db, live)).toEqual(NAMES.map(() => 2))
  })
})

// A writer at full speed, and behind it a retention that deletes everything older than a sliding bound on all its
// channels, a collector that gives the bytes back, and readers who know what they must see: all that was committed
// when they asked, from the bound of some delete under way on, without a gap. Called by live-deletes.test.ts and the soak.

import type { Database } from '../../src/index.ts'

/** Rows of one frame. */
const ROWS = 1000

/** Rows that retention leaves, at least. */
const WINDOW = 100_000

/** Bytes of a row: a time and two doubles. */
const ROW_BYTES = 24

/** Share of dead bytes that a collection lets be. */
const THRESHOLD = 0.2

/** Segments that are beside those of the window: appended to, waiting for a sync, written by a collection, dropped and not removed yet. */
const SPARE_SEGMENTS = 6

const CHANNELS = ['t', 'a', 'b']

/** What went on. */
export interface LiveTally {
  readonly rows: number
  readonly deletes: number
  readonly collections: number
  readonly reads: number
  /** Most bytes that segments took, and the most that they may. */
  readonly most: number
  readonly bound: number
}

/**
 * Goes on until `isOver` says so; asked after every frame, with the rows written.
 * @param turn lets everybody else go on
 * @param lead rows that the writer writes at most while one collection goes on, and then waits for the next to begin:
 *   with it the bound of disk use is a figure that no run's length or luck changes
 * @throws Error with what is wrong
 */
export async function writeAndRetain(
  db: Database,
  segmentSize: number,
  turn: () => Promise<void>,
  isOver: (rows: number) => boolean,
  lead: number = Number.POSITIVE_INFINITY,
): Promise<LiveTally> {
  await db.channels.create([
    { name: 't', kind: 'index' },
    { name: 'a', kind: 'data', type: 'float64', index: 't' },
    { name: 'b', kind: 'data', type: 'float64', index: 't' },
  ])
  // What is written while a collection goes on is for the next one.
  const boundFor = (meanwhile: number): number =>
    ((WINDOW + meanwhile) * ROW_BYTES) / (1 - THRESHOLD) + SPARE_SEGMENTS * segmentSize
  let bound = boundFor(0)
  let [rows, deletes, collections, reads, most] = [0, 0, 0, 0, 0]
  /** Bounds of the deletes that have ended, and of the one under way. */
  let [deletedTo, deletingTo] = [0, 0]
  /** Rows there were when the newest collection began. */
  let collectingFrom = 0
  let isDone = false

  const write = async (): Promise<void> => {
    const writer = await db.openWriter(CHANNELS)
    while (!isOver(rows)) {
      const first = rows
      const t = BigInt64Array.from({ length: ROWS }, (_, i) => BigInt(first + i))
      await writer.write({
        t,
        a: Float64Array.from(t, Number),
        b: Float64Array.from(t, (time) => -Number(time)),
      })
      rows += ROWS
      while (rows + ROWS - collectingFrom > lead && !isDone) await turn()
    }
    await writer.close()
    isDone = true
  }
  const retain = async (): Promise<void> => {
    while (!isDone) {
      await turn()
      const end = rows - WINDOW
      if (end <= deletedTo) continue
      deletingTo = end
      const { samples } = await db.delete(CHANNELS, { end: BigInt(end) })
      for (const name of CHANNELS)
        if (samples[name] !== end - deletedTo)
          throw new Error(`a delete has taken ${samples[name]} of "${name}", not ${end - deletedTo}`)
      deletedTo = end
      deletes++
    }
  }
  const collect = async (): Promise<void> => {
    while (!isDone) {
      await turn()
      const before = rows
      collectingFrom = before
      await db.gc({ threshold: THRESHOLD })
      collections++
      const { segments } = await db.stats()
      const now = boundFor(rows - before)
      bound = Math.max(bound, now)
      const total = segments.reduce((sum, { total }) => sum + total, 0)
      most = Math.max(most, total)
      if (total > now) throw new Error(`segments take ${total} bytes: at most ${now} may be`)
    }
  }
  const read = async (): Promise<void> => {
    for (let step = 0; !isDone; step++) {
      await turn()
      const [least, committed] = [deletedTo, rows]
      const from = step % 2 === 0 ? undefined : BigInt(Math.max(0, committed - 3 * ROWS))
      const frame = await db.read(CHANNELS, from === undefined ? {} : { start: from })
      const problem = problemOf(frame, from === undefined ? least : Number(from), deletingTo, committed, rows)
      if (problem !== undefined) throw new Error(problem)
      reads++
    }
  }
  const all = [write(), retain(), collect(), read()]
  await Promise.all(all).catch(async (error: unknown) => {
    isDone = true
    await Promise.allSettled(all)
    throw error
  })
  return { rows, deletes, collections, reads, most, bound }
}

/** What a read shows that it must not; `least` to `most` is where its first sample may be, unless there is none. */
function problemOf(
  frame: { column(name: 't' | 'a' | 'b'): ArrayLike<number | bigint> },
  least: number,
  most: number,
  committed: number,
  written: number,
): string | undefined {
  const [t, a, b] = [frame.column('t'), frame.column('a'), frame.column('b')]
  if (a.length !== t.length || b.length !== t.length)
    return `a read shows ${t.length}, ${a.length}, ${b.length} samples`
  if (committed === 0 || t.length === 0) return committed === 0 ? undefined : 'a read shows nothing'
  const first = Number(t[0])
  if (first < least || first > Math.max(least, most))
    return `a read begins with ${first}: not in ${least} to ${most}`
  const end = first + t.length
  // The frame that was under way when it was called may be there already.
  if (end < committed || end > Math.max(written, committed) + ROWS)
    return `a read ends before ${end}: ${committed} were committed`
  for (let i = 0; i < t.length; i++) {
    const time = first + i
    if (Number(t[i]) !== time || a[i] !== time || b[i] !== -time)
      return `a read shows ${t[i]}, ${a[i]}, ${b[i]} in place ${i}: should be ${time}`
  }
  return undefined
}

// A commit: check, append and publish in one synchronous step on the head (0003-I2). Nothing else
// happens here: no guard, no index work, no promise per channel. Called by the writer.

import { overlap, surroundings } from '../control/region.ts'
import type { Group } from '../domain/group.ts'
import { pointersOfRun } from '../domain/group.ts'
import type { PendingRun, Stream } from '../domain/stream.ts'
import type { Strip } from '../domain/tail.ts'
import type { CommitSection, ExtentPlace, ExtentsRun, Run } from '../journal/record.ts'
import type { Engine } from './engine.ts'
import { giveUpPlaces } from './extents.ts'
import type { Durability } from './options.ts'

/**
 * Commits what the streams have pending, as one record. Returns its LSN, undefined where nothing was pending.
 * @throws WriteConflictError: somebody else committed over the same time since; the pending samples of all
 * streams are dropped. StorageError: nothing has changed, they stay pending
 */
export function commitStreams(
  engine: Engine,
  streams: readonly Stream[],
  durability: Durability,
): number | undefined {
  const sections: CommitSection[] = []
  for (const stream of streams) {
    if (stream.pending.length === 0) continue
    const joined = checkAgainstHead(engine, engine.group(stream.shape.index), stream, streams)
    sections.push({ stream: stream.id, shape: stream.shape, runs: runsOf(stream, joined) })
  }
  if (sections.length === 0) return undefined
  const lsn = engine.appendCommit(sections, durability)
  for (const stream of streams) {
    if (stream.pending.length > 0) publish(engine, engine.group(stream.shape.index), stream, sections)
  }
  return lsn
}

/** Drops what a stream has written and not committed, because of `cause` where something failed. */
export function dropPending(engine: Engine, stream: Stream, cause?: unknown): void {
  const { pending } = stream
  stream.pending = []
  const places: ExtentPlace[] = []
  for (const run of pending) {
    if (run.kind === 'rows') {
      run.strip.written = run.strip.committed
      releaseStrip(engine, stream, run.strip)
    } else {
      for (const place of run.places) places.push(place)
    }
  }
  giveUpPlaces(engine, places, cause)
  stream.last = stream.committedLast
  stream.generation = -1
}

/** Gives back the page of a strip that nobody fills, commits or reads any more. */
export function releaseStrip(engine: Engine, stream: Stream | undefined, strip: Strip): void {
  if (!strip.isSpent || strip.inTail || strip.isReleased || stream?.strip === strip) return
  strip.isReleased = true
  engine.pool.give([strip.page])
}

/**
 * Whether the pending samples go on with the stream's last domain.
 * @throws WriteConflictError after dropping what all streams have pending
 */
function checkAgainstHead(engine: Engine, group: Group, stream: Stream, all: readonly Stream[]): boolean {
  const wasCommitted = stream.committedLast !== undefined
  if (stream.generation === group.generation) return stream.goesOn
  const first = stream.pendingFirst
  const end = stream.last! + 1n
  const around = surroundings(group, engine.version.pointers.get(group.key), first)
  const existing =
    around.inside ?? (around.after !== undefined && around.after.start < end ? around.after : undefined)
  if (existing === undefined) return wasCommitted && around.before === stream.committedLast! + 1n
  let dropped = 0
  for (const each of all) {
    dropped += each.pendingCount * each.shape.keys.length
    dropPending(engine, each)
  }
  throw overlap(
    stream.names[0]!,
    { start: first, end },
    existing,
    ` (committed meanwhile; ${dropped} samples were dropped)`,
  )
}

function runsOf(stream: Stream, joined: boolean): Run[] {
  return stream.pending.map((run, i) => {
    const goesOn = i > 0 || joined
    const parted = i === 0 && joined ? [...stream.broken] : []
    if (run.kind === 'extents') {
      const { count, first, last, places } = run
      return { kind: 'extents', count, joined: goesOn, parted, first, last, places }
    }
    const { strip, from, to } = run
    return {
      kind: 'rows',
      count: to - from,
      joined: goesOn,
      parted,
      bytes: strip.page.bytes,
      offsets: strip.offsets,
      from,
    }
  })
}

function publish(engine: Engine, group: Group, stream: Stream, sections: readonly CommitSection[]): void {
  const section = sections.find((each) => each.stream === stream.id)!
  const inStep = stream.generation === group.generation
  stream.pending.forEach((run, i) => {
    const recorded = section.runs[i]!
    if (run.kind === 'rows') publishRows(group, run, recorded)
    else publishExtents(engine, group, stream, recorded as ExtentsRun)
  })
  stream.pending = []
  if (stream.broken.size > 0) stream.broken.clear()
  const isFirst = stream.committedLast === undefined
  stream.committedLast = stream.last
  // Alone in its group, a stream extends its own stretch and changes nobody's bounds.
  if (group.streams.size > 1 || isFirst) group.generation++
  stream.goesOn = true
  stream.generation = inStep ? group.generation : -1
}

function publishRows(group: Group, run: PendingRun & { kind: 'rows' }, recorded: Run): void {
  const { strip, from, to } = run
  if (strip.inTail) {
    const parted = recorded.joined ? recorded.parted : strip.shape.keys
    if (parted.length > 0) strip.partAt(parted, from)
    strip.committed = to
    group.grew(strip)
    return
  }
  strip.inTail = true
  strip.joined = recorded.joined
  if (recorded.parted.length > 0) strip.partAt(recorded.parted, from)
  strip.committed = to
  group.add(strip)
}

function publishExtents(engine: Engine, group: Group, stream: Stream, recorded: ExtentsRun): void {
  for (const place of recorded.places) {
    engine.segments.settle(place)
    engine.segments.get(place.segment).tailLive += place.length
  }
  group.add(pointersOfRun(stream.shape, recorded))
  engine.tailExtents += recorded.places.length
}

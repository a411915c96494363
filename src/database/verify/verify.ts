// Verification of an open database: every byte, every checksum, and the invariants of architecture section 7
// that can be seen from one instant (1 to 5 and 11). Reports damage, never throws for it. Reads a pinned
// snapshot, so that writers go on. Called by `db.verify`, by directory.ts and by `repair` for its target.

import type { Journal } from '../../journal/journal.ts'
import { extentLayout } from '../../segment/extent-layout.ts'
import { RubidiumError } from '../../errors.ts'
import { unguarded } from '../../guard/held.ts'
import type { Channel } from '../../telem/channel.ts'
import { byteWidth } from '../../telem/data-type.ts'
import { MIN_TIMESTAMP, toISO } from '../../telem/timestamp.ts'
import { channelRefOf, endAround, partsFrom } from '../../unary/channel-view.ts'
import type { ChannelRef, ExtentPart, GroupView, Part } from '../../unary/channel-view.ts'
import { countIn } from '../../unary/sample-count.ts'
import { rankOf } from '../../unary/time-search.ts'
import { catalogueOf } from '../../version/version.ts'
import type { Engine } from '../engine.ts'
import type { SnapshotState } from '../snapshot-state.ts'
import { releaseSnapshot, takeSnapshot } from '../snapshots.ts'
import { SLICE_MS } from '../turns.ts'
import { checkAccounts } from './accounts.ts'
import { addExtents, checkExtents, Progress } from './extents.ts'
import { checkFolder } from './folder.ts'
import { verifyLogs } from './logs.ts'
import { compareWithReplay, tailsOfHead } from './replay.ts'
import type { TailWords } from './replay.ts'
import { ReachedExtents } from './reached-extents.ts'
import { ADVICE, Findings } from './report.ts'
import type { VerifyOptions, VerifyReport } from './report.ts'

/** @throws the signal's reason, and what `onProgress` throws */
export async function verifyEngine(engine: Engine, options: VerifyOptions): Promise<VerifyReport> {
  const findings = new Findings()
  const state = await takeChecked(engine, options, findings)
  try {
    const catalogue = catalogueOf(state.version)
    const progress = new Progress(options)
    const extents = new ReachedExtents()
    for (const channel of catalogue.list) {
      await addExtents(engine, state, channel, extents)
      await engine.turns.due(SLICE_MS)
    }
    await checkExtents(engine, state, extents, progress, findings)
    for (const channel of catalogue.list) {
      options.signal?.throwIfAborted()
      await checkPointers(engine, state, channel, extents, findings)
      await engine.turns.due(SLICE_MS)
    }
    // What a flush has put in the place of rows meanwhile.
    await checkExtents(engine, state, extents, progress, findings)
    for (const channel of catalogue.list) {
      options.signal?.throwIfAborted()
      if (channel.kind === 'index') await checkTimes(engine, state, channel, options, findings)
    }
    await checkAccounts(engine, findings)
    await checkFolder(engine, findings, options.signal)
    return findings.report()
  } finally {
    releaseSnapshot(engine, state)
  }
}

/** The logs are another holder's now: what they say is not this process's state. */
function isOvertaken(engine: Engine): boolean {
  try {
    engine.lookNow()
    return false
  } catch {
    return true
  }
}

/**
 * Takes the snapshot that is verified, and compares it with what the logs say (invariant 11) where this
 * process writes them.
 */
async function takeChecked(
  engine: Engine,
  options: VerifyOptions,
  findings: Findings,
): Promise<SnapshotState> {
  if (engine.journal === undefined || engine.failure !== undefined || isOvertaken(engine))
    return takeSnapshot(engine)
  using held = await engine.guards.acquire(unguarded, {
    rank: 'manifest',
    mode: 'exclusive',
    purpose: 'verify',
  })
  const { state, tails } = await takeInWords(engine, engine.journal)
  if (tails === undefined) return state
  try {
    const differences = await compareWithReplay(held, engine, state, tails)
    const known = findings.problems.length
    // Of a damaged log less is replayed: the damage is told, and not what comes of it.
    if (differences.length > 0) await verifyLogs(engine, findings, options.signal)
    if (findings.problems.length === known)
      for (const difference of differences) findings.add({ ...difference, advice: ADVICE.fault })
    return state
  } catch (error) {
    if (!(error instanceof RubidiumError)) {
      releaseSnapshot(engine, state)
      throw error
    }
    findings.meet(error)
    // One damaged record hides nothing that lies behind it.
    await verifyLogs(engine, findings, options.signal)
    return state
  }
}

/** How often the tails of a snapshot are read in slices. */
const TRIES = 3

/**
 * Takes a snapshot whose records are all in the logs, with its tails in words; without them where the logs
 * cannot tell of it. Another one where a flush has given back rows while they were read; the last one in one
 * step.
 */
async function takeInWords(
  engine: Engine,
  journal: Journal,
): Promise<{ readonly state: SnapshotState; readonly tails: TailWords | undefined }> {
  for (let tries = 1; ; tries++) {
    try {
      journal.writeOut()
    } catch {
      // Records that are acknowledged and cannot be written yet.
      return { state: takeSnapshot(engine), tails: undefined }
    }
    const state = takeSnapshot(engine)
    try {
      const tails = await tailsOfHead(engine, state, tries > TRIES ? undefined : engine.turns)
      if (tails !== undefined) return { state, tails }
    } catch (error) {
      releaseSnapshot(engine, state)
      throw error
    }
    releaseSnapshot(engine, state)
  }
}

/**
 * Visits a channel's parts in order of time and lets the loop turn. Where a flush has put pointers in the
 * place of rows meanwhile they are looked up again, from where it was.
 */
async function forEachPart(
  engine: Engine,
  state: SnapshotState,
  ref: ChannelRef,
  findings: Findings,
  visit: (part: Part) => Promise<void> | undefined,
): Promise<void> {
  let cursor = MIN_TIMESTAMP
  for (let isDone = false; !isDone;) {
    isDone = true
    const view = state.viewOf(ref.index.key)
    for (const part of readableParts(view, ref, cursor, findings)) {
      cursor = part.end
      const wait = visit(part) ?? engine.turns.due(SLICE_MS)
      if (wait === undefined) continue
      await wait
      // As long as no flush has replaced rows by pointers, what was looked up is what there is.
      if (state.viewOf(ref.index.key).tail === view.tail) continue
      isDone = false
      break
    }
  }
}

/**
 * As `partsFrom`, without the pointers that had to be cut at `start` and cannot be: their timestamps cannot
 * be read.
 */
function* readableParts(
  view: GroupView,
  ref: ChannelRef,
  start: bigint,
  findings: Findings,
): Generator<Part, void, void> {
  for (let from: bigint | undefined = start; from !== undefined; from = endAround(view, ref, from)) {
    try {
      return yield* partsFrom(view, ref, from)
    } catch (error) {
      // Most was told when the extents were checked.
      findings.meet(error, ref.name)
    }
  }
}

/**
 * Invariants 1, 2 and 4: pointers sorted, disjoint, tight, inside their extents, and as many samples as
 * timestamps.
 */
async function checkPointers(
  engine: Engine,
  state: SnapshotState,
  channel: Channel,
  extents: ReachedExtents,
  findings: Findings,
): Promise<void> {
  const ref = channelRefOf(catalogueOf(state.version), channel)
  const { name } = channel
  try {
    for (const _leaf of state.version.pointers.get(channel.key).checking()) await engine.turns.due(SLICE_MS)
  } catch (error) {
    findings.meet(error, name)
  }
  const index = { ...ref, key: ref.index.key, owner: ref.index.owner, type: 'timestamp' as const }
  const add = (what: string): void => findings.add({ what, channel: name, advice: ADVICE.fault })
  const check = (part: Part): void => {
    const view = state.viewOf(ref.index.key)
    // Counted as well as compared: after a wait the walk goes on behind what it saw last.
    const isDoubled =
      (channel.kind === 'index' || part.kind === 'rows') &&
      countIn(view, ref, part.start, part.end) !== part.count
    if (isDoubled || (before !== undefined && part.start < before))
      add(`invariant 1: samples at ${toISO(part.start)} overlap those before them`)
    if (channel.kind === 'index') return
    const times = countIn(view, index, part.start, part.end)
    if (times !== part.count)
      add(`invariant 2: ${part.count} samples from ${toISO(part.start)} on stand beside ${times} timestamps`)
    if (part.kind === 'extent' && !isTight(part))
      add(`invariant 1: a pointer from ${toISO(part.start)} on is not tight`)
  }
  let before: bigint | undefined
  await forEachPart(engine, state, ref, findings, (part) => {
    if (part.kind === 'extent') {
      const { length, skip, count } = part.pointer
      extents.add(channel, part.pointer)
      const needed = extentLayout(byteWidth(channel.type), skip + count, channel.kind === 'index')
      if (needed === undefined || needed.length > length)
        add(`invariant 4: a pointer from ${toISO(part.start)} on reaches beyond its extent`)
    }
    try {
      check(part)
    } catch (error) {
      // What cannot be read of its index channel was told when the extents were checked.
      findings.meet(error, name)
    }
    before = part.end
    return undefined
  })
}

/** Whether the index channel has a sample at the first and at the last time of a part. */
function isTight({ index, start, end }: ExtentPart): boolean {
  return rankOf(index, start, false).at === start && rankOf(index, end).before === end - 1n
}

/** Timestamps that are read at once. */
const TIMES_A_READ = 64 * 1024

/**
 * Invariants 1 and 3: timestamps strictly increase, from part to part too, tails included; and pointers are
 * tight.
 */
async function checkTimes(
  engine: Engine,
  state: SnapshotState,
  channel: Channel,
  options: VerifyOptions,
  findings: Findings,
): Promise<void> {
  const ref = channelRefOf(catalogueOf(state.version), channel)
  const { name } = channel
  let last: bigint | undefined
  const check = (times: BigInt64Array): void => {
    for (const time of times) {
      if (last !== undefined && time <= last) {
        const what = `invariant 3: ${toISO(time)} follows ${toISO(last)}`
        findings.add({ what, channel: name, advice: ADVICE.fault })
        break
      }
      last = time
    }
  }
  const checkEnds = ({ start, end }: Part, first: bigint | undefined, newest: bigint | undefined): void => {
    if (first === start && newest === end - 1n) return
    const what = `invariant 1: a pointer from ${toISO(start)} on is not tight`
    findings.add({ what, channel: name, advice: ADVICE.fault })
  }
  const read = async (part: ExtentPart): Promise<void> => {
    try {
      let first: bigint | undefined
      for (let from = 0; from < part.count; from += TIMES_A_READ) {
        const times = await readTimes(engine, ref, part, from, Math.min(TIMES_A_READ, part.count - from))
        first ??= times[0]
        check(times)
      }
      checkEnds(part, first, last)
    } catch (error) {
      // Told when the extents were checked; what follows it is compared all the same.
      findings.meet(error, name)
      last = undefined
    }
  }
  await forEachPart(engine, state, ref, findings, (part) => {
    options.signal?.throwIfAborted()
    if (part.kind === 'extent') return read(part)
    const times = part.strip.times.subarray(part.from, part.from + part.count)
    check(times)
    checkEnds(part, times[0], times.at(-1))
    return undefined
  })
}

async function readTimes(
  engine: Engine,
  ref: ChannelRef,
  { pointer, from }: ExtentPart,
  position: number,
  count: number,
): Promise<BigInt64Array> {
  const reader = engine.segments.reader(pointer.segment)
  reader.checkRoom(pointer, ref.owner, pointer.count)
  const times = new BigInt64Array(count)
  const bytes = new Uint8Array(times.buffer)
  // Of many small extents no table is kept: V8 would walk through them all.
  await reader.readOnce(pointer, ref.owner, pointer.skip + from + position, count, bytes)
  await engine.turns.due(SLICE_MS)
  return times
}

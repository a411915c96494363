// Verification: every byte, every checksum, and the invariants of architecture section 7 that can be
// seen from one instant. Reports damage, never throws for it. Reads a pinned snapshot, so that writers
// go on.

import { join, segmentFile } from '../fs/layout.ts'
import { AssertionError } from '../assert.ts'
import { RubidiumError } from '../errors.ts'
import { unguarded } from '../guard/held.ts'
import { FIRST_EXTENT, openSegment, segmentSeed } from '../segment/segment-file.ts'
import { verifyExtent } from '../segment/verify-extent.ts'
import { MIN_TIMESTAMP, toISO } from '../telem/timestamp.ts'
import type { Channel } from '../telem/channel.ts'
import { countIn, partsFrom } from '../unary/channel-view.ts'
import type { ChannelRef, ExtentPart, Part } from '../unary/channel-view.ts'
import type { Pointer } from '../version/pointer.ts'
import { catalogueOf } from '../version/version.ts'
import { channelRefOf } from './engine.ts'
import type { Engine } from './engine.ts'
import type { SnapshotState } from './snapshot-state.ts'
import { releaseSnapshot, takeSnapshot } from './snapshots.ts'
import { compareWithReplay } from './verify-replay.ts'

/** Something that is not as it must be. */
export interface Problem {
  /** What is wrong. */
  readonly what: string
  /** Path of the file. */
  readonly file?: string
  /** Bytes from the start of `file`. */
  readonly offset?: number
  /** Name of the channel. */
  readonly channel?: string
}

/** What `verify` found. */
export interface VerifyReport {
  /** Whether there are no problems. */
  readonly ok: boolean
  /** Everything that is wrong; empty where nothing is. */
  readonly problems: readonly Problem[]
}

/** Pointers that are looked at between two turns of the loop. */
const POINTERS_A_TURN = 4096

/** Where a verification stands. */
export interface VerifyProgress {
  /** Extents read, of `total`. */
  readonly done: number
  /** Extents that are to be read. */
  readonly total: number
}

/** Options of `verify`. */
export interface VerifyOptions {
  /** Aborts the run, which rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Called as extents are read. What it throws ends the run. */
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined
}

/** @throws the signal's reason, and what `onProgress` throws */
export async function verifyEngine(engine: Engine, options: VerifyOptions): Promise<VerifyReport> {
  const problems: Problem[] = []
  const state = await takeChecked(engine, problems)
  try {
    checkAccounts(engine, problems)
    const catalogue = catalogueOf(state.version)
    const checked = new Set<string>()
    const extents: Extents = new Map()
    for (const channel of catalogue.list) await addExtents(engine, state, channel, extents)
    await checkExtents(engine, state, extents, checked, options, problems)
    for (const channel of catalogue.list) {
      options.signal?.throwIfAborted()
      await collectProblem(problems, channel.name, () =>
        checkPointers(engine, state, channel, extents, problems),
      )
    }
    // What a flush has put in the place of rows meanwhile.
    await checkExtents(engine, state, extents, checked, options, problems)
    for (const channel of catalogue.list) {
      options.signal?.throwIfAborted()
      if (channel.kind === 'index')
        await collectProblem(problems, channel.name, () =>
          checkTimes(engine, state, channel, options, problems),
        )
    }
    return { ok: problems.length === 0, problems }
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

/** Takes the snapshot that is verified, and compares it with what the logs say (invariant 11) where this process writes them. */
async function takeChecked(engine: Engine, problems: Problem[]): Promise<SnapshotState> {
  if (engine.journal === undefined || engine.failure !== undefined || isOvertaken(engine))
    return takeSnapshot(engine)
  using held = await engine.guards.acquire(unguarded, {
    rank: 'manifest',
    mode: 'exclusive',
    purpose: 'verify',
  })
  try {
    engine.journal.writeOut()
  } catch {
    // Records that are acknowledged and cannot be written yet: the logs cannot tell of them.
    return takeSnapshot(engine)
  }
  const state = takeSnapshot(engine)
  try {
    problems.push(...(await compareWithReplay(held, engine, state)))
    return state
  } catch (error) {
    if (!(error instanceof RubidiumError)) {
      releaseSnapshot(engine, state)
      throw error
    }
    problems.push(problemOf(error))
    return state
  }
}

/** Extents that the snapshot reaches, each once. */
type Extents = Map<string, { segment: number; offset: number; length: number; channel: Channel }>

/**
 * Visits a channel's parts in order of time and lets the loop turn. After each wait they are looked up again
 * from where it was: a flush may have put pointers in the place of rows meanwhile.
 */
async function forEachPart(
  engine: Engine,
  state: SnapshotState,
  ref: ChannelRef,
  visit: (part: Part) => Promise<void> | undefined,
): Promise<void> {
  let cursor = MIN_TIMESTAMP
  for (let isDone = false; !isDone;) {
    isDone = true
    for (const part of partsFrom(state.viewOf(ref.index.key), ref, cursor)) {
      cursor = part.end
      const wait = visit(part) ?? engine.turns.due()
      if (wait === undefined) continue
      await wait
      isDone = false
      break
    }
  }
}

/** Runs a check that reads extents: what cannot be read of them was reported when they were checked. */
async function collectProblem(
  problems: Problem[],
  channel: string,
  check: () => Promise<void>,
): Promise<void> {
  try {
    await check()
  } catch (error) {
    if (!(error instanceof RubidiumError) && !(error instanceof AssertionError)) throw error
    const problem = problemOf(error, channel)
    const { file, offset } = problem
    const isKnown =
      file !== undefined && problems.some((known) => known.file === file && known.offset === offset)
    if (!isKnown) problems.push(problem)
  }
}

function problemOf(error: Error, channel?: string): Problem {
  const { file, offset } = error as { file?: string; offset?: number }
  return {
    what: error.message,
    ...(channel === undefined ? {} : { channel }),
    ...(file === undefined ? {} : { file }),
    ...(offset === undefined ? {} : { offset }),
  }
}

/** Invariant 5: live + dead + reserved of a segment = its size less headers; and what pointers say adds up to live. */
function checkAccounts(engine: Engine, problems: Problem[]): void {
  const live = new Map<number, number>()
  const count = (pointer: { segment: number; live: number }): void => {
    live.set(pointer.segment, (live.get(pointer.segment) ?? 0) + pointer.live)
  }
  for (const [, table] of engine.version.pointers.entries()) table.forEach(0, table.length, count)
  for (const [id, entry] of Object.entries(engine.version.segments)) {
    const sum = live.get(Number(id)) ?? 0
    if (sum !== entry.live) {
      problems.push({
        what: `invariant 5: pointers keep ${sum} bytes live where the version says ${entry.live}`,
        file: join(engine.directory, segmentFile(Number(id))),
      })
    }
    live.delete(Number(id))
  }
  for (const id of live.keys())
    problems.push({
      what: 'invariant 4: pointers reach a segment that the version does not have',
      file: join(engine.directory, segmentFile(id)),
    })
  for (const segment of engine.segments.all()) {
    const used = (engine.version.segments[segment.id]?.live ?? 0) + segment.tailLive + segment.reserved
    if (used > segment.size - FIRST_EXTENT) {
      problems.push({
        what: `invariant 5: ${used} bytes are live or reserved of ${segment.size - FIRST_EXTENT}`,
        file: join(engine.directory, segmentFile(segment.id)),
      })
    }
  }
}

/** Invariants 1 and 2: pointers sorted, disjoint, inside one contiguous run of the index channel, equal counts. */
async function checkPointers(
  engine: Engine,
  state: SnapshotState,
  channel: Channel,
  extents: Extents,
  problems: Problem[],
): Promise<void> {
  const ref = channelRefOf(catalogueOf(state.version), channel)
  state.version.pointers.get(channel.key).check()
  const index = { ...ref, key: ref.index.key, owner: ref.index.owner, type: 'timestamp' as const }
  let before: bigint | undefined
  await forEachPart(engine, state, ref, (part) => {
    const view = state.viewOf(ref.index.key)
    // Counted as well as compared: after a wait the walk goes on behind what it saw last.
    const isDoubled =
      (channel.kind === 'index' || part.kind === 'rows') &&
      countIn(view, ref, part.start, part.end) !== part.count
    if (isDoubled || (before !== undefined && part.start < before)) {
      problems.push({
        what: `invariant 1: samples at ${toISO(part.start)} overlap those before them`,
        channel: channel.name,
      })
    }
    before = part.end
    if (part.kind === 'extent') {
      const { segment, offset, length } = part.pointer
      extents.set(`${segment}:${offset}`, { segment, offset, length, channel })
    }
    if (channel.kind === 'index') return undefined
    const times = countIn(view, index, part.start, part.end)
    if (times !== part.count) {
      problems.push({
        what: `invariant 2: ${part.count} samples from ${toISO(part.start)} on stand beside ${times} timestamps`,
        channel: channel.name,
      })
    }
    return undefined
  })
}

/** Adds what a channel's pointers and tails reach, whatever can be read of it. */
async function addExtents(
  engine: Engine,
  state: SnapshotState,
  channel: Channel,
  extents: Extents,
): Promise<void> {
  const add = ({ segment, offset, length }: Pointer): void => {
    extents.set(`${segment}:${offset}`, { segment, offset, length, channel })
  }
  const table = state.version.pointers.get(channel.key)
  for (let from = 0; from < table.length; from += POINTERS_A_TURN) {
    table.forEach(from, Math.min(from + POINTERS_A_TURN, table.length), add)
    await engine.turns.due()
  }
  for (const tail of state.viewOf(channelRefOf(catalogueOf(state.version), channel).index.key).tail) {
    if (tail.kind === 'pointers') tail.pointers.get(channel.key)?.pointers.forEach(add)
  }
}

/** Invariant 4: every extent that anything reaches, save those in `checked`, is there and sound. */
async function checkExtents(
  engine: Engine,
  state: SnapshotState,
  extents: Extents,
  checked: Set<string>,
  options: VerifyOptions,
  problems: Problem[],
): Promise<void> {
  const catalogue = catalogueOf(state.version)
  const total = extents.size
  for (const [key, extent] of extents) {
    if (checked.has(key)) continue
    checked.add(key)
    options.signal?.throwIfAborted()
    const path = join(engine.directory, segmentFile(extent.segment))
    try {
      const { owner } = channelRefOf(catalogue, extent.channel)
      const file = openSegment(engine.files, engine.directory, extent.segment, engine.databaseId)
      try {
        for (const found of await verifyExtent(
          file,
          segmentSeed(extent.segment, engine.databaseId),
          extent,
          owner,
        )) {
          problems.push({
            what: found.what,
            file: found.file,
            offset: found.offset,
            channel: extent.channel.name,
          })
        }
      } finally {
        file.closeNow()
      }
    } catch (error) {
      problems.push({ file: path, offset: extent.offset, ...problemOf(error as Error, extent.channel.name) })
    }
    options.onProgress?.({ done: checked.size, total })
  }
}

/** Invariant 3: timestamps strictly increase, from part to part too, tails included. */
async function checkTimes(
  engine: Engine,
  state: SnapshotState,
  channel: Channel,
  options: VerifyOptions,
  problems: Problem[],
): Promise<void> {
  const ref = channelRefOf(catalogueOf(state.version), channel)
  let last: bigint | undefined
  const check = (part: Part, times: BigInt64Array): void => {
    if (times[0] !== part.start || times.at(-1) !== part.end - 1n) {
      problems.push({
        what: `invariant 1: a pointer from ${toISO(part.start)} on is not tight`,
        channel: channel.name,
      })
    }
    for (const time of times) {
      if (last !== undefined && time <= last) {
        problems.push({ what: `invariant 3: ${toISO(time)} follows ${toISO(last)}`, channel: channel.name })
        break
      }
      last = time
    }
  }
  await forEachPart(engine, state, ref, (part) => {
    options.signal?.throwIfAborted()
    if (part.kind === 'extent') return readTimes(engine, ref, part).then((times) => check(part, times))
    check(part, part.strip.times.subarray(part.from, part.from + part.count))
    return undefined
  })
}

async function readTimes(
  engine: Engine,
  ref: ChannelRef,
  { pointer, from, count }: ExtentPart,
): Promise<BigInt64Array> {
  const reader = engine.segments.reader(pointer.segment)
  reader.checkRoom(pointer, ref.owner, count)
  const times = new BigInt64Array(count)
  await reader.readSamples(pointer, ref.owner, pointer.skip + from, count, new Uint8Array(times.buffer))
  await engine.turns.due()
  return times
}

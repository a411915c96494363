// Verification: every byte, every checksum, and the invariants of architecture section 7 that can be
// seen from one instant. Reports damage, never throws for it. Reads a pinned snapshot, so that writers
// go on.

import { join, segmentFile } from '../fs/layout.ts'
import { AssertionError } from '../assert.ts'
import { RubidiumError } from '../errors.ts'
import { unguarded } from '../guard/held.ts'
import { openSegment, segmentSeed } from '../segment/segment-file.ts'
import { verifyExtent } from '../segment/verify-extent.ts'
import { END_OF_TIME, MIN_TIMESTAMP, toISO } from '../telem/timestamp.ts'
import type { Channel } from '../telem/channel.ts'
import { countIn, partsIn } from '../unary/channel-view.ts'
import { catalogueOf, groupOf } from '../version/version.ts'
import { channelRefOf } from './engine.ts'
import type { Engine } from './engine.ts'
import type { SnapshotState } from './snapshot-state.ts'
import { releaseSnapshot, takeSnapshot } from './snapshots.ts'
import { compareWithReplay } from './verify-replay.ts'

/** Something that is not as it must be. `offset` in bytes, `channel` by name. */
export interface Problem {
  readonly what: string
  readonly file?: string
  readonly offset?: number
  readonly channel?: string
}

export interface VerifyReport {
  readonly ok: boolean
  readonly problems: readonly Problem[]
}

export interface VerifyProgress {
  /** Extents read, of `total`. */
  readonly done: number
  readonly total: number
}

export interface VerifyOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined
}

/** @throws the signal's reason, and what `onProgress` throws */
export async function verifyEngine(engine: Engine, options: VerifyOptions): Promise<VerifyReport> {
  const problems: Problem[] = []
  const state = await takeChecked(engine, problems)
  try {
    checkAccounts(engine, problems)
    const catalogue = catalogueOf(state.version)
    for (const channel of catalogue.list) {
      options.signal?.throwIfAborted()
      collectProblem(problems, channel.name, () => {
        checkPointers(state, channel, problems)
      })
    }
    await checkExtents(engine, state, options, problems)
    for (const channel of catalogue.list) {
      options.signal?.throwIfAborted()
      collectProblem(problems, channel.name, () => {
        checkTimes(engine, state, channel, problems)
      })
      await engine.turns.next()
    }
    return { ok: problems.length === 0, problems }
  } finally {
    releaseSnapshot(engine, state)
  }
}

/** Takes the snapshot that is verified, and compares it with what the logs say (invariant 11) where this process writes them. */
async function takeChecked(engine: Engine, problems: Problem[]): Promise<SnapshotState> {
  if (engine.journal === undefined || engine.failure !== undefined) return takeSnapshot(engine)
  using held = await engine.guards.acquire(unguarded, { rank: 'manifest', mode: 'exclusive', purpose: 'verify' })
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

function collectProblem(problems: Problem[], channel: string, check: () => void): void {
  try {
    check()
  } catch (error) {
    if (!(error instanceof RubidiumError) && !(error instanceof AssertionError)) throw error
    problems.push(problemOf(error, channel))
  }
}

function problemOf(error: Error, channel?: string): Problem {
  const { file, offset } = error as { file?: string; offset?: number }
  return { what: error.message, ...(channel === undefined ? {} : { channel }), ...(file === undefined ? {} : { file }), ...(offset === undefined ? {} : { offset }) }
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
      problems.push({ what: `invariant 5: pointers keep ${sum} bytes live where the version says ${entry.live}`, file: segmentFile(Number(id)) })
    }
    live.delete(Number(id))
  }
  for (const id of live.keys()) problems.push({ what: 'invariant 4: pointers reach a segment that the version does not have', file: segmentFile(id) })
  for (const segment of engine.segments.all()) {
    const used = (engine.version.segments[segment.id]?.live ?? 0) + segment.tailLive + segment.reserved
    if (used > segment.size - HEADER) {
      problems.push({ what: `invariant 5: ${used} bytes are live or reserved of ${segment.size - HEADER}`, file: segmentFile(segment.id) })
    }
  }
}

const HEADER = 64

/** Invariants 1 and 2: pointers sorted, disjoint, inside one contiguous run of the index channel, equal counts. */
function checkPointers(state: SnapshotState, channel: Channel, problems: Problem[]): void {
  const catalogue = catalogueOf(state.version)
  const ref = channelRefOf(catalogue, channel)
  const view = state.viewOf(groupOf(catalogue, channel))
  state.version.pointers.get(channel.key).check()
  const index = { ...ref, key: ref.index.key, owner: ref.index.owner, type: 'timestamp' as const }
  let before: bigint | undefined
  for (const part of partsIn(view, ref, MIN_TIMESTAMP, END_OF_TIME)) {
    if (before !== undefined && part.start < before) {
      problems.push({ what: `invariant 1: samples at ${toISO(part.start)} overlap those before them`, channel: channel.name })
    }
    before = part.end
    if (channel.kind === 'index') continue
    const times = countIn(view, index, part.start, part.end)
    if (times !== part.count) {
      problems.push({
        what: `invariant 2: ${part.count} samples from ${toISO(part.start)} on stand beside ${times} timestamps`,
        channel: channel.name,
      })
    }
  }
}

/** Invariant 4: every extent that anything reaches is there and sound. */
async function checkExtents(engine: Engine, state: SnapshotState, options: VerifyOptions, problems: Problem[]): Promise<void> {
  const catalogue = catalogueOf(state.version)
  const extents = new Map<string, { segment: number; offset: number; length: number; channel: Channel }>()
  for (const channel of catalogue.list) {
    const view = state.viewOf(groupOf(catalogue, channel))
    for (const part of partsIn(view, channelRefOf(catalogue, channel), MIN_TIMESTAMP, END_OF_TIME)) {
      if (part.kind !== 'extent') continue
      const { segment, offset, length } = part.pointer
      extents.set(`${segment}:${offset}`, { segment, offset, length, channel })
    }
  }
  const total = extents.size
  let done = 0
  for (const extent of extents.values()) {
    options.signal?.throwIfAborted()
    const path = join(engine.directory, segmentFile(extent.segment))
    try {
      const { owner } = channelRefOf(catalogue, extent.channel)
      const file = openSegment(engine.files, engine.directory, extent.segment, engine.databaseId)
      try {
        for (const found of await verifyExtent(file, segmentSeed(extent.segment, engine.databaseId), extent, owner)) {
          problems.push({ what: found.what, file: found.file, offset: found.offset, channel: extent.channel.name })
        }
      } finally {
        file.closeNow()
      }
    } catch (error) {
      problems.push({ file: path, offset: extent.offset, ...problemOf(error as Error, extent.channel.name) })
    }
    done++
    options.onProgress?.({ done, total })
  }
}

/** Invariant 3: timestamps strictly increase, from part to part too, tails included. */
function checkTimes(engine: Engine, state: SnapshotState, channel: Channel, problems: Problem[]): void {
  if (channel.kind !== 'index') return
  const catalogue = catalogueOf(state.version)
  const ref = channelRefOf(catalogue, channel)
  const view = state.viewOf(channel.key)
  let last: bigint | undefined
  for (const part of partsIn(view, ref, MIN_TIMESTAMP, END_OF_TIME)) {
    const times = timesOf(engine, ref, part)
    if (times[0] !== part.start || times.at(-1) !== part.end - 1n) {
      problems.push({ what: `invariant 1: a pointer from ${toISO(part.start)} on is not tight`, channel: channel.name })
    }
    for (const time of times) {
      if (last !== undefined && time <= last) {
        problems.push({ what: `invariant 3: ${toISO(time)} follows ${toISO(last)}`, channel: channel.name })
        return
      }
      last = time
    }
  }
}

function timesOf(engine: Engine, ref: ReturnType<typeof channelRefOf>, part: ReturnType<typeof partsIn>[number]): BigInt64Array {
  if (part.kind === 'rows') return part.strip.times.slice(part.from, part.from + part.count)
  const times = new BigInt64Array(part.count)
  const { pointer } = part
  const bytes = new Uint8Array(times.buffer)
  engine.segments.reader(pointer.segment).readSamplesNow(pointer, ref.owner, pointer.skip + part.from, part.count, bytes)
  return times
}

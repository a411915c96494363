// Invariant 11: the head in memory equals what replaying manifest and journal gives. The files are read
// as recovery would read them, up to the record that the head had when it was captured; nothing is
// retired meanwhile, which the guard of the manifest sees to.

import { crc32 } from 'node:zlib'
import { takeSteps } from '../../steps.ts'
import type { Strip, TailView } from '../../domain/tail.ts'
import { join, segmentFile } from '../../fs/layout.ts'
import type { Held } from '../../guard/held.ts'
import { assertHeld } from '../../guard/held.ts'
import { toISO, END_OF_TIME, MIN_TIMESTAMP } from '../../telem/timestamp.ts'
import type { Channel } from '../../telem/channel.ts'
import { channelRefOf, partsFrom } from '../../unary/channel-view.ts'
import type { GroupView } from '../../unary/channel-view.ts'
import type { Pointer } from '../../version/pointer.ts'
import { PointerTables } from '../../version/pointer-tables.ts'
import { catalogueOf, groupOf } from '../../version/version.ts'
import type { SegmentEntry } from '../../version/segment-table.ts'
import type { Version } from '../../version/version.ts'
import type { Engine } from '../engine.ts'
import { loadState } from '../opening/load.ts'
import type { SnapshotState } from '../snapshot-state.ts'
import { inSlices, SLICE_MS } from '../turns.ts'
import type { Turns } from '../turns.ts'
import { walkPointers } from '../walk-pointers.ts'

/** What differs between the captured head and its replay, in words. */
export type Difference = { readonly what: string; readonly channel?: string; readonly file?: string }

/** By channel name: its tail in words. */
export type TailWords = ReadonlyMap<string, string>

/**
 * The tails of a head, in words; undefined where a flush has given back pages with rows that it sees
 * meanwhile: then what was read of them may be anybody's.
 * @param turns undefined: in one step, so that nobody can
 */
export async function tailsOfHead(
  engine: Engine,
  head: SnapshotState,
  turns: Pick<Turns, 'due'> | undefined,
): Promise<TailWords | undefined> {
  const views = new Map<number, readonly TailView[]>()
  // Of now: a flush may put pointers in place of the snapshot's rows.
  for (const key of engine.groups.keys()) views.set(key, head.viewOf(key).tail)
  const steps = tailSteps(engine, head.version, (key) => views.get(key) ?? [])
  if (turns === undefined) return takeSteps(steps)
  const tails = await inSlices(turns, steps, SLICE_MS)
  for (const tail of views.values())
    for (const view of tail) if (view.kind === 'strip' && view.strip.isReleased) return undefined
  return tails
}

/** What differs between the captured head and its replay. @throws CorruptionError, StorageError */
export async function compareWithReplay(
  held: Held<'manifest', 'exclusive'>,
  engine: Engine,
  head: SnapshotState,
  tails: TailWords,
): Promise<Difference[]> {
  assertHeld(held)
  const { files, directory, environment, turns } = engine
  const replayed = await loadState({
    files,
    directory,
    turns,
    bootId: environment.identity.bootId,
    isSound: () => Promise.resolve(true),
    until: head.pin.lsn,
  })
  if (replayed === undefined) return [{ what: 'invariant 11: the logs tell of no state' }]
  const { version, groups } = replayed
  const views = new Map<number, readonly TailView[]>()
  for (const [key, group] of groups) views.set(key, group.views())
  const again = await inSlices(
    turns,
    tailSteps(engine, version, (key) => views.get(key) ?? []),
    SLICE_MS,
  )
  const differences = await compareVersions(turns, directory, head.version, version)
  return [...differences, ...compareTails(tails, again)]
}

async function compareVersions(
  turns: Turns,
  directory: string,
  head: Version,
  replayed: Version,
): Promise<Difference[]> {
  const problems: Difference[] = []
  const haveSame = await inSlices(turns, sameChannels(head, replayed), SLICE_MS)
  if (head.nextKey !== replayed.nextKey || !haveSame) {
    problems.push({ what: 'invariant 11: replay gives other channels' })
  }
  for (const channel of catalogueOf(head).list) {
    const [a, b] = [head.pointers.get(channel.key), replayed.pointers.get(channel.key)]
    let isEqual = a.length === b.length
    if (isEqual)
      await walkPointers(turns, a, (pointer, p) => {
        isEqual &&= describe(pointer) === describe(b.get(p))
      })
    if (!isEqual) problems.push({ what: 'invariant 11: replay gives other pointers', channel: channel.name })
    const [flushed, again] = [head.flushed.get(channel.key), replayed.flushed.get(channel.key)]
    if (flushed !== again)
      problems.push({
        what: `invariant 11: flushed to ${flushed}, by replay to ${again}`,
        channel: channel.name,
      })
    const turn = turns.due(SLICE_MS)
    if (turn !== undefined) await turn
  }
  for (const id of new Set([...head.segments.ids(), ...replayed.segments.ids()])) {
    const [a, b] = [head.segments.get(id), replayed.segments.get(id)]
    if (a?.live !== b?.live || a?.size !== b?.size || !haveSameHoles(a, b))
      problems.push({
        what: 'invariant 11: replay gives other bytes',
        file: join(directory, segmentFile(id)),
      })
  }
  return problems
}

function haveSameHoles(a: SegmentEntry | undefined, b: SegmentEntry | undefined): boolean {
  if (a?.holes === undefined || b?.holes === undefined) return a?.holes === b?.holes
  return a.holes.equals(b.holes)
}

/** Channels that are a step. */
const CHANNELS_A_STEP = 64

/** Whether all definitions are the same; the order of an update's properties does not matter. */
function* sameChannels(head: Version, replayed: Version): Generator<void, boolean, void> {
  const [ours, theirs] = [catalogueOf(head).list, catalogueOf(replayed).list]
  if (ours.length !== theirs.length) return false
  for (let i = 0; i < ours.length; i++) {
    if (i % CHANNELS_A_STEP === 0) yield
    if (wordsOf(ours[i]!) !== wordsOf(theirs[i]!)) return false
  }
  return true
}

function wordsOf(channel: Channel): string {
  return JSON.stringify(Object.entries(channel).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function compareTails(head: TailWords, replayed: TailWords): Difference[] {
  return [...replayed].flatMap(([channel, theirs]) => {
    const ours = head.get(channel)
    return ours === theirs
      ? []
      : [{ what: `invariant 11: replay gives another tail (${theirs} instead of ${ours})`, channel }]
  })
}

function* tailSteps(
  { segments }: Engine,
  version: Version,
  viewsOf: (groupKey: number) => readonly TailView[],
): Generator<void, TailWords, void> {
  const catalogue = catalogueOf(version)
  const tails = new Map<string, string>()
  yield
  for (const [position, channel] of catalogue.list.entries()) {
    if (position % CHANNELS_A_STEP === CHANNELS_A_STEP - 1) yield
    const view = { pointers: PointerTables.empty, tail: viewsOf(groupOf(catalogue, channel)), segments }
    tails.set(channel.name, yield* tailOf(version, view, channel))
  }
  return tails
}

/** Pieces of a tail that are a step. */
const PARTS_A_STEP = 128

/**
 * A channel's tail in words, however its rows are split over pages: stretches, counts, checksums of times and
 * values.
 */
function* tailOf(version: Version, view: GroupView, channel: Channel): Generator<void, string, void> {
  const starts: string[] = []
  const extents: string[] = []
  let [times, values, count, parts] = [0, 0, 0, 0]
  let end: bigint | undefined
  const ref = channelRefOf(catalogueOf(version), channel)
  for (const part of partsFrom(view, ref, MIN_TIMESTAMP, END_OF_TIME)) {
    if (++parts % PARTS_A_STEP === 0) yield
    if (!part.joined && part.start !== end) starts.push(toISO(part.start))
    end = part.end
    count += part.count
    if (part.kind === 'extent') {
      extents.push(describe(part.pointer))
      continue
    }
    const { strip, ordinal, from } = part
    times = crc32(bytesOf(strip, 0, from, part.count), times)
    values = crc32(bytesOf(strip, ordinal, from, part.count), values)
  }
  return `${count} samples from ${starts.join(', ')}; ${extents.join(' ')}; ${times}, ${values}`
}

function bytesOf(strip: Strip, ordinal: number, from: number, count: number): Uint8Array {
  const width = strip.shape.widths[ordinal]!
  const at = strip.offsets[ordinal]! + from * width
  return strip.page.bytes.subarray(at, at + count * width)
}

function describe(pointer: Pointer): string {
  const { start, end, joined, segment, offset, length, skip, count, live } = pointer
  return [start, end, joined, segment, offset, length, skip, count, live].join(':')
}

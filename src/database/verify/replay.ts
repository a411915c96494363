// Invariant 11: the head in memory equals what replaying manifest and journal gives. The files are read
// as recovery would read them, up to the record that the head had when it was captured; nothing is
// retired meanwhile, which the guard of the manifest sees to.

import { crc32 } from 'node:zlib'
import type { Strip, TailView } from '../../domain/tail.ts'
import { join, segmentFile } from '../../fs/layout.ts'
import type { Held } from '../../guard/held.ts'
import { assertHeld } from '../../guard/held.ts'
import { toISO, END_OF_TIME, MIN_TIMESTAMP } from '../../telem/timestamp.ts'
import type { Channel } from '../../telem/channel.ts'
import { channelRefOf, partsIn } from '../../unary/channel-view.ts'
import type { GroupView } from '../../unary/channel-view.ts'
import type { Pointer } from '../../version/pointer.ts'
import { PointerTables } from '../../version/pointer-tables.ts'
import { catalogueOf, groupOf } from '../../version/version.ts'
import type { SegmentEntry } from '../../version/segment-table.ts'
import type { Version } from '../../version/version.ts'
import type { Engine } from '../engine.ts'
import { loadState } from '../opening/load.ts'
import type { SnapshotState } from '../snapshot-state.ts'
import type { Turns } from '../turns.ts'
import { walkPointers } from '../walk-pointers.ts'

/** What differs between the captured head and its replay, in words. @throws CorruptionError, StorageError */
export async function compareWithReplay(
  held: Held<'manifest', 'exclusive'>,
  engine: Engine,
  head: SnapshotState,
): Promise<{ what: string; channel?: string; file?: string }[]> {
  assertHeld(held)
  const { files, directory, environment } = engine
  // Now: a flush may put pointers in place of the snapshot's rows while the logs are read.
  const tails = tailsOf(engine, head.version, (key) => head.viewOf(key).tail)
  const replayed = await loadState({
    files,
    directory,
    turns: engine.turns,
    bootId: environment.identity.bootId,
    isSound: () => Promise.resolve(true),
    until: head.pin.lsn,
  })
  if (replayed === undefined) return [{ what: 'invariant 11: the logs tell of no state' }]
  const { version, groups } = replayed
  const again = tailsOf(engine, version, (key) => groups.get(key)?.views() ?? [])
  const differences = await compareVersions(engine.turns, directory, head.version, version)
  return [...differences, ...compareTails(tails, again)]
}

async function compareVersions(
  turns: Turns,
  directory: string,
  head: Version,
  replayed: Version,
): Promise<{ what: string; channel?: string; file?: string }[]> {
  const problems: { what: string; channel?: string; file?: string }[] = []
  if (head.nextKey !== replayed.nextKey || channelsOf(head) !== channelsOf(replayed)) {
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

/** All definitions in words; the order of an update's properties does not matter. */
function channelsOf(version: Version): string {
  return JSON.stringify(
    catalogueOf(version).list.map((channel) => Object.entries(channel).sort(([a], [b]) => (a < b ? -1 : 1))),
  )
}

function compareTails(
  head: ReadonlyMap<string, string>,
  replayed: ReadonlyMap<string, string>,
): { what: string; channel: string }[] {
  return [...replayed].flatMap(([channel, theirs]) => {
    const ours = head.get(channel)
    return ours === theirs
      ? []
      : [{ what: `invariant 11: replay gives another tail (${theirs} instead of ${ours})`, channel }]
  })
}

/** By channel name: its tail in words. */
function tailsOf(
  { segments }: Engine,
  version: Version,
  viewsOf: (groupKey: number) => readonly TailView[],
): Map<string, string> {
  const catalogue = catalogueOf(version)
  return new Map(
    catalogue.list.map((channel) => {
      const view = { pointers: PointerTables.empty, tail: viewsOf(groupOf(catalogue, channel)), segments }
      return [channel.name, tailOf(version, view, channel)]
    }),
  )
}

/** A channel's tail in words, however its rows are split over pages: stretches, counts, checksums of times and values. */
function tailOf(version: Version, view: GroupView, channel: Channel): string {
  const starts: string[] = []
  const extents: string[] = []
  let [times, values, count] = [0, 0, 0]
  let end: bigint | undefined
  for (const part of partsIn(view, channelRefOf(catalogueOf(version), channel), MIN_TIMESTAMP, END_OF_TIME)) {
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

// Invariant 4: every extent that a snapshot reaches is there and sound, byte for byte. A damaged header of a segment
// hides nothing behind it; neighbouring units are one problem; what is damaged is told with the times of the
// samples that it costs, and where it costs none (they were deleted) it is not told. Called by verify.ts.

import { AssertionError } from '../../assert.ts'
import { decodeFileHeader, HEADER_SIZE, isHeaderWhole, SEGMENT_KIND } from '../../codec/file-header.ts'
import { CorruptionError, RubidiumError } from '../../errors.ts'
import type { File } from '../../fs/file-system.ts'
import { epochOf, join, numberOf, segmentFile } from '../../fs/layout.ts'
import { storageError } from '../../fs/storage-error.ts'
import { hasCode } from '../../fs/system-error.ts'
import { segmentSeed } from '../../segment/segment-file.ts'
import type { SampleRange } from '../../segment/dead-blocks.ts'
import { verifyExtent } from '../../segment/verify-extent.ts'
import type { Channel } from '../../telem/channel.ts'
import { toISO } from '../../telem/timestamp.ts'
import { channelRefOf, timeInPart } from '../../unary/channel-view.ts'
import type { IndexSource } from '../../unary/time-search.ts'
import type { Pointer } from '../../version/pointer.ts'
import { catalogueOf } from '../../version/version.ts'
import type { Engine } from '../engine.ts'
import type { SnapshotState } from '../snapshot-state.ts'
import { whatOf } from '../survey/survey.ts'
import { ADVICE, problemOf, rangeOf } from './report.ts'
import type { Findings, Problem, VerifyOptions } from './report.ts'
import { walkPointers } from '../walk-pointers.ts'

/** An extent that a snapshot reaches. */
export interface ReachedExtent {
  readonly segment: number
  readonly offset: number
  readonly length: number
  readonly channel: Channel
  /** What pointers reach of it: the rest may have been punched. */
  readonly live: SampleRange[]
}

/** Extents that a snapshot reaches, each once, by segment and offset. */
export type Extents = Map<string, ReachedExtent>

/** Names an extent in `Extents`. */
export function placeOf({ segment, offset }: { readonly segment: number; readonly offset: number }): string {
  return `${segment}:${offset}`
}

/** Damage to an extent, or to the segment that it lies in. */
interface Damage {
  readonly extent: ReachedExtent
  readonly what: string
  readonly file: string
  readonly offset: number
  /** Bytes of the file that it is about. */
  length: number
  /** Positions in the extent of samples that cannot be read for it; undefined where all can. */
  samples: { readonly from: number; readonly to: number } | undefined
  readonly advice: string
  /** The same for many extents of the segment: told once for each channel. */
  readonly isOfSegment: boolean
}

/** What damage costs: samples that pointers reach. */
interface Cost {
  count: number
  start: bigint
  end: bigint
  /** The time of the last one cannot be read: it lies before `end`. */
  isOpen: boolean
}

/** Adds what a channel's pointers and tails reach, whatever can be read of it. */
export async function addExtents(
  engine: Engine,
  state: SnapshotState,
  channel: Channel,
  extents: Extents,
): Promise<void> {
  await forEachPointer(engine, state, channel, (pointer) => addExtent(extents, channel, pointer))
}

/** Adds what a pointer of a channel reaches. */
export function addExtent(extents: Extents, channel: Channel, pointer: Pointer): void {
  const { segment, offset, length, skip, count } = pointer
  const part = { from: skip, to: skip + count }
  const known = extents.get(placeOf(pointer))
  if (known === undefined) extents.set(placeOf(pointer), { segment, offset, length, channel, live: [part] })
  else if (!known.live.some(({ from, to }) => from <= part.from && part.to <= to)) known.live.push(part)
}

/** Checks every extent but those in `checked`, which gets their places. @throws the signal's reason, what `onProgress` throws */
export async function checkExtents(
  engine: Engine,
  state: SnapshotState,
  extents: Extents,
  checked: Set<string>,
  options: VerifyOptions,
  findings: Findings,
): Promise<void> {
  const segments = new Map<number, ReachedExtent[]>()
  for (const [place, extent] of extents) {
    if (checked.has(place)) continue
    const list = segments.get(extent.segment)
    if (list === undefined) segments.set(extent.segment, [extent])
    else list.push(extent)
  }
  const total = extents.size
  const onChecked = (extent: ReachedExtent): void => {
    checked.add(placeOf(extent))
    options.onProgress?.({ done: checked.size, total })
    options.signal?.throwIfAborted()
  }
  const damages: Damage[] = []
  for (const [id, list] of [...segments].sort(([a], [b]) => a - b)) {
    options.signal?.throwIfAborted()
    list.sort((a, b) => a.offset - b.offset)
    await checkSegment(engine, state, id, list, damages, findings, onChecked)
  }
  await tell(engine, state, damages, findings)
}

/** Opens a segment whatever its header says, and checks these extents of it. */
async function checkSegment(
  engine: Engine,
  state: SnapshotState,
  id: number,
  list: readonly ReachedExtent[],
  damages: Damage[],
  findings: Findings,
  onChecked: (extent: ReachedExtent) => void,
): Promise<void> {
  const path = join(engine.directory, segmentFile(id))
  /** Nothing of these extents can be read. */
  const lose = (what: string, offset: number, advice: string, lost = list): void => {
    const more = { file: path, length: 1, samples: { from: 0, to: 2 ** 32 }, isOfSegment: true }
    for (const extent of lost) {
      damages.push({ extent, what, offset, advice, ...more })
      onChecked(extent)
    }
  }
  let file: File
  try {
    file = engine.files.openNow(path, 'read')
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) return lose(MISSING, 0, ADVICE.samples)
    return lose(problemOf(storageError('Cannot open a segment', path, cause)).what, 0, ADVICE.refused)
  }
  try {
    const header = checkHeader(engine, file, id)
    if (header !== undefined && header.isOther) return lose(header.what, header.offset, ADVICE.samples)
    if (header !== undefined) {
      const channels = [...new Set(list.map(({ channel }) => `"${channel.name}"`))].join(', ')
      findings.add({
        what: `${header.what}: nothing in this segment can be read in place, which holds samples of ${channels}`,
        file: path,
        offset: header.offset,
        advice: ADVICE.header,
      })
    }
    const catalogue = catalogueOf(state.version)
    const seed = segmentSeed(id, engine.databaseId)
    const size = sizeOf(file)
    const isThere = ({ offset, length }: ReachedExtent): boolean => offset + length <= size
    const end = list.reduce((most, { offset, length }) => Math.max(most, offset + length), 0)
    const cut = list.filter((extent) => !isThere(extent))
    lose(`the file ends ${end - size} bytes early`, size, ADVICE.samples, cut)
    for (const extent of list.filter(isThere)) {
      const { owner } = channelRefOf(catalogue, extent.channel)
      for (const found of await verifyExtent(file, seed, extent, owner, extent.live)) {
        damages.push({
          extent,
          what: found.what.replace(`Corruption in "${path}" at offset ${found.offset}: `, ''),
          file: path,
          offset: found.offset,
          length: 1,
          samples: found.samples,
          advice: found.refusal === undefined ? ADVICE.samples : ADVICE.refused,
          isOfSegment: false,
        })
      }
      onChecked(extent)
    }
  } finally {
    file.closeNow()
  }
}

/** Bytes of a file; where it cannot be told, reading it tells why. */
function sizeOf(file: File): number {
  try {
    return file.sizeNow()
  } catch {
    return Infinity
  }
}

/** What `verify` says of a segment that is not there. */
export const MISSING = 'the segment is missing'

/** What is wrong with a segment's header; `isOther`: a whole one, of another file. */
function checkHeader(
  { databaseId }: Engine,
  file: File,
  id: number,
): { what: string; offset: number; isOther: boolean } | undefined {
  const bytes = new Uint8Array(HEADER_SIZE)
  let head: Uint8Array = bytes
  try {
    head = bytes.subarray(0, file.readNow(bytes, 0))
    const expected = { kind: SEGMENT_KIND, databaseId, epoch: epochOf(id), number: numberOf(id) } as const
    decodeFileHeader(head, file.path, expected)
    return undefined
  } catch (error) {
    if (error instanceof CorruptionError)
      return { what: whatOf(error), offset: error.offset, isOther: isHeaderWhole(head) }
    if (error instanceof RubidiumError) return { what: error.message, offset: 8, isOther: false }
    const what = storageError('Cannot read a segment', file.path, error).message
    return { what, offset: 0, isOther: false }
  }
}

/** Tells the damage that costs anything, neighbours as one, with what it costs. */
async function tell(
  engine: Engine,
  state: SnapshotState,
  damages: readonly Damage[],
  findings: Findings,
): Promise<void> {
  const byChannel = new Map<Channel, Damage[]>()
  for (const damage of joinNeighbours(damages)) {
    const { channel } = damage.extent
    byChannel.set(channel, [...(byChannel.get(channel) ?? []), damage])
  }
  for (const [channel, list] of byChannel) {
    const costs = await costsOf(engine, state, channel, list)
    const whole = new Map<string, { damage: Damage; cost: Cost }>()
    for (const damage of list) {
      const cost = costs.get(damage)
      if (damage.samples === undefined) findings.add(problemFrom(channel, damage, undefined))
      else if (cost === undefined) continue
      else if (damage.isOfSegment) {
        // One for the segment, not one for each of its extents.
        const known = whole.get(damage.file)
        whole.set(damage.file, { damage, cost: known === undefined ? cost : sumOf(known.cost, cost) })
      } else {
        const timed = channel.kind === 'index' ? timedBy(state, channel, cost) : []
        findings.add(problemFrom(channel, damage, cost, timed), damage.length)
      }
    }
    for (const { damage, cost } of whole.values()) findings.add(problemFrom(channel, damage, cost))
  }
}

function problemFrom(
  { name }: Channel,
  { what, file, offset, advice }: Damage,
  cost: Cost | undefined,
  timed: readonly string[] = [],
): Problem {
  if (cost === undefined) return { what, file, offset, channel: name, advice: ADVICE.fault }
  const { count, start, end, isOpen } = cost
  const samples = count === 1 ? '1 sample' : `${count} samples`
  const times = isOpen
    ? `from ${toISO(start)} on, before ${toISO(end)},`
    : `from ${toISO(start)} to ${toISO(end - 1n)}`
  const names = timed.map((each) => `"${each}"`).join(', ')
  const others =
    timed.length === 0 ? '' : `; samples of ${names} there lose their timestamps, so they are lost too`
  const costs = `${samples} of "${name}" ${times} cannot be read${others}`
  return { what: `${what}: ${costs}`, file, offset, channel: name, range: rangeOf(start, end), advice }
}

/** Names of the data channels that an index channel times, with samples at the times of what is lost of it. */
function timedBy(state: SnapshotState, index: Channel, { start, end }: Cost): string[] {
  const { tail } = state.viewOf(index.key)
  const isIn = (pointer: Pointer): boolean => pointer.start < end && start < pointer.end
  return catalogueOf(state.version)
    .list.filter((channel) => {
      if (channel.kind !== 'data' || channel.index !== index.name) return false
      const table = state.version.pointers.get(channel.key)
      const at = table.lowerBound(start)
      if (at < table.length && isIn(table.get(at))) return true
      return tail.some((part) => {
        const list = part.kind === 'pointers' ? part.pointers.get(channel.key) : undefined
        const from = list?.lowerBound(start) ?? 0
        return list !== undefined && from < list.length && isIn(list.get(from))
      })
    })
    .map(({ name }) => name)
}

/** Damage of one kind to neighbouring samples of an extent is one. */
function joinNeighbours(damages: readonly Damage[]): Damage[] {
  const joined: Damage[] = []
  for (const damage of damages) {
    const last = joined.at(-1)
    const isNext =
      last?.samples !== undefined &&
      last.extent === damage.extent &&
      last.what === damage.what &&
      last.samples.to === damage.samples?.from
    if (isNext) {
      last.samples = { from: last.samples!.from, to: damage.samples!.to }
      last.length = damage.offset - last.offset + 1
    } else joined.push({ ...damage })
  }
  return joined
}

/** What each damage costs; nothing for what no pointer reaches. */
async function costsOf(
  engine: Engine,
  state: SnapshotState,
  channel: Channel,
  damages: readonly Damage[],
): Promise<Map<Damage, Cost>> {
  const byPlace = new Map<string, Damage[]>()
  for (const damage of damages) {
    const place = placeOf(damage.extent)
    byPlace.set(place, [...(byPlace.get(place) ?? []), damage])
  }
  const costs = new Map<Damage, Cost>()
  await forEachPointer(engine, state, channel, (pointer, timeAt) => {
    for (const damage of byPlace.get(placeOf(pointer)) ?? []) {
      if (damage.samples === undefined) continue
      const from = Math.max(pointer.skip, damage.samples.from) - pointer.skip
      const to = Math.min(pointer.skip + pointer.count, damage.samples.to) - pointer.skip
      if (from >= to) continue
      const start = timeAt(from) ?? pointer.start
      const last = timeAt(to - 1)
      // Of damaged timestamps the block table still tells when the next unit begins.
      const end =
        last === undefined ? ((to < pointer.count ? timeAt(to) : undefined) ?? pointer.end) : last + 1n
      const cost = { count: to - from, start, end, isOpen: last === undefined }
      const known = costs.get(damage)
      costs.set(damage, known === undefined ? cost : sumOf(known, cost))
    }
  })
  return costs
}

function sumOf(a: Cost, b: Cost): Cost {
  return {
    count: a.count + b.count,
    start: a.start < b.start ? a.start : b.start,
    end: a.end > b.end ? a.end : b.end,
    isOpen: a.end > b.end ? a.isOpen : b.isOpen,
  }
}

/** Visits the pointers of a channel, those of its tails too. `timeAt`: the time of one of a pointer's samples; undefined where it cannot be read. */
async function forEachPointer(
  engine: Engine,
  state: SnapshotState,
  channel: Channel,
  visit: (pointer: Pointer, timeAt: (position: number) => bigint | undefined) => void,
): Promise<void> {
  const ref = channelRefOf(catalogueOf(state.version), channel)
  const view = state.viewOf(ref.index.key)
  const visitIn =
    (list: IndexSource['list']) =>
    (pointer: Pointer): void => {
      const index = { list, owner: ref.index.owner, segments: view.segments }
      visit(pointer, (position) => timeIn(pointer, index, position))
    }
  const table = state.version.pointers.get(channel.key)
  await walkPointers(engine.turns, table, visitIn(state.version.pointers.get(ref.index.key)))
  for (const tail of state.viewOf(ref.index.key).tail) {
    if (tail.kind !== 'pointers') continue
    const times = tail.pointers.get(ref.index.key)
    const list = tail.pointers.get(channel.key)
    if (times !== undefined && list !== undefined) await walkPointers(engine.turns, list, visitIn(times))
  }
}

function timeIn(pointer: Pointer, index: IndexSource, position: number): bigint | undefined {
  const { start, end, count, joined } = pointer
  try {
    return timeInPart({ kind: 'extent', pointer, from: 0, count, start, end, joined, index }, position)
  } catch (error) {
    // A version that contradicts itself is told as such.
    if (!(error instanceof RubidiumError) && !(error instanceof AssertionError)) throw error
    return undefined
  }
}

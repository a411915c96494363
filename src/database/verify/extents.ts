// Invariant 4: every extent that a snapshot reaches is there and sound, byte for byte. A damaged header of a
// segment hides nothing behind it; neighbouring units are one problem; what is damaged is told with the times
// of the samples that it costs, and where it costs none (they were deleted) it is not told. Called by
// verify.ts.

import { AssertionError } from '../../assert.ts'
import { decodeFileHeader, HEADER_SIZE, isHeaderWhole, SEGMENT_KIND } from '../../codec/file-header.ts'
import { CorruptionError, RubidiumError } from '../../errors.ts'
import type { File } from '../../fs/file-system.ts'
import { epochOf, join, numberOf, segmentFile } from '../../fs/layout.ts'
import { storageError } from '../../fs/storage-error.ts'
import { hasCode } from '../../fs/system-error.ts'
import { segmentSeed } from '../../segment/segment-file.ts'
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
import type { ReachedExtent, ReachedExtents } from './reached-extents.ts'
import { ADVICE, problemOf, rangeOf } from './report.ts'
import type { Findings, Problem, VerifyOptions } from './report.ts'
import { SLICE_MS } from '../turns.ts'
import { walkPointers } from '../walk-pointers.ts'

/** Names an extent: no two begin at one place. */
function placeOf({ segment, offset }: { readonly segment: number; readonly offset: number }): string {
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
  extents: ReachedExtents,
): Promise<void> {
  await forEachPointer(engine, state, channel, (pointer) => extents.add(channel, pointer))
}

/** Checks every extent that was not checked yet. @throws the signal's reason, what `onProgress` throws */
export async function checkExtents(
  engine: Engine,
  state: SnapshotState,
  extents: ReachedExtents,
  progress: Progress,
  findings: Findings,
): Promise<void> {
  progress.total = extents.size
  const damages: Damage[] = []
  for (const id of extents.uncheckedSegments) {
    progress.throwIfAborted()
    await checkSegment(engine, state, id, extents, damages, findings, progress)
    extents.noteChecked(id)
  }
  await tell(engine, state, damages, findings)
}

/** How many extents were checked, for whoever wants to know and may end it. */
export class Progress {
  #done = 0
  /** How many there are. */
  total = 0
  readonly #options: VerifyOptions

  constructor(options: VerifyOptions) {
    this.#options = options
  }

  /** One more was checked. @throws the signal's reason, what `onProgress` throws */
  add(): void {
    this.#done++
    this.#options.onProgress?.({ done: this.#done, total: this.total })
    this.throwIfAborted()
  }

  /** @throws the signal's reason */
  throwIfAborted(): void {
    this.#options.signal?.throwIfAborted()
  }
}

/** Opens a segment whatever its header says, and checks the extents of it that were not checked yet. */
async function checkSegment(
  engine: Engine,
  state: SnapshotState,
  id: number,
  extents: ReachedExtents,
  damages: Damage[],
  findings: Findings,
  progress: Progress,
): Promise<void> {
  const path = join(engine.directory, segmentFile(id))
  const visit = async (each: (extent: ReachedExtent) => void): Promise<void> => {
    for (const list of extents.unchecked(id)) {
      list.forEach(each)
      await engine.turns.due(SLICE_MS)
    }
  }
  /** Nothing of these extents can be read. */
  const lose = (
    what: string,
    offset: number,
    advice: string,
    isLost: (extent: ReachedExtent) => boolean = () => true,
  ): Promise<void> => {
    const more = { file: path, length: 1, samples: { from: 0, to: 2 ** 32 }, isOfSegment: true }
    return visit((extent) => {
      if (!isLost(extent)) return
      damages.push({ extent, what, offset, advice, ...more })
      progress.add()
    })
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
    if (header !== undefined && header.isOther) return await lose(header.what, header.offset, ADVICE.samples)
    if (header !== undefined) {
      const names = new Set<string>()
      await visit(({ channel }) => names.add(`"${channel.name}"`))
      findings.add({
        what: `${header.what}: nothing in this segment can be read in place, which holds samples of ${[...names].join(', ')}`,
        file: path,
        offset: header.offset,
        advice: ADVICE.header,
      })
    }
    const catalogue = catalogueOf(state.version)
    const seed = segmentSeed(id, engine.databaseId)
    const size = sizeOf(file)
    const isCut = ({ offset, length }: ReachedExtent): boolean => offset + length > size
    let end = 0
    await visit(({ offset, length }) => (end = Math.max(end, offset + length)))
    if (end > size) await lose(`the file ends ${end - size} bytes early`, size, ADVICE.samples, isCut)
    for (const list of extents.unchecked(id)) {
      for (const extent of list) {
        if (isCut(extent)) continue
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
        progress.add()
      }
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
    const list = byChannel.get(channel)
    if (list === undefined) byChannel.set(channel, [damage])
    else list.push(damage)
    await engine.turns.due(SLICE_MS)
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

/**
 * Names of the data channels that an index channel times, with samples at the times of what is lost of it.
 */
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
function* joinNeighbours(damages: readonly Damage[]): Generator<Damage, void, void> {
  let last: Damage | undefined
  for (const damage of damages) {
    const isNext =
      last?.samples !== undefined &&
      last.extent === damage.extent &&
      last.what === damage.what &&
      last.samples.to === damage.samples?.from
    if (isNext) {
      last!.samples = { from: last!.samples!.from, to: damage.samples!.to }
      last!.length = damage.offset - last!.offset + 1
    } else {
      if (last !== undefined) yield last
      last = { ...damage }
    }
  }
  if (last !== undefined) yield last
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
    const list = byPlace.get(place)
    if (list === undefined) byPlace.set(place, [damage])
    else list.push(damage)
    await engine.turns.due(SLICE_MS)
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

/**
 * Visits the pointers of a channel, those of its tails too. `timeAt`: the time of one of a pointer's samples;
 * undefined where it cannot be read.
 */
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

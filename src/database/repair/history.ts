// What logs that are damaged still tell: which channels there were, and for each what was said of its
// samples, in the order in which it was said. The newest whole checkpoint is believed as an opening believes
// it; what other records say is taken as what it means and not as what it changes: pointers that come are
// claims, a delete is a range that is gone, so that a record which is lost does not keep the later ones from
// being applied (0009-I2). Pure; settle.ts makes pieces of it.

import type { CommitSection, JournalRecord } from '../../journal/record.ts'
import type { Channel } from '../../telem/channel.ts'
import type { Shape } from '../../journal/shape.ts'
import type { DataType } from '../../telem/data-type.ts'
import { viewArray } from '../../telem/data-type.ts'
import type { Edit, PointerChange } from '../../version/edit.ts'
import type { Pointer } from '../../version/pointer.ts'
import type { Logs, ReadManifest } from './logs.ts'
import type { ExtentBegin } from '../survey/by-place.ts'
import { pieceOf } from './pieces.ts'
import type { Piece } from './pieces.ts'

/** When something was said. */
export interface Order {
  readonly epoch: number
  readonly lsn: number
}

/** Negative where `a` was before `b`. */
export function compareOrder(a: Order, b: Order): number {
  return a.epoch - b.epoch || a.lsn - b.lsn
}

/** Something was lost right before what was said then. */
export interface Break extends Order {
  /**
   * Records from `from` to `to`, both included; of those that had left the journal only edits, commits were
   * flushed by then. Or a part of the checkpoint of this LSN.
   */
  readonly lost:
    | { readonly kind: 'records' | 'edits'; readonly from: number; readonly to: number }
    | 'checkpoint'
}

/** Something that was said of one channel's samples. */
export type Said =
  /** They lie here. */
  | { readonly kind: 'claim'; readonly order: Order; readonly piece: Piece }
  /** Pointers that start at or after `first` and not after `last` are there no more. */
  | { readonly kind: 'go'; readonly order: Order; readonly first: bigint; readonly last: bigint }
  /** Those in [start, end) were deleted. */
  | { readonly kind: 'erase'; readonly order: Order; readonly start: bigint; readonly end: bigint }
  /** The one at this time goes on with nothing. */
  | { readonly kind: 'part'; readonly order: Order; readonly at: bigint }

export interface History {
  /** By key: those that are there at the end. */
  readonly channels: ReadonlyMap<number, Channel>
  /** Whether a channel of this key is known to have been removed. */
  readonly isRemoved: (key: number) => boolean
  /** By key: pointers of the newest whole checkpoint, in order of time. */
  readonly pointers: ReadonlyMap<number, readonly Pointer[]>
  /** Of that checkpoint; LSN 0 where there is none. */
  readonly base: Order
  /** Commits up to this LSN were flushed by then, or their records are not needed. */
  readonly covers: number
  /** By key, in order. */
  readonly said: ReadonlyMap<number, readonly Said[]>
  /** Ascending. */
  readonly breaks: readonly Break[]
  /** Records may be missing that nothing follows. */
  readonly isOpenEnded: boolean
  /** Of the newest record that is known. */
  readonly lastLsn: number
  /** By key, from commits: the key of its index channel, and its type. */
  readonly members: ReadonlyMap<number, { readonly index: number; readonly type: DataType }>
  /** Extents that were named by commits of which a flush is known. */
  readonly flushedExtents: Iterable<ExtentBegin>
  /** Records and checkpoints that were read. */
  readonly count: number
}

/**
 * In steps between which the loop may turn.
 * @param cleanSizes bytes that the mark of a clean close says a manifest has, by name
 */
export function historyOf(
  logs: Logs,
  cleanSizes: ReadonlyMap<string, number>,
): Generator<void, History, void> {
  return new Fold(logs, cleanSizes).run()
}

/**
 * Channels, changes or pointers of a record that are a step; records, where next to nothing is done to each.
 */
const ITEMS_A_STEP = 128
const RECORDS_A_STEP = 4096

type Step =
  | { readonly order: Order; readonly kind: 'edit'; readonly edit: Edit }
  | { readonly order: Order; readonly kind: 'commit'; readonly sections: readonly CommitSection[] }
  | { readonly order: Order; readonly kind: 'part of a checkpoint'; readonly manifest: ReadManifest }

class Fold {
  readonly #logs: Logs
  readonly #cleanSizes: ReadonlyMap<string, number>
  readonly #base: ReadManifest | undefined
  readonly #channels = new Map<number, Channel>()
  readonly #removed = new Set<number>()
  readonly #said = new Map<number, Said[]>()
  readonly #breaks: Break[] = []
  readonly #flushed = new Map<number, number>()
  readonly #members = new Map<number, { index: number; type: DataType }>()
  readonly #flushedExtents: ExtentBegin[] = []
  #isOpenEnded: boolean
  /** Of the commit before. */
  #shape: Shape | undefined

  constructor(logs: Logs, cleanSizes: ReadonlyMap<string, number>) {
    this.#logs = logs
    this.#cleanSizes = cleanSizes
    this.#base = logs.manifests.findLast(({ isWhole }) => isWhole)
    this.#isOpenEnded = !this.#isAsClosed()
  }

  *run(): Generator<void, History, void> {
    const base = this.#base
    const begin = base?.begin
    for (const channel of Object.values(begin?.channels ?? {})) this.#channels.set(channel.key, channel)
    for (const [key, lsn] of begin?.flushed.entries() ?? []) this.#flushed.set(key, lsn)
    const steps = yield* this.#steps()
    let taken = 0
    for (const step of steps) {
      if (++taken % RECORDS_A_STEP === 0) yield
      if (step.kind !== 'edit' || step.edit.kind !== 'flush') continue
      for (const { key, lsn } of step.edit.groups)
        this.#flushed.set(key, Math.max(lsn, this.#flushed.get(key) ?? 0))
    }
    for (const step of steps) {
      if (step.kind === 'edit') yield* this.#takeEdit(step.edit, step.order)
      else if (step.kind === 'commit')
        for (const section of step.sections) yield* this.#takeCommit(section, step.order)
      else yield* this.#takePart(step.manifest, step.order)
      if (++taken % ITEMS_A_STEP === 0) yield
    }
    const nextKey = begin?.nextKey ?? 1
    return {
      channels: this.#channels,
      isRemoved: (key) => this.#removed.has(key) || (key < nextKey && begin?.channels[key] === undefined),
      pointers: base?.pointers ?? new Map(),
      base: base ?? { epoch: 0, lsn: 0 },
      covers: begin?.covers ?? 0,
      said: this.#said,
      breaks: this.#breaks.sort(compareOrder),
      isOpenEnded: this.#isOpenEnded,
      lastLsn: steps.reduce((most, { order }) => Math.max(most, order.lsn), base?.lsn ?? 0),
      members: this.#members,
      flushedExtents: this.#flushedExtents,
      count: steps.length + (base === undefined ? 0 : 1),
    }
  }

  /** What counts of the logs besides the base, in order; notes where something is missing. */
  *#steps(): Generator<void, Step[], void> {
    const { manifests, journals } = this.#logs
    const from = this.#beginning()
    const steps: Step[] = []
    /** By epoch: up to which LSN everything is known. */
    const covered = new Map<number, number>()
    let proven = 0
    for (const manifest of manifests) {
      const { epoch, lsn, name, archives, isWhole, begin } = manifest
      if (epoch < from.manifests && name !== from.base?.file) continue
      if (manifest !== this.#base) {
        // What came before a newer whole one is in it, and what is not whole may be a crash's.
        if (isWhole || isBefore(manifest, this.#base)) continue
        steps.push({ order: { epoch, lsn }, kind: 'part of a checkpoint', manifest })
        this.#breaks.push({ epoch, lsn, lost: 'checkpoint' })
      }
      let covers = begin?.covers ?? lsn
      for (const archive of archives) {
        if (name === from.base?.file && archive.offset >= from.base.size) break
        if (archive.isBehindDamage) {
          const first = archive.edits[0]?.lsn
          const lost = {
            kind: 'edits',
            from: covers + 1,
            to: first === undefined ? archive.covers : first - 1,
          } as const
          this.#breaks.push({ epoch, lsn: first ?? archive.covers, lost })
        }
        for (const { lsn: at, edit } of archive.edits)
          steps.push({ order: { epoch, lsn: at }, kind: 'edit', edit })
        yield
        covers = archive.covers
        proven = Math.max(proven, archive.proven)
      }
      covered.set(epoch, Math.max(covered.get(epoch) ?? 0, covers))
      if (manifest.isOpenEnded) this.#isOpenEnded = true
    }
    for (const [i, journal] of journals.entries()) {
      const { epoch, records } = journal
      if (epoch < from.journals) continue
      // What is missing at the end of one that another follows shows by the numbers.
      const isFollowed = journals.slice(i + 1).some((later) => later.records.length > 0)
      if (journal.isOpenEnded && !isFollowed) this.#isOpenEnded = true
      const behind = journals[i + 1]
      // What was appended behind its end failed, and was appended to the next one instead.
      const limit = behind?.epoch === epoch && behind.records.length > 0 ? behind.firstLsn : Infinity
      for (const record of records) {
        if (record.lsn < limit) steps.push(stepOf(record, epoch))
        if (steps.length % RECORDS_A_STEP === 0) yield
      }
      proven = Math.max(proven, journal.proven)
    }
    yield
    // Stable: of what was said twice the first counts.
    const sorted = withoutDoubles(steps.sort((a, b) => compareOrder(a.order, b.order)))
    yield
    this.#noteMissing(sorted, covered)
    // A mark vouches for records that are not here.
    const covers = Math.max(0, ...covered.values())
    if (proven > Math.max(covers, sorted.at(-1)?.order.lsn ?? 0)) this.#isOpenEnded = true
    return sorted
  }

  /**
   * From which epoch on logs count: the base holds what was before, and so does what a begin record names.
   */
  #beginning(): {
    manifests: number
    journals: number
    base: { readonly file: string; readonly size: number } | undefined
  } {
    const manifests = this.#base?.epoch ?? 0
    let journals = manifests
    let base: { readonly file: string; readonly size: number } | undefined
    for (const { epoch, records } of this.#logs.journals) {
      for (const record of records) {
        if (record.kind !== 'edit' || record.edit.kind !== 'begin' || record.edit.base === undefined) continue
        journals = Math.max(journals, epoch)
        base = record.edit.base
      }
    }
    return { manifests, journals, base }
  }

  /**
   * Whether every manifest that a clean close named, and that the base has not superseded, is as long as it
   * was then.
   */
  #isAsClosed(): boolean {
    const { manifests } = this.#logs
    const base = this.#base?.name ?? ''
    // Names sort as their numbers do.
    return [...this.#cleanSizes].every(
      ([name, size]) => name < base || manifests.some((each) => each.name === name && each.end === size),
    )
  }

  /** Numbers of records that are neither here nor known to be needless. */
  #noteMissing(steps: readonly Step[], covered: ReadonlyMap<number, number>): void {
    let epoch = this.#base?.epoch ?? 0
    let next = (covered.get(epoch) ?? 0) + 1
    for (const { order, kind } of steps) {
      if (kind === 'part of a checkpoint') continue
      if (order.epoch !== epoch) {
        epoch = order.epoch
        next = Math.max(next, (covered.get(epoch) ?? 0) + 1)
      }
      if (order.lsn > next)
        this.#breaks.push({ ...order, lost: { kind: 'records', from: next, to: order.lsn - 1 } })
      next = Math.max(next, order.lsn + 1)
    }
    // Of commits before the checkpoint that were not flushed, only the journal tells.
    if (next <= (this.#base?.lsn ?? 0)) this.#isOpenEnded = true
  }

  *#takeEdit(edit: Edit, order: Order): Generator<void, void, void> {
    const isInBase = this.#isInBase(order)
    if (edit.kind === 'delete') {
      const { start, end, keys, extents, parted } = edit.tail
      if (!isInBase) yield* this.#go(edit.changes, order)
      yield* this.#go(extents, order)
      for (const key of keys) this.#say(key, { kind: 'erase', order, start, end })
      yield
      yield* this.#claim(extents, order)
      for (const { key, at } of parted) this.#say(key, { kind: 'part', order, at })
    }
    if (isInBase) return
    switch (edit.kind) {
      case 'create':
      case 'redefine':
        for (const channel of edit.channels) this.#channels.set(channel.key, channel)
        return
      case 'remove':
        for (const key of edit.keys) {
          this.#channels.delete(key)
          this.#removed.add(key)
        }
        return
      case 'relocate':
        yield* this.#go(edit.changes, order)
        yield* this.#claim(edit.changes, order)
        return
      case 'flush':
      case 'delete':
        yield* this.#claim(edit.changes, order)
        return
      default:
      // Nothing of samples is said.
    }
  }

  #isInBase(order: Order): boolean {
    return this.#base !== undefined && compareOrder(order, this.#base) <= 0
  }

  *#takeCommit({ shape, runs }: CommitSection, order: Order): Generator<void, void, void> {
    const isFlushed = order.lsn <= (this.#flushed.get(shape.index) ?? 0)
    if (shape !== this.#shape)
      for (const [i, key] of shape.keys.entries())
        this.#members.set(key, { index: shape.index, type: shape.types[i]! })
    this.#shape = shape
    if (shape.keys.length > ITEMS_A_STEP) yield
    for (const run of runs) {
      if (isFlushed) {
        if (run.kind === 'extents') for (const place of run.places) this.#flushedExtents.push(place)
        continue
      }
      const { count } = run
      const times =
        run.kind === 'rows' ? timesOf(run.bytes, run.offsets[0]! + 8 * run.from, count) : undefined
      const start = run.kind === 'rows' ? times![0]! : run.first
      const end = (run.kind === 'rows' ? times!.at(-1)! : run.last) + 1n
      const parted = new Set(run.parted)
      for (const [i, key] of shape.keys.entries()) {
        if (i % ITEMS_A_STEP === ITEMS_A_STEP - 1) yield
        const place = { start, end, count, joined: run.joined && !parted.has(key) }
        if (run.kind === 'extents') {
          this.#say(key, {
            kind: 'claim',
            order,
            piece: { kind: 'extent', ...place, skip: 0, ...run.places[i]! },
          })
          continue
        }
        const width = shape.widths[i]!
        const from = run.offsets[i]! + run.from * width
        const bytes = run.bytes.subarray(from, from + count * width)
        this.#say(key, { kind: 'claim', order, piece: { kind: 'rows', ...place, times: times!, bytes } })
      }
    }
  }

  /** What is there of a checkpoint was so at its LSN. */
  *#takePart({ begin, pointers }: ReadManifest, order: Order): Generator<void, void, void> {
    if (begin !== undefined) {
      for (const key of [...this.#channels.keys()])
        if (begin.channels[key] === undefined) this.#channels.delete(key)
      for (const channel of Object.values(begin.channels)) this.#channels.set(channel.key, channel)
    }
    for (const [key, list] of pointers) yield* this.#claimAll(key, list, order)
  }

  *#go(changes: readonly PointerChange[], order: Order): Generator<void, void, void> {
    for (const [i, { key, goes }] of changes.entries()) {
      if (goes !== undefined) this.#say(key, { kind: 'go', order, first: goes.first, last: goes.last })
      if (i % ITEMS_A_STEP === ITEMS_A_STEP - 1) yield
    }
  }

  *#claim(changes: readonly PointerChange[], order: Order): Generator<void, void, void> {
    for (const [i, { key, comes }] of changes.entries()) {
      yield* this.#claimAll(key, comes, order)
      if (i % ITEMS_A_STEP === ITEMS_A_STEP - 1) yield
    }
  }

  *#claimAll(key: number, pointers: readonly Pointer[], order: Order): Generator<void, void, void> {
    for (const [i, pointer] of pointers.entries()) {
      this.#say(key, { kind: 'claim', order, piece: pieceOf(pointer) })
      if (i % ITEMS_A_STEP === ITEMS_A_STEP - 1) yield
    }
  }

  #say(key: number, said: Said): void {
    const list = this.#said.get(key)
    if (list === undefined) this.#said.set(key, [said])
    else list.push(said)
  }
}

/** Of steps in order, those of one record that say the same kind of thing but once. */
function withoutDoubles(steps: readonly Step[]): Step[] {
  const once: Step[] = []
  let [hasRecord, hasPart] = [false, false]
  for (const step of steps) {
    const before = once.at(-1)
    if (before === undefined || compareOrder(before.order, step.order) !== 0) hasRecord = hasPart = false
    if (step.kind === 'part of a checkpoint' ? hasPart : hasRecord) continue
    if (step.kind === 'part of a checkpoint') hasPart = true
    else hasRecord = true
    once.push(step)
  }
  return once
}

function isBefore(manifest: ReadManifest, base: ReadManifest | undefined): boolean {
  return base !== undefined && compareOrder(manifest, base) < 0
}

function stepOf(record: JournalRecord, epoch: number): Step {
  const order = { epoch, lsn: record.lsn }
  return record.kind === 'edit'
    ? { order, kind: 'edit', edit: record.edit }
    : { order, kind: 'commit', sections: record.sections }
}

/** Aligned: a record's columns are not. */
function timesOf(bytes: Uint8Array, from: number, count: number): BigInt64Array {
  return viewArray('timestamp', bytes.slice(from, from + 8 * count).buffer, 0, count)
}

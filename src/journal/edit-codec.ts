// Edits as bytes. The layout is RFC 0002's; every count is checked against the bytes that are there
// before anything is allocated by it (ByteReader does).

import { assert, unreachable } from '../assert.ts'
import { validateStoredChannel } from '../telem/channel.ts'
import type { Channel } from '../telem/channel.ts'
import type { ByteReader } from '../codec/byte-reader.ts'
import { BytePieces } from '../codec/byte-pieces.ts'
import type { ByteWriter } from '../codec/byte-writer.ts'
import { DecodeError } from '../codec/decode-error.ts'
import { takeSteps } from '../steps.ts'
import type { ByteRange } from '../version/byte-ranges.ts'
import type { Edit, FlushEdit, PointerChange, PunchEdit, TailCut } from '../version/edit.ts'
import type { Pointer } from '../version/pointer.ts'

const KINDS = [
  'begin',
  'create',
  'redefine',
  'remove',
  'flush',
  'delete',
  'relocate',
  'drop',
  'punch',
] as const

/**
 * Appends an edit's bytes.
 * @param ahead lists of it that were encoded before
 * @param inset called where bytes that are not copied belong, behind what was appended so far; without it all
 * are copied
 */
export function encodeEdit(to: ByteWriter, edit: Edit, ahead?: EncodedAhead, inset?: PutInset): void {
  to.u8(KINDS.indexOf(edit.kind))
  switch (edit.kind) {
    case 'begin':
      to.u64(edit.epoch)
      to.text(edit.bootId)
      to.text(edit.base?.file ?? '')
      to.u64(edit.base?.size ?? 0)
      return
    case 'create':
    case 'redefine':
      encodeList(to, edit.channels, encodeChannel)
      return
    case 'remove':
      encodeNumbers(to, edit.keys)
      return
    case 'flush':
      to.u32(edit.groups.length)
      for (const group of edit.groups) {
        to.u64(group.key)
        to.u64(group.lsn)
      }
      encodeList(to, edit.changes, encodeChange, ahead?.changes, inset)
      return
    case 'delete':
      encodeList(to, edit.changes, encodeChange, ahead?.changes, inset)
      encodeTailCut(to, edit.tail, ahead, inset)
      return
    case 'relocate':
      encodeList(to, edit.changes, encodeChange, ahead?.changes, inset)
      return
    case 'drop':
      encodeNumbers(to, edit.segments)
      return
    case 'punch':
      to.u32(edit.segments.length)
      for (const { segment, ranges } of edit.segments) {
        to.u64(segment)
        encodeRanges(to, ranges)
      }
      return
    default:
      unreachable(edit)
  }
}

/**
 * The edit whose bytes come next, in steps between which the loop may turn: it may name a million pointers.
 * @throws DecodeError where they are no edit.
 */
export function* editSteps(from: ByteReader): Generator<void, Edit, void> {
  const kind = KINDS[from.u8()]
  switch (kind) {
    case 'begin': {
      const epoch = from.u64()
      const bootId = from.text()
      const file = from.text()
      const size = from.u64()
      return { kind, epoch, bootId, ...(file === '' ? {} : { base: { file, size } }) }
    }
    case 'create':
    case 'redefine':
      return { kind, channels: yield* listSteps(from, 4, decodeChannel) }
    case 'remove':
      return { kind, keys: yield* listSteps(from, 8, decodeNumber) }
    case 'flush': {
      const groups = yield* listSteps(from, 16, decodeFlushed)
      return { kind, groups, changes: yield* changeSteps(from) }
    }
    case 'delete': {
      const changes = yield* changeSteps(from)
      return { kind, changes, tail: yield* tailCutSteps(from) }
    }
    case 'relocate':
      return { kind, changes: yield* changeSteps(from) }
    case 'drop':
      return { kind, segments: yield* listSteps(from, 8, decodeNumber) }
    case 'punch':
      return { kind, segments: yield* listSteps(from, 12, decodePunched) }
    default:
      throw new DecodeError(from.offset - 1, 'an edit of an unknown kind')
  }
}

/** Appends a channel's definition, as JSON: its metadata is JSON anyway. */
export function encodeChannel(to: ByteWriter, channel: Channel): void {
  to.text(JSON.stringify(channel))
}

/** @throws DecodeError where no definition of a channel comes next */
export function decodeChannel(from: ByteReader): Channel {
  const at = from.offset
  try {
    return validateStoredChannel(JSON.parse(from.text()) as unknown)
  } catch (cause) {
    if (cause instanceof DecodeError) throw cause
    throw new DecodeError(at, 'a channel definition that cannot be read')
  }
}

/** Bytes of one pointer in an edit. */
const POINTER_SIZE = 49

export function encodePointer(to: ByteWriter, pointer: Pointer): void {
  to.i64(pointer.start)
  to.i64(pointer.end)
  to.u64(pointer.segment)
  to.u64(pointer.offset)
  to.u32(pointer.length)
  to.u32(pointer.skip)
  to.u32(pointer.count)
  to.u32(pointer.live)
  to.u8(pointer.joined ? 1 : 0)
}

export function decodePointer(from: ByteReader): Pointer {
  return {
    start: from.i64(),
    end: from.i64(),
    segment: from.u64(),
    offset: from.u64(),
    length: from.u32(),
    skip: from.u32(),
    count: from.u32(),
    live: from.u32(),
    joined: from.u8() === 1,
  }
}

function encodeChange(to: ByteWriter, { key, goes, comes }: PointerChange): void {
  to.u64(key)
  to.u32(goes?.count ?? 0)
  to.i64(goes?.first ?? 0n)
  to.i64(goes?.last ?? 0n)
  to.u32(comes.length)
  for (const pointer of comes) encodePointer(to, pointer)
}

/** Takes bytes that belong where it is called. */
export type PutInset = (pieces: readonly Uint8Array[]) => void

/** So few bytes are copied: 64 KiB in 1 us where they are in the cache, in some 25 where they are not. */
const COPIED = 64 * 1024

/** A counted list; its bytes where they are there. */
function encodeList<T>(
  to: ByteWriter,
  items: readonly T[],
  encode: (to: ByteWriter, item: T) => void,
  ahead?: EncodedList<T>,
  inset?: PutInset,
): void {
  to.u32(items.length)
  if (ahead !== undefined) ahead.append(to, items, inset)
  else for (const item of items) encode(to, item)
}

/** The bytes of a list of an edit, made item by item as the list grows. */
export class EncodedList<T> {
  readonly #encode: (to: ByteWriter, item: T) => void
  readonly #items: readonly T[]
  readonly #bytes = new BytePieces()
  #count = 0

  /** @param items which grow, and are not changed otherwise */
  constructor(items: readonly T[], encode: (to: ByteWriter, item: T) => void) {
    this.#items = items
    this.#encode = encode
  }

  /** Encodes what came to the list. */
  encodeMore(): void {
    while (this.#count < this.#items.length) this.#bytes.write(this.#items[this.#count++]!, this.#encode)
  }

  /**
   * Appends the bytes of these items.
   * @throws AssertionError where they are not the very list, or more came to it
   */
  append(to: ByteWriter, items: readonly T[], inset: PutInset | undefined): void {
    assert(items === this.#items && items.length === this.#count, 'items were encoded as they are')
    const pieces = this.#bytes.views()
    if (inset !== undefined && this.#bytes.length > COPIED) inset(pieces)
    else for (const piece of pieces) to.bytes(piece)
  }
}

/**
 * Lists of an edit that are encoded ahead: a record over ten thousand channels is made in slices, and only
 * written in one step.
 */
export class EncodedAhead {
  readonly changes: EncodedList<PointerChange>
  /** Of a delete: what it did to tails. */
  readonly keys: EncodedList<number>
  readonly extents: EncodedList<PointerChange>
  readonly parted: EncodedList<PartedSample>

  constructor(changes: readonly PointerChange[], tail: Omit<TailCut, 'start' | 'end'> = NO_TAIL) {
    this.changes = new EncodedList(changes, encodeChange)
    this.keys = new EncodedList(tail.keys, encodeNumber)
    this.extents = new EncodedList(tail.extents, encodeChange)
    this.parted = new EncodedList(tail.parted, encodeParted)
  }
}

const NO_TAIL = { keys: [], extents: [], parted: [] }

type PartedSample = TailCut['parted'][number]

function* changeSteps(from: ByteReader): Generator<void, PointerChange[], void> {
  const changes: PointerChange[] = []
  let stepped = from.offset
  for (let left = from.count(32); left > 0; left--) {
    const key = from.u64()
    const count = from.u32()
    const first = from.i64()
    const last = from.i64()
    const comes = yield* listSteps(from, POINTER_SIZE, decodePointer)
    changes.push({ key, comes, ...(count === 0 ? {} : { goes: { first, last, count } }) })
    if (from.offset - stepped < STEP_SIZE) continue
    stepped = from.offset
    yield
  }
  return changes
}

function encodeTailCut(
  to: ByteWriter,
  cut: TailCut,
  ahead: EncodedAhead | undefined,
  inset: PutInset | undefined,
): void {
  to.i64(cut.start)
  to.i64(cut.end)
  encodeList(to, cut.keys, encodeNumber, ahead?.keys, inset)
  encodeList(to, cut.extents, encodeChange, ahead?.extents, inset)
  encodeList(to, cut.parted, encodeParted, ahead?.parted, inset)
}

function encodeParted(to: ByteWriter, { key, at }: PartedSample): void {
  to.u64(key)
  to.i64(at)
}

function* tailCutSteps(from: ByteReader): Generator<void, TailCut, void> {
  const start = from.i64()
  const end = from.i64()
  const keys = yield* listSteps(from, 8, decodeNumber)
  const extents = yield* changeSteps(from)
  return { start, end, keys, extents, parted: yield* listSteps(from, 16, decodeParted) }
}

function decodeParted(from: ByteReader): PartedSample {
  return { key: from.u64(), at: from.i64() }
}

/** Appends ranges of bytes, each as where it begins and how long it is. */
export function encodeRanges(to: ByteWriter, ranges: readonly ByteRange[]): void {
  to.u32(ranges.length)
  for (const { start, end } of ranges) {
    to.u64(start)
    to.u64(end - start)
  }
}

export function decodeRanges(from: ByteReader): ByteRange[] {
  return takeSteps(listSteps(from, 16, decodeRange))
}

function decodeRange(from: ByteReader): ByteRange {
  const start = from.u64()
  return { start, end: start + from.u64() }
}

function decodePunched(from: ByteReader): PunchEdit['segments'][number] {
  return { segment: from.u64(), ranges: decodeRanges(from) }
}

function decodeFlushed(from: ByteReader): FlushEdit['groups'][number] {
  return { key: from.u64(), lsn: from.u64() }
}

function encodeNumbers(to: ByteWriter, numbers: readonly number[]): void {
  encodeList(to, numbers, encodeNumber)
}

function encodeNumber(to: ByteWriter, number: number): void {
  to.u64(number)
}

function decodeNumber(from: ByteReader): number {
  return from.u64()
}

/**
 * Bytes of a list that are a step: some 80 pointers or channels, below a ms also before the code that reads
 * them is compiled.
 */
const STEP_SIZE = 4096

/** A counted list whose items take at least `size` bytes each. */
function* listSteps<T>(
  from: ByteReader,
  size: number,
  decode: (from: ByteReader) => T,
): Generator<void, T[], void> {
  const items: T[] = []
  let stepped = from.offset
  for (let left = from.count(size); left > 0; left--) {
    items.push(decode(from))
    if (from.offset - stepped < STEP_SIZE) continue
    stepped = from.offset
    yield
  }
  return items
}

// Bytes of stored files, read as RFC 0002 says and by nothing else: fields, headers, checksums, frames,
// extents. Every checksum that it says is looked at. Part of the second reader; imports nothing of the engine.

import { crc32 } from 'node:zlib'

/** The files of one database. Paths are relative to its folder, with `/`. */
export interface Files {
  /** Names in a folder; none where it is not there. */
  list(folder: string): readonly string[]
  read(path: string): Uint8Array
}

export type Value = number | bigint

/** The bytes are not what the format says. */
export class FormatFault extends Error {}

type Kind = 1 | 2 | 3
export const JOURNAL = 1
export const MANIFEST = 2
export const SEGMENT = 3
const FOLDERS = { [JOURNAL]: 'journal', [MANIFEST]: 'manifest', [SEGMENT]: 'segments' }
const MAGICS = { [JOURNAL]: 'RbJourn\0', [MANIFEST]: 'RbManif\0', [SEGMENT]: 'RbSegmt\0' }
export const HEADER = 64
const FILL = 0xa5
const BLOCK = 1024
const UNIT = 128

/** By type code. */
const TYPES: readonly (readonly [name: string, width: number])[] = [
  ['', 0],
  ['timestamp', 8],
  ['float64', 8],
  ['float32', 4],
  ['int64', 8],
  ['int32', 4],
  ['int16', 2],
  ['int8', 1],
  ['uint64', 8],
  ['uint32', 4],
  ['uint16', 2],
  ['uint8', 1],
  ['boolean', 1],
]

/** Bytes of a sample, by type code. */
export function widthOf(type: number): number {
  check(type > 0 && type < TYPES.length, `type ${type} is known`)
  return TYPES[type]![1]
}

export interface Pointer {
  readonly start: bigint
  readonly end: bigint
  readonly segment: number
  readonly offset: number
  readonly length: number
  readonly skip: number
  readonly count: number
  joined: boolean
}

export interface Change {
  readonly key: number
  readonly goes: { readonly count: number; readonly first: bigint; readonly last: bigint }
  readonly comes: readonly Pointer[]
}

export function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new FormatFault(what)
}

/** Reads fields from front to back. */
export class Cursor {
  readonly bytes: Uint8Array
  readonly #data: DataView
  at: number

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes
    this.#data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.at = at
  }

  u8 = (): number => this.#data.getUint8((this.at += 1) - 1)
  u16 = (): number => this.#data.getUint16((this.at += 2) - 2, true)
  u32 = (): number => this.#data.getUint32((this.at += 4) - 4, true)
  i64 = (): bigint => this.#data.getBigInt64((this.at += 8) - 8, true)
  f64 = (): number => this.#data.getFloat64((this.at += 8) - 8, true)
  u64 = (): number => {
    const value = this.#data.getBigUint64((this.at += 8) - 8, true)
    check(value <= BigInt(Number.MAX_SAFE_INTEGER), 'a u64 holds at most 2^53 - 1')
    return Number(value)
  }
  flag = (): boolean => {
    const value = this.u8()
    check(value <= 1, 'a flag is 0 or 1')
    return value === 1
  }
  take = (size: number): Uint8Array => {
    check(this.at + size <= this.bytes.length, 'bytes are missing')
    return this.bytes.subarray(this.at, (this.at += size))
  }
  text = (): string => new TextDecoder('utf-8', { fatal: true }).decode(this.take(this.u32()))
  list = <T>(item: () => T): T[] => Array.from({ length: this.u32() }, item)
  pointer = (): Pointer => {
    const [start, end, segment, offset] = [this.i64(), this.i64(), this.u64(), this.u64()]
    const [length, skip, count, live] = [this.u32(), this.u32(), this.u32(), this.u32()]
    check(start < end && count > 0 && live > 0 && live <= length, 'a pointer reaches something')
    return { start, end, segment, offset, length, skip, count, joined: this.flag() }
  }
  change = (): Change => ({
    key: this.u64(),
    goes: { count: this.u32(), first: this.i64(), last: this.i64() },
    comes: this.list(this.pointer),
  })
  value = (type: number): Value => {
    const data = this.#data
    const at = this.at
    this.at += TYPES[type]![1]
    if (type === 1 || type === 4) return data.getBigInt64(at, true)
    if (type === 2) return data.getFloat64(at, true)
    if (type === 3) return data.getFloat32(at, true)
    if (type === 5) return data.getInt32(at, true)
    if (type === 6) return data.getInt16(at, true)
    if (type === 7) return data.getInt8(at)
    if (type === 8) return data.getBigUint64(at, true)
    if (type === 9) return data.getUint32(at, true)
    if (type === 10) return data.getUint16(at, true)
    return data.getUint8(at)
  }
  end = (what: string): void => check(this.at === this.bytes.length, `${what} has bytes left over`)
}

/** A header whose checksum holds: what is another file's, or of another format, is told by `StoredFile`. */
export function isHeaderWhole(bytes: Uint8Array): boolean {
  return bytes.length >= HEADER && crc32(bytes.subarray(0, 60)) === new Cursor(bytes, 60).u32()
}

/** One file behind its header, and the checksum of bytes at a place in it. */
export class StoredFile {
  readonly path: string
  readonly bytes: Uint8Array
  readonly databaseId: string
  readonly #kind: Kind
  readonly #seed: number

  constructor(files: Files, kind: Kind, name: string) {
    this.#kind = kind
    this.path = `${FOLDERS[kind]}/${name}`
    this.bytes = files.read(this.path)
    check(isHeaderWhole(this.bytes), `${this.path} has no whole header`)
    const header = this.bytes.subarray(0, HEADER)
    const data = new Cursor(header, 8)
    check(Buffer.from(header.subarray(0, 8)).toString('latin1') === MAGICS[kind], `${this.path}: magic`)
    check(data.u32() === 0, `${this.path}: format`)
    check(data.u32() === kind, `${this.path}: kind`)
    this.databaseId = Buffer.from(data.take(16)).toString('hex')
    const { epoch, number } = parse(name)!
    check(data.u64() === epoch && data.u64() === number, `${this.path}: another file's name`)
    check(
      data.take(12).every((byte) => byte === 0),
      `${this.path}: reserved bytes`,
    )
    const place = new DataView(new ArrayBuffer(36))
    header.subarray(16, 32).forEach((byte, i) => place.setUint8(i, byte))
    place.setUint32(16, kind, true)
    place.setBigUint64(20, BigInt(epoch), true)
    place.setBigUint64(28, BigInt(number), true)
    this.#seed = crc32(new Uint8Array(place.buffer))
  }

  checksum(from: number, to: number, offset: number = from): number {
    return crc32(this.bytes.subarray(from, to), mix(offset ^ mix(this.#seed ^ Math.floor(offset / 2 ** 32))))
  }

  /** The frames that are whole, and how the row of them ends. */
  frames(): { frames: { kind: number; payload: Uint8Array }[]; ending: 'end' | 'short' | 'damaged' } {
    const { bytes } = this
    const frames: { kind: number; payload: Uint8Array }[] = []
    let end = bytes.length
    if (this.#kind === JOURNAL) while (end > HEADER && bytes[end - 1] === FILL) end--
    for (let at = HEADER; ;) {
      if (at === end) return { frames, ending: 'end' }
      if (end - at < 16) return { frames, ending: 'short' }
      const data = new Cursor(bytes, at)
      const [checksum, length, kind, size] = [data.u32(), data.u32(), data.u32(), data.u32()]
      if (length > end - at && length % 8 === 0 && length <= 2 ** 30) return { frames, ending: 'short' }
      const isSound =
        length === roundUp8(17 + size) &&
        length <= end - at &&
        this.checksum(at + 4, at + length, at) === checksum
      if (!isSound) return { frames, ending: 'damaged' }
      frames.push({ kind, payload: bytes.subarray(at + 16, at + 16 + size) })
      at += length
    }
  }
}

function mix(value: number): number {
  let x = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}

const roundUp8 = (size: number): number => Math.ceil(size / 8) * 8

export function parse(name: string): { epoch: number; number: number } | undefined {
  const match = /^(\d{6,})-(\d{12,})$/.exec(name)
  return match === null ? undefined : { epoch: Number(match[1]), number: Number(match[2]) }
}

export function nameOf(epoch: number, number: number): string {
  return `${String(epoch).padStart(6, '0')}-${String(number).padStart(12, '0')}`
}

/** Whose an extent is, and which bytes of its segment a record says to be holes. */
export interface Owner {
  readonly key: number
  readonly type: string
  readonly isIndex: boolean
  readonly holes: readonly { readonly start: number; readonly end: number }[]
}

/**
 * Reads a pointer's samples, and looks at everything that the extent says of itself and of the blocks that the
 * pointer reaches; others may be holes.
 */
export function readExtent(file: StoredFile, at: Pointer, owner: Owner): Value[] {
  const { path, bytes } = file
  const { offset, length, skip, count } = at
  const where = `${path} at ${offset}`
  const checkWhole = (from: number, to: number): void =>
    check(
      owner.holes.every(({ start, end }) => end <= from || to <= start),
      `${where}: no hole from ${from} to ${to}`,
    )
  check(offset >= HEADER && offset % 8 === 0 && offset + length <= bytes.length, `${where} is an extent`)
  const data = new Cursor(bytes.subarray(0, offset + length), offset)
  check(Buffer.from(data.take(4)).toString('latin1') === 'RbXt', `${where}: magic`)
  check(data.u32() === file.checksum(offset + 8, offset + HEADER, offset), `${where}: header checksum`)
  const [whole, table, key] = [data.u32(), data.u32(), data.u32()]
  const [type, codec, flags, zero] = [data.u8(), data.u8(), data.u8(), data.u8()]
  const [samples, alsoZero] = [data.u32(), data.u32()]
  const [, , first, last] = [data.u64(), data.u64(), data.i64(), data.i64()]
  check(whole === length && key === owner.key && codec === 0, `${where}: owner, length, codec`)
  check(TYPES[type]?.[0] === owner.type && flags === (owner.isIndex ? 1 : 0), `${where}: type`)
  check(zero === 0 && alsoZero === 0 && samples > 0 && skip + count <= samples, `${where}: samples`)
  const width = TYPES[type][1]
  check(table === roundUp8(HEADER + samples * width), `${where}: the table follows the samples`)
  const [blocks, units] = [Math.ceil(samples / BLOCK), Math.ceil(samples / UNIT)]
  const isReached = (block: number): boolean => block * BLOCK < skip + count && (block + 1) * BLOCK > skip
  checkWhole(offset, offset + HEADER)
  checkWhole(offset + table, offset + length)
  for (let block = 0; block < blocks; block++) {
    const ends = Math.min((block + 1) * BLOCK, samples)
    if (isReached(block)) checkWhole(data.at + block * BLOCK * width, data.at + ends * width)
  }
  const values = Array.from({ length: samples }, () => data.value(type))
  data.at = offset + table
  check(data.u32() === file.checksum(data.at, offset + length, offset + table), `${where}: table checksum`)
  check(data.u32() === blocks && data.u32() === units && data.u32() === 0, `${where}: blocks and units`)
  for (let block = 0; block < blocks; block++) {
    const own = values.slice(block * BLOCK, (block + 1) * BLOCK)
    const hasNaN = own.some((value) => Number.isNaN(value)) ? 1 : 0
    check(
      data.u32() === own.length * width && data.u16() === own.length && data.u8() === 0,
      `${where}: block`,
    )
    check(data.u8() === hasNaN || !isReached(block), `${where}: NaN`)
  }
  for (let unit = 0; unit < units; unit++) {
    const from = offset + HEADER + unit * UNIT * width
    const to = Math.min(from + UNIT * width, offset + HEADER + samples * width)
    const isSound = data.u32() === file.checksum(from, to)
    check(isSound || !isReached(Math.floor((unit * UNIT) / BLOCK)), `${where}: checksum of unit ${unit}`)
  }
  check(
    data.take(offset + roundUp8(data.at - offset) - data.at).every((byte) => byte === 0),
    `${where}: zeroes`,
  )
  if (owner.isIndex) {
    for (let unit = 0; unit < units; unit++) {
      const isFirst = data.i64() === values[unit * UNIT]
      check(isFirst || !isReached(Math.floor((unit * UNIT) / BLOCK)), `${where}: first times`)
    }
    for (let block = 0; block < blocks; block++) {
      const isLast = data.i64() === values[Math.min((block + 1) * BLOCK, samples) - 1]
      check(isLast || !isReached(block), `${where}: last times`)
    }
    check(first === values[0] || skip >= BLOCK, `${where}: first time`)
    check(last === values.at(-1) || !isReached(blocks - 1), `${where}: last time`)
  } else checkStatistics(data, values, isReached, where)
  data.end(where)
  return values.slice(skip, skip + count)
}

function checkStatistics(
  data: Cursor,
  values: readonly Value[],
  isReached: (block: number) => boolean,
  where: string,
): void {
  const blocks: number[][] = []
  for (let from = 0; from < values.length; from += BLOCK) {
    const own = values.slice(from, from + BLOCK).map(Number)
    blocks.push(own.filter((value) => !Number.isNaN(value)))
  }
  blocks.forEach((own, i) => check(data.f64() === Math.min(...own) || !isReached(i), `${where}: min`))
  blocks.forEach((own, i) => check(data.f64() === Math.max(...own) || !isReached(i), `${where}: max`))
  blocks.forEach((own, i) => {
    const [sum, stored] = [own.reduce((a, b) => a + b, 0), data.f64()]
    // In which order it was added up is nobody's promise.
    const size = own.reduce((a, b) => a + Math.abs(b), 0)
    const isNear = Object.is(sum, stored) || Math.abs(sum - stored) <= size * 1e-12 || !Number.isFinite(size)
    check(isNear || !isReached(i), `${where}: sum`)
  })
}

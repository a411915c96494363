// Little-endian bytes, appended field by field to one buffer that grows and is used again: what
// records of the journal, checkpoints and tables are built in. Values are checked against their
// field's range, so that nothing is ever cut silently on its way to the disk. `byte-reader.ts` is
// its mirror.

import { assert } from '../assert.ts'

const encoder = new TextEncoder()

/** Most bytes that UTF-8 needs for one UTF-16 unit. */
const MAX_BYTES_PER_UNIT = 3

/** A growing little-endian buffer. A number outside its field's range is a fault of the caller. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>
  #data: DataView<ArrayBuffer>
  #length = 0

  /** @param capacity bytes that fit before the buffer grows for the first time; at least 1 */
  constructor(capacity = 1024) {
    this.#bytes = new Uint8Array(Math.max(capacity, 1))
    this.#data = new DataView(this.#bytes.buffer)
  }

  /** Bytes written since the last `reset`. */
  get length(): number {
    return this.#length
  }

  /** Forgets what was written and keeps the buffer: what follows overwrites the views handed out before. */
  reset(): void {
    this.#length = 0
  }

  /** Takes back what was written after the first `length` bytes. */
  cut(length: number): void {
    assert(length >= 0 && length <= this.#length, 'a cut lies within what was written')
    this.#length = length
  }

  /** What was written, not copied: valid until the next write or `reset`. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length)
  }

  /** An integer of 0 to 2^8 - 1. */
  u8(value: number): void {
    assert((value & 0xff) === value, 'a u8 lies in 0..2^8-1')
    const at = this.#advance(1)
    this.#data.setUint8(at, value)
  }

  /** An integer of 0 to 2^16 - 1. */
  u16(value: number): void {
    assert((value & 0xffff) === value, 'a u16 lies in 0..2^16-1')
    const at = this.#advance(2)
    this.#data.setUint16(at, value, true)
  }

  /** An integer of 0 to 2^32 - 1. */
  u32(value: number): void {
    assert(value >>> 0 === value, 'a u32 lies in 0..2^32-1')
    const at = this.#advance(4)
    this.#data.setUint32(at, value, true)
  }

  /** A safe integer of 0 to 2^53 - 1, in eight bytes. */
  u64(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, 'a u64 lies in 0..2^53-1')
    const at = this.#advance(8)
    this.#data.setUint32(at, value >>> 0, true)
    this.#data.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true)
  }

  /** A signed 64-bit integer. */
  i64(value: bigint): void {
    assert(BigInt.asIntN(64, value) === value, 'an i64 lies in -2^63..2^63-1')
    const at = this.#advance(8)
    this.#data.setBigInt64(at, value, true)
  }

  /** A double; the payload of a NaN is not kept. */
  f64(value: number): void {
    const at = this.#advance(8)
    this.#data.setFloat64(at, value, true)
  }

  /** The bytes as they are, without their length. */
  bytes(source: Uint8Array): void {
    const at = this.#advance(source.length)
    this.#bytes.set(source, at)
  }

  /**
   * `length` bytes of `source` from `from` on. Short parts are copied in a loop: a view of each would cost
   * more.
   */
  part(source: Uint8Array, from: number, length: number): void {
    const at = this.#advance(length)
    const bytes = this.#bytes
    if (length > 32) bytes.set(source.subarray(from, from + length), at)
    else for (let i = 0; i < length; i++) bytes[at + i] = source[from + i]!
  }

  /** The length in bytes of its UTF-8 (u32), then the UTF-8. A lone surrogate becomes U+FFFD. */
  text(value: string): void {
    const at = this.#advance(4)
    this.#reserve(value.length * MAX_BYTES_PER_UNIT)
    const { written } = encoder.encodeInto(value, this.#bytes.subarray(this.#length))
    this.#data.setUint32(at, written, true)
    this.#length += written
  }

  /** Zeroes up to the next multiple of `size` from the start of the buffer; `size` is a power of two. */
  align(size: number): void {
    const padding = -this.#length & (size - 1)
    const at = this.#advance(padding)
    this.#bytes.fill(0, at, at + padding)
  }

  /**
   * Makes room for `count` more bytes, which count as written, and returns where they begin. May replace
   * `#data`: call it before naming that.
   */
  #advance(count: number): number {
    this.#reserve(count)
    const at = this.#length
    this.#length = at + count
    return at
  }

  #reserve(count: number): void {
    const needed = this.#length + count
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
    this.#data = new DataView(grown.buffer)
  }
}

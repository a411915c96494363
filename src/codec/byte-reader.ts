// The mirror of `byte-writer.ts`: little-endian fields out of bytes that may be damaged. Nothing is
// read past the end, and no length or count is believed before it was compared with the bytes that
// are there, so that damage can neither allocate nor loop beyond the size of its own input.

import { DecodeError } from './decode-error.ts'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Takes fields from the front of `bytes`; throws DecodeError where they do not hold what is asked for. */
export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #data: DataView
  #offset = 0

  /** @param bytes read in place, never copied or changed */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Bytes taken so far. */
  get offset(): number {
    return this.#offset
  }

  /** Bytes that are left. */
  get remaining(): number {
    return this.#bytes.length - this.#offset
  }

  /** An integer of 0 to 2^8 - 1. */
  u8(): number {
    return this.#data.getUint8(this.#advance(1))
  }

  /** An integer of 0 to 2^16 - 1. */
  u16(): number {
    return this.#data.getUint16(this.#advance(2), true)
  }

  /** An integer of 0 to 2^32 - 1. */
  u32(): number {
    return this.#data.getUint32(this.#advance(4), true)
  }

  /** A safe integer of 0 to 2^53 - 1; eight bytes that hold more are a DecodeError. */
  u64(): number {
    const at = this.#advance(8)
    const value = this.#data.getUint32(at + 4, true) * 0x1_0000_0000 + this.#data.getUint32(at, true)
    if (!Number.isSafeInteger(value)) throw new DecodeError(at, 'a 64-bit number is out of range')
    return value
  }

  /** A signed 64-bit integer. */
  i64(): bigint {
    return this.#data.getBigInt64(this.#advance(8), true)
  }

  /** A double. */
  f64(): number {
    return this.#data.getFloat64(this.#advance(8), true)
  }

  /** The next `length` bytes as a view on the input, not copied. */
  bytes(length: number): Uint8Array {
    const at = this.#advance(length)
    return this.#bytes.subarray(at, at + length)
  }

  /** What `ByteWriter.text` wrote. */
  text(): string {
    const length = this.u32()
    const at = this.#offset
    const encoded = this.bytes(length)
    try {
      return decoder.decode(encoded)
    } catch {
      throw new DecodeError(at, 'text is not UTF-8')
    }
  }

  /**
   * A count (u32) of entries that follow and take at least `entrySize` bytes each (at least 1): more than
   * the remaining bytes can hold is a DecodeError. Whatever allocates by a count takes it from here.
   */
  count(entrySize: number): number {
    const at = this.#offset
    const count = this.u32()
    if (count * entrySize > this.remaining) {
      throw new DecodeError(at, `${count} entries of ${entrySize} bytes do not fit into ${this.remaining}`)
    }
    return count
  }

  /** Takes the padding that `ByteWriter.align` wrote; it must be zeroes. */
  align(size: number): void {
    const padding = -this.#offset & (size - 1)
    const at = this.#advance(padding)
    for (let i = at; i < at + padding; i++) {
      if (this.#bytes[i] !== 0) throw new DecodeError(i, 'padding is not zero')
    }
  }

  /** Demands that nothing is left. */
  end(): void {
    if (this.remaining > 0) throw new DecodeError(this.#offset, `${this.remaining} bytes too many`)
  }

  #advance(count: number): number {
    const at = this.#offset
    const left = this.#bytes.length - at
    if (!(count >= 0 && count <= left)) {
      throw new DecodeError(at, `${count} bytes are needed, ${left} are left`)
    }
    this.#offset = at + count
    return at
  }
}

// Logs and extents that were changed with care: fields set to what they must not be, lists cut and doubled,
// frames dropped and moved, and every checksum made right again, so that what is behind the checksums is
// reached. Pure; used by decoders.test.ts.

import fc from 'fast-check'
import { HEADER_SIZE } from '../../src/codec/file-header.ts'
import { frameSize, readFrame, sealFrame } from '../../src/journal/frame.ts'

/** One change of some bytes. Positions are fractions of 2^16 of what there is. */
export type Mutation =
  | { readonly kind: 'set'; readonly at: number; readonly width: 1 | 2 | 4 | 8; readonly value: bigint }
  | { readonly kind: 'add'; readonly at: number; readonly width: 1 | 2 | 4 | 8; readonly value: bigint }
  | { readonly kind: 'copy'; readonly at: number; readonly from: number; readonly length: number }
  | { readonly kind: 'insert'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'remove'; readonly at: number; readonly length: number }

const place = fc.nat({ max: 0xffff })
const width = fc.constantFrom(1 as const, 2 as const, 4 as const, 8 as const)
/** What tends to break things. */
const value = fc.oneof(
  fc.constantFrom(0n, 1n, 2n, 7n, 8n, 64n, 127n, 255n, 0x7fffn, 0xffffn, 0x7fff_ffffn, 0xffff_ffffn),
  fc.constantFrom(2n ** 30n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n),
  fc.bigInt(0n, 2n ** 64n - 1n),
)

export const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('set' as const), at: place, width, value }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      at: place,
      width,
      value: fc.constantFrom(1n, 8n, -1n, -8n, 256n),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('copy' as const),
      at: place,
      from: place,
      length: fc.nat({ max: 64 }),
    }),
  },
  fc.record({ kind: fc.constant('insert' as const), at: place, bytes: fc.uint8Array({ maxLength: 64 }) }),
  fc.record({ kind: fc.constant('remove' as const), at: place, length: fc.integer({ min: 1, max: 64 }) }),
)

/** The bytes with the changes made, one after another; what is given stays as it is. */
export function mutate(bytes: Uint8Array, mutations: readonly Mutation[]): Uint8Array {
  return mutations.reduce(mutateOnce, bytes.slice())
}

function mutateOnce(bytes: Uint8Array, change: Mutation): Uint8Array {
  const at = scale(change.at, bytes.length)
  switch (change.kind) {
    case 'set':
    case 'add': {
      if (at + change.width > bytes.length) return bytes
      let old = 0n
      for (let i = change.width - 1; i >= 0; i--) old = (old << 8n) | BigInt(bytes[at + i]!)
      const next = BigInt.asUintN(8 * change.width, change.kind === 'set' ? change.value : old + change.value)
      for (let i = 0; i < change.width; i++) bytes[at + i] = Number((next >> BigInt(8 * i)) & 0xffn)
      return bytes
    }
    case 'copy':
      bytes.copyWithin(at, scale(change.from, bytes.length), scale(change.from, bytes.length) + change.length)
      return bytes
    case 'insert':
      return concat([bytes.subarray(0, at), change.bytes, bytes.subarray(at)])
    case 'remove':
      return concat([bytes.subarray(0, at), bytes.subarray(at + change.length)])
  }
}

/** A log file as its frames. */
export interface Frames {
  readonly header: Uint8Array
  readonly frames: readonly { readonly kind: number; readonly payload: Uint8Array }[]
}

export function framesOf(bytes: Uint8Array, seed: number): Frames {
  const frames: { kind: number; payload: Uint8Array }[] = []
  for (let at = HEADER_SIZE; ;) {
    const frame = readFrame(bytes, at, seed)
    if (typeof frame === 'string') return { header: bytes.slice(0, HEADER_SIZE), frames }
    frames.push({ kind: frame.kind, payload: frame.payload.slice() })
    at += frame.length
  }
}

/** The file of these frames, each with the checksum of its place. */
export function fileOf({ header, frames }: Frames, seed: number): Uint8Array {
  const size = frames.reduce((sum, { payload }) => sum + frameSize(payload.length), header.length)
  const bytes = new Uint8Array(size)
  bytes.set(header)
  let at = header.length
  for (const { kind, payload } of frames) {
    bytes.set(payload, at + 16)
    at += sealFrame(bytes, at, kind, payload.length, seed, at)
  }
  return bytes
}

/** One change of a log: of a frame's payload or kind, or of the row of frames. */
export type LogMutation =
  | { readonly kind: 'payload'; readonly frame: number; readonly mutations: readonly Mutation[] }
  | { readonly kind: 'kind'; readonly frame: number; readonly to: number }
  | { readonly kind: 'drop'; readonly frame: number }
  | { readonly kind: 'repeat'; readonly frame: number; readonly at: number }

export const logMutation: fc.Arbitrary<LogMutation> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('payload' as const),
      frame: place,
      mutations: fc.array(mutation, { minLength: 1, maxLength: 3 }),
    }),
  },
  fc.record({
    kind: fc.constant('kind' as const),
    frame: place,
    to: fc.constantFrom(0, 1, 2, 3, 4, 5, 2 ** 31),
  }),
  fc.record({ kind: fc.constant('drop' as const), frame: place }),
  fc.record({ kind: fc.constant('repeat' as const), frame: place, at: place }),
)

export function mutateLog({ header, frames }: Frames, changes: readonly LogMutation[]): Frames {
  const list = [...frames]
  for (const change of changes) {
    const at = scale(change.frame, list.length)
    const frame = list[at]
    if (frame === undefined) continue
    switch (change.kind) {
      case 'payload':
        list[at] = { ...frame, payload: mutate(frame.payload, change.mutations) }
        break
      case 'kind':
        list[at] = { ...frame, kind: change.to }
        break
      case 'drop':
        list.splice(at, 1)
        break
      case 'repeat':
        list.splice(scale(change.at, list.length + 1), 0, frame)
        break
    }
  }
  return { header, frames: list }
}

function scale(position: number, length: number): number {
  return Math.floor((position * length) / 0x10000)
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

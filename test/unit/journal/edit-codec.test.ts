// Edits as bytes: every kind reads back as it was, and nothing else is taken for one.

import { describe, expect, it } from 'vitest'
import { AssertionError } from '../../../src/assert.ts'
import { ByteReader } from '../../../src/codec/byte-reader.ts'
import { ByteWriter } from '../../../src/codec/byte-writer.ts'
import { DecodeError } from '../../../src/codec/decode-error.ts'
import { takeSteps } from '../../../src/steps.ts'
import { editSteps, EncodedAhead, encodeEdit } from '../../../src/journal/edit-codec.ts'
import type { Edit } from '../../../src/version/edit.ts'
import { DATA_CHANNEL, INDEX_CHANNEL, pointerTo } from '../../support/pointers.ts'
import { cutOf } from '../../support/tails.ts'

const change = {
  key: 2,
  goes: { first: 1n, last: 9n, count: 2 },
  comes: [pointerTo(1, 3, { joined: true }), pointerTo(5, 2)],
}

const EDITS: Edit[] = [
  { kind: 'begin', epoch: 3, bootId: 'a-b-c' },
  { kind: 'begin', epoch: 4, bootId: '', base: { file: 'manifest/000003-000000000977', size: 4711 } },
  {
    kind: 'create',
    channels: [INDEX_CHANNEL, { ...DATA_CHANNEL, unit: 'µbar', metadata: { deep: [1, null, { x: 'ä' }] } }],
  },
  { kind: 'redefine', channels: [{ ...DATA_CHANNEL, name: '__proto__' }] },
  { kind: 'remove', keys: [1, 2 ** 40] },
  { kind: 'flush', groups: [{ key: 1, lsn: 77 }], changes: [{ key: 1, comes: [pointerTo(-8, 4)] }, change] },
  {
    kind: 'delete',
    changes: [{ key: 2, goes: { first: -5n, last: -5n, count: 1 }, comes: [] }],
    tail: {
      start: -(2n ** 63n),
      end: 2n ** 63n - 1n,
      keys: [1, 2],
      extents: [change],
      parted: [{ key: 2, at: -1n }],
    },
  },
  { kind: 'relocate', changes: [change] },
  { kind: 'drop', segments: [2 ** 32 + 1, 2 ** 33] },
  {
    kind: 'punch',
    segments: [
      {
        segment: 2 ** 32 + 1,
        ranges: [
          { start: 4096, end: 8192 },
          { start: 2 ** 40, end: 2 ** 40 + 1 },
        ],
      },
      { segment: 2 ** 33, ranges: [{ start: 64, end: 128 }] },
    ],
  },
]

function encode(edit: Edit): Uint8Array {
  const to = new ByteWriter(16)
  encodeEdit(to, edit)
  return to.view().slice()
}

function decodeEdit(from: ByteReader): Edit {
  return takeSteps(editSteps(from))
}

describe('the edit codec', () => {
  it.each(EDITS.map((edit) => [edit.kind, edit] as const))('reads back %s', (_, edit) => {
    const bytes = encode(edit)
    const from = new ByteReader(bytes)
    expect(decodeEdit(from)).toEqual(edit)
    expect(from.remaining).toBe(0)
  })

  // 0002-I2
  it.each(EDITS.map((edit) => [edit.kind, edit] as const))('refuses %s that is cut anywhere', (_, edit) => {
    const bytes = encode(edit)
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeEdit(new ByteReader(bytes.subarray(0, length)))).toThrow(DecodeError)
    }
  })

  it('refuses an unknown kind, a count beyond the bytes, and a channel that is none', () => {
    expect(() => decodeEdit(new ByteReader(Uint8Array.of(99)))).toThrow(DecodeError)
    expect(() => decodeEdit(new ByteReader(Uint8Array.of(7, 255, 255, 255, 255)))).toThrow(DecodeError)
    const to = new ByteWriter()
    to.u8(1)
    to.u32(1)
    to.text('{"key":0,"name":"x","kind":"index","type":"timestamp"}')
    expect(() => decodeEdit(new ByteReader(to.view()))).toThrow(/cannot be read/)
  })

  it('reads each list of a long edit in many steps, one pointer list as well as many', () => {
    const numbers = Array.from({ length: 10_000 }, (_, i) => i + 1)
    const few = cutOf(0, 9)
    const comes = numbers.map((i) => pointerTo(10 * i, 4))
    const changes = numbers.map((key) => ({ key, comes: [] }))
    const long: Edit[] = [
      { kind: 'create', channels: numbers.map((key) => ({ ...INDEX_CHANNEL, key, name: `t${key}` })) },
      { kind: 'remove', keys: numbers },
      { kind: 'flush', groups: numbers.map((key) => ({ key, lsn: 7 })), changes: [] },
      { kind: 'flush', groups: [], changes: [{ key: 1, comes }] },
      { kind: 'relocate', changes },
      { kind: 'delete', changes: [], tail: { ...few, keys: numbers } },
      { kind: 'delete', changes: [], tail: { ...few, extents: changes } },
      { kind: 'delete', changes: [], tail: { ...few, parted: numbers.map((key) => ({ key, at: 3n })) } },
      { kind: 'drop', segments: numbers },
      { kind: 'punch', segments: numbers.map((segment) => ({ segment, ranges: [] })) },
    ]
    for (const edit of long) {
      const steps = editSteps(new ByteReader(encode(edit)))
      let taken = 0
      let step = steps.next()
      for (; step.done !== true; step = steps.next()) taken++
      expect(step.value).toEqual(edit)
      expect(taken).toBeGreaterThan(15)
    }
  })

  it('gives the same bytes from changes that were encoded ahead, and from no others', () => {
    const changes = Array.from({ length: 8 }, (_, i) => ({
      key: i + 1,
      ...(i % 3 === 0 ? {} : { goes: { first: BigInt(i), last: BigInt(9 * i), count: i } }),
      comes: Array.from({ length: i % 4 }, (_each, at) => pointerTo(10 * at, 4)),
    }))
    const tail = {
      start: 1n,
      end: 9n,
      keys: [1, 2],
      extents: changes.toReversed(),
      parted: [{ key: 2, at: 9n }],
    }
    const edit: Edit = { kind: 'delete', changes, tail }
    const whole = new ByteWriter()
    encodeEdit(whole, edit)
    const ahead = new EncodedAhead(changes, tail)
    for (const list of [ahead.changes, ahead.keys, ahead.extents, ahead.parted]) list.encodeMore()
    const to = new ByteWriter()
    encodeEdit(to, edit, ahead)
    expect(to.view()).toEqual(whole.view())
    const others: Edit = { ...edit, changes: changes.toReversed() }
    expect(() => encodeEdit(new ByteWriter(), others, ahead)).toThrow(AssertionError)
    changes.push({ key: 9, comes: [] })
    expect(() => encodeEdit(new ByteWriter(), edit, ahead)).toThrow(AssertionError)
  })
})

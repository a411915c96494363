// Laws of what the logs carry: edits and commits read back as they were written, and applying an edit
// gives what an array would give and leaves every older version as it was.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteReader } from '../../src/codec/byte-reader.ts'
import { ByteWriter } from '../../src/codec/byte-writer.ts'
import { DecodeError } from '../../src/codec/decode-error.ts'
import { takeSteps } from '../../src/steps.ts'
import { editSteps, encodeEdit } from '../../src/journal/edit-codec.ts'
import { COMMIT, encodeCommit, recordSteps } from '../../src/journal/record.ts'
import type { CommitSection, Run } from '../../src/journal/record.ts'
import { shapeOf } from '../../src/journal/shape.ts'
import type { Shape } from '../../src/journal/shape.ts'
import { DATA_TYPES } from '../../src/telem/data-type.ts'
import type { Channel } from '../../src/telem/channel.ts'
import { apply } from '../../src/version/apply.ts'
import type { Edit, PointerChange } from '../../src/version/edit.ts'
import type { Pointer } from '../../src/version/pointer.ts'
import type { Version } from '../../src/version/version.ts'
import { anyPointer, pointerTo, versionWith } from '../support/pointers.ts'
import { propertyOptions } from '../support/seeds.ts'

const key = fc.integer({ min: 1, max: 2 ** 40 })
const lsn = fc.integer({ min: 0, max: 2 ** 50 })
const time = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })

const change: fc.Arbitrary<PointerChange> = fc.oneof(
  fc.record({ key, comes: fc.array(anyPointer, { maxLength: 4 }) }),
  fc.record({
    key,
    goes: fc.record({ first: time, last: time, count: fc.integer({ min: 1, max: 2 ** 32 - 1 }) }),
    comes: fc.array(anyPointer, { maxLength: 4 }),
  }),
)

const name = fc
  .string({ minLength: 1, maxLength: 40, unit: 'binary' })
  .filter((text) => Buffer.byteLength(text) <= 255)

const channel: fc.Arbitrary<Channel> = fc.oneof(
  fc.record({
    key,
    name,
    kind: fc.constant('index' as const),
    type: fc.constant('timestamp' as const),
    concurrency: fc.constantFrom('exclusive' as const, 'shared' as const),
  }),
  fc.record({
    key,
    name,
    kind: fc.constant('data' as const),
    type: fc.constantFrom(...DATA_TYPES),
    index: name,
    unit: name,
  }),
)

const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({ kind: fc.constant('begin' as const), epoch: lsn, bootId: fc.string() }),
  fc.record({
    kind: fc.constant('begin' as const),
    epoch: lsn,
    bootId: fc.string(),
    base: fc.record({ file: fc.string({ minLength: 1 }), size: lsn }),
  }),
  fc.record({
    kind: fc.constantFrom('create' as const, 'redefine' as const),
    channels: fc.array(channel, { maxLength: 5 }),
  }),
  fc.record({ kind: fc.constant('remove' as const), keys: fc.array(key) }),
  fc.record({
    kind: fc.constant('flush' as const),
    groups: fc.array(fc.record({ key, lsn })),
    changes: fc.array(change, { maxLength: 5 }),
  }),
  fc.record({
    kind: fc.constant('delete' as const),
    changes: fc.array(change, { maxLength: 5 }),
    tail: fc.record({
      start: time,
      end: time,
      keys: fc.array(key),
      extents: fc.array(change, { maxLength: 3 }),
      parted: fc.array(fc.record({ key, at: time })),
    }),
  }),
  fc.record({ kind: fc.constant('relocate' as const), changes: fc.array(change, { maxLength: 5 }) }),
  fc.record({ kind: fc.constant('drop' as const), segments: fc.array(lsn) }),
  fc.record({
    kind: fc.constant('punch' as const),
    segments: fc.array(
      fc.record({
        segment: lsn,
        ranges: fc.array(
          fc
            .tuple(fc.nat(), fc.integer({ min: 1 }))
            .map(([start, length]) => ({ start, end: start + length })),
        ),
      }),
    ),
  }),
)

function encode(what: Edit): Uint8Array {
  const to = new ByteWriter(8)
  encodeEdit(to, what)
  return to.view().slice()
}

describe('edits', () => {
  it('read back as they were written, and end where they end', () => {
    fc.assert(
      fc.property(edit, (written) => {
        const from = new ByteReader(encode(written))
        expect(takeSteps(editSteps(from))).toEqual(written)
        expect(from.remaining).toBe(0)
      }),
      propertyOptions(400),
    )
  })

  // 0002-I2
  it('that are any bytes at all are an edit or a DecodeError, never more', () => {
    fc.assert(
      fc.property(edit, fc.nat(), fc.integer({ min: 1, max: 255 }), (written, at, mask) => {
        const bytes = encode(written)
        bytes[at % bytes.length]! ^= mask
        try {
          takeSteps(editSteps(new ByteReader(bytes)))
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
      propertyOptions(400),
    )
  })
})

const shape = fc
  .tuple(
    fc.uniqueArray(key, { minLength: 1, maxLength: 6 }),
    fc.array(fc.constantFrom(...DATA_TYPES), { minLength: 6, maxLength: 6 }),
  )
  .map(([keys, types]) => shapeOf(keys, ['timestamp', ...types].slice(0, keys.length) as Shape['types']))

function runOf(of: Shape): fc.Arbitrary<Run> {
  const common = {
    joined: fc.boolean(),
    parted: fc.subarray([...of.keys]),
    count: fc.integer({ min: 1, max: 50 }),
  }
  const rows = fc
    .record({ ...common, salt: fc.nat(), from: fc.nat({ max: 5 }) })
    .map(({ salt, ...rest }): Run => {
      const offsets: number[] = []
      let at = 0
      for (const width of of.widths) {
        offsets.push(at)
        at += (rest.from + rest.count) * width + 3
      }
      const bytes = Uint8Array.from({ length: at }, (_, i) => Math.imul(i + salt, 0x9e3779b1) >>> 24)
      return { kind: 'rows', ...rest, bytes, offsets }
    })
  const place = fc.record({ segment: lsn, offset: lsn, length: fc.integer({ min: 0, max: 2 ** 32 - 1 }) })
  const places = fc.array(place, { minLength: of.keys.length, maxLength: of.keys.length })
  // So many times must lie between the two, and an end behind them.
  const latest = 2n ** 63n - 2n
  const extents = fc
    .record({ kind: fc.constant('extents' as const), ...common, first: time, more: time, places })
    .map(({ first, more, ...rest }): Run => {
      const least = first + BigInt(rest.count - 1)
      const last = more > least ? more : least
      return last <= latest
        ? { ...rest, first, last }
        : { ...rest, first: latest - BigInt(rest.count - 1), last: latest }
    })
  return fc.oneof(rows, extents)
}

const section = shape.chain((of): fc.Arbitrary<CommitSection> =>
  fc.record({
    stream: fc.nat(),
    shape: fc.constant(of),
    runs: fc.array(runOf(of), { minLength: 1, maxLength: 4 }),
  }),
)

/** A run with its rows as they lie in a record: packed, from 0. */
function packed(of: Shape, run: Run): unknown {
  if (run.kind === 'extents') return run
  const columns = of.widths.map((width, i) => [
    ...run.bytes.subarray(run.offsets[i]! + run.from * width).subarray(0, run.count * width),
  ])
  return { kind: 'rows', count: run.count, joined: run.joined, parted: run.parted, columns }
}

describe('commits', () => {
  it('read back as they were written, shapes defined once', () => {
    fc.assert(
      fc.property(fc.array(section, { minLength: 1, maxLength: 4 }), lsn, lsn, (sections, number, proven) => {
        const to = new ByteWriter(16)
        to.u64(number)
        to.u64(proven)
        const known = new Map<Shape, number>()
        const all = [...sections, sections[0]!]
        encodeCommit(to, all, (of) => {
          const isNew = !known.has(of)
          if (isNew) known.set(of, known.size)
          return { number: known.get(of)!, isNew }
        })
        const record = takeSteps(recordSteps(COMMIT, to.view().slice(), 64, new Map()))
        expect(record).toMatchObject({ kind: 'commit', lsn: number, proven })
        if (record.kind !== 'commit') return
        expect(record.sections.map((each) => [each.stream, each.shape])).toEqual(
          all.map((each) => [each.stream, each.shape]),
        )
        const runs = (each: CommitSection): unknown => each.runs.map((run) => packed(each.shape, run))
        expect(record.sections.map(runs)).toEqual(all.map(runs))
      }),
      propertyOptions(150),
    )
  })
})

/** What happens to channel 1, by positions that are taken modulo what is there. */
type Happening = {
  readonly at: number
  readonly remove: number
  readonly insert: readonly { gap: number; count: number }[]
}

const happening: fc.Arbitrary<Happening> = fc.record({
  at: fc.nat(),
  remove: fc.nat({ max: 6 }),
  insert: fc.array(fc.record({ gap: fc.nat({ max: 3 }), count: fc.integer({ min: 1, max: 4 }) }), {
    maxLength: 6,
  }),
})

function contents(version: Version): Pointer[] {
  const table = version.pointers.get(1)
  return [...table.slice(0, table.length)]
}

describe('apply', () => {
  // 0003-I3, 0003-I1
  it('gives what an array gives, counts live bytes, and changes no version that was there', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 25 }), (happenings) => {
        const first = Array.from({ length: 40 }, (_, i) => pointerTo(i * 100, 5))
        let version = versionWith({ 1: first })
        let expected = first
        const kept: { version: Version; expected: Pointer[]; segments: string }[] = []
        for (const [i, { at, remove, insert }] of happenings.entries()) {
          const position = at % (expected.length + 1)
          const going = expected.slice(position, position + remove)
          let next = Number(expected[position - 1]?.end ?? -1000n)
          const room = Number(expected[position + going.length]?.start ?? 1_000_000n)
          const comes: Pointer[] = []
          for (const { gap, count } of insert) {
            if (next + gap + count > room) break
            comes.push(pointerTo(next + gap, count, { segment: 1 + (i % 3), offset: 64, length: 4096 }))
            next += gap + count
          }
          if (going.length === 0 && comes.length === 0) continue
          const goes =
            going.length === 0
              ? {}
              : { goes: { first: going[0]!.start, last: going.at(-1)!.start, count: going.length } }
          kept.push({ version, expected, segments: JSON.stringify([...version.segments.entries()]) })
          version = apply(
            version,
            { kind: 'relocate', changes: [{ key: 1, ...goes, comes }] },
            version.lsn + 1,
          )
          expected = [...expected.slice(0, position), ...comes, ...expected.slice(position + going.length)]
          expect(contents(version)).toEqual(expected)
          for (const [id, { live }] of version.segments.entries()) {
            const sum = expected
              .filter(({ segment }) => segment === id)
              .reduce((total, pointer) => total + pointer.live, 0)
            expect(live).toBe(sum)
          }
        }
        for (const old of kept) {
          expect(contents(old.version)).toEqual(old.expected)
          expect(JSON.stringify([...old.version.segments.entries()])).toBe(old.segments)
        }
      }),
      propertyOptions(100),
    )
  })
})

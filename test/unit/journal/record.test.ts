// Records as bytes: commits with rows and extents, shapes defined once a file.

import { describe, expect, it } from 'vitest'
import { ByteWriter } from '../../../src/codec/byte-writer.ts'
import { DecodeError } from '../../../src/codec/decode-error.ts'
import { takeSteps } from '../../../src/steps.ts'
import { COMMIT, encodeCommit, recordSteps } from '../../../src/journal/record.ts'
import type { CommitSection, JournalRecord } from '../../../src/journal/record.ts'
import type { Shape } from '../../../src/journal/shape.ts'
import { shapeOf } from '../../../src/journal/shape.ts'
import { SHAPE, stripOf } from '../../support/pointers.ts'

function encode(sections: readonly CommitSection[], known: Map<Shape, number>): Uint8Array {
  const to = new ByteWriter()
  to.u64(7)
  to.u64(5)
  encodeCommit(to, sections, (shape) => {
    const number = known.get(shape)
    if (number !== undefined) return { number, isNew: false }
    known.set(shape, known.size)
    return { number: known.size - 1, isNew: true }
  })
  return to.view().slice()
}

function section(times: number[], from = 0): CommitSection {
  const strip = stripOf(times)
  const { bytes } = strip.page
  const run = {
    kind: 'rows',
    count: times.length - from,
    joined: true,
    parted: [2],
    bytes,
    offsets: strip.offsets,
    from,
  } as const
  return { stream: 3, shape: SHAPE, runs: [run] }
}

function decodeRecord(...of: Parameters<typeof recordSteps>): JournalRecord {
  return takeSteps(recordSteps(...of))
}

describe('a commit', () => {
  it('with rows gives back the rows of each channel, from where the run begins', () => {
    const record = decodeRecord(COMMIT, encode([section([10, 20, 30, 40], 1)], new Map()), 64, new Map())
    expect(record).toMatchObject({ kind: 'commit', lsn: 7, proven: 5, offset: 64 })
    if (record.kind !== 'commit') throw new Error('not a commit')
    const run = record.sections[0]!.runs[0]!
    expect(run).toMatchObject({ kind: 'rows', count: 3, joined: true, parted: [2], from: 0 })
    if (run.kind !== 'rows') throw new Error('not rows')
    const bytes = run.bytes.slice()
    expect([...new BigInt64Array(bytes.buffer, run.offsets[0], 3)]).toEqual([20n, 30n, 40n])
    expect([...new Float64Array(bytes.buffer, run.offsets[1], 3)]).toEqual([10, 15, 20])
  })

  it('with extents names their places', () => {
    const places = [
      { segment: 2 ** 40 + 3, offset: 64, length: 128 },
      { segment: 2 ** 40 + 3, offset: 192, length: 256 },
    ]
    const run = {
      kind: 'extents',
      count: 9,
      joined: false,
      parted: [],
      first: -5n,
      last: 99n,
      places,
    } as const
    const bytes = encode([{ stream: 1, shape: SHAPE, runs: [run] }], new Map())
    const record = decodeRecord(COMMIT, bytes, 0, new Map())
    expect(record.kind === 'commit' && record.sections[0]!.runs).toEqual([run])
  })

  it('defines a shape once, and refers to it afterwards', () => {
    const known = new Map<Shape, number>()
    const first = encode([section([1]), section([2])], known)
    const second = encode([section([3])], known)
    const shapes = new Map<number, Shape>()
    expect(() => decodeRecord(COMMIT, second, 0, shapes)).toThrow(DecodeError)
    decodeRecord(COMMIT, first, 0, shapes)
    const record = decodeRecord(COMMIT, second, 0, shapes)
    expect(record.kind === 'commit' && record.sections[0]!.shape).toEqual(
      shapeOf([1, 2], ['timestamp', 'float64']),
    )
  })

  it('that is cut short, or of an unknown kind, is refused', () => {
    const bytes = encode([section([1, 2, 3])], new Map())
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeRecord(COMMIT, bytes.subarray(0, length), 0, new Map())).toThrow(DecodeError)
    }
    expect(() => decodeRecord(9, bytes, 0, new Map())).toThrow(DecodeError)
  })
})

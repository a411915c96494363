// What a repair decides without a disk: which of the things that were said of a channel's samples count
// (0009-I1, I2), and what channels are called and where they belong when nothing tells.

import { describe, expect, it } from 'vitest'
import { takeSteps } from '../../../src/steps.ts'
import fc from 'fast-check'
import { define as defineInSteps } from '../../../src/database/repair/define.ts'
import type { Definitions, Trace } from '../../../src/database/repair/define.ts'
import type { Order, Said } from '../../../src/database/repair/history.ts'
import type { ExtentPiece, Piece } from '../../../src/database/repair/pieces.ts'
import { settle } from '../../../src/database/repair/settle.ts'
import type { Cutter, Settled } from '../../../src/database/repair/settle.ts'
import { channelOf } from '../../../src/telem/channel.ts'
import { propertyOptions } from '../../support/seeds.ts'

const at = (lsn: number): Order => ({ epoch: 1, lsn })

/** Samples at whole numbers from `from` to `to`, exclusive; the segment tells pieces apart. */
function extent(from: number, to: number, segment = 1, joined = false): ExtentPiece {
  const [start, end] = [BigInt(from), BigInt(to)]
  return { kind: 'extent', start, end, count: to - from, joined, segment, offset: 64, length: 800, skip: 0 }
}

function rows(from: number, to: number, joined = false): Piece {
  const times = BigInt64Array.from({ length: to - from }, (_, i) => BigInt(from + i))
  const bytes = new Uint8Array(times.buffer)
  return { kind: 'rows', start: BigInt(from), end: BigInt(to), count: to - from, joined, times, bytes }
}

/** A sample at each nanosecond: where to cut is no question. */
const exactly: Cutter = (piece, start, end) => {
  const from = start > piece.start ? start : piece.start
  const to = end < piece.end ? end : piece.end
  if (from >= to) return undefined
  const skip = piece.skip + Number(from - piece.start)
  return {
    ...piece,
    start: from,
    end: to,
    skip,
    count: Number(to - from),
    joined: piece.joined && from === piece.start,
  }
}

function define(...known: Parameters<typeof defineInSteps>): Definitions {
  return takeSteps(defineInSteps(...known))
}

function settled(
  base: readonly Piece[],
  said: readonly Said[],
  breaks: readonly Order[] = [],
  cut = exactly,
): Settled {
  return takeSteps(settle({ base, baseOrder: at(10), said, breaks }, cut))
}

const claim = (lsn: number, piece: Piece): Said => ({ kind: 'claim', order: at(lsn), piece })
const show = ({ pieces }: Settled): string[] =>
  pieces.map((piece) => {
    const from = piece.kind === 'rows' ? 'rows' : `s${piece.segment}+${piece.skip}`
    return `${piece.joined ? '-' : '|'}${piece.start}..${piece.end} ${from}`
  })

describe('what was said of a channel', () => {
  it('counts in the range that it speaks of, the newest first', () => {
    const said = [claim(11, extent(3, 6, 2)), claim(12, extent(5, 8, 3))]
    expect(show(settled([extent(0, 10)], said))).toEqual([
      '|0..3 s1+0',
      '|3..5 s2+0',
      '|5..8 s3+0',
      '|8..10 s1+8',
    ])
  })

  it('is taken away by what was deleted later, and not by what was deleted before', () => {
    const erase = (lsn: number): Said => ({ kind: 'erase', order: at(lsn), start: 2n, end: 4n })
    expect(show(settled([], [claim(11, rows(0, 6)), erase(12)]))).toEqual(['|0..2 rows', '|4..6 rows'])
    expect(show(settled([], [erase(11), claim(12, rows(0, 6))]))).toEqual(['|0..6 rows'])
    expect(show(settled([extent(0, 6)], [erase(9)]))).toEqual(['|0..6 s1+0'])
  })

  it('before the checkpoint lies beside its pointers, never over them', () => {
    const said = [claim(5, rows(0, 4)), claim(6, rows(4, 8)), claim(7, rows(8, 9))]
    expect(show(settled([extent(4, 8)], said))).toEqual(['|0..4 rows', '|4..8 s1+0', '|8..9 rows'])
  })

  it('replaces pointers that go by those that come, without cutting any', () => {
    const go: Said = { kind: 'go', order: at(11), first: 0n, last: 10n }
    const said = [go, claim(11, extent(0, 4)), claim(11, extent(7, 20, 2))]
    const never: Cutter = () => 'unknown'
    const result = settled([extent(0, 10), extent(10, 20, 2)], said, [], never)
    expect(show(result)).toEqual(['|0..4 s1+0', '|7..20 s2+0'])
    expect(result.uncut).toEqual([])
  })

  it('stays where rows lie between pointers that go, however many', () => {
    const count = 150_000
    const between = Array.from({ length: count }, (_, i) => claim(11, rows(10 + i, 11 + i)))
    const go: Said = { kind: 'go', order: at(12), first: 0n, last: BigInt(10 + count) }
    const { pieces } = settled([extent(0, 10), extent(10 + count, 20 + count, 2)], [...between, go])
    expect(pieces).toHaveLength(count)
  })

  it('is left out, and told, where a part of it is gone and nobody knows which', () => {
    const result = settled([extent(0, 10)], [claim(11, extent(4, 6, 2))], [], () => 'unknown')
    expect(show(result)).toEqual(['|4..6 s2+0'])
    expect(result.uncut).toEqual([extent(0, 10)])
  })

  it('goes on with a domain, but never across what was lost', () => {
    const said = [
      claim(11, rows(0, 2)),
      claim(12, rows(2, 4, true)),
      claim(14, rows(4, 6, true)),
      claim(15, rows(6, 8, true)),
    ]
    expect(show(settled([], said, [at(14)]))).toEqual([
      '|0..2 rows',
      '-2..4 rows',
      '|4..6 rows',
      '-6..8 rows',
    ])
  })

  it('goes on with nothing where a delete has parted it', () => {
    const said: Said[] = [
      claim(11, rows(0, 4)),
      claim(11, extent(4, 6, 1, true)),
      { kind: 'part', order: at(12), at: 4n },
    ]
    said.push({ kind: 'part', order: at(13), at: 2n })
    expect(show(settled([], said))).toEqual(['|0..2 rows', '|2..4 rows', '|4..6 s1+0'])
  })

  it('settles as a table of samples would, one sample at a time', () => {
    const range = fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 10 }))
    const step = fc.record({ kind: fc.constantFrom('rows', 'extent', 'erase'), range })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const table = new Map<number, string>()
        const said = steps.map(({ kind, range: [from, length] }, i): Said => {
          const order = at(11 + i)
          const to = from + length
          for (let time = from; time < to; time++) {
            if (kind === 'erase') table.delete(time)
            else table.set(time, kind === 'rows' ? `r${time}` : `s${i}+${time - from}`)
          }
          if (kind === 'erase') return { kind, order, start: BigInt(from), end: BigInt(to) }
          return { kind: 'claim', order, piece: kind === 'rows' ? rows(from, to) : extent(from, to, i) }
        })
        const found = new Map<number, string>()
        let end = -1n
        for (const piece of settled([], said).pieces) {
          expect(piece.start >= end).toBe(true)
          end = piece.end
          for (let i = 0; i < piece.count; i++) {
            const time = Number(piece.start) + i
            found.set(
              time,
              piece.kind === 'rows' ? `r${piece.times[i]!}` : `s${piece.segment}+${piece.skip + i}`,
            )
          }
        }
        expect(found).toEqual(new Map([...table].sort(([a], [b]) => a - b)))
      }),
      propertyOptions(100),
    )
  })
})

describe('channels without a definition', () => {
  const index = (key: number, pieces: readonly Piece[]): Trace => ({
    key,
    type: 'timestamp',
    isIndex: true,
    index: undefined,
    pieces,
  })
  const data = (key: number, pieces: readonly Piece[], home?: number): Trace => ({
    key,
    type: 'int16',
    isIndex: false,
    index: home,
    pieces,
  })
  const homes = (traces: readonly Trace[], defined: Parameters<typeof define>[0] = new Map()): unknown[] =>
    define(defined, traces).channels.map(({ name, index: home }) => [name, home])

  it('belong to the index channel that their extents fit', () => {
    const traces = [
      index(1, [extent(0, 10), extent(10, 30)]),
      index(2, [extent(0, 30)]),
      data(3, [extent(0, 10), extent(10, 30)]),
    ]
    expect(homes(traces)).toEqual([
      ['channel-1', undefined],
      ['channel-2', undefined],
      ['channel-3', 'channel-1'],
    ])
  })

  it('belong, of those that fit alike, to the one that was created last before them', () => {
    const pieces = [extent(0, 10)]
    const traces = [index(1, pieces), data(2, pieces), index(3, pieces), data(4, pieces), index(5, pieces)]
    expect(homes(traces).filter((_, i) => i % 2 === 1)).toEqual([
      ['channel-2', 'channel-1'],
      ['channel-4', 'channel-3'],
    ])
  })

  it('belong where a commit says that they do', () => {
    expect(homes([index(1, [extent(0, 10)]), index(2, []), data(3, [extent(0, 10)], 2)])[2]).toEqual([
      'channel-3',
      'channel-2',
    ])
  })

  it('are no channels where no index channel fits', () => {
    const { channels, homeless } = define(new Map(), [index(1, [extent(0, 10)]), data(2, [extent(0, 9)])])
    expect(channels.map(({ key }) => key)).toEqual([1])
    expect(homeless).toEqual([{ key: 2, name: 'channel-2' }])
  })

  it('that index channels of others were get the name that those say', () => {
    const value = channelOf({ name: 'value', kind: 'data', type: 'int16', index: 'time' }, 2)
    const { channels, guessed } = define(new Map([[2, value]]), [
      index(1, [extent(0, 10)]),
      data(2, [extent(0, 10)]),
    ])
    expect(channels.map(({ name }) => name)).toEqual(['time', 'value'])
    expect(guessed.get(1)).toMatch(/data channels/)
  })

  it('get a name that no other has', () => {
    const taken = channelOf({ name: 'channel-2', kind: 'index' }, 1)
    const { channels } = define(new Map([[1, taken]]), [index(2, [extent(0, 10)])])
    expect(channels.map(({ name }) => name)).toEqual(['channel-2', 'channel-2-2'])
  })
})

// The checker against histories by hand: what is right in every order that the calls allow, and each thing that may
// not be.

import { describe, expect, it } from 'vitest'
import { check } from './checker.ts'
import type { CommitPart, History, Read, Write } from './history.ts'

const CHANNELS = new Map([
  ['t', 't'],
  ['a', 't'],
  ['b', 't'],
  ['u', 'u'],
  ['c', 'u'],
])

type When = readonly [invoked: number, responded: number]

let nextId = 0

function part(index: 't' | 'u', times: readonly number[]): CommitPart {
  const channels = index === 't' ? ['t', 'a', 'b'] : ['u', 'c']
  return { index, channels, times, values: channels.map((name) => times.map((time) => valueOf(name, time))) }
}

function valueOf(channel: string, time: number): number {
  return channel === 't' || channel === 'u' ? time : time * 10 + channel.charCodeAt(0)
}

function commit(writer: number, [invoked, responded]: When, ...parts: CommitPart[]): Write {
  return { kind: 'commit', id: nextId++, invoked, responded, outcome: 'done', writer, parts }
}

function remove(
  channels: readonly string[],
  [start, end]: readonly [number, number],
  [invoked, responded]: When,
  removed: Record<string, number>,
): Write {
  return { kind: 'delete', id: nextId++, invoked, responded, outcome: 'done', channels, start, end, removed }
}

function read(at: number, seen: Record<string, readonly number[]>): Read {
  return {
    kind: 'read',
    id: nextId++,
    by: 'read',
    at,
    start: 0,
    end: Infinity,
    seen: Object.entries(seen).map(([channel, times]) => ({
      channel,
      times,
      values: times.map((time) => valueOf(channel, time)),
    })),
  }
}

function violation(...operations: (Write | Read)[]): string | undefined {
  return check({ channels: CHANNELS, operations, faults: [] } satisfies History).violation
}

const WHOLE = ['t', 'a', 'b']

describe('a history that some order explains', () => {
  it('is one where what is under way is seen, or not', () => {
    const written = commit(1, [1, 9], part('t', [10, 20]))
    expect(
      violation(written, read(2, { a: [] }), read(3, { a: [10, 20] }), read(10, { b: [10, 20] })),
    ).toBeUndefined()
  })

  it('is one where a delete under way has taken, of two commits under way, the one that was not seen again', () => {
    const all = [
      commit(1, [1, 20], part('t', [10])),
      commit(2, [2, 20], part('t', [30])),
      remove(WHOLE, [0, 100], [3, 20], { t: 1, a: 1, b: 1 }),
    ]
    expect(violation(...all, read(21, { a: [30] }))).toBeUndefined()
    expect(violation(...all, read(21, { a: [10] }))).toBeUndefined()
    expect(violation(...all, read(21, { a: [10, 30] }))).toMatch(/no order explains/)
  })

  it('is one where a commit goes where another one was deleted', () => {
    expect(
      violation(
        commit(1, [1, 2], part('t', [10, 20, 30])),
        remove(WHOLE, [15, 25], [3, 9], { t: 1, a: 1, b: 1 }),
        commit(2, [4, 8], part('t', [18])),
        read(10, { t: [10, 18, 30] }),
      ),
    ).toBeUndefined()
  })

  it('is one where a call that was never answered has taken effect late, or never', () => {
    const lost: Write = { ...commit(1, [1, 5], part('t', [10])), outcome: 'unknown' }
    expect(violation(lost, read(9, { a: [] }))).toBeUndefined()
    expect(violation(lost, read(8, { a: [] }), read(9, { a: [10] }))).toBeUndefined()
    expect(violation(lost, read(8, { a: [10] }), read(9, { a: [] }))).toMatch(/no order explains/)
  })

  it('is found among many deletes and commits that are all under way', () => {
    const commits = Array.from({ length: 6 }, (_, i) => commit(i, [i, 100], part('t', [10 * (i + 1)])))
    const deletes = Array.from({ length: 5 }, (_, i) =>
      remove(WHOLE, [0, 15 + i], [10 + i, 100], { t: 0, a: 0, b: 0 }),
    )
    const left = [10, 20, 30, 40, 50, 60]
    expect(violation(...commits, ...deletes, read(101, { a: left }))).toBeUndefined()
  })
})

describe('no order explains', () => {
  it.each<[string, RegExp, (Write | Read)[]]>([
    [
      'half a commit over two channels',
      /misses 10 of "b"/,
      [commit(1, [1, 5], part('t', [10])), read(3, { a: [10], b: [] })],
    ],
    [
      'half a commit over two groups',
      /misses 10 of "c"/,
      [commit(1, [1, 5], part('t', [10]), part('u', [10])), read(3, { a: [10], c: [] })],
    ],
    [
      'half a delete',
      /shows 20 of "b".*which something has taken/,
      [
        commit(1, [1, 2], part('t', [10, 20])),
        remove(WHOLE, [15, 25], [3, 9], { t: 1, a: 1, b: 1 }),
        read(5, { a: [10], b: [10, 20] }),
      ],
    ],
    [
      'a commit without its predecessor',
      /misses 10 of "a"/,
      [commit(1, [1, 9], part('t', [10])), commit(1, [2, 9], part('t', [20])), read(5, { a: [20] })],
    ],
    [
      'an acknowledged commit that is not there',
      /misses 10/,
      [commit(1, [1, 2], part('t', [10])), read(3, { a: [] })],
    ],
    [
      'a commit that nobody has made yet',
      /comes only with/,
      [commit(1, [5, 6], part('t', [10])), read(3, { a: [10] })],
    ],
    [
      'a sample that comes back',
      /which something has taken/,
      [
        commit(1, [1, 2], part('t', [10])),
        remove(WHOLE, [0, 20], [3, 9], { t: 1, a: 1, b: 1 }),
        read(5, { a: [] }),
        read(6, { a: [10] }),
      ],
    ],
    [
      'a delete that takes what was read with what it leaves',
      /no order explains/,
      [
        commit(1, [1, 2], part('t', [10, 20])),
        remove(WHOLE, [0, 100], [3, 9], { t: 2, a: 2, b: 2 }),
        commit(1, [4, 5], part('t', [30])),
        read(6, { a: [10, 20, 30] }),
        read(10, { a: [30] }),
      ],
    ],
    [
      'a delete that counts wrongly',
      /says that it has removed 3 samples of "a" where there are 2/,
      [commit(1, [1, 2], part('t', [10, 20])), remove(WHOLE, [0, 100], [3, 4], { t: 2, a: 3, b: 2 })],
    ],
    [
      'times taken from under a data channel',
      /"b" has samples in the range whose times it takes/,
      [commit(1, [1, 2], part('t', [10])), remove(['t', 'a'], [0, 100], [3, 4], { t: 1, a: 1 })],
    ],
    [
      'two commits over the same time',
      /"t" has (15|20) already/,
      [commit(1, [1, 5], part('t', [10, 20])), commit(2, [2, 6], part('t', [15, 25]))],
    ],
    [
      "a commit within another's stretch",
      /lies inside the stretch of 10 and 20/,
      [commit(1, [1, 5], part('t', [10, 20])), commit(2, [6, 7], part('t', [15]))],
    ],
    [
      'a snapshot that changes',
      /misses 10/,
      [commit(1, [1, 2], part('t', [10])), read(3, { a: [10] }), read(3.5, { a: [] })],
    ],
    [
      'a value that is not the one written',
      /commit \d+ of writer 1/,
      [
        commit(1, [1, 2], part('t', [10])),
        { ...read(3, { a: [10] }), seen: [{ channel: 'a', times: [10], values: [5] }] },
      ],
    ],
    ['a sample that nobody wrote', /which nobody wrote/, [read(3, { a: [10] })]],
    [
      'a sample that was refused',
      /which was refused/,
      [{ ...commit(1, [1, 2], part('t', [10])), outcome: 'refused' }, read(3, { a: [10] })],
    ],
    [
      'a count that is not that of the read',
      /count says 2/,
      [
        commit(1, [1, 2], part('t', [10])),
        { ...read(3, {}), seen: [{ channel: 't', times: [10], values: [10], count: 2 }] },
      ],
    ],
    [
      'bounds that are not those of the read',
      /bounds says/,
      [
        commit(1, [1, 2], part('t', [10])),
        { ...read(3, {}), seen: [{ channel: 't', times: [10], values: [10], bounds: [10, 12] }] },
      ],
    ],
    [
      'a read of a channel that is gone',
      /"a" has been removed/,
      [
        { kind: 'remove', id: -1, invoked: 1, responded: 2, outcome: 'done', channels: ['a'] },
        read(3, { a: [] }),
      ],
    ],
  ])('%s', (_, shows, operations) => {
    expect(violation(...operations)).toMatch(shows)
  })
})

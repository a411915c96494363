// The checker against brute force: small random histories, right ones and ones with something changed, for which every
// order of the calls is tried on a store of its own. Both must say the same of each.

import { expect, it } from 'vitest'
import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { propertyOptions } from '../support/seeds.ts'
import { check } from './checker.ts'
import type { Commit, Delete, History, Read, Write } from './history.ts'

const CHANNELS = ['t', 'a', 'b']
const HISTORY_CHANNELS = new Map(CHANNELS.map((name) => [name, 't']))

type State = Map<string, Set<number>>

function empty(): State {
  return new Map(CHANNELS.map((name) => [name, new Set<number>()]))
}

/** Does one operation; false where it cannot be what comes next. */
function perform(state: State, operation: Write | Read, all: readonly Commit[]): boolean {
  if (operation.kind === 'read') {
    return operation.seen.every(({ channel, times }) => {
      const there = [...state.get(channel)!].toSorted((a, b) => a - b)
      return String(there) === String(times)
    })
  }
  if (operation.kind === 'remove') return false
  if (operation.kind === 'commit') {
    const { times } = operation.parts[0]!
    const [first, last] = [times[0]!, times.at(-1)!]
    const there = [...state.get('t')!].toSorted((a, b) => a - b)
    if (there.some((time) => time >= first && time <= last)) return false
    const before = there.findLast((time) => time < first)
    const next = there.find((time) => time > last)
    const isInside = all.some(({ parts }) => {
      const at = before === undefined ? -1 : parts[0]!.times.indexOf(before)
      return at >= 0 && next !== undefined && parts[0]!.times[at + 1] === next
    })
    if (isInside) return false
    for (const name of CHANNELS) for (const time of times) state.get(name)!.add(time)
    return true
  }
  return operation.channels.every((name) => {
    const gone = [...state.get(name)!].filter((time) => time >= operation.start && time < operation.end)
    if (name === 't') {
      const kept = CHANNELS.filter((each) => !operation.channels.includes(each))
      if (
        kept.some((each) =>
          [...state.get(each)!].some((time) => time >= operation.start && time < operation.end),
        )
      )
        return false
    }
    for (const time of gone) state.get(name)!.delete(time)
    return operation.removed![name] === gone.length
  })
}

/** Whether some order explains a history. */
function hasOrder(operations: readonly (Write | Read)[]): boolean {
  const commits = operations.filter((each) => each.kind === 'commit')
  const begin = (each: Write | Read): number => (each.kind === 'read' ? each.at : each.invoked)
  const end = (each: Write | Read): number => (each.kind === 'read' ? each.at : each.responded)
  const go = (state: State, left: readonly (Write | Read)[]): boolean => {
    if (left.length === 0) return true
    const earliest = Math.min(...left.map(end))
    return left.some((each) => {
      if (begin(each) > earliest) return false
      if (
        each.kind === 'commit' &&
        left.some(
          (other) => other.kind === 'commit' && other.writer === each.writer && other.invoked < each.invoked,
        )
      )
        return false
      const next: State = new Map([...state].map(([name, times]) => [name, new Set(times)]))
      return (
        perform(next, each, commits) &&
        go(
          next,
          left.filter((other) => other !== each),
        )
      )
    })
  }
  return go(empty(), operations)
}

/** Done one after the other, and told with calls that overlap; then, perhaps, told wrongly. */
function tell(random: SeededRandom): History {
  const state = empty()
  const operations: (Write | Read)[] = []
  let unused = [1, 2, 3, 4, 5, 6, 7, 8, 9]
  const count = 3 + random.below(5)
  for (let i = 0; i < count; i++) {
    // It takes effect at 10 (i + 1), and may begin before others and end behind them.
    const at = 10 * (i + 1)
    const [invoked, responded] = [at - 1 - random.below(30) - i / 100, at + 1 + random.below(30) + i / 100]
    const call = { id: i, invoked, responded, outcome: 'done' as const }
    const dice = random.below(10)
    if (dice < 4) {
      const times = unused.filter(() => random.chance(0.3)).slice(0, 3)
      if (times.length === 0) continue
      const commit: Commit = {
        ...call,
        kind: 'commit',
        writer: i,
        parts: [{ index: 't', channels: CHANNELS, times, values: CHANNELS.map(() => times) }],
      }
      const before = operations.filter((each) => each.kind === 'commit')
      if (!perform(state, commit, before)) continue
      unused = unused.filter((time) => !times.includes(time))
      operations.push(commit)
    } else if (dice < 7) {
      const start = random.below(9)
      const end = start + 1 + random.below(6)
      const channels = random.chance(0.6) ? CHANNELS : ['a', 'b'].filter(() => random.chance(0.6))
      const removed = Object.fromEntries(
        channels.map((name) => [
          name,
          [...state.get(name)!].filter((time) => time >= start && time < end).length,
        ]),
      )
      const remove: Delete = { ...call, kind: 'delete', channels, start, end, removed }
      if (channels.length > 0 && perform(state, remove, [])) operations.push(remove)
    } else operations.push(readOf(state, i, at))
  }
  operations.push(readOf(state, count, 10_000))
  return {
    channels: HISTORY_CHANNELS,
    operations: operations.map((each) => (random.chance(0.15) ? changed(each, random) : each)),
    faults: [],
  }
}

function readOf(state: State, id: number, at: number): Read {
  const seen = CHANNELS.map((channel) => {
    const times = [...state.get(channel)!].toSorted((a, b) => a - b)
    return { channel, times, values: times }
  })
  return { kind: 'read', id, by: 'read', at, start: 0, end: Infinity, seen }
}

/** Something that may well be wrong. */
function changed(operation: Write | Read, random: SeededRandom): Write | Read {
  if (operation.kind === 'read') {
    const seen = operation.seen.map((each) => {
      const times = each.times.filter(() => random.chance(0.7))
      return { ...each, times, values: times }
    })
    return { ...operation, seen }
  }
  if (operation.kind === 'delete') {
    const removed = Object.fromEntries(
      Object.entries(operation.removed!).map(([name, count]) => [
        name,
        Math.max(0, count + random.below(3) - 1),
      ]),
    )
    return { ...operation, removed }
  }
  // It has ended, or begun, at another time.
  return random.chance(0.5)
    ? { ...operation, responded: operation.invoked + 0.5 }
    : { ...operation, invoked: operation.responded - 0.5 }
}

it('says of every small history what trying all orders says', () => {
  const { numRuns, seed = 1 } = propertyOptions(3000)
  const said = { explained: 0, refused: 0 }
  for (let run = 0; run < numRuns; run++) {
    const history = tell(new SeededRandom(seed + run))
    const wanted = hasOrder(history.operations)
    const { violation } = check(history)
    expect(violation === undefined, `RUBIDIUM_SEED=${seed + run} RUBIDIUM_RUNS=1: ${violation}`).toBe(wanted)
    if (wanted) said.explained++
    else said.refused++
  }
  // Both kinds were there.
  expect(Math.min(said.explained, said.refused)).toBeGreaterThan(numRuns / 20)
})

// The domains of one channel at one instant: how many contiguous stretches its samples form. Lists of
// pointers know their own, so that most of a channel of a million pointers is not looked at. Called by
// `stats`.

import { partitionPoint } from '../binary-search.ts'
import type { PointerList } from '../domain/pointer-list.ts'
import { END_OF_TIME, MIN_TIMESTAMP } from '../telem/timestamp.ts'
import { byStart, listsOf, rowsIn } from './channel-view.ts'
import type { ChannelRef, GroupView, Part } from './channel-view.ts'

/** Lists of fewer pointers are looked at one by one. */
const FEW = 16

/** What is asked of samples in order of time to count the stretches that they form. */
type Stretches = Pick<PointerList, 'length' | 'domains' | 'startAt' | 'endAt' | 'joinedAt' | 'startBound'>

/** A stretch of samples, where it is not one of a list. */
type Stretch = Pick<Part, 'start' | 'end' | 'joined'>

/**
 * Contiguous stretches of a channel: those that go on, or touch, are one. Only where others lie between the
 * pointers of a list those are looked at.
 */
export function domainsOf(view: GroupView, channel: ChannelRef): number {
  const single: Stretch[] = rowsIn(view, channel, MIN_TIMESTAMP, END_OF_TIME)
  const lists: Stretches[] = []
  for (const { list } of listsOf(view, channel)) {
    if (list.length >= FEW) lists.push(list)
    else list.forEach(0, list.length, (pointer) => single.push(pointer))
  }
  if (single.length > 0) lists.push(stretchesOf(single.sort(byStart)))
  const heads = lists.map((list) => ({ list, at: 0 }))
  let domains = 0
  for (const { list } of heads) domains += list.domains
  for (let before: { list: Stretches; end: bigint } | undefined; heads.length > 0;) {
    heads.sort((a, b) => (a.list.startAt(a.at) < b.list.startAt(b.at) ? -1 : 1))
    const [head, next] = heads as [(typeof heads)[0], (typeof heads)[0] | undefined]
    const { list, at } = head
    const start = list.startAt(at)
    if (before !== undefined && before.list !== list && !list.joinedAt(at)) {
      if (at === 0 || list.endAt(at - 1) !== start) domains--
      if (before.end !== start) domains++
    }
    head.at = next === undefined ? list.length : list.startBound(next.list.startAt(next.at))
    before = { list, end: list.endAt(head.at - 1) }
    if (head.at === list.length) heads.shift()
  }
  return domains
}

function stretchesOf(parts: readonly Stretch[]): Stretches {
  let domains = 0
  parts.forEach(({ start, joined }, i) => (domains += joined || start === parts[i - 1]?.end ? 0 : 1))
  return {
    length: parts.length,
    domains,
    startAt: (position) => parts[position]!.start,
    endAt: (position) => parts[position]!.end,
    joinedAt: (position) => parts[position]!.joined,
    startBound: (time) => partitionPoint(0, parts.length, (i) => parts[i]!.start < time),
  }
}

// A delete: one read-modify-write under one held set of guards, one durable record. What it takes was planned in
// slices (delete-plan.ts); here, in the very step that appends and publishes, what was committed since is found
// as well (pitfall "read, then half deleted"). Nothing is flushed, nothing rewritten: pointers are cut,
// bytes become tombstones.

import type { Group } from '../domain/group.ts'
import { applyTailCut } from '../domain/group.ts'
import type { Held } from '../guard/held.ts'
import { assertHeld } from '../guard/held.ts'
import type { Channel } from '../telem/channel.ts'
import type { TimeRange } from '../telem/time-range.ts'
import type { PointerChange, TailCut } from '../version/edit.ts'
import { isBefore, partsSince, refuseDependent, takeOfTail } from './delete-plan.ts'
import type { ChannelPlan, DeletePlan, GroupPlan, TailPart, TailTake } from './delete-plan.ts'
import type { Engine } from './engine.ts'

/** What a delete did. */
export interface DeleteResult {
  /** By name: samples removed; 0 where there were none. */
  readonly samples: Record<string, number>
  /** Bytes of segments that became tombstones. */
  readonly bytes: number
}

/** What a delete did, and the LSN of its record; none where nothing was in the range. */
export interface DeleteOutcome {
  readonly result: DeleteResult
  readonly lsn: number | undefined
}

/** What the step did: samples in the order of the channels, and bytes. */
export interface DeleteStep {
  readonly samples: readonly number[]
  readonly bytes: number
  readonly lsn: number | undefined
}

/**
 * Deletes [start, end) of the channels of a plan.
 *
 * **Guard:** index, exclusive, for all their groups. **Durable:** handed to the operating system.
 * @param plan made under the same guards
 * @returns what it did, and its LSN; none where nothing was in the range
 * @throws DependentDataError, StorageError, CorruptionError; then nothing has changed
 */
export function deleteUnder(
  held: Held<'index', 'exclusive'>,
  engine: Engine,
  range: TimeRange,
  plan: DeletePlan,
): DeleteStep {
  const since = new Map<GroupPlan, TailPart[]>()
  for (const group of plan.groups) {
    assertHeld(held, group.key)
    const parts = partsSince(engine.groups.get(group.key), group, range)
    if (parts.length === 0) continue
    for (const data of group.dependents) if (isIn(parts, data)) refuseDependent(engine, data, range)
    since.set(group, parts)
  }
  const samples: number[] = []
  const changes: PointerChange[] = []
  const extents: PointerChange[] = []
  const parted: { key: number; at: bigint }[] = []
  const keys: number[] = []
  let bytes = 0
  for (const channel of plan.channels) {
    const { ref, change, tail } = channel
    const parts = since.size === 0 ? undefined : since.get(channel.group)
    const added = parts === undefined ? undefined : takeOfTail(engine, ref, parts, range)
    const count = channel.samples + tail.samples + (added?.samples ?? 0)
    samples.push(count)
    if (count === 0) continue
    keys.push(ref.key)
    bytes += channel.bytes + tail.bytes + (added?.bytes ?? 0)
    if (change !== undefined) changes.push(change)
    for (const each of tail.changes) extents.push(each)
    if (added !== undefined) extents.push(...added.changes)
    const next = nextSample(channel, added, range)
    if (next === undefined) continue
    if (typeof next === 'bigint') parted.push({ key: ref.key, at: next })
    else changes.push(next)
  }
  if (keys.length === 0) return { samples, bytes: 0, lsn: undefined }
  const cut: TailCut = { ...range, keys, extents, parted }
  const lsn = engine.publishEdit({ kind: 'delete', changes, tail: cut }, plan.prepared, plan.encoded)
  const groups = plan.groups.map(({ key }) => engine.group(key))
  const named = groups.map(extentsNamed)
  const freed = applyTailCut(groups, cut, (key, gone, comes) =>
    engine.deadSpace.noteTailCut(key, gone, comes, lsn),
  )
  engine.noteTailFreed(freed, lsn)
  groups.forEach((group, i) => {
    engine.tailExtents -= named[i]! - extentsNamed(group)
    group.generation++
  })
  breakStreams(groups, keys, range)
  return { samples, bytes, lsn }
}

/** What is told of a step. */
export function outcomeOf(channels: readonly Channel[], { samples, bytes, lsn }: DeleteStep): DeleteOutcome {
  // A name may be one that an object has by itself.
  const byName: Record<string, number> = Object.create(null) as Record<string, number>
  channels.forEach(({ name }, i) => (byName[name] = samples[i]!))
  return { result: { samples: { ...byName }, bytes }, lsn }
}

/** Whether what was committed can hold samples of a channel. */
function isIn(parts: readonly TailPart[], { key }: Channel): boolean {
  return parts.some((part) =>
    part.kind === 'extents' ? part.run.pointers.has(key) : part.view.strip.shape.ordinals.has(key),
  )
}

/** Extents that a group's tail names, as they are counted for the engine. */
function extentsNamed({ runs }: Group): number {
  return runs.reduce((sum, run) => sum + (run.kind === 'extents' ? run.shape.keys.length : 0), 0)
}

/**
 * The first sample behind the range, which went on with what was removed, and must not any more: its time, where it is
 * in a tail, or the change of its pointer. None where a piece of a cut pointer is left behind the range: that
 * piece is parted by the cut itself.
 */
function nextSample(
  { tail, isCutOff, next }: ChannelPlan,
  added: TailTake | undefined,
  range: TimeRange,
): bigint | PointerChange | undefined {
  if (isCutOff) return undefined
  if (added?.changes.some(({ comes }) => comes.some(({ start }) => start >= range.end)) === true)
    return undefined
  const inTail = isBefore(added?.next, tail.next) ? added?.next : tail.next
  if (next !== undefined && isBefore(next.start, inTail)) return next.part
  return inTail
}

/** Writers whose last committed sample went must not join what they commit next to it. */
function breakStreams(groups: readonly Group[], keys: readonly number[], range: TimeRange): void {
  let removed: ReadonlySet<number> | undefined
  for (const group of groups) {
    for (const stream of group.streams) {
      const last = stream.committedLast
      if (last === undefined || last < range.start || last >= range.end) continue
      const gone = (removed ??= new Set(keys))
      for (const key of stream.shape.keys) if (gone.has(key)) stream.broken.add(key)
    }
  }
}

// Taking and giving back snapshots: an immutable instant, pinned.

import type { TailView } from '../domain/tail.ts'
import type { ChannelRef } from '../unary/channel-view.ts'
import type { Engine } from './engine.ts'
import { SnapshotState } from './snapshot-state.ts'

/** Captures the head, in one step. @param keys of the groups whose tails are wanted; all without */
export function takeSnapshot(engine: Engine, keys: Iterable<number> = engine.groups.keys()): SnapshotState {
  const tails = new Map<number, readonly TailView[]>()
  for (const key of keys) {
    const group = engine.groups.get(key)
    if (group !== undefined && group.runs.length > 0) tails.set(key, group.views())
  }
  const state = new SnapshotState(engine.version, engine.pins.pin(engine.lastLsn), tails, engine.segments)
  engine.snapshots.add(state)
  return state
}

/**
 * Holds an instant for work that lets the loop turn: its own, whoever else holds it, since a snapshot may be
 * closed before that has ended.
 * @param held the instant; the head where there is none
 * @param channels whose groups are wanted; all without
 */
export function holdInstant(
  engine: Engine,
  held: SnapshotState | undefined,
  channels?: readonly ChannelRef[],
): SnapshotState {
  const keys = channels === undefined ? undefined : new Set(channels.map(({ index }) => index.key))
  if (held === undefined) return takeSnapshot(engine, keys)
  const again = held.heldBy(engine.pins.pin(held.pin.lsn), keys)
  engine.snapshots.add(again)
  return again
}

/** What it pinned may be destroyed. */
export function releaseSnapshot(engine: Engine, state: SnapshotState): void {
  engine.snapshots.delete(state)
  engine.pins.release(state.pin)
}

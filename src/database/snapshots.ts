// Taking and giving back snapshots: an immutable instant, pinned.

import type { TailView } from '../domain/tail.ts'
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

/** What it pinned may be destroyed. */
export function releaseSnapshot(engine: Engine, state: SnapshotState): void {
  engine.snapshots.delete(state)
  engine.pins.release(state.pin)
}

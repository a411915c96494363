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

/** The instant of a snapshot that is open, for whoever needs it though that is closed meanwhile. */
export function holdAgain(engine: Engine, state: SnapshotState, keys: Iterable<number>): SnapshotState {
  const again = state.heldBy(engine.pins.pin(state.pin.lsn), keys)
  engine.snapshots.add(again)
  return again
}

/** What it pinned may be destroyed. */
export function releaseSnapshot(engine: Engine, state: SnapshotState): void {
  engine.snapshots.delete(state)
  engine.pins.release(state.pin)
}

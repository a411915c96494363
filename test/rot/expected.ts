// What may be found of a damaged store (0005): all of it, or a CorruptionError; and only where a log
// ends torn after a kill or a power loss, a prefix. Worked out from the store as it was and from which
// of its bytes are others now, by nobody's decoder.

import type { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import type { ModelState } from '../crash/model.ts'
import { absolute, bytesOf, filesOf } from './damage.ts'
import type { Damage } from './damage.ts'
import type { Store, StoredRecord } from './stores.ts'

/** By absolute path: which bytes of a file are not what they were. */
export type Changes = ReadonlyMap<string, Change>

export interface Change {
  /** The first and the last byte that differ or are gone, `to` exclusive. */
  readonly from: number
  readonly to: number
  /** Whether the byte is another, or gone. */
  readonly has: (offset: number) => boolean
}

export function changesOf(store: Store, disk: MemoryFileSystem): Changes {
  const changes = new Map<string, Change>()
  for (const path of filesOf(store.disk)) {
    const [before, after] = [bytesOf(store.disk, path), bytesOf(disk, path)]
    const has = (offset: number): boolean => before[offset] !== after[offset]
    let from = 0
    while (from < before.length && !has(from)) from++
    let to = Math.max(before.length, after.length)
    while (to > from && !has(to - 1)) to--
    if (from < to) changes.set(absolute(path), { from, to, has })
  }
  return changes
}

/** Whether some byte of [from, to) of a file was changed. */
export function touches(changes: Changes, path: string, from: number, to: number): boolean {
  const change = changes.get(path)
  if (change === undefined) return false
  for (let i = Math.max(from, change.from); i < Math.min(to, change.to); i++) if (change.has(i)) return true
  return false
}

/** Whether a file of one of these folders was changed; or one of these files, for those at the top. */
export function touchesAny(changes: Changes, ...names: readonly string[]): boolean {
  return [...changes.keys()].some((path) => names.some((name) => path.startsWith(absolute(name))))
}

/** Bytes of a file's header. */
const HEADER = 64

/** The states that may be found, newest first. */
export function allowedStates(store: Store, damage: Damage, changes: Changes): ModelState[] {
  const allowed = statesLeft(store, damage, changes)
  const newest = store.states.at(-1)!.state
  // A log that is another database's whole log cannot be told from one's own.
  return damage.kind === 'twin' && !allowed.includes(newest) ? [newest, ...allowed] : allowed
}

function statesLeft(store: Store, damage: Damage, changes: Changes): ModelState[] {
  const { states, ending, records, covers, base } = store
  const newest = states.at(-1)!
  if (ending === 'closed' || touchesAny(changes, 'manifest')) return [newest.state]
  const isBad = ({ path, offset, length }: StoredRecord): boolean =>
    touches(changes, path, offset, offset + length) || touches(changes, path, 0, HEADER)
  const firstBad = records.find(isBad)
  const last = records.at(-1)?.lsn ?? covers
  if (firstBad === undefined && !(ending === 'restarted' && touchesAny(changes, 'segments'))) {
    return [newest.state]
  }
  // Only after the epoch's first record was on the disk the mark of the close before it was removed.
  if (base === 'older' && firstBad?.lsn === covers + 1) return [newest.state]
  const upTo = (firstBad?.lsn ?? last + 1) - 1
  if (ending === 'killed') {
    // What was not restarted has all bytes: the last file alone can end early.
    const isTail = damage.kind === 'cut' && absolute(damage.path) === records.at(-1)!.path
    return isTail ? [stateAt(store, upTo)] : [newest.state]
  }
  const isSound = ({ path, offset, length }: StoredRecord): boolean =>
    !touches(changes, path, offset, offset + length)
  const mark = records.filter(isSound).reduce((most, { proven }) => Math.max(most, proven), covers)
  if (upTo < mark) return [newest.state]
  if (!touchesAny(changes, 'segments')) return [stateAt(store, upTo)]
  const allowed: ModelState[] = []
  for (let lsn = upTo; lsn >= mark; lsn--) {
    const state = stateAt(store, lsn)
    if (!allowed.includes(state)) allowed.push(state)
  }
  return allowed
}

function stateAt({ states }: Store, lsn: number): ModelState {
  return states.findLast((each) => each.lsn <= lsn)!.state
}

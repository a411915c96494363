// The beginning of an epoch. After a crash everything that recovery believes beyond the proven mark is
// copied into files of the new epoch and a checkpoint of its own is synced, before its first record says
// that it has begun (S3, S6). Where there is no room for that, with all of the reserve, nothing stays
// behind (0005). Called by open.

import { diskFull, isDiskFull, neededBy } from '../../fs/storage-error.ts'
import { epochOf } from '../../fs/layout.ts'
import { unguarded } from '../../guard/held.ts'
import { Journal } from '../../journal/journal.ts'
import { Manifest } from '../../manifest/manifest.ts'
import type { Engine } from '../engine.ts'
import type { Flusher } from '../flusher.ts'
import type { LoadedState } from './load.ts'
import { relocateUnproven } from './relocate-unproven.ts'
import { SLICE_MS } from '../turns.ts'

/** Bytes of a pointer in a checkpoint. */
const POINTER_SIZE = 49

/** How far the beginning of an epoch is. */
export interface Progress {
  /** Another opener may find that it has begun: what it names must stay. */
  mayCount: boolean
}

/** Makes the recovered state this epoch's own, and writes its first record. */
export async function beginEpoch(
  engine: Engine,
  flusher: Flusher,
  state: LoadedState | undefined,
  progress: Progress,
): Promise<void> {
  const { files, directory, epoch, databaseId, environment } = engine
  const { bootId } = environment.identity
  const base = state?.clean === undefined ? undefined : state.manifest
  if (state !== undefined && base === undefined) {
    const needed = await neededToBegin(engine, state)
    try {
      await engine.reserve.lendAlone(() => flusher.flushAll())
      await engine.reserve.lendAlone(() => relocateUnproven(engine, state.unproven))
      await engine.syncer.syncSegments()
      await engine.reserve.lendAlone(() => writeFirstCheckpoint(engine, progress))
    } catch (error) {
      if (!isDiskFull(error)) throw error
      const action = 'Cannot open the database for writing (readOnly takes no room)'
      throw diskFull(action, directory, error, Math.max(needed, neededBy(error)))
    }
  }
  const journal = new Journal({
    files,
    directory,
    epoch,
    databaseId,
    firstLsn: engine.lastLsn + 1,
    rollSize: engine.tuning.journalFileSize,
    fillSize: engine.tuning.fillSize,
    urgently: (step) => engine.reserve.lendNow('delete', step),
  })
  engine.covered = engine.lastLsn
  engine.baseManifest = base
  // What came before is on the disk: synced above, or by the clean close.
  engine.syncer.attach(journal, engine.lastLsn)
  engine.journal = journal
  engine.lookNow()
  progress.mayCount = true
  const lsn = engine.publishEdit({
    kind: 'begin',
    epoch,
    bootId,
    ...(base === undefined ? {} : { base: { file: base.name, size: base.size } }),
  })
  await engine.syncer.reach(lsn)
  engine.lookNow()
}

/**
 * Bytes that recovery writes at least: what tails hold, what only unproven records name, the pointers of the
 * checkpoint.
 */
async function neededToBegin(engine: Engine, state: LoadedState): Promise<number> {
  let needed = 0
  for (const group of engine.groups.values())
    for (const run of group.runs)
      if (run.kind === 'strip') needed += (run.committed - run.flushed) * run.shape.rowSize
  for (const key of state.unproven) {
    needed += Number(key.slice(key.lastIndexOf(':') + 1))
    const turn = engine.turns.due(SLICE_MS)
    if (turn !== undefined) await turn
  }
  for (const [, table] of state.version.pointers.entries()) {
    needed += table.length * POINTER_SIZE
    const turn = engine.turns.due(SLICE_MS)
    if (turn !== undefined) await turn
  }
  return needed
}

/** Of a checkpoint in which all that was recovered stands; a second try has a name of its own. */
async function writeFirstCheckpoint(engine: Engine, progress: Progress): Promise<void> {
  const { files, directory, epoch, databaseId, environment } = engine
  using held = await engine.guards.acquire(unguarded, {
    rank: 'manifest',
    mode: 'exclusive',
    purpose: 'recover',
  })
  if (engine.version.lsn <= engine.checkpointTried) engine.publishEdit({ kind: 'drop', segments: [] })
  const facts = { covers: engine.lastLsn, bootId: environment.identity.bootId }
  engine.lookNow()
  engine.checkpointTried = engine.version.lsn
  const identity = { files, directory, epoch, databaseId }
  const turn = (): Promise<void> | undefined => engine.turns.due(SLICE_MS)
  engine.manifest = await Manifest.write(held, identity, engine.version, facts, turn, () => {
    progress.mayCount = true
  })
}

/**
 * Removes the segments of an epoch that has not begun and never will: each try to open on a full disk would
 * leave some. As far as it goes: whatever is left the next holder removes.
 */
export async function removeOwn(engine: Engine): Promise<void> {
  for (const segment of engine.segments.all()) {
    if (epochOf(segment.id) === engine.epoch) await engine.segments.remove(segment).catch(() => {})
  }
}

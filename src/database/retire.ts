// Retirement: the oldest journal file leaves when its commits are flushed and its edits are in the
// synced manifest (S2). Archived edits that outgrow the checkpoint call for a new one, written in
// slices from an immutable version while edits go on; nothing is retired meanwhile, both under the
// guard of the manifest.

import { unguarded } from '../guard/held.ts'
import type { Held, Under } from '../guard/held.ts'
import { readFrame } from '../journal/frame.ts'
import type { Journal, JournalFile } from '../journal/journal.ts'
import { RECORD_HEADER } from '../journal/record.ts'
import { CorruptionError } from '../errors.ts'
import { join } from '../fs/layout.ts'
import { storageError } from '../fs/storage-error.ts'
import { removeIfThere } from '../lease/linked-file.ts'
import { Manifest } from '../manifest/manifest.ts'
import type { ArchivedEdit } from '../manifest/manifest.ts'
import type { Group } from '../domain/group.ts'
import type { Engine } from './engine.ts'
import { SLICE_MS } from './turns.ts'

/** The groups whose unflushed commits keep a journal file alive. */
export function groupsKeeping(engine: Engine, file: JournalFile): Group[] {
  const groups: Group[] = []
  for (const [key, lsn] of file.commits) {
    const group = engine.groups.get(key)
    // Commits of removed channels count as flushed.
    if (group === undefined || engine.version.channels[key] === undefined) continue
    if (engine.version.flushed.get(key) < lsn) groups.push(group)
  }
  return groups
}

/**
 * Retires the oldest journal file, if nothing in it is needed any more. Returns whether it did. A record that
 * says that it was proven is left behind it, which shows where the manifest ends too soon; that one alone is
 * not retired.
 *
 * **Guard:** acquires the manifest's. **Durable:** the manifest, before the file goes.
 * @param under what the caller holds
 * @throws StorageError, LeaseLostError; then the file stays
 */
export async function retireOldest(engine: Engine, under: Under<'manifest'> = unguarded): Promise<boolean> {
  using held = await holdManifest(engine, 'retire', under)
  const { journal } = engine
  const file = journal?.files[0]
  if (journal === undefined || file === undefined) return false
  if (file.firstLsn === engine.leftBehind && file.lastLsn === engine.leftBehind && journal.files.length === 1)
    return false
  if (!mayRetire(engine, journal, file)) return false
  // The records that flushed its commits may stand in a later file: they are proven first, too (S2).
  await engine.syncer.reach(Math.max(file.lastLsn, engine.version.lsn))
  if (journal.mark < file.lastLsn) engine.leftBehind = engine.publishEdit({ kind: 'drop', segments: [] })
  await engine.syncer.reach(engine.lastLsn)
  await archiveFile(engine, held, file)
  await removeRetired(engine, journal, file)
  return true
}

/**
 * As `retireOldest`, for the last file of a database that is being closed: where no record has come to follow
 * it, the mark of the close is left, by `leaveMark`, before the file goes.
 *
 * **Guard:** acquires the manifest's. **Durable:** the manifest and the mark, before the file goes.
 * @param under what the caller holds
 * @throws StorageError, LeaseLostError; then the file stays
 */
export async function retireLast(
  engine: Engine,
  leaveMark: () => Promise<void>,
  under: Under<'manifest'>,
): Promise<boolean> {
  using held = await holdManifest(engine, 'close', under)
  const { journal } = engine
  const file = journal?.files[0]
  if (journal === undefined || file === undefined || !mayRetire(engine, journal, file)) return false
  await engine.syncer.reach(Math.max(file.lastLsn, engine.version.lsn))
  await archiveFile(engine, held, file)
  // A checkpoint may have begun another file for a record of its own.
  if (journal.files.length === 1) await leaveMark()
  await removeRetired(engine, journal, file)
  return true
}

function holdManifest(
  engine: Engine,
  purpose: string,
  under: Under<'manifest'> = unguarded,
): Promise<Held<'manifest', 'exclusive'>> {
  return engine.guards.acquire(under, { rank: 'manifest', mode: 'exclusive', purpose })
}

/** Whether the oldest file's commits are flushed; if it is the one appended to, it is ended. */
function mayRetire(engine: Engine, journal: Journal, file: JournalFile): boolean {
  // An append that failed may have left one without a record: the next append begins it anew, under its name.
  if (file.lastLsn < file.firstLsn) return false
  if (journal.files.length === 1) journal.roll()
  return groupsKeeping(engine, file).length === 0
}

async function archiveFile(
  engine: Engine,
  held: Held<'manifest', 'exclusive'>,
  file: JournalFile,
): Promise<void> {
  // All of it: what fails takes nothing, and what succeeds gives a whole file back.
  await engine.reserve.lend(() => archive(engine, held, file), true)
  engine.covered = file.lastLsn
}

async function removeRetired(engine: Engine, journal: Journal, file: JournalFile): Promise<void> {
  engine.lookNow()
  journal.forgetOldest(file)
  await removeFile(engine, file.path)
}

/** Puts the edits of a journal file into the manifest, by an archive or a checkpoint. */
async function archive(
  engine: Engine,
  held: Held<'manifest', 'exclusive'>,
  file: JournalFile,
): Promise<void> {
  const { manifest } = engine
  const isDue =
    manifest === undefined ||
    manifest.isBroken ||
    manifest.size > 2 * manifest.checkpointSize + engine.tuning.manifestSlack
  // Where room is short, whatever takes less of it.
  const archived = file.edits.reduce((sum, { length }) => sum + length, 0)
  const isSmaller = engine.reserve.wasFull && archived > (manifest?.checkpointSize ?? 0)
  if (isDue || isSmaller) return writeCheckpoint(engine, held, file.lastLsn)
  const edits = await readEdits(file)
  engine.lookNow()
  await manifest.archive(held, edits, file.lastLsn, engine.syncer.proven)
}

/** Writes a checkpoint now and retires what it covers. @throws StorageError, LeaseLostError */
export async function checkpointNow(engine: Engine): Promise<void> {
  using held = await holdManifest(engine, 'checkpoint')
  await writeCheckpoint(engine, held, engine.covered)
}

/**
 * Writes a checkpoint of the head's version and removes the manifests before it.
 * @param covers journal records up to this LSN are flushed, and are not needed once this counts
 */
async function writeCheckpoint(
  engine: Engine,
  held: Held<'manifest', 'exclusive'>,
  covers: number,
): Promise<void> {
  const current = engine.manifest
  if (
    current !== undefined &&
    !current.isBroken &&
    current.lsn === engine.version.lsn &&
    covers === current.covers
  )
    return
  // No name is used twice: a second checkpoint of one version, after archived edits outgrew the first or a
  // try that failed, needs a version of its own.
  if (engine.version.lsn <= engine.checkpointTried) engine.publishEdit({ kind: 'drop', segments: [] })
  const { version, files, directory, epoch, databaseId, environment } = engine
  engine.checkpointTried = version.lsn
  await engine.syncer.reach(version.lsn)
  const facts = { covers, bootId: environment.identity.bootId }
  const before = engine.manifest
  engine.lookNow()
  const turn = (): Promise<void> | undefined => engine.turns.due(SLICE_MS)
  engine.manifest = await Manifest.write(held, { files, directory, epoch, databaseId }, version, facts, turn)
  const stale = before?.name ?? engine.baseManifest?.name
  before?.close()
  engine.baseManifest = undefined
  engine.lookNow()
  if (stale !== undefined && stale !== engine.manifest.name) await removeFile(engine, join(directory, stale))
}

async function readEdits(file: JournalFile): Promise<ArchivedEdit[]> {
  const edits: ArchivedEdit[] = []
  for (const { lsn, offset, length } of file.edits) {
    const bytes = new Uint8Array(length)
    try {
      await file.file.read(bytes, offset)
    } catch (cause) {
      throw storageError('Cannot read the journal back', file.path, cause)
    }
    const frame = readFrame(bytes, 0, file.seed, offset)
    if (typeof frame === 'string') throw new CorruptionError(file.path, offset, 'a record does not read back')
    edits.push({ lsn, bytes: frame.payload.subarray(RECORD_HEADER) })
  }
  return edits
}

async function removeFile(engine: Engine, path: string): Promise<void> {
  try {
    await removeIfThere(engine.files, path)
  } catch (cause) {
    throw storageError('Cannot remove a file', path, cause)
  }
}

// Opening: is it a database, who may write, what happened so far, and the beginning of an epoch
// (begin-epoch.ts). Old files are never trusted because of a later sync, and removed only once the new
// epoch has begun (S3, S6). On a full disk an opening may use the reserve, from the lease on (0006).

import { decodeFileHeader, HEADER_SIZE, JOURNAL_KIND, MANIFEST_KIND } from '../../codec/file-header.ts'
import { CorruptionError, NotADatabaseError, RubidiumError, UnsupportedVersionError } from '../../errors.ts'
import type { Group } from '../../domain/group.ts'
import type { File, FileSystem } from '../../fs/file-system.ts'
import {
  FENCE,
  isTempName,
  join,
  JOURNAL_DIRECTORY,
  journalName,
  LOCK,
  MANIFEST_DIRECTORY,
  manifestName,
  parseClean,
  parseLease,
  parseNumbered,
  parseUnsynced,
  READER_DIRECTORY,
  RESERVE,
  SEGMENT_DIRECTORY,
  segmentIdOf,
  segmentFile,
} from '../../fs/layout.ts'
import { storageError } from '../../fs/storage-error.ts'
import { hasCode } from '../../fs/system-error.ts'
import { acquireLease } from '../../lease/local-lease.ts'
import type { Lease } from '../../lease/lease.ts'
import { removeIfThere } from '../../lease/linked-file.ts'
import { FIRST_EXTENT } from '../../segment/segment-file.ts'
import { EMPTY_VERSION } from '../../version/version.ts'
import { accountFor, loaderFor, makePool, accountsOf } from './assemble.ts'
import { beginEpoch, removeOwn } from './begin-epoch.ts'
import type { Progress } from './begin-epoch.ts'
import { dropDead } from '../collection/drop.ts'
import { Engine } from '../engine.ts'
import type { Environment, Tuning } from '../environment.ts'
import { tuningFor } from '../environment.ts'
import { Flusher } from '../flusher.ts'
import { findNames, listIfThere } from './find-epoch.ts'
import { loadState } from './load.ts'
import type { LoadedState } from './load.ts'
import type { ResolvedOptions } from '../options.ts'
import { openToRead } from './open-reader.ts'
import { Reserve } from '../reserve.ts'

/** An engine that is open, and what keeps it within its bounds. */
export interface Opened {
  readonly engine: Engine
  readonly flusher: Flusher
}

const OWN_FOLDERS = [MANIFEST_DIRECTORY, JOURNAL_DIRECTORY, SEGMENT_DIRECTORY, READER_DIRECTORY]

/**
 * Opens a directory.
 * @throws NotADatabaseError, DatabaseLockedError, CorruptionError, UnsupportedVersionError, StorageError
 */
export async function openEngine(
  environment: Environment,
  directory: string,
  options: ResolvedOptions,
): Promise<Opened> {
  try {
    const isDatabase = await inspect(environment.files, directory, options)
    if (options.readOnly) {
      const engine = await openToRead(environment, directory, options)
      return { engine, flusher: new Flusher(engine) }
    }
    return await openToWrite(environment, directory, options, isDatabase)
  } catch (cause) {
    throw storageError('Cannot open the database', directory, cause, MOST_ROOM)
  }
}

/** Whether the directory holds a database; makes an empty one where it may. @throws NotADatabaseError */
async function inspect(files: FileSystem, directory: string, options: ResolvedOptions): Promise<boolean> {
  const stat = await files.stat(directory)
  const mayCreate = options.createIfMissing && !options.readOnly
  if (stat === undefined) {
    if (!mayCreate)
      throw new NotADatabaseError(directory, `there is nothing at this path${howToMake(options)}`)
    await files.makeDirectory(directory)
    await syncAncestors(files, directory)
    return false
  }
  if (stat.kind !== 'directory') throw new NotADatabaseError(directory, 'it is not a directory')
  const names = await files.list(directory)
  const own = names.filter(isOwnName)
  if (names.length > 0 && own.length === 0)
    throw new NotADatabaseError(directory, `it holds other files ("${names[0]!}")`)
  // Before the logs: whoever has it open may begin its log, and then a segment, between two listings.
  const segments = await listIfThere(files, join(directory, SEGMENT_DIRECTORY))
  const found = await findNames(files, directory)
  const hasLog = found.manifests.length > 0 || found.journals.length > 0
  if (!hasLog) {
    if (segments.length > 0)
      throw new CorruptionError(directory, 0, 'there are segments, and neither manifest nor journal')
    if (!mayCreate) throw new NotADatabaseError(directory, `it is empty${howToMake(options)}`)
    // Whoever made the directory may have died before its name was on the disk.
    await syncAncestors(files, directory)
  }
  return hasLog
}

function howToMake({ readOnly }: ResolvedOptions): string {
  return readOnly ? '; check the path, or open it for writing once to make one' : ''
}

function isOwnName(name: string): boolean {
  if (OWN_FOLDERS.includes(name) || name === LOCK || name === FENCE || name === RESERVE) return true
  const epochs = [parseLease(name), parseClean(name), parseUnsynced(name)]
  return epochs.some((epoch) => epoch !== undefined) || isTempName(name)
}

/**
 * Syncs the name of a directory, and those of its parents: any of them may have just been made, by an earlier
 * try too.
 */
async function syncAncestors(files: FileSystem, directory: string): Promise<void> {
  let parent = parentOf(directory)
  for (let path = directory; parent !== path; path = parent, parent = parentOf(path)) {
    try {
      await files.syncDirectory(parent)
    } catch (cause) {
      // One that may not be read was not made by a process like this.
      if (!hasCode(cause, 'EACCES', 'EPERM')) throw cause
    }
  }
}

function parentOf(path: string): string {
  const trimmed = path.replace(/\/+$/, '')
  if (trimmed === '') return '/'
  const at = trimmed.lastIndexOf('/')
  return at < 0 ? '.' : at === 0 ? '/' : trimmed.slice(0, at)
}

/** What folders and their names may take on a disk, in bytes. */
const MOST_ROOM = 4096

/**
 * As above, for a writing open: of each holder that was overtaken at most one removal is still on its way.
 */
const LOAD_TRIES = 20

/** How often what looks like damage is read, where somebody may have been writing to it. */
const DAMAGE_TRIES = 3

async function openToWrite(
  environment: Environment,
  directory: string,
  options: ResolvedOptions,
  isDatabase: boolean,
): Promise<Opened> {
  const { files, clock, identity, lock, isAlive, wait } = environment
  if (isDatabase) await refuseNewerFormat(files, directory)
  const seen = await epochsSeen(files, directory)
  const reserve = new Reserve(files, directory, tuningOf(environment, options).reserveSize)
  // A full disk is met after a holder that lives was: what is cut then is the reserve of a dead one.
  const lease = await reserve.lend(
    () =>
      acquireLease({
        files,
        directory,
        identity,
        clock,
        lock,
        isAlive,
        wait,
        takeover: options.takeover,
        epochsSeen: seen,
      }),
    true,
  )
  let engine: Engine | undefined
  const progress: Progress = { mayCount: false }
  try {
    const state = await loadUnderLease(environment, directory, lease, options.takeover)
    engine = await begin(environment, directory, options, lease, state, reserve)
    const flusher = new Flusher(engine)
    await beginEpoch(engine, flusher, state, progress)
    await removeStale(engine, state?.lastLsn ?? 0)
    await reserve.open()
    if (!reserve.isWhole) await dropDead(engine)
    return { engine, flusher }
  } catch (error) {
    if (engine !== undefined && !progress.mayCount) await removeOwn(engine)
    reserve.refill()
    reserve.close()
    engine?.stopTimers()
    engine?.journal?.close()
    engine?.manifest?.close()
    engine?.segments.close()
    await lease.release().catch(() => {})
    throw error
  }
}

/**
 * Loads the state of the holder before. One that was overtaken and wakes may still do the one thing that it
 * was about to do: remove a file that nothing needs, append to a log that is being read. Then it is read
 * again.
 * @param takeover the holder before may be alive
 * @throws LeaseLostError where what looks like damage may be the work of a later holder (S6)
 */
async function loadUnderLease(
  environment: Environment,
  directory: string,
  lease: Lease,
  takeover: boolean,
): Promise<LoadedState | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      return await loadState(loaderFor(environment, directory))
    } catch (error) {
      lease.lookNow()
      const isGone = hasCode(error, 'ENOENT') || hasCode((error as Error).cause, 'ENOENT')
      const isPerhapsTorn = takeover && error instanceof CorruptionError && tries < DAMAGE_TRIES
      if (tries === LOAD_TRIES || !(isGone || isPerhapsTorn)) throw error
    }
  }
}

function tuningOf(environment: Environment, options: ResolvedOptions): Tuning {
  return { ...tuningFor(options.memoryBudget), ...environment.tuning }
}

async function epochsSeen(files: FileSystem, directory: string): Promise<number[]> {
  const { manifests, journals } = await findNames(files, directory)
  const segments = (await listIfThere(files, join(directory, SEGMENT_DIRECTORY))).flatMap(
    (name) => parseNumbered(name) ?? [],
  )
  const clean = (await files.list(directory)).flatMap((name) => parseClean(name) ?? [])
  return [...[...manifests, ...journals, ...segments].map(({ epoch }) => epoch), ...clean]
}

/** A newer format is met before anything is written. @throws UnsupportedVersionError */
async function refuseNewerFormat(files: FileSystem, directory: string): Promise<void> {
  const { manifests, journals } = await findNames(files, directory)
  const newest = [
    ...manifests
      .slice(0, 1)
      .map(
        (name) => ({ ...name, kind: MANIFEST_KIND, path: manifestName(name.epoch, name.number) }) as const,
      ),
    ...journals
      .slice(0, 1)
      .map((name) => ({ ...name, kind: JOURNAL_KIND, path: journalName(name.epoch, name.number) }) as const),
  ]
  for (const { kind, epoch, number, path } of newest) {
    const file = openIfThere(files, join(directory, path))
    // A holder that lives may retire it meanwhile: the lease says so, below.
    if (file === undefined) continue
    try {
      const bytes = new Uint8Array(HEADER_SIZE)
      decodeFileHeader(bytes.subarray(0, file.readNow(bytes, 0)), file.path, { kind, epoch, number })
    } catch (error) {
      // Damage is for recovery to judge: it may be an honest torn end.
      if (error instanceof UnsupportedVersionError || !(error instanceof RubidiumError)) throw error
    } finally {
      file.closeNow()
    }
  }
}

/** @throws the system's error */
function openIfThere(files: FileSystem, path: string): File | undefined {
  try {
    return files.openNow(path, 'read')
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) return undefined
    throw cause
  }
}

async function begin(
  environment: Environment,
  directory: string,
  options: ResolvedOptions,
  lease: Lease,
  state: LoadedState | undefined,
  reserve: Reserve,
): Promise<Engine> {
  const { files } = environment
  for (const folder of OWN_FOLDERS) await files.makeDirectory(join(directory, folder))
  await files.syncDirectory(directory)
  const databaseId = state?.databaseId ?? environment.newId()
  const segments = makePool(environment, directory, options, {
    databaseId,
    epoch: lease.epoch,
    lookNow: () => lease.lookNow(),
  })
  const engine = new Engine({
    environment,
    directory,
    options,
    databaseId,
    lease,
    segments,
    epoch: lease.epoch,
    version: state?.version ?? EMPTY_VERSION,
    groups: state?.groups ?? new Map<number, Group>(),
    lastLsn: state?.lastLsn ?? 0,
    recovery: state?.report,
    reserve,
  })
  accountFor(engine, await accountsOf(engine, engine))
  // Which record freed what is dead here is not known any more: none that this opening has not read.
  for (const segment of segments.all()) segment.freed = engine.lastLsn
  return engine
}

/**
 * Removes what the state does not need: files of earlier epochs, leftovers of crashes. Never those of a later
 * one: whoever stood still here since its last look may have been overtaken (S6). What a registered process
 * may need stays, as in a collection.
 * @param recovered LSN of the newest record that was recovered: every record that freed what goes here is
 * older
 */
async function removeStale(engine: Engine, recovered: number): Promise<void> {
  const { files, directory, epoch, version, segments } = engine
  // The records that freed what goes here are proven: by this epoch's first.
  const oldest = await engine.oldestPin()
  const keep = new Set([engine.manifest?.name, engine.baseManifest?.name])
  const { manifests, journals } = await findNames(files, directory)
  const stale: string[] = []
  for (const each of manifests) {
    const name = manifestName(each.epoch, each.number)
    if (each.epoch <= epoch && !keep.has(name)) stale.push(name)
  }
  for (const each of journals) if (each.epoch < epoch) stale.push(journalName(each.epoch, each.number))
  for (const name of await files.list(join(directory, SEGMENT_DIRECTORY))) {
    const parsed = parseNumbered(name)
    if (parsed === undefined || parsed.epoch > epoch) continue
    const id = segmentIdOf(parsed.epoch, parsed.number)
    if (version.segments.get(id) !== undefined || segments.find(id) !== undefined) continue
    if (oldest >= recovered) stale.push(segmentFile(id))
    else await keepDropped(engine, id, recovered)
  }
  for (const name of await listIfThere(files, join(directory, READER_DIRECTORY)))
    if (isTempName(name)) stale.push(join(READER_DIRECTORY, name))
  for (const name of await files.list(directory)) {
    const marked = parseClean(name) ?? parseUnsynced(name)
    if ((marked !== undefined && marked < epoch) || isTempName(name)) stale.push(name)
  }
  for (const name of stale) {
    // What goes between this look and the removal was dropped by a record that is proven: no taker needs it.
    engine.lookNow()
    try {
      await removeIfThere(files, join(directory, name))
    } catch (cause) {
      if (!hasCode(cause, 'EACCES', 'EPERM', 'EBUSY')) throw cause
    }
  }
  engine.lookNow()
}

/**
 * What an earlier holder has dropped, and a registered process may still need: a collection removes it later.
 */
async function keepDropped(engine: Engine, id: number, recovered: number): Promise<void> {
  const { segments } = engine
  const stat = await engine.files.stat(join(engine.directory, segmentFile(id)))
  segments.adopt(id, Math.max(stat?.size ?? 0, FIRST_EXTENT))
  const segment = segments.get(id)
  segment.freed = recovered
  engine.dropped.set(segment, recovered)
}

// What of a damaged database can be read, best first: the state as an opening would read it; else what is
// sound of the logs, applied as far as it can be; else, without any log, what the samples say of themselves.
// Called by repair.ts; damaged.ts does the second and the third. Reads, and writes nothing.

import { CorruptionError, DatabaseLockedError, StorageError, UnsupportedVersionError } from '../../errors.ts'
import type { FileSystem } from '../../fs/file-system.ts'
import { join, parseLease, segmentFile } from '../../fs/layout.ts'
import { hasCode } from '../../fs/system-error.ts'
import { isAlive } from '../../lease/identity.ts'
import { readLease } from '../../lease/lease-file.ts'
import type { Channel } from '../../telem/channel.ts'
import { catalogueOf } from '../../version/version.ts'
import type { Environment } from '../environment.ts'
import { loadState } from '../opening/load.ts'
import type { LoadedState, LoadOptions } from '../opening/load.ts'
import { loaderFor } from '../opening/assemble.ts'
import { groupsOf } from './pieces.ts'
import type { Piece, Salvage, SalvagedGroup } from './pieces.ts'
import { RepairSource } from './source.ts'
import { salvageDamaged } from './damaged.ts'
import { inSlices, SLICE_MS, Turns } from '../turns.ts'

/** @throws DatabaseLockedError where a process that is certainly alive has the database open for writing */
export function refuseIfHeld(environment: Environment, directory: string, names: readonly string[]): void {
  const { files, identity } = environment
  const epochs = names.flatMap((name) => parseLease(name) ?? [])
  if (epochs.length === 0) return
  let found: ReturnType<typeof readLease>
  try {
    found = readLease(files, directory, Math.max(...epochs))
  } catch {
    // A lease that cannot be read is one more thing that is damaged.
    return
  }
  if (found?.content === undefined || found.isReleased) return
  const { pid, host, since } = found.content
  if ((environment.isAlive ?? isAlive)(found.content, identity) !== 'alive') return
  const message = `"${directory}" is open in process ${pid} on ${host}, since ${since}: close it before it is repaired`
  throw new DatabaseLockedError(message, { directory, pid, host, since })
}

/** @throws NotADatabaseError, UnsupportedVersionError, CorruptionError, StorageError, the signal's reason */
export async function salvage(
  environment: Environment,
  directory: string,
  signal: AbortSignal | undefined,
): Promise<Salvage> {
  const { files, clock } = environment
  const turns = new Turns(clock)
  const loaded = await load(environment, directory)
  if (loaded !== undefined && loaded.report.cut === undefined)
    return unlessOlder(turns, loaded, files, directory, signal, true)
  // Samples that are not sound need not keep a record from being believed: they are told one by one.
  const whole = await load(environment, directory, () => Promise.resolve(true))
  const found = await salvageDamaged(turns, files, directory, signal)
  // An opening cuts a log at what a power loss may have torn. Where sound records follow, they are salvaged.
  if (whole === undefined || found.lastLsn > whole.lastLsn) return found
  if (loaded === undefined || loaded.lastLsn === whole.lastLsn)
    return unlessOlder(turns, whole, files, directory, signal, loaded !== undefined)
  return withSource(files, directory, whole, (source) =>
    inSlices(turns, betterOf(ofState(whole, false), ofState(loaded, false), source), SLICE_MS),
  )
}

/**
 * The state, unless it reaches into a segment that is gone and more can be had without it: where the newest
 * journal files are gone too, nothing else tells that the samples were moved to other segments since.
 */
async function unlessOlder(
  turns: Turns,
  loaded: LoadedState,
  files: FileSystem,
  directory: string,
  signal: AbortSignal | undefined,
  isHonest: boolean,
): Promise<Salvage> {
  const state = ofState(loaded, isHonest)
  if (!(await misses(loaded, files, directory))) return state
  const found = await salvageDamaged(turns, files, directory, signal, true)
  return withSource(files, directory, loaded, async (source) => {
    const sum = async ({ groups }: Salvage): Promise<number> => {
      let count = 0
      for (const group of groups) count += await inSlices(turns, soundIn(source, group), SLICE_MS)
      return count
    }
    return (await sum(found)) > (await sum(state)) ? found : state
  })
}

/** Whether a segment that pointers of the version reach is gone. */
async function misses({ version }: LoadedState, files: FileSystem, directory: string): Promise<boolean> {
  for (const [id, { live }] of version.segments.entries()) {
    if (live > 0 && (await files.stat(join(directory, segmentFile(id)))) === undefined) return true
  }
  return false
}

async function withSource<T>(
  files: FileSystem,
  directory: string,
  { databaseId }: LoadedState,
  use: (source: RepairSource) => Promise<T>,
): Promise<T> {
  const source = new RepairSource(files, directory, databaseId)
  try {
    return await use(source)
  } finally {
    source.close()
  }
}

/**
 * The state as an opening reads it; undefined where damage is in its way.
 * @param isSound another judgement of extents that nothing has proven
 * @throws StorageError
 */
async function load(
  environment: Environment,
  directory: string,
  isSound?: LoadOptions['isSound'],
): Promise<LoadedState | undefined> {
  try {
    const options = loaderFor(environment, directory)
    return await loadState(isSound === undefined ? options : { ...options, isSound })
  } catch (error) {
    if (error instanceof CorruptionError || error instanceof UnsupportedVersionError) return undefined
    if (error instanceof StorageError && hasCode(error.cause, 'EIO', 'EISDIR', 'ENOTDIR')) return undefined
    throw error
  }
}

/**
 * The newer of two states with, for each group, the samples of that in which more are sound: what a record
 * beyond the mark moved to bytes that a power loss took is still where it was before.
 */
function* betterOf(newer: Salvage, older: Salvage, source: RepairSource): Generator<void, Salvage, void> {
  const groups: SalvagedGroup[] = []
  const befores = new Map(older.groups.map((group) => [group.index.key, group]))
  for (const group of newer.groups) {
    const before = befores.get(group.index.key)
    const isWorse = before !== undefined && (yield* soundIn(source, group)) < (yield* soundIn(source, before))
    const { piecesOf, samplesOf } = isWorse ? before : group
    groups.push({ ...group, piecesOf, samplesOf })
  }
  return { ...newer, groups, untold: older.untold }
}

/**
 * Samples that are sound; of data channels at least as many as lie beside timestamps that are. In steps: all
 * are read.
 */
function* soundIn(
  source: RepairSource,
  { index, data, piecesOf }: SalvagedGroup,
): Generator<void, number, void> {
  const times = yield* countIn(source, index, yield* piecesOf(index.key))
  let count = times.sound
  for (const channel of data) {
    const { sound } = yield* countIn(source, channel, yield* piecesOf(channel.key))
    count += Math.max(0, sound - times.lost)
  }
  return count
}

function* countIn(
  source: RepairSource,
  { key, type, kind }: Channel,
  pieces: readonly Piece[],
): Generator<void, { sound: number; lost: number }, void> {
  const owner = { channel: key, type, isIndex: kind === 'index' }
  let [sound, lost] = [0, 0]
  for (const piece of pieces) {
    for (const stretch of source.stretches(piece, owner, 0, piece.count)) {
      if ('bytes' in stretch) sound += stretch.count
      else lost += stretch.count
      yield
    }
  }
  return { sound, lost }
}

/**
 * @param isHonest an opening takes the state as it is: a torn end looks as a crash leaves it, and counts for
 * no loss
 */
function ofState({ databaseId, lastLsn, version, groups, report }: LoadedState, isHonest: boolean): Salvage {
  const { cut } = report
  const what =
    'the log ends torn, as a crash leaves it: what stands behind is not believed by an opening either'
  const torn = cut === undefined ? [] : [{ what, file: cut.file, offset: cut.offset }]
  return {
    databaseId,
    lastLsn,
    source: 'opened',
    mayHoldDeleted: false,
    channels: catalogueOf(version).list,
    groups: groupsOf(version, groups),
    untold: isHonest ? [] : torn,
    notes: isHonest ? torn : [],
    lost: [],
    guessed: new Map(),
  }
}

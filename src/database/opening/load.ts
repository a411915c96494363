// Reading a database's state off the disk: the newest manifest that counts, the journal behind it, and
// how much of that may be believed (S3). Writes nothing; used by a writing open, before it begins its
// epoch, and by a read-only one. An honest torn end is cut and reported, anything else that is missing
// or wrong is a CorruptionError.

import { CorruptionError } from '../../errors.ts'
import type { Group } from '../../domain/group.ts'
import type { TailReplay } from '../../domain/tail-replay.ts'
import { join, parseNumbered, SEGMENT_DIRECTORY } from '../../fs/layout.ts'
import type { LastRecord } from '../../journal/replay.ts'
import type { ExtentOwner } from '../../segment/extent-header.ts'
import type { Version } from '../../version/version.ts'
import { checkEnd, checkManifestEnd, joinChain, reportOf } from './believe.ts'
import type { Chain, RecoveryReport } from './believe.ts'
import { readCleanMark } from './clean-mark.ts'
import type { CleanMark } from './clean-mark.ts'
import { findEpoch, findNames, listIfThere, refuseNotWhole } from './find-epoch.ts'
import type { Folder, FoundEpoch, FoundNames, NotBegun } from './find-epoch.ts'
import { checkVersion, replayRecords } from './replay-records.ts'
import { firstLost, unprovenExtents } from './unproven.ts'
import type { ReachedExtent } from './unproven.ts'
import { hasUnsyncedMark } from './unsynced-mark.ts'
import { inSlices, SLICE_MS } from '../turns.ts'

/** A state that was read, and where it came from. */
export interface LoadedState {
  readonly databaseId: Uint8Array
  /** The epoch that wrote the newest records. */
  readonly epoch: number
  readonly version: Version
  readonly groups: Map<number, Group>
  readonly lastLsn: number
  /** Records up to this LSN were proven when they were last looked at. */
  readonly proven: number
  /** Segments that only records beyond the mark name: extents by segment and offset. */
  readonly unproven: ReadonlySet<string>
  /** The manifest that the state began with. */
  readonly manifest: { readonly name: string; readonly size: number; readonly epoch: number } | undefined
  readonly clean: CleanMark | undefined
  /** Bytes of the logs that it was read from. */
  readonly logBytes: number
  /**
   * Names of the logs when they were read, and where the newest record ends, if it is a journal's and nothing
   * stands behind it.
   */
  readonly names: FoundNames
  readonly end: { readonly path: string; readonly offset: number } | undefined
  readonly report: RecoveryReport
  /** What made the groups. */
  readonly tails: TailReplay
  /** Bytes of each journal file without fill, by path. */
  readonly sizes: ReadonlyMap<string, number>
  /** The newest record, where reading may go on behind it: what follows in its epoch follows this state. */
  readonly last: NewestRecord | undefined
}

/** Where the newest record of a journal stands. */
export interface NewestRecord extends LastRecord {
  readonly path: string
  /** LSN in the file's name. */
  readonly number: number
}

export interface LoadOptions extends Folder {
  /** Of this run of the machine; empty where it is not known. */
  readonly bootId: string
  /**
   * Whether the bytes of an extent are there and sound; asked only after a power loss.
   * @throws StorageError
   */
  readonly isSound: (extent: ReachedExtent, owner: ExtentOwner, databaseId: Uint8Array) => Promise<boolean>
  /** Replay up to this record, which is there: what stands behind it is not looked at. */
  readonly until?: number
  /**
   * Replay what is proven, and no more than it takes until this says that everything is there that the state
   * needs: what is gone was given back by a record that was synced, and the fence looked at, before.
   */
  readonly hasBytes?: (state: Pick<LoadedState, 'version' | 'groups'>) => Promise<boolean>
}

/**
 * Loads the newest state; undefined where no epoch has begun yet.
 * @throws CorruptionError, UnsupportedVersionError, StorageError
 */
export async function loadState(options: LoadOptions): Promise<LoadedState | undefined> {
  const names = await findNames(options.files, options.directory)
  const epochs = [...new Set([...names.manifests, ...names.journals].map(({ epoch }) => epoch))].sort(
    (a, b) => b - a,
  )
  const notBegun: NotBegun[] = []
  for (const epoch of epochs) {
    const found = await findEpoch(options, names, epoch)
    if ('journals' in found) return judge(options, names, found, notBegun)
    notBegun.push(found)
  }
  refuseNotWhole(notBegun.flatMap(({ notWhole }) => notWhole))
  await refuseLostStart(options, notBegun)
  return undefined
}

/** A database's first segment comes after its first record. @throws CorruptionError, StorageError */
async function refuseLostStart(
  { files, directory }: LoadOptions,
  notBegun: readonly NotBegun[],
): Promise<void> {
  const journal = notBegun.find((epoch) => epoch.journal !== undefined)?.journal
  if (journal === undefined) return
  const segments = await listIfThere(files, join(directory, SEGMENT_DIRECTORY))
  if (segments.some((name) => parseNumbered(name) !== undefined))
    throw new CorruptionError(journal, 0, 'the first record is lost: there are segments, which come after it')
}

/**
 * An epoch without a checkpoint of its own goes on from a clean close, and the mark of that close goes only
 * once its first record is on the disk. @throws CorruptionError for a journal that lost it
 */
function refuseLostEpoch(notBegun: readonly NotBegun[]): void {
  const lost = notBegun.find(({ journal, notWhole }) => journal !== undefined && notWhole.length === 0)
  if (lost?.journal !== undefined)
    throw new CorruptionError(lost.journal, 0, 'the first record of the newest epoch is lost')
}

/** Decides how far the log may be believed, and replays it that far. */
async function judge(
  options: LoadOptions,
  names: FoundNames,
  found: FoundEpoch,
  notBegun: readonly NotBegun[],
): Promise<LoadedState> {
  const { base, epoch, databaseId } = found
  const clean = await readCleanMark(options.files, options.directory, epoch)
  if (clean === undefined) refuseLostEpoch(notBegun)
  const covers = base?.contents.covers ?? 0
  const chain = await inSlices(options.turns, joinChain(found, covers), SLICE_MS)
  const proven = Math.max(
    covers,
    base?.contents.proven ?? 0,
    ...found.journals.map((journal) => journal.proven),
  )
  // After a failed sync the system may show less than was written, as after a power loss.
  const isWritten = !(await hasUnsyncedMark(options.files, options.directory, epoch))
  const isSameBoot = options.bootId !== '' && found.bootId === options.bootId && isWritten
  const { until, hasBytes, turns } = options
  checkManifestEnd(found, chain, clean)
  if (until === undefined) checkEnd(found, chain, proven, isSameBoot, clean)
  let records = until === undefined ? chain.records : chain.records.filter((record) => record.lsn <= until)
  let state = await replayRecords(turns, found, records)
  let unproven = await unprovenExtents(turns, records, proven)
  if (!isSameBoot && clean === undefined) {
    for (;;) {
      const lost = await firstLost(turns, state, unproven, (extent, owner) =>
        options.isSound(extent, owner, databaseId),
      )
      if (lost === undefined) break
      records = records.filter((record) => record.lsn < lost)
      state = await replayRecords(turns, found, records)
      unproven = await unprovenExtents(turns, records, proven)
    }
  }
  if (hasBytes !== undefined) {
    const whole = records
    const edits = whole.filter(({ kind, lsn }) => kind === 'edit' && lsn > proven)
    for (const end of [proven, ...edits.map(({ lsn }) => lsn)]) {
      records = whole.filter(({ lsn }) => lsn <= end)
      state = await replayRecords(turns, found, records)
      if (await hasBytes(state)) break
    }
    unproven = await unprovenExtents(turns, records, proven)
  }
  await checkVersion(turns, state.version, base?.path ?? chain.last?.path ?? '')
  const lastLsn = Math.max(records.at(-1)?.lsn ?? 0, covers, base?.contents.version.lsn ?? 0)
  return {
    databaseId,
    epoch,
    ...state,
    lastLsn,
    proven,
    unproven: new Set(unproven.keys()),
    manifest:
      base === undefined ? undefined : { name: base.name, size: base.contents.end, epoch: base.epoch },
    clean,
    logBytes: [...found.sizes.values()].reduce((sum, size) => sum + size, base?.contents.end ?? 0),
    names,
    end:
      chain.last?.fault === 'end' && chain.beyond.length === 0
        ? { path: chain.last.path, offset: chain.last.end }
        : undefined,
    report: reportOf(found, chain, records, clean),
    sizes: found.sizes,
    last: isSameBoot && records.length === chain.records.length ? newestOf(chain, lastLsn) : undefined,
  }
}

function newestOf({ records, last }: Chain, lastLsn: number): NewestRecord | undefined {
  if (last?.last === undefined || records.at(-1)?.lsn !== lastLsn) return undefined
  // Behind a failed append that could not be cut off the file says more than counts.
  if (last.records.at(-1)?.lsn !== lastLsn) return undefined
  return { ...last.last, path: last.path, number: last.firstLsn }
}

// Reading on: a read-only process that has read a log up to some record reads what stands behind it, and
// applies that to what it shows, beside it. Only in the plain case: the same living holder, the very record
// that was read last still in its place, a row of sound records behind it. Whatever else there is, is for a
// whole load to judge (load-anew.ts), so nothing is believed here that it would not believe (0005-I10).
// Called by reader.ts.

import { TailReplay } from '../../domain/tail-replay.ts'
import type { FileSystem } from '../../fs/file-system.ts'
import { join, journalName, manifestName } from '../../fs/layout.ts'
import { FILL } from '../../journal/fill.ts'
import { FRAME_HEADER } from '../../journal/frame.ts'
import type { JournalRecord } from '../../journal/record.ts'
import { journalSteps, recordsBehind } from '../../journal/replay.ts'
import type { JournalContents, RecordRow } from '../../journal/replay.ts'
import type { Environment } from '../environment.ts'
import { inSlices, SLICE_MS } from '../turns.ts'
import type { Turns } from '../turns.ts'
import { findNames, readBytes } from './find-epoch.ts'
import type { FoundNames } from './find-epoch.ts'
import { goneHolders, leaseEpochs } from './holders.ts'
import type { LoadedState, NewestRecord } from './load.ts'
import { checkVersion, Replay, takeRecord } from './replay-records.ts'
import type { Replayed } from './replay-records.ts'
import { hasUnsyncedMark } from './unsynced-mark.ts'

/** What a state was read from: what tells whether it is the newest still, and what reading on takes. */
export type Seen = Pick<
  LoadedState,
  'names' | 'end' | 'epoch' | 'databaseId' | 'manifest' | 'last' | 'tails' | 'sizes'
>

/** A state as a read-only process shows it. */
export type ShownState = Seen & Pick<LoadedState, 'version' | 'groups' | 'lastLsn' | 'logBytes'>

/**
 * Whether a state that was read, and believed, is the newest still: no log has come or gone, nobody has come
 * to take over, the newest record is in its place, and nothing stands behind it. Costs a few listings and two
 * short reads.
 */
export async function isNewest({ files }: Environment, directory: string, seen: Seen): Promise<boolean> {
  try {
    if (JSON.stringify(await findNames(files, directory)) !== JSON.stringify(seen.names)) return false
    if ((await leaseEpochs(files, directory)).some((epoch) => epoch > seen.epoch)) return false
    if (seen.end === undefined) return seen.names.journals.length === 0
    const file = files.openNow(seen.end.path, 'read')
    try {
      const bytes = new Uint8Array(FRAME_HEADER)
      const { last } = seen
      if (last !== undefined) {
        file.readNow(bytes, last.offset)
        if (Buffer.compare(bytes, last.head) !== 0) return false
      }
      return bytes.subarray(0, file.readNow(bytes, seen.end.offset)).every((byte) => byte === FILL)
    } finally {
      file.closeNow()
    }
  } catch {
    // Whoever reads all of it meets the same, and tells.
    return false
  }
}

/**
 * The newest state, read from behind `shown`, which stays what it is; undefined where all must be read. The
 * loop turns meanwhile, where there is much.
 */
export async function readOn(
  environment: Environment,
  directory: string,
  turns: Turns,
  shown: Seen & Pick<LoadedState, 'version' | 'lastLsn'>,
): Promise<ShownState | undefined> {
  const { files } = environment
  const { epoch, last } = shown
  if (last === undefined) return undefined
  try {
    const gone = await goneHolders(environment, directory)
    // How the log of a holder that has ended ends is judged, and told.
    if (gone.has(epoch)) return undefined
    const names = await findNames(files, directory)
    const found = await readBehind(files, directory, turns, names, { ...shown, last })
    if (found === undefined) return undefined
    const replayed = await replayOn(turns, shown, found.records)
    const manifest = await manifestNow(files, directory, names, shown)
    const { sizes } = found
    const logBytes = [...sizes.values()].reduce((sum, size) => sum + size, manifest?.size ?? 0)
    const lastLsn = found.records.at(-1)?.lsn ?? shown.lastLsn
    // A failed sync makes recovery judge the log anew; whoever takes over may have read less of it.
    if (await hasUnsyncedMark(files, directory, epoch)) return undefined
    const later = (await leaseEpochs(files, directory)).filter((other) => other > epoch)
    if (!later.every((other) => gone.has(other))) return undefined
    const { end, last: newest } = found
    const { databaseId } = shown
    return { ...replayed, databaseId, epoch, lastLsn, logBytes, manifest, names, sizes, end, last: newest }
  } catch {
    // A file that went meanwhile, damage, a record that does not fit: a whole load meets it too, and tells.
    return undefined
  }
}

/** What stands behind the newest record. */
interface Behind extends Pick<Seen, 'end' | 'last' | 'sizes'> {
  readonly records: readonly JournalRecord[]
}

/**
 * Reads from the newest record on; undefined where that is not there any more, or what follows is no row of
 * sound records.
 */
async function readBehind(
  files: FileSystem,
  directory: string,
  turns: Turns,
  names: FoundNames,
  { epoch, databaseId, lastLsn, sizes: sizesBefore, last }: Seen & { lastLsn: number; last: NewestRecord },
): Promise<Behind | undefined> {
  if ([...names.manifests, ...names.journals].some((name) => name.epoch > epoch)) return undefined
  const numbers = names.journals.filter((name) => name.epoch === epoch).map(({ number }) => number)
  const position = numbers.indexOf(last.number)
  if (position < 0) return undefined
  const rows: (readonly JournalRecord[])[] = []
  let path = last.path
  let { number } = last
  let newest = last
  const bytes = await readBytes(files, path, last.offset)
  const identity = { epoch, number, databaseId }
  const behind = recordsBehind(bytes, path, identity, last, lastLsn)
  let row: RecordRow | undefined = await inSlices(turns, behind, SLICE_MS)
  if (row === undefined) return undefined
  const sizes = new Map([...sizesBefore, [path, row.end]])
  let lsn = lastLsn
  // They are listed from the newest on.
  for (const next of numbers.slice(0, position).reverse()) {
    // A record behind the end of a file was appended to the next one instead.
    const own: readonly JournalRecord[] = row.records.filter((record) => record.lsn < next)
    rows.push(own)
    lsn = own.at(-1)?.lsn ?? lsn
    if (lsn !== next - 1) return undefined
    number = next
    path = join(directory, journalName(epoch, number))
    const steps = journalSteps(await readBytes(files, path), path, { epoch, number, databaseId }, true)
    const contents: JournalContents = await inSlices(turns, steps, SLICE_MS)
    if (contents.last === undefined) return undefined
    row = contents
    sizes.set(path, row.end)
  }
  // An incomplete last record is being written, or never will be: the whole ones before it count.
  if (row.fault === 'damaged' || row.soundBehind) return undefined
  rows.push(row.records)
  if (row.last !== undefined) newest = { ...row.last, path, number }
  const listed = new Set(numbers.map((each) => join(directory, journalName(epoch, each))))
  for (const known of sizes.keys()) if (!listed.has(known)) sizes.delete(known)
  const end = row.fault === 'end' ? { path, offset: row.end } : undefined
  return { records: rows.flat(), end, last: newest, sizes }
}

/**
 * Applies records to copies of what they change.
 * @throws AssertionError, CorruptionError where they do not fit
 */
async function replayOn(
  turns: Turns,
  { version, tails }: Pick<LoadedState, 'version' | 'tails'>,
  records: readonly JournalRecord[],
): Promise<Replayed> {
  const replay = await inSlices(turns, Replay.begin(version, new TailReplay(tails), records), SLICE_MS)
  for (const record of records) {
    const slice = takeRecord(turns, replay, record)
    if (slice !== undefined) await slice
  }
  const replayed = replay.end()
  if (replayed.version !== version) await checkVersion(turns, replayed.version, '')
  return replayed
}

/** The manifest that the log goes on from now, with its size. */
async function manifestNow(
  files: FileSystem,
  directory: string,
  names: FoundNames,
  { epoch, manifest }: Seen,
): Promise<Seen['manifest']> {
  const newest = names.manifests.find((name) => name.epoch === epoch)
  if (newest === undefined) return manifest
  const name = manifestName(epoch, newest.number)
  const stat = await files.stat(join(directory, name))
  return stat === undefined ? manifest : { name, size: stat.size, epoch }
}

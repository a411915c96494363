// Reading a database's state off the disk: the newest manifest that counts, the journal behind it, and
// how much of that may be believed (S3). Writes nothing; used by a writing open, before it begins its
// epoch, and by a read-only one. An honest torn end is cut and reported, anything else that is missing
// or wrong is a CorruptionError.

import {
  decodeFileHeader,
  HEADER_SIZE,
  isHeaderWhole,
  JOURNAL_KIND,
  MANIFEST_KIND,
} from '../codec/file-header.ts'
import type { FileKind } from '../codec/file-header.ts'
import { CorruptionError, UnsupportedVersionError } from '../errors.ts'
import { applyTailCut, Group, TailReplay } from '../domain/group.ts'
import type { FileSystem } from '../fs/file-system.ts'
import {
  join,
  JOURNAL_DIRECTORY,
  journalName,
  MANIFEST_DIRECTORY,
  manifestName,
  parseNumbered,
} from '../fs/layout.ts'
import { storageError } from '../fs/storage-error.ts'
import type { ExtentPlace, JournalRecord } from '../journal/record.ts'
import type { ExtentOwner } from '../segment/extent-header.ts'
import { readJournal } from '../journal/replay.ts'
import type { JournalContents } from '../journal/replay.ts'
import { readManifest } from '../manifest/manifest.ts'
import type { ManifestContents } from '../manifest/manifest.ts'
import { apply } from '../version/apply.ts'
import type { BeginEdit } from '../version/edit.ts'
import { EMPTY_VERSION } from '../version/version.ts'
import type { Version } from '../version/version.ts'
import { readCleanMark } from './clean-mark.ts'
import type { CleanMark } from './clean-mark.ts'

/** What recovery found at the end of the log. */
export interface RecoveryReport {
  /** The last close did not end well, or there was none. */
  readonly crashed: boolean
  /** Records read from the journal. */
  readonly records: number
  /** What was cut off: an incomplete record, or records whose bytes a power loss took. */
  readonly cut?: {
    readonly file: string
    readonly offset: number
    readonly bytes: number
    readonly records: number
  }
}

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
  readonly report: RecoveryReport
}

/** Names found in the folders of a database. */
export interface FoundNames {
  readonly manifests: readonly { readonly epoch: number; readonly number: number }[]
  readonly journals: readonly { readonly epoch: number; readonly number: number }[]
}

export interface LoadOptions {
  readonly files: FileSystem
  readonly directory: string
  /** Of this run of the machine; empty where it is not known. */
  readonly bootId: string
  /** Whether the bytes of an extent are there and sound; asked only after a power loss. */
  readonly isSound: (extent: ExtentPlace, owner: ExtentOwner, databaseId: Uint8Array) => Promise<boolean>
  /** Replay up to this record, which is there: what stands behind it is not looked at. */
  readonly until?: number
}

export async function findNames(files: FileSystem, directory: string): Promise<FoundNames> {
  return {
    manifests: await numbered(files, directory, MANIFEST_DIRECTORY),
    journals: await numbered(files, directory, JOURNAL_DIRECTORY),
  }
}

async function numbered(
  files: FileSystem,
  directory: string,
  folder: string,
): Promise<{ epoch: number; number: number }[]> {
  const names = await listIfThere(files, join(directory, folder))
  return names
    .flatMap((name) => parseNumbered(name) ?? [])
    .sort((a, b) => b.epoch - a.epoch || b.number - a.number)
}

/** Names in a folder; none where it is not there. @throws StorageError */
export async function listIfThere(files: FileSystem, path: string): Promise<string[]> {
  try {
    return await files.list(path)
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'ENOENT') return []
    throw storageError('Cannot list a folder', path, cause)
  }
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
  const notWhole: string[] = []
  for (const epoch of epochs) {
    const found = await loadEpoch(options, names, epoch, notWhole)
    if (found !== undefined) return judge(options, found)
  }
  if (notWhole.length > 0)
    throw new CorruptionError(notWhole[0]!, 0, 'no checkpoint is whole, and nothing else tells the state')
  return undefined
}

/** An epoch that has begun: what it began with, and its journal. */
interface FoundEpoch {
  readonly epoch: number
  readonly databaseId: Uint8Array
  readonly base:
    | { readonly name: string; readonly epoch: number; readonly contents: ManifestContents }
    | undefined
  readonly journals: readonly JournalContents[]
  /** Bytes of each journal file, by path. */
  readonly sizes: ReadonlyMap<string, number>
  readonly bootId: string
}

async function loadEpoch(
  options: LoadOptions,
  names: FoundNames,
  epoch: number,
  notWhole: string[],
): Promise<FoundEpoch | undefined> {
  const { files, directory } = options
  let base: FoundEpoch['base']
  let databaseId: Uint8Array | undefined
  for (const { number } of names.manifests.filter((each) => each.epoch === epoch)) {
    const name = manifestName(epoch, number)
    const path = join(directory, name)
    const bytes = await readWhole(files, path)
    const id = idOf(bytes, path, MANIFEST_KIND, epoch, number)
    const contents =
      id === undefined ? undefined : readManifest(bytes, path, { epoch, number, databaseId: id })
    if (contents === undefined) {
      notWhole.push(path)
      continue
    }
    base = { name, epoch, contents }
    databaseId = id
    break
  }
  const found: { path: string; bytes: Uint8Array; number: number }[] = []
  for (const { number } of names.journals.filter((each) => each.epoch === epoch).reverse()) {
    const path = join(directory, journalName(epoch, number))
    const bytes = await readWhole(files, path)
    found.push({ path, bytes, number })
    databaseId ??= idOf(bytes, path, JOURNAL_KIND, epoch, number)
  }
  if (databaseId === undefined) {
    for (const { path, bytes } of found) refuseRottenStart(path, bytes)
    return undefined
  }
  const id = databaseId
  const journals = found.map(({ path, bytes, number }) =>
    readJournal(bytes, path, { epoch, number, databaseId: id }),
  )
  const sizes = new Map(found.map(({ path, bytes }) => [path, bytes.length]))
  if (base !== undefined)
    return { epoch, databaseId: id, base, journals, sizes, bootId: base.contents.facts.bootId }
  const first = journals[0]
  if (first === undefined) return undefined
  const begin = beginOf(first)
  if (begin === undefined) {
    refuseRottenStart(first.path, found[0]!.bytes)
    if (first.records.length > 0 || first.soundBehind || journals.length > 1) {
      const what =
        'the journal does not begin with the beginning of its epoch, and no manifest of it is whole'
      throw new CorruptionError(first.path, HEADER_SIZE, what)
    }
    return undefined
  }
  if (begin.base !== undefined) base = await readBase(options, begin.base, id)
  return { epoch, databaseId: id, base, journals, sizes, bootId: begin.bootId }
}

/**
 * The header and the first record of an epoch go out in one write that nothing follows before it is
 * synced: a crash leaves none of it, or its beginning, but no header with wrong bytes in it.
 */
function refuseRottenStart(path: string, bytes: Uint8Array): void {
  if (bytes.length < HEADER_SIZE || isHeaderWhole(bytes) || isHeaderTorn(bytes)) return
  throw new CorruptionError(path, 0, 'the header of the first journal file of an epoch is damaged')
}

function beginOf(journal: JournalContents): BeginEdit | undefined {
  const record = journal.records[0]
  return record?.kind === 'edit' && record.edit.kind === 'begin' ? record.edit : undefined
}

async function readBase(
  options: LoadOptions,
  base: { readonly file: string; readonly size: number },
  databaseId: Uint8Array,
): Promise<NonNullable<FoundEpoch['base']>> {
  const path = join(options.directory, base.file)
  const parsed = parseNumbered(base.file.slice(base.file.indexOf('/') + 1))
  const bytes = await readWhole(options.files, path)
  if (parsed === undefined || bytes.length < base.size)
    throw new CorruptionError(path, bytes.length, `the manifest ends before its ${base.size} bytes`)
  const contents = readManifest(bytes.subarray(0, base.size), path, { ...parsed, databaseId })
  if (contents === undefined || contents.isTorn)
    throw new CorruptionError(
      path,
      contents?.end ?? 0,
      'the manifest that the journal goes on from is damaged',
    )
  return { name: base.file, epoch: parsed.epoch, contents }
}

/** The database's id from a file's header; undefined where the file ends within it. */
function idOf(
  bytes: Uint8Array,
  path: string,
  kind: FileKind,
  epoch: number,
  number: number,
): Uint8Array | undefined {
  if (!isHeaderWhole(bytes) && !isNewer(bytes, path, kind, epoch, number)) return undefined
  return decodeFileHeader(bytes.subarray(0, HEADER_SIZE), path, { kind, epoch, number }).databaseId
}

/** A newer format may have another checksum: it is told, not taken for a torn header. */
function isNewer(bytes: Uint8Array, path: string, kind: FileKind, epoch: number, number: number): boolean {
  try {
    decodeFileHeader(bytes.subarray(0, HEADER_SIZE), path, { kind, epoch, number })
    return false
  } catch (error) {
    return error instanceof UnsupportedVersionError
  }
}

/** Created and extended, but its first bytes never reached the disk, or only some of them and nothing else. */
function isHeaderTorn(bytes: Uint8Array): boolean {
  const isZero = (byte: number): boolean => byte === 0
  return bytes.subarray(0, HEADER_SIZE).every(isZero) || bytes.subarray(HEADER_SIZE).every(isZero)
}

async function readWhole(files: FileSystem, path: string): Promise<Uint8Array> {
  try {
    const file = files.openNow(path, 'read')
    try {
      const bytes = new Uint8Array(file.sizeNow())
      const count = await file.read(bytes, 0)
      return bytes.subarray(0, count)
    } finally {
      file.closeNow()
    }
  } catch (cause) {
    throw storageError('Cannot read a log', path, cause)
  }
}

/** Decides how far the log may be believed, and replays it that far. */
async function judge(options: LoadOptions, found: FoundEpoch): Promise<LoadedState> {
  const { base, epoch, databaseId } = found
  const clean = await readCleanMark(options.files, options.directory, epoch)
  const covers = base?.contents.covers ?? 0
  const chain = joinChain(found, covers)
  const proven = Math.max(
    covers,
    base?.contents.version.lsn ?? 0,
    ...found.journals.map((journal) => journal.proven),
  )
  const isSameBoot = options.bootId !== '' && found.bootId === options.bootId
  const { until } = options
  if (until === undefined) checkEnd(found, chain, proven, isSameBoot, clean)
  checkManifestEnd(found, clean)
  let records = until === undefined ? chain.records : chain.records.filter((record) => record.lsn <= until)
  let state = replay(found, records)
  let unproven = unprovenExtents(records, proven)
  if (!isSameBoot && clean === undefined) {
    for (;;) {
      const lost = await firstLost(state, unproven, (extent, owner) =>
        options.isSound(extent, owner, databaseId),
      )
      if (lost === undefined) break
      records = records.filter((record) => record.lsn < lost)
      state = replay(found, records)
      unproven = unprovenExtents(records, proven)
    }
  }
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
    report: reportOf(found, chain, records, clean),
  }
}

/** The journal's records in one row, and where and why the row ends. */
interface Chain {
  readonly records: readonly JournalRecord[]
  /** The file at whose end, or instead of which, the row ends; undefined where there is no journal. */
  readonly last: JournalContents | undefined
  /** Files behind that do not go on with it. */
  readonly beyond: readonly JournalContents[]
}

/** Joins the files: each ends where the next one begins. */
function joinChain(found: FoundEpoch, covers: number): Chain {
  // A power loss may give back names of retired files, some and not others: those before the one that
  // goes on from the manifest are not needed.
  const journals = found.journals.slice(
    Math.max(
      0,
      found.journals.findLastIndex(({ firstLsn }) => firstLsn <= covers + 1),
    ),
  )
  const records: JournalRecord[] = []
  let next = covers + 1
  let last: JournalContents | undefined
  for (let i = 0; i < journals.length; i++) {
    const journal = journals[i]!
    const goesOn = i === 0 ? journal.firstLsn <= next : journal.firstLsn === next
    if (!goesOn || journal.headerFault !== undefined)
      return { records, last: last ?? journal, beyond: journals.slice(i) }
    // What was appended behind its end failed, and was appended to the next one instead.
    const limit = journals[i + 1]?.firstLsn ?? Infinity
    const own = journal.records.filter((record) => record.lsn < limit)
    records.push(...own)
    next = (own.at(-1)?.lsn ?? journal.firstLsn - 1) + 1
    last = journal
  }
  return { records, last, beyond: [] }
}

/**
 * Refuses what is no honest torn end: records at or below the mark that are missing; and, where the
 * machine was not restarted, anything but an incomplete last record. @throws CorruptionError
 */
function checkEnd(
  found: FoundEpoch,
  chain: Chain,
  proven: number,
  isSameBoot: boolean,
  clean: CleanMark | undefined,
): void {
  const { last, beyond } = chain
  const end = Math.max(found.base?.contents.covers ?? 0, chain.records.at(-1)?.lsn ?? 0)
  if (end < proven) {
    if (last?.headerFault !== undefined) throw last.headerFault
    const file = last?.path ?? found.base?.name ?? ''
    throw new CorruptionError(
      file,
      last?.end ?? 0,
      `the log was written up to record ${proven}, and ends at ${end}`,
    )
  }
  if (last !== undefined && isSameBoot) refuseUnlessIncomplete(last, beyond, end)
  if (clean === undefined) return
  for (const { name, size } of clean.logs) {
    const journal = found.journals.find((each) => each.path.endsWith(name))
    if (
      name.startsWith(JOURNAL_DIRECTORY) &&
      (journal === undefined || journal.end !== size || journal.fault !== 'end')
    ) {
      throw new CorruptionError(
        name,
        journal?.end ?? 0,
        `after a clean close of ${size} bytes the log is short or damaged`,
      )
    }
  }
}

/** After a kill the operating system has every byte: only the last record can be incomplete. @throws CorruptionError */
function refuseUnlessIncomplete(
  last: JournalContents,
  beyond: readonly JournalContents[],
  end: number,
): void {
  const [next] = beyond
  const isLastUnborn =
    next !== undefined && beyond.length === 1 && next.fault === 'short' && !next.soundBehind
  if (next !== undefined && !isLastUnborn) {
    if (next.headerFault !== undefined) throw next.headerFault
    throw new CorruptionError(next.path, 0, `records ${end + 1} to ${next.firstLsn - 1} are missing`)
  }
  if (last.headerFault !== undefined) return
  if (last.fault === 'damaged') {
    throw new CorruptionError(
      last.path,
      last.end,
      'a record does not match its checksum, and the machine was not restarted since it was written',
    )
  }
  if (last.fault === 'short' && (last.soundBehind || next !== undefined)) {
    throw new CorruptionError(last.path, last.end, 'a record is damaged: others follow it')
  }
}

/** A torn end of the manifest is damage only where the journal does not hold all of it (or a clean close vouched for it). */
function checkManifestEnd(found: FoundEpoch, clean: CleanMark | undefined): void {
  const { base } = found
  if (base === undefined) return
  if (base.contents.isTorn && base.epoch === found.epoch && found.journals.length === 0) {
    throw new CorruptionError(
      base.name,
      base.contents.end,
      'the end of the manifest is damaged, and no journal file holds what it says',
    )
  }
  const vouched = clean?.logs.find(({ name }) => name === base.name)
  if (vouched !== undefined && base.contents.end !== vouched.size) {
    throw new CorruptionError(
      base.name,
      base.contents.end,
      `after a clean close the manifest has ${vouched.size} bytes that count: it is short or damaged`,
    )
  }
  if (clean !== undefined && vouched === undefined) {
    throw new CorruptionError(
      base.name,
      0,
      'a clean close named another manifest than the newest that is whole',
    )
  }
}

/** The state after `records`, on top of the base. */
function replay(
  found: FoundEpoch,
  records: readonly JournalRecord[],
): { version: Version; groups: Map<number, Group> } {
  let version = found.base?.contents.version ?? EMPTY_VERSION
  const flushed = flushedAtEnd(version, records)
  const removed = new Set(
    records.flatMap((record) =>
      record.kind === 'edit' && record.edit.kind === 'remove' ? record.edit.keys : [],
    ),
  )
  const groups = new Map<number, Group>()
  const tails = new TailReplay()
  const groupOf = (key: number): Group => {
    let group = groups.get(key)
    if (group === undefined) groups.set(key, (group = new Group(key)))
    return group
  }
  for (const record of records) {
    if (record.kind === 'commit') {
      for (const section of record.sections) {
        const key = section.shape.index
        if (record.lsn > (flushed.get(key) ?? 0) && !removed.has(key)) tails.commit(groupOf(key), section)
      }
      continue
    }
    const { edit } = record
    // Below the checkpoint, what an edit did to tails is applied again all the same.
    if (edit.kind === 'delete') for (const group of groups.values()) applyTailCut(group, edit.tail)
    if (record.lsn > version.lsn) version = applyRecovered(found, version, record)
  }
  for (const key of [...groups.keys()]) if (version.channels[key] === undefined) groups.delete(key)
  return { version, groups }
}

function applyRecovered(
  found: FoundEpoch,
  version: Version,
  record: JournalRecord & { kind: 'edit' },
): Version {
  try {
    return apply(version, record.edit, record.lsn)
  } catch (cause) {
    const path = found.journals.find((journal) => journal.records.includes(record))?.path ?? ''
    throw new CorruptionError(path, record.offset, `record ${record.lsn} does not fit the state before it`, {
      cause,
    })
  }
}

/** By index channel key: the LSN up to which the whole log says that a group is flushed. */
function flushedAtEnd(version: Version, records: readonly JournalRecord[]): Map<number, number> {
  const flushed = new Map(Object.entries(version.flushed).map(([key, lsn]) => [Number(key), lsn]))
  for (const record of records) {
    if (record.kind !== 'edit' || record.edit.kind !== 'flush') continue
    for (const { key, lsn } of record.edit.groups) flushed.set(key, Math.max(lsn, flushed.get(key) ?? 0))
  }
  return flushed
}

/** Extents (segment:offset:length) that records beyond the mark name, with the first of these records. */
function unprovenExtents(records: readonly JournalRecord[], proven: number): Map<string, number> {
  const extents = new Map<string, number>()
  const add = (lsn: number, extent: { segment: number; offset: number; length: number }): void => {
    const key = extentKey(extent)
    if (!extents.has(key)) extents.set(key, lsn)
  }
  for (const record of records) {
    if (record.lsn <= proven) continue
    if (record.kind === 'commit') {
      for (const { runs } of record.sections) {
        for (const run of runs)
          if (run.kind === 'extents') for (const place of run.places) add(record.lsn, place)
      }
    } else if (record.edit.kind === 'flush' || record.edit.kind === 'relocate') {
      for (const { comes } of record.edit.changes) for (const pointer of comes) add(record.lsn, pointer)
    }
  }
  return extents
}

/** Identifies an extent: segment, offset, length. */
export function extentKey(extent: {
  readonly segment: number
  readonly offset: number
  readonly length: number
}): string {
  return `${extent.segment}:${extent.offset}:${extent.length}`
}

/** The first record beyond the mark that names an extent which is live at the end and not sound. */
async function firstLost(
  state: { readonly version: Version; readonly groups: ReadonlyMap<number, Group> },
  unproven: ReadonlyMap<string, number>,
  isSound: (extent: ExtentPlace, owner: ExtentOwner) => Promise<boolean>,
): Promise<number | undefined> {
  if (unproven.size === 0) return undefined
  const doubtful: { lsn: number; extent: ExtentPlace; key: number }[] = []
  const seen = new Set<string>()
  const look = (key: number, extent: ExtentPlace): void => {
    const name = extentKey(extent)
    const lsn = unproven.get(name)
    if (lsn === undefined || seen.has(name)) return
    seen.add(name)
    doubtful.push({ lsn, extent, key })
  }
  for (const [key, table] of state.version.pointers.entries())
    table.forEach(0, table.length, (pointer) => look(key, pointer))
  for (const group of state.groups.values()) {
    for (const run of group.runs) {
      if (run.kind === 'strip') continue
      for (const [key, list] of run.pointers) for (const pointer of list.pointers) look(key, pointer)
    }
  }
  doubtful.sort((a, b) => a.lsn - b.lsn)
  for (const { lsn, extent, key } of doubtful) {
    const channel = state.version.channels[key]
    if (channel === undefined) continue
    const owner = { channel: key, type: channel.type, isIndex: channel.kind === 'index' }
    if (!(await isSound(extent, owner))) return lsn
  }
  return undefined
}

function reportOf(
  found: FoundEpoch,
  chain: Chain,
  records: readonly JournalRecord[],
  clean: CleanMark | undefined,
): RecoveryReport {
  const { last, beyond } = chain
  const report = { crashed: clean === undefined, records: records.length }
  const dropped = chain.records.length - records.length
  if (last === undefined || (dropped === 0 && last.fault === 'end' && beyond.length === 0)) return report
  const firstCut = chain.records[records.length]
  const file =
    found.journals.find((journal) => firstCut !== undefined && journal.records.includes(firstCut)) ?? last
  const offset = firstCut?.offset ?? last.end
  let bytes = 0
  for (const journal of found.journals.slice(found.journals.indexOf(file)))
    bytes += found.sizes.get(journal.path)!
  return { ...report, cut: { file: file.path, offset, bytes: bytes - offset, records: dropped } }
}

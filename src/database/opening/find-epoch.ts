// What the folders of a database hold of one epoch: the manifest that it began with or wrote, and its
// journal files, read but not judged. An epoch counts once it has begun: its first record, or a
// checkpoint of its own, is whole.

import {
  decodeFileHeader,
  encodeFileHeader,
  HEADER_SIZE,
  isHeaderWhole,
  JOURNAL_KIND,
  MANIFEST_KIND,
} from '../../codec/file-header.ts'
import type { FileKind } from '../../codec/file-header.ts'
import { CorruptionError, UnsupportedVersionError } from '../../errors.ts'
import type { FileSystem } from '../../fs/file-system.ts'
import {
  join,
  JOURNAL_DIRECTORY,
  journalName,
  MANIFEST_DIRECTORY,
  manifestName,
  parseNumbered,
} from '../../fs/layout.ts'
import { storageError } from '../../fs/storage-error.ts'
import { hasCode } from '../../fs/system-error.ts'
import { withoutFill } from '../../journal/fill.ts'
import { journalSteps } from '../../journal/replay.ts'
import type { JournalContents } from '../../journal/replay.ts'
import { manifestSteps, soundEnd } from '../../manifest/manifest.ts'
import type { ManifestContents } from '../../manifest/manifest.ts'
import type { BeginEdit } from '../../version/edit.ts'
import { inSlices, SLICE_MS } from '../turns.ts'
import type { Turns } from '../turns.ts'

/** Where a database lies. */
export interface Folder {
  readonly files: FileSystem
  readonly directory: string
  /** What is read is gone through in slices. */
  readonly turns: Turns
  /**
   * Commits are decoded when they are asked for: for who only reads, since a writing opening looks at each.
   */
  readonly isLate?: boolean
}

/** Names found in the folders of a database. */
export interface FoundNames {
  readonly manifests: readonly { readonly epoch: number; readonly number: number }[]
  readonly journals: readonly { readonly epoch: number; readonly number: number }[]
}

/** A manifest without a whole checkpoint. */
export interface NotWhole {
  readonly path: string
  /** Bytes of it that are sound. */
  readonly end: number
}

/** An epoch that has not begun: nothing of it counts. */
export interface NotBegun {
  readonly notWhole: readonly NotWhole[]
  /** Path of its journal file, where there is one. */
  readonly journal: string | undefined
}

/** An epoch that has begun: what it began with, and its journal. */
export interface FoundEpoch {
  readonly epoch: number
  readonly databaseId: Uint8Array
  readonly base:
    | {
        readonly name: string
        readonly path: string
        readonly epoch: number
        readonly contents: ManifestContents
      }
    | undefined
  /** Newer manifests of this epoch that count for nothing, newest first, and where each ends to be sound. */
  readonly notWhole: readonly NotWhole[]
  readonly journals: readonly JournalContents[]
  /** Bytes of each journal file without fill, by path. */
  readonly sizes: ReadonlyMap<string, number>
  readonly bootId: string
}

function slices<T>({ turns }: Folder, steps: Generator<void, T, void>): Promise<T> {
  return inSlices(turns, steps, SLICE_MS)
}

export async function findNames(files: FileSystem, directory: string): Promise<FoundNames> {
  // In this order: a journal that is retired between the two listings has left a manifest.
  const journals = await numbered(files, directory, JOURNAL_DIRECTORY)
  return { manifests: await numbered(files, directory, MANIFEST_DIRECTORY), journals }
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
    if (hasCode(cause, 'ENOENT')) return []
    throw storageError('Cannot list a folder', path, cause)
  }
}

/**
 * Reads what there is of an epoch.
 * @throws CorruptionError where it must have begun and nothing shows how; UnsupportedVersionError,
 * StorageError
 */
export async function findEpoch(
  options: Folder,
  names: FoundNames,
  epoch: number,
): Promise<FoundEpoch | NotBegun> {
  const { files, directory } = options
  const notWhole: NotWhole[] = []
  let base: FoundEpoch['base']
  let databaseId: Uint8Array | undefined
  for (const { number } of names.manifests.filter((each) => each.epoch === epoch)) {
    const name = manifestName(epoch, number)
    const path = join(directory, name)
    const bytes = await readBytes(files, path)
    const id = idOf(bytes, path, MANIFEST_KIND, epoch, number)
    const contents =
      id === undefined
        ? undefined
        : await slices(options, manifestSteps(bytes, path, { epoch, number, databaseId: id }))
    if (contents === undefined) {
      const end = id === undefined ? 0 : soundEnd(bytes, { epoch, number, databaseId: id })
      notWhole.push({ path, end })
      continue
    }
    base = { name, path, epoch, contents }
    databaseId = id
    break
  }
  const found: { path: string; bytes: Uint8Array; number: number }[] = []
  for (const { number } of names.journals.filter((each) => each.epoch === epoch).reverse()) {
    const path = join(directory, journalName(epoch, number))
    const bytes = await readBytes(files, path)
    found.push({ path, bytes, number })
    databaseId ??= idOf(bytes, path, JOURNAL_KIND, epoch, number)
  }
  if (databaseId === undefined) {
    for (const { path, bytes, number } of found) refuseRottenStart(path, bytes, epoch, number)
    return { notWhole, journal: found[0]?.path }
  }
  const id = databaseId
  const journals: JournalContents[] = []
  for (const { path, bytes, number } of found) {
    const identity = { epoch, number, databaseId: id }
    journals.push(await slices(options, journalSteps(bytes, path, identity, options.isLate)))
  }
  const sizes = new Map(found.map(({ path, bytes }) => [path, withoutFill(bytes).length]))
  if (base !== undefined)
    return { epoch, databaseId: id, base, journals, sizes, notWhole, bootId: base.contents.facts.bootId }
  const first = journals[0]
  if (first === undefined) return { notWhole, journal: undefined }
  const begin = beginOf(first)
  if (begin === undefined) {
    refuseRottenStart(first.path, found[0]!.bytes, epoch, first.firstLsn)
    if (first.records.length > 0 || first.soundBehind || journals.length > 1) {
      refuseNotWhole(notWhole)
      const what =
        'the journal does not begin with the beginning of its epoch, and no manifest of it is whole'
      throw new CorruptionError(first.path, HEADER_SIZE, what)
    }
    return { notWhole, journal: first.path }
  }
  if (begin.base !== undefined) base = await readBase(options, begin.base, id, first.path)
  return { epoch, databaseId: id, base, journals, sizes, notWhole, bootId: begin.bootId }
}

/**
 * What has begun, and does not show how, began with the manifest that does not count.
 * @throws CorruptionError
 */
export function refuseNotWhole([newest]: readonly NotWhole[]): void {
  if (newest === undefined) return
  throw new CorruptionError(
    newest.path,
    newest.end,
    'the checkpoint is damaged, and nothing else tells the state',
  )
}

/**
 * The header and the first record of an epoch go out in one write that nothing follows before it is
 * synced: a crash leaves none of it, or its beginning, but no header with wrong bytes in it.
 */
function refuseRottenStart(path: string, bytes: Uint8Array, epoch: number, number: number): void {
  if (isHeaderWhole(bytes) || isHeaderTorn(bytes, epoch, number)) return
  throw new CorruptionError(path, 0, 'the header of the first journal file of an epoch is damaged')
}

function beginOf(journal: JournalContents): BeginEdit | undefined {
  const record = journal.records[0]
  return record?.kind === 'edit' && record.edit.kind === 'begin' ? record.edit : undefined
}

async function readBase(
  options: Folder,
  base: NonNullable<BeginEdit['base']>,
  databaseId: Uint8Array,
  journal: string,
): Promise<NonNullable<FoundEpoch['base']>> {
  const path = join(options.directory, base.file)
  const parsed = parseNumbered(base.file.slice(base.file.indexOf('/') + 1))
  if (parsed === undefined || manifestName(parsed.epoch, parsed.number) !== base.file)
    throw new CorruptionError(
      journal,
      HEADER_SIZE,
      `the journal goes on from "${base.file}", which is no manifest`,
    )
  const bytes = await readBaseFile(options, path)
  if (bytes.length < base.size)
    throw new CorruptionError(path, bytes.length, `the manifest ends before its ${base.size} bytes`)
  const contents = await slices(
    options,
    manifestSteps(bytes.subarray(0, base.size), path, { ...parsed, databaseId }),
  )
  if (contents === undefined || contents.isTorn) {
    const what = 'the manifest that the journal goes on from is damaged'
    const end = contents?.end ?? soundEnd(bytes, { ...parsed, databaseId })
    throw new CorruptionError(path, end, what)
  }
  return { name: base.file, path, epoch: parsed.epoch, contents }
}

/** @throws CorruptionError where it is missing: it goes only once the epoch has a checkpoint of its own */
async function readBaseFile({ files }: Folder, path: string): Promise<Uint8Array> {
  try {
    return await readBytes(files, path)
  } catch (error) {
    const { cause } = error as Error
    if (!hasCode(cause, 'ENOENT')) throw error
    throw new CorruptionError(path, 0, 'the manifest that the journal goes on from is missing', { cause })
  }
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

/**
 * The longest first write of an epoch: header and begin record with a boot id of 64 characters. Whatever is
 * longer has more records, and those are written only once the first is synced.
 */
const LONGEST_START = 256

/** Where a header holds the database's id, and what is checked last: nobody knows them yet. */
const ID = { from: 16, to: 32 }
const CHECKSUM = 60

/**
 * Created and perhaps extended, but only some of its first bytes reached the disk: there are no wrong ones
 * among them.
 */
function isHeaderTorn(bytes: Uint8Array, epoch: number, number: number): boolean {
  const databaseId = new Uint8Array(ID.to - ID.from)
  const header = encodeFileHeader({ kind: JOURNAL_KIND, databaseId, epoch, number })
  const mayBe = (byte: number, i: number): boolean =>
    byte === 0 || byte === header[i] || (i >= ID.from && i < ID.to) || (i >= CHECKSUM && i < HEADER_SIZE)
  return bytes.length <= LONGEST_START && bytes.every(mayBe)
}

/** The bytes of a file, from `offset` on. @throws StorageError */
export async function readBytes(files: FileSystem, path: string, offset: number = 0): Promise<Uint8Array> {
  try {
    const file = files.openNow(path, 'read')
    try {
      const bytes = new Uint8Array(Math.max(0, file.sizeNow() - offset))
      const count = await file.read(bytes, offset)
      return bytes.subarray(0, count)
    } finally {
      file.closeNow()
    }
  } catch (cause) {
    throw storageError('Cannot read a log', path, cause)
  }
}

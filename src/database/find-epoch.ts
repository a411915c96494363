// What the folders of a database hold of one epoch: the manifest that it began with or wrote, and its
// journal files, read but not judged. An epoch counts once it has begun: its first record, or a
// checkpoint of its own, is whole.

import {
  decodeFileHeader,
  HEADER_SIZE,
  isHeaderWhole,
  JOURNAL_KIND,
  MANIFEST_KIND,
} from '../codec/file-header.ts'
import type { FileKind } from '../codec/file-header.ts'
import { CorruptionError, UnsupportedVersionError } from '../errors.ts'
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
import { hasCode } from '../fs/system-error.ts'
import { readJournal } from '../journal/replay.ts'
import type { JournalContents } from '../journal/replay.ts'
import { readManifest } from '../manifest/manifest.ts'
import type { ManifestContents } from '../manifest/manifest.ts'
import type { BeginEdit } from '../version/edit.ts'

/** Where a database lies. */
export interface Folder {
  readonly files: FileSystem
  readonly directory: string
}

/** Names found in the folders of a database. */
export interface FoundNames {
  readonly manifests: readonly { readonly epoch: number; readonly number: number }[]
  readonly journals: readonly { readonly epoch: number; readonly number: number }[]
}

/** An epoch that has begun: what it began with, and its journal. */
export interface FoundEpoch {
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
    if (hasCode(cause, 'ENOENT')) return []
    throw storageError('Cannot list a folder', path, cause)
  }
}

export async function findEpoch(
  options: Folder,
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
  options: Folder,
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

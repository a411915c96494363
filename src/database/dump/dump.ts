// Prints any file of a database for people who want to see: what is in it, where, and whether its checksums
// hold. Goes on behind damage, and needs nothing but the file: where its header cannot be believed, the other
// files of its folder tell which database it is of. Reads through a window of bounded size. Exported from the
// package as `dump`.

import { basename, dirname, resolve } from 'node:path'
import { fileSeed } from '../../codec/checksum.ts'
import { HEADER_SIZE, JOURNAL_KIND, MANIFEST_KIND, SEGMENT_KIND } from '../../codec/file-header.ts'
import { NotADatabaseError, ValidationError } from '../../errors.ts'
import type { FileSystem } from '../../fs/file-system.ts'
import { nodeFileSystem } from '../../fs/node-file-system.ts'
import { storageError } from '../../fs/storage-error.ts'
import { isPlainObject, refuseUnknownKeys } from '../../telem/input.ts'
import type { DumpEntry, DumpValue } from './entry.ts'
import { several } from './entry.ts'
import { frameEntries, gapEntry, recordEntries } from './log.ts'
import { extentEntries, extentGapEntry } from './segment.ts'
import { walkExtents } from '../survey/extents.ts'
import { SurveyFile } from '../survey/file.ts'
import { walkJournal, walkManifest } from '../survey/log.ts'
import {
  fileKindOf,
  isNameOfDatabase,
  kindOfName,
  saysOf,
  surveyFolder,
  surveyHeader,
} from '../survey/survey.ts'
import type { SurveyedKind, SurveyedHeader } from '../survey/survey.ts'

/** Options of `dump`. */
export interface DumpOptions {
  /** Also what is inside of records, frames and extents: runs, pointers, channels, blocks. */
  readonly details?: boolean | undefined
  /** Ends it: the next step rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/**
 * What is in a file of a database, or in all files of its directory, in the order of the file: records,
 * edits, frames of checkpoints, extents and their blocks, leases and marks, each with its place and whether
 * its checksums hold. Damage is shown, not thrown; what is sound behind it is shown as well. Changes nothing,
 * and needs no lease: a file that is being written is shown as far as it goes.
 * @param path of a file, or of a database's directory
 * @throws NotADatabaseError (a directory that holds none, a name that no file of a database has),
 * ValidationError, StorageError
 */
export function dump(path: string, options: DumpOptions = {}): AsyncIterable<DumpEntry> {
  if (typeof path !== 'string' || path === '' || path.includes('\0'))
    throw new ValidationError('What is dumped must be a path')
  if (!isPlainObject(options)) throw new ValidationError('Options must be an object')
  refuseUnknownKeys(options, ['details', 'signal'], 'options')
  const { details, signal } = options as DumpOptions
  if (details !== undefined && typeof details !== 'boolean')
    throw new ValidationError('Option "details" must be true or false')
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new ValidationError('Option "signal" must be an AbortSignal')
  return dumpIn(nodeFileSystem, resolve(path), { details, signal })
}

/** As `dump`, on a file system of the caller's. Not exported from the package. */
export async function* dumpIn(
  files: FileSystem,
  path: string,
  options: DumpOptions = {},
): AsyncGenerator<DumpEntry, void, void> {
  options.signal?.throwIfAborted()
  const stat = await files.stat(path).catch((cause: unknown) => {
    throw storageError('Cannot look at the file', path, cause)
  })
  if (stat === undefined) throw new NotADatabaseError(path, 'there is nothing at this path')
  if (stat.kind !== 'directory') {
    const name = nameOf(path)
    if (kindOfName(name).kind === 'unknown' && !(await hasHeader(files, path)))
      throw new NotADatabaseError(path, 'neither its name nor its first bytes are those of a file of one')
    yield* dumpFile(files, path, name, options)
    return
  }
  const survey = await surveyFolder(files, path, options.signal)
  const isDatabase = survey.files.some(({ name }) => isNameOfDatabase(name.replace(/\/.*/, '')))
  if (!isDatabase) {
    const [refusal] = survey.refusals
    if (refusal !== undefined) throw storageError('Cannot list the directory', refusal.path, refusal.error)
    const isFolder = kindOfName(`${basename(path)}/${FIRST_NAME}`).kind !== 'unknown'
    const what = isFolder
      ? `it looks like a folder of one: give "${dirname(path)}", or one file`
      : 'it holds no file of one'
    throw new NotADatabaseError(path, what)
  }
  for (const { name, path: each } of survey.files) {
    try {
      yield* dumpFile(files, each, name, options)
    } catch (error) {
      options.signal?.throwIfAborted()
      const what = error instanceof Error ? error.message : String(error)
      yield { what: 'gap', level: 0, text: `cannot be read: ${what}`, fields: { path: each } }
    }
  }
}

/** A name that files in a database's folders may have. */
const FIRST_NAME = '000001-000000000001'

/** The name of a file inside its database's folder, by the folder that it lies in. */
function nameOf(path: string): string {
  const name = `${basename(dirname(path))}/${basename(path)}`
  return kindOfName(name).kind === 'unknown' ? basename(path) : name
}

/** Whether a file says of itself what it is. @throws StorageError */
async function hasHeader(files: FileSystem, path: string): Promise<boolean> {
  const file = openFile(files, path)
  try {
    return saysOf(await file.at(0, HEADER_SIZE)) !== undefined
  } finally {
    file.close()
  }
}

/** @throws StorageError */
function openFile(files: FileSystem, path: string): SurveyFile {
  try {
    return SurveyFile.open(files, path)
  } catch (cause) {
    throw storageError('Cannot open the file', path, cause)
  }
}

async function* dumpFile(
  files: FileSystem,
  path: string,
  name: string,
  options: DumpOptions,
): AsyncGenerator<DumpEntry, void, void> {
  const file = openFile(files, path)
  try {
    const head = (await file.at(0, HEADER_SIZE)).slice()
    const says = saysOf(head)
    const named = kindOfName(name)
    const kind = says === undefined ? named.kind : kindOf(says.kind)
    const text = `${path}: ${KIND_TEXTS[kind]}, ${several(file.size, 'byte')}`
    yield { what: 'file', level: 0, length: file.size, text, fields: { path, kind, size: file.size } }
    if (kind === 'journal' || kind === 'manifest' || kind === 'segment')
      yield* dumpWalked(files, file, head, { ...named, kind }, says, options)
    else yield await dumpSmall(file, kind)
    for (const { offset, length, error } of file.refusals)
      yield {
        what: 'gap',
        level: 0,
        offset,
        length,
        text: `the file system refused: ${error.message}`,
        fields: {},
      }
  } finally {
    file.close()
  }
}

const KIND_TEXTS: Readonly<Record<SurveyedKind, string>> = {
  journal: 'a journal',
  manifest: 'a manifest',
  segment: 'a segment',
  lease: 'a lease',
  fence: 'the fence',
  clean: 'the mark of a clean close',
  unsynced: 'the mark of a failed sync',
  lock: "the operating system's lock",
  reserve: 'the reserve',
  reader: 'the registration of a reading process',
  temporary: 'a file that was being made',
  unknown: 'no file of a database, as far as its name says',
}

function kindOf(kind: number): SurveyedKind {
  const kinds: Record<number, SurveyedKind> = {
    [JOURNAL_KIND]: 'journal',
    [MANIFEST_KIND]: 'manifest',
    [SEGMENT_KIND]: 'segment',
  }
  return kinds[kind] ?? 'unknown'
}

type Says = NonNullable<SurveyedHeader['says']>

/** A log or a segment. */
async function* dumpWalked(
  files: FileSystem,
  file: SurveyFile,
  head: Uint8Array,
  named: {
    readonly kind: 'journal' | 'manifest' | 'segment'
    readonly epoch?: number
    readonly number?: number
  },
  says: Says | undefined,
  { details = false, signal }: DumpOptions,
): AsyncGenerator<DumpEntry, void, void> {
  const kind = fileKindOf(named.kind)!
  const { epoch = says?.epoch ?? 0, number = says?.number ?? 0 } = named
  yield headerEntry(surveyHeader(head, file.path, { kind, epoch, number }), head.length)
  const id = says?.databaseId ?? (await idOfNeighbours(files, file.path, signal))
  if (id === undefined || file.size <= HEADER_SIZE) {
    const length = Math.max(0, file.size - HEADER_SIZE)
    const text = `${several(length, 'byte')}: nothing tells which database they are of, so no checksum can be checked`
    if (length > 0) yield { what: 'gap', level: 0, offset: HEADER_SIZE, length, text, fields: {} }
    return
  }
  const seed =
    says === undefined ? fileSeed(id, kind, epoch, number) : fileSeed(id, says.kind, says.epoch, says.number)
  switch (named.kind) {
    case 'journal':
      for await (const step of walkJournal(file, seed, signal))
        if (step.what === 'gap') yield gapEntry(step)
        else yield* recordEntries(step, details)
      return
    case 'manifest':
      for await (const step of walkManifest(file, seed, signal))
        if (step.what === 'gap') yield gapEntry(step)
        else yield* frameEntries(step, details)
      return
    case 'segment':
      for await (const step of walkExtents(file, seed, { samples: true, signal }))
        if (step.what === 'gap') yield extentGapEntry(step)
        else yield* extentEntries(step, details)
  }
}

function headerEntry({ isWhole, says, fault, newerFormat }: SurveyedHeader, length: number): DumpEntry {
  const common = { what: 'header', level: 0, offset: 0, length, sound: isWhole } as const
  const wrong = fault === undefined ? '' : `; ${fault.what} (at ${fault.offset})`
  const faults: Record<string, DumpValue> = fault === undefined ? {} : { fault: { ...fault } }
  if (says === undefined) return { ...common, text: wrong.slice(2), fields: faults }
  const database = Buffer.from(says.databaseId).toString('hex')
  const format = newerFormat ?? 0
  const text = `format ${format}, database ${database}, epoch ${says.epoch}, number ${says.number}${wrong}`
  return { ...common, text, fields: { format, database, epoch: says.epoch, number: says.number, ...faults } }
}

/** The id that the other files of a database say. */
async function idOfNeighbours(
  files: FileSystem,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array | undefined> {
  return (await surveyFolder(files, dirname(dirname(path)), signal)).databaseId
}

/** Most bytes of a small file that are shown. */
const SMALL = 64 * 1024

/** A lease, the fence, a mark, a note. */
async function dumpSmall(file: SurveyFile, kind: SurveyedKind): Promise<DumpEntry> {
  const { size } = file
  const bytes = await file.at(0, Math.min(size, SMALL))
  const common = { level: 0, offset: 0, length: size } as const
  if (kind === 'fence') {
    const epoch = size === 8 ? new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true) : undefined
    if (epoch === undefined || epoch > BigInt(Number.MAX_SAFE_INTEGER))
      return { what: 'bytes', ...common, sound: false, text: 'it holds no epoch', fields: {} }
    return { what: 'number', ...common, text: `epoch ${epoch} is in force`, fields: { epoch: Number(epoch) } }
  }
  if (kind === 'reserve' || kind === 'unsynced' || kind === 'unknown' || kind === 'temporary') {
    const text = `${several(size, 'byte')} that say nothing`
    return { what: 'bytes', ...common, text, fields: {} }
  }
  const text = new TextDecoder().decode(bytes).trimEnd()
  const value = parsed(text)
  // All of them are JSON: what is none is damaged. The note in LOCK is for people, and may be anything.
  const sound = kind === 'lock' ? {} : { sound: value !== undefined }
  return { what: 'text', ...common, ...sound, text, fields: { value: value ?? text } }
}

function parsed(text: string): DumpValue | undefined {
  try {
    return JSON.parse(text) as DumpValue
  } catch {
    return undefined
  }
}

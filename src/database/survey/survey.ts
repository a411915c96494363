// What lies in a database's folder, told without opening it as a database: every file by its name, and what
// the headers of logs and segments say. Damage is said of what it is found in, never thrown; nothing is
// judged here, and nothing written. Called by `verify`, `repair` and `dump`; log.ts and extents.ts walk the
// contents.

import { DATABASE_ID_SIZE, fileSeed } from '../../codec/checksum.ts'
import {
  decodeFileHeader,
  HEADER_SIZE,
  isHeaderWhole,
  JOURNAL_KIND,
  MANIFEST_KIND,
  SEGMENT_KIND,
} from '../../codec/file-header.ts'
import type { FileKind } from '../../codec/file-header.ts'
import { CorruptionError, UnsupportedVersionError } from '../../errors.ts'
import type { FileSystem } from '../../fs/file-system.ts'
import {
  FENCE,
  isTempName,
  join,
  JOURNAL_DIRECTORY,
  LOCK,
  MANIFEST_DIRECTORY,
  parseClean,
  parseLease,
  parseNumbered,
  parseUnsynced,
  READER_DIRECTORY,
  RESERVE,
  SEGMENT_DIRECTORY,
} from '../../fs/layout.ts'
import { hasCode } from '../../fs/system-error.ts'

/** What a file is, by its name alone. `temporary`: under construction when its process ended. */
export type SurveyedKind =
  | 'journal'
  | 'manifest'
  | 'segment'
  | 'lease'
  | 'fence'
  | 'clean'
  | 'unsynced'
  | 'lock'
  | 'reserve'
  | 'reader'
  | 'temporary'
  | 'unknown'

/** What the header of a log or a segment says, and what is wrong with it. */
export interface SurveyedHeader {
  /** Its checksum holds: `says` may be believed, whatever the file's name is. */
  readonly isWhole: boolean
  /** What it says of itself; undefined where it is not whole. */
  readonly says?: {
    readonly kind: FileKind
    readonly databaseId: Uint8Array
    readonly epoch: number
    readonly number: number
  }
  /** Number of a format that this library does not know. */
  readonly newerFormat?: number
  /**
   * Why it is not the header that belongs into a file of this name; undefined where it is. Bytes from the
   * file's start.
   */
  readonly fault?: { readonly offset: number; readonly what: string }
}

/** One file. */
export interface SurveyedFile {
  /** Relative to the database's folder, such as `segments/000001-000000000001`. */
  readonly name: string
  /** As the file system takes it. */
  readonly path: string
  readonly kind: SurveyedKind
  /** Bytes; 0 for what is not an ordinary file. */
  readonly size: number
  /** Of the name: logs, segments, leases and marks. */
  readonly epoch?: number
  /** Of the name: LSN (journal, manifest) or segment number. */
  readonly number?: number
  /** Of logs and segments. */
  readonly header?: SurveyedHeader
  /** Why the file could not be looked at. */
  readonly refusal?: Error
}

/** A database's folder. */
export interface Survey {
  readonly directory: string
  /** The id that most whole headers say; undefined where there is none. 16 bytes. */
  readonly databaseId: Uint8Array | undefined
  /** In order of kind, epoch, number or name. */
  readonly files: readonly SurveyedFile[]
  /** Folders that could not be listed. */
  readonly refusals: readonly { readonly path: string; readonly error: Error }[]
}

/**
 * Folders with their kind of file, in the order in which they are listed: a journal that is retired meanwhile
 * left a manifest.
 */
const FOLDERS = [
  [JOURNAL_DIRECTORY, 'journal'],
  [MANIFEST_DIRECTORY, 'manifest'],
  [SEGMENT_DIRECTORY, 'segment'],
  [READER_DIRECTORY, 'reader'],
] as const

const KINDS: Readonly<Partial<Record<SurveyedKind, FileKind>>> = {
  journal: JOURNAL_KIND,
  manifest: MANIFEST_KIND,
  segment: SEGMENT_KIND,
}

/** The kind of a header that a surveyed file has; undefined for files without one. */
export function fileKindOf(kind: SurveyedKind): FileKind | undefined {
  return KINDS[kind]
}

/**
 * Lists a database's folder and reads the headers in it. Never throws for what it finds; a file that goes
 * away meanwhile is left out.
 * @throws the signal's reason
 */
export async function surveyFolder(
  files: FileSystem,
  directory: string,
  signal?: AbortSignal,
): Promise<Survey> {
  const found: SurveyedFile[] = []
  const refusals: { path: string; error: Error }[] = []
  const own = new Set<string>(FOLDERS.map(([folder]) => folder))
  const list = async (path: string): Promise<string[]> => {
    try {
      return await files.list(path)
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) refusals.push({ path, error: error as Error })
      return []
    }
  }
  for (const [folder, kind] of FOLDERS) {
    for (const base of await list(join(directory, folder))) {
      signal?.throwIfAborted()
      const file = await surveyFile(files, directory, join(folder, base), nameIn(kind, base))
      if (file !== undefined) found.push(file)
    }
  }
  for (const name of await list(directory)) {
    if (own.has(name)) continue
    const file = await surveyFile(files, directory, name, nameAtTop(name))
    if (file !== undefined) found.push(file)
  }
  found.sort(
    (a, b) =>
      a.kind.localeCompare(b.kind) ||
      (a.epoch ?? 0) - (b.epoch ?? 0) ||
      (a.number ?? 0) - (b.number ?? 0) ||
      (a.name < b.name ? -1 : 1),
  )
  return { directory, databaseId: mostFrequentId(found), files: found, refusals }
}

/** What a name says. */
interface Named {
  readonly kind: SurveyedKind
  readonly epoch?: number
  readonly number?: number
}

function nameIn(kind: 'journal' | 'manifest' | 'segment' | 'reader', base: string): Named {
  if (isTempName(base)) return { kind: 'temporary' }
  if (kind === 'reader') return { kind }
  const parsed = parseNumbered(base)
  return parsed === undefined ? { kind: 'unknown' } : { kind, ...parsed }
}

function nameAtTop(name: string): Named {
  if (name === LOCK) return { kind: 'lock' }
  if (name === FENCE) return { kind: 'fence' }
  if (name === RESERVE) return { kind: 'reserve' }
  if (isTempName(name)) return { kind: 'temporary' }
  const parses = [
    ['lease', parseLease(name)],
    ['clean', parseClean(name)],
    ['unsynced', parseUnsynced(name)],
  ] as const
  for (const [kind, epoch] of parses) if (epoch !== undefined) return { kind, epoch }
  return { kind: 'unknown' }
}

/** What a name inside a database's folder, such as `journal/000001-000000000001`, says that the file is. */
export function kindOfName(name: string): Named {
  const slash = name.indexOf('/')
  if (slash < 0) return nameAtTop(name)
  const folder = FOLDERS.find(([each]) => each === name.slice(0, slash))
  return folder === undefined ? { kind: 'unknown' } : nameIn(folder[1], name.slice(slash + 1))
}

/** Whether a name at the top of a folder is one that a database has. */
export function isNameOfDatabase(name: string): boolean {
  return FOLDERS.some(([folder]) => folder === name) || nameAtTop(name).kind !== 'unknown'
}

/** Looks at one file; undefined where it is not there any more. */
async function surveyFile(
  files: FileSystem,
  directory: string,
  name: string,
  named: Named,
): Promise<SurveyedFile | undefined> {
  const path = join(directory, name)
  try {
    const stat = await files.stat(path)
    if (stat === undefined) return undefined
    if (stat.kind !== 'file') return { name, path, kind: 'unknown', size: 0 }
    const kind = KINDS[named.kind]
    if (kind === undefined) return { name, path, size: stat.size, ...named }
    const file = files.openNow(path, 'read')
    try {
      const bytes = new Uint8Array(HEADER_SIZE)
      const got = file.readNow(bytes, 0)
      const header = surveyHeader(bytes.subarray(0, got), path, {
        kind,
        epoch: named.epoch!,
        number: named.number!,
      })
      return { name, path, size: file.sizeNow(), ...named, header }
    } finally {
      file.closeNow()
    }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    return { name, path, size: 0, ...named, refusal: error as Error }
  }
}

/** Reads a header whatever it is. `expected`: what the file's name says. */
export function surveyHeader(
  bytes: Uint8Array,
  path: string,
  expected: { readonly kind: FileKind; readonly epoch: number; readonly number: number },
): SurveyedHeader {
  const isWhole = isHeaderWhole(bytes)
  const says = isWhole ? { says: identityOf(bytes) } : {}
  try {
    decodeFileHeader(bytes, path, expected)
    return { isWhole, ...says }
  } catch (error) {
    if (error instanceof UnsupportedVersionError)
      return {
        isWhole,
        ...says,
        newerFormat: error.found,
        fault: { offset: 8, what: `the file has format ${error.found}, newer than ${error.supported}` },
      }
    if (!(error instanceof CorruptionError)) throw error
    return { isWhole, ...says, fault: { offset: error.offset, what: whatOf(error) } }
  }
}

/** What the header that some bytes begin with says of itself; undefined where it is not whole. */
export function saysOf(bytes: Uint8Array): SurveyedHeader['says'] {
  return isHeaderWhole(bytes) ? identityOf(bytes) : undefined
}

/** What a whole header says of itself; offsets as in codec/file-header.ts. */
function identityOf(bytes: Uint8Array): NonNullable<SurveyedHeader['says']> {
  const data = new DataView(bytes.buffer, bytes.byteOffset, HEADER_SIZE)
  return {
    kind: data.getUint32(12, true) as FileKind,
    databaseId: bytes.slice(16, 16 + DATABASE_ID_SIZE),
    epoch: Number(data.getBigUint64(32, true)),
    number: Number(data.getBigUint64(40, true)),
  }
}

/** The words of a CorruptionError, without the place that every report names itself. */
export function whatOf(error: CorruptionError): string {
  return error.message.replace(`Corruption in "${error.file}" at offset ${error.offset}: `, '')
}

function mostFrequentId(files: readonly SurveyedFile[]): Uint8Array | undefined {
  const counts = new Map<string, { id: Uint8Array; count: number }>()
  let best: { id: Uint8Array; count: number } | undefined
  for (const { header } of files) {
    if (header?.says === undefined) continue
    const id = header.says.databaseId
    const key = id.join()
    const entry = counts.get(key) ?? { id, count: 0 }
    counts.set(key, entry)
    entry.count++
    if (best === undefined || entry.count > best.count) best = entry
  }
  return best?.id
}

/** The seed of all checksums in a log or a segment of this name. */
export function seedOfName(
  file: { readonly kind: SurveyedKind; readonly epoch?: number; readonly number?: number },
  databaseId: Uint8Array,
): number {
  return fileSeed(databaseId, KINDS[file.kind]!, file.epoch!, file.number!)
}

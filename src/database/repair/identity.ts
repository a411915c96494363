// Whose the files of a damaged database are: no checksum in them can be checked without its id. What whole
// headers say is believed; what a lease, a damaged header or a mended one says is only where frames or
// extents are sound by it (0009-I1). Called by damaged.ts. Reads, and writes nothing.

import { DATABASE_ID_SIZE } from '../../codec/checksum.ts'
import { encodeFileHeader, FORMAT_VERSION, HEADER_SIZE } from '../../codec/file-header.ts'
import { CorruptionError, NotADatabaseError, UnsupportedVersionError } from '../../errors.ts'
import type { FileSystem } from '../../fs/file-system.ts'
import { readLease } from '../../lease/lease-file.ts'
import { fileKindOf, saysOf, seedOfName } from '../survey/survey.ts'
import type { Survey, SurveyedFile } from '../survey/survey.ts'
import { walkExtents } from '../survey/extents.ts'
import { SurveyFile } from '../survey/file.ts'
import { walkFrames } from '../survey/log.ts'

/** Where a file's header says which database it belongs to, and its checksum (codec/file-header.ts). */
const DATABASE_ID_AT = 16
const CHECKSUM_AT = 60

/**
 * What most headers say; where none is whole, what a lease or the bytes of a header say, one wrong byte of it
 * mended, if anything in a file is sound by that.
 * @throws NotADatabaseError where there is nothing, UnsupportedVersionError, CorruptionError where nothing
 * tells
 */
export async function idOf(files: FileSystem, survey: Survey): Promise<Uint8Array> {
  const own = survey.files.filter(({ header }) => header !== undefined)
  const newer = own.find(({ header }) => header?.isWhole === true && header.newerFormat !== undefined)
  if (newer !== undefined)
    throw new UnsupportedVersionError(newer.path, newer.header!.newerFormat!, FORMAT_VERSION)
  const [first] = own
  if (first === undefined)
    throw new NotADatabaseError(survey.directory, 'there are neither logs nor segments in it')
  if (survey.databaseId !== undefined) return survey.databaseId
  const leased = idsOfLeases(files, survey)
  for (const each of own) {
    for (const id of [...leased, ...(await idsOfHeader(files, each))])
      if (await isSoundBy(files, each, id)) return id
  }
  throw new CorruptionError(
    first.path,
    0,
    'no file of the database says whose it is: no checksum can be checked',
  )
}

/** What leases say, each once. */
function idsOfLeases(files: FileSystem, { directory, files: found }: Survey): Uint8Array[] {
  const texts = new Set<string>()
  for (const { kind, epoch } of found) {
    if (kind !== 'lease') continue
    try {
      const text: unknown = readLease(files, directory, epoch!)?.content?.database
      if (typeof text === 'string' && /^[0-9a-f]{32}$/i.test(text)) texts.add(text)
    } catch {
      // One that the disk refuses says nothing.
    }
  }
  return [...texts].map((text) => new Uint8Array(Buffer.from(text, 'hex')))
}

/** What a damaged header may have said: mended, if it can be; as it is. */
async function idsOfHeader(files: FileSystem, found: SurveyedFile): Promise<Uint8Array[]> {
  const file = SurveyFile.open(files, found.path)
  try {
    const header = (await file.at(0, HEADER_SIZE)).slice()
    if (header.length < HEADER_SIZE) return []
    const mended = mendedId(header, found)
    const plain = header.slice(DATABASE_ID_AT, DATABASE_ID_AT + DATABASE_ID_SIZE)
    return mended === undefined ? [plain] : [mended, plain]
  } finally {
    file.close()
  }
}

/**
 * The id with which the header's checksum holds, where one byte of it is wrong; all else in a header follows
 * from the name.
 */
function mendedId(header: Uint8Array, { kind, epoch, number }: SurveyedFile): Uint8Array | undefined {
  const databaseId = header.slice(DATABASE_ID_AT, DATABASE_ID_AT + DATABASE_ID_SIZE)
  for (let at = 0; at < DATABASE_ID_SIZE; at++) {
    const was = databaseId[at]!
    for (let byte = 0; byte < 256; byte++) {
      databaseId[at] = byte
      const whole = encodeFileHeader({ kind: fileKindOf(kind)!, databaseId, epoch: epoch!, number: number! })
      whole.set(header.subarray(CHECKSUM_AT), CHECKSUM_AT)
      if (saysOf(whole) !== undefined) return databaseId
    }
    databaseId[at] = was
  }
  return undefined
}

/** Whether anything in a file is sound if this is its database. */
async function isSoundBy(files: FileSystem, found: SurveyedFile, id: Uint8Array): Promise<boolean> {
  const file = SurveyFile.open(files, found.path)
  try {
    const seed = seedOfName(found, id)
    const steps =
      found.kind === 'segment'
        ? walkExtents(file, seed, { samples: false })
        : walkFrames(file, seed, { hasFill: found.kind === 'journal' })
    for await (const step of steps) if (step.what !== 'gap') return true
    return false
  } finally {
    file.close()
  }
}

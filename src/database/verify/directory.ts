// Verification of a directory, whether what is in it opens or not. Opened to read where it can be, so that a
// process that writes goes on beside it; else every file is looked at by itself. Exported from the package as
// `verify`.

import { NotADatabaseError, RubidiumError, ValidationError } from '../../errors.ts'
import type { FileSystem } from '../../fs/file-system.ts'
import { storageError } from '../../fs/storage-error.ts'
import { checkReadOptions } from '../arguments.ts'
import { closeEngine } from '../close.ts'
import { systemEnvironment } from '../environment.ts'
import type { Environment } from '../environment.ts'
import { openEngine } from '../opening/open.ts'
import type { Opened } from '../opening/open.ts'
import { resolveOptions } from '../options.ts'
import { UNFINISHED } from '../repair/repair.ts'
import { isNameOfDatabase } from '../survey/survey.ts'
import { MISSING } from './extents.ts'
import { ADVICE } from './report.ts'
import type { VerifyOptions, VerifyReport } from './report.ts'
import { BROKEN_OFF, verifyUnopened } from './unopened.ts'
import { verifyEngine } from './verify.ts'

/** How often it is begun anew where a process that writes has removed a segment under it. */
const TRIES = 3

/**
 * Reads every byte of the database in a directory against its checksum, checks every invariant that one
 * instant shows, and changes nothing. Damage is reported, not thrown, all of it in one run; also of a
 * database that does not open: then every file is looked at by itself. A process may have it open to write
 * meanwhile.
 * @throws NotADatabaseError where there is none; ValidationError, the signal's reason, what `onProgress`
 * throws; StorageError where not even the directory can be listed
 */
export async function verify(directory: string, options: VerifyOptions = {}): Promise<VerifyReport> {
  return verifyIn(await systemEnvironment(), directory, options)
}

/** As `verify`, in an environment of the caller's. Not exported from the package. */
export async function verifyIn(
  environment: Environment,
  directory: string,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  if (typeof directory !== 'string' || directory === '' || directory.includes('\0'))
    throw new ValidationError('The directory must be a path')
  const { signal } = checkReadOptions(options, ['signal', 'onProgress'])
  if (options.onProgress !== undefined && typeof options.onProgress !== 'function')
    throw new ValidationError('Option "onProgress" must be a function')
  signal?.throwIfAborted()
  await refuseOtherPlaces(environment.files, directory)
  for (let tries = 1; ; tries++) {
    const report = await verifyOnce(environment, directory, options)
    const isPerhapsGone = report.problems.some(({ what }) => what.startsWith(MISSING))
    if (!isPerhapsGone || tries === TRIES) return report
  }
}

async function verifyOnce(
  environment: Environment,
  directory: string,
  options: VerifyOptions,
): Promise<VerifyReport> {
  let opened: Opened
  try {
    opened = await openEngine(environment, directory, resolveOptions({ readOnly: true }))
  } catch (error) {
    if (!(error instanceof RubidiumError)) throw error
    return verifyUnopened(environment, directory, error, options)
  }
  const { engine, flusher } = opened
  try {
    return await verifyEngine(engine, options)
  } finally {
    await closeEngine(engine, flusher)
  }
}

/** A path without a database is a mistake, not damage. @throws NotADatabaseError, StorageError */
async function refuseOtherPlaces(files: FileSystem, directory: string): Promise<void> {
  let names: string[]
  try {
    const stat = await files.stat(directory)
    if (stat === undefined) throw new NotADatabaseError(directory, 'there is nothing at this path')
    if (stat.kind !== 'directory') throw new NotADatabaseError(directory, 'it is not a directory')
    names = await files.list(directory)
  } catch (cause) {
    throw storageError('Cannot verify the database', directory, cause)
  }
  const [name] = names
  if (name === undefined) throw new NotADatabaseError(directory, 'it is empty')
  if (names.every((each) => each === UNFINISHED))
    throw new NotADatabaseError(directory, `${BROKEN_OFF}. ${ADVICE.unfinished}`)
  if (!names.some(isNameOfDatabase))
    throw new NotADatabaseError(directory, `it holds other files ("${name}")`)
}

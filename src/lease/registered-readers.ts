// Who is registered as reading, looked at now. `dead` is believed on the same grounds as of a holder of the
// lease, and on no weaker ones: whoever may be alive counts, and so does a registration that nobody can
// read (0005-I9). Called by database/ right before something is destroyed, and for reports.

import type { FileSystem } from '../fs/file-system.ts'
import { isReaderName, join, READER_DIRECTORY } from '../fs/layout.ts'
import { hasCode } from '../fs/system-error.ts'
import { isAlive } from './identity.ts'
import type { Identity, Liveness } from './lease.ts'
import { removeIfThere } from './linked-file.ts'
import type { FileLocks } from './os-lock.ts'
import { GIVEN_UP, readRegistration } from './registration.ts'
import type { FoundRegistration, ReaderContent } from './registration.ts'

/** A read-only process that is registered and not known to be dead. */
export interface RegisteredReader extends FoundRegistration {
  /** Of its file, relative to the database's folder. */
  readonly name: string
}

/** What `lookAtReaders` takes. */
export interface ReaderLook {
  readonly files: FileSystem
  /** The database's folder. */
  readonly directory: string
  /** This process. */
  readonly identity: Identity
  /** Whether another process still runs; another one than `isAlive` only in tests. */
  readonly isAlive?: ((holder: Identity, own: Identity) => Liveness) | undefined
  readonly locks?: FileLocks | undefined
  /** Remove the other registrations, as far as it goes: they count for nothing anyway. */
  readonly removesDead: boolean
}

/**
 * All registrations but those that were given up, and those of processes that are certainly dead.
 * @throws the system's error: nothing is known then
 */
export async function lookAtReaders(look: ReaderLook): Promise<RegisteredReader[]> {
  const { files, directory } = look
  const readers: RegisteredReader[] = []
  for (const listed of await listReaders(files, directory)) {
    if (!isReaderName(listed)) continue
    const name = join(READER_DIRECTORY, listed)
    const path = join(directory, name)
    const found = readRegistration(files, path)
    if (found === undefined) continue
    const isOver =
      found.pin === GIVEN_UP || (found.content !== undefined && isDead(look, found.content, path))
    if (!isOver) {
      readers.push({ name, ...found })
      continue
    }
    if (look.removesDead) await removeIfThere(files, path).catch(() => undefined)
  }
  return readers
}

async function listReaders(files: FileSystem, directory: string): Promise<string[]> {
  try {
    return await files.list(join(directory, READER_DIRECTORY))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}

function isDead(look: ReaderLook, reader: ReaderContent, path: string): boolean {
  const { identity, locks } = look
  if (isSame(reader, identity)) return false
  const liveness = (look.isAlive ?? isAlive)(reader, identity)
  if (reader.lock !== 'os' || reader.host !== identity.host) return liveness === 'dead'
  const isHeld = locks?.isHeld(path)
  if (isHeld !== undefined) return !isHeld && !(liveness === 'alive' && reader.startTime !== '')
  return liveness === 'dead'
}

function isSame(a: Identity, b: Identity): boolean {
  return (
    a.host === b.host &&
    a.bootId === b.bootId &&
    a.pidNamespace === b.pidNamespace &&
    a.pid === b.pid &&
    a.startTime === b.startTime
  )
}

// Who came to hold the lease, and who of them has ended: whoever reads beside others believes what it has
// read only if nobody may have taken over meanwhile (S6). Called by load-anew.ts and read-on.ts.

import type { FileSystem } from '../../fs/file-system.ts'
import { parseLease } from '../../fs/layout.ts'
import { storageError } from '../../fs/storage-error.ts'
import { isAlive } from '../../lease/identity.ts'
import { readLease } from '../../lease/lease-file.ts'
import type { Environment } from '../environment.ts'

/**
 * The newest epoch that anybody came with, where all holders have ended; undefined where one may write, or it
 * cannot be told.
 */
export async function epochAtRest(environment: Environment, directory: string): Promise<number | undefined> {
  try {
    const gone = await goneHolders(environment, directory)
    const epochs = await leaseEpochs(environment.files, directory)
    return epochs.length > 0 && epochs.every((epoch) => gone.has(epoch)) ? Math.max(...epochs) : undefined
  } catch {
    return undefined
  }
}

/** Epochs whose holders have ended, or gave them back: they begin nothing any more, and write nothing. */
export async function goneHolders(environment: Environment, directory: string): Promise<Set<number>> {
  const { files, identity } = environment
  const gone = new Set<number>()
  for (const epoch of await leaseEpochs(files, directory)) {
    const found = readLease(files, directory, epoch)
    if (found === undefined) continue
    const { content, isReleased } = found
    const isDead = content !== undefined && (environment.isAlive ?? isAlive)(content, identity) === 'dead'
    if (isReleased || isDead) gone.add(epoch)
  }
  return gone
}

/** Epochs of the lease files that are there. @throws StorageError */
export async function leaseEpochs(files: FileSystem, directory: string): Promise<number[]> {
  try {
    return (await files.list(directory)).flatMap((name) => parseLease(name) ?? [])
  } catch (cause) {
    throw storageError('Cannot list the folder of the database', directory, cause)
  }
}

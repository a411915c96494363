// Closing: nobody new, everybody done, tails flushed, the journal archived whole, and a mark that says
// how long the logs are. After a clean close no journal file is left, and the next opening has nothing
// to recover.

import { cleanName, join, JOURNAL_DIRECTORY } from '../fs/layout.ts'
import { storageError } from '../fs/storage-error.ts'
import type { Held } from '../guard/held.ts'
import { removeIfThere } from '../lease/linked-file.ts'
import { writeCleanMark } from './opening/clean-mark.ts'
import type { Engine } from './engine.ts'
import type { Flusher } from './flusher.ts'
import { retireLast, retireOldest } from './retire.ts'

/** @throws StorageError, LeaseLostError: the database is closed all the same, and opening it recovers */
export async function closeEngine(engine: Engine, flusher: Flusher): Promise<void> {
  let failure: unknown
  if (!engine.options.readOnly) {
    try {
      // Before the lease: what goes on in the background may still want it.
      await flusher.stop()
      // Waits for every operation that is under way; nobody new gets in.
      const lease = await engine.holdLease('exclusive', 'close')
      try {
        if (engine.failure === undefined) {
          engine.lookNow()
          await settle(engine, flusher, lease)
        } else if (engine.syncer.proven < engine.lastLsn) failure = engine.failure
      } finally {
        lease.release()
      }
    } catch (error) {
      failure = error
    }
  }
  engine.state = 'closed'
  engine.stopTimers()
  // Whatever one of them says, the lease is given back.
  for (const held of [engine.journal, engine.manifest, engine.segments, engine.reserve]) {
    try {
      held?.close()
    } catch (cause) {
      failure ??= storageError('Cannot close the database', engine.directory, cause)
    }
  }
  await engine.reader?.close()
  try {
    await engine.lease?.release()
  } catch (error) {
    failure ??= error
  }
  if (failure !== undefined) throw failure as Error
}

async function settle(engine: Engine, flusher: Flusher, lease: Held<'lease', 'exclusive'>): Promise<void> {
  const { reserve } = engine
  await reserve.lendAlone(() => flusher.flushAll(lease))
  let isMarked = false
  const mark = async (): Promise<void> => {
    await leaveMark(engine)
    isMarked = true
  }
  for (let left = filesLeft(engine); left > 0; left = filesLeft(engine)) {
    // The mark is there before the last file goes.
    const isRetired = await (left > 1 ? retireOldest(engine, lease) : retireLast(engine, mark, lease))
    // Where a retirement that was under way has taken the file, the next one is looked at.
    if (!isRetired && filesLeft(engine) === left) return
  }
  if (!isMarked) await leaveMark(engine)
  // That it closed is an acknowledgement too.
  engine.lookNow()
}

function filesLeft({ journal }: Engine): number {
  return journal?.files.length ?? 0
}

/** Says how long the manifest is. @throws StorageError, LeaseLostError */
async function leaveMark(engine: Engine): Promise<void> {
  const { manifest, files, directory, epoch, reserve } = engine
  if (manifest === undefined) return
  try {
    await files.syncDirectory(join(directory, JOURNAL_DIRECTORY))
    engine.lookNow()
    await removeIfThere(files, join(directory, cleanName(epoch)))
  } catch (cause) {
    throw storageError('Cannot leave the mark of a clean close', directory, cause)
  }
  const mark = { logs: [{ name: manifest.name, size: manifest.size }] }
  await reserve.lend(() => writeCleanMark(files, directory, epoch, mark), true)
}

// Loading beside a process that writes. Files vanish between two looks, logs grow while they are read: then
// it is read again. And what was read is believed only if nobody may have taken over meanwhile: a holder
// that stands still may have written records that its successor never read (S6). Called by read-only
// openings and refreshes. It never waits for ever: beside a successor that shows nothing, only what that one
// has read for certain is believed (0005-I10).

import { ClosedError, NotADatabaseError, UnsupportedVersionError } from '../../errors.ts'
import { join, segmentFile } from '../../fs/layout.ts'
import { loaderFor, neededSegments } from './assemble.ts'
import { readCleanMark } from './clean-mark.ts'
import type { Environment } from '../environment.ts'
import { findNames } from './find-epoch.ts'
import { epochAtRest, goneHolders, leaseEpochs } from './holders.ts'
import { loadState } from './load.ts'
import type { LoadedState, LoadOptions } from './load.ts'

/** How often a state is read when files go away under it, or look damaged while they are written. */
const READ_TRIES = 20

/** How often a state is read while somebody takes over, and how long it waits in between, in ms. */
const TAKER_TRIES = 20
const TAKER_WAIT_MS = 50

const NOT_BEGUN = 'nothing has been written yet: try again when the process that makes it has opened it'

/** What no second look changes. */
const FINAL = [ClosedError, NotADatabaseError, UnsupportedVersionError]

/** A state that was read beside a process that may write. */
export interface LoadedBeside {
  readonly state: LoadedState
  /** The holder whose records are the newest had ended before they were read. */
  readonly isAtRest: boolean
  /** Somebody takes over and shows nothing yet: it may be less than what was read before. */
  readonly isPartial: boolean
}

/**
 * Loads the newest state that may be believed.
 * @param use called with what was loaded; where that fails, it is loaded anew as well
 * @throws NotADatabaseError where nothing was written yet; CorruptionError, UnsupportedVersionError,
 * StorageError
 */
export async function loadAnew<T>(
  environment: Environment,
  directory: string,
  use: (loaded: LoadedBeside, mayRetry: boolean) => Promise<T>,
): Promise<T> {
  let takerTries = 0
  let atRest: number | undefined
  for (let tries = 1; ;) {
    try {
      const loaded = await loadOnce(environment, directory, takerTries >= TAKER_TRIES)
      if (loaded !== undefined) return await use(loaded, tries < READ_TRIES && atRest === undefined)
      takerTries++
      await (environment.wait ?? wait)(TAKER_WAIT_MS)
    } catch (error) {
      // A writer retires files, drops segments and ends records meanwhile: what is damage stays damage.
      const isFinal = FINAL.some((kind) => error instanceof kind)
      if (tries === READ_TRIES || isFinal) throw error
      const before = atRest
      atRest = await epochAtRest(environment, directory)
      // Nobody has written since the try before this one failed.
      if (atRest !== undefined && atRest === before) throw error
      tries++
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

/**
 * @param isPartial where somebody takes over: believe what is proven, and what bytes that are gone prove;
 * every successor reads that
 * @returns undefined where somebody takes over, what was read may be nothing to anyone; and where what was
 * read is of no one instant
 */
async function loadOnce(
  environment: Environment,
  directory: string,
  isPartial: boolean,
): Promise<LoadedBeside | undefined> {
  const { files } = environment
  const gone = await goneHolders(environment, directory)
  const state = await loadNewest({})
  if (await hasBegunSince(environment, directory, state)) return undefined
  const isAtRest = gone.has(state.epoch)
  const later = (await leaseEpochs(files, directory)).filter((epoch) => epoch > state.epoch)
  if (later.every((epoch) => gone.has(epoch))) return { state, isAtRest, isPartial: false }
  if (!isPartial) return undefined
  const part = await loadNewest({ hasBytes: (contents) => hasSegments(environment, directory, contents) })
  if (await hasBegunSince(environment, directory, part)) return undefined
  // Another epoch has begun meanwhile: who may come after that one is to be looked at.
  return part.epoch === state.epoch ? { state: part, isAtRest: false, isPartial } : undefined

  async function loadNewest(options: Pick<LoadOptions, 'hasBytes'>): Promise<LoadedState> {
    const loaded = await loadState({ ...loaderFor(environment, directory), isLate: true, ...options })
    if (loaded === undefined) throw new NotADatabaseError(directory, NOT_BEGUN)
    return loaded
  }
}

/**
 * Whether the epoch of a state that was read without a journal has one, or had one and was closed: its
 * manifest, which was read after the names were listed, may be archived to already, and what was flushed
 * behind that is missing. Where a journal was there, the oldest file of it is gone by then, and reading it
 * has failed.
 */
async function hasBegunSince(
  { files }: Environment,
  directory: string,
  { names, clean, epoch }: LoadedState,
): Promise<boolean> {
  if (clean !== undefined || names.journals.some((journal) => journal.epoch === epoch)) return false
  // In this order: the mark is there before the last file goes.
  if ((await findNames(files, directory)).journals.some((journal) => journal.epoch === epoch)) return true
  return (await readCleanMark(files, directory, epoch)) !== undefined
}

async function hasSegments(
  { files }: Environment,
  directory: string,
  contents: Pick<LoadedState, 'version' | 'groups'>,
): Promise<boolean> {
  for (const id of neededSegments(contents))
    if ((await files.stat(join(directory, segmentFile(id)))) === undefined) return false
  return true
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

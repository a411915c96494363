// Repair: what is sound of a damaged database goes into a new one, and what is lost is told. The damaged one
// is only read. The new one is built in a folder of the target and linked into its place file by file, the
// manifest last, so that a target which is not whole never opens (0009-I4). Exported as `repair`.

import { CorruptionError, NotADatabaseError, ValidationError } from '../../errors.ts'
import type { FileSystem } from '../../fs/file-system.ts'
import { isTempName, join, MANIFEST_DIRECTORY } from '../../fs/layout.ts'
import { storageError } from '../../fs/storage-error.ts'
import { hasCode } from '../../fs/system-error.ts'
import { isPlainObject, refuseUnknownKeys } from '../../telem/input.ts'
import { closeEngine } from '../close.ts'
import { systemEnvironment } from '../environment.ts'
import type { Environment } from '../environment.ts'
import { openEngine } from '../opening/open.ts'
import type { Opened } from '../opening/open.ts'
import { resolveOptions } from '../options.ts'
import type { ResolvedOptions } from '../options.ts'
import { copyGroup } from './copy.ts'
import { refuseOverlap } from './place.ts'
import { Losses } from './report.ts'
import type { RepairReport } from './report.ts'
import { refuseIfHeld, salvage } from './salvage.ts'
import type { Salvage } from './pieces.ts'
import { RepairSource } from './source.ts'
import { createIn } from './target.ts'
import { SLICE_MS } from '../turns.ts'
import type { Turns } from '../turns.ts'
import { verifyEngine } from '../verify/verify.ts'

/** Where a repair stands. */
export interface RepairProgress {
  /** `reading` the logs, `copying` samples, `verifying` the target. */
  readonly step: 'reading' | 'copying' | 'verifying'
  /** Samples that were dealt with, or extents that were verified, of `total`; 0 while reading. */
  readonly done: number
  /** How many there are; 0 while reading. */
  readonly total: number
}

/** Options of `repair`. */
export interface RepairOptions {
  /** Aborts the repair, which rejects with the signal's reason and leaves nothing at the target. */
  readonly signal?: AbortSignal | undefined
  /** Called as it goes on. What it throws ends the repair. */
  readonly onProgress?: ((progress: RepairProgress) => void) | undefined
}

/**
 * The folder of the target in which the new database is built. Whoever opens the target meanwhile is told
 * that it is none.
 */
export const UNFINISHED = 'repair-unfinished'

/**
 * Salvages what is sound of a damaged database into a new one at `target`, and says what is lost. The damaged
 * one is only read. Where its logs are damaged too, or gone, the new one is made from what is sound of them
 * and from what the samples say of themselves; then samples that had been deleted may be back, which the
 * report says.
 *
 * **Durable:** the new database, whole, once it resolves; before that nothing at `target` opens.
 * @param directory of the damaged database; no process may have it open for writing
 * @param target a path where nothing is, or an empty directory, apart from `directory`
 * @throws ValidationError (the target), NotADatabaseError, DatabaseLockedError, UnsupportedVersionError,
 * CorruptionError (no file says which database it is), StorageError, the signal's reason, what `onProgress`
 * throws; then nothing is left at `target`
 */
export async function repair(
  directory: string,
  target: string,
  options: RepairOptions = {},
): Promise<RepairReport> {
  return repairIn(await systemEnvironment(), directory, target, options)
}

/**
 * Repairs in an environment of the caller's. Not exported from the package.
 * @param limits of the target's engine
 * @throws see `repair`
 */
export async function repairIn(
  environment: Environment,
  directory: string,
  target: string,
  options: RepairOptions = {},
  limits: Partial<ResolvedOptions> = {},
): Promise<RepairReport> {
  const { signal, onProgress } = checkOptions(options)
  const { files } = environment
  await refuseOverlap(files, directory, target)
  const isNew = await refuseUnlessEmpty(files, target)
  refuseIfHeld(environment, directory, await listOr(files, directory))
  onProgress?.({ step: 'reading', done: 0, total: 0 })
  const found = await salvage(environment, directory, signal)
  signal?.throwIfAborted()
  const unfinished = join(target, UNFINISHED)
  const source = new RepairSource(files, directory, found.databaseId)
  try {
    const report = await build(environment, target, found, source, { signal, onProgress }, limits)
    await moveIn(files, unfinished, target)
    return report
  } catch (error) {
    await removeTree(files, isNew ? target : unfinished).catch(() => {})
    throw error
  } finally {
    source.close()
  }
}

function checkOptions(options: unknown): RepairOptions {
  if (!isPlainObject(options)) throw new ValidationError('Options of repair must be an object')
  refuseUnknownKeys(options, ['signal', 'onProgress'], 'options of repair')
  const { signal, onProgress } = options
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new ValidationError('Option "signal" must be an AbortSignal')
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw new ValidationError('Option "onProgress" must be a function')
  signal?.throwIfAborted()
  return { signal, onProgress: onProgress as RepairOptions['onProgress'] }
}

/** Whether the target is not there yet. @throws ValidationError for one that holds anything */
async function refuseUnlessEmpty(files: FileSystem, target: string): Promise<boolean> {
  const stat = await files.stat(target)
  if (stat === undefined) return true
  if (stat.kind !== 'directory') throw new ValidationError(`The target "${target}" is a file`)
  const [name] = await files.list(target)
  if (name === undefined) return false
  const what = name === UNFINISHED ? 'what a repair that was broken off has left: remove it' : `"${name}"`
  throw new ValidationError(`The target "${target}" must be a new or an empty directory: it holds ${what}`)
}

/** @throws NotADatabaseError for what is no directory, StorageError */
async function listOr(files: FileSystem, directory: string): Promise<string[]> {
  try {
    return await files.list(directory)
  } catch (cause) {
    if (hasCode(cause, 'ENOENT'))
      throw new NotADatabaseError(directory, 'there is nothing at this path', { cause })
    if (hasCode(cause, 'ENOTDIR')) throw new NotADatabaseError(directory, 'it is not a directory', { cause })
    throw storageError('Cannot read the database', directory, cause)
  }
}

/**
 * Makes the new database in its folder of the target, whole and verified.
 * @throws StorageError, the signal's reason, what `onProgress` throws
 */
async function build(
  environment: Environment,
  target: string,
  found: Salvage,
  source: RepairSource,
  { signal, onProgress }: RepairOptions,
  limits: Partial<ResolvedOptions>,
): Promise<RepairReport> {
  const unfinished = join(target, UNFINISHED)
  const opened = await openEngine(environment, unfinished, { ...resolveOptions({}), ...limits })
  const { engine, flusher } = opened
  try {
    await createIn(engine, found.channels)
    const losses = new Losses()
    const total = await samplesOf(engine.turns, found)
    let done = 0
    const onSamples = (count: number): void => {
      signal?.throwIfAborted()
      done += count
      onProgress?.({ step: 'copying', done, total })
    }
    const written = new Map<number, number>()
    for (const group of found.groups) {
      const copied = await copyGroup({ source, target: engine, losses, onSamples }, group)
      for (const [key, samples] of copied) written.set(key, samples)
    }
    await verifyTarget(opened, { signal, onProgress })
    await closeEngine(engine, flusher)
    return reportOf(found, losses, written, target)
  } catch (error) {
    await closeEngine(engine, flusher).catch(() => {})
    throw error
  }
}

async function samplesOf(turns: Turns, { groups }: Salvage): Promise<number> {
  let total = 0
  for (const { index, data, samplesOf: samples } of groups) {
    for (const { key } of [index, ...data]) {
      total += samples(key)
      const turn = turns.due(SLICE_MS)
      if (turn !== undefined) await turn
    }
  }
  return total
}

/** @throws CorruptionError where the target is not as it must be */
async function verifyTarget({ engine }: Opened, { signal, onProgress }: RepairOptions): Promise<void> {
  const { problems } = await verifyEngine(engine, {
    signal,
    onProgress: ({ done, total }) => onProgress?.({ step: 'verifying', done, total }),
  })
  const [first] = problems
  if (first === undefined) return
  throw new CorruptionError(
    first.file ?? engine.directory,
    first.offset ?? 0,
    `the repaired database: ${first.what}`,
  )
}

function reportOf(
  found: Salvage,
  losses: Losses,
  written: ReadonlyMap<number, number>,
  target: string,
): RepairReport {
  const { channels, source, mayHoldDeleted, untold, notes, guessed } = found
  const lost = [...found.lost, ...channels.flatMap(({ key, name }) => losses.of(key, name))]
  return {
    target,
    complete: lost.length === 0 && untold.length === 0 && source === 'opened',
    source,
    mayHoldDeleted,
    channels: channels.map(({ key, name }) => ({
      channel: name,
      samples: written.get(key) ?? 0,
      lost: losses.samplesOf(key),
      guessed: guessed.get(key) ?? '',
    })),
    lost,
    untold,
    notes,
  }
}

/**
 * Gives the files of the new database their places. Until its manifest has one, nothing opens.
 * @throws StorageError
 */
async function moveIn(files: FileSystem, from: string, to: string): Promise<void> {
  try {
    const names = (await filesIn(files, from)).filter((name) => !isTempName(name))
    const isManifest = (name: string): boolean => name.startsWith(`${MANIFEST_DIRECTORY}/`)
    for (const isLast of [false, true]) {
      const folders = new Set<string>()
      for (const name of names.filter((each) => isManifest(each) === isLast)) {
        const slash = name.indexOf('/')
        if (slash > 0 && !folders.has(name.slice(0, slash))) {
          folders.add(name.slice(0, slash))
          await files.makeDirectory(join(to, name.slice(0, slash)))
        }
        await files.link(join(from, name), join(to, name))
      }
      for (const folder of folders) await files.syncDirectory(join(to, folder))
      await files.syncDirectory(to)
    }
    await removeTree(files, from)
    await files.syncDirectory(to)
  } catch (cause) {
    throw storageError('Cannot put the repaired database in its place', to, cause)
  }
}

/** Paths of all files in a folder and the folders in it, relative to it. */
async function filesIn(files: FileSystem, folder: string): Promise<string[]> {
  const found: string[] = []
  for (const name of await files.list(folder)) {
    const stat = await files.stat(join(folder, name))
    if (stat?.kind !== 'directory') found.push(name)
    else for (const each of await filesIn(files, join(folder, name))) found.push(join(name, each))
  }
  return found
}

/** Removes a folder with all that is in it; nothing where it is not there. */
async function removeTree(files: FileSystem, folder: string): Promise<void> {
  if ((await files.stat(folder)) === undefined) return
  for (const name of await files.list(folder)) {
    const path = join(folder, name)
    if ((await files.stat(path))?.kind === 'directory') await removeTree(files, path)
    else await files.remove(path)
  }
  await files.removeDirectory(folder)
}

// What lies in a database's folder beside what its state names: lease files and the fence, which decide who
// may write; marks; what a crash has left. Only what stands in somebody's way is a problem: leftovers, which
// the next writing open removes, and files that are not the database's are notes. Called by verify.ts and
// unopened.ts.

import type { FileSystem } from '../../fs/file-system.ts'
import { segmentIdOf, MAX_SEGMENT_EPOCH, SEGMENTS_PER_EPOCH } from '../../fs/layout.ts'
import { storageError } from '../../fs/storage-error.ts'
import { isAlive } from '../../lease/identity.ts'
import { readRegistration } from '../../lease/registration.ts'
import { readLease } from '../../lease/lease-file.ts'
import type { FoundLease } from '../../lease/lease-file.ts'
import type { Engine } from '../engine.ts'
import type { Environment } from '../environment.ts'
import { surveyFolder } from '../survey/survey.ts'
import type { Survey, SurveyedFile } from '../survey/survey.ts'
import { problemOf } from './report.ts'
import type { Findings } from './report.ts'

/** Looks at the folder of an open database. @throws the signal's reason */
export async function checkFolder(engine: Engine, findings: Findings, signal?: AbortSignal): Promise<void> {
  const { files, directory, environment } = engine
  const survey = await surveyFolder(files, directory, signal)
  checkNames(files, survey, findings)
  // What a process that has it open is about to name is no leftover.
  if (engine.options.readOnly && mayBeHeld(environment, survey)) return
  const cut = engine.recovery?.cut
  if (engine.options.readOnly && cut !== undefined) {
    const records = cut.records === 0 ? 'an incomplete record' : `${cut.records} records`
    findings.note({
      what: `the log ends with ${records} that a crash has left: the next writing open cuts ${cut.bytes} bytes off`,
      file: cut.file,
      offset: cut.offset,
    })
  }
  const newest = survey.files.findLast(
    ({ kind, epoch }) => kind === 'manifest' && epoch! <= engine.epochShown,
  )
  for (const file of survey.files) {
    const what = leftover(engine, file, newest?.epoch)
    // Removed meanwhile: it was no leftover.
    if (what !== undefined && (await isThere(files, file.path))) findings.note({ what, file: file.path })
  }
}

async function isThere(files: FileSystem, path: string): Promise<boolean> {
  return (await files.stat(path).catch(() => undefined)) !== undefined
}

/** Lease files, the fence, and names that are not the database's. */
export function checkNames(files: FileSystem, survey: Survey, findings: Findings): void {
  for (const { path, error } of survey.refusals)
    findings.add({ ...problemOf(storageError('Cannot list a folder', path, error)), file: path })
  let newest = 0
  for (const file of survey.files) {
    if (file.kind === 'lease') {
      newest = Math.max(newest, file.epoch!)
      const lease = leaseOf(files, survey, file, findings)
      if (lease !== undefined && lease.content === undefined)
        findings.add({
          what: 'the lease file cannot be read: who holds the database cannot be told',
          file: file.path,
          offset: 0,
          advice: 'Make sure that no process has the database open, then run "rubidium unlock DIR"',
        })
    }
    if (file.kind === 'reader') checkReader(files, file, findings)
    if (file.kind === 'unknown') findings.note({ what: 'this is no file of the database', file: file.path })
    if (file.kind === 'temporary')
      findings.note({ what: 'a file that was being made when its process ended', file: file.path })
  }
  const fence = survey.files.find(({ kind }) => kind === 'fence')
  if (fence !== undefined) checkFence(files, fence, newest, findings)
}

/** It keeps everything from being given back, and is removed by nobody: not a problem of the data. */
function checkReader(files: FileSystem, { path }: SurveyedFile, findings: Findings): void {
  const found = readRegistration(files, path)
  if (found === undefined || found.content !== undefined) return
  findings.note({
    what: 'the registration of a reading process cannot be read: until it is removed, nothing of what was deleted is given back',
    file: path,
  })
}

function checkFence(
  files: FileSystem,
  { path, size }: SurveyedFile,
  newest: number,
  findings: Findings,
): void {
  const bytes = new Uint8Array(8)
  try {
    const file = files.openNow(path, 'read')
    try {
      file.readNow(bytes, 0)
    } finally {
      file.closeNow()
    }
  } catch (cause) {
    findings.meet(storageError('Cannot read the fence', path, cause))
    return
  }
  const epoch = Number(new DataView(bytes.buffer).getBigUint64(0, true))
  const isNone = size < bytes.length || !Number.isSafeInteger(epoch) || epoch >= MAX_SEGMENT_EPOCH
  if (!isNone && (newest === 0 || epoch <= newest)) return
  findings.add({
    what: isNone
      ? 'the fence holds no epoch'
      : `the fence says epoch ${epoch}, and the newest lease is of ${newest}`,
    file: path,
    offset: 0,
    advice:
      'Make sure that no process has the database open, then remove this file: the next opening makes it anew',
  })
}

function leaseOf(
  files: FileSystem,
  { directory }: Survey,
  { epoch, path }: SurveyedFile,
  findings?: Findings,
): FoundLease | undefined {
  try {
    return readLease(files, directory, epoch!)
  } catch (cause) {
    findings?.meet(storageError('Cannot read a lease file', path, cause))
    return undefined
  }
}

/** Whether a process may have the database open to write. */
export function mayBeHeld({ files, identity, ...environment }: Environment, survey: Survey): boolean {
  const newest = survey.files.findLast(({ kind }) => kind === 'lease')
  const lease = newest === undefined ? undefined : leaseOf(files, survey, newest)
  if (lease?.content === undefined || lease.isReleased) return false
  return (environment.isAlive ?? isAlive)(lease.content, identity) !== 'dead'
}

/** What a file is that the state does not need, in words; undefined for one that it does. */
function leftover(engine: Engine, file: SurveyedFile, newestManifest = 0): string | undefined {
  const { epoch, number } = file
  if (epoch === undefined) return undefined
  switch (file.kind) {
    case 'segment': {
      if (epoch >= MAX_SEGMENT_EPOCH || number! >= SEGMENTS_PER_EPOCH) return `no segment has such a name`
      const id = segmentIdOf(epoch, number!)
      const isNeeded = engine.version.segments.get(id) !== undefined || engine.segments.find(id) !== undefined
      return isNeeded ? undefined : `a segment that no record names: ${file.size} bytes that a crash has left`
    }
    case 'manifest': {
      // Of an epoch before it the state may begin with the newest, while its own has none.
      if (epoch > engine.epochShown) return NOT_BEGUN
      return epoch >= newestManifest ? undefined : LEFT_BY_OTHERS
    }
    case 'journal':
      if (epoch > engine.epochShown) return NOT_BEGUN
      return epoch === engine.epochShown ? undefined : LEFT_BY_OTHERS
    case 'clean':
    case 'unsynced':
      return epoch === engine.epochShown ? undefined : 'a mark of an epoch that is over'
    default:
      return undefined
  }
}

const NOT_BEGUN = 'a log of an epoch that has not begun: a crash has left it'
const LEFT_BY_OTHERS = 'a log of another epoch, of which nothing is needed'

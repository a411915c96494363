// One log or segment that is looked into while nothing is believed: its header, and whatever the disk refuses
// while somebody walks over the rest. What is told already is not told again. Called by logs.ts and
// unopened.ts.

import type { FileSystem } from '../../fs/file-system.ts'
import { storageError } from '../../fs/storage-error.ts'
import { hasCode } from '../../fs/system-error.ts'
import { SurveyFile } from '../survey/file.ts'
import { seedOfName } from '../survey/survey.ts'
import type { Survey, SurveyedFile } from '../survey/survey.ts'
import { ADVICE, problemOf } from './report.ts'
import type { Findings } from './report.ts'

/**
 * Walks a log or a segment, unless its header says that nothing in it can be told, and tells what the disk
 * refused.
 * @param walk given the seed of the file's checksums; what it throws is thrown
 */
export async function lookInto(
  files: FileSystem,
  { databaseId }: Survey,
  file: SurveyedFile,
  findings: Findings,
  walk: (opened: SurveyFile, seed: number) => Promise<void>,
): Promise<void> {
  if (!verifyHeader(file, findings) || databaseId === undefined) return
  const refused = `Cannot read a ${file.kind === 'segment' ? 'segment' : 'log'}`
  let opened: SurveyFile
  try {
    opened = SurveyFile.open(files, file.path)
  } catch (cause) {
    // Retired, or removed, by whoever has it open.
    if (!hasCode(cause, 'ENOENT')) findings.meet(storageError(refused, file.path, cause))
    return
  }
  try {
    await walk(opened, seedOfName(file, databaseId))
    const [refusal] = opened.refusals
    if (refusal !== undefined)
      findings.add({
        ...problemOf(storageError(refused, file.path, refusal.error)),
        file: file.path,
        offset: refusal.offset,
      })
  } finally {
    opened.close()
  }
}

/** Tells what is wrong with the header of a log or a segment; whether what follows it can be looked at. */
function verifyHeader({ path, size, header, refusal, kind }: SurveyedFile, findings: Findings): boolean {
  if (refusal !== undefined) {
    findings.meet(storageError('Cannot read a file', path, refusal))
    return false
  }
  const fault = header?.fault
  if (header === undefined || fault === undefined) return true
  if (size === 0) {
    findings.note({ what: `an empty ${kind}: it was being begun`, file: path })
    return false
  }
  const isNewer = header.newerFormat !== undefined
  if (!findings.knows(path, fault.offset) && !findings.knows(path, 0)) {
    const advice = isNewer ? ADVICE.update : ADVICE.log
    findings.add({ what: fault.what, file: path, offset: fault.offset, advice }, 1)
  }
  // One that is whole and another file's: nothing in it is of this file.
  return !header.isWhole && !isNewer
}

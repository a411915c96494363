// Verification of what does not open: what the opening was refused for, and after it everything else that is
// wrong, file by file. What is live cannot be told here, so damage of a segment is told whatever it costs. A
// file that is there because a crash left it may be told as damage; nothing that is damage is kept back.
// Called by directory.ts.

import { NotADatabaseError, UnsupportedVersionError } from '../../errors.ts'
import type { RubidiumError } from '../../errors.ts'
import type { FileSystem } from '../../fs/file-system.ts'
import { join, SEGMENTS_PER_EPOCH } from '../../fs/layout.ts'
import { EXTENT_HEADER_SIZE, UNIT_SAMPLES } from '../../segment/extent-layout.ts'
import type { Channel } from '../../telem/channel.ts'
import { byteWidth } from '../../telem/data-type.ts'
import { toISO } from '../../telem/timestamp.ts'
import type { Environment } from '../environment.ts'
import { readCleanMark } from '../opening/clean-mark.ts'
import { walkExtents } from '../survey/extents.ts'
import type { ExtentGap, SampleRange, WalkedExtent } from '../survey/extents.ts'
import type { SurveyFile } from '../survey/file.ts'
import { surveyFolder } from '../survey/survey.ts'
import type { Survey, SurveyedFile } from '../survey/survey.ts'
import { UNFINISHED } from '../repair/repair.ts'
import { lookInto } from './file.ts'
import { checkNames } from './folder.ts'
import { Told, verifyLog } from './logs.ts'
import { ADVICE, Findings, problemOf, rangeOf } from './report.ts'
import type { VerifyOptions, VerifyReport } from './report.ts'

/** What `verify` says of a folder in which a repair has not put its target together. */
export const BROKEN_OFF = 'it is the target of a repair that runs still or was broken off'

/** @param error what the opening was refused with. @throws the signal's reason, what `onProgress` throws */
export async function verifyUnopened(
  { files }: Environment,
  directory: string,
  error: RubidiumError,
  { signal, onProgress }: VerifyOptions,
): Promise<VerifyReport> {
  const findings = new Findings()
  const survey = await surveyFolder(files, directory, signal)
  // Its logs come last: where there are any, the folder is a leftover of a repair that was all but done.
  const hasLog = survey.files.some(({ kind }) => kind === 'manifest' || kind === 'journal')
  if (!hasLog && survey.files.some(({ name }) => name === UNFINISHED)) {
    findings.add({ what: BROKEN_OFF, file: directory, advice: ADVICE.unfinished })
    return findings.report()
  }
  checkNames(files, survey, findings)
  if (error instanceof NotADatabaseError) {
    tellUnbegun(survey, findings)
    return findings.report()
  }
  findings.add(problemOf(error))
  await verifyMark(files, survey, findings)
  const told = new Told()
  const logs = survey.files.filter(({ kind }) => kind === 'journal' || kind === 'manifest')
  // The newest definitions last: a manifest holds what its journal began with.
  logs.sort(
    (a, b) =>
      a.epoch! - b.epoch! || (a.kind === b.kind ? a.number! - b.number! : a.kind === 'manifest' ? -1 : 1),
  )
  const segments = survey.files.filter(({ kind }) => kind === 'segment')
  const total = logs.length + segments.length
  let done = 0
  for (const file of logs) {
    await verifyLog(files, survey, file, findings, told, signal)
    onProgress?.({ done: ++done, total })
  }
  for (const file of segments) {
    if (!(error instanceof UnsupportedVersionError && file.header?.newerFormat !== undefined))
      await verifySegment(files, survey, file, findings, told, signal)
    onProgress?.({ done: ++done, total })
  }
  return findings.report()
}

/** No log has begun: a crash leaves that while a database is made, but not with a mark of a close. */
function tellUnbegun({ files, directory }: Survey, findings: Findings): void {
  const mark = files.find(({ kind }) => kind === 'clean')
  if (mark === undefined) {
    const trace = files.find(({ kind, epoch }) => kind === 'reserve' || (kind === 'lease' && epoch! > 1))
    const what =
      trace === undefined
        ? 'nothing has been written yet: the next writing open goes on making the database'
        : `no log is there, and "${trace.name}" is, which most often comes after one: if anything was written here, its ` +
          'log was removed, so restore it from a copy before the next writing open, which makes the database anew'
    findings.note({ what, file: directory })
    return
  }
  findings.add({
    what: 'the mark of a clean close names logs, and none is there that has begun',
    file: mark.path,
    offset: 0,
    advice: ADVICE.log,
  })
}

/**
 * The mark of a clean close, unless a later epoch has begun: it can be read, and the logs that it names are
 * there.
 */
async function verifyMark(
  files: FileSystem,
  { directory, files: found }: Survey,
  findings: Findings,
): Promise<void> {
  const mark = found.findLast(({ kind }) => kind === 'clean')
  const logs = found.filter(({ kind }) => kind === 'journal' || kind === 'manifest')
  if (mark === undefined || logs.some(({ epoch }) => epoch! > mark.epoch!)) return
  try {
    const named = await readCleanMark(files, directory, mark.epoch!)
    for (const { name } of named?.logs ?? []) {
      // That all of them are gone was told.
      if (logs.length === 0 || logs.some(({ path }) => path === join(directory, name))) continue
      const what = `the mark of a clean close names ${JSON.stringify(name)}, which is not there`
      findings.add({ what, file: mark.path, offset: 0, advice: ADVICE.log })
    }
  } catch (error) {
    findings.meet(error)
  }
}

async function verifySegment(
  files: Environment['files'],
  survey: Survey,
  file: SurveyedFile,
  findings: Findings,
  told: Told,
  signal: AbortSignal | undefined,
): Promise<void> {
  await lookInto(files, survey, file, findings, async (opened, seed) => {
    const options = { samples: true, signal }
    const id = (file.epoch ?? 0) * SEGMENTS_PER_EPOCH + (file.number ?? 0)
    for await (const step of walkExtents(opened, seed, options)) {
      const isPunched = (from: number, to: number): boolean => told.isPunched(id, from, to)
      if (step.what === 'extent')
        tellExtent(opened, step, told.channels.get(step.header.channel), isPunched, findings)
      else if (!isPunched(step.offset, step.offset + step.length)) tellGap(opened, step, findings)
    }
  })
}

function tellGap({ path }: SurveyFile, { offset, length, isZero }: ExtentGap, findings: Findings): void {
  const what = isZero
    ? `${length} bytes are zeroes: given back, or lost`
    : `${length} bytes in which no extent begins: never named by a record, or damaged`
  findings.add({ what, file: path, offset, advice: ADVICE.log }, length)
}

function tellExtent(
  { path }: SurveyFile,
  { header, fault, lost, strayAt, offset, length, type }: WalkedExtent,
  channel: Channel | undefined,
  isPunched: (from: number, to: number) => boolean,
  findings: Findings,
): void {
  const whose = channel === undefined ? `channel ${header.channel}` : `"${channel.name}"`
  const within = `between ${toISO(header.firstTime)} and ${toISO(header.lastTime)}`
  const place = {
    file: path,
    ...(channel === undefined ? {} : { channel: channel.name }),
    advice: ADVICE.log,
  }
  const more = { ...place, range: rangeOf(header.firstTime, header.lastTime + 1n) }
  // It costs nothing, but a write that went astray shows there.
  if (strayAt !== undefined)
    findings.add({ what: 'the padding of an extent is not zero', offset: strayAt, ...place })
  if (fault !== undefined) {
    // The table stays where anything of it is live.
    if (isPunched(offset + header.tableOffset, offset + length)) return
    const costs = `${header.count} samples of ${whose} ${within} cannot be read, if they are needed still`
    findings.add({ what: `${fault.what}: ${costs}`, offset: fault.offset, ...more })
    return
  }
  const width = type === undefined ? 0 : byteWidth(type)
  const data = offset + EXTENT_HEADER_SIZE
  for (const { from, to } of unpunched(lost, (first, end) =>
    isPunched(data + first * width, data + end * width),
  )) {
    const costs = `${to - from} of ${header.count} samples of ${whose} ${within} cannot be read, if they are needed still`
    const what = `samples do not match their checksum: ${costs}`
    findings.add({ what, offset: data + from * width, ...more })
  }
}

/** What is lost and was not punched, unit by unit: of a unit that is live nothing is. Neighbours joined. */
function unpunched(
  lost: readonly SampleRange[],
  isPunched: (from: number, to: number) => boolean,
): SampleRange[] {
  const left: { from: number; to: number }[] = []
  for (const range of lost) {
    for (let from = range.from; from < range.to; from += UNIT_SAMPLES) {
      const to = Math.min(range.to, from + UNIT_SAMPLES)
      if (isPunched(from, to)) continue
      const last = left.at(-1)
      if (last?.to === from) last.to = to
      else left.push({ from, to })
    }
  }
  return left
}

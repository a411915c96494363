// All damage of the logs in one run, whatever a loader would stop at: every frame of every journal and
// manifest file, told by what is missing between the sound ones. Judges nothing by marks and boots; called
// where the state could not be read, which has said already that something is wrong. Called by verify.ts and
// unopened.ts.

import type { Channel } from '../../telem/channel.ts'
import type { FileSystem } from '../../fs/file-system.ts'
import type { ByteRange } from '../../version/byte-ranges.ts'
import type { Edit } from '../../version/edit.ts'
import type { SurveyFile } from '../survey/file.ts'
import { walkJournal, walkManifest } from '../survey/log.ts'
import type { FrameGap } from '../survey/log.ts'
import { surveyFolder } from '../survey/survey.ts'
import type { Survey, SurveyedFile } from '../survey/survey.ts'
import { lookInto } from './file.ts'
import { ADVICE } from './report.ts'
import type { Findings } from './report.ts'

/** What the sound part of the logs tells, for whoever looks at segments without a state. */
export class Told {
  /** Newest definitions, by key. */
  readonly channels: Map<number, Channel> = new Map()
  /** By segment, and part of it: bytes that were punched, as they were told. */
  readonly #holes = new Map<number, Map<number, ByteRange[]>>()

  /** Whether a byte of [start, end) of a segment was punched: what lies there is nobody's. */
  isPunched(segment: number, start: number, end: number): boolean {
    const parts = this.#holes.get(segment)
    if (parts === undefined) return false
    const isIn = (part: number): boolean =>
      parts.get(part)?.some((hole) => hole.start < end && start < hole.end) === true
    if (isIn(LONG)) return true
    for (let part = partOf(start); part <= partOf(end - 1); part++) if (isIn(part)) return true
    return false
  }

  edit(edit: Edit): void {
    if (edit.kind === 'create' || edit.kind === 'redefine')
      for (const channel of edit.channels) this.channels.set(channel.key, channel)
    if (edit.kind === 'punch') for (const { segment, ranges } of edit.segments) this.holes(segment, ranges)
  }

  holes(segment: number, ranges: readonly ByteRange[]): void {
    let parts = this.#holes.get(segment)
    if (parts === undefined) this.#holes.set(segment, (parts = new Map<number, ByteRange[]>()))
    for (const range of ranges) {
      const [first, last] = [partOf(range.start), partOf(range.end - 1)]
      const isLong = last - first > MOST_PARTS
      for (let part = isLong ? LONG : first; part <= (isLong ? LONG : last); part++) {
        const holes = parts.get(part)
        if (holes === undefined) parts.set(part, [range])
        else holes.push(range)
      }
    }
  }
}

/** Bytes of a part of a segment: whoever asks for some of them looks at the holes of few parts. */
const PART_SIZE = 256 * 1024

/** Holes of more parts are kept by themselves: there are few, and what logs say may be anything. */
const MOST_PARTS = 64
const LONG = -1

function partOf(offset: number): number {
  return Math.floor(offset / PART_SIZE)
}

/** Walks the logs of a folder. @throws the signal's reason */
export async function verifyLogs(
  { files, directory }: { readonly files: FileSystem; readonly directory: string },
  findings: Findings,
  signal?: AbortSignal,
): Promise<void> {
  const survey = await surveyFolder(files, directory, signal)
  for (const file of survey.files) {
    if (file.kind === 'journal' || file.kind === 'manifest')
      await verifyLog(files, survey, file, findings, new Told(), signal)
  }
}

/**
 * Walks one log and tells its damage, if it is not told yet.
 * @param told gets what the log tells
 * @throws the signal's reason
 */
export async function verifyLog(
  files: FileSystem,
  survey: Survey,
  file: SurveyedFile,
  findings: Findings,
  told: Told,
  signal?: AbortSignal,
): Promise<void> {
  await lookInto(files, survey, file, findings, async (opened, seed) => {
    if (file.kind === 'journal') await verifyJournal(opened, seed, findings, told, signal)
    else await verifyManifest(opened, seed, findings, told, signal)
  })
}

async function verifyJournal(
  file: SurveyFile,
  seed: number,
  findings: Findings,
  told: Told,
  signal: AbortSignal | undefined,
): Promise<void> {
  let before: number | undefined
  let gap: FrameGap | undefined
  let shapeless = 0
  const tellGap = (next: number | undefined): void => {
    if (gap !== undefined) tell(findings, file, gap, `${recordsBetween(before, next)}`)
    gap = undefined
  }
  for await (const step of walkJournal(file, seed, signal)) {
    if (step.what === 'gap') {
      if (step.fault !== 'fill') gap = step
      continue
    }
    tellGap(step.lsn)
    before = step.lsn ?? before
    const { record } = step
    if (record === undefined) {
      if (step.fault?.startsWith('shape ') === true) shapeless++
      else tellUnreadable(findings, file, step.offset, step.length, step.fault)
    } else if (record.kind === 'edit') told.edit(record.edit)
  }
  tellGap(undefined)
  if (shapeless > 0)
    findings.note({
      what: `${shapeless} sound commits cannot be understood: which channels they are of was in the damaged part`,
      file: file.path,
    })
}

function recordsBetween(before: number | undefined, next: number | undefined): string {
  const [from, to] = [(before ?? NaN) + 1, (next ?? NaN) - 1]
  if (from === to) return `: record ${from} is lost`
  if (from < to) return `: records ${from} to ${to} are lost`
  if (Number.isNaN(to)) return Number.isNaN(from) ? '' : `: what follows record ${from - 1} is lost`
  return `: what comes before record ${to + 1} is lost`
}

async function verifyManifest(
  file: SurveyFile,
  seed: number,
  findings: Findings,
  told: Told,
  signal: AbortSignal | undefined,
): Promise<void> {
  let isWhole = false
  for await (const step of walkManifest(file, seed, signal)) {
    if (step.what === 'gap')
      tell(findings, file, step, isWhole ? ': edits are lost' : ': part of the checkpoint is lost')
    else if (step.kind === 'fault') tellUnreadable(findings, file, step.offset, step.length, step.fault)
    else if (step.kind === 'end') isWhole = true
    else if (step.kind === 'begin')
      for (const channel of Object.values(step.begin.channels)) told.channels.set(channel.key, channel)
    else if (step.kind === 'holes') told.holes(step.segment, step.ranges)
    else if (step.kind === 'archive') for (const { edit } of step.edits) told.edit(edit)
  }
}

function tell(findings: Findings, file: SurveyFile, gap: FrameGap, what: string): void {
  const { offset, length, fault } = gap
  if (findings.knows(file.path, offset)) return
  if (fault === 'short') {
    const text = `the file ends within what was being written: ${length} bytes count for nothing`
    findings.note({ what: text, file: file.path, offset })
    return
  }
  findings.add(
    { what: `${length} bytes are damaged${what}`, file: file.path, offset, advice: ADVICE.log },
    length,
  )
}

function tellUnreadable(
  findings: Findings,
  { path }: SurveyFile,
  offset: number,
  length: number,
  why: string | undefined,
): void {
  if (findings.knows(path, offset)) return
  const what = `a frame cannot be understood though its checksum holds: ${why ?? ''}`
  findings.add({ what, file: path, offset, advice: ADVICE.fault }, length)
}

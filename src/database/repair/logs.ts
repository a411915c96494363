// Reads what is sound of the logs of a damaged database, also behind damage, and keeps it: the records of its
// journals, checkpoints whole or in part, archived edits. What it must leave out is told. Judges nothing:
// history.ts does. Memory is that of an opening. Called by damaged.ts.

import type { FileSystem } from '../../fs/file-system.ts'
import type { JournalRecord, Run } from '../../journal/record.ts'
import type { CheckpointBegin } from '../../manifest/checkpoint.ts'
import type { Edit } from '../../version/edit.ts'
import type { Pointer } from '../../version/pointer.ts'
import type { Untold } from './report.ts'
import { seedOfName } from '../survey/survey.ts'
import type { Survey, SurveyedFile } from '../survey/survey.ts'
import { SurveyFile } from '../survey/file.ts'
import { walkJournal, walkManifest } from '../survey/log.ts'
import type { FrameGap } from '../survey/log.ts'

/** A batch of edits that left the journal. */
export interface ReadArchive {
  /** Where it begins in the manifest, in bytes. */
  readonly offset: number
  /** Something that is damaged stands between it and the one before it. */
  readonly isBehindDamage: boolean
  readonly covers: number
  /** Up to here the log was on the disk. */
  readonly proven: number
  readonly edits: readonly { readonly lsn: number; readonly edit: Edit }[]
}

/** A manifest, as far as it is sound. */
export interface ReadManifest {
  readonly name: string
  readonly epoch: number
  /** Of the checkpoint: that of the name. */
  readonly lsn: number
  /** What the checkpoint says besides pointers. */
  readonly begin: CheckpointBegin | undefined
  /** The checkpoint is all there. */
  readonly isWhole: boolean
  /** By channel key: the checkpoint's pointers, in order. */
  readonly pointers: ReadonlyMap<number, readonly Pointer[]>
  readonly archives: readonly ReadArchive[]
  /** Where its last sound frame ends, in bytes. */
  readonly end: number
  /** Something may be missing that no sound frame follows. */
  readonly isOpenEnded: boolean
}

/** A journal file, as far as it is sound. */
export interface ReadJournal {
  readonly epoch: number
  /** LSN of the name. */
  readonly firstLsn: number
  readonly records: readonly JournalRecord[]
  /** The newest mark in it. */
  readonly proven: number
  /** Something may be missing that no sound record follows. */
  readonly isOpenEnded: boolean
}

/** All logs of a database. Oldest first. */
export interface Logs {
  readonly manifests: readonly ReadManifest[]
  readonly journals: readonly ReadJournal[]
  readonly untold: readonly Untold[]
}

/**
 * @param databaseId 16 bytes
 * @throws the system's error where a file cannot be opened, the signal's reason
 */
export async function readLogs(
  files: FileSystem,
  survey: Survey,
  databaseId: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<Logs> {
  const untold: Untold[] = []
  const manifests: ReadManifest[] = []
  const journals: ReadJournal[] = []
  for (const found of survey.files) {
    if (found.kind !== 'manifest' && found.kind !== 'journal') continue
    signal?.throwIfAborted()
    noteHeader(found, untold)
    if (found.refusal !== undefined) continue
    const file = SurveyFile.open(files, found.path)
    try {
      const reading = { found, file, seed: seedOfName(found, databaseId), untold, signal }
      if (found.kind === 'manifest') manifests.push(await readManifest(reading))
      else journals.push(await readJournal(reading))
      for (const { offset, error } of file.refusals)
        untold.push({ what: `the disk refuses to read here: ${error.message}`, file: found.path, offset })
    } finally {
      file.close()
    }
  }
  return { manifests, journals, untold }
}

interface Reading {
  readonly found: SurveyedFile
  readonly file: SurveyFile
  readonly seed: number
  readonly untold: Untold[]
  readonly signal: AbortSignal | undefined
}

function noteHeader({ header, refusal, path, size }: SurveyedFile, untold: Untold[]): void {
  if (refusal !== undefined) untold.push({ what: `the log cannot be read: ${refusal.message}`, file: path })
  // A file that was being made when its process ended.
  else if (header?.fault !== undefined && size > 0) untold.push({ ...header.fault, file: path })
}

function noteGap({ found, untold }: Reading, { offset, length, fault }: FrameGap): void {
  const what =
    fault === 'short'
      ? `the log ends within a record: ${length} bytes of it are there`
      : `${length} bytes of the log are damaged: what they said cannot be told`
  untold.push({ what, file: found.path, offset })
}

async function readManifest(reading: Reading): Promise<ReadManifest> {
  const { found, file, seed, signal } = reading
  const pointers = new Map<number, Pointer[]>()
  const archives: ReadArchive[] = []
  let begin: ReadManifest['begin']
  let isWhole = false
  let isBehindDamage = false
  let isOpenEnded = true
  let frames = 0
  let total = 0
  let end = 0
  for await (const step of walkManifest(file, seed, signal)) {
    if (step.what === 'gap' || step.kind === 'fault') {
      if (step.what === 'gap') noteGap(reading, step)
      else reading.untold.push({ what: step.fault, file: found.path, offset: step.offset })
      isOpenEnded = isBehindDamage = true
      continue
    }
    end = step.offset + step.length
    // A checkpoint goes on up to its last frame.
    isOpenEnded = step.kind !== 'end' && step.kind !== 'archive'
    switch (step.kind) {
      case 'begin':
        begin = step.begin
        frames++
        break
      case 'pointers': {
        const list = pointers.get(step.key)
        if (list === undefined) pointers.set(step.key, [...step.pointers])
        else for (const pointer of step.pointers) list.push(pointer)
        frames++
        total += step.pointers.length
        break
      }
      case 'holes':
        // Bytes that nothing names.
        frames++
        break
      case 'end':
        isWhole = begin !== undefined && step.frames === frames && step.pointers === total
        // What was damaged of the checkpoint is nothing to the archives.
        isBehindDamage = false
        break
      case 'archive':
        archives.push({ ...step, isBehindDamage })
        isBehindDamage = false
        break
    }
  }
  const { name, epoch, number } = found
  return {
    name,
    epoch: epoch!,
    lsn: number!,
    begin,
    isWhole,
    pointers,
    archives,
    end,
    isOpenEnded,
  }
}

async function readJournal(reading: Reading): Promise<ReadJournal> {
  const { found, file, seed, signal } = reading
  const records: JournalRecord[] = []
  let proven = 0
  const isUnsure = found.header?.fault !== undefined
  let isOpenEnded = false
  for await (const step of walkJournal(file, seed, signal)) {
    if (step.what === 'gap') {
      if (step.fault === 'fill') continue
      noteGap(reading, step)
      isOpenEnded = true
      continue
    }
    proven = Math.max(proven, step.proven ?? 0)
    isOpenEnded = step.record === undefined
    if (step.record !== undefined) records.push(kept(step.record))
    else {
      const what = `record ${step.lsn ?? '?'} is sound and cannot be read without what is damaged before it: ${step.fault ?? ''}`
      reading.untold.push({ what, file: found.path, offset: step.offset })
    }
  }
  return {
    epoch: found.epoch!,
    firstLsn: found.number!,
    records,
    proven,
    isOpenEnded: isOpenEnded || isUnsure,
  }
}

/** The record with bytes of its own. */
function kept(record: JournalRecord): JournalRecord {
  if (record.kind === 'edit') return record
  const own = (run: Run): Run => (run.kind === 'rows' ? { ...run, bytes: run.bytes.slice() } : run)
  return { ...record, sections: record.sections.map((each) => ({ ...each, runs: each.runs.map(own) })) }
}

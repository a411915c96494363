// How far a log may be believed (S3). All up to the newest mark: what is missing there is damage. Beyond it,
// where the machine was not restarted, all but an incomplete last record; else as far as the files go on
// from each other. Pure: decides on what was read, and reads nothing.

import { CorruptionError } from '../../errors.ts'
import { JOURNAL_DIRECTORY } from '../../fs/layout.ts'
import type { JournalRecord } from '../../journal/record.ts'
import type { JournalContents } from '../../journal/replay.ts'
import type { CleanMark } from './clean-mark.ts'
import { refuseNotWhole } from './find-epoch.ts'
import type { FoundEpoch } from './find-epoch.ts'

/** What recovery found at the end of the log. */
export interface RecoveryReport {
  /** The last close did not end well, or there was none. */
  readonly crashed: boolean
  /** Records read from the journal. */
  readonly records: number
  /** What was cut off: an incomplete record, or records whose bytes a power loss took. */
  readonly cut?: {
    /** Path of the journal file. */
    readonly file: string
    /** Where the cut is, in bytes from the start of the file. */
    readonly offset: number
    /** Bytes behind the cut in that file. */
    readonly bytes: number
    /** Whole records that were dropped, files behind that one included. */
    readonly records: number
  }
}

/** The journal's records in one row, and where and why the row ends. */
export interface Chain {
  readonly records: readonly JournalRecord[]
  /** The file at whose end, or instead of which, the row ends; undefined where there is no journal. */
  readonly last: JournalContents | undefined
  /** Files behind that do not go on with it. */
  readonly beyond: readonly JournalContents[]
}

/** Records that are a step, where each costs next to nothing. */
const RECORDS_A_STEP = 8192

/** Joins the files: each ends where the next one begins. In steps between which the loop may turn. */
export function* joinChain(found: FoundEpoch, covers: number): Generator<void, Chain, void> {
  // A power loss may give back names of retired files, some and not others: those before the one that
  // goes on from the manifest are not needed.
  const journals = found.journals.slice(
    Math.max(
      0,
      found.journals.findLastIndex(({ firstLsn }) => firstLsn <= covers + 1),
    ),
  )
  const records: JournalRecord[] = []
  let next = covers + 1
  let last: JournalContents | undefined
  for (let i = 0; i < journals.length; i++) {
    const journal = journals[i]!
    const goesOn = i === 0 ? journal.firstLsn <= next : journal.firstLsn === next
    if (!goesOn || journal.headerFault !== undefined)
      return { records, last: last ?? journal, beyond: journals.slice(i) }
    // What was appended behind its end failed, and was appended to the next one instead.
    const limit = journals[i + 1]?.firstLsn ?? Infinity
    next = journal.firstLsn
    for (const record of journal.records) {
      if (record.lsn >= limit) continue
      records.push(record)
      next = record.lsn + 1
      if (records.length % RECORDS_A_STEP === 0) yield
    }
    last = journal
  }
  return { records, last, beyond: [] }
}

/**
 * Refuses what is no honest torn end: records at or below the mark that are missing; and, where the
 * machine was not restarted, anything but an incomplete last record. @throws CorruptionError
 */
export function checkEnd(
  found: FoundEpoch,
  chain: Chain,
  proven: number,
  isSameBoot: boolean,
  clean: CleanMark | undefined,
): void {
  const { last, beyond } = chain
  const { base } = found
  const end = Math.max(base?.contents.covers ?? 0, chain.records.at(-1)?.lsn ?? 0)
  if (end < proven) {
    const what = `the log was written up to record ${proven}, and ends at ${end}`
    const isInManifest = chain.records.length === 0 && base?.contents.isTorn === true
    if (isInManifest) throw new CorruptionError(base.path, base.contents.end, what)
    if (chain.records.length === 0) refuseNotWhole(found.notWhole)
    refuseLostArchive(found, end)
    if (last?.headerFault !== undefined) throw last.headerFault
    throw new CorruptionError(last?.path ?? base?.path ?? '', last?.end ?? base?.contents.end ?? 0, what)
  }
  if (last !== undefined && isSameBoot) refuseUnlessIncomplete(last, beyond, end)
  if (clean === undefined) return
  for (const { name, size } of clean.logs) {
    const journal = found.journals.find((each) => each.path.endsWith(name))
    if (
      name.startsWith(JOURNAL_DIRECTORY) &&
      (journal === undefined || journal.end !== size || journal.fault !== 'end')
    ) {
      throw new CorruptionError(
        journal?.path ?? clean.path,
        journal?.end ?? 0,
        `after a clean close of ${size} bytes the log is short or damaged`,
      )
    }
  }
}

/**
 * A file goes only once it is archived: where all journal files begin later, the manifest has lost its end.
 * @throws CorruptionError
 */
function refuseLostArchive({ base, journals }: FoundEpoch, end: number): void {
  const oldest = Math.min(...journals.map(({ firstLsn }) => firstLsn))
  if (base === undefined || !Number.isFinite(oldest) || oldest <= end + 1) return
  const missing = `records ${end + 1} to ${oldest - 1} are missing`
  throw new CorruptionError(base.path, base.contents.end, `${missing}: the manifest has lost its end`)
}

/**
 * After a kill the operating system has every byte: only the last record can be incomplete.
 * @throws CorruptionError
 */
function refuseUnlessIncomplete(
  last: JournalContents,
  beyond: readonly JournalContents[],
  end: number,
): void {
  const [next] = beyond
  // The newest file, killed within the write that begins it: it goes on right here, and holds no whole
  // header.
  const isLastUnborn =
    next?.headerFault !== undefined &&
    beyond.length === 1 &&
    next.fault === 'short' &&
    next.firstLsn === end + 1
  if (next !== undefined && !isLastUnborn) {
    if (next.headerFault !== undefined) throw next.headerFault
    // They were at the end of the file before, or in one that is gone.
    const [file, offset] = next === last ? [next.path, 0] : [last.path, last.end]
    throw new CorruptionError(file, offset, `records ${end + 1} to ${next.firstLsn - 1} are missing`)
  }
  if (last.headerFault !== undefined) return
  if (last.fault === 'damaged') {
    throw new CorruptionError(
      last.path,
      last.end,
      'a record does not match its checksum, and the machine was not restarted since it was written',
    )
  }
  // Before an unborn file too: an append that failed could not be cut off, and was to go to that one instead.
  if (last.fault === 'short' && last.soundBehind) {
    throw new CorruptionError(last.path, last.end, 'a record is damaged: others follow it')
  }
}

/**
 * A torn end of the manifest is damage only where the journal does not hold all of it (or a clean close
 * vouched for it): a file goes only once it is archived, and every file that is archived has a record.
 * @throws CorruptionError
 */
export function checkManifestEnd(found: FoundEpoch, chain: Chain, clean: CleanMark | undefined): void {
  const { base } = found
  if (base === undefined) return
  const goesOn = chain.records.some(({ lsn }) => lsn === base.contents.covers + 1)
  if (base.contents.isTorn && base.epoch === found.epoch && !goesOn) {
    throw new CorruptionError(
      base.path,
      base.contents.end,
      'the end of the manifest is damaged, and no journal file holds what it says',
    )
  }
  const vouched = clean?.logs.find(({ name }) => name === base.name)
  if (vouched !== undefined && base.contents.end !== vouched.size) {
    throw new CorruptionError(
      base.path,
      base.contents.end,
      `after a clean close the manifest has ${vouched.size} bytes that count: it is short or damaged`,
    )
  }
  if (clean !== undefined && vouched === undefined) {
    throw new CorruptionError(
      clean.path,
      0,
      'a clean close named another manifest than the newest that is whole',
    )
  }
}

export function reportOf(
  found: FoundEpoch,
  chain: Chain,
  records: readonly JournalRecord[],
  clean: CleanMark | undefined,
): RecoveryReport {
  const { last, beyond } = chain
  const report = { crashed: clean === undefined, records: records.length }
  const dropped = chain.records.length - records.length
  if (last === undefined || (dropped === 0 && last.fault === 'end' && beyond.length === 0)) return report
  const firstCut = chain.records[records.length]
  const file =
    found.journals.find((journal) => firstCut !== undefined && journal.records.includes(firstCut)) ?? last
  const offset = firstCut?.offset ?? last.end
  let bytes = 0
  for (const journal of found.journals.slice(found.journals.indexOf(file)))
    bytes += found.sizes.get(journal.path)!
  return { ...report, cut: { file: file.path, offset, bytes: bytes - offset, records: dropped } }
}

// What a verification says: problems, each once, and notes on what needs nobody. In words for a person: what,
// where, whose samples, what to do. Filled by verify.ts and what it calls.

import { AssertionError } from '../../assert.ts'
import { CorruptionError, RubidiumError, StorageError, UnsupportedVersionError } from '../../errors.ts'
import { END_OF_TIME, toISO } from '../../telem/timestamp.ts'
import { UNREADABLE_MARK } from '../opening/clean-mark.ts'
import { whatOf } from '../survey/survey.ts'

/** Something that is not as it must be, or worth a note. */
export interface Problem {
  /** What is wrong. */
  readonly what: string
  /** Path of the file. */
  readonly file?: string
  /** Bytes from the start of `file`. */
  readonly offset?: number
  /** Name of the channel. */
  readonly channel?: string
  /** Times of the samples that are concerned, where they are known. */
  readonly range?: {
    /** ISO 8601. */
    readonly start: string
    /** ISO 8601, exclusive. */
    readonly end: string
  }
  /** What to do about it. */
  readonly advice?: string
}

/** What `verify` found. */
export interface VerifyReport {
  /** Whether there are no problems. */
  readonly ok: boolean
  /** Everything that is wrong; empty where nothing is. */
  readonly problems: readonly Problem[]
  /**
   * What is no problem, and good to know: what a crash has left, which the next writing open cuts off or
   * removes, and files that are not the database's. Left out where there is nothing.
   */
  readonly notes?: readonly Problem[]
}

/** Where a verification stands. */
export interface VerifyProgress {
  /** Extents read, of `total`; files, where the database does not open. Never falls. */
  readonly done: number
  /** How many are to be read; may grow while a process writes. */
  readonly total: number
}

/** Options of `verify`. */
export interface VerifyOptions {
  /** Aborts the run, which rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Called as extents are read. What it throws ends the run. */
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined
}

/** What to do. */
export const ADVICE: Readonly<
  Record<
    'samples' | 'header' | 'mark' | 'unfinished' | 'log' | 'sameBoot' | 'update' | 'refused' | 'fault',
    string
  >
> = {
  samples:
    'Samples that are not named here can be read. Restore these from a copy, or save the rest with "rubidium repair DIR TARGET"',
  header:
    'What is sound in the segment is not lost: save it with "rubidium repair DIR TARGET", or restore the file from a copy',
  mark:
    'Restore this file from a copy, or keep a copy of the folder and remove it. Without it the database counts as one whose ' +
    'process crashed, and opens where its log is sound; only that the end of the log is gone could not be noticed then',
  unfinished:
    'If no repair runs, remove this directory and run "rubidium repair DIR TARGET" again: the database that it was made from is as it was',
  log: 'Keep the folder as it is. Restore the file from a copy, or save what is sound with "rubidium repair DIR TARGET"',
  sameBoot:
    'If the disk was away while the machine ran on, restart the machine and open again: what was lost is then cut off. ' +
    'Else restore the file from a copy, or save what is sound with "rubidium repair DIR TARGET"',
  update: 'Update the library',
  refused:
    'The file system does not give these bytes: look at the disk, at its cables and at the rights, then verify again',
  fault:
    'The files say this themselves: save the data with "rubidium repair DIR TARGET", and report it with this text',
}

/** Problems and notes, as they are found. */
export class Findings {
  readonly #problems: Problem[] = []
  readonly #notes: Problem[] = []
  /** By path: bytes of which a problem is known. */
  readonly #places = new Map<string, { from: number; to: number }[]>()

  get problems(): readonly Problem[] {
    return this.#problems
  }

  /** @param length bytes from `offset` on that it is about: what is met there again is not told twice */
  add(problem: Problem, length = 1): void {
    this.#problems.push(problem)
    const { file, offset } = problem
    if (file === undefined || offset === undefined) return
    const places = this.#places.get(file) ?? []
    places.push({ from: offset, to: offset + length })
    this.#places.set(file, places)
  }

  /** Whether a problem at this place was told. */
  knows(file: string, offset: number): boolean {
    return (this.#places.get(file) ?? []).some(({ from, to }) => from <= offset && offset < to)
  }

  /** Whether a problem of this file was told. */
  blames(file: string): boolean {
    return this.#problems.some((problem) => problem.file === file)
  }

  /** As `add`, unless it was told; for what a check met that was to read something else. */
  meet(error: unknown, channel?: string): void {
    if (!(error instanceof RubidiumError) && !(error instanceof AssertionError)) throw error
    const problem = problemOf(error, channel)
    const { file, offset } = problem
    if (file === undefined || offset === undefined || !this.knows(file, offset)) this.add(problem)
  }

  note(note: Problem): void {
    this.#notes.push(note)
  }

  report(): VerifyReport {
    const [problems, notes] = [this.#problems, this.#notes]
    return { ok: problems.length === 0, problems, ...(notes.length === 0 ? {} : { notes }) }
  }
}

/** Where a file has the number of its format. */
const FORMAT_AT = 8

/** An error as a problem. */
export function problemOf(error: Error, channel?: string): Problem {
  const { path } = error as { path?: string }
  // A newer format is told by its number, which lies there in every file.
  const isNewer = error instanceof UnsupportedVersionError
  const { file = path, offset = isNewer ? FORMAT_AT : undefined } = error as {
    file?: string
    offset?: number
  }
  return {
    what: error instanceof CorruptionError ? whatOf(error) : error.message,
    ...(channel === undefined ? {} : { channel }),
    ...(file === undefined ? {} : { file }),
    ...(offset === undefined ? {} : { offset }),
    advice: adviceFor(error),
  }
}

function adviceFor(error: Error): string {
  if (error instanceof UnsupportedVersionError) return ADVICE.update
  if (error instanceof StorageError) return ADVICE.refused
  if (error instanceof AssertionError) return ADVICE.fault
  if (error.message.endsWith(UNREADABLE_MARK)) return ADVICE.mark
  return error.message.includes('the machine was not restarted') ? ADVICE.sameBoot : ADVICE.log
}

/** Times of samples as a report has them. @param end exclusive */
export function rangeOf(start: bigint, end: bigint): NonNullable<Problem['range']> {
  return { start: toISO(start), end: toISO(end > END_OF_TIME ? END_OF_TIME : end) }
}

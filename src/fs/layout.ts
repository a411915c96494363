// Every file and directory name of a database, in one place. Names are relative to the database's
// folder, with '/' between parts; epochs have at least 6 digits, second numbers at least 12, so that
// names sort as their numbers do. A number has exactly one name: what is padded otherwise does not
// parse, so that no two files can claim the same number. Called by whatever names or lists files.

import { assert } from '../assert.ts'

/** The file that carries the operating system's lock. */
export const LOCK = 'LOCK'
/** The epoch in force, overwritten in place. */
export const FENCE = 'FENCE'
/** Room for deletes and collections on a full disk. */
export const RESERVE = 'RESERVE'
/** Directory of checkpoints and archived edits. */
export const MANIFEST_DIRECTORY = 'manifest'
/** Directory of journal files. */
export const JOURNAL_DIRECTORY = 'journal'
/** Directory of segment files. */
export const SEGMENT_DIRECTORY = 'segments'
/** Directory of registrations of read-only processes. */
export const READER_DIRECTORY = 'readers'

const LEASE_PREFIX = 'LEASE-'
const CLEAN_PREFIX = 'CLEAN-'
const UNSYNCED_PREFIX = 'UNSYNCED-'
const TEMP_PREFIX = '.tmp-'
const EPOCH_DIGITS = 6
const NUMBER_DIGITS = 12
const NUMBERED = /^([0-9]{6,16})-([0-9]{12,16})$/
const READER = /^[0-9]{1,16}-[0-9a-f]{32}$/

/** Segment numbers of one epoch lie below this; a segment's id is `epoch * SEGMENTS_PER_EPOCH + number`. */
export const SEGMENTS_PER_EPOCH: number = 2 ** 32
/** Epochs that name segments lie below this, so that ids stay exact integers. */
export const MAX_SEGMENT_EPOCH: number = 2 ** 21

/** The two numbers that a journal, manifest or segment file carries in its name. */
export interface NumberedName {
  /** Epoch that made the file. */
  readonly epoch: number
  /** LSN (journal, manifest) or segment number. */
  readonly number: number
}

/** A name inside a directory, as the port takes it. An empty `directory` leaves `name` as it is. */
export function join(directory: string, name: string): string {
  if (directory === '') return name
  return directory.endsWith('/') ? directory + name : `${directory}/${name}`
}

/** Lease file of an epoch, such as `LEASE-000003`. `epoch` is an integer >= 0. */
export function leaseName(epoch: number): string {
  return LEASE_PREFIX + padded(epoch, EPOCH_DIGITS)
}

/** Mark of a clean close in an epoch, such as `CLEAN-000003`. `epoch` is an integer >= 0. */
export function cleanName(epoch: number): string {
  return CLEAN_PREFIX + padded(epoch, EPOCH_DIGITS)
}

/** Mark of a sync that failed in an epoch, such as `UNSYNCED-000003`. `epoch` is an integer >= 0. */
export function unsyncedName(epoch: number): string {
  return UNSYNCED_PREFIX + padded(epoch, EPOCH_DIGITS)
}

/** Manifest file whose checkpoint is at `lsn`, such as `manifest/000003-000000000977`. */
export function manifestName(epoch: number, lsn: number): string {
  return join(MANIFEST_DIRECTORY, numberedName(epoch, lsn))
}

/** Journal file whose first record is `lsn`, such as `journal/000003-000000000978`. */
export function journalName(epoch: number, lsn: number): string {
  return join(JOURNAL_DIRECTORY, numberedName(epoch, lsn))
}

/** Segment file, such as `segments/000003-000000000017`. */
export function segmentName(epoch: number, number: number): string {
  return join(SEGMENT_DIRECTORY, numberedName(epoch, number))
}

/**
 * The numbers in the name of a journal, manifest or segment file, as a directory lists it (without
 * the directory). Undefined for everything else, names padded in another way included.
 */
export function parseNumbered(name: string): NumberedName | undefined {
  const match = NUMBERED.exec(name)
  if (match === null) return undefined
  const epoch = parseCanonical(match[1], EPOCH_DIGITS)
  const number = parseCanonical(match[2], NUMBER_DIGITS)
  return epoch === undefined || number === undefined ? undefined : { epoch, number }
}

/** The epoch of a lease file's name; undefined for everything else. */
export function parseLease(name: string): number | undefined {
  return name.startsWith(LEASE_PREFIX)
    ? parseCanonical(name.slice(LEASE_PREFIX.length), EPOCH_DIGITS)
    : undefined
}

/** The epoch of a clean-close mark's name; undefined for everything else. */
export function parseClean(name: string): number | undefined {
  return name.startsWith(CLEAN_PREFIX)
    ? parseCanonical(name.slice(CLEAN_PREFIX.length), EPOCH_DIGITS)
    : undefined
}

/** The epoch of the mark of a failed sync; undefined for everything else. */
export function parseUnsynced(name: string): number | undefined {
  return name.startsWith(UNSYNCED_PREFIX)
    ? parseCanonical(name.slice(UNSYNCED_PREFIX.length), EPOCH_DIGITS)
    : undefined
}

/**
 * Registration of a read-only process, such as `readers/4711-3f2b...`. `token` are 32 hexadecimal digits that
 * no other registration has; the process id is for people who list the folder.
 */
export function readerFile(pid: number, token: string): string {
  const name = `${pid}-${token}`
  assert(isReaderName(name), `"${name}" is the name of a registration`)
  return join(READER_DIRECTORY, name)
}

/** Whether a name listed in `readers` is that of a registration. */
export function isReaderName(name: string): boolean {
  return READER.test(name)
}

/** Name of a file under construction, to become `base`. `token` tells attempts apart and has no '/'. */
export function tempName(base: string, token: string): string {
  assert(!base.includes('/') && !token.includes('/'), 'a temporary name lies in one directory')
  return `${TEMP_PREFIX}${base}-${token}`
}

/** Whether a listed name is that of a file under construction; the lease's holder may remove it. */
export function isTempName(name: string): boolean {
  return name.startsWith(TEMP_PREFIX)
}

/** Id of a segment in memory: `epoch` in [0, 2^21), `number` in [0, 2^32). */
export function segmentIdOf(epoch: number, number: number): number {
  assert(
    Number.isInteger(epoch) && epoch >= 0 && epoch < MAX_SEGMENT_EPOCH,
    `segment epoch ${epoch} in [0, 2^21)`,
  )
  assert(
    Number.isInteger(number) && number >= 0 && number < SEGMENTS_PER_EPOCH,
    `segment number ${number} in [0, 2^32)`,
  )
  return epoch * SEGMENTS_PER_EPOCH + number
}

/** Epoch that made the segment. */
export function epochOf(id: number): number {
  assert(Number.isSafeInteger(id) && id >= 0, `segment id ${id} is a safe integer`)
  return Math.floor(id / SEGMENTS_PER_EPOCH)
}

/** Number of the segment within its epoch. */
export function numberOf(id: number): number {
  assert(Number.isSafeInteger(id) && id >= 0, `segment id ${id} is a safe integer`)
  return id % SEGMENTS_PER_EPOCH
}

/** File of a segment, relative to the database's folder. */
export function segmentFile(id: number): string {
  return segmentName(epochOf(id), numberOf(id))
}

function numberedName(epoch: number, number: number): string {
  return `${padded(epoch, EPOCH_DIGITS)}-${padded(number, NUMBER_DIGITS)}`
}

function padded(value: number, digits: number): string {
  assert(Number.isSafeInteger(value) && value >= 0, `number ${value} in a file name is a safe integer >= 0`)
  return String(value).padStart(digits, '0')
}

function parseCanonical(text: string | undefined, digits: number): number | undefined {
  if (text === undefined || !/^[0-9]+$/.test(text)) return undefined
  const value = Number(text)
  return Number.isSafeInteger(value) && padded(value, digits) === text ? value : undefined
}

// The file LEASE-<epoch>: who holds an epoch, one line of JSON. It is created whole, by the link that
// decides who wins the epoch, and changes once, when its holder gives the lease back: the state, last
// and of fixed width, is overwritten in place (S6). Called by local-lease.ts.

import type { File, FileSystem } from '../fs/file-system.ts'
import { join, leaseName } from '../fs/layout.ts'
import { hasCode } from '../fs/system-error.ts'
import type { Identity } from './lease.ts'
import { createLinked, writeWhole } from './linked-file.ts'

const HELD = 'held    '
const RELEASED = 'released'

/** What a lease file says. */
export interface LeaseContent extends Identity {
  readonly epoch: number
  /** ISO 8601. */
  readonly since: string
  /** `os`: its holder has the operating system's lock as well. */
  readonly lock: 'os' | 'file'
  /** Of the database, where it was known. */
  readonly database?: string
}

/** A lease file as another process finds it. */
export interface FoundLease {
  readonly epoch: number
  /** Undefined where the file is damaged. */
  readonly content: LeaseContent | undefined
  /** Its holder gave it back. */
  readonly isReleased: boolean
}

/** The lease file of this process. */
export class OwnLeaseFile {
  readonly #file: File
  readonly #stateOffset: number

  private constructor(file: File, stateOffset: number) {
    this.#file = file
    this.#stateOffset = stateOffset
  }

  /**
   * Links the file of `content.epoch`; undefined when somebody else has it already.
   *
   * **Durable:** the contents; the name once the directory is synced.
   * @throws the system's error: the epoch was not won.
   */
  static async create(
    files: FileSystem,
    directory: string,
    content: LeaseContent,
    token: string,
  ): Promise<OwnLeaseFile | undefined> {
    const { bytes, stateOffset } = encode(content)
    const file = await createLinked(files, directory, leaseName(content.epoch), bytes, token)
    return file === undefined ? undefined : new OwnLeaseFile(file, stateOffset)
  }

  /**
   * Says that nobody holds the epoch any more, and closes the file.
   *
   * **Durable:** that the lease was given back.
   * @throws the system's error; the file is closed all the same.
   */
  async giveBack(): Promise<void> {
    try {
      writeWhole(this.#file, new TextEncoder().encode(RELEASED), this.#stateOffset)
      await this.#file.sync()
    } finally {
      this.#file.closeNow()
    }
  }
}

/**
 * Reads the lease file of `epoch`; undefined when it is gone, which is when a later one is there.
 * @throws the system's error.
 */
export function readLease(files: FileSystem, directory: string, epoch: number): FoundLease | undefined {
  let file: File
  try {
    file = files.openNow(join(directory, leaseName(epoch)), 'read')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
  try {
    const bytes = new Uint8Array(file.sizeNow())
    const count = file.readNow(bytes, 0)
    return { epoch, ...decode(new TextDecoder().decode(bytes.subarray(0, count)), epoch) }
  } finally {
    file.closeNow()
  }
}

function encode(content: LeaseContent): { bytes: Uint8Array; stateOffset: number } {
  const text = JSON.stringify({ ...content, state: HELD })
  const bytes = new TextEncoder().encode(`${text}\n`)
  // Everything behind the state is ASCII: the quote, the brace, the end of the line.
  return { bytes, stateOffset: bytes.length - HELD.length - 3 }
}

function decode(text: string, epoch: number): Omit<FoundLease, 'epoch'> {
  const damaged = { content: undefined, isReleased: false }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return damaged
  }
  if (typeof value !== 'object' || value === null) return damaged
  const {
    host,
    bootId,
    pidNamespace,
    pid,
    startTime,
    since,
    lock,
    state,
    epoch: named,
  } = value as Record<string, unknown>
  const texts = [host, bootId, pidNamespace, startTime, since, state]
  if (named !== epoch || !texts.every((one) => typeof one === 'string')) return damaged
  if (!Number.isSafeInteger(pid) || (pid as number) <= 0 || (lock !== 'os' && lock !== 'file')) return damaged
  // Killed in the middle of giving back leaves a state that is neither: not given back.
  return { content: value as LeaseContent, isReleased: state === RELEASED }
}

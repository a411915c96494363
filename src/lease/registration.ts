// The registration of a read-only process: one file of `readers`, one line of JSON that says who it is, and
// last, of fixed width, its pin: the LSN from which on nothing that it sees may be destroyed (S2). The file
// is there whole or not at all; only the pin is overwritten in place, and has a check of its own, so that a
// torn pin hides nobody. 0 pins everything, and so does what cannot be read (0005-I9). Called by
// database/, which registers, and by registered-readers.ts, which looks.

import { randomUUID } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { File, FileSystem } from '../fs/file-system.ts'
import { join, READER_DIRECTORY, readerFile, tempName } from '../fs/layout.ts'
import { hasCode } from '../fs/system-error.ts'
import type { Identity } from './lease.ts'
import { removeIfThere, writeWhole } from './linked-file.ts'
import type { FileLocks, HeldOsLock } from './os-lock.ts'

/** Sixteen digits, and the check of this pin in this file. */
const PIN_LENGTH = 25

/** Behind the pin: the quote, the brace, the end of the line. */
const AFTER_PIN = 3

/** The pin of a process that reads no more: it keeps nothing, and anybody may remove its registration. */
export const GIVEN_UP: number = Number.MAX_SAFE_INTEGER

/** A pin that is overwritten while it is read does not match its check: the next look shows the new one. */
const READ_TRIES = 3

/**
 * Temporary files that a new holder of the lease has removed, one after another: no disk does that for long.
 */
const MAX_ATTEMPTS = 100

/** What a registration says of the process that made it. */
export interface ReaderContent extends Identity {
  /** ISO 8601. */
  readonly since: string
  /** `os`: it holds the operating system's lock on this file as long as it lives. */
  readonly lock: 'os' | 'file'
}

/** A registration as another process finds it. */
export interface FoundRegistration {
  /** Undefined where the file is damaged or may not be read: nobody knows whose it is. */
  readonly content: ReaderContent | undefined
  /** 0 where it cannot be read. */
  readonly pin: number
}

/** What `OwnRegistration.create` takes. */
export interface RegistrationOptions {
  readonly files: FileSystem
  /** The database's folder. */
  readonly directory: string
  readonly identity: Identity
  /** Now, ISO 8601. */
  readonly since: string
  readonly locks?: FileLocks | undefined
}

/** The registration of this process. */
export class OwnRegistration {
  /** Relative to the database's folder. */
  readonly name: string
  readonly #files: FileSystem
  readonly #path: string
  readonly #file: File
  readonly #lock: HeldOsLock | undefined
  readonly #pinOffset: number
  readonly #check: number
  #pin = 0

  private constructor(
    files: FileSystem,
    name: string,
    path: string,
    file: File,
    lock: HeldOsLock | undefined,
    encoded: Encoded,
  ) {
    this.name = name
    this.#files = files
    this.#path = path
    this.#file = file
    this.#lock = lock
    this.#pinOffset = encoded.pinOffset
    this.#check = encoded.check
  }

  /**
   * Registers with pin 0: from now on nothing is destroyed that was there when this resolved. The folder of
   * registrations is made where it is missing.
   *
   * **Durable:** the contents, before the file has its name: no power loss leaves one that nobody can read.
   * @throws the system's error
   */
  static async create(options: RegistrationOptions): Promise<OwnRegistration> {
    const { files, directory, identity } = options
    for (let attempt = 1; ; attempt++) {
      const name = readerFile(identity.pid, randomUUID().replaceAll('-', ''))
      const own = await OwnRegistration.#link(options, name)
      if (own !== undefined) return own
      await files.makeDirectory(join(directory, READER_DIRECTORY))
      if (attempt === MAX_ATTEMPTS)
        throw Object.assign(new Error('registrations are removed as fast as they are made'), {
          code: 'EAGAIN',
        })
    }
  }

  static async #link(options: RegistrationOptions, name: string): Promise<OwnRegistration | undefined> {
    const { files, directory, identity, since, locks } = options
    const path = join(directory, name)
    const base = name.slice(READER_DIRECTORY.length + 1)
    const temporary = join(join(directory, READER_DIRECTORY), tempName(base, 'new'))
    let file: File
    try {
      file = files.openNow(temporary, 'create')
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined
      throw error
    }
    let lock: HeldOsLock | undefined
    let isLinked = false
    try {
      // Before it has its name: who finds it unlocked takes its process for dead. Where a new holder has just
      // removed it, no other file may take its place.
      lock = takeLock(locks, temporary)
      const { host, bootId, pidNamespace, pid, startTime } = identity
      const kind = lock === undefined ? 'file' : 'os'
      const encoded = encode({ host, bootId, pidNamespace, pid, startTime, since, lock: kind })
      writeWhole(file, encoded.bytes, 0)
      await file.sync()
      await files.link(temporary, path)
      isLinked = true
      return new OwnRegistration(files, name, path, file, lock, encoded)
    } catch (error) {
      // What failed may have taken effect.
      await removeIfThere(files, path).catch(() => undefined)
      // A new holder of the lease removes temporary files.
      if (hasCode(error, 'ENOENT')) return undefined
      throw error
    } finally {
      if (!isLinked) {
        file.closeNow()
        lock?.release()
      }
      await removeIfThere(files, temporary).catch(() => undefined)
    }
  }

  /** LSN from which on everything is kept. */
  get pin(): number {
    return this.#pin
  }

  /**
   * Gives up what was freed up to `lsn`; never less than before. Where that cannot be written more is kept,
   * and the next call tries again.
   */
  raise(lsn: number): void {
    if (lsn <= this.#pin) return
    try {
      writeWhole(this.#file, encodePin(lsn, this.#check), this.#pinOffset)
      this.#pin = lsn
    } catch {
      // Torn, it cannot be read, and keeps everything.
    }
  }

  /**
   * Whether others still find it: a writer that took this process for dead has removed it.
   * @throws the system's error
   */
  async isThere(): Promise<boolean> {
    return (await this.#files.stat(this.#path)) !== undefined
  }

  /** Nothing is kept any more; a file that cannot be removed now says so. */
  async remove(): Promise<void> {
    this.raise(GIVEN_UP)
    try {
      await removeIfThere(this.#files, this.#path)
    } catch {
      // The next writer removes it.
    } finally {
      this.#file.closeNow()
      this.#lock?.release()
    }
  }
}

function takeLock(locks: FileLocks | undefined, path: string): HeldOsLock | undefined {
  try {
    const attempt = locks?.tryLockThere(path)
    return attempt?.outcome === 'held' ? attempt.lock : undefined
  } catch {
    // Without it death is known by process ids alone.
    return undefined
  }
}

/**
 * Reads the registration at `path`; undefined where it is gone. One that cannot be read belongs to nobody and
 * keeps everything.
 */
export function readRegistration(files: FileSystem, path: string): FoundRegistration | undefined {
  let file: File
  try {
    file = files.openNow(path, 'read')
  } catch (error) {
    return hasCode(error, 'ENOENT') ? undefined : { content: undefined, pin: 0 }
  }
  try {
    for (let tries = 1; ; tries++) {
      const bytes = new Uint8Array(file.sizeNow())
      const found = decode(bytes.subarray(0, file.readNow(bytes, 0)))
      if (found.isWhole || tries === READ_TRIES) return { content: found.content, pin: found.pin }
    }
  } catch {
    return { content: undefined, pin: 0 }
  } finally {
    file.closeNow()
  }
}

interface Encoded {
  readonly bytes: Uint8Array
  readonly pinOffset: number
  /** Of what never changes. */
  readonly check: number
}

function encode(content: ReaderContent): Encoded {
  const who = JSON.stringify(content).slice(0, -1)
  const check = crc32(who)
  const pin = new TextDecoder().decode(encodePin(0, check))
  const bytes = new TextEncoder().encode(`${who},"check":"${hex(check)}","pin":"${pin}"}\n`)
  return { bytes, pinOffset: bytes.length - PIN_LENGTH - AFTER_PIN, check }
}

function encodePin(lsn: number, check: number): Uint8Array {
  const digits = String(lsn).padStart(16, '0')
  return new TextEncoder().encode(`${digits}-${hex(crc32(digits, check))}`)
}

function hex(check: number): string {
  return check.toString(16).padStart(8, '0')
}

const LINE = /^(\{.*),"check":"([0-9a-f]{8})","pin":"(.{25})"\}\n$/s

/** What the bytes of a registration say; `isWhole`: all of it matches its checks. */
function decode(bytes: Uint8Array): FoundRegistration & { readonly isWhole: boolean } {
  const [, who, check, pin] = LINE.exec(new TextDecoder().decode(bytes)) ?? []
  if (who === undefined || pin === undefined) return { content: undefined, pin: 0, isWhole: false }
  const actual = crc32(who)
  const content = check === hex(actual) ? contentOf(`${who}}`) : undefined
  const lsn = Number(pin.slice(0, 16))
  const isPin = Number.isSafeInteger(lsn) && pin === new TextDecoder().decode(encodePin(lsn, actual))
  const isWhole = content !== undefined && isPin
  return { content, pin: isWhole ? lsn : 0, isWhole }
}

function contentOf(text: string): ReaderContent | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const { host, bootId, pidNamespace, pid, startTime, since, lock } = value as Record<string, unknown>
  const texts = [host, bootId, pidNamespace, startTime, since]
  if (!texts.every((one) => typeof one === 'string')) return undefined
  if (!Number.isSafeInteger(pid) || (pid as number) <= 0 || (lock !== 'os' && lock !== 'file'))
    return undefined
  return value as ReaderContent
}

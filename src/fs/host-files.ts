// Files of the machine rather than of the database: what /proc says about processes, and the file that
// the operating system's lock is taken on, which needs a bare descriptor. Beside the port on purpose:
// simulated disks have neither. Called by lease/.

import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readlinkSync,
  readSync,
  writeSync,
} from 'node:fs'

/** All of a small text file; undefined where it is missing or cannot be read. */
export function readSmallFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** What a symbolic link says; undefined where there is none. */
export function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}

/** An open file to be locked. Its contents are a note for people and messages: nothing rests on them. */
export interface LockFile {
  /** The descriptor, open for reading and writing until `close`. */
  readonly descriptor: number
  /** The note; empty where it cannot be read. */
  readNote(): string
  /** Replaces the note, as well as it goes. */
  writeNote(note: string): void
  /** Closes the descriptor, and with it gives up its locks. Further calls do nothing. */
  close(): void
}

/**
 * Opens the file at `path`.
 * @param isCreated where it is missing: whether it is created, or that is an error. Default `true`
 * @throws the system's error.
 */
export function openLockFile(path: string, isCreated = true): LockFile {
  const descriptor = openSync(path, constants.O_RDWR | (isCreated ? constants.O_CREAT : 0), 0o666)
  let isOpen = true
  return {
    descriptor,
    readNote(): string {
      try {
        const bytes = new Uint8Array(Math.min(fstatSync(descriptor).size, 4096))
        return new TextDecoder().decode(bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, 0)))
      } catch {
        return ''
      }
    },
    writeNote(note: string): void {
      try {
        const bytes = new TextEncoder().encode(note)
        writeSync(descriptor, bytes, 0, bytes.length, 0)
        ftruncateSync(descriptor, bytes.length)
      } catch {
        // A full disk must not refuse a lock that is held.
      }
    },
    close(): void {
      if (!isOpen) return
      isOpen = false
      closeSync(descriptor)
    },
  }
}

// The operating system's lock on the file LOCK, where an optional native module offers it: the one proof
// of a holder's death that works across containers of one machine. It only ever adds to the lease files,
// which decide where it is missing (S6). Locks belong to open descriptors, so two databases in one
// process exclude each other as well. Called by local-lease.ts, registration.ts and registered-readers.ts.

import { openLockFile } from '../fs/host-files.ts'
import type { LockFile } from '../fs/host-files.ts'

/** A lock that is held. */
export interface HeldOsLock {
  /** Leaves a note that those who find it locked can read. */
  writeNote(note: string): void
  /** Unlocks. Further calls do nothing. */
  release(): void
}

/** What came of trying. */
export type OsLockAttempt =
  | { readonly outcome: 'held'; readonly lock: HeldOsLock }
  | { readonly outcome: 'busy'; readonly note: string }
  /** This file system knows no locks. */
  | { readonly outcome: 'unsupported' }

/** The operating system's locks. */
export interface OsLock {
  /**
   * Locks the file at `path` exclusively, creating it where it is missing; does not wait.
   * @throws the system's error when the file cannot be opened.
   */
  tryLock(path: string): OsLockAttempt
}

/** Locks of files of any name: what registrations of read-only processes are locked with. */
export interface FileLocks extends OsLock {
  /**
   * As of any lock, of a file that is there.
   * @throws the system's error when it is not there, or cannot be opened
   */
  tryLockThere(path: string): OsLockAttempt
  /**
   * Whether somebody holds the lock of the file at `path`, which is not created; undefined where that cannot
   * be told, because the file cannot be opened or its file system knows no locks.
   */
  isHeld(path: string): boolean | undefined
}

interface Native {
  tryLock(descriptor: number): boolean
}

/**
 * The locks of this machine; undefined where the optional module is missing or does not load, and
 * where the environment has RUBIDIUM_NO_OS_LOCK=1.
 */
export async function loadOsLock(): Promise<FileLocks | undefined> {
  if (process.env['RUBIDIUM_NO_OS_LOCK'] === '1') return undefined
  const native = await loadNative()
  if (native === undefined) return undefined
  return {
    tryLock: (path) => tryLock(native, openLockFile(path)),
    tryLockThere: (path) => tryLock(native, openLockFile(path, false)),
    isHeld: (path) => isHeld(native, path),
  }
}

function isHeld(native: Native, path: string): boolean | undefined {
  let file: LockFile
  try {
    file = openLockFile(path, false)
  } catch {
    return undefined
  }
  try {
    // Given back at once, with the descriptor: nobody else ever waits for the lock of a registration.
    return !native.tryLock(file.descriptor)
  } catch {
    return undefined
  } finally {
    file.close()
  }
}

function tryLock(native: Native, file: LockFile): OsLockAttempt {
  try {
    if (native.tryLock(file.descriptor)) {
      return {
        outcome: 'held',
        lock: { writeNote: (note) => file.writeNote(note), release: () => file.close() },
      }
    }
  } catch {
    file.close()
    return { outcome: 'unsupported' }
  }
  const note = file.readNote()
  file.close()
  return { outcome: 'busy', note }
}

async function loadNative(): Promise<Native | undefined> {
  try {
    // @ts-expect-error an optional dependency, without types
    const module = (await import('fs-native-extensions')) as { default?: Partial<Native> }
    const native = module.default
    const lock = native?.tryLock
    return typeof lock === 'function' ? { tryLock: (descriptor) => lock(descriptor) } : undefined
  } catch {
    return undefined
  }
}

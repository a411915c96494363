// The error that an opener gets when it may not have the lease: names who holds it, as exactly as can
// be told, and says what an operator can do. Pure; called by local-lease.ts.

import { CorruptionError, DatabaseLockedError } from '../errors.ts'
import { join, leaseName } from '../fs/layout.ts'
import type { FoundLease } from './lease-file.ts'
import type { Identity, Liveness } from './lease.ts'

interface Holder {
  readonly pid: number
  readonly host: string
  readonly since: string
}

/** The note that the holder of the operating system's lock leaves in LOCK. */
export function noteOf(since: string, identity: Identity): string {
  const { pid, host } = identity
  return `${JSON.stringify({ pid, host, since })}\n`
}

/** The error for a lock that is taken: its note names the holder, or else the newest lease file does. */
export function heldByNote(
  directory: string,
  note: string,
  newest: FoundLease | undefined,
): DatabaseLockedError {
  // Who took over from a process that stands still holds the newest lease, and not that process's lock.
  const passed = newest !== undefined && !newest.isReleased && newest.content?.lock === 'file'
  const holder = passed ? newest.content : (parseNote(note) ?? newest?.content)
  if (holder === undefined) {
    return new DatabaseLockedError(
      `"${directory}" is open for writing in another process, which is not known`,
      {
        directory,
      },
    )
  }
  return heldBy(directory, holder)
}

/** The error for a lease whose holder is not dead; `newest` undefined: it vanished while this was asked. */
export function lockedBy(
  directory: string,
  newest: FoundLease | undefined,
  liveness: Liveness,
): DatabaseLockedError {
  if (newest === undefined) {
    return new DatabaseLockedError(`"${directory}" was opened for writing by another process just now`, {
      directory,
    })
  }
  const { epoch, content } = newest
  const file = leaseName(epoch)
  if (content === undefined) {
    return new DatabaseLockedError(
      `"${directory}" may be open for writing: ${file} is damaged and does not say by whom. If no process ` +
        `has it open, run "rubidium unlock", or open it with takeover: true`,
      {
        directory,
        cause: new CorruptionError(join(directory, file), 0, 'it does not say who holds the lease'),
      },
    )
  }
  if (liveness !== 'unknown') return heldBy(directory, content)
  const { pid, host, since } = content
  return new DatabaseLockedError(
    `"${directory}" was opened for writing by ${describe(content)}. Whether that process still runs ` +
      `cannot be known from here. If it does not, run "rubidium unlock", or open it with takeover: true`,
    { directory, pid, host, since },
  )
}

function heldBy(directory: string, holder: Holder): DatabaseLockedError {
  const { pid, host, since } = holder
  return new DatabaseLockedError(
    `"${directory}" is open for writing in ${describe(holder)}. Close it there, open it read-only, or take it ` +
      'over with takeover: true',
    { directory, pid, host, since },
  )
}

function describe({ pid, host, since }: Holder): string {
  return `process ${pid} on host "${host}" (since ${since})`
}

function parseNote(note: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(note)
    if (typeof value !== 'object' || value === null) return undefined
    const { pid, host, since } = value as Record<string, unknown>
    if (typeof pid !== 'number' || typeof host !== 'string' || typeof since !== 'string') return undefined
    return { pid, host, since }
  } catch {
    return undefined
  }
}

// Every error that a user of the library can meet. One class per condition that a caller may want
// to catch, each with a stable `code`; messages say what, where and what to do, and may change.

/** A half-open time range as errors carry it: ISO-free, in nanoseconds; a missing side is unbounded. */
export interface ErrorRange {
  /** Inclusive. */
  readonly start?: bigint
  /** Exclusive. */
  readonly end?: bigint
}

/** What an error can carry besides its message. */
export interface ErrorDetails {
  readonly cause?: unknown
}

/** Base class of all errors of this library. */
export abstract class RubidiumError extends Error {
  /** Stable identifier of the condition, for programs. */
  abstract readonly code: string

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = new.target.name
  }
}

/**
 * Input that breaks a rule of the contract. Nothing was changed. `channel` names the channel, where one is at
 * fault.
 */
export class ValidationError extends RubidiumError {
  readonly code = 'VALIDATION'
  /** Name of the channel that is at fault; left out where none is. */
  readonly channel?: string

  constructor(message: string, details: ErrorDetails & { channel?: string } = {}) {
    super(message, details)
    if (details.channel !== undefined) this.channel = details.channel
  }
}

/** No channel has this name or key. */
export class ChannelNotFoundError extends RubidiumError {
  readonly code = 'CHANNEL_NOT_FOUND'
  /** The name or key that was asked for. */
  readonly channel: string

  constructor(channel: string, message?: string, details: ErrorDetails = {}) {
    super(
      message ??
        `Channel "${channel}" does not exist: create it with db.channels.create(), or check the name`,
      details,
    )
    this.channel = channel
  }
}

/** A channel of this name exists already, or is named twice in one call. */
export class ChannelExistsError extends RubidiumError {
  readonly code = 'CHANNEL_EXISTS'
  /** The name. */
  readonly channel: string

  constructor(channel: string, message?: string, details: ErrorDetails = {}) {
    super(message ?? `Channel "${channel}" exists already: names are unique`, details)
    this.channel = channel
  }
}

/** A channel of the schema given to `open` exists with another definition. Nothing was created. */
export class ChannelMismatchError extends RubidiumError {
  readonly code = 'CHANNEL_MISMATCH'
  /** Its name. */
  readonly channel: string

  constructor(channel: string, message: string, details: ErrorDetails = {}) {
    super(message, details)
    this.channel = channel
  }
}

/** An index channel cannot be removed while data channels outside the call depend on it. */
export class DependentChannelError extends RubidiumError {
  readonly code = 'DEPENDENT_CHANNEL'
  /** Name of a data channel that depends on it. */
  readonly channel: string

  constructor(channel: string, message: string, details: ErrorDetails = {}) {
    super(message, details)
    this.channel = channel
  }
}

/**
 * Timestamps cannot be deleted while a data channel outside the call has samples there. `channel` is that
 * data channel.
 */
export class DependentDataError extends RubidiumError {
  readonly code = 'DEPENDENT_DATA'
  /** Name of the data channel. */
  readonly channel: string

  constructor(channel: string, message: string, details: ErrorDetails = {}) {
    super(message, details)
    this.channel = channel
  }
}

/** A write would overlap data that is committed, or a region that another writer has. Names both ranges. */
export class WriteConflictError extends RubidiumError {
  readonly code = 'WRITE_CONFLICT'
  /** Name of the channel. */
  readonly channel: string
  /** Where the write would lie. */
  readonly requested: ErrorRange
  /** Where the data or the other region lies. */
  readonly existing: ErrorRange

  constructor(
    message: string,
    details: ErrorDetails & { channel: string; requested: ErrorRange; existing: ErrorRange },
  ) {
    super(message, details)
    this.channel = details.channel
    this.requested = details.requested
    this.existing = details.existing
  }
}

/** The database, writer, iterator or snapshot was closed before the call. */
export class ClosedError extends RubidiumError {
  readonly code = 'CLOSED'
}

/** Something is still in use: `resources` lists what, one line each. */
export class ResourceOpenError extends RubidiumError {
  readonly code = 'RESOURCE_OPEN'
  /** One line for each thing that is open. */
  readonly resources: readonly string[]

  constructor(message: string, resources: readonly string[], details: ErrorDetails = {}) {
    super(message, details)
    this.resources = resources
  }
}

/** Another open database, here or in another process, holds the lease of this directory. */
export class DatabaseLockedError extends RubidiumError {
  readonly code = 'DATABASE_LOCKED'
  /** The database's directory. */
  readonly directory: string
  /** Process id of the holder, where it is known. */
  readonly pid: number | undefined
  /** Name of the holder's host, where it is known. */
  readonly host: string | undefined
  /** ISO 8601 instant at which the holder took the lease. */
  readonly since: string | undefined

  constructor(
    message: string,
    details: ErrorDetails & { directory: string; pid?: number; host?: string; since?: string },
  ) {
    super(message, details)
    this.directory = details.directory
    this.pid = details.pid
    this.host = details.host
    this.since = details.since
  }
}

/** The path is no Rubidium database, and was not to become one. */
export class NotADatabaseError extends RubidiumError {
  readonly code = 'NOT_A_DATABASE'
  /** The path that was given. */
  readonly directory: string

  constructor(directory: string, why: string, details: ErrorDetails = {}) {
    super(`"${directory}" is not a Rubidium database: ${why}`, details)
    this.directory = directory
  }
}

/** A change was asked of a database that was opened read-only. */
export class ReadOnlyError extends RubidiumError {
  readonly code = 'READ_ONLY'
}

/** Bytes on disk are not what was written there. `offset` is in bytes from the start of `file`. */
export class CorruptionError extends RubidiumError {
  readonly code = 'CORRUPTION'
  /** Path of the file. */
  readonly file: string
  /** Bytes from the start of the file. */
  readonly offset: number

  constructor(file: string, offset: number, what: string, details: ErrorDetails = {}) {
    super(`Corruption in "${file}" at offset ${offset}: ${what}`, details)
    this.file = file
    this.offset = offset
  }
}

/**
 * The file system refused: disk full, I/O error, too many open files; the `cause` is its own error. Or
 * records contradict each other, though none is damaged: then the `cause` says in what.
 */
export class StorageError extends RubidiumError {
  readonly code = 'STORAGE'
  /** Path of the file or folder, where one is concerned. */
  readonly path: string | undefined
  /** Where the disk is full: bytes of room that were wanted. */
  readonly needed: number | undefined

  constructor(
    message: string,
    details: ErrorDetails & { path?: string | undefined; needed?: number | undefined } = {},
  ) {
    super(message, details)
    this.path = details.path
    this.needed = details.needed
  }
}

/** Another process took the lease over: this one may not change the database any more. */
export class LeaseLostError extends RubidiumError {
  readonly code = 'LEASE_LOST'
}

/** A guard could not be had in time. The message names who holds it, for how long, and what for. */
export class LockTimeoutError extends RubidiumError {
  readonly code = 'LOCK_TIMEOUT'
}

/** A guard was asked for against the ranks, or twice: a fault of this library. Both guards are named. */
export class LockOrderError extends RubidiumError {
  readonly code = 'LOCK_ORDER'
}

/** The files were written by a newer version of the format than this library reads. */
export class UnsupportedVersionError extends RubidiumError {
  readonly code = 'UNSUPPORTED_VERSION'
  /** Path of the file. */
  readonly file: string
  /** The format's version in the file. */
  readonly found: number
  /** The newest version that this library reads. */
  readonly supported: number

  constructor(file: string, found: number, supported: number, details: ErrorDetails = {}) {
    super(
      `"${file}" has format version ${found}, this library reads up to ${supported}: update the library`,
      details,
    )
    this.file = file
    this.found = found
    this.supported = supported
  }
}

/** A read-only process read something whose bytes the writing process has given back meanwhile. */
export class SnapshotExpiredError extends RubidiumError {
  readonly code = 'SNAPSHOT_EXPIRED'
}

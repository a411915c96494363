// Opening as users call it: options, the channels of the schema, and a Database around the engine.

import type { Schema } from '../channel/schema.ts'
import { ChannelMismatchError, ChannelNotFoundError, ValidationError } from '../errors.ts'
import type { Channel, ChannelDefinition } from '../telem/channel.ts'
import { closeEngine } from './close.ts'
import { Database } from './database.ts'
import type { Channels } from './channels.ts'
import { systemEnvironment } from './environment.ts'
import type { Environment } from './environment.ts'
import { openEngine } from './opening/open.ts'
import { resolveOptions } from './options.ts'
import type { OpenOptions } from './options.ts'

/**
 * Opens the database in a directory, and makes it where there is none. Close it with `db.close()`, or declare
 * it with `await using`.
 *
 * **Durable:** an acknowledged commit is found again, as the durability it was made in promises.
 * @param directory its parents are made
 * @throws DatabaseLockedError, NotADatabaseError, ChannelMismatchError, ChannelNotFoundError (read-only),
 * CorruptionError, UnsupportedVersionError, StorageError, ValidationError
 */
export async function open<const S extends Schema = Schema>(
  directory: string,
  options?: OpenOptions<S>,
): Promise<Database<S>> {
  return openIn<S>(await systemEnvironment(), directory, options)
}

/**
 * As `open`, in an environment of the caller's: a simulated disk, a machine that restarts. Not exported from
 * the package.
 */
export async function openIn<const S extends Schema = Schema>(
  environment: Environment,
  directory: string,
  options?: OpenOptions<S>,
): Promise<Database<S>> {
  if (typeof directory !== 'string' || directory === '' || directory.includes('\0')) {
    throw new ValidationError('The directory must be a path')
  }
  const resolved = resolveOptions(options)
  const { engine, flusher } = await openEngine(environment, directory, resolved)
  const db = new Database<S>(engine, flusher)
  try {
    const missing = compareSchema(db.channels, resolved.channels)
    const [first] = missing
    if (first !== undefined && resolved.readOnly)
      throw new ChannelNotFoundError(
        first.name,
        `Channel "${first.name}" of the schema does not exist: open it for writing to create it, or check the name`,
      )
    if (missing.length > 0) await db.channels.create(missing)
    return db
  } catch (error) {
    await closeEngine(engine, flusher).catch(() => {})
    throw error
  }
}

/** The channels of a schema that are not there yet. @throws ChannelMismatchError for one that is another */
function compareSchema(channels: Channels, schema: readonly ChannelDefinition[]): ChannelDefinition[] {
  return schema.filter((wanted) => {
    const existing = channels.find(wanted.name)
    if (existing === undefined) return true
    const difference = differs(existing, wanted)
    if (difference === undefined) return false
    throw new ChannelMismatchError(
      wanted.name,
      `Channel "${wanted.name}" exists with another ${difference}: open without it in the schema to see what it is, or use another name`,
    )
  })
}

function differs(existing: Channel, wanted: ChannelDefinition): string | undefined {
  if (existing.kind !== wanted.kind) return `kind ('${existing.kind}', not '${wanted.kind}')`
  if (wanted.kind === 'index') {
    const concurrency = wanted.concurrency ?? 'exclusive'
    return (existing.concurrency ?? 'exclusive') === concurrency
      ? undefined
      : `concurrency ('${existing.concurrency ?? 'exclusive'}')`
  }
  if (existing.type !== wanted.type) return `type ('${existing.type}', not '${wanted.type}')`
  if (existing.index !== wanted.index) return `index ("${existing.index ?? ''}", not "${wanted.index}")`
  if (existing.unit !== undefined && wanted.unit !== undefined && existing.unit !== wanted.unit)
    return `unit ("${existing.unit}")`
  return undefined
}

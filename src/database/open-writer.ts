// Opening a writer: options checked, channels sorted by group, and the writer as users see it.

import type { FrameInput, Schema } from '../channel/schema.ts'
import { ValidationError } from '../errors.ts'
import type { Held } from '../guard/held.ts'
import { assertHeld } from '../guard/held.ts'
import type { Channel } from '../telem/channel.ts'
import { isPlainObject, refuseUnknownKeys } from '../telem/input.ts'
import { timestamp } from '../telem/timestamp.ts'
import type { TimeLike, TimeStamp } from '../telem/timestamp.ts'
import { groupOf } from '../version/version.ts'
import type { Catalogue } from '../version/version.ts'
import { namesOf } from './arguments.ts'
import { getChannel } from './edit-channels.ts'
import type { Engine } from './engine.ts'
import { validateDurability } from './options.ts'
import type { Durability } from './options.ts'
import { WriterCore } from './writer.ts'

/** Options of `db.openWriter`. */
export interface WriterOptions<N extends string = string> {
  /** An index channel and data channels that it times; several groups may be written together. */
  readonly channels: readonly N[]
  /**
   * No sample may lie before it; the writer's region is found when it opens. Default: the first timestamp
   * written.
   */
  readonly start?: TimeLike
  /** Commit every frame as it is written. Default `true`. */
  readonly autoCommit?: boolean
  /** What its commits survive. Default: the database's. */
  readonly durability?: Durability
}

/**
 * Writes frames to its channels. Calls take effect in their order, awaited or not. `await using` closes it at
 * the end of the block.
 */
export class Writer<S extends Schema = Schema, N extends string = string> {
  readonly #core: WriterCore

  /** Made by `db.openWriter`. */
  constructor(core: WriterCore) {
    this.#core = core
  }

  /**
   * Writes a frame: for each index all channels of the writer, equally long, or none. The arrays are copied
   * before it resolves. Resolves to whether this writer was in control.
   *
   * **Durable:** with `autoCommit`, as the writer's durability says; else nothing before `commit`.
   * @throws ValidationError, WriteConflictError, StorageError, LeaseLostError, ClosedError; nothing of the
   * frame was recorded
   */
  write(frame: FrameInput<S, N>): Promise<boolean> {
    return this.#core.write(frame)
  }

  /**
   * Commits what was written since the last commit, atomically over all channels. Resolves to the exclusive
   * end of what this writer has committed; undefined where nothing was ever written.
   *
   * **Durable:** as the writer's durability says.
   * @throws WriteConflictError: somebody committed over the same time meanwhile, the samples are dropped;
   * StorageError
   */
  commit(): Promise<TimeStamp | undefined> {
    return this.#core.commit()
  }

  /** Drops what was not committed. Further calls do nothing. */
  close(): Promise<void> {
    return this.#core.close()
  }

  /** Closes, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/**
 * Guard: catalogue, shared: its channels stay until the writer counts as their user.
 * @throws ChannelNotFoundError, ValidationError, WriteConflictError
 */
export function writerUnder<S extends Schema, N extends string>(
  held: Held<'catalog', 'shared'>,
  engine: Engine,
  given: ReturnType<typeof validateWriterOptions>,
): Writer<S, N> {
  assertHeld(held)
  const groups = groupChannels(engine.catalogue, given.names)
  const durability = given.durability ?? engine.options.durability
  return new Writer<S, N>(
    new WriterCore(engine, { ...given, durability, groups: groups.channels, names: groups.names }),
  )
}

/** @throws ValidationError naming the option */
export function validateWriterOptions(options: unknown): {
  names: string[]
  start: bigint | undefined
  autoCommit: boolean
  durability: Durability | undefined
} {
  if (Array.isArray(options))
    return { names: namesOf(options), start: undefined, autoCommit: true, durability: undefined }
  if (!isPlainObject(options))
    throw new ValidationError('A writer is opened with a list of channels, or an object of options')
  refuseUnknownKeys(options, ['channels', 'start', 'autoCommit', 'durability'], 'options of a writer')
  const { channels, start, autoCommit } = options
  if (!Array.isArray(channels)) throw new ValidationError('Option "channels" must be a list of names')
  if (autoCommit !== undefined && typeof autoCommit !== 'boolean')
    throw new ValidationError('Option "autoCommit" must be true or false')
  return {
    names: namesOf(channels),
    start: start === undefined ? undefined : timestamp(start as TimeLike),
    autoCommit: autoCommit ?? true,
    durability: validateDurability(options['durability']),
  }
}

/**
 * Sorts a writer's channels by group, the index channel first.
 * @throws ChannelNotFoundError, ValidationError
 */
function groupChannels(
  catalogue: Catalogue,
  names: readonly string[],
): { channels: Channel[][]; names: string[] } {
  const groups = new Map<number, Channel[]>()
  for (const name of names) {
    const channel = getChannel(catalogue, name)
    const key = groupOf(catalogue, channel)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [channel])
    else if (channel.kind === 'index') group.unshift(channel)
    else group.push(channel)
  }
  for (const [first] of groups.values()) {
    if (first!.kind === 'index') continue
    throw new ValidationError(
      `Channel "${first!.name}" cannot be written without its index channel "${first!.index!}": name it too (backfill is not built yet)`,
      { channel: first!.name },
    )
  }
  const channels = [...groups.values()]
  return { channels, names: channels.flat().map((channel) => channel.name) }
}

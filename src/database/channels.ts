// The channels of a database as users see them. Each change is one edit under the catalogue's guard.

import { ValidationError } from '../errors.ts'
import type { Held } from '../guard/held.ts'
import { validateDefinition, validateName, validateUnit } from '../telem/channel.ts'
import type { Channel, ChannelDefinition } from '../telem/channel.ts'
import { isPlainObject, refuseUnknownKeys } from '../telem/input.ts'
import { validateMetadata } from '../telem/metadata.ts'
import type { Metadata } from '../telem/metadata.ts'
import { isList, refuseTwice } from './arguments.ts'
import {
  createChannels,
  findChannel,
  getChannel,
  removeChannels,
  renameChannel,
  updateChannel,
} from './edit-channels.ts'
import type { Engine } from './engine.ts'
import type { Durability } from './options.ts'

/** The channels of a database: `db.channels`. Changes are all or nothing. */
export class Channels {
  readonly #engine: Engine

  /** Made by the database. */
  constructor(engine: Engine) {
    this.#engine = engine
  }

  /**
   * Creates channels, all or none. An index channel may stand in the same list as its data channels, in any
   * order.
   *
   * **Durable:** survives a killed process; a power loss in `'strict'`.
   * @throws ValidationError, ChannelExistsError, ChannelNotFoundError (an index), ReadOnlyError,
   * StorageError, ClosedError
   */
  create(definitions: readonly ChannelDefinition[]): Promise<Channel[]>
  /** Creates one channel. @throws as for several */
  create(definition: ChannelDefinition): Promise<Channel>
  async create(input: ChannelDefinition | readonly ChannelDefinition[]): Promise<Channel | Channel[]> {
    this.#engine.assertWritable()
    if (!isList(input)) {
      const definition = validateDefinition(input)
      const created = await this.#edit('create channels', (held) =>
        createChannels(held, this.#engine, [definition]),
      )
      return created.channels[0]!
    }
    const definitions = input.map((each) => validateDefinition(each))
    if (definitions.length === 0) return []
    return (await this.#edit('create channels', (held) => createChannels(held, this.#engine, definitions)))
      .channels
  }

  /** The channel of this name or key. @throws ChannelNotFoundError, ClosedError */
  get(nameOrKey: string | number): Channel {
    this.#engine.assertOpen()
    return getChannel(this.#engine.catalogue, nameOrKey)
  }

  /** The channel of this name or key; undefined where there is none. @throws ClosedError */
  find(nameOrKey: string | number): Channel | undefined {
    this.#engine.assertOpen()
    return findChannel(this.#engine.catalogue, nameOrKey)
  }

  /** All channels, in order of creation. @throws ClosedError */
  list(): Channel[] {
    this.#engine.assertOpen()
    return [...this.#engine.catalogue.list]
  }

  /**
   * Gives a channel another name; what is open goes on with the old one.
   *
   * **Durable:** survives a killed process; a power loss in `'strict'`.
   * @throws ChannelNotFoundError, ChannelExistsError, ValidationError, ReadOnlyError, StorageError,
   * ClosedError
   */
  async rename(nameOrKey: string | number, name: string): Promise<Channel> {
    this.#engine.assertWritable()
    const valid = validateName(name)
    return (
      await this.#edit('rename a channel', (held) => renameChannel(held, this.#engine, nameOrKey, valid))
    ).channel
  }

  /**
   * Changes unit and metadata of a channel; what is left out stays.
   *
   * **Durable:** survives a killed process; a power loss in `'strict'`.
   * @throws ChannelNotFoundError, ValidationError, ReadOnlyError, StorageError, ClosedError
   */
  async update(
    nameOrKey: string | number,
    changes: { readonly unit?: string; readonly metadata?: Metadata },
  ): Promise<Channel> {
    this.#engine.assertWritable()
    if (!isPlainObject(changes)) throw new ValidationError('The changes of a channel must be an object')
    refuseUnknownKeys(changes, ['unit', 'metadata'], 'the changes of a channel')
    const name = String(nameOrKey)
    const valid = {
      ...(changes.unit === undefined ? {} : { unit: validateUnit(changes.unit, name) }),
      ...(changes.metadata === undefined ? {} : { metadata: validateMetadata(changes.metadata, name) }),
    }
    return (
      await this.#edit('update a channel', (held) => updateChannel(held, this.#engine, nameOrKey, valid))
    ).channel
  }

  /**
   * Removes channels with their data, all or none.
   *
   * **Durable:** survives a killed process; a power loss in `'strict'`.
   * @throws ChannelNotFoundError, DependentChannelError, ResourceOpenError, ReadOnlyError, StorageError,
   * ClosedError
   */
  async remove(nameOrKey: string | number | readonly (string | number)[]): Promise<void> {
    this.#engine.assertWritable()
    const named = isList(nameOrKey) ? nameOrKey : [nameOrKey]
    if (named.length === 0) return
    await this.#freePages()
    await this.#edit('remove channels', (held) => {
      const channels = named.map((each) => getChannel(this.#engine.catalogue, each))
      refuseTwice(channels.map((channel) => channel.name))
      return { lsn: removeChannels(held, this.#engine, channels) }
    })
    const { deadSpace, turns } = this.#engine
    // Until it was looked at, what a long record freed keeps the tables before it.
    await deadSpace.catchUp(turns)
  }

  /**
   * An open snapshot would keep the pages of a group that is removed: it is given pointers first (0001-I9).
   */
  async #freePages(): Promise<void> {
    if (this.#engine.snapshots.size === 0) return
    try {
      await this.#engine.flushTails()
    } catch {
      // A removal needs no room on the disk: the snapshot keeps the pages then.
    }
  }

  async #edit<R extends { lsn: number | undefined }>(
    purpose: string,
    step: (held: Held<'catalog', 'exclusive'>) => R,
  ): Promise<R> {
    const engine = this.#engine
    const result = await underCatalog(engine, purpose, step).catch(async (error: unknown) => {
      throw await engine.judged(error)
    })
    if (result.lsn !== undefined) await engine.acknowledge(result.lsn, editDurability(engine))
    return result
  }
}

async function underCatalog<R>(
  engine: Engine,
  purpose: string,
  step: (held: Held<'catalog', 'exclusive'>) => R,
): Promise<R> {
  using lease = await engine.holdLease('shared', purpose)
  engine.assertWritable()
  const timeoutMs = engine.options.lockTimeoutMs
  using held = await engine.guards.acquire(lease, { rank: 'catalog', mode: 'exclusive', purpose, timeoutMs })
  return step(held)
}

/** Deletes and channel edits are handed to the operating system in every durability, synced in 'strict'. */
export function editDurability(engine: Engine): Durability {
  return engine.options.durability === 'strict' ? 'strict' : 'batched'
}

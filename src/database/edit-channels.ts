// Changing the set of channels: create, rename, update, remove. Each is checked whole on the head and
// published as one edit under the catalogue's guard, or nothing happens.

import {
  ChannelExistsError,
  ChannelNotFoundError,
  DependentChannelError,
  ResourceOpenError,
  ValidationError,
} from '../errors.ts'
import { liveOfRun } from '../domain/group.ts'
import type { ExtentsRun } from '../domain/tail.ts'
import type { Held } from '../guard/held.ts'
import { assertHeld } from '../guard/held.ts'
import { channelOf } from '../telem/channel.ts'
import type { Channel, ChannelDefinition } from '../telem/channel.ts'
import type { Metadata } from '../telem/metadata.ts'
import type { Catalogue } from '../version/version.ts'
import type { Engine } from './engine.ts'

/** A channel by name or key; undefined where there is none. */
export function findChannel(catalogue: Catalogue, nameOrKey: unknown): Channel | undefined {
  if (typeof nameOrKey === 'string') return catalogue.byName.get(nameOrKey)
  if (typeof nameOrKey === 'number') return catalogue.byKey.get(nameOrKey)
  throw new ValidationError(
    `A channel is named by a string, or by its key: got ${nameOrKey === null ? 'null' : typeof nameOrKey}`,
  )
}

/** @throws ChannelNotFoundError */
export function getChannel(catalogue: Catalogue, nameOrKey: unknown): Channel {
  const channel = findChannel(catalogue, nameOrKey)
  if (channel === undefined) throw new ChannelNotFoundError(String(nameOrKey))
  return channel
}

/**
 * Creates all channels or none. Their order does not matter: index channels may follow their data channels.
 *
 * **Guard:** catalogue, exclusive. **Durable:** handed to the operating system.
 * @throws ChannelExistsError, ChannelNotFoundError (an index), ValidationError, StorageError
 */
export function createChannels(
  held: Held<'catalog', 'exclusive'>,
  engine: Engine,
  definitions: readonly ChannelDefinition[],
): { channels: Channel[]; lsn: number } {
  assertHeld(held)
  const { catalogue, version } = engine
  const defined = new Map<string, ChannelDefinition>()
  for (const definition of definitions) {
    const { name } = definition
    if (catalogue.byName.has(name)) throw new ChannelExistsError(name)
    if (defined.has(name)) throw new ChannelExistsError(name, `Channel "${name}" is named twice in one call`)
    defined.set(name, definition)
  }
  for (const definition of definitions)
    if (definition.kind === 'data') checkIndex(catalogue, defined, definition)
  // Keys in the order of the call: `list` is in order of creation.
  const channels = definitions.map((definition, i) => channelOf(definition, version.nextKey + i))
  const lsn = engine.publishEdit({ kind: 'create', channels })
  return { channels, lsn }
}

function checkIndex(
  catalogue: Catalogue,
  defined: ReadonlyMap<string, ChannelDefinition>,
  definition: ChannelDefinition & { kind: 'data' },
): void {
  const index = defined.get(definition.index) ?? catalogue.byName.get(definition.index)
  if (index === undefined) throw new ChannelNotFoundError(definition.index)
  if (index.kind !== 'index') {
    throw new ValidationError(
      `Channel "${definition.name}" names "${definition.index}" as its index, which is a data channel`,
      {
        channel: definition.name,
      },
    )
  }
  const declared = index.concurrency ?? 'exclusive'
  if (definition.concurrency !== undefined && definition.concurrency !== declared) {
    throw new ValidationError(
      `Channel "${definition.name}" says concurrency '${definition.concurrency}' where its index "${definition.index}" says '${declared}'`,
      { channel: definition.name },
    )
  }
}

/**
 * Guard: catalogue, exclusive. Returns no LSN where the name is its own.
 * @throws ChannelNotFoundError, ChannelExistsError, StorageError
 */
export function renameChannel(
  held: Held<'catalog', 'exclusive'>,
  engine: Engine,
  nameOrKey: string | number,
  name: string,
): { channel: Channel; lsn: number | undefined } {
  assertHeld(held)
  const { catalogue } = engine
  const channel = getChannel(catalogue, nameOrKey)
  if (channel.name === name) return { channel, lsn: undefined }
  if (catalogue.byName.has(name)) throw new ChannelExistsError(name)
  const renamed = Object.freeze({ ...channel, name })
  // Data channels name their index channel: they follow it.
  const data = (catalogue.dataOf.get(channel.key) ?? []).map((each) =>
    Object.freeze({ ...each, index: name }),
  )
  const lsn = engine.publishEdit({ kind: 'redefine', channels: [renamed, ...data] })
  return { channel: renamed, lsn }
}

/** Guard: catalogue, exclusive. @throws ChannelNotFoundError, ValidationError, StorageError */
export function updateChannel(
  held: Held<'catalog', 'exclusive'>,
  engine: Engine,
  nameOrKey: string | number,
  changes: { readonly unit?: string; readonly metadata?: Metadata },
): { channel: Channel; lsn: number } {
  assertHeld(held)
  const channel = getChannel(engine.catalogue, nameOrKey)
  if (changes.unit !== undefined && channel.kind === 'index') {
    throw new ValidationError(`Channel "${channel.name}" is an index channel: it has no unit`, {
      channel: channel.name,
    })
  }
  const updated = Object.freeze({ ...channel, ...changes })
  const lsn = engine.publishEdit({ kind: 'redefine', channels: [updated] })
  return { channel: updated, lsn }
}

/**
 * Removes all channels or none, with their data.
 * @throws ChannelNotFoundError, DependentChannelError, ResourceOpenError, StorageError
 */
export function removeChannels(
  held: Held<'catalog', 'exclusive'>,
  engine: Engine,
  channels: readonly Channel[],
): number {
  assertHeld(held)
  const { catalogue } = engine
  const named = new Set(channels.map((channel) => channel.key))
  for (const channel of channels) {
    const left = (catalogue.dataOf.get(channel.key) ?? []).find((data) => !named.has(data.key))
    if (left === undefined) continue
    throw new DependentChannelError(
      left.name,
      `Cannot remove index channel "${channel.name}": "${left.name}" depends on it; remove it in the same call`,
    )
  }
  const users = engine.resources
    .list()
    .filter(({ kind }) => kind !== 'snapshot')
    .filter((resource) => channels.some(({ key }) => resource.uses(key)))
  if (users.length > 0) {
    const lines = users.map((resource) => resource.describe())
    throw new ResourceOpenError(
      `Cannot remove channels that are in use: close ${lines.join('; ')} first`,
      lines,
    )
  }
  const lsn = engine.publishEdit({ kind: 'remove', keys: [...named] })
  for (const channel of channels) if (channel.kind === 'index') dropTail(engine, channel.key, lsn)
  return lsn
}

/** The tail of a group that is gone: pages are given back, unless a snapshot still sees them. */
function dropTail(engine: Engine, key: number, lsn: number): void {
  const group = engine.groups.get(key)
  if (group === undefined) return
  engine.groups.delete(key)
  const freed = new Map<number, number>()
  const dropped: ExtentsRun[] = []
  for (const run of group.runs) {
    if (run.kind === 'extents') {
      engine.tailExtents -= run.shape.keys.length
      liveOfRun(run, freed)
      dropped.push(run)
      continue
    }
    if (run.isReleased) continue
    run.isReleased = true
    if (engine.snapshots.size > 0) engine.pool.forget([run.page])
    else engine.pool.give([run.page])
  }
  engine.noteTailFreed(freed, lsn)
  engine.deadSpace.noteTailDropped(dropped, lsn)
}

// Channels that are created, renamed, updated and removed, and samples that are deleted, in the database
// and in the model. Called by the run of the model test.

import {
  ChannelExistsError,
  DependentChannelError,
  DependentDataError,
  ResourceOpenError,
  ValidationError,
} from '../../src/errors.ts'
import type { ChannelDefinition } from '../../src/telem/channel.ts'
import type { DataType } from '../../src/telem/data-type.ts'
import type { OpenDatabase } from './model-machine.ts'
import type { Operation } from './model-operations.ts'
import type { ErrorClass, ModelSession } from './model-session.ts'
import { channelsOf, groupsOf, samplesIn, withChannels, withDeleted, withoutChannels } from './model-store.ts'
import type { ModelChannel, ModelState, ModelStream } from './model-store.ts'
import { closeWriter } from './model-writers.ts'

const TYPES: readonly DataType[] = [
  'float64',
  'int32',
  'boolean',
  'int64',
  'float32',
  'uint8',
  'uint64',
  'int16',
  'timestamp',
]
const MOST_CHANNELS = 12
const MOST_GROUPS = 4

export async function createChannels(
  session: ModelSession,
  group: number,
  types: readonly number[],
): Promise<void> {
  const groups = groupsOf(session.state)
  if (session.state.size + types.length + 1 > MOST_CHANNELS) return
  const existing = group < groups.length ? session.state.get(groups[group]!) : undefined
  if (existing === undefined && groups.length >= MOST_GROUPS) return
  const base = session.nextKey
  const names = types.map((_, i) => `data${base + i + 1}`)
  const index = existing?.name ?? `time${base}`
  const definitions: ChannelDefinition[] = types.map((type, i) => ({
    name: names[i]!,
    kind: 'data',
    type: TYPES[type % TYPES.length]!,
    index,
  }))
  // Their order does not matter: now and then the index channel comes last.
  if (existing === undefined)
    definitions.splice(types.length % 2 === 0 ? 0 : definitions.length, 0, { name: index, kind: 'index' })
  const made = (keys: readonly number[]): ModelState => {
    const key = existing?.key ?? keys[definitions.findIndex(({ kind }) => kind === 'index')]!
    const channels = definitions.map((definition, i): ModelChannel => ({
      key: keys[i]!,
      name: definition.name,
      type: definition.kind === 'index' ? 'timestamp' : definition.type,
      group: key,
      unit: undefined,
      note: undefined,
      samples: [],
    }))
    return withChannels(session.state, channels)
  }
  const likely = made(definitions.map((_, i) => session.nextKey + i))
  const outcome = await session.call('create', likely, () => session.open.db.channels.create(definitions))
  const channels = session.expect('create', outcome, [])!
  const keys = channels.map(({ key }) => key)
  if (keys.some((key, i) => key !== session.nextKey + i))
    throw new Error(`create gave the keys ${keys.join()}: should begin at ${session.nextKey}`)
  session.nextKey = keys.at(-1)! + 1
  session.history.push(made(keys), session.editDurability)
}

export async function renameChannel(session: ModelSession, pick: number, number: number): Promise<void> {
  const channel = session.channel(pick)
  if (channel === undefined) return
  const name = number < 2 ? session.channel(pick + number)!.name : `renamed${number}`
  const isTakenName = [...session.state.values()].some(
    (each) => each.name === name && each.key !== channel.key,
  )
  const next = withChannels(session.state, [{ ...channel, name }])
  const outcome = await session.call('rename', isTakenName ? undefined : next, () =>
    session.open.db.channels.rename(channel.name, name),
  )
  session.expect('rename', outcome, isTakenName ? [ChannelExistsError] : [])
  if (!isTakenName && name !== channel.name) session.history.push(next, session.editDurability)
}

export async function updateChannel(
  session: ModelSession,
  pick: number,
  note: number,
  withUnit: boolean,
): Promise<void> {
  const channel = session.channel(pick)
  if (channel === undefined) return
  const isWrong = withUnit && channel.key === channel.group
  const unit = withUnit ? `u${note}` : channel.unit
  const next = withChannels(session.state, [{ ...channel, note, unit }])
  const changes = { metadata: { note }, ...(withUnit ? { unit: unit! } : {}) }
  const outcome = await session.call('update', isWrong ? undefined : next, () =>
    session.open.db.channels.update(channel.key, changes),
  )
  session.expect('update', outcome, isWrong ? [ValidationError] : [])
  if (!isWrong) session.history.push(next, session.editDurability)
}

export async function removeChannels(
  session: ModelSession,
  { channel: pick, whole, closeWriters }: Operation & { do: 'remove' },
): Promise<void> {
  const channel = session.channel(pick)
  if (channel === undefined) return
  const channels = whole ? channelsOf(session.state, channel.group) : [channel]
  const keys = channels.map(({ key }) => key)
  if (closeWriters) while (session.writers.length > 0) await closeWriter(session, 0)
  const wanted: ErrorClass[] = []
  if (channelsOf(session.state, channel.key).some(({ key }) => !keys.includes(key)))
    wanted.push(DependentChannelError)
  if (session.writers.some(({ names }) => keys.some((key) => names.has(key)))) wanted.push(ResourceOpenError)
  const next = withoutChannels(session.state, keys)
  const outcome = await session.call('remove', wanted.length > 0 ? undefined : next, () =>
    session.open.db.channels.remove(channels.map(({ name }) => name)),
  )
  session.expect('remove', outcome, wanted)
  if (wanted.length === 0) session.history.push(next, session.editDurability)
}

export async function deleteRange(
  session: ModelSession,
  { group, channels, who, range }: Operation & { do: 'delete' },
): Promise<void> {
  const groups = groupsOf(session.state)
  if (groups.length === 0) return
  const key = groups[group % groups.length]!
  const pool =
    who === 'any'
      ? [...session.state.values()]
      : channelsOf(session.state, key).filter((each) => who === 'group' || each.key !== key)
  const chosen = who === 'group' ? pool : pool.filter((_, i) => (channels >> (i % 6)) & 1)
  if (chosen.length === 0) return
  const { start, end } = session.range(range)
  const dependent = chosen.some(
    (index) =>
      index.key === index.group &&
      channelsOf(session.state, index.key).some(
        (data) => !chosen.includes(data) && samplesIn(data, start, end).length > 0,
      ),
  )
  const deleted = withDeleted(
    session.state,
    chosen.map((each) => each.key),
    start,
    end,
  )
  const call = (): ReturnType<OpenDatabase['db']['delete']> =>
    session.open.db.delete(
      chosen.map(({ name }) => name),
      { start, end },
    )
  const outcome = await session.call('delete', dependent ? undefined : deleted.state, call)
  const result = session.expect('delete', outcome, dependent ? [DependentDataError] : [])
  if (result === undefined) return
  chosen.forEach(({ name }, i) => {
    if (result.samples[name] === deleted.counts[i]) return
    throw new Error(`delete removed ${result.samples[name]} of "${name}": should be ${deleted.counts[i]}`)
  })
  if (deleted.state === session.state) return
  for (const { streams } of session.writers) {
    for (const stream of streams) breakStream(session, stream, chosen, start, end)
  }
  session.history.push(deleted.state, session.editDurability)
}

/** What a writer commits next does not go on with what was deleted. */
export function breakStream(
  session: ModelSession,
  stream: ModelStream,
  deleted: readonly ModelChannel[],
  start: bigint,
  end: bigint,
): void {
  const last = stream.committedLast
  if (last === undefined || last < start || last >= end) return
  for (const { key, samples } of deleted) {
    if (stream.keys.includes(key) && samples.some(({ time }) => time === last)) stream.broken.add(key)
  }
}

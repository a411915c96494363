// What a channel is: what users define, and the frozen `Channel` that the catalogue keeps of it. Each
// definition is checked alone; what needs the other channels (unique names, that the index exists and
// is one, a group's concurrency) is the catalogue's. Called by create, update, rename and open.

import { assert } from '../assert.ts'
import { ValidationError } from '../errors.ts'
import { DATA_TYPES, isDataType, type DataType } from './data-type.ts'
import { describeValue, isPlainObject, refuseUnknownKeys } from './input.ts'
import { validateMetadata, type Metadata } from './metadata.ts'

/** Who writes in a region of a group: the writer of the highest authority, or all that share it. */
export type Concurrency = 'exclusive' | 'shared'

/** An index channel: the timestamps of the data channels that name it. */
export interface IndexDefinition {
  /** Unique, 1 to 255 bytes of UTF-8. */
  readonly name: string
  /** Tells it from a data channel. */
  readonly kind: 'index'
  /** Holds for the whole group; `'exclusive'` where left out. */
  readonly concurrency?: Concurrency | undefined
  /** Anything that JSON can hold, up to 64 KiB; kept, never looked at. */
  readonly metadata?: Metadata | undefined
}

/** A data channel: samples at timestamps of its index channel. */
export interface DataDefinition {
  /** Unique, 1 to 255 bytes of UTF-8. */
  readonly name: string
  /** Tells it from an index channel. */
  readonly kind: 'data'
  /** Type of its samples. */
  readonly type: DataType
  /** Name of its index channel. */
  readonly index: string
  /** Such as `'bar'`: any text, at most 255 bytes of UTF-8; kept, never looked at. */
  readonly unit?: string | undefined
  /** May repeat what the index channel says, and say nothing else. */
  readonly concurrency?: Concurrency | undefined
  /** Anything that JSON can hold, up to 64 KiB; kept, never looked at. */
  readonly metadata?: Metadata | undefined
}

/** What `create` takes: an index channel or a data channel. */
export type ChannelDefinition = IndexDefinition | DataDefinition

/** A channel as the database knows it; frozen. */
export interface Channel {
  /** A positive integer, never used again after the channel is removed. */
  readonly key: number
  /** Unique, 1 to 255 bytes of UTF-8. */
  readonly name: string
  /** Whether it holds the timestamps of a group, or samples. */
  readonly kind: 'index' | 'data'
  /** Type of its samples; `'timestamp'` for an index channel. */
  readonly type: DataType
  /** Name of the index channel; data channels only, and always there. */
  readonly index?: string
  /** As it was given; data channels only. */
  readonly unit?: string
  /** Always there on an index channel; on a data channel where its definition repeated it. */
  readonly concurrency?: Concurrency
  /** As it was given; frozen. */
  readonly metadata?: Metadata
}

/** Most bytes of a name or a unit in UTF-8. */
export const NAME_LIMIT = 255

const LONE_SURROGATE = /\p{Surrogate}/u

const INDEX_OPTIONS = ['concurrency', 'metadata'] as const
const DATA_OPTIONS = ['index', 'unit', 'concurrency', 'metadata'] as const
const INDEX_KEYS = ['name', 'kind', ...INDEX_OPTIONS] as const
const DATA_KEYS = ['name', 'kind', 'type', ...DATA_OPTIONS] as const

/**
 * A checked copy of `input`; optional keys are absent where they were left out, metadata is frozen.
 * @throws ValidationError naming the channel where its name can be read.
 */
export function validateDefinition(input: unknown): ChannelDefinition {
  if (!isPlainObject(input)) {
    throw new ValidationError(`${describeValue(input)} defines no channel: give an object with name and kind`)
  }
  const name = validateName(input['name'])
  const what = `The definition of channel "${name}"`
  const kind = input['kind']
  if (kind === 'index') {
    refuseUnknownKeys(input, INDEX_KEYS, what, name)
    return { name, kind, ...commonOptions(input, name) }
  }
  if (kind !== 'data') {
    throw new ValidationError(`${what} has kind ${describeValue(kind)}: it can be "index" or "data"`, {
      channel: name,
    })
  }
  refuseUnknownKeys(input, DATA_KEYS, what, name)
  const { type, index, unit } = input
  if (!isDataType(type)) {
    throw new ValidationError(`${what} has type ${describeValue(type)}: it can be ${DATA_TYPES.join(', ')}`, {
      channel: name,
    })
  }
  if (index === undefined) {
    throw new ValidationError(`${what} names no index: a data channel needs one`, { channel: name })
  }
  const indexName = validateName(index, `The index of channel "${name}"`, name)
  if (indexName === name) throw new ValidationError(`${what} names itself as its index`, { channel: name })
  return {
    name,
    kind,
    type,
    index: indexName,
    ...(unit === undefined ? {} : { unit: validateUnit(unit, name) }),
    ...commonOptions(input, name),
  }
}

/**
 * Checks the name of a channel.
 * @param what what the name is, for the message.
 * @param channel the channel that an error names; by default the name itself, where it is a string.
 * @throws ValidationError for what is no string, empty, longer than 255 bytes or not well formed.
 */
export function validateName(input: unknown, what = 'The name of a channel', channel?: string): string {
  const text = validateText(input, what, channel ?? (typeof input === 'string' ? input : undefined))
  if (text === '') throw new ValidationError(`${what} is empty`, { channel: channel ?? text })
  return text
}

/** Checks a unit: any text of at most 255 bytes. @throws ValidationError naming `channel`. */
export function validateUnit(input: unknown, channel: string): string {
  return validateText(input, `The unit of channel "${channel}"`, channel)
}

/** The channel that `definition`, which was validated, becomes under `key`. */
export function channelOf(definition: ChannelDefinition, key: number): Channel {
  assert(Number.isSafeInteger(key) && key > 0, `the channel key ${key} is a positive integer`)
  const { name, kind, concurrency, metadata } = definition
  const channel: Channel =
    definition.kind === 'index'
      ? { key, name, kind, type: 'timestamp', concurrency: concurrency ?? 'exclusive' }
      : {
          key,
          name,
          kind,
          type: definition.type,
          index: definition.index,
          ...(definition.unit === undefined ? {} : { unit: definition.unit }),
          ...(concurrency === undefined ? {} : { concurrency }),
        }
  return Object.freeze(metadata === undefined ? channel : { ...channel, metadata })
}

/**
 * The channel whose JSON was read from disk.
 * @throws ValidationError where it is none that `channelOf` makes; the caller knows which bytes are at fault.
 */
export function validateStoredChannel(input: unknown): Channel {
  if (!isPlainObject(input)) throw new ValidationError(`${describeValue(input)} is no stored channel`)
  const { key, ...rest } = input
  if (!Number.isSafeInteger(key) || (key as number) < 1) {
    throw new ValidationError(`${describeValue(key)} is no key of a channel`)
  }
  if (rest['kind'] === 'index') {
    if (rest['type'] !== 'timestamp')
      throw new ValidationError('An index channel is stored with another type')
    delete rest['type']
  }
  return channelOf(validateDefinition(rest), key as number)
}

function commonOptions(
  input: Record<string, unknown>,
  name: string,
): { concurrency?: Concurrency; metadata?: Metadata } {
  const { concurrency, metadata } = input
  if (concurrency !== undefined && concurrency !== 'exclusive' && concurrency !== 'shared') {
    throw new ValidationError(
      `Channel "${name}" has concurrency ${describeValue(concurrency)}: it can be "exclusive" or "shared"`,
      { channel: name },
    )
  }
  return {
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(metadata === undefined ? {} : { metadata: validateMetadata(metadata, name) }),
  }
}

function validateText(input: unknown, what: string, channel: string | undefined): string {
  const details = channel === undefined ? {} : { channel }
  if (typeof input !== 'string') {
    throw new ValidationError(`${what} is ${describeValue(input)}: it must be a string`, details)
  }
  if (Buffer.byteLength(input) > NAME_LIMIT) {
    throw new ValidationError(
      `${what} is longer than ${NAME_LIMIT} bytes of UTF-8: ${describeValue(input)}`,
      details,
    )
  }
  if (LONE_SURROGATE.test(input)) {
    throw new ValidationError(`${what} has half a surrogate pair: ${describeValue(input)}`, details)
  }
  return input
}

/** What `channel.index` takes. */
export type IndexOptions = Omit<IndexDefinition, 'name' | 'kind'>

/** What `channel.float64` and the like take. */
export type DataOptions<I extends string = string> = Omit<
  DataDefinition,
  'name' | 'kind' | 'type' | 'index'
> & {
  /** Name of the index channel. */
  readonly index: I
}

/** An index channel in a schema; the schema's key is its name. */
export type IndexEntry = Omit<IndexDefinition, 'name'> & {
  /** Left out, or the schema's key. */
  readonly name?: string | undefined
}

/** A data channel in a schema; the schema's key is its name. */
export type DataEntry<T extends DataType = DataType, I extends string = string> = DataOptions<I> & {
  /** Left out, or the schema's key. */
  readonly name?: string | undefined
  /** Tells it from an index channel. */
  readonly kind: 'data'
  /** Type of its samples. */
  readonly type: T
}

/** One function for the index channel, one for each type of data channels. */
export type ChannelBuilders = {
  readonly [T in DataType]: <const I extends string>(options: DataOptions<I>) => DataEntry<T, I>
} & {
  /** An index channel. */
  readonly index: (options?: IndexOptions) => IndexEntry
}

function dataBuilder<T extends DataType>(
  type: T,
): <const I extends string>(options: DataOptions<I>) => DataEntry<T, I> {
  return (options) => {
    checkOptions(options, DATA_OPTIONS, `channel.${type}()`)
    return { ...options, kind: 'data', type }
  }
}

function checkOptions(options: unknown, allowed: readonly string[], what: string): void {
  if (!isPlainObject(options))
    throw new ValidationError(`${what} takes an object, not ${describeValue(options)}`)
  refuseUnknownKeys(options, allowed, what)
}

/**
 * Builds the entries of a schema: `{ time: channel.index(), pressure: channel.float64({ index: 'time' }) }`.
 * Values are checked where the schema is used.
 * @throws ValidationError for unknown keys
 */
export const channel: ChannelBuilders = Object.freeze({
  index(options: IndexOptions = {}): IndexEntry {
    checkOptions(options, INDEX_OPTIONS, 'channel.index()')
    return { ...options, kind: 'index' }
  },
  timestamp: dataBuilder('timestamp'),
  float64: dataBuilder('float64'),
  float32: dataBuilder('float32'),
  int64: dataBuilder('int64'),
  int32: dataBuilder('int32'),
  int16: dataBuilder('int16'),
  int8: dataBuilder('int8'),
  uint64: dataBuilder('uint64'),
  uint32: dataBuilder('uint32'),
  uint16: dataBuilder('uint16'),
  uint8: dataBuilder('uint8'),
  boolean: dataBuilder('boolean'),
})

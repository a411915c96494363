// The types that follow from a schema: which names there are, what a frame to write must hold, what a
// frame that was read holds. Without a schema names are strings and values are checked at run time
// only. What the types rule out, the writer refuses too. Called by the database's public types; and
// `validateSchema` by open.

import { ValidationError } from '../errors.ts'
import type { DataType, TypedArrayOf } from '../telem/data-type.ts'
import { describeValue, isPlainObject } from '../telem/input.ts'
import type { TimeLike } from '../telem/timestamp.ts'
import {
  validateDefinition,
  type ChannelDefinition,
  type DataEntry,
  type IndexEntry,
} from '../telem/channel.ts'

/** One channel of a schema, as the functions of `channel` build it. */
export type SchemaEntry = IndexEntry | DataEntry

/** The channels of a database, by name. */
export type Schema = Record<string, SchemaEntry>

/** What stands for the schema where none was given: any name, any type. */
export type AnySchema = Schema

/** The names that a schema allows; any string without one. */
export type ChannelNames<S extends Schema> = keyof S & string

/** What one sample of type `T` may be written as. */
export type ElementOf<T extends DataType> = {
  /** A time: a bigint of nanoseconds, a `Date`, or an ISO 8601 string. */
  timestamp: TimeLike
  /** Any number, NaN and the infinities too. */
  float64: number
  /** Rounded to 32 bits; a finite number that would become infinite is refused. */
  float32: number
  /** A bigint that fits, or a safe integer. */
  int64: bigint | number
  /** From -2147483648 to 2147483647. */
  int32: number
  /** From -32768 to 32767. */
  int16: number
  /** From -128 to 127. */
  int8: number
  /** A bigint that fits, or a safe integer that is not negative. */
  uint64: bigint | number
  /** From 0 to 4294967295. */
  uint32: number
  /** From 0 to 65535. */
  uint16: number
  /** From 0 to 255. */
  uint8: number
  /** Or 0 and 1, as reads return it. */
  boolean: boolean | 0 | 1
}[T]

/** What samples of type `T` may be written as: the natural typed array, a plain array, a single value. */
export type SampleInput<T extends DataType> = TypedArrayOf<T> | readonly ElementOf<T>[] | ElementOf<T>

/** Whether `S` is no particular schema. */
type IsLoose<S extends Schema> = string extends keyof S ? true : false

type TypeOfEntry<E> = E extends { readonly kind: 'index' }
  ? 'timestamp'
  : E extends { readonly type: infer T extends DataType }
    ? T
    : never

/** The types of the channels `N`, by name: what `Frame` takes. */
export type TypesOf<S extends Schema, N extends string> =
  IsLoose<S> extends true ? Record<string, DataType> : { [K in N & keyof S]: TypeOfEntry<S[K]> }

/** Name of the index channel of the group that channel `K` belongs to. */
type GroupOf<S extends Schema, K extends keyof S> = K extends unknown ? GroupOfEntry<S[K], K> : never

type GroupOfEntry<E, K> = E extends { readonly kind: 'index' }
  ? K
  : E extends { readonly index: infer I }
    ? I
    : never

/** Those of the channels `N` that belong to group `G`. */
type MembersOf<S extends Schema, N extends keyof S, G> = { [K in N]: GroupOf<S, K> extends G ? K : never }[N]

type All<S extends Schema, M extends keyof S> = { readonly [K in M]: SampleInput<TypeOfEntry<S[K]>> }
type None<M extends PropertyKey> = { readonly [K in M]?: undefined }

type Intersection<U> = (U extends unknown ? (part: U) => void : never) extends (whole: infer I) => void
  ? I
  : never

/** `U` without one of its members: overloads are inferred from the last. */
type Without<U> =
  Intersection<U extends unknown ? () => U : never> extends () => infer Last ? Exclude<U, Last> : never

/** Whether `U` has at most six members. */
type IsFew<U> = [Without<Without<Without<Without<Without<Without<U>>>>>>] extends [never] ? true : false

/** For each group all or none of its channels; boxed, so that the union of a group stays in one piece. */
type EachGroup<S extends Schema, N extends keyof S, G> = G extends unknown
  ? { frame: All<S, MembersOf<S, N, G>> | None<MembersOf<S, N, G>> }
  : never

type Unboxed<B> = B extends { frame: infer F } ? F : never

/**
 * What a writer of the channels `N` takes as a frame: for each index all its channels of the writer, or
 * none. All combinations are spelt out, which is feasible up to six groups; with more, any of the
 * channels may be left out as far as the compiler is concerned, and the writer refuses it.
 */
export type FrameInput<S extends Schema, N extends string> =
  IsLoose<S> extends true
    ? Record<string, SampleInput<DataType>>
    : IsFew<GroupOf<S, N & keyof S>> extends true
      ? Unboxed<Intersection<EachGroup<S, N & keyof S, GroupOf<S, N & keyof S>>>>
      : Partial<All<S, N & keyof S>>

/**
 * The definitions that a schema stands for, in its order; each has its key as its name.
 * @throws ValidationError for what is no plain object, a definition that is not valid, or one that has
 * another name than its key.
 */
export function validateSchema(input: unknown): ChannelDefinition[] {
  if (!isPlainObject(input)) {
    throw new ValidationError(
      `${describeValue(input)} is no schema: give an object with a channel for each name`,
    )
  }
  return Object.keys(input).map((name) => {
    const entry = input[name]
    if (!isPlainObject(entry)) {
      throw new ValidationError(
        `Channel "${name}" of the schema is ${describeValue(entry)}: build it with channel.index(), ` +
          'channel.float64(), ...',
        { channel: name },
      )
    }
    if (entry['name'] !== undefined && entry['name'] !== name) {
      throw new ValidationError(
        `Channel "${name}" of the schema names itself ${describeValue(entry['name'])}: its key is its name`,
        { channel: name },
      )
    }
    return validateDefinition({ ...entry, name })
  })
}

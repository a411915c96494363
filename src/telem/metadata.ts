// What users attach to a channel: a JSON value. Kept as a deep-frozen copy that reads back from disk
// exactly as it is here, so nothing that JSON would change or drop in silence gets in. Called when a
// channel is created, updated or read from disk.

import { ValidationError } from '../errors.ts'
import { describeValue, isPlainObject } from './input.ts'

/** A value that JSON can hold. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue }

/** What a channel's metadata can be: any JSON value but null itself. */
export type Metadata = Exclude<JsonValue, null>

/** Most bytes of metadata as JSON text in UTF-8. */
export const METADATA_LIMIT: number = 64 * 1024

/** Deepest nesting: far above what metadata needs, far below what recursion can take. */
const DEPTH_LIMIT = 100

/**
 * A deep-frozen copy of `input`; properties whose value is `undefined` are left out, -0 becomes 0.
 * @param channel the channel that an error names.
 * @throws ValidationError for null, for what JSON cannot hold (functions, bigints, NaN, class
 * instances, holes), nesting beyond 100 levels or in a cycle, and more than 64 KiB as JSON.
 */
export function validateMetadata(input: unknown, channel?: string): Metadata {
  const refuse = (why: string): never => {
    throw new ValidationError(
      `Metadata of ${channel === undefined ? 'a channel' : `channel "${channel}"`} ${why}`,
      channel === undefined ? {} : { channel },
    )
  }
  // Each value takes a byte of JSON or more. Counting while copying stops what references itself many
  // times over, which is small in memory and endless in JSON.
  let values = 0

  function copy(value: unknown, path: string, depth: number): JsonValue {
    if (++values > METADATA_LIMIT) return refuse(`is larger than ${METADATA_LIMIT} bytes of JSON`)
    if (depth > DEPTH_LIMIT) return refuse(`is nested deeper than ${DEPTH_LIMIT} levels, or contains itself`)
    if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
    if (typeof value === 'number' && Number.isFinite(value)) return value === 0 ? 0 : value
    if (Array.isArray(value)) {
      return Object.freeze(Array.from(value, (item, i) => copy(item, `${path}[${i}]`, depth + 1)))
    }
    if (isPlainObject(value)) {
      const entries: [string, JsonValue][] = []
      for (const key of Object.keys(value)) {
        const item = value[key]
        if (item !== undefined) entries.push([key, copy(item, `${path}.${key}`, depth + 1)])
      }
      return Object.freeze(Object.fromEntries(entries))
    }
    return refuse(`holds ${describeValue(value)} at ${path}, which JSON cannot`)
  }

  const copied = copy(input, 'metadata', 0)
  if (copied === null) return refuse('is null: leave it out instead')
  if (Buffer.byteLength(JSON.stringify(copied)) > METADATA_LIMIT) {
    return refuse(`is larger than ${METADATA_LIMIT} bytes of JSON`)
  }
  return copied
}

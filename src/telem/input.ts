// What every door that takes a user's values shares: telling plain objects from the rest, refusing
// unknown keys, and naming a value in a message. Nothing here runs a user's code beyond reading a
// property by its name. Called by everything that validates input.

import { ValidationError } from '../errors.ts'

/** Most characters of a value that a message repeats. */
const DESCRIBED_LENGTH = 64

/**
 * Whether `value` is an object as a literal makes it, of this realm or another: neither an array nor
 * an instance of any class. So a `Date` or a `Map` in the place of options is not taken for `{}`.
 */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/**
 * Refuses keys that `allowed` does not name; a key whose value is `undefined` counts as left out.
 * @param what what the object is, for the message: "a range", "the definition of \"p\"".
 * @throws ValidationError naming the first key that is unknown, with `channel` where one is given.
 */
export function refuseUnknownKeys(
  object: Record<string, unknown>,
  allowed: readonly string[],
  what: string,
  channel?: string,
): void {
  for (const key of Object.keys(object)) {
    if (allowed.includes(key) || object[key] === undefined) continue
    throw new ValidationError(
      `${what} has no key ${describeValue(key)}: its keys are ${allowed.join(', ')}`,
      channel === undefined ? {} : { channel },
    )
  }
}

/** How a message names a value: short, unambiguous about its type, and without calling into it. */
export function describeValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length <= DESCRIBED_LENGTH
        ? JSON.stringify(value)
        : `${JSON.stringify(value.slice(0, DESCRIBED_LENGTH))}... (${value.length} characters)`
    case 'bigint':
      return describeBigint(value)
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value)
    case 'function':
      return 'a function'
    case 'symbol':
      return 'a symbol'
    case 'object':
      if (value === null) return 'null'
      if (Array.isArray(value)) return 'an array'
      return ArrayBuffer.isView(value) ? 'a binary view' : 'an object'
    default:
      return String(value)
  }
}

function describeBigint(value: bigint): string {
  const text = `${value}n`
  return text.length <= DESCRIBED_LENGTH
    ? text
    : `${text.slice(0, DESCRIBED_LENGTH)}... (${text.length} characters)`
}
